"""Gradient descent: the valley, the ways down, the rates, the approximation."""

import re
from itertools import pairwise

import numpy as np
import pytest

import tinygrad_lecture as tl
from programs import help_of, load, refusal_of

program = load("03_gradient_descent")
PICTURES = {"landscape.png", "descents.png", "rates.png", "approximation.png"}
SMALL = ["--widths", "1", "4", "--fit-steps", "30", "--tries", "1"]


@pytest.fixture
def points():
    return program.noisy_points()


@pytest.fixture
def run(tmp_path, capsys):
    """run("--steps", 5) runs the program with small networks and returns what it printed."""

    def call(*arguments):
        program.main([*SMALL, *map(str, arguments), "--out", str(tmp_path / "out")])
        return capsys.readouterr().out

    return call


def test_as_in_the_lecture_with_its_pictures(run, tmp_path):
    text = run()
    for word in ("too small for 60 steps, still", "fitting, down in the valley", "too large, each step overshoots"):
        assert text.count(word) == 1
    assert "Batch descent trembles least, stochastic descent is down after the fewest points." in text
    seen = [int(n.replace(",", "")) for n in re.findall(r"(?:batch|stochastic) .* ([\d,]+)\n", text)]
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 3
    assert {path.name for path in (tmp_path / "out").iterdir()} == PICTURES
    for picture in PICTURES:
        assert str(tmp_path / "out" / picture) in text
        assert (tmp_path / "out" / picture).read_bytes().startswith(b"\x89PNG")
    text.encode("cp1252")  # what a Windows console may have


def test_any_rates_can_be_tried(run):
    text = run("--rates", "1e-9", "0.1", "1e200", "--steps", 3, "--widths", 2)
    assert "rate 1e+200  cost" in text
    assert "-> inf: too large" in text
    assert "not reached" in text


@pytest.mark.parametrize(
    ("factor", "steps", "words"),  # the factor: of 1 / (largest curvature)
    [
        (0.02, 60, "too small for 60 steps, still on the way"),
        (0.4, 1, "too small for 1 step, still on the way"),
        (1, 60, "fitting, down in the valley"),
        (1.99, 1, "large, each step crosses the valley"),
        (2.1, 60, "too large, each step overshoots and climbs"),
    ],
)
def test_the_verdict_on_a_rate_is_what_happened(points, factor, steps, words):
    valley = program.survey(points)
    rate = factor / valley.steepest
    descent = program.descend(points, "", rate, len(points), steps)
    assert program.verdict(descent, valley) == words
    hessian = tl.func.hessian(lambda p: program.cost(p[0], p[1], *points.tensors))(tl.tensor(program.START)).numpy()
    steep = np.linalg.eigh(hessian)[1][:, 1]
    before, after = ((p - [valley.w, valley.b]) @ steep for p in descent.path[:2])
    assert (before * after < 0) == words.startswith(("large", "too large"))


def titles(figure):
    return [figure.get_suptitle(), *(axes.get_title() for axes in figure.axes)]


def test_the_titles_say_what_is_drawn(points):
    valley = program.survey(points)

    def compared(rate, steps):
        ways = {"batch": 40, "mini-batch": 8, "stochastic": 1}
        descents = [program.descend(points, label, rate, size, steps) for label, size in ways.items()]
        return titles(program.draw_descents(points, valley, descents)), program.comparison(descents, valley)

    (title, _, above, below), words = compared(0.126, 60)
    assert title == "The fewer points a step looks at, the more it trembles, and the less it costs"
    assert (above, below) == (
        "step by step, batch descent is the smoothest",
        "point by point, stochastic descent is the fastest",
    )
    for rate in (100, 1e200):
        (title, _, above, below), words = compared(rate, 60)
        assert title == "In batch and mini-batch and stochastic descent the cost ends higher than it began"
        assert (above, below) == ("step by step", "point by point")
        assert words == f"{title}: try a smaller --rate."
    assert "little between them" in compared(1e-9, 3)[1]

    def tried(*factors):  # of 1 / (largest curvature)
        rates = [factor / valley.steepest for factor in factors]
        trials = [program.descend(points, "", rate, len(points), 60) for rate in rates]
        return titles(program.draw_rates(points, valley, trials))[0]

    assert tried(0.02, 1, 2.1) == "Too small a rate creeps, too large a rate leaps out of the valley"
    assert tried(1e10, 1e20, 1e30) == "Too large a rate leaps out of the valley"
    assert tried(0.02, 1, 1.99) == "Too small a rate creeps, a large rate crosses the valley"
    assert tried(0.8, 1, 1.2) == "Each of these rates leads into the valley"


@pytest.mark.parametrize("rate", [0.1, 100, 1e10, 1e200])
def test_no_two_marks_of_an_axis_overlap(points, rate):
    valley = program.survey(points)
    descents = [program.descend(points, label, rate, 40, 20) for label in ("batch", "mini-batch", "stochastic")]
    figure = program.draw_descents(points, valley, descents)
    figure.draw_without_rendering()
    for axes in figure.axes[1:]:
        low, high = axes.get_ylim()
        boxes = [
            label.get_window_extent()
            for label in axes.get_yticklabels()
            if low <= label.get_position()[1] <= high and label.get_text()
        ]
        assert len(boxes) >= 3
        assert all(lower.y1 <= upper.y0 for lower, upper in pairwise(boxes))


def test_the_landscape_runs_the_same_way_in_both_pictures(points):
    from mpl_toolkits.mplot3d import proj3d

    figure = program.draw_landscape(points, program.survey(points))
    figure.draw_without_rendering()
    surface = figure.axes[1]
    x = [proj3d.proj_transform(w, 0, 0, surface.get_proj())[0] for w in (-2, 0, 2)]
    assert x == sorted(x)
    y = [proj3d.proj_transform(0, b, 0, surface.get_proj())[1] for b in (-2, 0, 2)]
    assert y == sorted(y)


def test_the_cost_of_many_lines_at_once(points):
    x, y = (t.numpy() for t in points.tensors)
    w, b = np.array([1.0, -2.0, 0.5]), np.array([0.0, 1.0, -1.0])
    costs = program.cost(tl.tensor(w[:, None]), tl.tensor(b[:, None]), *points.tensors)
    np.testing.assert_allclose(costs.numpy(), [np.mean((w_ * x + b_ - y) ** 2) for w_, b_ in zip(w, b, strict=True)])


def test_the_valley_is_where_least_squares_has_it(points):
    x, y = (t.numpy() for t in points.tensors)
    valley = program.survey(points)
    np.testing.assert_allclose([valley.w, valley.b], np.polyfit(x, y, 1), rtol=1e-9)
    assert valley.cost == pytest.approx(np.mean((valley.w * x + valley.b - y) ** 2))
    ends = np.linalg.eigvalsh(2 * np.array([[np.mean(x * x), x.mean()], [x.mean(), 1]]))
    np.testing.assert_allclose([valley.flattest, valley.steepest], ends)


def test_a_batch_step_goes_against_the_gradient(points):
    x, y = (t.numpy() for t in points.tensors)
    descent = program.descend(points, "batch", 0.1, len(points), 1)
    w, b = program.START
    error = w * x + b - y
    expected = [w - 0.1 * np.mean(2 * error * x), b - 0.1 * np.mean(2 * error)]
    np.testing.assert_allclose(descent.path, [program.START, expected])
    assert descent.seen.tolist() == [0, len(points)]


def test_batch_descent_only_falls_and_the_curvature_says_from_where_on_it_rises(points):
    limit = 2 / program.survey(points).steepest
    below = program.descend(points, "below", 0.98 * limit, len(points), 200).costs
    above = program.descend(points, "above", 1.02 * limit, len(points), 200).costs
    assert np.all(np.diff(below) <= 1e-12)
    assert above[-1] > above[100] > below[-1]


def test_stochastic_descent_trembles_and_looks_at_fewer_points(points):
    valley = program.survey(points)
    batch = program.descend(points, "batch", 0.12, len(points), 80)
    stochastic = program.descend(points, "stochastic", 0.12, 1, 80)
    assert np.any(np.diff(stochastic.costs) > 0.01)
    assert np.diff(batch.costs).max() < 1e-12
    assert batch.seen[-1] == len(points) * stochastic.seen[-1]
    assert stochastic.costs[40:].min() < 2 * valley.cost


def test_a_hopeless_descent_ends_early(points):
    assert len(program.descend(points, "hopeless", 10.0, len(points), 1000).path) < 20


def test_the_wider_the_network_the_closer_the_fit():
    x = tl.linspace(-1, 1, 100).reshape(-1, 1)
    y = program.wiggly(x)
    fits = [program.fit_curve(width, x, y, 500) for width in (1, 4, 32)]
    errors = [fit.error for fit in fits]
    assert errors[0] > 2 * errors[1] > 8 * errors[2]
    assert [fit.parameters for fit in fits] == [4, 13, 97]
    for fit in fits:
        assert fit.error == pytest.approx(np.mean((fit.outputs - y[:, 0].numpy()) ** 2), rel=1e-4)
        offset = fit.outputs - fit.parts.sum(axis=1)  # the neurons' shares sum to the output, but for its bias
        np.testing.assert_allclose(offset, offset[0], atol=1e-4)


def test_same_seed_same_numbers(run, monkeypatch):
    monkeypatch.setattr(program, "save", lambda figure, path: None)
    for name in ("draw_landscape", "draw_descents", "draw_rates", "draw_approximation"):
        monkeypatch.setattr(program, name, lambda *given: None)
    assert run("--seed", 5) == run("--seed", 5) != run("--seed", 6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch", "41"], "40 at most"),
        (["--rate", "-1"], "'-1' is not a number above 0"),
        (["--rates", "1", "2"], "expected 3 arguments"),
        (["--widths", "0"], "'0' is not a whole number from 1 up"),
    ],
)
def test_bad_options_are_refused(capsys, arguments, message):
    assert message in refusal_of(program, arguments, capsys)


def test_help_says_what_it_shows(capsys):
    text = help_of(program, capsys)
    for word in (*PICTURES, "--rates", "--widths", "out/gradient_descent"):
        assert word in text
