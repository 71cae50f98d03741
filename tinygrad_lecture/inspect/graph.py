"""The graph of a computation, to look at: every value, how it was made and, after backward, its gradient.

    with tl.Graph() as graph:                   # watches what is computed within
        z = w @ x + b
        cost = (tl.sigmoid(z) - y) ** 2
        cost.backward()
    print(graph.name(locals()))                 # a line per value: name, formula, shape, value, gradient
    graph[z].grad                               # also of what is no leaf

The tape keeps no more than what backward rules ask for. So who wants to see all values has to watch while they are
computed, and that is what a Graph does; it keeps a copy of each, which suits small networks. `tl.Graph(y)`, of a tensor
that is there already, knows what the tape knows: how y was made, and the values of leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..autograd.tape import Leaf, Record, unbroadcast
from ..backend import Array, DType, Shape, is_array, to_host
from ..traced import Node, Traced
from .observe import Observing

if TYPE_CHECKING:
    from ..autograd.op import Op

_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "matmul": "@"}


@dataclass(eq=False, slots=True)
class Vertex:
    """One value of a graph: the result of an op; or a leaf or a constant, which have none.

    number: its place in the graph, from 1; 0 for what is in the formulas alone, as the 2 of x ** 2.
    op: the name of the op that made it, None for a leaf or a constant.  inputs: what the op was called with.
    settings: the op's other arguments.  requires_grad: whether gradients flow to it.
    value, grad: NumPy arrays, None as long as they are not known.  handed: what its backward rule gave to each
    of the inputs; where a value has several uses, its grad is the sum of what they hand it.
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
    handed: Sequence[Array | None] = ()
    name: str = ""

    def __str__(self) -> str:
        return self.name or f"#{self.number}"

    def __repr__(self) -> str:
        return f"<vertex {self}: {self.formula}, shape {self.shape}>"

    @property
    def formula(self) -> str:
        """How it was made, as one would type it: "W @ a", "sigmoid(z)"; else "leaf" or "constant"."""
        if self.op is None:
            return "leaf" if self.requires_grad else "constant"
        given = [str(x) for x in self.inputs]
        if self.op in _SIGNS and len(given) == 2:
            return f" {_SIGNS[self.op]} ".join(given)
        if self.op == "neg":
            return f"-{given[0]}"
        return f"{self.op}({', '.join([*given, *(f'{name}={_in_short(v)}' for name, v in self.settings.items())])})"


_UNKNOWN = Vertex(0, (), name="constant")  # an operand that was not seen, and that the tape has not kept


class Graph:
    """All values of a computation in the order they were computed in, each a `Vertex`; see the module's docstring.

    vertices: the values; what a value was made from comes before it.  visited: the results in the order in which
    backward came to them.  Ops that record nothing, as under no_grad, are left out.
    Raises RuntimeError for a tensor that has no graph, or whose graph backward has freed.
    """

    def __init__(self, result: Traced | None = None) -> None:
        self.vertices: list[Vertex] = []
        self.visited: list[Vertex] = []
        self._at: dict[Node, Vertex] = {}
        self._constants: dict[int, tuple[Array, Vertex]] = {}  # by the array's id, which is its own as long as it lives
        self._watching: Observing | None = None
        if result is not None:
            node = result._node
            if node is None:
                raise RuntimeError("Graph: this tensor does not require grad, so there is no record of how it was made")
            if isinstance(node, Record) and node.saved is None:
                raise RuntimeError(
                    "Graph: backward has freed this graph; make the Graph before, call backward(retain_graph=True), or "
                    "compute and go backward within `with tl.Graph() as graph:`"
                )
            self._vertex(node)

    # --- looking at it ----------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.vertices)

    def __iter__(self) -> Iterator[Vertex]:
        return iter(self.vertices)

    def __getitem__(self, tensor: Traced) -> Vertex:
        """The vertex of a tensor. Raises KeyError if it is not in the graph."""
        vertex = self._find(tensor)
        if vertex is None:
            raise KeyError(f"a tensor of shape {tensor._array.shape} that is not in this graph")
        return vertex

    def name(self, names: Mapping[str, Any]) -> Self:
        """Name vertices after tensors: `locals()`, `dict(model.named_parameters())`. Others are ignored. In place."""
        for name, tensor in names.items():
            vertex = self._find(tensor) if isinstance(tensor, Traced) else None
            if vertex is not None:
                vertex.name = name
        return self

    def __str__(self) -> str:
        rows = [["", "name", "made by", "shape", "value", "gradient"]]
        for v in self.vertices:
            rows.append([f"#{v.number}", v.name, v.formula, str(v.shape), in_line(v.value), in_line(v.grad)])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        )

    def _find(self, tensor: Traced) -> Vertex | None:
        if tensor._node is not None:
            return self._at.get(tensor._node)
        return self._constants.get(id(tensor._array), (None, None))[1]

    # --- watching ---------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        if self._watching is not None:
            raise RuntimeError("Graph: it is watching already; make another Graph for a block within")
        self._watching = Observing(self)
        self._watching.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        assert self._watching is not None
        self._watching.__exit__(*error)
        self._watching = None

    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None:
        """An op was called: part of the protocol of observers."""
        if record is not None:
            inputs = [
                self._constant(array) if node is None else self._vertex(node, array)
                for array, node in zip(arrays, record.nodes, strict=True)
            ]
            self._at[record] = self._add(record, op.name, inputs, settings, _copy(out))

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None:
        """The walk has been to a record: part of the protocol of observers."""
        vertex = self._vertex(record)
        self.visited.append(vertex)
        vertex.grad = _plus(vertex.grad, upstream)
        handed: list[Array | None] = []
        for node, gradient in zip(record.nodes, gradients, strict=True):
            if node is None or gradient is None:
                handed.append(None)
                continue
            handed.append(_copy(unbroadcast(_array(gradient), node)))
            if isinstance(node, Leaf):  # where nothing else will tell the sum
                parent = self._vertex(node)
                parent.grad = _plus(parent.grad, handed[-1])
        vertex.handed = handed

    # --- vertices ---------------------------------------------------------------------------------------

    def _vertex(self, node: Node, array: Any = None) -> Vertex:
        """The vertex of a node; if it is new, after those of all that it was made from."""
        missing, stack = set[Node](), [node]
        while stack:
            current = stack.pop()
            if current in self._at or current in missing:
                continue
            missing.add(current)
            if isinstance(current, Record):
                stack.extend(parent for parent in current.nodes if parent is not None)
        for new in sorted(missing, key=lambda node: node.age):
            held = None if new.tensor is None else new.tensor()
            value = array if new is node and array is not None else None if held is None else held._array
            op = new.op.name if isinstance(new, Record) else None
            inputs = [_UNKNOWN if n is None else self._at[n] for n in new.nodes] if isinstance(new, Record) else []
            self._at[new] = self._add(new, op, inputs, {}, None if value is None else _copy(value))
        return self._at[node]

    def _add(
        self, node: Node, op: str | None, inputs: Sequence[Vertex], settings: Mapping[str, Any], value: Array | None
    ) -> Vertex:
        number = len(self.vertices) + 1
        vertex = Vertex(number, node.shape, node.dtype, op, inputs, dict(settings), requires_grad=True, value=value)
        self.vertices.append(vertex)
        return vertex

    def _constant(self, value: Any) -> Vertex:
        """The vertex of an operand without a gradient: one for all uses of an array; a number has its own each time."""
        if not is_array(value):
            return Vertex(0, (), value=None if value is None else np.asarray(value), name=str(value))
        held = self._constants.get(id(value))
        if held is None:
            number = len(self.vertices) + 1
            held = self._constants[id(value)] = value, Vertex(number, value.shape, value.dtype, value=_copy(value))
            self.vertices.append(held[1])
        return held[1]


def in_line(array: Array | None, most: int = 8) -> str:
    """A small array in one line, with four digits: "[[0.5, -1], [1, 2]]"; nothing if it is larger, or not known."""
    return "" if array is None or array.size > most else _listed(array.tolist())


def _listed(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_listed, value))}]"
    return f"{value + 0.0:.4g}" if isinstance(value, float) else str(value)  # + 0.0: no -0


def _in_short(value: Any) -> str:
    text = str(value) if not isinstance(value, Traced) and not is_array(value) else "..."
    return text if len(text) < 20 else "..."


def _array(value: Any) -> Array:
    return value._array if isinstance(value, Traced) else value


def _copy(value: Any) -> Array:
    return np.array(to_host(_array(value)))


def _plus(held: Array | None, more: Any) -> Array:
    return _copy(more) if held is None else held + to_host(_array(more))
