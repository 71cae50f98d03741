"""Rows collated into batches: stacked or padded, field by field."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lecture as tl
from nn.data import default_collate, default_convert, pad_sequence

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


Point = namedtuple("Point", ["x", "name"])


def test_dicts_lists_named_tuples_and_strings_are_collated_by_field():
    rows = [{"a": (i, float(i)), "b": Point(tl.tensor([i]), f"row{i}"), "c": [True]} for i in range(2)]
    batch = default_collate(rows)
    assert [x.tolist() for x in batch["a"]] == [[0, 1], [0.0, 1.0]]
    assert type(batch["b"]) is Point and batch["b"].x.tolist() == [[0], [1]] and batch["b"].name == ("row0", "row1")
    assert batch["c"][0].tolist() == [True, True]
    assert type(default_collate([OrderedDict(a=1), OrderedDict(a=2)])) is OrderedDict


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([1, 2], "int64"), ([1.5, 2.0], "float64"), ([True, False], "bool"), (np.float32([1, 2]), "float32"),
     ([np.uint8(1)], "uint8"), ([np.zeros(2, np.float32)], "float32"), ([tl.ones(2).half()], "float16")],
)  # fmt: skip
def test_dtypes_are_those_of_pytorch(values, dtype):
    assert default_collate(list(values)).dtype.name == dtype


def test_gradients_flow_through_a_batch():
    x = tl.ones(2, requires_grad=True)
    default_collate([x, x * 2]).sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_a_row_alone_has_its_arrays_converted():
    row = default_convert({"x": np.arange(2), "y": ["text", 3, np.float32(2)], "z": Point(np.ones(1), None)})
    assert isinstance(row["x"], tl.Tensor) and isinstance(row["z"].x, tl.Tensor)
    assert row["y"][:2] == ["text", 3] and row["y"][2].dtype == tl.float32


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([tl.ones(1), tl.ones(2)], ValueError, r"different shapes, \(1,\), \(2,\).*pad_sequence"),
        ([1, tl.ones(2)], ValueError, r"different shapes, \(\), \(2,\)"),
        ([(1,), (1, 2)], ValueError, r"the same number of fields, but have \[1, 2\]"),
        ([[1], [1, 2]], ValueError, r"the same number of fields, but have \[1, 2\]"),
        ([], ValueError, "at least one row"),
        ([(1, None)], TypeError, "not None; give the DataLoader a collate_fn"),
        ([{1, 2}], TypeError, "not a set"),
    ],
)
def test_rows_that_do_not_make_a_batch_are_refused(rows, error, message):
    with pytest.raises(error, match=message):
        default_collate(rows)
