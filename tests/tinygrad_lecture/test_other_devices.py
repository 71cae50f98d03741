"""The op table on other devices: ops use nothing that CuPy lacks, never wait for the GPU, and compute what NumPy does.

The strict stand-in for CuPy runs everywhere, a real GPU with `pytest -m gpu`.
"""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from op_table import TABLE, Row

import drive
import strict_device  # noqa: F401 - makes device="strict" known
from numeric import assert_close
from strategies import Sample
from strict_cupy import StrictArray, no_synchronisation, strict
from tinygrad_lecture.backend import resolve

TOLERANCE = {"strict": 1e-11, "float64": 1e-10, "float32": 2e-5}
ALL = list(TABLE.values())
DIFFERENTIABLE = [r for r in ALL if r.differentiable]
GPU = [pytest.param("cuda", dtype, marks=pytest.mark.gpu) for dtype in ("float64", "float32")]
examples = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first launches compile


def each(rows: list[Row]) -> pytest.MarkDecorator:
    """One test per row, named after its op."""
    return pytest.mark.parametrize("row", rows, ids=[r.name for r in rows])


@cache
def why_no_gpu() -> str | None:
    """What is missing for a GPU, or None. Called when a test runs, not at import: importing CuPy is slow."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # CuPy warns about the machine's CUDA installation
            resolve("cuda")
    except RuntimeError as error:
        return str(error)
    return None


def draw(row: Row, data: st.DataObject, device: str = "strict") -> tuple[Sample, AbstractContextManager[Any]]:
    """A sample whose result CuPy defines, and the context to run it in: on the strict device, waiting for it raises."""
    if device == "cuda" and why_no_gpu():
        pytest.skip(why_no_gpu() or "")
    sample = data.draw(row.samples)
    assume(not row.undefined(sample))
    return sample, nullcontext() if device == "cuda" or row.waits(sample) else no_synchronisation()


def compare(
    row: Row, sample: Sample, device: str, tolerance: float, run: Any = drive.first_order, **options: Any
) -> None:
    """What a run gives on a device, value and gradient or two derivatives, equals NumPy's, dtypes included."""
    there, here = run(row, sample, device, **options), run(row, sample)
    for part, got, expected in zip(("first", "second"), there, here, strict=True):
        for a, b in zip(got, expected, strict=True):
            assert a.dtype == b.dtype
            assert_close(a, b, f"the {part} result of {row.name} on the device", tolerance)


@each(ALL)
@settings(max_examples=8)
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
        assert_close(drive.host(result), wanted, f"{row.name} on the device", TOLERANCE["strict"])


@each(ALL)
@pytest.mark.parametrize(("device", "dtype"), [("strict", "strict"), *GPU])
@settings(examples, max_examples=8)
@given(data=st.data())
def test_forward_and_backward(row: Row, device: str, dtype: str, data: st.DataObject) -> None:
    """Values and gradients equal NumPy's."""
    sample, during = draw(row, data, device)
    sample = sample if dtype == "strict" else drive.cast(sample, dtype)
    compare(row, sample, device, TOLERANCE[dtype], during=during)


@each(DIFFERENTIABLE)
@pytest.mark.parametrize(("device", "dtype"), [("strict", "strict"), GPU[0]])
@settings(examples, max_examples=4)
@given(data=st.data())
def test_gradient_of_gradient(row: Row, device: str, dtype: str, data: st.DataObject) -> None:
    """Second derivatives equal NumPy's."""
    sample, during = draw(row, data, device)
    compare(row, sample, device, TOLERANCE[dtype], drive.second_order, during=during)


@each([r for r in ALL if r.fused])
@settings(max_examples=10)
@given(data=st.data())
def test_float32_kernels(row: Row, data: st.DataObject) -> None:
    """Kernels in float32, the usual dtype on GPUs."""
    sample, during = draw(row, data)
    compare(row, drive.cast(sample, "float32"), "strict", 1e-5, during=during)
