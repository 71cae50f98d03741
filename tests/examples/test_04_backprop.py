"""Backpropagation: every gradient in three ways, the local derivatives, what activations let through, the price."""

import re

import numpy as np
import pytest

from programs import load, numbers_after, output_of

program = load("04_backprop")


@pytest.fixture(scope="module")
def text(run_once):
    text, folder = run_once("04_backprop", "--page", "--repeats", "1")
    assert "<title>Backpropagation" in (folder / "backprop.html").read_text(encoding="utf-8")
    return text


def gradients(text):
    """Parameter -> its gradient by the formula, by backward(), by trying."""
    number = r" +(-?[\d.]+)"
    return {row[0]: [float(x) for x in row[1:]] for row in re.findall(rf"  ([Wb]\d\[.*\]) .*={3 * number}", text)}


def test_every_parameter_has_its_gradient_three_times(text):
    found = gradients(text)
    assert len(found) == 9
    for row in found.values():
        assert row == pytest.approx([row[0]] * 3, abs=1e-6)


@pytest.mark.parametrize("activation", program.ACTIVATIONS)
def test_the_gradients_of_other_networks_agree_too(activation, tmp_path, monkeypatch):
    monkeypatch.setattr(program, "measure_times", lambda *_: (1.0, 1.0))  # the price is that of another network
    monkeypatch.setattr(program, "gradient_noise", lambda *_: [1.0, 1.0])
    monkeypatch.setattr(program, "try_some", lambda *_: 0.0)
    monkeypatch.setattr(program, "memory", lambda *_: 1)
    for name in ("network", "computation_graph", "price"):
        monkeypatch.setattr(program.show, f"draw_{name}", lambda *_: None)
    text = output_of(program, layers=(3, 4, 2), activation=activation, out=tmp_path)
    found = gradients(text)
    assert len(found) == 3 * 4 + 4 + 4 * 2 + 2
    assert all(row == pytest.approx([row[0]] * 3, abs=1e-5) for row in found.values())


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"layers": (2,)}, "--layers: a network has inputs and at least one layer"),
        ({"layers": (2, 0, 1)}, "--layers: a network has inputs and at least one layer"),
        ({"inputs": (1.0,)}, "--inputs: a network 2-2-1 needs 2 of them, not 1"),
        ({"target": (1.0, 0.0)}, "--target: a network 2-2-1 needs 1 of them, not 2"),
    ],
    ids=str,
)
def test_settings_that_make_no_network_are_refused(settings, line, tmp_path):
    with pytest.raises(ValueError, match=line):
        output_of(program, out=tmp_path, **settings)


def test_the_steps_of_backward_go_from_the_cost_to_the_inputs(text):
    steps = [int(step) for step in re.findall(r"^ +(\d+)\.  ", text[text.index("Backward:") :], re.MULTILINE)]
    assert steps == sorted(steps, reverse=True)
    assert "2e · dC/dsquares" in text
    assert "outer product of dC/ds1 and a0" in text


def test_a_step_against_the_gradient_lowers_the_cost(text):
    before, after = numbers_after(text, "its gradient. Cost")
    assert after < before


def test_leaky_relu_lets_a_gradient_through_where_relu_does_not(text):
    assert numbers_after(text, "\n  relu ")[0] == 0
    assert numbers_after(text, "\n  leaky-relu ")[0] > 0


def test_trying_agrees_and_takes_two_forward_passes_for_each_parameter(text):
    forward, whole, _ = numbers_after(text, "2 · 13,002 · ")
    assert whole == pytest.approx(2 * 13_002 * forward / 1000, rel=0.2)
    assert numbers_after(text, "agree with backward() within")[0] < 1e-5


def test_larger_batches_take_more_memory(text):
    memory = [float(x) for x in re.findall(r"([\d.]+) MB", text)]
    assert len(memory) == 4
    assert memory == sorted(memory)
    assert memory[-1] > 5 * memory[-2]  # 8,500 pictures against 1,000


def test_larger_batches_have_less_noise(text):
    noise = [float(x) for x in re.findall(r"pictures? +([\d.]+)", text[text.index("The noise of a batch") :])]
    assert noise == sorted(noise, reverse=True)
    assert noise[-1] < 0.1 * noise[0]
    assert np.log(noise[0] / noise[-1]) / np.log(512) == pytest.approx(0.5, abs=0.1)
