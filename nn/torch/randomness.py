"""torch.random: the process's stream of random numbers as PyTorch's default generator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture.random import default_generator

__all__ = ["default_generator", "initial_seed", "manual_seed", "seed"]


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
