"""Hints about single elements: which are wrong, and which numbers they have."""

from __future__ import annotations

import numpy as np

from .case import Case, Hints, coefficient, same
from .places import by_sign, by_slice, by_value, places
from .recognise import tidy, times


def nearly_right(case: Case) -> bool:
    """Whether all wrong elements are off by 0.2 % at most."""
    error = np.abs(case.got - case.expected)[case.wrong]
    return bool(np.all(error <= 2e-3 * np.abs(case.expected[case.wrong])))


def values(case: Case) -> Hints:
    """Useless numbers."""
    got, expected, wrong = case.got, case.expected, case.wrong
    zeros = [name for name, array in case.known.items() if (~np.isfinite(got) & (array == 0)).any()]
    sentence = f"the rule gives nan or inf, as it divides by {(zeros or [''])[0]}, which is 0 in some elements; the "
    sentence += "derivative is finite there: write the formula without this division"
    divides = bool(zeros) and not np.isfinite(got[wrong]).all()
    yield "not-finite", sentence, divides
    sentence = "the rule gives nan or inf where the derivative is finite; it divides by 0, or computes 0 times inf"
    yield "not-finite", sentence, not np.isfinite(got[wrong]).all()
    sentence = "the gradient is nearly right: a constant has too few digits, a small term such as eps is missing, or "
    yield "nearly-right", f"{sentence}the rule computes in float32", nearly_right(case)
    yield "zero", "the rule gives 0 everywhere; check what g is multiplied by", np.zeros_like(case.x)
    for called, function in (("cut off", np.trunc), ("rounded", np.rint), ("rounded down", np.floor)):
        sentence = f"these are the right numbers, {called} to integers; do not cast the gradient to int, nor round it"
        yield "whole-numbers", sentence, function(expected) if case.x.size > 1 else False
    everywhere = wrong.all() and ((expected == 0) | case.kinks).all()
    sentence = "the gradient should be 0 everywhere, since the output does not change near these inputs: a mask is "
    yield "mask-missing", f"{sentence}missing, or lets too much through", everywhere
    yield "wrong-sign", "every element has the wrong sign: a minus is missing, or there is one too many", -expected


def masks(case: Case) -> Hints:
    """0 where it should not be or no 0 where it should, the wrong sign."""
    got, expected, wrong = case.got, case.expected, case.wrong
    zero = (expected == 0) & ~case.kinks
    sentence = "exactly the elements whose gradient should be 0 are wrong: a mask is missing"
    yield "mask-missing", sentence, not wrong.all() and np.array_equal(wrong, zero)
    where, too_much = places(wrong, case.x), not wrong.all() and not (wrong & ~zero).any()
    sentence = f"the gradient should be 0 at {where}: a mask is missing, or lets too much through"
    yield "mask-missing", sentence, too_much
    sentence = "some elements get 0 and all others are right: a mask blocks too much, or a slice or loop leaves out "
    yield "partly-zero", sentence + where, not wrong.all() and not got[wrong].any()


def signs(case: Case) -> Hints:
    """The wrong sign in all wrong elements; 0 where expected is not 0, and the other way round."""
    others = {name: array for name, array in case.known.items() if name not in (case.own_name, "out")}
    where = by_sign(case.wrong, {"the input": case.x, **others}) or places(case.wrong)
    opposite = not case.wrong.all() and same(case.got, -case.expected, case.wrong)
    yield "wrong-sign", f"the gradient has the wrong sign at {where}, and is right elsewhere", opposite
    there, here = case.got != 0, case.expected != 0
    inverted = not here.all() and np.array_equal(~there, here)
    sentence = f"the numbers are right, but they stand at {places(there)}; put them at {places(here)}"
    yield "inverted-mask", sentence, inverted and _same_numbers(case)
    sentence = "the rule gives 0 exactly where the gradient is not 0; use the opposite mask"
    yield "inverted-mask", sentence, inverted


def shifted(case: Case) -> Hints:
    """got = expected shifted by one or two places along an axis, except for what enters at the border."""
    for axis, size in enumerate(() if case.kinks.any() else case.x.shape):
        got, expected = np.moveaxis(case.got, axis, 0), np.moveaxis(case.expected, axis, 0)
        for by in (1, -1, 2, -2):
            later, earlier = slice(by, None) if by > 0 else slice(by), slice(-by) if by > 0 else slice(-by, None)
            moved, right = got[later], expected[earlier]
            some = np.count_nonzero(right) > max(1, right.size / 2)  # shifted zeros prove nothing
            count, end = "one place" if abs(by) == 1 else "two places", "end" if by > 0 else "start"
            sentence = f"the numbers are right, but shifted along axis {axis}: {count} too far towards the {end}"
            differs = size - abs(by) >= 2 and some and not same(moved, expected[later])
            yield "moved", sentence, differs and same(moved, right)


def target(case: Case) -> Hints:
    """Slices of which one element is wrong, as where a cross-entropy's gradient lacks the target's -1; or two are."""
    error, wrong = case.got - case.expected, case.wrong
    ratio = np.where(wrong, error / case.g, 0)
    number, size = tidy(coefficient(error, case.g, wrong)), tidy(float(np.abs(ratio).max()))
    for axis, length in enumerate(() if case.kinks.any() else case.x.shape):
        if length > 2 and number and (wrong.sum(axis=axis) == 1).all():
            change = f"{'subtract' if number > 0 else 'add'} {times(abs(number), 'g')} there"
            sentence = f"one element of each slice along axis {axis} is wrong, all others are right, as in a "
            sentence += f"cross-entropy's gradient without the -1 at the target; {change}"
            yield "target-missing", sentence, same(error, float(number) * case.g, wrong)
        plus, minus = (ratio > 0).sum(axis=axis), (ratio < 0).sum(axis=axis)
        if length > 2 and size and plus.size > 1 and plus.max() == 1 and np.array_equal(plus, minus):
            sentence = f"in slices along axis {axis} one element is too large by {times(size, 'g')}, another as much "
            sentence += "too small: the -1 at the target, as of a cross-entropy, stands at the wrong element"
            yield "target-missing", sentence, same(np.abs(ratio), float(size) * wrong, wrong)


def overwritten(case: Case) -> Hints:
    """got = one of the contributions, where an input element has several."""
    if case.jacobian.size > 100_000:
        return
    parts = (case.upstream[:, None] * case.jacobian).reshape(-1, *case.x.shape)  # (m, *x.shape)
    several = (np.count_nonzero(parts, axis=0) > 1) & ~case.kinks
    nearest = np.take_along_axis(parts, np.abs(parts - case.got).argmin(axis=0)[None], axis=0)[0]
    places = several & case.wrong
    sentence = "where an input element is used several times, only one contribution is kept: they overwrite each "
    sentence += "other; add them up (for repeated indices: np.add.at)"
    only_there = places.any() and not (case.wrong & ~several).any()
    yield "overwritten", sentence, bool(only_there and same(nearest, case.got, several) and nearest[places].all())
    sentence = "where an input element is used several times, its contributions are averaged; add them up"
    yield "overwritten", sentence, case.expected / np.maximum(case.outputs_per_input, 1).reshape(case.x.shape)


def misplaced(case: Case) -> Hints:
    """got has the elements of expected in another order."""
    sentence = "the numbers are right, but in the wrong places; put them back in the order of the input"
    yield "misplaced", sentence, not case.kinks.any() and _same_numbers(case)


def regions(case: Case) -> Hints:
    """In each wrong element, got or expected is 0; or wrong exactly for inputs of one sign, or in whole slices."""
    wrong, right = case.wrong, ~case.wrong & ~case.kinks
    blocked, passed = wrong & (case.got == 0), wrong & (case.expected == 0)
    both = blocked.any() and passed.any() and not wrong.all()
    sentence = f"the mask selects wrong elements: the gradient is not 0 at {places(blocked, case.x)}, but is 0 at "
    yield "wrong-mask", sentence + places(passed, case.x), bool(both and (wrong == (blocked | passed)).all())
    where = by_value(wrong, case.x) or (by_slice(wrong | case.kinks) if wrong.ndim > 1 else None)
    enough = min(np.count_nonzero(wrong), np.count_nonzero(right)) >= 2
    sentence = f"the gradient is wrong exactly at {where}, and right everywhere else"
    yield "region", sentence, enough and where is not None


def _same_numbers(case: Case) -> bool:
    return same(np.sort(case.got, axis=None), np.sort(case.expected, axis=None))
