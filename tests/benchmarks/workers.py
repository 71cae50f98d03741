"""A training step in one worker and in several: nn.parallel against a plain loop.

    python tests/benchmarks/workers.py                  # one worker and two
    python tests/benchmarks/workers.py --workers 1 2 4 --rounds 5

Forward, cross-entropy, backward, gradient clipping and the optimiser. Each number of workers in turn, in processes of
their own, with one BLAS thread each; medians over the rounds, and the ratio to one worker within a round.

    MLP        784-512-512-10 with ReLU, batch 128, Adam
    GPT        nanoGPT's CPU setting: 4 layers, 4 heads, 128 wide, 12 texts of 64 tokens, AdamW
    wide GPT   6 layers, 6 heads, 384 wide, 8 texts of 256 tokens, AdamW
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"GPT": (64, 12, 4, 4, 128), "wide GPT": (256, 8, 6, 6, 384)}  # context, texts, layers, heads, width
NAMES = ("MLP", *SIZES)


def build(name: str) -> tuple[Any, Any, Any]:
    """A model, its loss and a batch."""
    import nn
    import tinygrad_lecture as tl
    from transformer import GPT, GPTConfig, TokenCrossEntropy

    if name == "MLP":
        batch = tl.rand(128, 784), tl.randint(0, 10, (128,))
        return nn.MLP([784, 512, 512, 10], nn.ReLU), nn.CrossEntropyLoss(), batch
    context, texts, layers, heads, width = SIZES[name]
    tokens = tl.randint(0, 65, (texts, context + 1))
    config = GPTConfig(vocab_size=65, context=context, layers=layers, heads=heads, width=width, bias=False)
    return GPT(config), TokenCrossEntropy(), (tokens[:, :-1], tokens[:, 1:])


def train(name: str, seconds: float) -> float:
    """The median seconds of a step. Every worker calls this."""
    import nn

    model, loss, batch = build(name)
    optimizer = nn.optim.Adam(model.parameters()) if name == "MLP" else nn.optim.AdamW(model.parameters())
    nn.parallel.distribute(model, optimizer)
    ((x, y),) = nn.parallel.shares([batch])
    steps: list[float] = []
    end = time.perf_counter() + seconds
    while nn.parallel.group().broadcast(len(steps) < 5 or time.perf_counter() < end):
        start = time.perf_counter()
        optimizer.zero_grad()
        loss(model(x), y).backward()
        nn.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        steps.append(time.perf_counter() - start)
    return statistics.median(steps[2:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="numbers of workers (1 2)")
    parser.add_argument("--rounds", type=int, default=3, help="processes per number of workers (3)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of steps in each (3)")
    parser.add_argument("--names", nargs="+", choices=NAMES, default=NAMES, help=f"of {', '.join(NAMES)}")
    parser.add_argument("--time", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.time:
        import nn

        print(json.dumps(nn.parallel.run(train, options.names[0], options.seconds, workers=options.workers[0])))
        return
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    for name in options.names:
        rounds: list[list[float]] = []
        for _ in range(options.rounds):
            rounds.append([])
            for workers in options.workers:
                command = [sys.executable, __file__, "--time", "--names", name, "--workers", str(workers)]
                command += ["--seconds", str(options.seconds)]
                done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
                rounds[-1].append(json.loads(done.stdout))
        for i, workers in enumerate(options.workers):
            seconds = statistics.median(times[i] for times in rounds)
            ratio = statistics.median(times[i] / times[0] for times in rounds)
            print(f"{name:10} {workers} workers {1e3 * seconds:9.1f} ms   ratio {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main()
