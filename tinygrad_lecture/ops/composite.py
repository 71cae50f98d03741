"""Functions composed of ops: composites and fused ops.

A composite is a public function that calls ops; errors and the graph show it under its own name. Like ops, it takes
PyTorch's `dim` and `keepdim` for NumPy's `axis` and `keepdims`.

A fused op is a definition plus a kernel. The definition composes ops, as on the lecture's slide: learners read it, and
higher derivatives differentiate it. The kernel is a pair of array functions, forward and backward, that compute the
same in fewer passes and one record. Without a kernel, or within `reference()`, the definition runs.

float16 is a storage format: sums, and functions built on sums, are computed in float32 and rounded at the end. The
largest float16 is 65,504, less than 256², and above 2,048 it cannot represent odd numbers. PyTorch accumulates float16
in float32 too.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any, Concatenate, TypeVar

import numpy as np

from ..autograd import modes as modes_module
from ..autograd.backward import backward_pass
from ..autograd.core import Gradient, Node, Products, Record
from ..autograd.modes import Called, modes
from ..autograd.op import Op, Value, op
from ..autograd.op_definition import P
from ..autograd.operands import Kept, numbers_among, refuse_gradients
from ..autograd.rule_checks import add_facts
from ..backend import FLOAT16, FLOAT32, FLOAT64, is_array, xp
from ..errors import EXPLAINED, explain_call, inputs_by_position, numpy_names
from ..tensor_base import TENSORS, TensorBase, array_of, wrap

F = TypeVar("F", bound=Callable[..., Any])


def _label(result: Any, name: str, arguments: tuple[Any, ...]) -> None:
    """Set the name on a result's record. A result that is the first argument itself keeps the name it has."""
    if isinstance(result, TensorBase) and type(result._node) is Record and not (arguments and result is arguments[0]):
        result._node.called = name


def named(function: F) -> F:
    """Decorate a function composed of ops: the record of its result carries its name, as in `loss.grad_fn`."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        _label(result, function.__name__, args)
        return result

    return called  # type: ignore[return-value]


def composite(function: F, name: str = "") -> F:
    """Decorate a public function composed of ops: it also takes `dim` and `keepdim`.

    Errors raised inside, and the record of its result, carry its name instead of an inner op's.
    name: the name that users know, if it is not the function's.
    """
    name, numbers = name or function.__name__, numbers_among(function)

    @functools.wraps(function)
    def composed(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            args, kwargs = inputs_by_position(args, kwargs)
            kwargs = numpy_names(name, kwargs)
        if numbers and (kwargs or not TENSORS.isdisjoint(map(type, args[1:]))):
            refuse_gradients(name, numbers, args, kwargs)
        outermost = modes_module.observers and modes.called is None
        if outermost:
            modes.called = Called(name, args, kwargs)
        try:
            result = function(*args, **kwargs)
        except EXPLAINED as error:
            raise explain_call(error, name, function, args, kwargs)  # noqa: B904 - sets the cause
        finally:
            if outermost:
                modes.called = None
        if type(result) in TENSORS:
            if type(result._node) is Record:
                _label(result, name, args)
        elif isinstance(result, tuple):
            for part in result:
                _label(part, name, args)
        return result

    return composed  # type: ignore[return-value]


# --- fused ops ----------------------------------------------------------------------------------------------


class Fused(Op[P]):
    """An op with a definition and maybe a kernel. Made by the decorator `tl.fused`; see there.

    With a kernel a call is one record: the kernel's functions run forward and backward, but the definition under
    create_graph. It saves all inputs, since the definition needs them.
    """

    kernel_backward: Any = None  # a function, if there is a kernel
    of_forward: tuple[str, ...] = ()  # what it asks for of the forward pass

    def __init__(self, definition: Callable[Concatenate[Any, P], Any]) -> None:
        super().__init__(definition, differentiable=True, analytic=False, casts=False)
        self.definition = composite(definition)
        self.in_float32: Callable[..., Any] = composite(
            lambda *args, **kwargs: called_in_float32(self, args, kwargs), self.name
        )

    def kernel(
        self, forward: Callable[..., Any], backward: Callable[..., tuple[Any, ...]], *, views: bool = True
    ) -> None:
        """Set the kernel: two functions of arrays.

        views: False if the output never shares memory with an input, which then is not looked for.

        forward(*inputs, **settings) returns the output. backward(g, needs, *inputs, **settings) returns a gradient per
        input, or None where `needs` (a bool per input) is False. If `backward` has a parameter named

            out     the output is kept for it
            kept    forward is called with keep=True where the call is recorded, and returns (output, kept): arrays,
                    or tuples and lists of them, that it has computed anyway or that spare backward work
        """
        asked = inspect.signature(backward).parameters
        self.of_forward = tuple(name for name in ("out", "kept") if name in asked)
        keeps_out = "out" in asked
        self.forward, self.kernel_backward, self.saves_arrays, self.views = forward, backward, True, views
        self.kernel_dtypes = frozenset({FLOAT32, FLOAT64, np.dtype(np.longdouble)})
        self.recorded_forward = self.keeping if "kept" in asked else forward
        self.saver = lambda arrays, out, settings, nodes: (arrays, (settings,), (out,) if keeps_out else ())

    def keeping(self, *arrays: Any, **settings: Any) -> Kept:
        """The kernel's result, and what it keeps for backward."""
        return Kept(*self.forward(*arrays, keep=True, **settings))

    def by_definition(self, *inputs: Any, **settings: Any) -> Any:
        """What the definition computes: without a kernel, within `reference()`, and for 0-d inputs and integers.

        Float16 is computed in float32, by either.
        """
        half = bool(inputs) and getattr(array_of(inputs[0]), "dtype", None) == FLOAT16
        run: Any = self.in_float32 if half else self.definition
        return run(*inputs, **settings)

    def vjp(self, record: Record, nodes: Sequence[Node | None], upstream: Gradient) -> Products:
        """The vector-Jacobian products, from the kernel or, under create_graph, from the definition."""
        assert record.saved is not None
        arrays, (settings,), out, *kept = record.saved
        if type(upstream) in TENSORS:
            inputs = [wrap(a, n) if is_array(a) else a for a, n in zip(arrays, record.nodes, strict=True)]
            return vjp_through(lambda *x: self.__wrapped__(*x, **settings), inputs, nodes, upstream)
        needs = [node is not None for node in nodes]
        if self.of_forward:
            settings = {**settings, **dict(zip(self.of_forward, (*out, *kept), strict=True))}
        try:
            gradients = self.kernel_backward(upstream, needs, *arrays, **settings)
        except Exception as error:
            add_facts(error, record, 0, upstream)
            raise
        return [*compress(zip(nodes, gradients, strict=True), needs)]  # type: ignore[list-item]


@op(analytic=True)
def alias(x: Value, /) -> Value:
    """x itself as a new node of the graph: a gradient with respect to it counts only this use of x."""
    return x


alias.backward(lambda g: g)


def vjp_through(
    function: Callable[..., Any], inputs: Sequence[Any], nodes: Sequence[Node | None], upstream: Gradient
) -> Products:
    """The gradients of a function of Tensors at `inputs`, recorded: a Tensor for each input with a node.

    Each input is passed as an alias, so a tensor passed twice gets two gradients.
    """
    aliases = [x if node is None else alias(x) for x, node in zip(inputs, nodes, strict=True)]
    out = function(*aliases)
    used = [(node, a) for node, a in zip(nodes, aliases, strict=True) if node is not None]
    found = backward_pass(
        [(out._node, upstream)], targets=[a._node for _, a in used], retain_graph=True, create_graph=True
    )
    return [
        (node, found[a._node] if a._node in found else wrap(xp(a._array).zeros(a.shape, a.dtype))) for node, a in used
    ]


def fused(definition: Callable[Concatenate[Any, P], Any]) -> Fused[P]:
    """Make a fused op from its definition, a composition of ops; `.kernel(forward, backward)` adds a kernel.

        @tl.fused
        def swish(x, /, beta=1.0):
            return x * tl.sigmoid(beta * x)

    Without a kernel the definition runs, under the op's name in errors and in the graph.
    """
    return Fused(definition)


# --- dtypes -------------------------------------------------------------------------------------------------


def converted(x: Value, dtype: Any) -> Value:
    """x with another dtype, for functions that take one; x itself if that is None. Integers are constants."""
    return x if dtype is None or x.dtype == dtype else x.astype(dtype)


def as_floats(x: Value) -> Value:
    """x, with integers and bools as floats: small ones can hold neither their squares nor their differences."""
    return x * 1.0 if x.dtype.kind in "iub" else x


def takes_dtype(op: Op[Any]) -> None:
    """Let an op take `dtype`: it converts its input to that dtype first."""

    @op.option("dtype")
    def _(x: Value, dtype: Any, **settings: Any) -> Value:
        return converted(op(converted(x, dtype), **settings), dtype)


def in_float32(function: F) -> F:
    """The function, computed in float32 if its first argument is float16, with the result rounded to float16."""

    @functools.wraps(function)
    def computed(*args: Any, **kwargs: Any) -> Any:
        return called_in_float32(function, args, kwargs) if args and is_half(args[0]) else function(*args, **kwargs)

    return computed  # type: ignore[return-value]


def called_in_float32(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Call a function with float16 arguments as float32. The result is float16 if no wider float was among them."""
    dtypes = [value.dtype for value in (*args, *kwargs.values()) if isinstance(value, TensorBase) or is_array(value)]
    result = function(*map(_widened, args), **{name: _widened(value) for name, value in kwargs.items()})
    return result.astype(FLOAT16) if all(dtype == FLOAT16 for dtype in dtypes if dtype.kind == "f") else result


def is_half(value: Any) -> bool:
    """Whether a value is a float16 tensor or array."""
    return (isinstance(value, TensorBase) or is_array(value)) and bool(value.dtype == FLOAT16)


def _widened(value: Any) -> Any:
    return value.astype(FLOAT32) if is_half(value) else value
