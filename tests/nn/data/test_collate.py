"""Rows collated into batches: stacked, field by field."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import tinygrad_lecture as tl
from nn.data import default_collate, default_convert

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
