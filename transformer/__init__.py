"""transformer: language models, built from `nn` and the engine's ops.

    from transformer import GPT, GPTConfig

    model = GPT(GPTConfig(vocab_size=65, context=64, layers=4, heads=4, width=128))
    logits = model(tokens)                          # (batch, tokens) -> (batch, tokens, vocab_size)

A text passes through the modules in this order:

    tokenizer/                      text -> tokens
    tokens.py  inputs.py            tokens from users, checked; their positions and the mask
    embedding.py  positions.py      tokens -> vectors
    block.py                        attention.py (masks.py), then ffn.py, on the residual stream; `layers` times
    unembedding.py                  vectors -> logits
    generation/                     logits -> next token

gpt.py, encoder.py and encoder_decoder.py are the three models, config.py has their sizes and choices. decoder.py is a
model's step for one new token in plain array code. training/ has the loss and the training data, inspect/ traces and
pictures, pretrained/ the files of GPT-2.
"""

from tinygrad_lecture.errors.names import tell_missing as _tell_missing

from .attention import MultiHeadAttention, SingleHeadAttention, scaled_dot_product_attention
from .block import Block, CrossBlock
from .config import EncoderConfig, EncoderDecoderConfig, GPTConfig, TransformerConfig
from .embedding import Embedding
from .encoder import Classifier, Encoder
from .encoder_decoder import EncoderDecoder
from .ffn import FeedForward
from .generation.cache import Cache, KeyValues
from .generation.sampling import probabilities
from .gpt import GPT
from .inspect.pictures import draw_attention, draw_lens
from .inspect.probes import Trace
from .masks import causal_mask
from .positions import Rotary, sinusoids
from .tokenizer import BPETokenizer, CharTokenizer, Tokenizer, WordTokenizer
from .training.loss import TokenCrossEntropy, token_cross_entropy
from .training.masking import mask_tokens
from .training.parameters import decay_groups
from .training.windows import Windows
from .unembedding import Unembedding

__all__ = [
    "GPT",
    "BPETokenizer",
    "Block",
    "Cache",
    "CharTokenizer",
    "Classifier",
    "CrossBlock",
    "Embedding",
    "Encoder",
    "EncoderConfig",
    "EncoderDecoder",
    "EncoderDecoderConfig",
    "FeedForward",
    "GPTConfig",
    "KeyValues",
    "MultiHeadAttention",
    "Rotary",
    "SingleHeadAttention",
    "TokenCrossEntropy",
    "Tokenizer",
    "Trace",
    "TransformerConfig",
    "Unembedding",
    "Windows",
    "WordTokenizer",
    "causal_mask",
    "decay_groups",
    "draw_attention",
    "draw_lens",
    "mask_tokens",
    "probabilities",
    "scaled_dot_product_attention",
    "sinusoids",
    "token_cross_entropy",
]

_tell_missing({"transformer": globals()})
