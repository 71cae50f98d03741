"""Random numbers: one stream per process, on the host, for every device.

CPU numbers come from NumPy's PCG64. GPU numbers come from a counter-based generator, seeded from the host's stream for
each draw. So the host's stream is the whole random state: it is small, and a run that restores it resumes bit for bit.
"""

from __future__ import annotations

import math
import operator
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self

import numpy as np

from .backend import NUMPY, Array, DType, Shape, move, resolve, xp

__all__ = ["Generator", "get_rng_state", "manual_seed", "set_rng_state"]


class Generator:
    """A random stream of its own, as in PyTorch: the functions that draw take it as `generator=`.

        g = tl.Generator().manual_seed(0)
        x = tl.rand(2, generator=g)

    Numbers are drawn as from the process's stream, so the same seed gives those of `tl.manual_seed`.
    device: for PyTorch's signature; the stream is always on the host.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device, self._seed = device, 67280421310721  # PyTorch's default seed
        self.stream = np.random.Generator(np.random.PCG64(self._seed))

    def manual_seed(self, seed: int) -> Self:
        """Seed the stream, and return the generator. Raises the errors of `tl.manual_seed`."""
        if not hasattr(seed, "__index__"):
            raise TypeError(f"manual_seed: the seed must be an int, not {seed!r}")
        if operator.index(seed) < 0:
            raise ValueError(f"manual_seed: the seed must be 0 or more, not {seed}")
        self._seed = operator.index(seed)
        return self.set_state(np.random.PCG64(self._seed).state)

    def initial_seed(self) -> int:
        """The seed."""
        return self._seed

    def get_state(self) -> dict[str, Any]:
        """The state of the stream as plain ints and strings, for `set_state`; of the process's, for `set_rng_state`."""
        return dict(self.stream.bit_generator.state)

    def set_state(self, state: Any) -> Self:
        """Continue from a state of `get_state`. Returns the generator. Raises ValueError for one of another kind."""
        self.stream.bit_generator.state = state
        return self


class _DefaultGenerator(Generator):
    """The generator that functions draw from if they are given none."""

    def __init__(self) -> None:
        self.device, self._seed = "cpu", 0

    @property
    def stream(self) -> np.random.Generator:  # type: ignore[override]
        """The process's stream or, within `drawing_from`, this thread's own."""
        return generator()


class _Own(threading.local):
    """A thread's own stream within `drawing_from`, otherwise None."""

    stream: np.random.Generator | None = None


_own = _Own()
_shared: np.random.Generator | None = None  # created on first use: importing numpy.random is slow
_creating = threading.Lock()

default_generator = _DefaultGenerator()
get_rng_state, set_rng_state = default_generator.get_state, default_generator.set_state


def manual_seed(seed: int) -> None:
    """Seed the random stream: the same seed gives the same numbers on the same machine.

        tl.manual_seed(0)
        x = tl.rand(2)

    seed: an int, 0 or more. Raises TypeError for a seed that is not an int, ValueError for a negative one.
    """
    default_generator.manual_seed(seed)


def generator(seed: int | None = None) -> np.random.Generator:
    """The random stream as a NumPy Generator, for numbers always drawn on the host; with a seed, a new stream."""
    global _shared
    if seed is not None:
        return np.random.default_rng(seed)
    if _own.stream is not None:
        return _own.stream
    if _shared is None:
        created = np.random.default_rng()
        with _creating:  # threads that draw first at once get one stream
            _shared = _shared or created
    return _shared


@contextmanager
def drawing_from(generator: Generator | None) -> Iterator[None]:
    """Context manager: this thread draws from a generator; None means the stream that it draws from already."""
    if not isinstance(generator, Generator | None):
        raise TypeError(f"generator must be a tl.Generator, not {type(generator).__name__}")
    before = _own.stream
    _own.stream = before if generator is None else generator.stream
    try:
        yield
    finally:
        _own.stream = before


def replay(state: dict[str, Any]) -> AbstractContextManager[None]:
    """Context manager: draw the same numbers again, from `state` on.

    This thread draws from a stream of its own, so the process's stream does not change and other threads do not
    interfere.
    """
    return drawing_from(Generator().set_state(state))


def uniform(shape: Shape, dtype: DType, device: str | None = "cpu") -> Array:
    """Uniform numbers in [0, 1), with as many random bits as dtype holds. Raises TypeError unless dtype is a float."""
    bits = _float_bits(dtype)
    if resolve(device)[0] is not NUMPY:
        return _counted_uniform(math.prod(shape), device, bits).reshape(shape).astype(dtype)
    if dtype.name in ("float32", "float64"):
        return generator().random(shape, dtype=dtype)
    whole = np.asarray(generator().integers(2**bits, size=shape))  # float32 0.9999 would round to float16 1
    return np.ldexp(whole.astype(dtype), -bits, out=np.empty(shape, dtype))


def normal(shape: Shape, dtype: DType, device: str | None = "cpu") -> Array:
    """Standard normal numbers: mean 0, standard deviation 1. Raises TypeError unless dtype is a float."""
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
    """Uniform integers from low to high - 1, drawn on the host. Raises ValueError for bounds that dtype cannot hold."""
    drawn = generator().integers(low, high, size=shape, dtype=dtype if dtype.kind in "iub" else np.int64)
    return move(np.asarray(drawn, dtype=dtype), device)


def choices(weights: np.ndarray[Any, DType], n: int, replacement: bool) -> np.ndarray[Any, DType]:
    """n indices for each row of weights, (rows, k) to (rows, n), each with a probability proportional to its weight."""
    if not replacement:  # the smallest of exponential waiting times, at rates that are the weights
        with np.errstate(divide="ignore"):
            times = generator().standard_exponential(weights.shape) / weights
        return np.argsort(times, axis=-1, kind="stable")[:, :n]
    steps = weights.cumsum(axis=-1)
    drawn = generator().random((len(weights), n)) * steps[:, -1:]
    found = [
        np.minimum(np.searchsorted(row, numbers, "right"), np.searchsorted(row, row[-1]))
        for row, numbers in zip(steps, drawn, strict=True)
    ]
    return np.array(found, np.int64).reshape(drawn.shape)


def _float_bits(dtype: DType) -> int:
    """How many bits a number in [0, 1) may have so that dtype holds it without rounding."""
    if dtype.kind != "f":
        raise TypeError(f"uniform and normal random numbers must be floats, not {dtype}; for integers use randint")
    return min(np.finfo(dtype).nmant + 1, 53)


def _counted_uniform(n: int, device: str | None, bits: int = 53) -> Array:
    """n float64 numbers in [0, 1) on a device: SplitMix64 (Steele, Lea & Flood, 2014) of seed, seed + 1, ..."""
    seed = int(generator().integers(2**63, dtype=np.int64))
    start = move(np.array([seed], dtype=np.uint64), device)
    lib = xp(start)
    shift = lib.right_shift
    z = (lib.arange(n, dtype=np.uint64) + start) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ shift(z, np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ shift(z, np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ shift(z, np.uint64(31))
    return shift(z, np.uint64(64 - bits)).astype(np.float64) * 2.0**-bits
