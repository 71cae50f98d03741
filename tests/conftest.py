"""What holds for every test: Hypothesis's profiles, a fresh random stream, and no global state left behind."""

import os

# Before NumPy and PyTorch: on a busy machine their threads wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import random
import re
import signal
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, settings

import strict_cupy  # noqa: F401 - makes device="strict" work in every test
import tinygrad_lecture as tl
from browser import chromium as chromium, served as served, visit as visit
from tinygrad_lecture.autograd.modes import modes

# "ci" draws the same examples every time, so that a failure there is one here: HYPOTHESIS_PROFILE=ci pytest
settings.register_profile("dev", print_blob=True, deadline=None, report_multiple_bugs=False)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, database=None)
# "mutation" only asks whether anything fails (see mutation.py): no time goes into making the example small.
settings.register_profile("mutation", settings.get_profile("ci"), phases=[Phase.explicit, Phase.generate])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background, and then no test could press Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _same_random_stream() -> None:
    """Every test starts from the same random state, whatever ran before it."""
    tl.manual_seed(0)
    np.random.seed(0)
    random.seed(0)


@pytest.fixture(autouse=True)
def _no_leaks() -> Iterator[None]:
    """A test that leaves a mode switched, or the default dtype changed, fails, and the next one starts clean."""
    before = _global_state()
    yield
    after = _global_state()
    modes.recording, modes.reference, modes.observer = True, False, None
    tl.set_default_dtype(tl.float32)
    leaked = [f"{name}: {before[name]} became {after[name]}" for name in before if before[name] != after[name]]
    if leaked:
        pytest.fail("the test leaked global state; " + "; ".join(leaked))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End with a line that says which extras the skipped tests wait for, and how many tests each."""
    if skipped := terminalreporter.stats.get("skipped"):
        counts = Counter(_extra_of(str(report.longrepr)) for report in skipped).most_common()
        waiting = ", ".join(f"{extra} {count:,}" for extra, count in counts)
        terminalreporter.write_line(f"Skipped tests, by what they wait for (-rs lists them): {waiting}")


def _extra_of(reason: str) -> str:
    """The first extra that brings a package which the reason of a skip names."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    for extra, packages in project["optional-dependencies"].items():
        names = {re.split(r"[\[>=]|-cuda", package)[0] for package in packages} - {"pytest", project["name"]}
        if any(re.search(rf"\b{name}\b", reason, re.IGNORECASE) for name in names):
            return f"the extra {extra}"
    return "other reasons"


def _global_state() -> dict[str, object]:
    return {
        "grad mode": modes.recording,
        "reference mode": modes.reference,
        "observer": modes.observer,
        "default dtype": tl.get_default_dtype(),
        "NumPy's error state": np.geterr(),
    }
