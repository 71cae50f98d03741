"""The tape's own cost: a chain of 10,000 additions of one-element float32 tensors, forward and backward.

    python tests/benchmarks/chain.py

In `y = y + x` both inputs require a gradient: the leaf itself is added. In `y = y + c` a constant is added.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from side_by_side import Timings, main

N = 10_000


def _chain(make: Any, repeat: int = 15) -> Timings:
    timings: dict[str, list[float]] = {}
    for _ in range(repeat):
        for name in ("y = y + x", "y = y + c"):
            x, c = make()
            other = x if name == "y = y + x" else c
            start = time.perf_counter()
            y = x
            for _ in range(N):
                y = y + other
            middle = time.perf_counter()
            y.backward()
            end = time.perf_counter()
            for what, seconds in (("forward", middle - start), ("backward", end - middle), ("both", end - start)):
                timings.setdefault(f"{name}: {what}, per addition", []).append(seconds / N)
    return {what: statistics.median(seconds) for what, seconds in timings.items()}


def ours() -> Timings:
    import tinygrad_lecture as tl

    return _chain(lambda: (tl.zeros(1, requires_grad=True), tl.ones(1)))


def theirs() -> Timings:
    import torch

    return _chain(lambda: (torch.zeros(1, requires_grad=True), torch.ones(1)))


if __name__ == "__main__":
    main(__file__, ours, theirs)
