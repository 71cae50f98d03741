"""`Case`: a wrong gradient and the facts that hints look at.

A hint that asks for a fact that is not known, as a Jacobian that is too large, does not apply: `Unknown` ends it.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any, TypeAlias, TypeVar

import numpy as np

from ...backend import Array, Shape, device_of, is_array, move, to_host
from ..analytical import Call, broadcasts

T = TypeVar("T")
Axes: TypeAlias = tuple[int, ...]
# A cause and what its sentence in causes.toml is filled in with; the gradient that a rule with this mistake would give,
# or whether it applies.
Hints: TypeAlias = Iterator[tuple[str, Mapping[str, object], Array | bool]]

MAX_RUNS = 256  # how often a rule is run to find its Jacobian


class Unknown(Exception):
    """A fact that a hint asks for is not known."""


def require(fact: T | None) -> T:
    """The fact. Raises Unknown if it is None."""
    if fact is None:
        raise Unknown
    return fact


@dataclass
class Case:
    """A wrong gradient with the facts about it.

    Arrays have the shape of the input unless a comment says otherwise. n is the number of elements of the input, m
    that of all outputs together.
    """

    got: Array
    expected: Array
    wrong: Array  # bool
    right: Array  # bool; the others are kinks, or cannot be told
    kinks: Array  # bool
    x: Array
    upstream: Array  # (m,)
    columns: Array | None  # the Jacobian, (m, n), None if too large
    output: Array | None  # None if there are several
    others: dict[str, tuple[Array, Array]] = field(default_factory=dict)  # other inputs: expected and got, by name
    call: Call | None = None  # the op call, if the function is a single one
    position: int = 0  # which input of that op x is

    # --- does a mistake explain what was got? ---

    def fits(self, candidate: Array) -> bool:
        """Whether a mistake that would give `candidate` explains what was got, everywhere except at kinks."""
        if candidate.size != self.got.size:
            return False
        candidate = candidate.reshape(self.got.shape)
        return self.alike(self.got, candidate) and not same(candidate, self.expected, ~self.kinks)

    def alike(self, a: Array, b: Array) -> bool:
        """Whether gradients agree, also at each element that is small beside others: to a tenth of the error where the
        rule is wrong, and to 5 % where it is right."""
        if not same(a, b, ~self.kinks):
            return False
        told = np.where(self.right & (self.got != 0), 0.05 * np.abs(self.got), np.inf)
        apart = np.where(self.wrong, 0.1 * np.abs(self.got - self.expected), told)
        return bool(np.all((np.abs(a - b) <= apart) | self.kinks))

    def lacks(self, term: Array) -> bool:
        """Whether the rule would be right with this term added."""
        return same(self.expected - self.got, term, ~self.kinks) and self.alike(self.got + term, self.expected)

    @cached_property
    def odd(self) -> bool:
        """Whether the rule gives -1 times the gradient for -1 times the upstream gradient; True if it does not run."""
        try:
            return same(self.rerun(-self.upstream), -self.got)
        except Unknown:
            return True

    # --- the Jacobian and the upstream gradient ---

    @cached_property
    def jacobian(self) -> Array:
        """The Jacobian of the op, (m, n)."""
        return require(self.columns)

    @cached_property
    def out(self) -> Array:
        """The output."""
        return require(self.output)

    @cached_property
    def g_out(self) -> Array:
        """The upstream gradient in the shape of the output."""
        return self.upstream.reshape(self.out.shape)

    def vjp(self, upstream: Array) -> Array:
        """The right gradient for another upstream gradient, any shape of m elements."""
        return np.asarray((upstream.ravel() @ self.jacobian).reshape(self.x.shape))

    @cached_property
    def inputs_per_output(self) -> Array:
        """On how many input elements each output element depends, (m,)."""
        return np.count_nonzero(self.jacobian, axis=1)

    @cached_property
    def outputs_per_input(self) -> Array:
        """On how many output elements each input element has an effect, (n,)."""
        return np.count_nonzero(self.jacobian, axis=0)

    @cached_property
    def reached(self) -> Array | None:
        """For each input element, the index of the one output element that it changes; None if it changes several.

        An element that changes none (its derivative is 0) counts as changing the output element at its own place.
        """
        if self.columns is None or self.outputs_per_input.max(initial=0) > 1:
            return None
        places = (self.columns != 0).argmax(axis=0)
        if not self.outputs_per_input.all():
            if self.output is None or self.output.shape != self.x.shape:
                return None
            places = np.where(self.outputs_per_input > 0, places, np.arange(self.x.size))
        return places.reshape(self.x.shape)

    def at_inputs(self, array: Array) -> Array | None:
        """An array with the elements of the output, rearranged so that each stands at the input it belongs to.

        None if an input element changes several output elements, unless output and input have the same shape.
        """
        if self.reached is not None:
            return np.asarray(array.ravel()[self.reached])
        alike = self.output is not None and self.output.shape == self.x.shape
        return array.reshape(self.x.shape) if alike else None

    @cached_property
    def g(self) -> Array:
        """The upstream gradient in the shape of the input, as `at_inputs`."""
        return require(self.at_inputs(self.upstream))

    # --- the arrays and the rule ---

    @cached_property
    def own_name(self) -> str:
        """The name that the op has for x."""
        return "x" if self.call is None or self.call.op.variadic else self.call.op.inputs[self.position]

    @cached_property
    def sizes(self) -> list[int]:
        """The sizes, larger than 1, of the axes of input and output."""
        return sorted({*self.x.shape, *(() if self.output is None else self.output.shape)} - {0, 1})

    @cached_property
    def arrays(self) -> dict[str, Array]:
        """The arrays that the rule can use, by name: inputs, output, settings, and constants from around the op."""
        if self.call is None:
            return {"x": self.x} | ({} if self.output is None else {"out": self.output})
        found = self.call.rule(self.position)
        everything = {**self._constants(*(found or ())[:1]), **self.call.all_settings}
        return {k: to_host(v) for k, v in everything.items() if is_array(v) and v.dtype.kind == "f"} | self.floats

    @cached_property
    def floats(self) -> dict[str, Array]:
        """The float arrays among the inputs and the output, by name."""
        return {name: to_host(array) for name, array in require(self.call).named_arrays().items()}

    def indices_of_shape(self, shape: Shape) -> list[Array]:
        """The integer arrays of a shape among inputs, settings, and constants from around the op."""
        everything = [*require(self.call).arrays, *self.constants.values()]
        return [to_host(v) for v in everything if is_array(v) and v.dtype.kind in "iu" and v.shape == shape]

    @cached_property
    def constants(self) -> dict[str, Array]:
        """The arrays among settings and constants from around the op."""
        everything = {**require(self.call).all_settings, **self._constants()}
        return {name: to_host(value) for name, value in everything.items() if is_array(value)}

    @cached_property
    def rule(self) -> tuple[Callable[..., Any], dict[str, Any]]:
        """The rule, and what it takes besides g, by name."""
        call = require(self.call)
        return require(None if call.op.variadic else call.rule(self.position))

    def _constants(self, *rules: object) -> dict[str, object]:
        """What the op and its rule name, but neither takes nor makes."""
        functions = [f for f in (self.call and self.call.op.forward, *rules) if inspect.isfunction(f)]
        around = [inspect.getclosurevars(f) for f in functions]
        return {k: v for names in around for k, v in {**names.globals, **names.nonlocals}.items()}

    def arrays_of_shape(self, shape: Shape) -> dict[str, Array]:
        """Those of these arrays that broadcast to a shape, broadcast."""
        return {k: np.broadcast_to(v, shape) for k, v in self.arrays.items() if broadcasts(v.shape, shape)}

    @cached_property
    def known(self) -> dict[str, Array]:
        """Those of these arrays that have the shape of the input or broadcast to it; the output as by `at_inputs`."""
        out = None if self.output is None else self.at_inputs(self.output)
        found = {k: v for k, v in self.arrays_of_shape(self.x.shape).items() if k != "out"}
        return found if out is None else {**found, "out": out}

    def rerun(self, upstream: Array | None = None, shape: Shape | None = None, **replaced: Array) -> Array:
        """What the rule returns for another upstream gradient, or with arguments replaced. Unknown if it fails.

        shape: of what it must return, by default that of the input.
        """
        call, (rule, arguments) = require(self.call), self.rule
        arguments = {k: v.copy() if is_array(v) else v for k, v in {**arguments, **replaced}.items()}
        given = self.upstream if upstream is None else upstream
        given, shape = given.reshape(call.out.shape) if given.ndim == 1 else given, shape or self.x.shape
        try:
            gradient = sum_to_shape(to_host(rule(move(given.copy(), device_of(call.out)), *arguments.values())), shape)
        except Exception:  # the rule does not run with these arguments
            raise Unknown from None
        return require(gradient if gradient.shape == shape else None)

    def runs_right(self, **replaced: Array) -> bool:
        """Whether the rule is right when some of its arguments are replaced; by zeros, too, says nothing of them."""
        try:
            zeros = {name: np.zeros_like(array) for name, array in replaced.items()}
            right, as_right = (self.alike(self.rerun(**given), self.expected) for given in (replaced, zeros))
            return right and not as_right
        except Unknown:
            return False

    @cached_property
    def claimed(self) -> Array:
        """The Jacobian of the rule, (m, n), by a run for each output element. Unknown if it is not linear in g."""
        if self.upstream.size > MAX_RUNS:
            raise Unknown
        claimed = np.array([self.rerun(unit).ravel() for unit in np.eye(self.upstream.size)], dtype=float)
        return require(claimed if same((self.upstream @ claimed).reshape(self.x.shape), self.got) else None)


def same(a: Array, b: Array, where: Array | None = None) -> bool:
    """Whether arrays agree to five digits, apart from absolute errors of 1e-7 of the largest element."""
    a, b = (a, b) if where is None else (a[where], b[where])
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    scale = max(np.abs(a).max(initial=0), np.abs(b).max(initial=0))
    return bool(np.all(np.abs(a - b) <= 1e-5 * np.minimum(np.abs(a), np.abs(b)) + 1e-7 * scale))


def softmax(x: Array, axis: int | None) -> Array:
    """exp(x), divided by its sum over an axis, or over all for None."""
    exp = np.exp(x - x.max(axis, keepdims=True))
    return np.asarray(exp / exp.sum(axis, keepdims=True))


def coefficient(target: Array, term: Array, where: Array) -> float:
    """The number c for which c * term is closest to target (least squares); 0 if there is none."""
    target, term = target[where], term[where]
    power = float(term @ term)
    number = float(target @ term) / power if power else 0.0
    return number if math.isfinite(number) else 0.0


def sum_to_shape(array: Array, shape: Shape) -> Array:
    """The array summed over the axes along which `shape` was broadcast to the array's shape."""
    array = array.sum(axis=tuple(range(array.ndim - len(shape))))
    return array.sum(axis=tuple(a for a, n in enumerate(shape) if n == 1), keepdims=True)


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
