"""Random numbers: one stream for the process, on the host, whatever device the numbers are for.

On the CPU numbers come from NumPy's PCG64. A GPU gets a seed from the host's stream and computes its numbers from it
by counting, so the whole random state is the host's: small, and enough to resume from bit for bit.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .backend import NUMPY, Array, DType, Shape, move, resolve, xp

_generator: np.random.Generator | None = None  # made when first asked for: importing numpy.random takes its time


def manual_seed(seed: int) -> None:
    """Start the random stream anew: same seed, same machine, same numbers."""
    global _generator
    _generator = np.random.default_rng(seed)


def get_rng_state() -> dict[str, Any]:
    """The state of the random stream as plain ints and strings, for `set_rng_state`."""
    return dict(generator().bit_generator.state)


def set_rng_state(state: dict[str, Any]) -> None:
    """Continue the random stream from where `get_rng_state` was called."""
    generator().bit_generator.state = state


def generator() -> np.random.Generator:
    """The host's stream, for what is drawn on the host everywhere: permutations, seeds, dropout masks in tests."""
    global _generator
    if _generator is None:
        _generator = np.random.default_rng()
    return _generator


def uniform(shape: Shape, dtype: DType, device: str = "cpu") -> Array:
    """Numbers from [0, 1)."""
    if resolve(device)[0] is NUMPY:
        if dtype.name in ("float32", "float64"):
            return generator().random(shape, dtype=dtype)
        return generator().random(shape, dtype=np.float32).astype(dtype)
    return _counted_uniform(math.prod(shape), device).reshape(shape).astype(dtype)


def normal(shape: Shape, dtype: DType, device: str = "cpu") -> Array:
    """Numbers from the normal distribution with mean 0 and standard deviation 1."""
    if resolve(device)[0] is NUMPY:
        if dtype.name in ("float32", "float64"):
            return generator().standard_normal(shape, dtype=dtype)
        return generator().standard_normal(shape, dtype=np.float32).astype(dtype)
    n = math.prod(shape)
    u, v = _counted_uniform(n, device), _counted_uniform(n, device)
    lib = xp(u)
    radius = lib.sqrt(-2 * lib.log(1 - u))  # Box & Muller, 1958; 1 - u is never 0
    return (radius * lib.cos(2 * math.pi * v)).reshape(shape).astype(dtype)


def integers(low: int, high: int, shape: Shape, dtype: DType, device: str = "cpu") -> Array:
    """Integers from low to high - 1, drawn on the host."""
    return move(generator().integers(low, high, size=shape, dtype=dtype), device)


def _counted_uniform(n: int, device: str) -> Array:
    """n float64 numbers from [0, 1) on a device: SplitMix64 (Steele, Lea & Flood, 2014) at seed, seed + 1, ..."""
    seed = int(generator().integers(2**63, dtype=np.int64))
    start = move(np.array([seed], dtype=np.uint64), device)
    lib = xp(start)
    z = (lib.arange(n, dtype=np.uint64) + start) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
