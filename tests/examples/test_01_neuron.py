"""The neuron: its numbers, its chain rule, its pictures."""

import re
import sys
from itertools import combinations

import numpy as np
import pytest

import tinygrad_lecture as tl
from programs import help_of, load, refusal_of, running

program = load("01_neuron")
PICTURES = {"neuron.png", "activations.png", "weight_and_bias.png"}


run = running(program)


@pytest.fixture
def undrawn(run, monkeypatch):
    """run, but without the time that pictures take."""
    monkeypatch.setattr(program, "save", lambda figure, path: None)
    for name in ("draw_neuron", "draw_activations", "draw_weight_and_bias"):
        monkeypatch.setattr(program, name, lambda *given: None)
    return run


def test_as_in_the_lecture_with_its_pictures(run, tmp_path):
    text = run()
    z = 0.9 * 3 - 0.6 * 2 + 0.4 * 1.5 - 1
    a = 1 / (1 + np.exp(-z))
    assert f"z = {z:8.3f}" in text
    assert f"a = sigmoid({z:.3f}) = {a:.4f}" in text
    assert f"C = (a - y)² = {a**2:.4f}" in text
    for name, x in {"sunshine": 0.9, "wind": 0.6, "company": 0.4, "bias": 1.0}.items():
        line = next(line for line in text.split("\n") if line.startswith(f"  {name} ") and line.count("·") == 2)
        *_, product, found = map(float, re.findall(r"-?\d+\.\d+", line))
        assert product == found == pytest.approx(x * a * (1 - a) * 2 * a, abs=5e-5)
    assert {path.name for path in (tmp_path / "out").iterdir()} == PICTURES
    for picture in PICTURES:
        assert str(tmp_path / "out" / picture) in text
        assert (tmp_path / "out" / picture).read_bytes().startswith(b"\x89PNG")
    text.encode("cp1252")  # what a Windows console may have


@pytest.mark.parametrize("activation", program.ACTIVATIONS)
def test_a_step_downhill_lowers_the_cost(undrawn, activation):
    text = undrawn("--activation", activation, "--rate", 0.01)
    before, after = map(float, re.search(r"cost ([\d.]+) -> ([\d.]+)", text).groups())
    assert after < before
    assert "has risen" not in text


def test_a_step_too_large_is_told(undrawn):
    assert "has risen" in undrawn("--activation", "leaky-relu", "--rate", 100)


def test_numbers_large_and_small_are_written_short(undrawn):
    text = undrawn("--inputs", 1e30, 1, 1)
    assert re.search(r"z = +8\.2e\+29\n", text)
    assert not re.search(r"\d{8}", text)
    text = undrawn("--inputs", *range(1, 9))
    assert re.search(r"x8 .* 6\.56e-07 +6\.56e-07\n", text)


def test_the_picture_shows_gradients_however_small_and_no_words_overlap(monkeypatch, tmp_path):
    drawn = {}
    monkeypatch.setattr(program, "save", lambda figure, path: drawn.setdefault(path.name, figure))
    program.main(["--inputs", *map(str, range(1, 9)), "--out", str(tmp_path)])
    figure = drawn["neuron.png"]
    figure.draw_without_rendering()
    labels = [text for text in figure.axes[0].texts if re.match(r"(w|b|dC/d.) =", text.get_text())]
    assert len(labels) == 18
    assert "dC/dw = 8.2e\N{MINUS SIGN}08" in [label.get_text() for label in labels]
    boxes = [label.get_window_extent() for label in labels]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_names_inputs_and_weights_of_ones_own(undrawn):
    text = undrawn("--names", "tired", "late", "--inputs", 0.8, 0.3, "--weights", 2, -1, "--bias", 0.5, "--target", 1)
    assert "z =    1.800" in text
    assert "tired" in text
    assert "sunshine" not in text


def test_what_is_not_given_is_drawn_by_the_seed(undrawn):
    drawn = {undrawn("--names", "a", "b", "--seed", seed) for seed in (1, 1, 2)}
    assert len(drawn) == 2
    assert "x3" in undrawn("--inputs", 1, 2, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--inputs", "1", "2", "--weights", "1"], "give as many --weights as --inputs"),
        (["--inputs", "1", "nan"], "'nan' is not a number"),
        (["--rate", "0"], "'0' is not a number above 0"),
        (["--seed", "-1"], "'-1' is not a whole number from 0 up"),
        (["--activation", "step"], "invalid choice"),
    ],
)
def test_bad_options_are_refused(capsys, arguments, message):
    assert message in refusal_of(program, arguments, capsys)


def test_help_says_what_it_shows(capsys):
    text = help_of(program, capsys)
    for word in ("receives", "weighs", "sums", "activates", "activations.png", "--activation", "out/neuron"):
        assert word in text


def test_a_folder_that_cannot_be_is_named_with_what_to_do(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(
            SystemExit, match=r"01_neuron\.py: cannot write to the folder .*file.*; name another with --out"
        ):
            program.main(["--out", str(folder)])


def test_ctrl_c_ends_in_a_line(undrawn, monkeypatch):
    def interrupt(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "draw_neuron", interrupt)
    with pytest.raises(SystemExit, match=r"01_neuron\.py: aborted"):
        undrawn()


def test_without_matplotlib_it_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SystemExit, match=r'need matplotlib: pip install "\.\[examples\]"'):
        run()


def test_the_slopes_drawn_are_the_derivatives():
    z, a, slope = program.curve(tl.sigmoid)
    np.testing.assert_allclose(slope, a * (1 - a), rtol=1e-12)
    for activation in (*program.ACTIVATIONS.values(), program.softmax_of_two):
        z, a, slope = program.curve(activation, points=10_001)
        smooth = np.abs(z) > 0.01  # away from the corner of relu
        np.testing.assert_allclose(slope[smooth], np.gradient(a, z)[smooth], atol=1e-5)
    z, a, _ = program.curve(program.softmax_of_two)
    np.testing.assert_allclose(a, 1 / (1 + np.exp(-z)))
