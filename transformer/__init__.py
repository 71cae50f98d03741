"""transformer: language models, composed from `nn` and the engine's ops alone.

    from transformer import GPT, GPTConfig

    model = GPT(GPTConfig(vocab_size=65, context=64, layers=4, heads=4, width=128))
    logits = model(tokens)                          # (batch, tokens) -> (batch, tokens, vocab_size)

The rooms, in the order that a text goes through them: tokenizer/, embedding.py (and positions.py), block.py with
attention.py (and masks.py, cache.py) and ffn.py, unembedding.py, sampling.py and generation.py. gpt.py, encoder.py and
encoder_decoder.py put them together, probes.py and pictures.py look inside.
"""

from .attention import MultiHeadAttention, SingleHeadAttention, attention
from .block import Block, CrossBlock
from .config import EncoderConfig, EncoderDecoderConfig, GPTConfig, TransformerConfig
from .embedding import Embedding
from .encoder import Classifier, Encoder, mask_tokens
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
    "attention",
    "causal_mask",
    "decay_groups",
    "draw_attention",
    "draw_lens",
    "mask_tokens",
    "probabilities",
    "sinusoids",
    "token_cross_entropy",
]
