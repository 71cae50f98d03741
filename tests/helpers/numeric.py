"""Numbers in tests: vectors of float64, comparisons that name the worst element, numerical derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tinygrad_lecture as tl

Array = NDArray[Any]
Function = Callable[[list[Any]], Sequence[Array]]

COMPLEX_STEP = 1e-20  # its square underflows: no truncation error, and no cancellation


def leaf(*values: float) -> tl.Tensor:
    """A vector that requires grad."""
    return tl.tensor(list(values), dtype=tl.float64, requires_grad=True)


def constant(*values: float) -> tl.Tensor:
    return tl.tensor(list(values), dtype=tl.float64)


def close(got: tl.Tensor, expected: Any) -> None:
    """Fail unless a Tensor has the expected values, to twelve digits."""
    np.testing.assert_allclose(got.detach().numpy(), expected, rtol=1e-12, atol=1e-12)


def differences(
    function: Function, inputs: Sequence[Any], position: int, upstreams: Sequence[Array], complex_step: bool = False
) -> Array:
    """The gradient of sum(upstream * out) over a function's results, with respect to inputs[position], independent of
    the engine.

    Uses central differences in float64 or, for analytic functions, the complex-step method.
    """
    gradient = np.empty(inputs[position].shape)
    if complex_step:
        inputs = [x.astype(complex) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in inputs]
    for element in np.ndindex(gradient.shape):

        def at(step: complex, element: tuple[int, ...] = element) -> complex:
            moved = np.array(inputs[position])
            moved[element] += step
            outs = function([*inputs[:position], moved, *inputs[position + 1 :]])
            return sum((complex((u * out).sum()) for u, out in zip(upstreams, outs, strict=True)), 0j)

        if complex_step:
            gradient[element] = at(COMPLEX_STEP * 1j).imag / COMPLEX_STEP
        else:
            step = float(np.cbrt(np.finfo(float).eps)) * max(1.0, abs(float(inputs[position][element])))
            gradient[element] = (at(step) - at(-step)).real / (2 * step)
    return gradient


def assert_close(got: Any, expected: Any, what: str, rtol: float, atol: float | None = None) -> None:
    """Fail, naming the worst element, unless shapes are equal and values agree within rtol * |expected| + atol.

    what: the name of the result in the message.  atol: rtol by default.
    """
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{what}: shape {got.shape}, expected {expected.shape}"
    with np.errstate(all="ignore"):
        wide_got, wide = got.astype(float), expected.astype(float)
        error = np.abs(wide_got - wide) - rtol * np.abs(wide)
        same = (wide_got == wide) | (np.isnan(wide_got) & np.isnan(wide))
        wrong = ~(same | (error <= (rtol if atol is None else atol)))
    if wrong.any():
        worst = np.unravel_index(int(np.argmax(np.where(wrong, np.nan_to_num(error, nan=np.inf), -np.inf))), got.shape)
        element = tuple(int(i) for i in worst)
        raise AssertionError(
            f"{what}: element {element} is {got[element]!r}, expected {expected[element]!r}; "
            f"{int(wrong.sum())} of {got.size} elements are wrong\ngot\n{got}\nexpected\n{expected}"
        )


def assert_same_bits(got: Any, expected: Any, what: str) -> None:
    """Fail unless two arrays have the same shape, dtype and bits."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.dtype == expected.dtype, f"{what}: dtype {got.dtype}, expected {expected.dtype}"
    same = got.shape == expected.shape and got.tobytes() == expected.tobytes()
    if not same:
        assert_close(got, expected, what, rtol=0)
        raise AssertionError(
            f"{what}: equal values, different bits (as -0.0 and 0.0)\ngot\n{got}\nexpected\n{expected}"
        )
