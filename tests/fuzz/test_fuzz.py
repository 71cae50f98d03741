"""Random programs, damaged files, long training: the numbers of PyTorch and of differences, or an error by name."""

import gc
import random
import sys
import types

import numpy as np
import pytest

import against_differences
import nn
import tinygrad_lecture as tl
from files import READERS, attack, damaged_json
from gradchecks import make
from program import OURS, Program
from report import Tally, run, shrink, smallest

# --- random programs ------------------------------------------------------------------------------------------


def failures(judge, generate, seeds):
    """What is wrong with the programs of some seeds: the first differences, made small."""
    tally = run(judge, generate, seeds)
    return "\n\n".join(str(smallest(difference, judge)) for difference in tally.differences[:3])


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore")  # PyTorch's, about what programs rarely do
@pytest.mark.parametrize("first", range(0, 2000, 250))
def test_random_programs_give_the_numbers_of_pytorch_or_an_error(first):
    pytest.importorskip("torch")
    import against_torch

    found = failures(against_torch.judge, against_torch.generate, range(first, first + 250))
    assert not found, found


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_random_programs_have_the_gradients_that_finite_differences_have(first):
    found = failures(against_differences.judge, against_differences.generate, range(first, first + 100))
    assert not found, found


def test_a_seed_gives_the_same_program_each_time():
    assert against_differences.generate(3) == against_differences.generate(3) != against_differences.generate(4)


def test_a_wrong_rule_is_found_and_shown_in_a_small_program(monkeypatch):
    sigmoid = make(lambda x, /: tl.sigmoid(x), x=lambda g, out: g * out * (1 - out) * (1 + 1e-5))
    monkeypatch.setitem(OURS.namespace, "lib", types.SimpleNamespace(**{**vars(tl), "sigmoid": sigmoid}))
    program = Program(
        (
            "a1 = lib.tensor([0.3, -1.2], dtype=lib.float64, requires_grad=True)",
            "a2 = lib.tensor(0.7, dtype=lib.float64, requires_grad=True)",
            "v3 = a1 * a2",
            "v4 = v3.sin()",
            "v5 = lib.sigmoid(v4)",
            "v6 = v5.reshape(-1)",
            "v7 = v6 + a2",
            "v0 = v7.sum() + (v4 * v4).sum()",
        )
    )
    found = against_differences.judge(program, Tally())
    assert found.kind == "gradient"
    assert smallest(found, against_differences.judge).program.lines == (
        "a1 = lib.tensor([0.3, -1.2], dtype=lib.float64, requires_grad=True)",
        "v5 = lib.sigmoid(a1)",
        "v0 = v5.sum() + (a1 * a1).sum()",
    )


def test_a_refused_line_is_counted_and_left_out():
    leaf = "a1 = lib.tensor([1.0], dtype=lib.float64, requires_grad=True)"
    program = Program((leaf, "a1 *= 2.0", "v2 = a1 * a1", "v0 = v2.sum()"))
    assert against_differences.judge(program, tally := Tally()) == 1
    assert tally.refused == {("the engine", "in-place change of a leaf"): 1}
    assert against_differences.judge(program.without(1), Tally()) is None


def test_an_error_that_is_not_documented_is_a_difference():
    found = against_differences.judge(Program(("c1 = lib.tensor([1.0])", "v2 = c1[5]")), Tally())
    assert found.kind == "error"
    assert "PlaceError: x[index]: index 5 is out of bounds" in found.ours


def test_shrinking_removes_lines_with_those_that_use_them():
    program = Program(("a1 = 1", "v2 = a1", "v3 = v2 + a1", "v4 = a1", "v5 = v4 + v3"))
    assert program.without(1).lines == ("a1 = 1", "v4 = a1")
    assert shrink(program, lambda smaller: "v4 = a1" in smaller.lines).lines == ("v4 = a1",)


def test_a_program_is_printed_as_a_script_that_runs():
    script = str(Program(("a1 = lib.tensor([1.0])", "v2 = F.gelu(a1)")))
    exec(script, found := {})
    assert found["v2"].shape == (1,)


# --- damaged files --------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.* has options that")  # of config.json, which a damaged one may have
@pytest.mark.parametrize("reader", READERS)
def test_a_damaged_file_loads_or_is_refused_by_name(reader):
    complaints = attack(reader, range(100))
    assert not complaints, "\n".join(complaints[:5])


def test_a_seed_does_the_same_damage_each_time():
    value = {"a": [1, 2, {"b": None}], "c": "x"}
    texts = [damaged_json(value, random.Random(seed)) for seed in range(20)]
    assert texts == [damaged_json(value, random.Random(seed)) for seed in range(20)]
    assert len(set(texts)) > 10


# --- training does not make the process grow ------------------------------------------------------------------


def train(steps):
    """Steps of a small network that uses what training uses: dropout, clipping, a schedule, views and changes."""
    tl.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Dropout(0.1), nn.Tanh(), nn.Linear(8, 3))
    optimizer = nn.optim.AdamW(model.parameters(), lr=0.01)
    schedule = nn.optim.lr_scheduler.StepLR(optimizer, 100)
    x, y = tl.randn(16, 4), tl.tensor(np.arange(16) % 3)
    for step in range(steps):
        optimizer.zero_grad()
        h = tl.checkpoint(model, x)
        h[0] *= 2.0
        loss = nn.functional.cross_entropy(h, y) + 0.01 * (model[0].weight[1:] ** 2).sum()
        loss.backward(create_graph=step % 50 == 0)
        with tl.no_grad():
            model[0].bias[0] *= 0.999
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        yield step


def growth(steps, warm_up=200):
    """By how many blocks the memory of Python's objects, arrays among them, grows in so many steps after a warm-up."""
    blocks = []
    for step in train(warm_up + steps):
        if step in (warm_up - 1, warm_up + steps - 1):
            gc.collect()
            blocks.append(sys.getallocatedblocks())
    return blocks[1] - blocks[0]


def test_training_steps_leave_nothing_behind():
    growth(300)  # fills Python's and NumPy's caches
    assert growth(2000) < 200  # not even a tenth of an object each
