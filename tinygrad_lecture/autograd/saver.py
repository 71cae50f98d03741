"""Savers: what the backward rules of an op ask the tape to keep, compiled into one function per op.

The rules of `mul` are `_(g, b)` for the input a and `_(g, a)` for b, so its saver is

    lambda arrays, out, settings, nodes: (
        (arrays[1],) if nodes[0] else (),
        (arrays[0],) if nodes[1] else (),
    )

and the rule runs as `rule(g, *saved[0])`. A rule may ask for

    an input's name, or `out`         the array
    a setting's name                  its value
    `x_shape`, `x_dtype`, `x_device`  metadata of the input x; keeps no array alive
    `index`, `shapes`, `arrays`       if the op has any number of inputs (`def concatenate(*arrays, axis=0)`): which
                                      input the rule is for, all shapes, or all arrays under the op's name for them
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from ..backend import device_of, get_default_dtype, is_array
from ..errors import hide_frames
from ..tensor_base import wrap
from .core import Node

# (arrays, out, settings, nodes) -> for each input that requires grad, what its rule asked for
Saver: TypeAlias = Callable[[Sequence[Any], Any, Mapping[str, Any], Sequence[Any]], Sequence[Sequence[Any]]]
Rule: TypeAlias = Callable[..., Any]


def asked_by(op: Any, rule: Rule) -> list[str]:
    """The names of what a rule asks for.

    Raises TypeError for an unknown name, and for a first parameter that is not the upstream gradient.
    """
    parameters = list(inspect.signature(rule).parameters.values())
    if not parameters or any(p.kind is p.KEYWORD_ONLY for p in parameters):
        raise TypeError(
            f"a backward rule of {op.name} takes the upstream gradient g and then what it asks for, by position, as in "
            "def _(g, x)"
        )
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


def _expression(op: Any, name: str) -> str:
    """The Python expression for what a rule asks for."""
    if name == "out":
        return "out"
    if name in op.inputs:
        return _array(op, name)
    if name in op.settings:
        return f"settings.get({name!r}, defaults[{name!r}])"
    if op.variadic:
        return _VARIADIC.get(name, "arrays")
    stem, _, field = name.rpartition("_")
    return f"{field}_of({_array(op, stem)})"


def _array(op: Any, name: str) -> str:
    position = op.inputs.index(name)
    return f"arrays[{position}]" if name not in op.optional else f"(arrays[{position}:] or [None])[0]"


def compile_saver(op: Any) -> Saver | None:
    """The saver of an op, from what its rules ask for; None if they ask for nothing, as those of addition."""
    if not any(asked or asked is None for asked in op.asked):
        return None

    def no_rule(position: int) -> None:
        decorator = f"@{op.name}.backward" + ("" if op.variadic else f'("{op.inputs[position]}")')
        name = op.variadic or op.inputs[position]
        raise NotImplementedError(
            f"op {op.name} has no backward rule for its input {name}; add one with {decorator}, or pass {name}.detach()"
        )

    def saved(position: int) -> str:
        asked = op.asked[position]
        return f"no_rule({position})" if asked is None else f"({''.join(f'{_expression(op, x)}, ' for x in asked)})"

    if op.variadic:
        body = f"[{saved(0)} if node is not None else () for index, node in enumerate(nodes)]"
    elif len(op.inputs) == 1:
        body = f"({saved(0)},)"
    else:
        kept = [saved(i) for i in range(len(op.inputs))]
        given = [f"any(nodes[{i}:{i + 1}])" if x in op.optional else f"nodes[{i}]" for i, x in enumerate(op.inputs)]
        body = "".join("(), " if k == "()" else f"{k} if {node} else (), " for k, node in zip(kept, given, strict=True))
    names = {"defaults": op.settings, "no_rule": no_rule, **{f"{field}_of": of for field, of in _METADATA.items()}}
    saver: Saver = eval(f"lambda arrays, out, settings, nodes: ({body})", names)
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
_VARIADIC = {"index": "index", "shapes": "[shape_of(array) for array in arrays]"}
