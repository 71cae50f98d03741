"""Where elements lie, in words."""

import numpy as np
import pytest

from tinygrad_lecture.gradient_checking.hints.places import places

LINE, SQUARE = np.arange(6), np.arange(9).reshape(3, 3)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (LINE == 5, "index 5 of axis 0 (the last)"),
        (LINE == 0, "index 0 of axis 0 (the first)"),
        (LINE % 5 == 0, "index 0, 5 of axis 0 (first and last)"),
        (SQUARE % 3 == 1, "index 1 of axis 1"),
        (np.eye(3) > 0, "the diagonal"),
        (np.tri(3, k=-1) > 0, "the elements below the diagonal"),
        ((SQUARE == 1) | (SQUARE == 5), "elements (0, 1), (1, 2)"),
        (SQUARE > 2, "index 1, 2 of axis 0"),
        (SQUARE > 3, "5 of 9 elements"),
    ],
)
def test_elements_are_named_by_their_place(mask, words):
    assert places(mask) == words


@pytest.mark.parametrize(
    ("x", "mask", "words"),
    [
        ([-1, 2, -3, 4, 5, -6], lambda x: x < 0, "the elements where the input is negative"),
        ([1, 2, 3, 4, 5, 6, 7], lambda x: x > 4, "the elements with the largest inputs, 5 and above"),
        ([-1, 2, 3, -4, 5, -6, 7], lambda x: abs(x) > 4, "the elements with the largest absolute inputs, 5 and above"),
        ([1, 2, 3], lambda x: x > 2, "index 2 of axis 0 (the last)"),
    ],
)
def test_elements_are_named_by_their_values_unless_that_may_be_chance(x, mask, words):
    x = np.array(x, dtype=float)
    assert places(mask(x), x) == words
