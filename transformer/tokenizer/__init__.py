"""Tokenizers: a text as a list of numbers, and back.

CharTokenizer    a token for each character
WordTokenizer    a token for each word and each sign
BPETokenizer     pieces of words, learnt by byte pair encoding, as GPT-2 has them
Tokenizer        what they have in common
"""

from .base import Tokenizer
from .bpe import BPETokenizer
from .char import CharTokenizer
from .explanation import Explanation
from .word import WordTokenizer

__all__ = ["BPETokenizer", "CharTokenizer", "Explanation", "Tokenizer", "WordTokenizer"]
