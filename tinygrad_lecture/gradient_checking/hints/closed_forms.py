"""Mistakes with a closed form: a name, a sentence, and the gradient that a rule with this mistake would give.

The likeliest come first; `diagnosis.py` takes the first one that explains what was got.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations, permutations, product
from typing import TypeAlias

import numpy as np

from ...backend import Array, Shape
from ..analytical import broadcasts
from ..report import index_text
from .case import Case, Hints, known, same

Axes: TypeAlias = tuple[int, ...]

# --- axes ---------------------------------------------------------------------------------------------------


def axis_sets(shape: Shape) -> Iterator[Axes]:
    """The sets of axes with more than one element, the smallest first."""
    axes = [axis for axis, size in enumerate(shape) if size > 1]
    for k in range(1, len(axes) + 1):
        yield from combinations(axes, k)


def reducing_axes(wide: Shape, narrow: Shape) -> list[Axes]:
    """All sets of axes that, summed over, take an array of shape `wide` to shape `narrow`, axes of size 1 ignored."""
    rank, kept = len(wide), [n for n in narrow if n != 1]
    choices = (over for k in range(1, rank + 1) for over in combinations(range(rank), k))
    return [over for over in choices if [n for a, n in enumerate(wide) if a not in over and n != 1] == kept]


def over_wrong_axis(case: Case, sentence: str, gradients: dict[Axes, Array]) -> Hints:
    """A hint from the gradients for some axes, of which those for the right axis are expected.

    sentence: with places for the axes of the mistake and the right ones.
    """
    right = [axes for axes, array in gradients.items() if same(array, case.expected, ~case.kinks)]
    for axes, array in gradients.items() if right else ():
        yield "wrong-axis", sentence.format(index_text(axes), index_text(right[0])), array


# --- the upstream gradient: the rule must return g times the derivative -------------------------------------

INSTEAD_OF_G: list[tuple[str, Callable[[Array], Array], str]] = [  # what a rule may take in place of g
    ("ignored", np.ones_like, "this is the derivative alone: the rule ignores the upstream gradient g; multiply by g"),
    ("twice", np.square, "the rule multiplies by the upstream gradient g twice; multiply once"),
    ("changed", np.reciprocal, "the rule divides by the upstream gradient g; multiply by g"),
    ("changed", np.abs, "the rule uses the absolute value of the upstream gradient g; g has a sign, keep it"),
    ("changed", np.sign, "the rule uses only the sign of the upstream gradient g; multiply by g itself"),
    ("changed", lambda g: np.maximum(g, 0), "the rule drops the negative elements of the upstream gradient g"),
    ("changed", lambda g: np.minimum(g, 0), "the rule drops the positive elements of the upstream gradient g"),
]
REDUCTIONS: dict[str, Callable[..., Array]] = {
    "mean": np.mean,
    "sum": np.sum,
    "maximum": np.max,
    "minimum": np.min,
    "product": np.prod,
}


def instead_of_g(case: Case) -> Hints:
    """g is replaced by something else."""
    for name, change, sentence in INSTEAD_OF_G:
        yield f"upstream-{name}", sentence, case.vjp(change(case.upstream))
    if case.reached is not None and case.jacobian.any():
        derivative = case.jacobian.sum(axis=0).reshape(case.x.shape)
        sentence = "this is the upstream gradient g plus the derivative; multiply them instead"
        yield "upstream-added", sentence, case.g + derivative


def g_reduced(case: Case) -> Hints:
    """One number stands for several elements of g."""
    g = case.g_out
    of_axes = [(None, ""), *((over, f" along axis {over}") for over in range(g.ndim if g.ndim > 1 else 0))]
    numbers = {
        f"the {name} of the upstream gradient g{along}": reduce(g, axis=over, keepdims=True)
        for over, along in of_axes
        for name, reduce in REDUCTIONS.items()
    }
    if g.size <= 100:
        numbers |= {f"one element of g, g{list(index)}": g[index] for index in np.ndindex(g.shape)}
    for called, number in numbers.items():
        sentence = f"the rule uses {called}, for all outputs; each output element has an upstream gradient of its own"
        yield "upstream-reduced", sentence, case.vjp(number + 0 * g)


def upstream_alone(case: Case) -> Hints:
    """g, repeated or summed as shapes ask for."""
    sentence = "the rule returns the upstream gradient g unchanged; multiply it by the derivative of the op"
    if case.reached is None and case.inputs_per_output.max(initial=0) > 1:
        sentence = (
            "the rule returns the upstream gradient g unchanged, as if each output element depended on one input "
            "element alone; a term is missing for the other elements"
        )
    g, shape = case.g_out, case.x.shape
    yield "upstream-alone", sentence, case.upstream @ (case.jacobian != 0)
    if broadcasts(g.shape, shape):
        yield "upstream-alone", sentence, np.broadcast_to(g, shape)
    elif g.size == case.x.size:
        yield "upstream-alone", sentence, g


# --- sums: an input element is used several times -----------------------------------------------------------


def too_many_sums(case: Case) -> Hints:
    """x was only broadcast, and too much is summed, or too early."""
    if case.inputs_per_output.max(initial=0) > 1:
        return
    for over in axis_sets(case.x.shape):
        for name in ("sum", "mean"):
            sentence = f"one axis too many is summed over: this is the {name} of the right gradient over axis "
            repeated = np.broadcast_to(REDUCTIONS[name](case.expected, axis=over, keepdims=True), case.x.shape)
            several = np.count_nonzero(case.expected, axis=over).max() > 1  # else a mask is missing
            yield "summed-too-far", f"{sentence}{index_text(over)} of the input", repeated if several else False
    uses = (case.jacobian != 0).astype(float)
    for name, number in (("sum", 1), ("mean", uses.sum(axis=0))) if case.output is not None else ():
        sentence = f"the rule takes the {name} of g and that of the derivative before it multiplies; multiply, then sum"
        yield "product-of-sums", sentence, case.upstream @ uses * case.jacobian.sum(axis=0) / number


def no_sum(case: Case) -> Hints:
    """One slice of g is used alone; or another reduction stands for the sum of contributions."""
    shape = case.out.shape
    for over in axis_sets(shape) if case.outputs_per_input.all() else ():
        count = math.prod(shape[axis] for axis in over)
        for place in product(*(range(shape[axis]) for axis in over)) if count <= 100 else ():
            mask = np.zeros(shape)
            mask[tuple(place[over.index(axis)] if axis in over else slice(None) for axis in range(mask.ndim))] = 1
            which = f"slice {place[0]} of axis {over[0]}" if len(over) == 1 else f"slice {place} of axes {over}"
            sentence = f"only {which} of the output contributes, but the input is used in each; sum over its {count} "
            yield "one-slice", f"{sentence}slices", case.vjp(case.g_out * mask)
    terms = (case.upstream * case.jacobian.sum(axis=1)).reshape(shape)
    for over in reducing_axes(shape, case.x.shape) if (case.inputs_per_output == 1).all() else ():
        for name in ("maximum", "minimum", "product"):
            sentence = f"this is the {name} over axis {index_text(over)} of the output; take the sum"
            yield "no-sum", sentence, REDUCTIONS[name](terms, axis=over)


def wrong_axis(case: Case) -> Hints:
    """A sum over another axis, where x was broadcast; or g repeated along another, where x was summed."""
    shape, out_shape = case.x.shape, case.out.shape
    if case.out.size > case.x.size and case.inputs_per_output.max() <= 1:
        terms = (case.upstream * case.jacobian.sum(axis=1)).reshape(out_shape)
        sums = {over: terms.sum(axis=over).reshape(shape) for over in reducing_axes(out_shape, shape)}
        yield from over_wrong_axis(case, "the sum goes over axis {} of the output, but must go over {}", sums)
    elif case.out.size < case.x.size and case.outputs_per_input.max() <= 1:
        derivative = case.jacobian.sum(axis=0).reshape(shape)
        kept = {over: [1 if a in over else n for a, n in enumerate(shape)] for over in reducing_axes(shape, out_shape)}
        repeated = {over: derivative * case.upstream.reshape(narrow) for over, narrow in kept.items()}
        sentence = "the upstream gradient is repeated along axis {} of the input, but must be repeated along {}"
        yield from over_wrong_axis(case, sentence, repeated)


# --- the right numbers in the wrong places, or those of another input ---------------------------------------


def transposed(case: Case) -> Hints:
    """The axes are permuted."""
    rank = case.x.ndim
    for axes in permutations(range(rank)) if 2 <= rank <= 4 else ():
        sentence = f"the numbers are right, but the axes are in the wrong order, as if permuted by {axes}"
        if axes[:-2] == tuple(range(rank - 2)):
            sentence = "this is the right gradient transposed; swap its last two axes"
        there = case.expected.transpose(axes)
        yield "transposed", sentence, there
        yield "transposed", sentence, case.expected.reshape(there.shape).transpose(np.argsort(axes))


def other_input(case: Case) -> Hints:
    """This is the gradient with respect to another input."""
    for name, (expected, got) in case.others.items():
        swapped = got.shape == case.expected.shape and same(got, case.expected)
        sentence = f"the gradient with respect to {name}" + (": the rules are swapped" if swapped else "")
        yield "other-input", f"this is {sentence}", expected
        yield "other-input", f"this is minus {sentence}; the gradient with respect to this input differs", -expected


def moved_forward(case: Case) -> Hints:
    """The op only moves elements, and the rule moves them the same way or not at all."""
    if (case.inputs_per_output == 1).all() and (case.outputs_per_input == 1).all() and case.output is not None:
        sentence = "the op moves elements, and the rule moves them once more; use the inverse shift or permutation"
        yield "moved", sentence, case.jacobian @ case.upstream
        sentence = "the op moves elements (by a shift, roll, flip, sort or permutation), but the rule leaves the "
        sentence += "upstream gradient in its order; move it back to the places of the input"
        yield "moved", sentence, case.jacobian.sum(axis=0) * case.upstream


def _reversals(shape: Shape) -> Iterator[tuple[str, Callable[[Array], Array]]]:
    """The ways to reverse an array along one or more of its axes, with these axes as text."""
    for over in axis_sets(shape):
        yield index_text(over), partial(np.flip, axis=over)


def reversed_axes(case: Case) -> Hints:
    """The gradient, or g, or both are in reverse order."""
    own_axes = dict(_reversals(case.x.shape))
    for over, flip in own_axes.items():
        yield "moved", f"the numbers are right, but in reverse order along axis {over}", flip(case.expected)
    mixes = case.inputs_per_output.max(initial=0) > 1  # as a convolution does
    for over, flip in _reversals(case.out.shape):
        moved = case.vjp(flip(case.g_out))
        yield "moved", f"the rule uses the upstream gradient g in reverse order along axis {over}", moved
        if mixes and over in own_axes:
            sentence = f"the rule runs along axis {over} in the wrong direction; in a convolution, the kernel must be "
            yield "moved", f"{sentence}flipped, or must not", own_axes[over](moved)


# --- a square Jacobian --------------------------------------------------------------------------------------


def diagonal(case: Case) -> Hints:
    """The diagonal of the Jacobian is used alone."""
    sentence = "only the diagonal of the Jacobian is used: outputs depend on other inputs too, and "
    yield "diagonal", f"{sentence}the sum of their contributions is missing", case.upstream * np.diag(_square(case))


def jacobian_transposed(case: Case) -> Hints:
    """The vector is on the wrong side."""
    sentence = "the rule multiplies g by the Jacobian, as the forward direction does; multiply by its transpose (of a "
    sentence += (
        "matrix, its .T; a cumulative sum from the other end; a convolution with the flipped kernel; of indexing, "
    )
    sentence += "np.add.at)"
    yield "jacobian-transposed", sentence, _square(case) @ case.upstream


def axes_mixed_up(case: Case) -> Hints:
    """The rule does along one axis what the op does along another of the same size."""
    shape, jacobian = case.x.shape, _square(case)
    if np.count_nonzero(jacobian) == np.count_nonzero(np.diag(jacobian)):
        return  # elementwise
    for a, b in combinations(range(case.x.ndim), 2):
        if shape[a] == shape[b]:
            sentence = f"the axes {a} and {b} are mixed up: the rule does along one what the op does along the other"
            yield "wrong-axis", sentence, case.vjp(case.g_out.swapaxes(a, b)).swapaxes(a, b)


def _square(case: Case) -> Array:
    """The Jacobian, if the output has the shape of the input."""
    return known(case.jacobian if case.out.shape == case.x.shape else None)


# --- the rule run again -------------------------------------------------------------------------------------


def wrong_argument(case: Case) -> Hints:
    """The rule is right when another input, or the output for its own input, is passed; or one is transposed."""
    call = known(case.call)
    arrays = call.named_arrays()
    _, arguments = known(None if call.op.variadic else call.rule(case.position))
    for name in (name for name in arguments if name in arrays):
        others = [k for k in arrays if k != name and (k != "out" or name == case.own_name)]
        swaps = {f"{k} instead of {name}": arrays[k] for k in others}
        if arrays[name].ndim > 1:
            swaps[f"{name} transposed"] = arrays[name].swapaxes(-1, -2)
        for swap, array in swaps.items():
            yield "wrong-argument", f"the rule would be right with {swap}", case.runs_right(**{name: array})


def not_linear(case: Case) -> Hints:
    """The rule, run with 2 g and with -g, does not give 2 times and -1 times the gradient."""
    double, minus = case.rerun(2 * case.upstream), case.rerun(-case.upstream)
    sentence = "the rule ignores the upstream gradient g: it returns the same for every g; multiply the derivative by g"
    yield "not-linear", sentence, same(double, case.got) and same(minus, case.got)
    sentence = "the rule depends on the sign of g, as with abs(g) or a mask made from g; masks are made from the inputs"
    yield "not-linear", sentence, same(double, 2 * case.got) and not same(minus, -case.got)
    sentence = "the rule is not linear in g: for 2 g it does not return twice as much; g is neither added to "
    sentence += "something nor inside of a function"
    yield "not-linear", sentence, not same(double, 2 * case.got)
