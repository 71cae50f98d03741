"""What an op is declared to be: its inputs and settings, its backward rules, what it says about bad inputs."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from .operands import Binder, binder
from .saver import Rule, Saver, asked_by, compile_saver

P = ParamSpec("P")
R = TypeVar("R", bound=Callable[..., Any])


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
    def bind(self) -> Binder:
        """A call's arguments as inputs and settings."""
        return binder(self)

    @cached_property
    def saver(self) -> Saver | None:
        """What the rules ask the tape to keep, as a function of (arrays, out, settings, nodes); None if nothing."""
        return compile_saver(self)


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
        raise TypeError(
            f"op {name} has a parameter called out, which is the output's name in backward rules: rename it"
        )
    return inputs, optional, variadic, settings
