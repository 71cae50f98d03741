"""Backpropagation: the steps told are the engine's, and the three ways to a gradient agree."""

import re
from itertools import pairwise

import numpy as np
import pytest

import tinygrad_lecture as tl
from programs import help_of, load, refusal_of, running

program = load("04_backprop")
PICTURES = {"graph.png", "network.png"}


run = running(program)


@pytest.fixture
def undrawn(run, monkeypatch):
    """run, but without the time that pictures take."""
    monkeypatch.setattr(program, "save", lambda figure, path: None)
    monkeypatch.setattr(program, "draw_network", lambda *given: None)
    monkeypatch.setattr(program, "draw_graph", lambda *given: None)
    return run


def gradients(text):
    """The rows of the table: {label: (formula, backward(), trying)}."""
    rows = re.findall(r"\n  ([Wb]\d\[[\d, ]+\]) .*= +(\S+) +(\S+) +(\S+)", text)
    return {label: tuple(map(float, numbers)) for label, *numbers in rows}


def test_as_in_the_lecture_with_its_pictures(run, tmp_path):
    text = run()
    assert len(gradients(text)) == 9
    assert {path.name for path in (tmp_path / "out").iterdir()} == PICTURES
    for picture in PICTURES:
        assert str(tmp_path / "out" / picture) in text
        assert (tmp_path / "out" / picture).read_bytes().startswith(b"\x89PNG")
    text.encode("cp1252")  # what a Windows console may have


def test_the_steps_are_those_of_the_chain_rule(undrawn):
    text = undrawn()
    forward, backward = text.split("\nBackward", 1)
    assert re.findall(r"\n +\d\.  (.*?)  ", forward) == [
        "s1 = W1 a0",
        "z1 = s1 + b1",
        "a1 = sigma(z1)",
        "s2 = W2 a1",
        "z2 = s2 + b2",
        "a2 = sigma(z2)",
        "e = a2 - y",
        "C = e²",
    ]
    assert [int(n) for n in re.findall(r"\n +(\d)\.  ", backward)] == [8, 7, 6, 5, 4, 3, 2, 1]
    for step in (
        "receives dC/dC   = [1]   where backward begins",
        "dC/de   = 2e · dC/dC",
        "dC/dz2  = sigma'(z2) · dC/da2",
        "dC/da1  = W2 transposed · dC/ds2",
        "dC/dW1  = each of dC/ds1 · all of a0",
    ):
        assert step in backward


@pytest.mark.parametrize("activation", program.ACTIVATIONS)
@pytest.mark.parametrize("layers", [(1, 1), (2, 2, 1), (2, 3, 2), (1, 1, 1, 1)])
def test_the_three_ways_agree(undrawn, activation, layers):
    text = undrawn("--activation", activation, "--layers", *layers, "--seed", 3)
    found = gradients(text)
    assert len(found) == sum((n + 1) * m for n, m in pairwise(layers))
    for formula, backward, trying in found.values():
        assert formula == backward
        assert backward == pytest.approx(trying, abs=2e-6)
    assert float(re.search(r"differ by (\S+) at most", text)[1]) < 1e-7


def test_a_gradient_by_hand(undrawn):
    text = undrawn("--layers", 1, 1, "--inputs", 2, "--target", 0, "--seed", 0)
    w, b = (float(re.search(rf"{name} +learnt +\[+(\S+?)\]", text)[1]) for name in ("W1", "b1"))
    a = 1 / (1 + np.exp(-(w * 2 + b)))
    assert gradients(text)["W1[1, 1]"][1] == pytest.approx(2 * a * (1 - a) * 2 * a, abs=1e-6)


def test_a_step_downhill_lowers_the_cost(undrawn):
    before, after = map(float, re.search(r"cost ([\d.]+) -> ([\d.]+)", undrawn()).groups())
    assert after < before
    assert "has risen" in undrawn("--rate", 1000, "--activation", "silu")


def test_weights_have_one_decimal_and_come_from_the_seed():
    tl.manual_seed(1)
    first = program.make_parameters([2, 3, 1])
    assert {name: p.shape for name, p in first.items()} == {"W1": (3, 2), "b1": (3,), "W2": (1, 3), "b2": (1,)}
    for p in first.values():
        np.testing.assert_array_equal(p.detach().numpy(), p.detach().numpy().round(1))
        assert p.is_leaf
        assert p.requires_grad


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--layers", "3"], "the number of inputs, then 1 to 6 layers"),
        (["--layers", "2", "9", "1"], "none of more than 8"),
        (["--inputs", "1"], "need 2 --inputs and 1 --target"),
        (["--layers", "0", "1"], "'0' is not a whole number from 1 up"),
        (["--target", "inf"], "'inf' is not a number"),
    ],
)
def test_bad_options_are_refused(capsys, arguments, message):
    assert message in refusal_of(program, arguments, capsys)


def test_help_says_what_it_shows(capsys):
    text = help_of(program, capsys)
    for word in ("z1 = s1 + b1", "chain rule", *PICTURES, "--layers", "out/backprop"):
        assert word in text


def test_a_large_network_is_drawn_without_most_numbers(run):
    assert "differ by" in run("--layers", 5, 6, 3)
