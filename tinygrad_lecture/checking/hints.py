"""What is likely the matter with a wrong gradient: a table of hints, the simplest explanation first.

Each hint is a small function of a `Case` that returns a sentence, or None where its pattern does not fit; the decorator
names it and puts it into the table. Most compare what was got with what one known mistake would have given, element by
element. The upstream gradient is random, so a pattern that fits every element to five digits is no accident.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import combinations, permutations, product
from typing import TypeAlias

import numpy as np

from ..backend import Array, Shape, is_array, to_host
from .case import Case, same, summed, weight

Hint: TypeAlias = Callable[[Case], str | None]
HINTS: list[tuple[str, Hint]] = []


def hint(name: str) -> Callable[[Hint], Hint]:
    """Put a hint at the end of the table."""

    def add(function: Hint) -> Hint:
        HINTS.append((name, function))
        return function

    return add


def diagnose(case: Case) -> tuple[str, str] | None:
    """The name and the sentence of the first hint that fits, or None."""
    with np.errstate(all="ignore"):
        for name, function in HINTS:
            text = function(case)
            if text is not None:
                return name, text
    return None


# --- one mistake in all elements ----------------------------------------------------------------------------


@hint("not-finite")
def _(case: Case) -> str | None:
    if np.isfinite(case.got[case.wrong]).all():
        return None
    return "the rule gives nan or inf where the derivative is finite: does it divide by 0, or 0 times inf?"


@hint("nearly-right")
def _(case: Case) -> str | None:
    error = np.abs(case.got - case.expected)[case.wrong]
    if not np.all(error <= 2e-3 * np.abs(case.expected[case.wrong])):
        return None
    return "it is nearly right: a constant with too few digits, a forgotten small term such as eps, or float32 inside?"


@hint("zero")
def _(case: Case) -> str | None:
    return "the rule gives 0 everywhere: nothing gets through" if not case.got[~case.kinks].any() else None


@hint("mask-missing")
def _(case: Case) -> str | None:
    should_be_0 = (case.expected == 0) & ~case.kinks
    if not np.array_equal(case.wrong, should_be_0) or case.wrong.all():
        return None
    return "it is wrong exactly where it should be 0: the output does not depend on these elements; is a mask missing?"


@hint("partly-zero")
def _(case: Case) -> str | None:
    if case.wrong.all() or case.got[case.wrong].any():
        return None
    return "some elements get no gradient at all, and the others are right: does a mask block too much?"


@hint("wrong-sign")
def _(case: Case) -> str | None:
    if not case.fits(-case.expected):
        return None
    return "every element has the wrong sign: is a minus missing, or is there one too many?"


@hint("upstream-ignored")
def _(case: Case) -> str | None:
    candidate = case.pulled(np.ones_like(case.upstream))
    if candidate is None or not case.fits(candidate):
        return None
    return "this is the derivative alone: the rule ignores the upstream gradient g and should multiply by it"


@hint("upstream-twice")
def _(case: Case) -> str | None:
    candidate = case.pulled(case.upstream**2)
    if candidate is None or not case.fits(candidate):
        return None
    return "the upstream gradient g is in the product twice; once is right"


@hint("upstream-added")
def _(case: Case) -> str | None:
    reached = case.reached()
    if reached is None or case.jacobian is None:
        return None
    derivative = case.jacobian.sum(axis=0).reshape(case.x.shape)
    if not case.fits(case.upstream[reached] + derivative):
        return None
    return "this is the upstream gradient g plus the derivative: the rule should multiply them"


@hint("constant-factor")
def _(case: Case) -> str | None:
    factor = _factor(case)
    tidy = None if factor is None else Fraction(factor).limit_denominator(64)
    if factor is None or tidy is None or abs(float(tidy) - factor) > 1e-6 * abs(factor):
        return None
    amount = f"{tidy} of" if 0 < factor < 1 else f"{tidy} times"
    cause = "is a constant factor missing" if abs(factor) < 1 else "is there a constant factor too many"
    cause += _reduction(abs(tidy), case) or (", or one of two equal terms" if tidy == Fraction(1, 2) else "")
    cause += ", and is the sign wrong" if factor < 0 else ""
    return f"every element is {amount} what it should be, so times {1 / tidy} it would be right: {cause}?"


def _factor(case: Case) -> float | None:
    """The factor, not 0 or 1, by which all elements are off; None if there is none."""
    factor = weight(case.got, case.expected, ~case.kinks)
    return factor if factor and case.fits(factor * case.expected) else None


def _reduction(factor: Fraction, case: Case) -> str:
    """What a factor may have to do with the number of elements that a sum goes over, if there is any sum."""
    if case.jacobian is not None and all((np.count_nonzero(case.jacobian, axis=a) <= 1).all() for a in (0, 1)):
        return ""
    for n in sorted({*case.x.shape, case.x.size, *(case.out.shape if case.out is not None else ())} - {0, 1}):
        if factor == Fraction(1, n):
            return f", or a mean taken for a sum ({n} is the size of an axis)"
        if factor == n:
            return f", or a sum taken for a mean ({n} is the size of an axis)"
        if factor in (Fraction(n - 1, n), Fraction(n, n - 1)):
            return f", or n taken for n - 1 ({n} is the size of an axis)"
    return ""


@hint("wrong-axis")
def _(case: Case) -> str | None:
    if case.jacobian is None or case.out is None:
        return None
    wide, narrow, what = case.out, case.x, "the sum goes over axis {} of the output, and should go over {}"
    if (np.count_nonzero(case.jacobian, axis=1) == 1).all():  # x was broadcast: its contributions are summed
        terms = (case.upstream * case.jacobian.sum(axis=1)).reshape(case.out.shape)
        found = {over: terms.sum(axis=over) for over in _reducing(wide.shape, narrow.shape)}
    elif (np.count_nonzero(case.jacobian, axis=0) == 1).all():  # x was summed: the upstream gradient is spread
        wide, narrow = narrow, wide
        what = "the upstream gradient is spread along axis {} of the input, and should be along {}"
        derivative = case.jacobian.sum(axis=0).reshape(case.x.shape)
        upstream = case.upstream.reshape(case.out.shape)
        found = {over: derivative * _spread(upstream, wide.shape, over) for over in _reducing(wide.shape, narrow.shape)}
    else:
        found = _sums_within(case)
        what = "a sum or mean within the rule goes over axis {}, and should go over {}"
    found = {over: candidate.reshape(case.x.shape) for over, candidate in found.items()}
    right = [over for over, candidate in found.items() if same(candidate, case.expected, ~case.kinks)]
    taken = [over for over, candidate in found.items() if case.fits(candidate)]
    return what.format(_axes(taken[0]), _axes(right[0])) if right and taken else None


def _reducing(wide: Shape, narrow: Shape) -> list[tuple[int, ...]]:
    """The axes to sum over, to come from one shape to another, axes of size 1 aside: all choices."""
    rank, kept = len(wide), [n for n in narrow if n != 1]
    choices = (over for k in range(1, rank + 1) for over in combinations(range(rank), k))
    return [over for over in choices if [n for a, n in enumerate(wide) if a not in over and n != 1] == kept]


def _spread(array: Array, shape: Shape, over: tuple[int, ...]) -> Array:
    """An array that was summed over axes, repeated along them."""
    return np.broadcast_to(array.reshape([1 if a in over else n for a, n in enumerate(shape)]), shape)


def _sums_within(case: Case) -> dict[tuple[int, ...], Array]:
    """Of a rule that has, beside other terms, one that is (a sum over an axis of g times something) times something:
    the gradients with the sum over each axis, if the sum was over one of them and should be over another."""
    assert case.out is not None
    if case.out.shape != case.x.shape or case.x.ndim < 2 or case.x.size < 4:
        return {}
    error, upstream = case.got - case.expected, case.upstream.reshape(case.x.shape)
    factors = [np.ones_like(case.x), case.x, case.out]
    for inner, outer in product(factors, factors):
        sums = [(upstream * inner).sum(axis=axis, keepdims=True) for axis in range(case.x.ndim)]
        for taken, right in permutations(range(case.x.ndim), 2):
            change = outer * (sums[taken] - sums[right])
            times = weight(error, change, ~case.kinks)
            if times and same(error, times * change, ~case.kinks):
                return {(right,): case.expected, (taken,): case.got}
    return {}


def _axes(over: tuple[int, ...]) -> str:
    return str(over[0]) if len(over) == 1 else str(over)


@hint("transposed")
def _(case: Case) -> str | None:
    for axes in permutations(range(case.x.ndim)) if 2 <= case.x.ndim <= 4 else ():
        shape = case.x.shape
        there = case.expected.transpose(axes)
        back = case.expected.reshape(there.shape).transpose(np.argsort(axes))
        if case.fits(there.reshape(shape)) or case.fits(back.reshape(shape)):
            if axes[:-2] == tuple(range(case.x.ndim - 2)):
                return "this is the right gradient transposed: exchange its last two axes"
            return f"the numbers are right, but the axes are in another order, as if permuted by {axes}"
    return None


@hint("wrong-argument")
def _(case: Case) -> str | None:
    for swap, trial in _experiments(case):
        if trial.shape == case.expected.shape and same(trial, case.expected, ~case.kinks):
            return f"the rule would be right with {swap}"
    return None


def _experiments(case: Case) -> Iterator[tuple[str, Array]]:
    """What the rule gives when one of the arrays it asked for is replaced by another, or by its transpose."""
    call = case.call
    rule = None if call is None else call.op.rules[0 if call.op.variadic else case.position]
    if call is None or rule is None or call.op.variadic:
        return
    known = {**dict(zip(call.op.inputs, call.arrays, strict=False)), "out": call.out}
    known = {name: a for name, a in known.items() if is_array(a) and a.dtype.kind == "f"}
    names = list(inspect.signature(rule).parameters)[1:]
    saver = call.op.saver
    values = [] if saver is None else saver(call.arrays, call.out, call.settings, call.nodes)[case.position]
    for j, name in enumerate(names):
        if name not in known:
            continue
        swaps = {f"{other} in the place of {name}": known[other] for other in known if other != name}
        if known[name].ndim > 1:
            swaps[f"{name} transposed"] = known[name].swapaxes(-1, -2)
        for swap, array in swaps.items():
            arguments = [v.copy() if is_array(v) else v for v in values]
            arguments[j] = array.copy()
            try:
                upstream = case.upstream.reshape(call.out.shape).copy()
                yield swap, summed(to_host(rule(upstream, *arguments)), case.x.shape)
            except Exception:  # an experiment that fails shows nothing
                continue


@hint("missing-factor")
def _(case: Case) -> str | None:
    for name, array in case.known():
        for power, spoken in ((1, name), (2, f"{name} squared")):
            factor = array**power
            if case.fits(case.expected / factor):
                return f"times {spoken} it would be right"
            if case.fits(case.expected * factor):
                return f"divided by {spoken} it would be right"
    return None


@hint("upstream-alone")
def _(case: Case) -> str | None:
    if case.out is None:
        return None
    upstream = case.upstream.reshape(case.out.shape)
    try:
        np.broadcast_shapes(case.x.shape, upstream.shape)
        candidates = [summed(upstream, case.x.shape), np.broadcast_to(upstream, case.x.shape)]
    except ValueError:
        candidates = [upstream.reshape(case.x.shape)] if upstream.size == case.x.size else []
    if not any(case.fits(candidate) for candidate in candidates):
        return None
    return "the upstream gradient g is handed on as it came; the derivative of the op itself is missing"


@hint("dropped-term")
def _(case: Case) -> str | None:
    if case.x.size < 2:
        return None
    missing = case.expected - case.got
    for name, term in _terms(case):
        times = weight(missing, term, ~case.kinks)
        tidy = Fraction(times).limit_denominator(4) if abs(times) < 4.5 else Fraction(0)
        if tidy and abs(float(tidy) - times) < 1e-6 and same(missing, float(tidy) * term, ~case.kinks):
            amount = "" if abs(tidy) == 1 else f"{abs(tidy)} "
            sign, cause = ("plus", "missing") if tidy > 0 else ("minus", "missing, or one too many")
            return f"{sign} {amount}{name} it would be right: is a term {cause}?"
    quotient = case.quotient()
    if quotient is None or not case.fits(quotient):
        return None
    return (
        f"this is g * out / {case.own_name}, as if out / {case.own_name} did not depend on the input: it does, and "
        "so has a term of its own, by the product rule; that one is missing"
    )


def _terms(case: Case) -> Iterator[tuple[str, Array]]:
    """What a rule may well have as one of its terms, where each element of the input reaches one of the output."""
    reached = case.reached()
    if reached is not None:
        upstream = case.upstream[reached]
        yield "g", upstream
        for name, array in case.known():
            yield f"g * {name}", upstream * array
            yield f"g * {name} * {name}", upstream * array * array
        quotient = case.quotient()
        if quotient is not None:
            yield f"g * out / {case.own_name}", quotient
    elif case.out is not None and case.x.ndim == 2 and case.out.shape == case.x.shape == case.x.shape[::-1]:
        upstream = case.upstream.reshape(case.x.shape)
        name = case.own_name
        yield f"g @ {name}.T", upstream @ case.x.T
        yield f"{name}.T @ g", case.x.T @ upstream


# --- the Jacobian used in part or the wrong way round -------------------------------------------------------


@hint("diagonal")
def _(case: Case) -> str | None:
    jacobian = _square(case)
    if jacobian is None or not case.fits((case.upstream * np.diag(jacobian)).reshape(case.x.shape)):
        return None
    return (
        "only the diagonal of the Jacobian is used: an output depends on other elements of the input too, and their "
        "contributions are missing"
    )


@hint("jacobian-transposed")
def _(case: Case) -> str | None:
    jacobian = _square(case)
    if jacobian is None or not case.fits((jacobian @ case.upstream).reshape(case.x.shape)):
        return None
    return (
        "the upstream gradient was multiplied by the Jacobian instead of its transpose: the rule goes the way of the "
        "forward function, and should go back"
    )


def _square(case: Case) -> Array | None:
    """The Jacobian of a function from one shape to itself."""
    square = case.jacobian is not None and case.out is not None and case.out.shape == case.x.shape
    return case.jacobian if square else None


@hint("other-input")
def _(case: Case) -> str | None:
    for name, expected in case.others.items():
        if case.fits(expected):
            return f"this is the gradient with respect to {name}: are the rules exchanged?"
    return None


@hint("one-slice")
def _(case: Case) -> str | None:
    if case.jacobian is None or case.out is None:
        return None
    shape = case.out.shape
    axes = [axis for axis, size in enumerate(shape) if size > 1]
    for over in (over for k in range(1, len(axes) + 1) for over in combinations(axes, k)):
        slices = [range(shape[axis]) for axis in over]
        for place in product(*slices) if math.prod(map(len, slices)) <= 100 else ():
            mask = np.zeros(shape)
            mask[tuple(place[over.index(axis)] if axis in over else slice(None) for axis in range(len(shape)))] = 1
            candidate = case.pulled(case.upstream * mask.ravel())
            if candidate is not None and case.fits(candidate):
                which = f"slice {place[0]} of axis {over[0]}" if len(over) == 1 else f"slice {place} of axes {over}"
                along = "that axis" if len(over) == 1 else "these axes"
                return (
                    f"only {which} of the output contributes: the input is used all along {along} (broadcast), so sum "
                    f"over its {math.prod(map(len, slices))} slices"
                )
    return None


@hint("no-sum")
def _(case: Case) -> str | None:
    if case.jacobian is None or case.out is None or not (np.count_nonzero(case.jacobian, axis=1) == 1).all():
        return None  # x was not broadcast alone
    terms = (case.upstream * case.jacobian.sum(axis=1)).reshape(case.out.shape)
    for over in _reducing(case.out.shape, case.x.shape):
        for name, reduce in (("maximum", np.max), ("minimum", np.min), ("product", np.prod)):
            if case.fits(reduce(terms, axis=over).reshape(case.x.shape)):
                return (
                    f"this is the {name} over axis {_axes(over)} of the output, where there should be the sum: the "
                    "input is used all along it (broadcast), and every use contributes"
                )
    return None


@hint("overwritten")
def _(case: Case) -> str | None:
    if case.jacobian is None or case.jacobian.size > 100_000:
        return None
    parts = (case.upstream[:, None] * case.jacobian).reshape(-1, *case.x.shape)  # (m, *x)
    several = (np.count_nonzero(parts, axis=0) > 1) & ~case.kinks
    if not (several & case.wrong).any() or (case.wrong & ~several).any():
        return None
    nearest = np.take_along_axis(parts, np.abs(parts - case.got).argmin(axis=0)[None], axis=0)[0]
    if not same(nearest, case.got, several) or not nearest[several & case.wrong].all():
        return None
    return (
        "where an element of the input reaches several elements of the output, only one contribution is there: they "
        "are overwritten, and should be added up (for an index that names an element twice: np.add.at)"
    )


# --- right numbers in wrong places, right in some places only -----------------------------------------------


@hint("misplaced")
def _(case: Case) -> str | None:
    got, expected = np.sort(case.got, axis=None), np.sort(case.expected, axis=None)
    if case.kinks.any() or not same(got, expected):
        return None
    return "the numbers are right, but in wrong places: is something not put back in the order it came in?"


@hint("region")
def _(case: Case) -> str | None:
    wrong, right = case.wrong, ~case.wrong & ~case.kinks
    if min(np.count_nonzero(wrong), np.count_nonzero(right)) < 2:
        return None
    for region, mask in (("negative", case.x < 0), ("positive", case.x > 0)):
        if np.array_equal(wrong, mask & ~case.kinks):
            return f"it is wrong exactly where the input is {region}, and right elsewhere"
    for axis in range(wrong.ndim):
        over = tuple(a for a in range(wrong.ndim) if a != axis)
        slices = np.flatnonzero(wrong.any(axis=over))
        if len(slices) < wrong.shape[axis] and wrong.ndim > 1 and (wrong | case.kinks).all(axis=over)[slices].all():
            listed = ", ".join(map(str, slices))
            return f"along axis {axis} it is wrong at {listed} and right at every other place"
    return None


@hint("missing-term")
def _(case: Case) -> str | None:
    error = case.got - case.expected
    if case.kinks.any() or not error.all():
        return None
    for name, array in (("", np.ones_like(error)), *case.known()):
        ratio = error / array
        for axis, size in enumerate(error.shape):
            level = np.broadcast_to(ratio.mean(axis=axis, keepdims=True), error.shape)
            if size > 1 and np.isfinite(ratio).all() and same(ratio, level):
                what = f"is {name} times a number that is the same" if name else "is the same"
                return f"the error {what} all along axis {axis}: is a term missing that sums or averages over it?"
    return None


@hint("factor-per-slice")
def _(case: Case) -> str | None:
    ratio = case.got / case.expected
    for axis, size in enumerate(ratio.shape):
        if size > 1 and ratio.size > size and not case.kinks.any():
            level = np.broadcast_to(ratio.mean(axis=axis, keepdims=True), ratio.shape)
            if same(ratio, level) and _factor(case) is None:
                return (
                    f"all along axis {axis} the elements are off by one factor, a different one in each slice: is "
                    "something missing that the op computes once per slice, as a sum or a norm?"
                )
    return None


@hint("constant-factor")
def _(case: Case) -> str | None:
    factor = _factor(case)
    if factor is None or case.x.size < 2:
        return None
    return f"every element is {factor:.6g} times what it should be, so times {1 / factor:.6g} it would be right"
