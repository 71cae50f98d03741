"""The signature of an op: inputs stand before the slash, settings after it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from ..errors.argument_names import inputs_by_position, numpy_names


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


def bind(op: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call of an op as (inputs, settings by name); PyTorch's names become NumPy's."""
    args, kwargs = inputs_by_position(op.name, tuple(args), kwargs)
    settings = numpy_names(op.name, kwargs) if kwargs else {}
    if len(args) <= op.arity:
        return tuple(args), settings
    n = op.arity
    inputs, extra = tuple(args[:n]), args[n:]
    if len(extra) > len(op.settings):
        raise TypeError(
            f"{op.name} takes at most {n + len(op.settings)} arguments, not {len(args)}: "
            f"{op.name}{inspect.signature(op.forward)}"
        )
    given = numpy_names(op.name, dict(zip(op.settings, extra, strict=False)))
    twice = given.keys() & settings.keys()
    if twice:
        raise TypeError(f"{op.name} got {', '.join(sorted(twice))} twice")
    return inputs, {**given, **settings}
