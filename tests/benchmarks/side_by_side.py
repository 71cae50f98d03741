"""Time two libraries side by side: each in a process of its own, in turn; medians, and ratios within rounds.

In one process the thread pools of two libraries compete for the cores. On a busy machine the library that runs in a
quiet moment looks faster. So each round starts one process per library, one after the other, and the ratio is taken
within the round.

A benchmark is a file with one function per library, which returns {label: seconds}; it ends with `main(__file__, ...)`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

Timings = dict[str, float]


def median_of(function: Callable[[], object], repeat: int) -> float:
    """Return the median seconds of `repeat` calls."""
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main(file: str, ours: Callable[[], Timings], theirs: Callable[[], Timings]) -> None:
    """Run the benchmark and print its table; with --library, run one side and print its timings as JSON."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="processes per library (default 7)")
    parser.add_argument("--library", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.library:
        print(json.dumps(ours() if options.library == "ours" else theirs()))
        return

    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    rounds: list[tuple[Timings, Timings]] = []
    for number in range(options.rounds):
        order = ("ours", "theirs") if number % 2 == 0 else ("theirs", "ours")
        timed = {
            library: json.loads(
                subprocess.run(
                    [sys.executable, file, "--library", library],
                    env=environment,
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
            )
            for library in order
        }
        rounds.append((timed["ours"], timed["theirs"]))
        print(f"\rround {number + 1} of {options.rounds}", end="", file=sys.stderr)
    print(file=sys.stderr)

    print(f"{'microseconds, median of rounds':36} {'ours':>10} {'PyTorch':>10} {'ratio':>7}   (lowest to highest)")
    for what in rounds[0][0]:
        mine = [own[what] for own, _ in rounds]
        other = [their[what] for _, their in rounds]
        ratios = sorted(a / b for a, b in zip(mine, other, strict=True))
        print(
            f"{what:36} {statistics.median(mine) * 1e6:10.2f} {statistics.median(other) * 1e6:10.2f} "
            f"{statistics.median(ratios):7.2f}   ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )
