"""Rows collated into batches: stacked or padded, field by field."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from nn.data import PadSequences, pad_sequence, stack_rows

sequences = st.lists(st.lists(st.integers(1, 99), max_size=7), min_size=1, max_size=5)


@given(sequences, st.sampled_from(["right", "left"]))
def test_padding_keeps_every_token(rows, side):
    batch = pad_sequence(rows, padding_value=0, side=side).tolist()
    longest = max(map(len, rows))
    for row, padded in zip(rows, batch, strict=True):
        padding = [0] * (longest - len(row))
        assert padded == (row + padding if side == "right" else padding + row)


def test_sequences_of_vectors_keep_dtype_and_gradient():
    long, short = tl.ones(3, 2, dtype=tl.float64, requires_grad=True), tl.ones(1, 2, dtype=tl.float64)
    batch = pad_sequence([long, short], padding_value=-1)
    assert (batch.shape, batch.dtype) == ((2, 3, 2), tl.float64)
    assert batch[1].tolist() == [[1, 1], [-1, -1], [-1, -1]]
    batch.sum().backward()
    assert long.grad.tolist() == [[1, 1]] * 3


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        ([], {}, "no sequences"),
        ([np.ones((2, 3)), np.ones((2, 4))], {}, r"\(2, 3\) and \(2, 4\)"),
        ([1, 2], {}, r"\(\) and \(\)"),
        ([[1]], {"side": "top"}, "'right' or 'left', not 'top'"),
        ([[1, 2, 3], [4.5]], {}, "one dtype, but have float32, int64"),
        ([[1, 2]], {"padding_value": 0.5}, "padding_value 0.5 does not fit dtype int64"),
        ([np.uint8([1])], {"padding_value": -1}, "padding_value -1 does not fit dtype uint8"),
    ],
)
def test_sequences_that_cannot_be_padded_are_refused(rows, settings, message):
    with pytest.raises(ValueError, match=message):
        pad_sequence(rows, **settings)


SENTENCES = [([5, 6, 7], 1), ([8], 0), ([9, 9], 1)]


def test_a_loader_pads_each_batch_to_its_longest():
    loader = nn.DataLoader(SENTENCES, 2, collate_fn=PadSequences(mask=True))
    (tokens, labels, mask), (last, _, whole) = list(loader)
    assert tokens.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert labels.tolist() == [1, 0]
    assert mask.tolist() == [[True, True, True], [True, False, False]]
    assert last.tolist() == [[9, 9]]
    assert whole.tolist() == [[True, True]]


def test_rows_that_are_one_sequence_each():
    collate = PadSequences(padding_value=-1, side="left")
    assert collate([[1, 2], [3]]).tolist() == [[1, 2], [-1, 3]]
    tokens, mask = PadSequences(mask=True)([tl.tensor([1, 2]), tl.tensor([3])])
    assert tokens.tolist() == [[1, 2], [3, 0]]
    assert mask.tolist() == [[True, True], [True, False]]


def test_rows_of_one_shape_are_stacked():
    loader = nn.DataLoader([(np.float32([1, 2]), 3), (np.float32([4, 5]), 6)], 2)
    x, y = next(iter(loader))
    assert (x.tolist(), x.dtype, y.tolist()) == ([[1, 2], [4, 5]], tl.float32, [3, 6])
    assert stack_rows([1.5, 2.5]).tolist() == [1.5, 2.5]


def test_rows_that_do_not_fit_together_are_refused():
    with pytest.raises(ValueError, match=r"different shapes, \(1,\), \(2,\).*PadSequences"):
        stack_rows([[1], [1, 2]])
    with pytest.raises(ValueError, match=r"the same number of fields, but have \[1, 2\]"):
        stack_rows([(1,), (1, 2)])
    with pytest.raises(ValueError, match="at least one row"):
        stack_rows([])
