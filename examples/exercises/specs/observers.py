"""What checks look at in a submission: functions of its module and of plain values, which return plain values.

They run in the submission's process, by the text of this file, so it uses NumPy alone. For the solved files they run
in the checker's. What should be an object of the learner's class, and is not, is returned as it is.
"""

from collections.abc import Sequence
from operator import add, mul
from types import FunctionType
from typing import Any

import numpy as np

LETTERS = "abcdefghijkl"  # names of the Values of a program

# --- graphs of Values -------------------------------------------------------------------------------------------------


class Node:
    """A Value that works, for exercises whose own Value is not the question.

    seeded: whether its gradient has ever been another number than 0.
    """

    seeded = False

    def __init__(self, data: float, parents: Sequence[Any] = (), locals_: Sequence[float] = ()) -> None:
        self.data, self.parents, self.locals, self.grad = data, tuple(parents), tuple(locals_), 0.0

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "grad" and value:
            self.seeded = True

    def __add__(self, other: Any) -> "Node":
        return Node(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Any) -> "Node":
        return Node(self.data * other.data, (self, other), (other.data, self.data))


def _nodes(inputs: Sequence[float], steps: Sequence[tuple[str, int, int]]) -> list[Node]:
    """All nodes of a program. steps: each an operation and the positions of its operands."""
    nodes = [Node(x) for x in inputs]
    for op, i, j in steps:
        nodes.append(nodes[i] + nodes[j] if op == "+" else nodes[i] * nodes[j])
    return nodes


def _letters(found: Any, nodes: Sequence[Any], names: str = LETTERS) -> list[str]:
    """The names of some Values."""
    return [next((names[k] for k, node in enumerate(nodes) if node is one), "?") for one in found]


def product(m: Any, x: float, y: float | None) -> Any:
    """The parts of a * b, or of a * a if y is None; the parents by name, and the local derivatives in their order."""
    a = m.Value(x)
    b = a if y is None else m.Value(y)
    out = a * b
    if not isinstance(out, m.Value):
        return out
    parents, slopes = _letters(out.parents, [a, b]), list(out.locals)
    if len(slopes) == len(parents):
        slopes = [slopes[k] for k in np.argsort(parents, kind="stable")]
    parts = {"data": {"out.data": out.data}, "parents": {"out.parents": sorted(parents)}}
    return parts | {"locals": {"out.locals": slopes}}


def one_step(m: Any, x: float, y: float, grad: float, before: float, same: bool, op: str) -> Any:
    """The gradients of a and b after send_back, and what the node itself has."""
    a, b = Node(x), Node(y)
    other = a if same else b
    out = a * other if op == "*" else a + other
    out.grad, a.grad, b.grad = grad, before, before
    m.send_back(out)
    node = {"out.grad": out.grad, "out.data": out.data, "out.locals": list(out.locals)}
    return {"grad": {"a.grad": a.grad} if same else {"a.grad": a.grad, "b.grad": b.grad}, "changed": node}


def order(m: Any, inputs: Sequence[float], steps: Sequence[tuple[str, int, int]]) -> Any:
    """The names of the Values, in the learner's order."""
    nodes = _nodes(inputs, steps)
    found = m.topological_order(nodes[-1])
    return _letters(found, nodes) if isinstance(found, list) else found


def backward(m: Any, inputs: Sequence[float], steps: Sequence[tuple[str, int, int]]) -> Any:
    """All gradients after one backward, those after two, and which Values have ever had one."""
    nodes, found = _nodes(inputs, steps), []
    for _ in range(2):
        m.backward(nodes[-1])
        found.append({f"{LETTERS[k]}.grad": node.grad for k, node in enumerate(nodes)})
    return {"grad": found[0], "not-reset": found[1], "seeded": {"": [node.seeded for node in nodes]}}


def activation(m: Any, z: float) -> Any:
    """The parts of sigmoid(z)."""
    v = m.Value(z)
    out = m.sigmoid(v)
    if not isinstance(out, m.Value):
        return out
    parents = _letters(out.parents, [v], "z") if isinstance(out.parents, (tuple, list)) else out.parents
    return {"data": {"s.data": out.data}, "parents": {"s.parents": parents}, "locals": {"s.locals": out.locals}}


def cost(m: Any, x: Any, w: Any, b: float, y: float) -> Any:
    """The number of the cost, or what else is returned."""
    found = m.cost([m.Value(v) for v in x], [m.Value(v) for v in w], m.Value(b), m.Value(y))
    return found.data if isinstance(found, m.Value) else found


def gradient(m: Any, x: Any, w: Any, b: float, y: float) -> Any:
    return m.gradient([m.Value(v) for v in x], [m.Value(v) for v in w], m.Value(b), m.Value(y))


# --- Tensors ----------------------------------------------------------------------------------------------------------


def mul_rule(g: Any, x: Any, w: Any) -> Any:
    return g * w, g * x


def add_rule(g: Any, x: Any, y: Any) -> Any:
    return g, g


def sum_of(x: Any, axis: Any = None) -> Any:
    return x.sum(axis)


def sum_rule(g: Any, x: Any, axis: Any = None) -> Any:
    return np.array(np.broadcast_to(g if axis is None else np.expand_dims(g, axis), x.shape))


def recorded(m: Any, x: Any, w: Any) -> Any:
    """The parts of record(mul, mul_rule, x, w)."""
    a, b = m.Tensor(x), m.Tensor(w)
    z = m.record(mul, mul_rule, a, b)
    if not isinstance(z, m.Tensor):
        return z
    parents = ["x" if p is a else "w" if p is b else "?" for p in z.parents]
    rule = {"callable(z.rule)": callable(z.rule)}
    return {"data": {"z.data": np.asarray(z.data).tolist()}, "parents": {"z.parents": parents}, "rule": rule}


def recorded_rule(m: Any, x: Any, w: Any) -> Any:
    """What the rule of record(mul, mul_rule, x, w) returns."""
    return {"rule": {"z.rule(1)": m.record(mul, mul_rule, m.Tensor(x), m.Tensor(w)).rule(np.ones_like(x))}}


def recorded_sum(m: Any) -> Any:
    """The data of record(sum_of, sum_rule, x, axis=1), and what its rule returns."""
    s = m.record(sum_of, sum_rule, m.Tensor(np.array([[0.0, 1.0], [2.0, 3.0]])), axis=1)
    back = s.rule(np.array([1.0, 2.0])) if np.shape(s.data) == (2,) else None
    return {"settings": {"s.data": np.asarray(s.data).tolist(), "s.rule([1, 2])": np.asarray(back).tolist()}}


def three_grads(m: Any, x: Any, w: Any, twice: bool) -> Any:
    """The gradients of x, w and z = x * w, or x * w + x, after backward from the sum of z."""
    a, b = m.Tensor(x), m.Tensor(w)
    z = m.record(mul, mul_rule, a, b)
    if twice:
        z = m.record(add, add_rule, z, a)
    m.backward(m.record(sum_of, sum_rule, z))
    grads = {f"{name}.grad": np.asarray(tensor.grad).tolist() for name, tensor in zip("xwz", (a, b, z), strict=True)}
    of_z = {"z.grad": grads.pop("z.grad")}
    return {"grad": grads, "shared": of_z}


def tensor_class(m: Any) -> Any:
    """The learner's Tensor, of 4.10, as this module or what it imports uses it."""
    scopes = [vars(m)]
    for scope in scopes:
        for value in scope.values():
            if isinstance(value, type) and value.__name__ == "Tensor":
                return value
        around = [value.__globals__ for value in scope.values() if isinstance(value, FunctionType)]
        scopes += [other for other in around if not any(other is known for known in scopes)]
    return None


def as_tensors(p: Any, make: Any) -> Any:
    """Nested arguments, with their arrays of floats as Tensors."""
    if isinstance(p, dict):
        return {name: as_tensors(value, make) for name, value in p.items()}
    if isinstance(p, list):
        return [as_tensors(value, make) for value in p]
    return make(p) if isinstance(p, np.ndarray) and p.dtype == float else p


def leaves(p: Any, name: str = "") -> dict[str, Any]:
    """What is in nested arguments, by name: of x and of p["blocks"][0]["W"] it is x and blocks[0].W."""
    if not isinstance(p, (dict, list)):
        return {name: p}
    found: dict[str, Any] = {}
    for key, value in p.items() if isinstance(p, dict) else enumerate(p):
        inner = f"{name}[{key}]" if isinstance(p, list) else f"{name}.{key}" if name else key
        found |= leaves(value, "" if inner == "p" else inner)
    return found


def _called(m: Any, name: str, arguments: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    given = as_tensors(arguments, tensor_class(m))
    return given, getattr(m, name)(*given.values())


def result(m: Any, name: str, arguments: dict[str, Any]) -> Any:
    """The data of the Tensor that a function returns, in a dict."""
    out = _called(m, name, arguments)[1]
    return {"data": out.data} if isinstance(out, tensor_class(m)) else out


def grads(m: Any, name: str, arguments: dict[str, Any], upstream: Any) -> Any:
    """The gradients of all arguments by name, those that there are; None if an input of record is an array."""
    given, out = _called(m, name, arguments)
    found = gradients(out, upstream)
    return found and {key: found[id(x)] for key, x in leaves(given).items() if id(x) in found}


def gradients(out: Any, upstream: Any) -> dict[int, Any] | None:
    """The gradients of all Tensors behind `out`, by id; by this walk, not by the learner's."""
    order: dict[int, Any] = {}  # by id, parents first

    def visit(node: Any) -> None:
        if id(node) not in order and not isinstance(node, np.ndarray):
            for parent in node.parents:
                visit(parent)
        order[id(node)] = node

    visit(out)
    if any(isinstance(node, np.ndarray) for node in order.values()):
        return None
    found: dict[int, Any] = {id(out): upstream}
    for node in reversed(order.values()):
        if node.rule is None or id(node) not in found:
            continue
        sent = node.rule(found[id(node)])
        for parent, grad in zip(node.parents, sent if isinstance(sent, tuple) else (sent,), strict=True):
            found[id(parent)] = found.get(id(parent), 0) + grad
    return found


def trained(m: Any, p: Any, *args: Any) -> Any:
    """The losses that train returns, and its parameters afterwards. p: them, in a list or nested."""
    given = as_tensors(p, tensor_class(m))
    parameters = list(leaves(given).values())
    losses = m.train(*([given] if isinstance(p, dict) else []), parameters, *args)
    return losses, [q.data for q in parameters]


# --- random numbers, and arrays that are changed ----------------------------------------------------------------------


def drawn(m: Any, name: str, args: Any, seed: int, times: int = 1) -> Any:
    """What a function returns that draws, called once or several times with one generator."""
    rng = np.random.default_rng(seed)
    return [getattr(m, name)(*args, rng) for _ in range(times)]


def written(m: Any, p: Any, heads: int, context: int, seed: int, settings: dict[str, Any]) -> Any:
    """The tokens that write returns."""
    given = as_tensors(p, tensor_class(m))
    found = m.write(given, heads, context, np.random.default_rng(seed), **settings)
    return {"tokens": {"tokens": [int(token) for token in found]}} if isinstance(found, list) else found


def increased(m: Any, x: Any, by: float) -> Any:
    """What increase returns, what the tape's rule gives afterwards, and whether the tape kept x itself."""
    x, tape = x.copy(), m.Tape()
    tape.square(x)
    kept = tape.x is x
    z = m.increase(x, by)
    rule = {"tape.rule(1)": np.asarray(tape.rule(1.0)).tolist()}
    return {"result": {"z": np.asarray(z).tolist()}, "in-place": rule, "tape-changed": {"the tape holds x": kept}}
