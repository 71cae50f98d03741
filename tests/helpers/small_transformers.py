"""Small transformers for tests: strategies for their configs, and tokens of a vocabulary of 7."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import tinygrad_lecture as tl
from strategies import Draw

CHOICES = {
    "vocab_size": st.integers(1, 7),
    "context": st.integers(1, 5),
    "layers": st.integers(1, 2),
    "hidden": st.integers(0, 5),
    "activation": st.sampled_from(["relu", "gelu", "gelu_tanh", "swiglu"]),
    "norm": st.sampled_from(["pre", "post"]),
    "positions": st.sampled_from(["learned", "sinusoidal", "rotary", "none"]),
    "bias": st.booleans(),
    "tied": st.booleans(),
    "embedding_norm": st.booleans(),
}


@st.composite
def small_settings(draw: Draw) -> dict[str, Any]:
    """Config fields: every choice, tiny sizes."""
    heads = draw(st.integers(1, 3))
    return {**{k: draw(v) for k, v in CHOICES.items()}, "heads": heads, "width": heads * draw(st.sampled_from([2, 4]))}


def some_tokens(*shape: int, seed: int = 0) -> tl.Tensor:
    """Random tokens 0 to 6 of a shape."""
    return tl.tensor(np.random.default_rng(seed).integers(0, 7, shape))
