"""torch.testing: assert_close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import tinygrad_lecture as tl

TOLERANCES = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}  # (rtol, atol) of PyTorch


def assert_close(
    actual: Any, expected: Any, *, rtol: Any = None, atol: Any = None, equal_nan: bool = False,
    check_dtype: bool = True, msg: Any = None, **options: Any,
) -> None:  # fmt: skip
    """Raise AssertionError unless |actual - expected| <= atol + rtol * |expected| everywhere, with equal shapes.

    actual, expected: tensors, arrays, numbers, or lists and dicts of these. rtol, atol: by default PyTorch's for the
    dtype.  check_dtype: whether dtypes must be equal.  msg: the message instead, or a function of it.
    """
    try:
        _compare(actual, expected, rtol, atol, equal_nan, check_dtype)
    except AssertionError as error:
        raise AssertionError(msg(str(error)) if callable(msg) else str(error) if msg is None else msg) from None


def _compare(a: Any, b: Any, rtol: Any, atol: Any, *settings: bool) -> None:
    """Compare two values, and those in lists and dicts. settings: equal_nan, check_dtype."""
    if isinstance(b, Mapping):
        if not isinstance(a, Mapping) or a.keys() != b.keys():
            raise AssertionError(f"The keys of the mappings do not match: {list(a)} and {list(b)}")
        a, b = [a[key] for key in b], list(b.values())
    if isinstance(b, Sequence) and not isinstance(b, str):
        if len(a) != len(b):
            raise AssertionError(f"The length of the sequences mismatch: {len(a)} != {len(b)}")
        for pair in zip(a, b, strict=True):
            _compare(*pair, rtol, atol, *settings)
        return
    equal_nan, check_dtype = settings
    numbers = isinstance(a, (int, float)) and isinstance(b, (int, float))
    x, y = (tl.as_tensor(v, dtype=tl.float64 if numbers else None).detach() for v in (a, b))
    for name in ("shape", "dtype") if check_dtype and not numbers else ("shape",):
        if getattr(x, name) != getattr(y, name):
            raise AssertionError(
                f"The values for attribute {name!r} do not match: {getattr(x, name)}, {getattr(y, name)}"
            )
    usual = max(TOLERANCES.get(t.dtype.name, (0.0, 0.0)) for t in (x, y))
    rtol, atol = (value if given is None else given for given, value in zip((rtol, atol), usual, strict=True))
    said = "Tensor-likes are not close!"
    np.testing.assert_allclose(x.numpy(), y.numpy(), rtol, atol, equal_nan=equal_nan, err_msg=said)
