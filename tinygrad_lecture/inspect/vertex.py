"""What a graph consists of: a `Vertex` for each value, and the steps of backward with their local derivatives."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from ..autograd.backward import backward_pass, by_input
from ..autograd.core import Leaf, Record, unbroadcast
from ..autograd.modes import enable_grad
from ..autograd.op import Op
from ..backend import Array, DType, Shape, is_array, to_host, xp
from ..tensor_base import array_of, wrap
from .observe import Unwatched


class LocalDerivatives:
    """The derivatives of a record's result with respect to its inputs.

    It keeps copies of what the record saved, so it can be asked after backward has freed that, or the program has
    changed it.
    """

    def __init__(self, record: Record, upstream: Any) -> None:
        self._record = copy.copy(record)
        self._record.saved = _copied(record.saved) if isinstance(record.op, Op) else None
        self._ones = partial(xp(array_of(upstream)).ones, record.shape, record.dtype)
        self._of_ones: list[Any] | None = None

    def elementwise(self, position: int) -> Array | None:
        """What the rule returns for an upstream gradient of 1.

        That is the derivative element by element, if the op takes elements one by one or gives a single number.
        """
        if self._of_ones is None and self._record.saved is not None:
            with np.errstate(all="ignore"):
                products = self._record.op.vjp(self._record, self._record.nodes, self._ones())
            self._of_ones = by_input(products, self._record.nodes)
        return None if self._of_ones is None else np.array(to_host(self._of_ones[position]))

    def column(self, position: int, place: tuple[int, ...]) -> Array | None:
        """The derivatives of all elements of the result with respect to one element of an input, in the result's shape.

        A rule is linear in the upstream gradient. So this differentiates an element of what the rule returns with
        respect to the upstream gradient. None where the rule cannot be differentiated.
        """
        record, u = self._record, wrap(self._ones())
        if record.saved is None:
            return None
        u._node = Leaf(u)
        with Unwatched(), np.errstate(all="ignore"):
            try:
                with enable_grad():
                    returned = by_input(record.op.vjp(record, record.nodes, u), record.nodes)[position]
                    node = record.nodes[position]
                    assert node is not None
                    returned = unbroadcast(returned, node)
                seed = np.zeros(returned.shape, record.dtype)
                seed[place] = 1
                seeds = [(returned._node, xp(u._array).asarray(seed))]
                found = {} if returned._node is None else backward_pass(seeds, targets=[u._node])
            except Exception:  # a rule of the user's own may do with arrays what it cannot do with Tensors
                return None
        return np.array(to_host(found[u._node])) if u._node in found else np.zeros(record.shape)


def _copied(saved: Any) -> Any:
    """What a record saved, with copies of the arrays in it."""
    if type(saved) in (tuple, list):
        return type(saved)(map(_copied, saved))
    return saved.copy() if is_array(saved) else saved


Line: TypeAlias = tuple[str, int]  # file, line number
Place: TypeAlias = tuple[int, ...]  # of an element

MOST = 8  # elements of an index that are written out
HEAD = ["", "name", "made by", "shape", "value", "gradient"]
_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "matmul": "@"}


@dataclass(eq=False, slots=True)
class Scope:
    """One call of a module.

    path: its name in the outermost module that is running, "blocks.0.attention"; "" for that module itself.
    kind: its class.  parent: the call that this one is part of, None for the outermost.
    """

    path: str
    kind: str
    parent: Scope | None = None

    def __str__(self) -> str:
        return f"{self.path} ({self.kind})" if self.path else self.kind

    def above(self) -> Iterator[Scope]:
        """This scope, the one that it is part of, and so on to the outermost."""
        yield self
        if self.parent is not None:
            yield from self.parent.above()


@dataclass(eq=False, slots=True)
class Vertex:
    """One value of a graph: a leaf, a constant or the result of an op.

    number: counts the vertices of a graph from 1; 0 for an operand shown only in formulas, such as the 2 of x ** 2.
    op: the name of the op that computed it, None for a leaf or a constant.  maker: that op.
    inputs: the vertices of the op's inputs.  settings: the op's other arguments.
    requires_grad: whether it gets a gradient.
    value, grad: NumPy arrays, None if not known.
    input_gradients: what its backward rule returned for each input, None where no gradient is needed. The grad of a
    value with several uses is the sum of what they return for it.
    lines: the (file, line) of the call, of a layer first, of the user last; () if not known.  scope: the module that
    was running, None if none was.
    part_of: the function that the program called, "max", where that is another name than the op's; else "".
    follows: whether a constant was made of a value of the graph, as a detached one and a condition are.
    """

    number: int
    shape: Shape
    dtype: DType | None = None
    op: str | None = None
    inputs: Sequence[Vertex] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    requires_grad: bool = False
    value: Array | None = None
    grad: Array | None = None
    input_gradients: Sequence[Array | None] = ()
    name: str = ""
    lines: Sequence[Line] = ()
    scope: Scope | None = None
    part_of: str = ""
    maker: Any = None
    follows: bool = False

    def __str__(self) -> str:
        return printable(self.name) or f"#{self.number}"

    def __repr__(self) -> str:
        return f"<vertex {self}: {self.formula}, shape {self.shape}>"

    @property
    def formula(self) -> str:
        """How it was computed, as one would type it: "W @ a", "x[0:2]"; "leaf" or "constant" if no op did."""
        if self.op is None:
            return "leaf" if self.requires_grad else "constant"
        given = [str(x) for x in self.inputs]
        while given[-1:] == ["None"]:  # an input that was left out
            given.pop()
        if self.op in _SIGNS and len(given) == 2:
            return f" {_SIGNS[self.op]} ".join(given)
        if self.op == "neg":
            return f"-{given[0]}"
        if self.op in ("index_get", "index_put"):  # the ops behind x[index] and x[index] = y
            index = f"[{', '.join(map(_part, self.settings.get('index', (...,))))}]"
            return f"{given[0]}{index}" if self.op == "index_get" else f"{given[0]} with {index} set to {given[1]}"
        usual = getattr(self.maker, "settings", {})
        told = (f"{name}={in_short(v)}" for name, v in self.settings.items() if str(v) != str(usual.get(name)))
        return f"{self.op}({', '.join([*given, *told])})"

    def row(self, text: Callable[[Array], str]) -> list[str]:
        """Its row in a table with the columns `HEAD`. text: writes an array."""
        value, grad = ("" if x is None else text(x) for x in (self.value, self.grad))
        return [f"#{self.number}", printable(self.name), self.formula, str(self.shape), value, grad]

    @property
    def equation(self) -> str:
        """Its name and formula, "z = W @ a"; the name alone for a leaf or a constant."""
        return str(self) if self.op is None else f"{self} = {self.formula}"


@dataclass(eq=False, slots=True)
class Term:
    """What one step of backward adds to the gradient of one input of its op: a term of a sum, one for each use.

    to: the input; position: which one it is.  gradient: the term.  local: the derivative of the result with respect to
    the input, element by element, or None.  before, after: the gradient of the input without and with this term.
    count, of: this is the count-th of so many.  place: the element that is worked out of a large one.
    """

    to: Vertex
    position: int
    gradient: Array
    local: Array | None
    before: Array | None
    after: Array
    count: int = 1
    of: int = 1
    place: Place = ()


@dataclass(eq=False, slots=True)
class Step:
    """One step of backward: the rules of a result's op turned its gradient into one for each input.

    upstream: the gradient of the result.  input_gradients: for each input the gradient that its rule returned, in the
    input's shape, None where no gradient is needed.  local: the derivatives of the op, for its rule can be asked again.
    age: of the record. Within a pass each step's is smaller than that of the step before.

    In a walkthrough also: terms: what it adds to the gradients of its inputs.  starts: whether the pass starts here, so
    that the upstream gradient is no sum of terms, as the 1 of the loss.  changed: whether it is another than the sum of
    its terms, since a hook changed it.
    """

    vertex: Vertex
    upstream: Array
    input_gradients: Sequence[Array | None]
    local: LocalDerivatives
    age: float = 0
    terms: list[Term] = field(default_factory=list)
    starts: bool = False
    changed: bool = False


def passes_of(steps: list[Step]) -> list[list[Step]]:
    """The steps of each backward pass.

    A pass goes from younger to older records, so a younger one starts another pass. So does one that follows when
    every result with a gradient has had its step.
    """
    passes: list[list[Step]] = []
    due = set[Vertex]()  # they have a gradient, and have not been visited yet
    for step in steps:
        if not passes or not due or step.age >= passes[-1][-1].age:
            passes.append([])
            due = set()
        passes[-1].append(step)
        due.discard(step.vertex)
        given = zip(step.vertex.inputs, step.input_gradients, strict=True)
        due |= {to for to, gradient in given if gradient is not None and to.op is not None}
    return passes


def printable(text: str) -> str:
    """A text with escapes, as "\\u202e", for controls, also of the writing direction, and half surrogates.

    A line end stays one.
    """
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def _part(part: Any) -> str:
    """A part of an index as in Python: "0", "1:3", "::2", "..."; an array as a list, of a long one its start."""
    if isinstance(part, slice):
        ends = ("" if end is None else str(end) for end in (part.start, part.stop))
        return ":".join(ends) + ("" if part.step is None else f":{part.step}")
    if is_array(part):
        return _listed(part)
    return "..." if part is Ellipsis else str(part)


def _listed(array: Array) -> str:
    """An array of an index as a list: "[0, 3, 2]", "[0, 1, 0, ..., 1, 0, 1]"; of a large mask how many it takes."""
    if array.dtype == bool and array.size > MOST:
        return f"mask, {array.sum()} of {array.size} True"
    text = np.array2string(array, separator=", ", threshold=MOST, edgeitems=3, formatter={"all": str})
    return " ".join(text.split())


def in_short(value: Any) -> str:
    """A setting as text, "..." for a long one."""
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) < 20 else "..."
