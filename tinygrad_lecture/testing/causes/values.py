"""Causes of a wrong result that any function can have, found from what was got and what was expected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ...backend import Array
from ..search import Args

Example: TypeAlias = tuple[Args, Array, Array]  # arguments, expected, got
Cause: TypeAlias = tuple[str, str]  # hint, sentence


def cause_of_values(examples: Sequence[Example]) -> Cause | None:
    """The first cause that explains all examples: arguments with the expected result and the one that was got."""
    if not examples:
        return None
    for find in (_not_finite, _zero, _sign, _factor, _offset, _transposed, _reversed, _first_input, _constant):
        cause = find(examples)
        if cause is not None:
            return cause
    return None


def cause_of_shape(expected: Array, got: Array) -> Cause:
    """Why the shape of a result differs."""
    a, b = expected.shape, got.shape
    if expected.ndim > 1 and b == a[::-1]:
        return "transposed", "the axes are in the reverse order: the result is transposed"
    if tuple(n for n in b if n != 1) == tuple(n for n in a if n != 1) and len(b) != len(a):
        if len(b) > len(a):
            return "axis-kept", "an axis of size 1 is left: is keepdims=True where it should not be?"
        return "axis-lost", "an axis of size 1 is missing: is keepdims=True missing?"
    if len(a) == len(b) and all(n == k or n == 1 for n, k in zip(a, b, strict=True)):
        return "keepdims", (
            "broadcasting has stretched the result: is an array transposed that must not be, has a sum, mean or "
            "maximum lost its axis (keepdims=True keeps it), or does `*` stand for `@`?"
        )
    if got.ndim < expected.ndim:
        return "summed-too-far", "too many axes are summed over, or reduced in another way: look at axis=..."
    if got.ndim > expected.ndim:
        return "not-reduced", "an axis is left over: a sum over it is missing, or axis=... names another one"
    return "shape", "axes have another size: are two swapped that must not be, or is another one summed over?"


def _all(examples: Sequence[Example], wanted: Callable[[Array, Array], Any]) -> bool:
    return all(e.shape == g.shape and _near(wanted(e, g), g) for _, e, g in examples)


def _near(a: Any, b: Array) -> bool:
    return np.shape(a) == b.shape and bool(np.allclose(a, b, rtol=1e-5, atol=1e-8))


def _not_finite(examples: Sequence[Example]) -> Cause | None:
    bad = [not np.isfinite(g).all() and np.isfinite(e).all() for _, e, g in examples]
    if not all(bad):
        return None
    if all(np.isnan(g).any() for _, _, g in examples):
        return "not-finite", "there is a nan: a division 0 / 0, inf - inf, or the logarithm of a negative number"
    return "overflow", "np.exp of a large number overflows to inf; rearrange the formula so that only small ones occur"


def _zero(examples: Sequence[Example]) -> Cause | None:
    if all(not g.any() for _, _, g in examples) and any(e.any() for _, e, _ in examples):
        return "zero", "the result is 0 everywhere, whatever the input"
    return None


def _sign(examples: Sequence[Example]) -> Cause | None:
    if _all(examples, lambda e, g: -e) and any(e.any() for _, e, _ in examples):
        return "wrong-sign", "the sign is wrong: this is minus the right result"
    return None


def _factor(examples: Sequence[Example]) -> Cause | None:
    factors = [_ratio(e, g) for _, e, g in examples if e.any()]
    if not factors or any(f is None for f in factors):
        return None
    first = factors[0]
    if all(f is not None and first is not None and abs(f - first) < 1e-5 * abs(first) for f in factors):
        return "constant-factor", f"a constant factor is wrong: everything is {first:.4g} times the right result"
    sizes = [[n for a in args if isinstance(a, np.ndarray) for n in (a.size, *a.shape)] for args, _, _ in examples]
    for power, says in ((1, "multiplied by"), (-1, "divided by"), (0.5, "multiplied by the root of")):
        for k in range(min(len(s) for s in sizes)):
            wanted = [s[k] ** power for s, (_, e, _) in zip(sizes, examples, strict=True) if e.any()]
            if all(f is not None and abs(f - w) < 1e-5 * abs(w) for f, w in zip(factors, wanted, strict=True)):
                return "size-factor", f"the result is {says} a size of the input too often or too seldom"
    return None


def _ratio(e: Array, g: Array) -> float | None:
    if e.shape != g.shape or not (np.isfinite(g).all() and np.isfinite(e).all()):
        return None
    power = float((e * e).sum())
    ratio = float((e * g).sum()) / power if power else 0.0
    return ratio if ratio and np.allclose(ratio * e, g, rtol=1e-5, atol=1e-8) else None


def _offset(examples: Sequence[Example]) -> Cause | None:
    if any(e.shape != g.shape or not e.size or not np.isfinite(g).all() for _, e, g in examples):
        return None
    offsets = [(g - e).ravel()[0] for _, e, g in examples]
    if max(offsets) - min(offsets) < 1e-8 and _all(examples, lambda e, g: e + offsets[0]) and len(examples) > 1:
        return "constant-term", f"a constant is added: everything is {offsets[0]:+.4g} off"
    return None


def _transposed(examples: Sequence[Example]) -> Cause | None:
    if all(e.ndim >= 2 for _, e, _ in examples) and _all(examples, lambda e, g: e.swapaxes(-1, -2)):
        return "transposed", "rows and columns are swapped: this is the transpose of the right result"
    return None


def _reversed(examples: Sequence[Example]) -> Cause | None:
    if all(e.ndim >= 1 for _, e, _ in examples) and _all(examples, lambda e, g: e[::-1]):
        return "reversed", "the right numbers in the reverse order"
    return None


def _first_input(examples: Sequence[Example]) -> Cause | None:
    for k in range(len(examples[0][0])):
        given = [args[k] for args, _, _ in examples]
        if all(isinstance(x, np.ndarray) and _near(x, g) for x, (_, _, g) in zip(given, examples, strict=True)):
            return "unchanged", f"argument {k} is returned as it came"
    return None


def _constant(examples: Sequence[Example]) -> Cause | None:
    results = [g for _, _, g in examples]
    if len(results) > 2 and len({g.shape for g in results}) == 1 and all(_near(results[0], g) for g in results):
        return "hard-coded", "the result is the same whatever the input; compute it from the arguments"
    return None
