"""Mistakes with a closed form: the name of a cause, and the gradient that a rule with this mistake would give.

The likeliest come first; the first one that explains what was got is taken. Most of those in ops that are known, as
normalising layers, losses and attention, are in known_ops.toml: formulas of which a part is another.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import combinations, islice, permutations, product
from pathlib import Path
from typing import Any

import numpy as np

from ...backend import Array, Shape, is_array
from ..analytical import broadcasts
from ..report import index_text
from .case import Axes, Case, Hints, Unknown, axis_sets, reducing_axes, require, same
from .formulas import MIN_SIGNS, values


def over_wrong_axis(case: Case, cause: str, gradients: dict[Axes, Array]) -> Hints:
    """A hint from the gradients for some axes, of which those for the right axis are expected."""
    right = [axes for axes, array in gradients.items() if same(array, case.expected, ~case.kinks)]
    for axes, array in gradients.items() if right else ():
        yield cause, {"taken": index_text(axes), "right": index_text(right[0])}, array


# --- the upstream gradient: the rule must return g times the derivative -------------------------------------

INSTEAD_OF_G: dict[str, Callable[[Array], Array]] = {  # what a rule may take in place of g
    "upstream-ignored": np.ones_like,
    "upstream-twice": np.square,
    "upstream-changed.divided": np.reciprocal,
    "upstream-changed.absolute": np.abs,
    "upstream-changed.sign": np.sign,
    "upstream-changed.positive": lambda g: np.maximum(g, 0),
    "upstream-changed.negative": lambda g: np.minimum(g, 0),
}
REDUCTIONS: Mapping[str, Callable[..., Array]] = {"mean": np.mean, "sum": np.sum}


def instead_of_g(case: Case) -> Hints:
    """g is replaced by something else."""
    few = case.upstream.size < MIN_SIGNS and case.odd
    for cause, change in INSTEAD_OF_G.items():
        changed = change(case.upstream)
        by_chance = few and np.isin(changed / case.upstream, (-1, 0, 1)).all()  # a mask has the signs of a few
        yield cause, {}, False if by_chance else case.vjp(changed)
    if case.reached is not None and case.jacobian.any():
        yield "upstream-added", {}, case.g + case.jacobian.sum(axis=0).reshape(case.x.shape)


def g_reduced(case: Case) -> Hints:
    """One number stands for several elements of g."""
    g = case.g_out
    for name, reduce in REDUCTIONS.items():
        yield "upstream-reduced", {"called": f"the {name} of the upstream gradient g"}, case.vjp(reduce(g) + 0 * g)
    for index in np.ndindex(g.shape) if g.size <= 100 else ():
        yield "upstream-reduced", {"called": f"one element of g, g{list(index)}"}, case.vjp(g[index] + 0 * g)


def upstream_alone(case: Case) -> Hints:
    """g, repeated or summed as shapes ask for."""
    several = case.outputs_per_input.max(initial=0) > 1 and case.inputs_per_output.max() > 1
    picks = case.x.size > 1 and (case.inputs_per_output == 1).all() and np.isin(case.jacobian, (0, 1)).all()
    cause = "upstream-alone." + ("several" if several else "moved" if picks else "one")
    yield cause, {}, case.upstream @ (case.jacobian != 0)
    if broadcasts(case.out.shape, case.x.shape):
        yield cause, {}, np.broadcast_to(case.g_out, case.x.shape)


# --- sums: an input element is used several times -----------------------------------------------------------


def too_many_sums(case: Case) -> Hints:
    """x was only broadcast, and too much is summed, or too early."""
    for over in axis_sets(case.x.shape):
        several = np.count_nonzero(case.expected, axis=over).max() > 1  # else a mask is missing
        level = case.expected.mean(over, keepdims=True) + 0 * case.x
        several &= not same(case.expected, level)  # else a factor is wrong
        several &= not case.fits(case.upstream @ (case.jacobian != 0))  # else it is g alone, as for log(sum(exp(x)))
        for name, reduce in REDUCTIONS.items():
            repeated = np.broadcast_to(reduce(case.expected, axis=over, keepdims=True), case.x.shape)
            yield "summed-too-far", {"name": name, "axis": index_text(over)}, repeated if several else False
    if case.inputs_per_output.max(initial=0) > 1:
        return
    uses = (case.jacobian != 0).astype(float)
    for name, number in (("sum", 1), ("mean", uses.sum(axis=0))) if case.output is not None else ():
        yield "product-of-sums", {"name": name}, case.upstream @ uses * case.jacobian.sum(axis=0) / number


def one_slice(case: Case) -> Hints:
    """One slice of g is used alone."""
    shape = case.out.shape
    for over in axis_sets(shape) if (case.outputs_per_input > 1).all() else ():
        count = math.prod(shape[axis] for axis in over)
        for place in product(*(range(shape[axis]) for axis in over)) if count <= 100 else ():
            mask = np.zeros(shape)
            mask[tuple(place[over.index(axis)] if axis in over else slice(None) for axis in range(mask.ndim))] = 1
            which = f"slice {place[0]} of axis {over[0]}" if len(over) == 1 else f"slice {place} of axes {over}"
            yield "one-slice", {"which": which, "count": count}, case.vjp(case.g_out * mask)


def wrong_axis(case: Case) -> Hints:
    """A sum over another axis, where x was broadcast; or g repeated along another, where x was summed."""
    shape, out_shape = case.x.shape, case.out.shape
    if case.out.size > case.x.size and case.inputs_per_output.max() <= 1:
        terms = (case.upstream * case.jacobian.sum(axis=1)).reshape(out_shape)
        sums = {over: terms.sum(axis=over).reshape(shape) for over in reducing_axes(out_shape, shape)}
        yield from over_wrong_axis(case, "wrong-axis.summed", sums)
    elif case.out.size < case.x.size and case.outputs_per_input.max() <= 1:
        derivative = case.jacobian.sum(axis=0).reshape(shape)
        kept = {over: [1 if a in over else n for a, n in enumerate(shape)] for over in reducing_axes(shape, out_shape)}
        repeated = {over: derivative * case.upstream.reshape(narrow) for over, narrow in kept.items()}
        yield from over_wrong_axis(case, "wrong-axis.repeated", repeated)


# --- the right numbers in the wrong places, or those of another input ---------------------------------------


def transposed(case: Case) -> Hints:
    """The axes are permuted, or a reshape stands in the place of a permutation, or the other way round."""
    rank = case.x.ndim
    for axes in permutations(range(rank)) if 2 <= rank <= 4 else ():
        cause = "transposed.last" if axes[:-2] == tuple(range(rank - 2)) else "transposed.permuted"
        there = case.expected.transpose(axes)
        alike = there.shape == case.got.shape
        yield cause if alike else "transposed.not", {"axes": axes}, there
        back = case.expected.reshape(there.shape).transpose(np.argsort(axes))
        yield cause if alike else "transposed.instead", {"axes": axes}, back


def other_input(case: Case) -> Hints:
    """This is the gradient with respect to another input."""
    for name, (expected, got) in case.others.items():
        swapped = got.shape == case.expected.shape and same(got, case.expected)
        yield "other-input", {"name": name, "too": ": the rules are swapped" if swapped else ""}, expected


def moved_forward(case: Case) -> Hints:
    """The op only moves elements, and the rule moves them the same way or not at all."""
    if (case.inputs_per_output == 1).all() and (case.outputs_per_input == 1).all() and case.output is not None:
        yield "moved.twice", {}, case.jacobian @ case.upstream
        yield "moved.not", {}, case.jacobian.sum(axis=0) * case.upstream


def reversed_axes(case: Case) -> Hints:
    """The gradient is in reverse order, or the rule is right when it runs from the other end."""
    mixes = case.inputs_per_output.max(initial=0) > 1  # as a convolution does
    for over in axis_sets(case.x.shape):
        axis = {"axis": index_text(over)}
        yield "moved.reversed", axis, np.flip(case.expected, over)
        if mixes and case.out.ndim == case.x.ndim:
            turned = partial(np.flip, axis=over)
            yield "moved.backwards", axis, any(_right_when(turned, case, everything) for everything in (False, True))


def axes_mixed_up(case: Case) -> Hints:
    """The rule does along one axis what the op does along another: it is right when these are swapped."""
    if case.out.shape == case.x.shape and not (case.jacobian * (1 - np.eye(case.x.size))).any():
        return  # elementwise
    for a, b in combinations(range(case.x.ndim), 2) if case.out.ndim == case.x.ndim else ():
        yield "wrong-axis.mixed", {"a": a, "b": b}, _right_when(lambda x: x.swapaxes(a, b), case)  # noqa: B023


def _right_when(turned: Callable[[Array], Array], case: Case, everything: bool = True) -> bool:
    """Whether a rule is right if g, and all other arrays too, are turned before, and its result is turned back."""
    rank, arguments = case.x.ndim, case.rule[1] if everything else {}
    arrays = {name: array for name, array in arguments.items() if is_array(array) and array.ndim <= rank}
    others = {name: turned(array.reshape((1,) * (rank - array.ndim) + array.shape)) for name, array in arrays.items()}
    try:
        gradient = case.rerun(turned(case.g_out), turned(case.x).shape, **others)
    except Unknown:
        return False
    return same(turned(gradient), case.expected, ~case.kinks)


# --- a square Jacobian --------------------------------------------------------------------------------------


def diagonal(case: Case) -> Hints:
    """The diagonal of the Jacobian is used alone."""
    yield "diagonal", {}, case.upstream * np.diag(_square(case))


def jacobian_transposed(case: Case) -> Hints:
    """The vector is on the wrong side."""
    yield "jacobian-transposed", {}, _square(case) @ case.upstream


def _square(case: Case) -> Array:
    """The Jacobian, if the output has the shape of the input."""
    return require(case.jacobian if case.out.shape == case.x.shape else None)


# --- the rule run again -------------------------------------------------------------------------------------


def wrong_argument(case: Case) -> Hints:
    """The rule is right when another input, or the output for its own input, is passed; or one is transposed."""
    call = require(case.call)
    arrays = call.named_arrays()
    for name in (name for name in case.rule[1] if name in arrays):
        others = [k for k in arrays if k != name and (k != "out" or name == case.own_name)]
        swaps = {f"{k} instead of {name}": arrays[k] for k in others}
        if arrays[name].ndim > 1:
            swaps[f"{name} transposed"] = arrays[name].swapaxes(-1, -2)
        for swap, array in swaps.items():
            yield "wrong-argument", {"swap": swap}, case.runs_right(**{name: array})


def not_linear(case: Case) -> Hints:
    """The rule, run with 2 g and with -g, does not give 2 times and -1 times the gradient."""
    linear = same(case.rerun(2 * case.upstream), 2 * case.got)
    yield "not-linear.sign", {}, linear and not case.odd
    yield "not-linear.any", {}, not linear


EPS = (0.0, 1e-5, 1e-6, 1e-8, 1e-3)  # that layers add to a variance
KNOWN: dict[str, Any] = tomllib.loads(Path(__file__).with_name("known_ops.toml").read_text("utf-8"))

# --- ops of known_ops.toml ------------------------------------------------------------------------------------

CHOICES: dict[str, Callable[[Case, list[Array]], Iterable[Any]]] = {  # from the values of the letters
    "over": lambda case, given: axis_sets(given[0].shape),
    "eps": lambda case, given: EPS,
    "scale": lambda case, given: (given[0].shape[-1] ** -0.5, 1.0),
    "less": lambda case, given: (0, 1),
    "root": lambda case, given: (False, True),
    "share": lambda case, given: (0.0, 1.0, given[0].shape[-1] / given[0].size, 1 / given[0].size),
    "target": lambda case, given: _targets(case, given[0]),
    "mask": lambda case, given: _masks(case, (*given[0].shape[:-1], given[1].shape[-2])),
}


@dataclass
class Reading:
    """A way to read the op of a case as one of known_ops.toml.

    names: the values of letters, choices and g.  letters: that of each input.  error: of the gradient.
    """

    names: dict[str, Any]
    letters: dict[str, str]
    own: str
    error: float = math.inf


def known_op(case: Case) -> Hints:
    """The gradients of rules that have another formula for a part of an op of known_ops.toml."""
    for name, op in KNOWN.items() if case.x.size > 1 else ():
        for reading in sorted(_readings(case, op), key=lambda reading: reading.error)[:1]:
            x = reading.names[next(iter(op["letters"]))]
            called = {"over": _axes(reading.names.get("over", ()), x), "scale": f"{reading.names.get('scale', 1):.5g}"}
            called |= {letter: name for name, letter in reading.letters.items()}
            for mistake in KNOWN[op.get("same_mistakes_as", name)]["mistakes"]:
                changed = {part: formula for part, formula in mistake.items() if part not in ("says", "hint")}
                more = [text for part, text in op.get("explain", {}).items() if part in (*changed, reading.own)]
                for other in axis_sets(x.shape) if "other" in str(changed) else [()]:
                    said = "; ".join([mistake["says"], *more]).format(**called, other=_axes(other, x))
                    with suppress(ValueError):  # the shapes do not fit
                        gradient = _run(op["parts"] | changed, reading.names | {"other": other}, reading.own)
                        yield mistake.get("hint", "known-op"), {"mistake": said}, gradient


def _readings(case: Case, op: dict[str, Any]) -> Iterator[Reading]:
    """The readings for which an op has the output and the gradient of a case."""
    arrays = {name: array for name, array in case.floats.items() if name != "out"}
    defaults = {letter: np.array(float(value)) for letter, value in op["letters"].items() if value}
    if not len(op["letters"]) - len(defaults) <= len(arrays) <= len(op["letters"]):
        return
    for order in permutations(op["letters"], len(arrays)):
        letters = dict(zip(arrays, order, strict=True))
        given = defaults | {letter: arrays[name] for name, letter in letters.items()}
        with suppress(KeyError, ValueError, IndexError):  # a letter is missing, or shapes do not fit
            inputs = [given[letter] for letter in op["letters"]]
            for chosen in product(*(CHOICES[choice](case, inputs) for choice in op["choices"])):
                names = given | dict(zip(op["choices"], chosen, strict=True))
                reading = Reading(names, letters, f"d{letters[case.own_name]}")
                out = _run(op["parts"], reading.names, "out")
                if out.size == case.out.size and same(out.ravel(), case.out.ravel()):
                    reading.names["g"] = case.upstream.reshape(out.shape)
                    gradient = _run(op["parts"], reading.names, reading.own)
                    reading.error = float(np.abs(gradient - case.expected).max())
                    if same(gradient, case.expected, ~case.kinks):
                        yield reading


def _run(parts: Mapping[str, str], names: Mapping[str, Any], until: str) -> Array:
    """The value of one of the parts."""
    end = [*parts].index(until) + 1
    return np.asarray(values(dict(islice(parts.items(), end)), names)[until])


def _masks(case: Case, shape: Shape) -> list[Any]:
    """What may hide scores of a shape: nothing, one triangle, or an array from around the op."""
    given = [array for array in case.constants.values() if broadcasts(array.shape, shape)]
    every = np.ones(shape[-2:])
    return [every, np.tril(every), np.triu(every), *given, *(array == 0 for array in given)]


def _targets(case: Case, x: Array) -> list[Array]:
    """What may be the target of a loss: an array like x, or rows of the identity for an array of classes."""
    rows = [np.eye(x.shape[-1])[index % x.shape[-1]] for index in case.indices_of_shape(x.shape[:-1])]
    return rows + [array for array in case.arrays.values() if array.shape == x.shape and array is not x]


def _axes(over: Axes, x: Array) -> str:
    every = math.prod(x.shape[axis] for axis in over) == x.size
    return f"axis {index_text(over)}" if len(over) < 2 else "all axes" if every else f"axes {index_text(over)}"
