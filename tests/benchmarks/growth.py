"""How the time and memory of a GPT's training step grow with its width, layers, context, vocabulary and batch.

    python tests/benchmarks/growth.py                   # about two minutes

One size grows at a time; the others stay at those of BASE. One core. Three things are measured:

    time      the median of steps with AdamW
    memory    the most that NumPy's arrays take at a time, the weights and the optimiser's state included
    kept      of it, what the forward pass keeps for backward

The exponent e between two sizes says: twice the size costs 2^e times as much. Writes growth.json and growth.png to
out/benchmarks/. README.md beside this file has the figures, and what follows for larger models.
"""

from __future__ import annotations

import argparse
import json
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
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core: what grows is the work

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
UNITS = {"context": "context, in tokens", "vocab_size": "vocabulary, in tokens", "batch": "batch, in texts"}


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description="How time and memory grow with the size of a GPT.")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each size (default 2)")
    parser.add_argument("--folder", type=Path, default=ROOT / "out" / "benchmarks")
    options = parser.parse_args()
    grown: dict[str, list[Row]] = {}
    print(f"Base: a batch of {BATCH}, {BASE}\n")
    for name, sizes in SIZES.items():
        grown[name] = rows = [Row(size, *measure({**BASE, name: size}, options.seconds)) for size in sizes]
        print(f"{name:>12}  {'time':>10}  exponent  {'memory':>10}  exponent  {'kept':>10}  exponent   parameters")
        for before, row in zip([None, *rows], rows, strict=False):
            cells = (
                f"{value:7.1f} {unit}  {'' if before is None else exponent(before, row, column):>8}"
                for column, (value, unit) in enumerate([(row.ms, "ms"), (row.memory, "MB"), (row.kept, "MB")], 1)
            )
            print(f"{row.size:12,}  {'  '.join(cells)}   {row.parameters:,}")
        print()
    options.folder.mkdir(parents=True, exist_ok=True)
    (options.folder / "growth.json").write_text(json.dumps(grown, indent=1), encoding="utf-8")
    draw(grown, options.folder / "growth.png")
    print(options.folder / "growth.png")


class Row(NamedTuple):
    """What a step of one size costs. memory and kept: in MB."""

    size: int
    ms: float
    memory: float
    kept: float
    parameters: int


def measure(sizes: dict[str, int], seconds: float) -> tuple[float, float, float, int]:
    """The median time of a step in ms, the most memory and what the forward pass keeps in MB, the parameters."""
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
    timed, end = [], time.perf_counter() + seconds
    while len(timed) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        timed.append(time.perf_counter() - start)
    parameters = sum(p.numel() for p in model.parameters())
    return statistics.median(timed) * 1e3, memory / 1e6, kept_in_step / 1e6, parameters


def exponent(before: Row, after: Row, column: int) -> str:
    """e, where growing from one size to the other costs (ratio of the sizes)^e times as much."""
    return f"{math.log(after[column] / before[column]) / math.log(after.size / before.size):.2f}"


def draw(grown: dict[str, list[Row]], path: Path) -> None:
    """Time above, memory below, against each size; dashed: in proportion to the largest."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 6), layout="constrained")
    figure.suptitle("What a larger GPT costs: a training step as one size grows (dashed: in proportion)", weight="bold")
    panels = figure.subplots(2, len(grown), sharex="col", sharey="row")
    for column, (name, rows) in enumerate(grown.items()):
        sizes = [row.size for row in rows]
        upper, lower = panels[:, column]
        for panel, largest in ((upper, rows[-1].ms), (lower, rows[-1].memory)):
            panel.plot(sizes, [largest * size / sizes[-1] for size in sizes], "--", color="#808080", linewidth=1)
            panel.set(xscale="log", yscale="log")
            panel.set_xticks(sizes, [f"{size:,}" for size in sizes])
            panel.minorticks_off()
            panel.grid(alpha=0.25)
        upper.plot(sizes, [row.ms for row in rows], "o-", color="#0072B2")
        lower.plot(sizes, [row.memory for row in rows], "o-", color="#0072B2", label="in all")
        lower.plot(sizes, [row.kept for row in rows], "s-", color="#E69F00", label="kept for backward")
        lower.set_xlabel(UNITS.get(name, name))
    panels[0, 0].set_ylabel("time of a step, ms")
    panels[1, 0].set_ylabel("memory of a step, MB")
    panels[1, 0].legend(fontsize=9)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
