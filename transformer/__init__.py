"""transformer: language models, built from `nn` and the engine's ops.

    from transformer import GPT, GPTConfig

    model = GPT(GPTConfig(vocab_size=65, context=64, layers=4, heads=4, width=128))
    logits = model(tokens)                          # (batch, tokens) -> (batch, tokens, vocab_size)

A text passes through the modules in this order:

    tokenizer/                      text -> tokens
    inputs.py                       tokens from users, checked; their positions and the mask
    embedding.py                    tokens -> vectors, and at the end vectors -> logits
    block.py                        attention.py, then ffn.py, on the residual stream; `layers` times
    generation.py                   logits -> next token; cache.py keeps the keys and values of earlier tokens

One file an architecture, with the configs of its families, whose defaults make them. Side by side they differ in this:

    gpt.py              decoder-only, GPT           llama.py            its variant of today
    bert.py             encoder-only, and BERT      encoder_decoder.py  both (2017), T5 and BART

config.py has the sizes and choices of all. training.py has the loss and the training data. inspect/ shows what a model
computes, and changes it. pretrained/ reads models from files: a .toml file says what Hugging Face calls the parts of a
family.
"""

# Everything imported here is public; a file imported with * has an __all__.
# ruff: noqa: F403
from types import ModuleType as _Module
from typing import TYPE_CHECKING as _TYPE_CHECKING

import nn as _nn
from tinygrad_lecture.errors import tell_missing as _tell_missing

if not hasattr(_nn, "Module"):
    raise ImportError(f"{_nn.__file__} hides the package nn, which transformer needs: give that file another name")

from .attention import *
from .bert import *
from .block import *
from .cache import *
from .config import *
from .embedding import *
from .encoder_decoder import *
from .ffn import *
from .generation import *
from .gpt import *
from .inputs import *
from .inspect import *
from .llama import *
from .tokenizer import *
from .training import *

if not _TYPE_CHECKING:  # mypy reads the imports above; it does not evaluate a computed __all__
    __all__ = sorted(name for name, value in globals().items() if name[0] != "_" and type(value) is not _Module)

_tell_missing({"transformer": globals()})
