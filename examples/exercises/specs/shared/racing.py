"""How long a learner's rule takes, beside the engine's."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tinygrad_lecture as tl


def race(mine: str, engine: Callable[..., Any], *args: Any, g: Any = None, of: str = "") -> Callable[[Any], str]:
    """A comparison: the learner's rule named `mine` with the engine's forward and rule, on the same arrays.

    engine: a function of Tensors.  args: the arrays.  of: what they are, in words.
    """

    def run(module: Any) -> str:
        tensors = [tl.tensor(a, requires_grad=a.dtype.kind == "f") if isinstance(a, np.ndarray) else a for a in args]
        which = [t for t in tensors if isinstance(t, tl.Tensor) and t.requires_grad]
        upstream = np.ones(engine(*tensors).shape) if g is None else g
        given = tl.tensor(upstream)
        rule = getattr(module, mine)
        theirs = seconds(lambda: rule(upstream, *args))
        out = engine(*tensors)
        ours = seconds(lambda: tl.grad(out, which, given, retain_graph=True))
        return f"Your rule took {_time(theirs)} for {of}, the engine's {_time(ours)}."

    return run


def seconds(work: Callable[[], Any], rounds: int = 9) -> float:
    """The median time of a call."""
    work()
    times: list[float] = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def _time(value: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value / 1e-6:.0f} µs"


def normal(*shapes: Sequence[int], seed: int = 0) -> list[np.ndarray]:
    """Random arrays."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(tuple(shape)) for shape in shapes]
