"""The line search: the point that it finds meets the strong Wolfe conditions."""

import math

import pytest

from nn.optim.lbfgs import C1, C2, Point, strong_wolfe

LINES = {  # f and its slope
    "bowl": (lambda t: (t - 3) ** 2, lambda t: 2 * (t - 3)),
    "steep": (lambda t: math.exp(t) - 20 * t, lambda t: math.exp(t) - 20),
    "wavy": (lambda t: 0.05 * (t - 8) ** 2 + math.sin(3 * t), lambda t: 0.1 * (t - 8) + 3 * math.cos(3 * t)),
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 10.0])
def test_the_point_is_lower_and_flatter(line, first):
    f, slope = line
    tried = []

    def evaluate(t):
        tried.append(t)
        return Point(t, f(t), slope(t), None)

    start = Point(0.0, f(0.0), slope(0.0) if slope(0.0) < 0 else -1.0, None)
    found, evaluations = strong_wolfe(evaluate, start, first, 1.0, 1e-9, 25)
    assert tried[0] == first
    assert evaluations == len(tried) <= 26
    if slope(0.0) < 0:
        assert found.value <= start.value + C1 * found.t * start.slope
        assert abs(found.slope) <= C2 * abs(start.slope)


def test_it_stops_after_so_many_evaluations_with_the_lower_end():
    falling = lambda t: Point(t, -t, -1.0, None)  # noqa: E731 - the lower, the further
    found, evaluations = strong_wolfe(falling, falling(0.0), 1.0, 1.0, 1e-9, 4)
    assert evaluations == 5
    assert found.t > 1
