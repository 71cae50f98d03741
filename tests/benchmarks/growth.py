"""How the time and memory of a GPT's training step grow with its width, layers, context, vocabulary and batch.

    python tests/benchmarks/growth.py                   # about three minutes

One size grows at a time; the others stay at those of BASE. Three things are measured:

    time      the median of steps with AdamW, on one core and on all
    memory    the most that NumPy's arrays take at a time, the weights and the optimiser's state included
    kept      of it, what the forward pass keeps for backward

The exponent e between two sizes says: twice the size costs 2^e times as much. The time on eight cores is reckoned: of a
step that takes T(1) on one core and T(n) on n, the part p = (1 - T(n) / T(1)) n / (n - 1) is shared, so eight would
take T(1) (1 - p + p / 8) (Amdahl, 1967). That leaves out what handing over costs, a microsecond a job, and that eight
cores read memory at once. README.md beside this file has the figures, and what follows for larger models.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import time
import tracemalloc
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]
import numpy as np  # noqa: E402

import nn  # noqa: E402
import tinygrad_lecture as tl  # noqa: E402
import transformer  # noqa: E402

BASE = {"width": 128, "layers": 2, "heads": 4, "context": 64, "vocab_size": 64}
BATCH = 4
SIZES = {
    "width": [64, 128, 256, 512],
    "layers": [1, 2, 4, 8],
    "context": [64, 128, 256, 512, 1024],
    "vocab_size": [64, 512, 4096, 32768],
    "batch": [1, 4, 16, 64],
}
CORES = os.cpu_count() or 1


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How time and memory grow with the size of a GPT.")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each size (default 2)")
    options = parser.parse_args()
    measure(BASE, 0)  # loads compiled code, if there is any
    print(f"Base: a batch of {BATCH}, {BASE}\n")
    for name, sizes in SIZES.items():
        rows = [Row(size, *measure({**BASE, name: size}, options.seconds)) for size in sizes]
        heads = ("1 core", f"{CORES} cores", "memory", "kept")
        print(f"{name:>12}  {'  '.join(f'{head:>10}  exponent' for head in heads)}   8 cores, reckoned   parameters")
        for before, row in zip([None, *rows], rows, strict=False):
            cells = (
                f"{value:7.1f} {unit}  {'' if before is None else exponent(before, row, column):>8}"
                for column, (value, unit) in enumerate(zip(row[1:5], ("ms", "ms", "MB", "MB"), strict=True), 1)
            )
            print(f"{row.size:12,}  {'  '.join(cells)}   {reckoned(row, 8):14.1f} ms   {row.parameters:,}")
        print()


class Row(NamedTuple):
    """What a step of one size costs, on one core and on all. memory and kept: in MB."""

    size: int
    alone: float
    ms: float
    memory: float
    kept: float
    parameters: int


def reckoned(row: Row, cores: int) -> float:
    """The time of a step on so many cores, in ms, as the head of this file says."""
    shared = (1 - row.ms / row.alone) * CORES / max(CORES - 1, 1)
    return row.alone * (1 - shared + shared / cores)


def measure(sizes: dict[str, int], seconds: float) -> tuple[float, float, float, float, int]:
    """A step's median times in ms on one core and on all, the most memory and what forward keeps in MB, parameters."""
    config = {name: size for name, size in sizes.items() if name != "batch"}
    tracemalloc.start()
    model = transformer.GPT(transformer.GPTConfig(**config))
    optimizer = nn.optim.AdamW(model.parameters())
    rng = np.random.default_rng(0)
    shape = (sizes.get("batch", BATCH), config["context"])
    tokens, targets = (tl.tensor(rng.integers(0, config["vocab_size"], shape)) for _ in range(2))  # (batch, context)
    kept = 0

    def step() -> None:
        nonlocal kept
        optimizer.zero_grad()
        before = tracemalloc.get_traced_memory()[0]
        loss = model.loss(tokens, targets)
        kept = tracemalloc.get_traced_memory()[0] - before
        loss.backward()
        optimizer.step()

    step()
    tracemalloc.reset_peak()
    step()
    memory, kept_in_step = tracemalloc.get_traced_memory()[1], kept
    tracemalloc.stop()
    timed: dict[int, list[float]] = {1: [], CORES: []}
    for threads in (*timed, *timed):  # by turns
        tl.set_num_threads(threads)
        times, end = timed[threads], time.perf_counter() + seconds / 4
        step()
        while len(times) < 3 or time.perf_counter() < end:
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
    alone, together = (statistics.median(timed[threads]) * 1e3 for threads in (1, CORES))
    parameters = sum(p.numel() for p in model.parameters())
    return alone, together, memory / 1e6, kept_in_step / 1e6, parameters


def exponent(before: Row, after: Row, column: int) -> str:
    """e, where growing from one size to the other costs (ratio of the sizes)^e times as much."""
    return f"{math.log(after[column] / before[column]) / math.log(after.size / before.size):.2f}"


if __name__ == "__main__":
    main()
