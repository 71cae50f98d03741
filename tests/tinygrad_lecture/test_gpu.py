"""The op table on a real GPU: CuPy against NumPy. Without a GPU these tests are skipped, with the reason."""

from __future__ import annotations

import warnings
from functools import cache

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import drive
from numeric import assert_close
from op_table import TABLE, Row
from tinygrad_lecture.backend import resolve

pytestmark = pytest.mark.gpu

TOLERANCE = {"float64": 1e-10, "float32": 2e-5}
ALL = list(TABLE.values())


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


@pytest.fixture(autouse=True)
def _needs_gpu() -> None:
    reason = why_no_gpu()
    if reason is not None:
        pytest.skip(reason)


def each(rows: list[Row]) -> pytest.MarkDecorator:
    """One test per row, named after its op."""
    return pytest.mark.parametrize("row", rows, ids=[r.name for r in rows])


examples = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first launches compile


@each(ALL)
@pytest.mark.parametrize("dtype", TOLERANCE)
@settings(examples, max_examples=15)
@given(data=st.data())
def test_forward_and_backward(row: Row, dtype: str, data: st.DataObject) -> None:
    """Values and gradients equal NumPy's."""
    sample = data.draw(row.samples)
    assume(not row.undefined(sample))
    sample = drive.cast(sample, dtype)
    there, here = drive.first_order(row, sample, "cuda"), drive.first_order(row, sample)
    for what, got, expected in zip(("value", "gradient"), there, here, strict=True):
        for a, b in zip(got, expected, strict=True):
            assert a.dtype == b.dtype
            assert_close(a, b, f"{what} of {row.name} on the GPU", TOLERANCE[dtype])


@each([r for r in ALL if r.differentiable])
@settings(examples, max_examples=6)
@given(data=st.data())
def test_gradient_of_gradient(row: Row, data: st.DataObject) -> None:
    """Second derivatives equal NumPy's."""
    sample = data.draw(row.samples)
    assume(not row.undefined(sample))
    there, here = drive.second_order(row, sample, "cuda"), drive.second_order(row, sample)
    for a, b in zip([*there[0], *there[1]], [*here[0], *here[1]], strict=True):
        assert_close(a, b, f"second derivative of {row.name} on the GPU", TOLERANCE["float64"])
