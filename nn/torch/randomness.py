"""torch.random: the process's stream of random numbers as PyTorch's default generator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import random as streams

__all__ = ["default_generator", "initial_seed", "manual_seed", "seed"]


class _DefaultGenerator(tl.Generator):
    """The stream that functions draw from if they are given no generator."""

    def __init__(self) -> None:
        self.device, self._seed = "cpu", 0

    @property
    def stream(self) -> np.random.Generator:  # type: ignore[override]
        """The process's stream."""
        return streams.generator()


default_generator = _DefaultGenerator()
manual_seed, seed, initial_seed = default_generator.manual_seed, default_generator.seed, default_generator.initial_seed


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, **options: Any) -> Iterator[None]:
    """Context manager: afterwards the stream continues as if nothing had been drawn within."""
    state = tl.get_rng_state()
    try:
        yield
    finally:
        if enabled:
            tl.set_rng_state(state)
