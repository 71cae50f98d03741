"""What an op is declared to be: its inputs and settings, its backward rules, and what these ask a record to keep.

A rule may ask for

    an input's name, or `out`         the array
    a setting's name                  its value
    `x_shape`, `x_dtype`, `x_device`  metadata of the input x; keeps no array alive
    `index`, `shapes`, `arrays`       if the op has any number of inputs (`def concatenate(*arrays, axis=0)`): which
                                      input the rule is for, all shapes, or all arrays under the op's name for them

So the rules of `mul`, `_(g, b)` for the input a and `_(g, a)` for b, let a record save [[b], [a]], with [] in place of
each for an input that does not require grad. A rule runs as `rule(g, *saved[0])`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Concatenate, Generic, ParamSpec, TypeAlias, TypeVar, overload

from ..backend import device_of, get_default_dtype, is_array
from ..errors import hide_frames
from ..tensor_base import wrap
from .core import Node

P = ParamSpec("P")
R = TypeVar("R", bound=Callable[..., Any])
# (arrays, out, settings, nodes) -> for each input that requires grad, what its rule asked for
Saver: TypeAlias = Callable[[Sequence[Any], Any, Mapping[str, Any], Sequence[Any]], Sequence[Sequence[Any]]]
Rule: TypeAlias = Callable[..., Any]


class OpDefinition(Generic[P]):
    """The part of an `Op` that is known before it is called.

    rules: the backward rule for each input (one for all if the op takes any number).
    by_definition: of a fused op, what its definition computes.
    """

    by_definition: Callable[..., Any]

    def __init__(
        self, forward: Callable[Concatenate[Any, P], Any], differentiable: bool, analytic: bool, casts: bool
    ) -> None:
        self.forward: Callable[..., Any] = forward
        self.name = self.__name__ = self.__qualname__ = forward.__name__
        self.__doc__, self.__module__, self.__wrapped__ = forward.__doc__, forward.__module__, forward
        self.differentiable, self.analytic, self.casts = differentiable, analytic, casts
        self.inputs, self.optional, self.variadic, self.settings = parse(forward)
        self.axis = next((name for name in ("axis", "axes") if name in self.settings), None)
        self.arity = math.inf if self.variadic else len(self.inputs)
        self.rules: list[Rule | None] = [None] * (len(self.inputs) or 1)
        self.asked: list[list[str] | None] = [None] * len(self.rules)  # by each rule, by name
        self.saves_arrays = False
        self.views = True  # whether a result may share memory with an input
        self.recorded_forward = self.forward  # of a kernel one that also returns what its backward asks for
        self.explanation: Callable[..., str | None] | None = None
        self.options: dict[str, Callable[..., Any]] = {}
        self.definition: Callable[..., Any] | None = None  # of a fused op
        self.kernel_dtypes: frozenset[Any] = frozenset()  # those that its kernel computes

    def __repr__(self) -> str:
        return f"<op {self.name}>"

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
            asked, arrays = asked_by(self, rule), {*self.inputs, self.variadic, "out"}
            for position in positions:
                self.rules[position], self.asked[position] = rule, asked
                self.saves_arrays |= not arrays.isdisjoint(asked)
            self.__dict__.pop("saver", None)
            return rule

        return declare

    def explains(self, function: R) -> R:
        """Declare what to say about bad inputs: a function of the op's arguments that returns a sentence or None."""
        self.explanation = function
        return function

    def option(self, name: str) -> Callable[[R], R]:
        """Declare what a call with the setting `name` means: a function of the op's arguments that calls other ops.

        The op's own signature need not have this setting.
        """

        def declare(function: R) -> R:
            self.options[name] = function
            self.settings.setdefault(name, None)
            return function

        return declare

    @cached_property
    def saver(self) -> Saver | None:
        """What the rules ask the tape to keep, as a function of (arrays, out, settings, nodes); None if nothing."""
        return saver_of(self)


def parse(forward: Callable[..., Any]) -> tuple[list[str], list[str], str | None, dict[str, Any]]:
    """(inputs, those with a default, the name of `*inputs` or None, settings with defaults), from a signature."""
    kinds = inspect.Parameter
    parameters = inspect.signature(forward).parameters.values()
    inputs = [p.name for p in parameters if p.kind is kinds.POSITIONAL_ONLY]
    optional = [p.name for p in parameters if p.name in inputs and p.default is not p.empty]
    variadic = next((p.name for p in parameters if p.kind is kinds.VAR_POSITIONAL), None)
    settings = {p.name: p.default for p in parameters if p.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)}
    name = forward.__name__
    if not (inputs or variadic):
        raise TypeError(f"op {name} has no inputs: put a slash after them, as in def {name}(x, /, axis=None)")
    if inputs and variadic:
        raise TypeError(f"op {name} has inputs and *{variadic}: make it def {name}(*{variadic}), with one rule for all")
    if "out" in inputs or "out" in settings:
        raise TypeError(f"op {name} has a parameter called out, the output's name in backward rules: rename it")
    return inputs, optional, variadic, settings


# --- what a record keeps ------------------------------------------------------------------------------------


def asked_by(op: Any, rule: Rule) -> list[str]:
    """The names of what a rule asks for.

    Raises TypeError for an unknown name, and for a first parameter that is not the upstream gradient.
    """
    parameters = list(inspect.signature(rule).parameters.values())
    if not parameters or any(p.kind is p.KEYWORD_ONLY for p in parameters):
        raise TypeError(f"a backward rule of {op.name} takes the upstream gradient, then what it needs: def _(g, x)")
    upstream, *asked = (p.name for p in parameters)
    offered = _offered(op)
    if upstream in offered and upstream not in _UPSTREAM:
        hide_frames()
        raise TypeError(
            f"a backward rule of {op.name} has {upstream} as its first parameter, which is the upstream gradient: call "
            f"that one g (or upstream), and ask for {upstream} after it, as in def _(g, {upstream})"
        )
    for name in asked:
        if name not in offered:
            raise TypeError(f"a backward rule of {op.name} asks for {name!r}; it may ask for {', '.join(offered)}")
    return asked


_UPSTREAM = ("g", "grad", "upstream")  # an op's input may have such a name too


def _offered(op: Any) -> list[str]:
    """All names that a rule may ask for."""
    offered = [*op.inputs, *(f"{x}_{field}" for x in op.inputs for field in _METADATA), *op.settings]
    return [*offered, *_VARIADIC, op.variadic, "out"] if op.variadic else [*offered, "out"]


def _source(op: Any, name: str) -> int | Callable[..., Any]:
    """Where a record finds what a rule asks for: a place in (*arrays, out), or a function (arrays, settings, index)."""
    if name == "out":
        return -1
    if name in op.inputs:
        i: int = op.inputs.index(name)
        return (lambda arrays, settings, index: (arrays[i:] or [None])[0]) if name in op.optional else i
    if name in op.settings:
        return lambda arrays, settings, index: settings.get(name, op.settings[name])
    if name == op.variadic:
        return lambda arrays, settings, index: arrays
    if op.variadic:
        return _VARIADIC[name]
    stem, _, field = name.rpartition("_")
    of, place = _METADATA[field], op.inputs.index(stem)
    return lambda arrays, settings, index: of(arrays[place] if place < len(arrays) else None)


def saver_of(op: Any) -> Saver | None:
    """The saver of an op, from what its rules ask for; None if they ask for nothing, as those of addition."""
    if not any(asked or asked is None for asked in op.asked):
        return None

    def no_rule(arrays: Any, settings: Any, index: int) -> None:
        decorator = f"@{op.name}.backward" + ("" if op.variadic else f'("{op.inputs[index]}")')
        name = op.variadic or op.inputs[index]
        raise NotImplementedError(
            f"op {op.name} has no backward rule for its input {name}; add one with {decorator}, or pass {name}.detach()"
        )

    sources = [[no_rule] if asked is None else [_source(op, name) for name in asked] for asked in op.asked]

    def saver(arrays: Sequence[Any], out: Any, settings: Mapping[str, Any], nodes: Sequence[Any]) -> list[Any]:
        values, saved = (*arrays, out), [*nodes]
        for index, node in enumerate(nodes):
            saved[index] = kept = [] if node is None else [*sources[0 if op.variadic else index]]
            for i, source in enumerate(kept):
                kept[i] = values[source] if type(source) is int else source(arrays, settings, index)
        return saved

    return saver


def as_tensors(op: Any, record: Node) -> list[list[Any]]:
    """For create_graph: the saved values as Tensors connected to the graph, so that the rule can be differentiated."""
    nodes: dict[str, Any] = {"out": record, **dict(zip(op.inputs, record.nodes, strict=False))}

    def connected(name: str, value: Any) -> Any:
        if name == op.variadic:
            return list(map(_wrapped, value, record.nodes))
        return _wrapped(value, nodes[name]) if name in nodes else value

    asked = op.asked * len(record.nodes) if op.variadic else op.asked
    return [list(map(connected, names, values)) if values else [] for names, values in zip(asked, record.saved or ())]  # noqa: B905


def _wrapped(value: Any, node: Node | None) -> Any:
    return wrap(value, node) if is_array(value) else value


# Input metadata a rule may use without saving the array.
_METADATA: dict[str, Callable[[Any], Any]] = {
    "shape": lambda array: getattr(array, "shape", ()),
    "dtype": lambda array: getattr(array, "dtype", None) or get_default_dtype(),
    "device": device_of,
}
_VARIADIC: dict[str, Callable[..., Any]] = {
    "index": lambda arrays, settings, index: index,
    "shapes": lambda arrays, settings, index: [getattr(array, "shape", ()) for array in arrays],
}
