"""Op: a forward function with its backward rules, and the call that records. `op`, below, has an example.

An op called with arrays returns an array and records nothing. Called with a Tensor it returns a Tensor, and records if
one of the inputs requires grad. Rules are written with the same ops and operators: in backward they receive arrays and
run at array speed; under `create_graph=True` they receive Tensors and are recorded themselves.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import MethodType
from typing import Any, Concatenate, TypeAlias, TypeVar, overload

import numpy as np

from .. import tensor_base
from ..backend import Array, namespaces
from ..errors import EXPLAINED, explain, inputs_by_position, numpy_names, refuse_several
from ..tensor_base import TENSORS, TensorBase, TensorLike
from . import modes as modes_module
from .core import Gradient, Node, Products, Record
from .memory import note_view
from .modes import modes
from .op_definition import OpDefinition, P, as_tensors
from .operands import PLAIN, SCALARS, Kept, as_operand, as_result, copy_settings
from .rule_checks import add_facts

T = TypeVar("T")
Value: TypeAlias = Any  # what ops and rules compute with: an array or, where recorded, a Tensor


class Op(OpDefinition[P]):
    """A differentiable function of arrays. Made by the decorator `tl.op`; see there."""

    @overload
    def __call__(self, x: TensorLike[T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    def __call__(self, x: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any: ...
    def __call__(self, *inputs: Any, **settings: Any) -> Any:  # type: ignore[misc]
        """Compute the op and, if one of its inputs requires grad, record it."""
        # bind: which arguments are inputs, and which are settings
        n = len(inputs)
        if settings or n > self.arity:
            inputs, settings = self.bind(inputs, settings)
            n = len(inputs)
            if self.options:
                for name, composition in self.options.items():
                    if name in settings:
                        return composition(*inputs, **settings)

        # unwrap: the Tensors' arrays and nodes; `like`, which has the result's dtype, is None without Tensors
        arrays, nodes, like = unwrap(self.name, inputs, n)
        if self.definition is not None:  # a fused op: does its kernel compute this?
            x: Any = arrays[0] if arrays else None
            if modes.reference or type(x) not in namespaces or x.dtype not in self.kernel_dtypes or not x.ndim:
                return self.by_definition(*inputs, **settings)
        recorded = modes.recording and any(nodes) and self.differentiable
        if settings and like is not None and not PLAIN.issuperset(map(type, settings.values())):
            settings = copy_settings(settings, self)

        # compute
        try:
            forward: Any = self.recorded_forward if recorded else self.forward
            out = forward(*arrays, **settings) if settings else forward(*arrays)
        except EXPLAINED as error:
            raise explain(self, arrays, settings, error)  # noqa: B904 - sets the cause
        if like is None:  # given arrays, return an array
            return out

        # wrap
        kept: Sequence[Any] = ()  # what a kernel computed for its backward
        if type(out) is Kept:
            out, kept = out.out, (out.arrays,)
        if type(out) is not np.ndarray or out.dtype is not like.dtype:
            out = as_result(self, out, like, inputs, arrays, settings)
        result = object.__new__(tensor_base.tensor_type)  # `tensor_base.wrap`, without a call
        result._array, result._node, result._grad, result._window = out, None, None, None

        # record
        if recorded:
            saved = () if self.saver is None else self.saver(arrays, out, settings, nodes)
            result._node = Record(self, nodes, (*saved, *kept) if kept else saved, out)

        # watch: does it share memory with its input? who else looks, such as tl.Graph?
        if self.views and (out.base is not None or out is like or out is arrays[0]):
            note_view(self, inputs, n, settings, result)
        if modes_module.observers and modes.observer is not None:
            modes.observer.saw_forward(self, arrays, settings, out, result._node)
        return result

    def bind(self, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """A call's arguments as inputs and settings by name. PyTorch's names of arguments become NumPy's."""
        known = self.settings
        for name in named:
            if name not in known:
                args, named = inputs_by_position(args, named)
                named = numpy_names(self.name, named)
                break
        n: Any = self.arity
        if not self.variadic and (extra := args[n:]):
            args, given = args[:n], dict(zip(known, extra, strict=False))
            if extra[len(known) :]:
                wanted, signature = n + len(known), inspect.signature(self.forward)
                raise TypeError(f"{self.name} takes at most {wanted}, not {n + len(extra)}: {self.name}{signature}")
            for name in named:
                if name in given:
                    raise TypeError(f"{self.name} got {name} twice")
            named = {**given, **named}
        if self.axis is not None and type(named.get(self.axis)) is list:
            named = {**named, self.axis: tuple(named[self.axis])}
        return args, named

    def vjp(self, record: Record, nodes: Sequence[Node | None], upstream: Gradient) -> Products:
        """The vector-Jacobian products: each node that is not None, with the gradient that its rule returns."""
        saved: Any = as_tensors(self, record) if type(upstream) in TENSORS else record.saved
        products, rules, variadic = [], self.rules, self.variadic
        index = 0  # enumerate costs more: this is the hottest loop of backward
        try:
            for node in nodes:
                if node is not None:
                    rule: Any = rules[0 if variadic else index]
                    products.append((node, rule(upstream, *saved[index]) if saved else rule(upstream)))
                index += 1
        except Exception as error:
            add_facts(error, record, index, upstream)
            raise
        return products

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """An op that is an attribute of a class is a method: `Tensor.exp = ops.exp` makes x.exp()."""
        return self if instance is None else MethodType(self, instance)

    def operators(self) -> tuple[Callable[[T, Any], T], Callable[[T, Any], T]]:
        """Two methods: `__add__` computes x + other; `__radd__` computes other + x, where other is no Tensor."""
        call: Any = self
        return lambda x, other: call(x, other), lambda x, other: call(other, x)


def unwrap(name: str, inputs: Sequence[Any], n: int) -> tuple[list[Any], list[Any], Array | None]:
    """The arrays of a call's inputs, their nodes, and an array that the result is like. A constant's node is None.

    That one has the result's dtype. It is the array of the last Tensor with axes, since one without does not
    promote. If none has axes it is the first Tensor's; without Tensors it is None.
    name: of the op, for errors.  n: the number of inputs.
    Raises TypeError for several Tensors in place of one, as an RNN's (output, state).
    """
    if n == 1 and type(inputs[0]) in TENSORS:
        array = inputs[0]._array  # one Tensor, or two: nearly all calls
        return [array], [inputs[0]._node], array
    if n == 2 and type(inputs[0]) in TENSORS and type(inputs[1]) in TENSORS:
        x, y = inputs
        a, b = x._array, y._array
        return [a, b], [x._node, y._node], b if b.ndim else a
    arrays, nodes = [*inputs], [None] * n
    like = foreign = None
    for i, x in enumerate(inputs):
        if type(x) in TENSORS:
            arrays[i] = array = x._array
            nodes[i] = x._node
            if like is None or array.ndim:
                like = array
        elif type(x) not in SCALARS:
            foreign = x
    if foreign is not None and (like is not None or isinstance(foreign, (tuple, list))):
        refuse_several(name, inputs)
    if foreign is not None and like is not None:
        copy = any(nodes)  # a record may keep arrays, and their owner may change them unseen
        arrays = [x._array if isinstance(x, TensorBase) else as_operand(x, like, copy) for x in inputs]
    return arrays, nodes, like


@overload
def op(forward: Callable[Concatenate[Any, P], Any], /) -> Op[P]: ...
@overload
def op(
    *, differentiable: bool = ..., analytic: bool = ..., casts: bool = ...
) -> Callable[[Callable[Concatenate[Any, P], Any]], Op[P]]: ...
def op(forward: Any = None, /, *, differentiable: bool = True, analytic: bool = False, casts: bool = False) -> Any:
    """Make an op of a forward function on arrays; its inputs stand before the slash.

        @tl.op
        def weighted(x, w, /, scale=1.0):           # inputs x and w, a setting
            return scale * x * w

        @weighted.backward("x")
        def _(g, w, scale):                         # asks for w and the setting; x is not kept for this
            return g * scale * w

        @weighted.backward("w")
        def _(g, x, scale):
            return g * scale * x

        tl.gradcheck(weighted, (x, w))              # are the rules right?

    Parameters before the slash are inputs: arrays that gradients flow to. Those after it are settings.

    A rule's first parameter is the upstream gradient. The others name what it needs: inputs, settings, the output
    `out`, or metadata such as `x_shape`. It returns the gradient with respect to its input; broadcasting is undone for
    it. An op with any number of inputs, `def f(*xs, axis=0)`, has one rule, `@f.backward`, that may also ask for
    `index` (of the input it is for), `shapes` and `xs`.

    differentiable: False for ops whose results never require grad (comparisons, argmax).
    analytic: complex differentiable, so that gradcheck may use the complex step.
    casts: the op chooses the dtype of its result, which may be wider than what it was given.
    """
    if forward is None:
        return lambda function: Op(function, differentiable, analytic, casts)
    return Op(forward, differentiable, analytic, casts)
