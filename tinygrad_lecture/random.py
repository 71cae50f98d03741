"""Random numbers: one stream for the process, on the host, whatever device the numbers are for.

On the CPU numbers come from NumPy's PCG64. A GPU gets a seed from the host's stream and computes its numbers from it
by counting, so the whole random state is the host's: small, and enough to resume from bit for bit.
"""

from __future__ import annotations

import math
import operator
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .backend import NUMPY, Array, DType, Shape, move, resolve, xp


class _Own(threading.local):
    """The stream that a thread has to itself within `replay`."""

    stream: np.random.Generator | None = None


_own = _Own()
_shared: np.random.Generator | None = None  # made when first asked for: importing numpy.random takes its time


def manual_seed(seed: int) -> None:
    """Start the random stream anew: same seed, same machine, same numbers.

    Raises TypeError for a seed that is no int, ValueError for a negative one.
    """
    if not hasattr(seed, "__index__"):
        raise TypeError(f"manual_seed: a seed is an int, not {seed!r}")
    if operator.index(seed) < 0:
        raise ValueError(f"manual_seed: a seed is 0 or more, not {seed}")
    generator().bit_generator.state = np.random.PCG64(operator.index(seed)).state


def get_rng_state() -> dict[str, Any]:
    """The state of the random stream as plain ints and strings, for `set_rng_state`."""
    return dict(generator().bit_generator.state)


def set_rng_state(state: dict[str, Any]) -> None:
    """Continue the random stream from where `get_rng_state` was called. Raises ValueError for another kind of state."""
    generator().bit_generator.state = state


def generator() -> np.random.Generator:
    """The host's stream, for what is drawn on the host everywhere: permutations, seeds, dropout masks in tests."""
    global _shared
    if _own.stream is not None:
        return _own.stream
    if _shared is None:
        _shared = np.random.default_rng()
    return _shared


@contextmanager
def replay(state: dict[str, Any]) -> Iterator[None]:
    """Within it this thread draws from `state` on, from a stream of its own; the process's stays where it is.

    So what was drawn once is drawn again, whatever other threads draw meanwhile.
    """
    before = _own.stream
    _own.stream = np.random.Generator(np.random.PCG64(0))
    _own.stream.bit_generator.state = state
    try:
        yield
    finally:
        _own.stream = before


def uniform(shape: Shape, dtype: DType, device: str | None = "cpu") -> Array:
    """Numbers from [0, 1), with as many bits as dtype has. Raises TypeError if it is no float."""
    bits = _float_bits(dtype)
    if resolve(device)[0] is not NUMPY:
        return _counted_uniform(math.prod(shape), device, bits).reshape(shape).astype(dtype)
    if dtype.name in ("float32", "float64"):
        return generator().random(shape, dtype=dtype)
    whole = np.asarray(generator().integers(2**bits, size=shape))  # rounding to float16 would make 1 of 0.9999
    return np.ldexp(whole.astype(dtype), -bits, out=np.empty(shape, dtype))


def normal(shape: Shape, dtype: DType, device: str | None = "cpu") -> Array:
    """Numbers from the normal distribution, mean 0 and standard deviation 1. Raises TypeError if dtype is no float."""
    _float_bits(dtype)
    if resolve(device)[0] is NUMPY:
        if dtype.name in ("float32", "float64"):
            return generator().standard_normal(shape, dtype=dtype)
        return generator().standard_normal(shape, dtype=np.float32).astype(dtype)
    n = math.prod(shape)
    u, v = _counted_uniform(n, device), _counted_uniform(n, device)
    lib = xp(u)
    radius = lib.sqrt(-2 * lib.log(1 - u))  # Box & Muller, 1958; 1 - u is never 0
    return (radius * lib.cos(2 * math.pi * v)).reshape(shape).astype(dtype)


def integers(low: int, high: int, shape: Shape, dtype: DType, device: str | None = "cpu") -> Array:
    """Integers from low to high - 1, drawn on the host. Raises ValueError for a bound that dtype cannot hold."""
    drawn = generator().integers(low, high, size=shape, dtype=dtype if dtype.kind in "iub" else np.int64)
    return move(np.asarray(drawn, dtype=dtype), device)


def _float_bits(dtype: DType) -> int:
    """How many bits a number of [0, 1) may have for dtype to hold it without rounding."""
    if dtype.kind != "f":
        raise TypeError(f"uniform and normal random numbers are floats, not {dtype}; for integers there is randint")
    return min(np.finfo(dtype).nmant + 1, 53)


def _counted_uniform(n: int, device: str | None, bits: int = 53) -> Array:
    """n float64 numbers from [0, 1) on a device: SplitMix64 (Steele, Lea & Flood, 2014) at seed, seed + 1, ..."""
    seed = int(generator().integers(2**63, dtype=np.int64))
    start = move(np.array([seed], dtype=np.uint64), device)
    lib = xp(start)
    shift = lib.right_shift
    z = (lib.arange(n, dtype=np.uint64) + start) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ shift(z, np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ shift(z, np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ shift(z, np.uint64(31))
    return shift(z, np.uint64(64 - bits)).astype(np.float64) * 2.0**-bits
