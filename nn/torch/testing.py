"""torch.testing: assert_close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

TOLERANCES = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}  # (rtol, atol) of PyTorch


def assert_close(
    actual: Any, expected: Any, *, rtol: Any = None, atol: Any = None, equal_nan: bool = False,
    check_dtype: bool = True, msg: Any = None, **options: Any,
) -> None:  # fmt: skip
    """Raise AssertionError unless |actual - expected| <= atol + rtol * |expected| everywhere, with equal shapes.

    actual, expected: tensors, arrays, numbers, or lists and dicts of these. rtol, atol: by default PyTorch's for the
    dtype.  check_dtype: whether dtypes must be equal.  msg: the message instead, or a function of it.
    """
    if isinstance(expected, Mapping):
        if not isinstance(actual, Mapping) or actual.keys() != expected.keys():
            raise AssertionError(f"The keys of the mappings do not match: {list(actual)} and {list(expected)}")
        actual, expected = [actual[key] for key in expected], list(expected.values())
    if isinstance(expected, Sequence) and not isinstance(expected, str):
        if len(actual) != len(expected):
            raise AssertionError(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}")
        for a, b in zip(actual, expected, strict=True):
            assert_close(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=check_dtype, msg=msg)
    elif said := _difference(actual, expected, rtol, atol, equal_nan, check_dtype):
        raise AssertionError(msg(said) if callable(msg) else said if msg is None else msg)


def _difference(a: Any, b: Any, rtol: Any, atol: Any, equal_nan: bool, check_dtype: bool) -> str | None:
    """How a differs from b, as a sentence; None if it is close."""
    numbers = isinstance(a, (int, float)) and isinstance(b, (int, float))
    x, y = (tl.as_tensor(v, dtype=tl.float64 if numbers else None).detach() for v in (a, b))
    if x.shape != y.shape:
        return f"The values for attribute 'shape' do not match: {x.shape} != {y.shape}."
    if check_dtype and not numbers and x.dtype != y.dtype:
        return f"The values for attribute 'dtype' do not match: {x.dtype} != {y.dtype}."
    widest = max((t.dtype.name for t in (x, y)), key=lambda name: TOLERANCES.get(name, (0, 0)))
    usual = TOLERANCES.get(widest, (0.0, 0.0))
    rtol, atol = (value if given is None else given for given, value in zip((rtol, atol), usual, strict=True))
    p, q = x.numpy().astype(np.float64), y.numpy().astype(np.float64)
    wrong = ~np.isclose(p, q, rtol, atol, equal_nan)
    if not wrong.any():
        return None
    with np.errstate(all="ignore"):
        largest = float(np.nanmax(np.abs(p - q)[wrong], initial=0))
    return (
        f"Tensor-likes are not close!\n\nMismatched elements: {wrong.sum()} / {wrong.size} ({wrong.mean():.1%})\n"
        f"Greatest absolute difference: {largest} (up to {atol} allowed); relative tolerance {rtol}"
    )


def assert_allclose(actual: Tensor, expected: Any, rtol: Any = None, atol: Any = None, **options: Any) -> None:
    """`assert_close` without a check of dtypes."""
    assert_close(actual, tl.as_tensor(expected), rtol=rtol, atol=atol, equal_nan=True, check_dtype=False)
