"""Modules for tests, with weights other than the initial ones."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

import nn
import tinygrad_lecture as tl

M = TypeVar("M", bound=nn.Module)


def shuffled(module: M, dtype: Any = tl.float64, device: str = "cpu", scale: float = 0.5) -> M:
    """The module with all parameters drawn at random, so that biases of 0 and scales of 1 matter too."""
    random = np.random.default_rng(0)
    for parameter in module.parameters():
        with tl.no_grad():
            parameter.copy_(tl.tensor(random.normal(size=parameter.shape) * scale + 0.05))
    return module.to(dtype=dtype, device=device)
