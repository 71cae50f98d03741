"""One contestant's turn, in a process of its own: run a workload for some seconds, print JSON. Called by run.py."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import workloads


class Contestant(NamedTuple):
    """Who computes. module: its file in contestants/.  needs: a package.  has: its workloads, all unless given.

    exact: whether it computes the same as the others, up to rounding.
    """

    module: str
    needs: str
    has: str = ""
    settings: dict[str, Any] = {}  # noqa: RUF012 - nobody writes to it
    exact: bool = True


CONTESTANTS = {
    "here": Contestant("ours", "nn"),
    "with Numba": Contestant("ours", "numba", "W2 W3 W4 W5 W7 W8 W9 W10 W11"),  # here, with the extra `fast`
    "4 bits, with Numba": Contestant("ours", "numba", "W10 W11", {"quantized": True}),
    "PyTorch": Contestant("pytorch", "torch"),
    "torch.compile": Contestant("pytorch", "torch", "W1 W2 W3 W4", {"compiled": True}),
    "JAX": Contestant("jax_jit", "jax", "W1 W2 W3 W4 W6 W7"),
    "llama.cpp": Contestant("llama_cpp", "xllamacpp", "W10 W11", exact=False),
}


def play(name: str, workload: str, seconds: float) -> dict[str, Any]:
    """Run a workload: what all must agree on, the seconds of each step, the most memory, the page faults of a step."""
    work = workloads.WORKLOADS[workload]
    who = CONTESTANTS[name]
    function = getattr(importlib.import_module(f"contestants.{who.module}"), work.kind)
    step, norm = function(work.settings, **who.settings)
    agreed = [norm()] if norm else []
    agreed += [step() for _ in range(4)]
    timed, faults = _timed(step, seconds)
    return {"agreed": agreed, "seconds": timed, "megabytes": _peak_memory(), "faults": faults}


def _timed(step: Callable[[], Any], seconds: float) -> tuple[list[float], float | None]:
    """The seconds of each step, and page faults per step."""
    before, end = _page_faults(), time.perf_counter() + seconds
    timed: list[float] = []
    while len(timed) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        timed.append(time.perf_counter() - start)
    after = _page_faults()
    return timed, None if after is None or before is None else (after - before) / len(timed)


def _page_faults() -> int | None:
    with contextlib.suppress(ImportError):  # on Windows
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    return None


def _peak_memory() -> float | None:
    """The most memory that this process has had, in MB. None where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    print(json.dumps(play(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
