"""Tokenizers: text to token ids, and back.

- `CharTokenizer`: one token per character (char.py)
- `WordTokenizer`: one token per word and punctuation mark (word.py)
- `BPETokenizer`: subwords learnt by byte pair encoding, as in GPT-2 (bpe.py; learning.py and merging.py hold the
  algorithm)
- `Tokenizer`: the interface of all three (base.py)

For all of them: vocabulary.py tokens and their ids, special_tokens.py, checks.py of arguments, files/ of GPT-2 and
Hugging Face. For BPE: row.py the linked list that merging.py works on, explanation.py the result of `explain`.
"""

from .base import Tokenizer
from .bpe import BPETokenizer
from .char import CharTokenizer
from .explanation import Explanation
from .word import WordTokenizer

__all__ = ["BPETokenizer", "CharTokenizer", "Explanation", "Tokenizer", "WordTokenizer"]
