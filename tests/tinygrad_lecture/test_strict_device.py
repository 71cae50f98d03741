"""The op table on the strict stand-in for CuPy: ops use nothing that CuPy lacks and never wait for the GPU."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import drive
import strict_device  # noqa: F401 - makes device="strict" known
from numeric import assert_close
from op_table import TABLE, Row
from strategies import Sample
from strict_cupy import StrictArray, no_synchronisation, strict

TIGHT = 1e-11
ALL = list(TABLE.values())
DIFFERENTIABLE = [r for r in ALL if r.differentiable]


def each(rows: list[Row]) -> pytest.MarkDecorator:
    """One test per row, named after its op."""
    return pytest.mark.parametrize("row", rows, ids=[r.name for r in rows])


def draw(row: Row, data: st.DataObject) -> tuple[Sample, AbstractContextManager[Any]]:
    """A sample whose result CuPy defines, and the context to run it in, where waiting for the device raises."""
    sample = data.draw(row.samples)
    assume(not row.undefined(sample))
    return sample, nullcontext() if row.waits(sample) else no_synchronisation()


@each(ALL)
@settings(max_examples=15)
@given(data=st.data())
def test_arrays(row: Row, data: st.DataObject) -> None:
    """Device arrays in, device arrays out."""
    sample, during = draw(row, data)
    inputs = [strict.asarray(x) if isinstance(x, np.ndarray) else x for x in sample.inputs]
    with during:
        results = row.run(inputs, sample.settings)
    for result, wanted in zip(results, row.expected(sample), strict=True):
        if "device" not in sample.settings:
            assert isinstance(result, StrictArray), f"{row.name} made {type(result)} of device arrays"
        assert_close(drive.host(result), wanted, f"{row.name} on the device", TIGHT)


@each(ALL)
@settings(max_examples=15)
@given(data=st.data())
def test_forward_and_backward(row: Row, data: st.DataObject) -> None:
    """Values and gradients equal NumPy's."""
    sample, during = draw(row, data)
    there, here = drive.first_order(row, sample, "strict", during=during), drive.first_order(row, sample)
    for what, got, expected in zip(("value", "gradient"), there, here, strict=True):
        for a, b in zip(got, expected, strict=True):
            assert a.dtype == b.dtype
            assert_close(a, b, f"{what} of {row.name} on the device", TIGHT)


@each(DIFFERENTIABLE)
@settings(max_examples=6)
@given(data=st.data())
def test_gradient_of_gradient(row: Row, data: st.DataObject) -> None:
    """Second derivatives equal NumPy's."""
    sample, during = draw(row, data)
    there, here = drive.second_order(row, sample, "strict", during=during), drive.second_order(row, sample)
    for a, b in zip([*there[0], *there[1]], [*here[0], *here[1]], strict=True):
        assert_close(a, b, f"second derivative of {row.name} on the device", TIGHT)


@each([r for r in ALL if r.fused])
@settings(max_examples=10)
@given(data=st.data())
def test_float32_kernels(row: Row, data: st.DataObject) -> None:
    """Kernels in float32, the usual dtype on GPUs."""
    sample, during = draw(row, data)
    sample = drive.cast(sample, "float32")
    there, here = drive.first_order(row, sample, "strict", during=during), drive.first_order(row, sample)
    for a, b in zip([*there[0], *there[1]], [*here[0], *here[1]], strict=True):
        assert a.dtype == b.dtype == np.float32
        assert_close(a, b, f"{row.name} in float32 on the device", 1e-5)
