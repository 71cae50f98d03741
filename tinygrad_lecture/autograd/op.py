"""Op: a forward function with its backward rules, and the call that records. `op`, below, has an example.

Parameters before the slash are inputs: arrays that gradients flow to. Those after it are settings. A rule takes the
upstream gradient `g` and asks by name for inputs, settings or the output `out`; only that is kept until backward
(`saver.py` lists all names).

An op called with arrays returns an array and records nothing. Called with a Tensor it returns a Tensor, and records if
one of the inputs requires grad. Rules are written with the same ops and operators: in backward they receive arrays and
run at array speed; under `create_graph=True` they receive Tensors and are recorded themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeAlias, TypeVar, overload

import numpy as np

from .. import traced
from ..errors.messages import EXPLAINED, explain
from ..traced import Node, TensorLike, Traced
from . import modes as modes_module
from .contract import add_facts
from .modes import modes
from .operands import SCALARS, as_operand, own_settings, settle
from .saver import Rule, Saver, as_tensors, compile_saver, expressions, is_array_of
from .signature import bind, parse
from .tape import Gradient, Record
from .versions import tick
from .views import note_view

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound=Callable[..., Any])

Value: TypeAlias = Any  # what ops and rules compute with: an array or, where recorded, a Tensor

_ndarray = np.ndarray
_new = object.__new__


class Op(Generic[P]):
    """A differentiable function of arrays. Made by the decorator `tl.op`; see there.

    rules: the backward rule for each input (one for all if the op takes any number).
    """

    def __init__(
        self, forward: Callable[Concatenate[Any, P], Any], differentiable: bool, analytic: bool, casts: bool
    ) -> None:
        self.forward: Callable[..., Any] = forward
        self.name = self.__name__ = self.__qualname__ = forward.__name__
        self.__doc__, self.__module__, self.__wrapped__ = forward.__doc__, forward.__module__, forward
        self.differentiable, self.analytic, self.casts = differentiable, analytic, casts
        self.inputs, self.optional, self.variadic, self.settings = parse(forward)
        self.arity = math.inf if self.variadic else len(self.inputs)
        self.rules: list[Rule | None] = [None] * (len(self.inputs) or 1)
        self.asked: list[list[str] | None] = [None] * len(self.rules)  # by each rule, as expressions for the saver
        self.saves_arrays = False
        self.keeping: Callable[..., tuple[Any, Any]] | None = None  # forward that also returns what backward needs
        self.complaint: Callable[..., str | None] | None = None
        self.options: dict[str, Callable[..., Any]] = {}

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    # --- declaring --------------------------------------------------------------------------------------

    @overload
    def backward(self, rule: R, /) -> R: ...
    @overload
    def backward(self, *inputs: str) -> Callable[[R], R]: ...
    def backward(self, *inputs: Any) -> Any:
        """Declare the backward rule for the named inputs: `@mul.backward("a")`, or `@exp.backward` for the only input.

        A rule `_(g, ...)` returns the gradient with respect to its input: the upstream gradient g times the local
        derivative, in the input's shape or one that it broadcasts to.
        Raises TypeError for an input that the op does not have, for no name if it has several inputs, and for a rule
        that asks for an unknown name.
        """
        if len(inputs) == 1 and callable(inputs[0]):
            return self._rule_for(())(inputs[0])
        if not inputs:  # x.mean.backward() reaches this function
            raise TypeError(f"call {self.name} first, with parentheses, as in x.{self.name}().backward()")
        return self._rule_for(inputs)

    def _rule_for(self, inputs: Sequence[str]) -> Callable[[R], R]:
        if not inputs and len(self.inputs) > 1:
            raise TypeError(
                f"op {self.name} has the inputs {', '.join(self.inputs)}: name the one that the rule is for, as in "
                f'@{self.name}.backward("{self.inputs[0]}")'
            )
        for name in inputs:
            if name not in self.inputs:
                raise TypeError(f"op {self.name} has no input called {name!r}; its inputs are {self.inputs}")
        positions = [self.inputs.index(name) for name in inputs] or [0]

        def declare(rule: R) -> R:
            for position in positions:
                self.rules[position], self.asked[position] = rule, expressions(self, rule)
                self.saves_arrays |= any(map(is_array_of, self.asked[position] or ()))
            self.__dict__.pop("saver", None)
            return rule

        return declare

    def explains(self, function: R) -> R:
        """Declare what to say about bad inputs: a function of the op's arguments that returns a sentence or None."""
        self.complaint = function
        return function

    def option(self, name: str) -> Callable[[R], R]:
        """Declare what a call with the setting `name` means: a function of the op's arguments that calls other ops."""

        def declare(function: R) -> R:
            self.options[name] = function
            return function

        return declare

    @cached_property
    def saver(self) -> Saver | None:
        """What the rules ask the tape to keep, as a function of (arrays, out, settings, nodes); None if nothing."""
        return compile_saver(self)

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self, instance: TensorLike[T], owner: type | None = None) -> Callable[..., T]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> Any: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """An op that is an attribute of a class is a method: `Tensor.exp = ops.exp` makes x.exp()."""
        return self if instance is None else MethodType(self, instance)

    # --- calling ----------------------------------------------------------------------------------------

    @overload
    def __call__(self, x: TensorLike[T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    def __call__(self, x: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any: ...
    def __call__(self, *inputs: Any, **settings: Any) -> Any:  # type: ignore[misc]
        """Compute the op and, if one of its inputs requires grad, record it."""
        # bind: the arguments as inputs and settings
        if settings or len(inputs) > self.arity:
            inputs, settings = bind(self, inputs, settings)
            for name in self.options:
                if name in settings:
                    return self.options[name](*inputs, **settings)

        # unwrap: the arrays in the Tensors and the nodes that they came from; a foreign operand needs conversion
        arrays: list[Any] = []
        nodes: list[Node | None] = []
        like = foreign = None
        recorded = False
        for x in inputs:
            if isinstance(x, Traced):
                array = x._array
                arrays.append(array)
                if like is None or array.ndim:  # one without axes does not promote
                    like = array
                node = x._node
                nodes.append(node)
                if node is not None:
                    recorded = True
            else:
                if type(x) not in SCALARS:
                    foreign = x
                arrays.append(x)
                nodes.append(None)
        recorded = recorded and modes.recording and self.differentiable
        given = settings
        if settings and like is not None and modes.recording:
            settings = own_settings(settings, self.name)
        if foreign is not None and like is not None:
            arrays = [x._array if isinstance(x, Traced) else as_operand(x, like, copy=recorded) for x in inputs]

        # forward
        kept = None
        try:
            if recorded and self.keeping is not None:
                out, kept = self.keeping(*arrays, **settings)
            else:
                out = self.forward(*arrays, **settings) if settings else self.forward(*arrays)
        except EXPLAINED as error:
            raise explain(self.name, self.forward, self.complaint, arrays, settings, error)  # noqa: B904 - sets the cause
        if like is None:  # given arrays, return an array
            return out
        if type(out) is not _ndarray or out.dtype is not like.dtype:
            out = settle(out, inputs, arrays, self.name, self.casts)

        # wrap
        result = _new(traced.tensor_type)
        result._array = out
        result._node = result._grad = None

        # record
        if recorded:
            record = result._node = Record()
            record.op, record.nodes, record.tensor = self, nodes, None
            record.shape, record.dtype, record.age = out.shape, out.dtype, tick()
            record.saved = () if self.saver is None else self.saver(arrays, out, settings, nodes)
            if kept is not None:
                record.saved = (*record.saved, kept)
        if out.base is not None or out is like:
            note_view(self, inputs, settings, result)
        if modes_module.observers and modes.observer is not None:
            modes.observer.saw_forward(self, arrays, given, out, result._node)
        return result

    # --- backward ---------------------------------------------------------------------------------------

    def vjp(
        self, record: Record, nodes: Sequence[Node | None], upstream: Gradient, create_graph: bool
    ) -> list[Gradient]:
        """The vector-Jacobian products: for each input with a node, the gradient that its rule returns."""
        assert record.saved is not None
        gradients: list[Gradient] = []
        rules, variadic = self.rules, self.variadic
        saved = as_tensors(self.saver, record) if create_graph else record.saved
        index = 0  # enumerate costs more: this is the hottest loop of backward
        for node in nodes:
            if node is None:
                gradients.append(None)
            else:
                rule: Rule = rules[0 if variadic else index]  # type: ignore[assignment]
                try:
                    gradients.append(rule(upstream, *saved[index]) if saved else rule(upstream))
                except Exception as error:
                    add_facts(error, record, index, upstream, create_graph)
                    raise
            index += 1  # noqa: SIM113
        return gradients


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
