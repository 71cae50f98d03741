"""Mistakes in ops that are known: normalising layers, losses of softmax, attention, gather.

Such an op is recognised by its values or its gradient. Its mistakes are candidates, as those of `closed_forms.py`; most
of them are in known_ops.toml: formulas of which a part is another.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, permutations, product
from pathlib import Path
from typing import Any

import numpy as np

from ...backend import Array, Shape
from ..analytical import broadcasts
from ..report import index_text
from .case import Case, Hints, same
from .closed_forms import Axes, axis_sets, over_wrong_axis
from .factors import values

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


# --- gather -------------------------------------------------------------------------------------------------


def gather(case: Case) -> Hints:
    """g, scattered along another axis than that of the gather."""
    g, shape = case.g_out, case.x.shape
    for index in case.indices_of_shape(g.shape) if g.ndim == len(shape) else []:
        places: dict[Axes, Array] = {(axis,): _scattered(shape, index, g, axis) for axis in range(len(shape))}
        yield from over_wrong_axis(case, "wrong-axis.gathered", places)


def _scattered(shape: tuple[int, ...], index: Array, g: Array, axis: int) -> Array:
    """g added to zeros at the places of an index along one axis; nan if some lie outside."""
    full, places = np.zeros(shape), list(np.indices(index.shape))
    places[axis] = index
    try:
        np.add.at(full, tuple(places), g)
    except IndexError:
        return np.full(shape, np.nan)
    return full
