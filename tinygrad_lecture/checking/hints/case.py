"""`Case`: a wrong gradient and the facts that hints look at."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...backend import Array, Shape, device_of, is_array, move, to_host
from ..watch import Call

MAX_RUNS = 256  # how often a rule is run to find its Jacobian


@dataclass
class Case:
    """A wrong gradient with the facts about it.

    Arrays have the shape of the input unless a comment says otherwise. n is the number of elements of the input, m
    that of all outputs together.
    """

    got: Array
    expected: Array
    wrong: Array  # bool
    kinks: Array  # bool
    x: Array
    upstream: Array  # (m,)
    jacobian: Array | None  # (m, n), None if too large
    out: Array | None  # the output, if there is only one
    others: dict[str, tuple[Array, Array]] = field(default_factory=dict)  # other inputs: expected and got, by name
    call: Call | None = None  # the op call, if the function is a single one
    position: int = 0  # which input of that op x is

    # --- does a mistake explain what was got? ---

    def fits(self, candidate: Array) -> bool:
        """Whether a mistake that would give `candidate` explains what was got, everywhere except at kinks."""
        if candidate.shape != self.got.shape:
            return False
        return same(self.got, candidate, ~self.kinks) and not same(candidate, self.expected, ~self.kinks)

    def fits_upstream(self, upstream: Array) -> bool:
        """Whether the rule gives the right gradient for this other upstream gradient, any shape of m elements."""
        candidate = self.vjp(upstream.ravel())
        return candidate is not None and self.fits(candidate)

    # --- the upstream gradient ---

    def vjp(self, upstream: Array) -> Array | None:
        """The expected gradient for another upstream gradient, (m,)."""
        return None if self.jacobian is None else (upstream @ self.jacobian).reshape(self.x.shape)

    @cached_property
    def reached(self) -> Array | None:
        """For each input element, the index of the one output element that it changes; None if it changes several.

        An element that changes none (its derivative is 0) counts as changing the output element at its own place.
        """
        if self.jacobian is None:
            return None
        reaches = self.jacobian != 0
        places = reaches.argmax(axis=0)
        if not reaches.any(axis=0).all():
            if self.out is None or self.out.shape != self.x.shape:
                return None
            places = np.where(reaches.any(axis=0), places, np.arange(self.x.size))
        return places.reshape(self.x.shape) if (reaches.sum(axis=0) <= 1).all() else None

    def at_inputs(self, array: Array) -> Array | None:
        """An array with the elements of the output, rearranged so that each stands at the input it belongs to.

        None if an input element changes several output elements, unless output and input have the same shape.
        """
        if self.reached is not None:
            return array.ravel()[self.reached]
        return array.reshape(self.x.shape) if self.out is not None and self.out.shape == self.x.shape else None

    @cached_property
    def g(self) -> Array | None:
        """The upstream gradient in the shape of the input, as `at_inputs`."""
        return self.at_inputs(self.upstream)

    # --- the arrays and the rule ---

    @property
    def own_name(self) -> str:
        """The name that the op has for x."""
        return "x" if self.call is None or self.call.op.variadic else self.call.op.inputs[self.position]

    @property
    def sizes(self) -> list[int]:
        """The sizes, larger than 1, of the axes of input and output."""
        return sorted({*self.x.shape, *(() if self.out is None else self.out.shape)} - {0, 1})

    @cached_property
    def arrays(self) -> dict[str, Array]:
        """The arrays that the rule can use, by name: inputs, output, settings, and constants from around the op."""
        if self.call is None:
            return {"x": self.x} | ({} if self.out is None else {"out": self.out})
        found = self.call.rule(self.position)
        everything = {**self._constants(*(found or ())[:1]), **self.call.settings, **self.call.named_arrays()}
        return {k: to_host(v) for k, v in everything.items() if is_array(v) and v.dtype.kind == "f"}

    def indices_of_shape(self, shape: Shape) -> list[Array]:
        """The integer arrays of a shape among inputs, settings, and constants from around the op."""
        if self.call is None:
            return []
        everything = [*self.call.arrays, *self.call.settings.values(), *self._constants().values()]
        return [to_host(v) for v in everything if is_array(v) and v.dtype.kind in "iu" and v.shape == shape]

    def _constants(self, *rules: object) -> dict[str, object]:
        """What the op and its rule name, but neither takes nor makes."""
        functions = [f for f in (self.call and self.call.op.forward, *rules) if inspect.isfunction(f)]
        around = [inspect.getclosurevars(f) for f in functions]
        return {k: v for names in around for k, v in {**names.globals, **names.nonlocals}.items()}

    def arrays_of_shape(self, shape: Shape) -> dict[str, Array]:
        """Those of these arrays that broadcast to a shape, broadcast."""
        return {k: np.broadcast_to(v, shape) for k, v in self.arrays.items() if _broadcasts(v.shape, shape)}

    @cached_property
    def known(self) -> dict[str, Array]:
        """Those of these arrays that have the shape of the input or broadcast to it; the output as by `at_inputs`."""
        out = None if self.out is None else self.at_inputs(self.out)
        known = self.arrays_of_shape(self.x.shape)
        known.pop("out", None)
        return known if out is None else {**known, "out": out}

    def rerun(self, upstream: Array | None = None, **replaced: Array) -> Array | None:
        """What the rule returns for another upstream gradient, or with arguments replaced; None if it does not run."""
        call = self.call
        found = None if call is None or call.op.variadic else call.rule(self.position)
        if call is None or found is None:
            return None
        rule, arguments = found
        arguments = {k: v.copy() if is_array(v) else v for k, v in {**arguments, **replaced}.items()}
        given = (self.upstream if upstream is None else upstream).reshape(call.out.shape).copy()
        try:
            gradient = sum_to_shape(to_host(rule(move(given, device_of(call.out)), *arguments.values())), self.x.shape)
        except Exception:  # the rule does not run with these arguments
            return None
        return gradient if gradient.shape == self.x.shape else None

    @cached_property
    def claimed(self) -> Array | None:
        """The Jacobian of the rule, (m, n), by a run for each output element; None if the rule is not linear in g."""
        if self.upstream.size > MAX_RUNS:
            return None
        runs = [self.rerun(unit) for unit in np.eye(self.upstream.size)]
        rows = [run.ravel() for run in runs if run is not None]
        if len(rows) < len(runs):
            return None
        claimed = np.array(rows, dtype=float)
        return claimed if same((self.upstream @ claimed).reshape(self.x.shape), self.got) else None


def same(a: Array, b: Array, where: Array | None = None) -> bool:
    """Whether arrays agree to five digits, apart from absolute errors of 1e-7 of the largest element."""
    a, b = (a, b) if where is None else (a[where], b[where])
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    scale = max(np.abs(a).max(initial=0), np.abs(b).max(initial=0))
    return bool(np.all(np.abs(a - b) <= 1e-5 * np.minimum(np.abs(a), np.abs(b)) + 1e-7 * scale))


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


def _broadcasts(shape: Shape, to: Shape) -> bool:
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(shape[::-1], to[::-1], strict=False))
