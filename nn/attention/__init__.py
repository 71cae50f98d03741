"""Attention and the transformer of "Attention is all you need", with PyTorch's names, arguments and keys.

    multihead.py     MultiheadAttention
    masks.py         a mask of pairs and a mask of padding as one
    blocks.py        TransformerEncoderLayer and TransformerDecoderLayer
    transformer.py   stacks of them: TransformerEncoder, TransformerDecoder, and both, Transformer

The package `transformer`, on top of this one, has the lecture's own, to read.
"""

from .blocks import TransformerDecoderLayer, TransformerEncoderLayer
from .multihead import MultiheadAttention
from .transformer import Transformer, TransformerDecoder, TransformerEncoder

__all__ = [
    "MultiheadAttention",
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]
