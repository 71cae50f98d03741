"""Tokenizers: text to token ids, and back.

- `CharTokenizer`: one token per character (char.py)
- `WordTokenizer`: one token per word and punctuation mark (word.py)
- `BPETokenizer`: subwords learnt by byte pair encoding, as in GPT-2 (bpe.py; learning.py and merging.py hold the
  algorithm)
- `Tokenizer`: the interface of all three (base.py)
"""

from .base import Tokenizer
from .bpe import BPETokenizer
from .char import CharTokenizer
from .explanation import Explanation
from .word import WordTokenizer

__all__ = ["BPETokenizer", "CharTokenizer", "Explanation", "Tokenizer", "WordTokenizer"]
