"""Columns are aligned, and values are put into words."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from tinygrad_lecture.errors import aligned, kind_of


def test_each_column_is_as_wide_as_its_widest_cell():
    rows = [["name", "size", ""], ["W", "12", "new"], ["b_long", "3", ""]]
    assert aligned(rows) == ["name    size", "W       12    new", "b_long  3"]
    assert aligned(rows, right=[1]) == ["name    size", "W         12  new", "b_long     3"]
    assert aligned([]) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (tl.ones(2, 3), "a Tensor of shape (2, 3), float32"),
        (np.ones(2), "an array of shape (2,), float64"),
        (None, "None"),
        (1, "an int"),
        ("x", "a str"),
        ((), "an empty tuple"),
        ([1, None], "a list of an int and None"),
    ],
)
def test_values_in_words(value, words):
    assert kind_of(value) == words
