"""Graph: every value of a computation, how it was computed and, after backward, its gradient.

The tape saves only what backward rules ask for. A Graph therefore watches the computation and copies each value, which
suits small networks.

Lines, modules and names of variables are read from the call stack. So a program need not name them, and nothing costs
time unless somebody watches. A module is any object with `named_modules` whose method `forward` is running: this
package does not know `nn`.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, takewhile
from types import FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np

from ..autograd.core import Node, Record, unbroadcast
from ..autograd.graph import Output, Upstreams, ancestors
from ..autograd.modes import modes
from ..autograd.op import Op
from ..backend import Array, is_array, to_host
from ..errors import aligned, caller_variables, in_library, kind_of
from ..tensor_base import TensorBase, array_of
from .observe import Observer, Observing
from .printing import in_line
from .vertex import HEAD, Line, LocalDerivatives, Scope, Step, Vertex, passes_of

if TYPE_CHECKING:
    from pathlib import Path


_ENGINE = __file__.rpartition("inspect")[0]
_watched: weakref.WeakValueDictionary[int, Graph] = weakref.WeakValueDictionary()  # by id


def watched() -> list[Graph]:
    """The graphs that have watched and still live. Other threads may start to watch meanwhile."""
    return [graph for reference in _watched.valuerefs() if (graph := reference()) is not None]


_UNKNOWN = Vertex(0, (), name="constant")  # an operand that the tape did not save


ROLES = {"attention": (3, "mask"), "attention_weights": (2, "mask"), "cross_entropy": (1, "target")}  # of an input


class Graph(Observer):
    """The values of a computation, each a `Vertex`, in the order in which they were computed.

        with tl.Graph() as graph:               # watches what is computed inside
            z = w @ x + b
            cost = (tl.sigmoid(z) - y) ** 2
            cost.backward()
        print(graph)                            # one line per value: name, formula, shape, value, gradient
        graph[z].grad                           # gradients of results too, not only of leaves
        graph.draw("graph.svg")                 # a picture
        tl.page(graph, "graph.html")            # a page on which one watches it, step by step

    vertices: the values; inputs come before the results computed from them. When the graph is printed or drawn, they
    get the names of the caller's variables; `name` gives others. Parameters of a module that runs have its names for
    them; if several modules run on their own, those of variables.
    steps: those of backward in its order, each with what it was given and returned.  Ops that are not recorded, as
    under no_grad, are left out.
    """

    keeps_values = True

    def __init__(self) -> None:
        self.vertices: list[Vertex] = []
        self.steps: list[Step] = []
        self.at: dict[Node, Vertex] = {}  # of each node that gradients flow to
        self._constants: ByArray = {}
        self._seen: dict[int, weakref.ref[Any]] = {}  # its arrays, while it watches
        self._conditions: dict[int, tuple[Any, Sequence[Any]]] = {}  # each with the arrays that it was made of
        self._watching: Observing | None = None
        self._scopes, self._parameters = Scopes(), dict[Node, str]()

    # --- looking at it ----------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.vertices)

    def __iter__(self) -> Iterator[Vertex]:
        return iter(self.vertices)

    def __getitem__(self, tensor: TensorBase) -> Vertex:
        """The vertex of a tensor. Raises KeyError if it is not in the graph."""
        vertex = self.find(tensor)
        if vertex is None:
            raise KeyError(f"a tensor of shape {tensor._array.shape} that is not in this graph")
        return vertex

    def name(self, names: Mapping[str, Any]) -> Self:
        """Name the vertices of tensors, in place; returns the graph.

            graph.name(locals())
            graph.name(dict(model.named_parameters()))

        names: a dict from names to tensors; values that are not tensors of this graph are ignored.
        Raises TypeError for a name that is not a string.
        """
        if not isinstance(names, Mapping):
            raise TypeError(f'Graph.name: give a dict from names to tensors, as {{"x": x}}, not {kind_of(names)}')
        for name, tensor in names.items():
            if not isinstance(name, str):
                raise TypeError(f'Graph.name: names are strings, as in graph.name({{"x": x}}), not {kind_of(name)}')
            vertex = self.find(tensor) if isinstance(tensor, TensorBase) else None
            if vertex is not None:
                vertex.name = name
        return self

    def name_by_variables(self) -> Self:
        """Name what has no name yet by the caller's variables, else by its role, in place; returns the graph."""
        for name, tensor in tensors_by_name():
            vertex = self.find(tensor)
            if vertex is not None and not vertex.name:
                vertex.name = name
        taken = {v.name for v in self.vertices}
        for user in self.vertices:
            place, name = ROLES.get(user.op or "", (len(user.inputs), ""))
            if place < len(user.inputs) and (x := user.inputs[place]).number and not x.name and x.op is None:
                x.name = "" if name in taken else name
                taken.add(x.name)
        return self

    def __str__(self) -> str:
        """The graph as a table: a line per value, and below it how often backward ran, if more than once."""
        self.name_by_variables()
        rows = [HEAD, *(v.row(in_line) for v in self.vertices)]
        passes = len(passes_of(self.steps))
        note = f"Backward ran {passes} times; each gradient is the sum of what all passes found."
        return "\n".join([*aligned(rows), *([note] if passes > 1 else [])])

    def __repr__(self) -> str:
        return str(self) if len(self) <= 60 else f"<Graph of {len(self)} values; print(graph) shows them>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the picture, and the table."""
        from .notebook import graph_html

        return graph_html(self.name_by_variables().vertices)

    def draw(self, path: str | Path, title: str = "") -> None:
        """Draw the graph to an SVG file: a box per value, from top to bottom, and gradients in red.

        Values of more than 8 elements appear as their shape. Raises ValueError for an empty graph, one of more than 300
        values, or another ending than .svg, FileNotFoundError if the folder does not exist.
        """
        from .drawing import draw_graph

        draw_graph(self.name_by_variables().vertices, path, title)

    @property
    def visited(self) -> list[Vertex]:
        """The results in the order in which backward visited them."""
        return [step.vertex for step in self.steps]

    def find(self, tensor: TensorBase) -> Vertex | None:
        """The vertex of a tensor, None if it is not in the graph."""
        if tensor._node is not None:
            return self.at.get(tensor._node)
        return _found(self._constants, tensor._array)

    # --- watching ---------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        if self._watching is not None:
            raise RuntimeError("Graph: it is watching already; make another Graph for the inner block")
        self._watching = Observing(self)
        self._watching.__enter__()
        _watched[id(self)] = self
        return self

    def __exit__(self, *error: object) -> None:
        assert self._watching is not None
        self._watching.__exit__(*error)
        self._watching = None
        self._scopes.forget()
        self._seen, self._conditions = {}, {}

    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None:
        """Add the result of an op call; see `Observer`."""
        if record is not None:
            scope = self._scopes.now()
            while self._scopes.roots:
                self._name_parameters(self._scopes.roots.pop())
            given = zip(arrays, record.nodes, strict=True)
            inputs = [self._constant(x) if node is None else self._vertex(node, x) for x, node in given]
            vertex = self.at[record] = self._add(record, op, inputs, settings, _copy(out))
            vertex.scope, vertex.lines = scope, lines_of_call()
            self._note_function(vertex, arrays)
            self._seen |= {id(x): weakref.ref(x) for x in (*arrays, out) if is_array(x)}
            for x, array in zip(inputs, arrays, strict=True):
                _, made_of = self._conditions.get(id(array), (None, ()))
                x.follows = x.follows or any(map(self._knows, made_of))
        elif out.dtype == bool:
            self._conditions[id(out)] = out, arrays

    def _knows(self, array: Any) -> bool:
        """Whether an array is a value of this graph, or a condition that was made of one."""
        seen, (_, made_of) = self._seen.get(id(array)), self._conditions.get(id(array), (None, ()))
        return (seen is not None and seen() is array) or any(map(self._knows, made_of))

    def _note_function(self, vertex: Vertex, arrays: Sequence[Any]) -> None:
        """Set which function of the user's an op is part of, and with it the constants that the function has made."""
        called = modes.called
        if called is None or not called.name.isidentifier() or called.name == vertex.op:
            return
        vertex.part_of = called.name
        arguments = [*called.args, *called.kwargs.values()]
        held = (x for arg in arguments for x in (arg if isinstance(arg, (list, tuple)) else [arg]))
        given = {id(x._array) for x in held if isinstance(x, TensorBase)}
        for x, array in zip(vertex.inputs, arrays, strict=True):
            if x.op is None and x.number and not x.requires_grad and not x.name and id(array) not in given:
                x.part_of = called.name

    def _name_parameters(self, module: Any) -> None:
        """Name the parameters of a module that runs. If another one has run on its own, variables will name them."""
        names = {p._node: name for name, p in module.named_parameters() if p._node is not None}
        if self._parameters and not self._parameters.keys() >= names.keys():
            for node in self._parameters.keys() & self.at.keys():
                if self.at[node].name == self._parameters[node]:
                    self.at[node].name = ""
            names = dict.fromkeys({**self._parameters, **names}, "")
        self._parameters |= names

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None:
        """Add the gradients of a backward step; see `Observer`."""
        step = self.step_of(record, upstream, gradients)
        self.steps.append(step)
        step.vertex.grad, step.vertex.input_gradients = _plus(step.vertex.grad, step.upstream), step.input_gradients
        for leaf, gradient in zip(step.vertex.inputs, step.input_gradients, strict=True):
            if gradient is not None and leaf.op is None:  # no backward step of its own shows its sum
                leaf.grad = _plus(leaf.grad, gradient)

    def step_of(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> Step:
        """A backward step as the graph shows it."""
        vertex, pairs = self._vertex(record), zip(record.nodes, gradients, strict=True)
        found = [None if n is None or g is None else self._told(unbroadcast(array_of(g), n), n) for n, g in pairs]
        return Step(vertex, self._told(upstream, record), found, LocalDerivatives(record, upstream), record.age)

    def _told(self, gradient: Any, node: Node) -> Array:
        """A copy of the gradient of a node. Several outputs are a row of all their elements, 0 for an unused one."""
        if not isinstance(gradient, Upstreams):
            return _copy(gradient)
        ops = (user.op for user in self.at if isinstance(user, Record) and node in user.nodes)
        shapes = next(op.shapes for op in ops if isinstance(op, Output))
        outputs = zip(gradient, shapes, strict=True)
        return np.concatenate([_copy(np.zeros(shape) if g is None else g).ravel() for g, shape in outputs])

    # --- vertices ---------------------------------------------------------------------------------------

    def _vertex(self, node: Node, array: Any = None) -> Vertex:
        """The vertex of a node; a new one is added after the vertices of everything it was computed from."""
        for new in sorted(ancestors([node], known=self.at), key=lambda node: node.age):
            held = None if new.tensor is None else new.tensor()
            value = array if new is node and array is not None else None if held is None else held._array
            op = new.op if isinstance(new, Record) else None
            inputs = [_UNKNOWN if n is None else self.at[n] for n in new.nodes] if isinstance(new, Record) else []
            self.at[new] = self._add(new, op, inputs, {}, None if value is None else _copy(value))
        return self.at[node]

    def _add(
        self, node: Node, op: Any, inputs: Sequence[Vertex], settings: Mapping[str, Any], value: Array | None
    ) -> Vertex:
        number, name = len(self.vertices) + 1, None if op is None else op.name
        held = {key: _on_host(setting) for key, setting in settings.items()}
        vertex = Vertex(number, node.shape, node.dtype, name, inputs, held, requires_grad=True, value=value)
        vertex.name, vertex.maker = self._parameters.get(node, ""), op
        self.vertices.append(vertex)
        return vertex

    def _constant(self, value: Any) -> Vertex:
        """The vertex of an operand that needs no gradient: one per array, and a new one for each use of a number."""
        if not is_array(value):
            return Vertex(0, (), value=None if value is None else np.asarray(value), name=str(value))
        vertex = _found(self._constants, value)
        if vertex is None:
            number, follows = len(self.vertices) + 1, self._knows(value)
            vertex = Vertex(number, value.shape, value.dtype, value=_copy(value), follows=follows)
            self._constants[id(value)] = weakref.ref(value), vertex
            self.vertices.append(vertex)
        return vertex


ByArray: TypeAlias = dict[int, tuple[weakref.ref[Any], Vertex]]  # the vertices of arrays that live, by their ids


def _found(vertices: ByArray, array: Any) -> Vertex | None:
    """The vertex of an array. An earlier array at the same place in memory is another one."""
    reference, vertex = vertices.get(id(array), (None, None))
    return vertex if reference is not None and reference() is array else None


def _on_host(setting: Any) -> Any:
    """A setting, such as an index, with NumPy arrays in the place of others."""
    if isinstance(setting, tuple):
        return tuple(map(_on_host, setting))
    return to_host(setting) if is_array(setting) else setting


def _copy(value: Any) -> Array:
    return np.array(to_host(array_of(value)))


def _plus(total: Array | None, more: Array) -> Array:
    """The sum of gradients so far, and one more."""
    return more if total is None else total + more


# --- the modules that are running, and the line --------------------------------------------------------------


class Scopes:
    """The modules that are running. A graph asks for them after each op. Two calls of one module are two scopes.

    A call is recognised by its frame, which must be held for that. `forget` lets go of the frames.
    """

    def __init__(self) -> None:
        self._running: list[tuple[FrameType, Scope]] = []  # outermost first
        self._paths: dict[int, str] = {}  # of the modules of the outermost one, by id
        self.roots: list[Any] = []  # outermost modules that are new since somebody emptied the list

    def now(self) -> Scope | None:
        """The innermost module that is running."""
        calls = [(frame, _module_of(frame)) for frame in _frames() if frame.f_code.co_name == "forward"]
        calls = [(frame, module) for frame, module in calls[::-1] if hasattr(module, "named_modules")]
        pairs = zip(calls, self._running, strict=False)
        self._running = [before for _, before in takewhile(lambda pair: pair[0][0] is pair[1][0], pairs)]
        for running, module in calls[len(self._running) :]:
            if not self._running:
                self._paths = {id(m): path for path, m in module.named_modules()}
                self.roots.append(module)
            parent = self._running[-1][1] if self._running else None
            scope = Scope(self._paths.get(id(module), ""), type(module).__name__, parent)
            self._running.append((running, scope))
        return self._running[-1][1] if self._running else None

    def forget(self) -> None:
        """Let go of the frames, which hold the variables of the calls."""
        self._running, self._paths = [], {}


def _frames() -> Iterator[FrameType]:
    """The calls that are running, the innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _module_of(frame: FrameType) -> Any:
    """The first argument of a call."""
    return frame.f_locals.get(frame.f_code.co_varnames[0]) if frame.f_code.co_argcount else None


def lines_of_call() -> tuple[Line, ...]:
    """The lines that call an op: the user's and, if a layer calls it for the user, before it that of the layer."""
    outside = [frame for frame in _frames() if not frame.f_code.co_filename.startswith(_ENGINE)]
    users = (frame for frame in outside if not in_library(frame.f_code.co_filename))
    found = [*outside[:1], *islice(users, 1)]
    return tuple(dict.fromkeys((frame.f_code.co_filename, frame.f_lineno) for frame in found))


# --- the program's variables ----------------------------------------------------------------------------------


def tensors_by_name() -> Iterator[tuple[str, TensorBase]]:
    """(name, tensor) of what the caller's variables hold."""
    return ((name, x) for name, x in _named(caller_variables()) if isinstance(x, TensorBase))


def _named(variables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(name, object) of what variables hold: first themselves, then attributes, then items of lists and dicts.

    A name that begins with an underscore is left out, since notebooks keep what they have shown under such names.
    """
    held = {name: x for name, x in variables.items() if name.isidentifier() and name[0] != "_"}
    yield from held.items()
    for name, x in held.items():
        yield from ((f"{name}.{key}", value) for key, value in _attributes(x).items())
    for name, x in held.items():
        if isinstance(x, (list, tuple, dict)):
            items = list(x.items()) if isinstance(x, dict) else enumerate(x)
            places = [(f"{name}[{key!r}]", value) for key, value in items]
            yield from places
            yield from ((f"{place}.{key}", value) for place, part in places for key, value in _attributes(part).items())


def _attributes(x: Any) -> dict[str, Any]:
    """The attributes of an object, the parts of a named tuple, and all parameters of a network by their names in it."""
    if isinstance(x, (TensorBase, type, ModuleType, FunctionType)):
        return {}
    parts = x._asdict() if isinstance(x, tuple) and hasattr(x, "_asdict") else getattr(x, "__dict__", {})
    parameters = dict(x.named_parameters()) if hasattr(type(x), "named_parameters") else {}
    return {key: value for key, value in parts.items() if key[0] != "_"} | parameters
