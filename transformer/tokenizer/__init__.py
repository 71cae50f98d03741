"""Tokenizers: text to token ids, and back.

- base.py: `Tokenizer`, the interface of all, special tokens, checks
- word.py: `CharTokenizer`, one token per character, and `WordTokenizer`, one per word and punctuation mark
- bpe.py: `BPETokenizer`, subwords learnt by byte pair encoding, as in GPT-2, and GPT-2's files
- merges.py: the algorithm, learning merges and applying them
- pretrained.py: `PretrainedTokenizer`, those of other models, by the package tokenizers; chats as text
"""

from .base import Tokenizer
from .bpe import BPETokenizer
from .pretrained import PretrainedTokenizer
from .word import CharTokenizer, WordTokenizer

__all__ = ["BPETokenizer", "CharTokenizer", "PretrainedTokenizer", "Tokenizer", "WordTokenizer"]
