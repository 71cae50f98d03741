"""transformer: language models, composed from `nn` and the engine's ops alone.

    from transformer import GPT, GPTConfig

    model = GPT(GPTConfig(vocab_size=65, context=64, layers=4, heads=4, width=128))
    logits = model(tokens)                          # (batch, tokens) -> (batch, tokens, vocab_size)

The rooms, in the order that a text goes through them: embedding.py (and positions.py), block.py with attention.py (and
masks.py, cache.py) and ffn.py, unembedding.py, sampling.py and generation.py. gpt.py puts them together.
"""

from tinygrad_lecture.foreign import require_own

require_own("nn")  # a student's own nn.py beside the program would otherwise be found in its place

from .attention import MultiHeadAttention, SingleHeadAttention, attention  # noqa: E402
from .block import Block, CrossBlock  # noqa: E402
from .cache import Cache, KeyValues  # noqa: E402
from .config import EncoderConfig, EncoderDecoderConfig, GPTConfig, TransformerConfig  # noqa: E402
from .embedding import Embedding  # noqa: E402
from .ffn import FeedForward  # noqa: E402
from .gpt import GPT  # noqa: E402
from .loss import token_cross_entropy  # noqa: E402
from .masks import causal_mask  # noqa: E402
from .positions import Rotary, sinusoids  # noqa: E402
from .sampling import probabilities  # noqa: E402
from .unembedding import Unembedding  # noqa: E402

__all__ = [
    "GPT",
    "Block",
    "Cache",
    "CrossBlock",
    "Embedding",
    "EncoderConfig",
    "EncoderDecoderConfig",
    "FeedForward",
    "GPTConfig",
    "KeyValues",
    "MultiHeadAttention",
    "Rotary",
    "SingleHeadAttention",
    "TransformerConfig",
    "Unembedding",
    "attention",
    "causal_mask",
    "probabilities",
    "sinusoids",
    "token_cross_entropy",
]
