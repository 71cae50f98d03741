"""The formulas of ops, told once in formulas.toml, filled in with names and numbers."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

from ..numbers import number
from ..vertex import Vertex
from .expression import Expression, exp, expression, function, literal, ln, log, maximum, sqrt

ORDINALS = ("first", "second", "third")

FORMULAS: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "formulas.toml").read_text("utf-8"))
DERIVATIVES = {op: entry["derivatives"] for op, entry in FORMULAS.items() if "derivatives" in entry}
RULES = {op: entry["gradients"] for op, entry in FORMULAS.items() if "gradients" in entry}
DEFINITIONS = {op: entry["definition"] for op, entry in FORMULAS.items() if "definition" in entry}
MOVES = {op for op, entry in FORMULAS.items() if "moves" in entry}


def _phi(x: float) -> float:
    return math.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


MEANINGS: dict[str, Any] = {
    "exp": exp, "log": log, "ln": ln, "sqrt": sqrt, "maximum": maximum, "half": Expression(0.5, "½"),
    "pi": Expression(math.pi, "pi"), "ln2": Expression(math.log(2), "ln 2", level=2),
    "ln10": Expression(math.log(10), "ln 10", level=2),
    **{name: function(name, getattr(math, name)) for name in ("sin", "cos", "tanh", "sinh", "cosh")},
    "sign": function("sign", lambda x: (x > 0) - (x < 0)),
    "sigmoid": function("sigmoid", lambda x: 1 / (1 + math.exp(-x))),
    "Phi": function("Phi", lambda x: 0.5 * math.erfc(-float(x) / math.sqrt(2))),
    "phi": function("phi", _phi),
}  # fmt: skip
_python = cache(lambda formula: compile(formula, "formula", "eval"))


def read(formula: str, values: Mapping[str, Expression], with_names: bool = True) -> Expression:
    """A formula of the tables as an expression of values or names; "t · 2, where t = ..." defines t.

    with_names: whether it says in words what its names mean.
    """
    if "{" in formula.partition(", where ")[0]:  # in words
        return Expression(math.nan, formula.format(**{name: str(x) for name, x in values.items()}))
    body, _, where = formula.partition(", where ")
    meanings, note = {**MEANINGS, **values}, ""
    if " = " in where:
        name, _, definition = where.partition(" = ")
        inner = _evaluated(definition, meanings)
        meanings[name], note = Expression(inner.value, name, [inner], lambda x: x), f", where {name} = {inner}"
    elif where and with_names:
        note = f", where {where.format(**{name: str(x) for name, x in values.items()})}"
    found = _evaluated(body, meanings)
    return found if not note else Expression(found.value, "{}" + literal(note), [found], lambda x: x, found.level)


def _evaluated(formula: str, values: dict[str, Any]) -> Expression:
    code: CodeType = _python(formula)
    found = eval(code, {}, values)
    return found if isinstance(found, Expression) else Expression(found)


# --- derivatives --------------------------------------------------------------------------------------------


def differential(name: str, sign: str = "d") -> str:
    """How a change of a value is written: "dz", "d#2", "d(0.weight)", where "d0.weight" would read as another name."""
    plain = (name.isidentifier() and not re.fullmatch(r"d\d*", name)) or re.fullmatch(r"#\d+", name)
    return sign + (name if plain else f"({name})")


def of_step(vertex: Vertex, position: int, place: str = "", source: str = "") -> str:
    """The derivative of a step alone: "∂z/∂w", of an element "∂z[0]/∂w[0]".

    place, source: the indices of the elements of the result and of the input, as "[0]".
    """
    return f"{differential(str(vertex), '∂')}{place}/{differential(str(vertex.inputs[position]), '∂')}{source}"


def which_of(vertex: Vertex, position: int) -> str:
    """Which one an input is where a step has it more than once: " (the second v)"; else ""."""
    to = vertex.inputs[position]
    same = [i for i, x in enumerate(vertex.inputs) if x is to]
    nth = same.index(position)
    return "" if len(same) == 1 else f" (the {(*ORDINALS, f'{nth + 1}th')[min(nth, len(ORDINALS))]} {to})"


def named(vertex: Vertex) -> dict[str, Expression]:
    """The inputs of a vertex and the vertex itself, by their letters in the table: names, and numbers in formulas."""
    letters = dict(zip("abc", vertex.inputs, strict=False)) | {"y": vertex}
    return {
        letter: expression(x.value) if is_number(x) else Expression(math.nan, str(x)) for letter, x in letters.items()
    }


def is_number(x: Vertex) -> bool:
    """Whether a formula has a number for an operand, as x ** 2 has."""
    return not x.number and x.value is not None and x.value.size == 1


def derivative(vertex: Vertex, position: int) -> str:
    """The formula for ∂y/∂x of an op that takes elements one by one, x the input at a position; "" for other ops."""
    formulas: list[str] = DERIVATIVES.get(_variant(vertex), [])
    if vertex.op == "pow" and position == 0 and is_number(vertex.inputs[1]):
        less = float(np.asarray(vertex.inputs[1].value).item()) - 1
        return "b * a" if less == 1 else f"b * a**{less:g}"
    return formulas[position] if position < len(formulas) else ""


def rule_of(vertex: Vertex, position: int, upstream: str) -> str:
    """The gradient for one of its inputs, by an op that is not elementwise: "dC/dz · xᵀ"; "" if it is not in the table.

    upstream: how the gradient of the result is written.
    """
    rules: list[str] = RULES.get(_variant(vertex), [])
    if vertex.op == "mean" and math.prod(vertex.inputs[0].shape) == math.prod(vertex.shape):
        rules = ["{g}"]
    rules = rules * len(vertex.inputs) if len(rules) == 1 else rules
    return "" if position >= len(rules) else rules[position].format(**_words(vertex, position), g=upstream)


def elementwise(vertex: Vertex) -> str:
    """The formula of an op that takes elements one by one; "" for other ops, and those whose formula says it all."""
    entry = FORMULAS.get(_variant(vertex), {})
    formula: str = entry.get("value") or entry.get("definition", "{}")
    return "" if "{" in formula.partition(", where ")[0] else formula


def _variant(vertex: Vertex) -> str:
    """The name of an op in the table, where some have more than one entry."""
    if vertex.op == "matmul" and len(vertex.inputs[0].shape) == 1 and (n := len(vertex.inputs[1].shape)) < 3:
        return f"matmul of {'vectors' if n == 1 else 'a vector'}"
    return f"{vertex.op} tanh" if vertex.settings.get("approximate") == "tanh" else vertex.op or ""


def definition_of(vertex: Vertex) -> str:
    """What a fused op computes, with names: "1 / (1 + exp(-z))"; "" for other ops."""
    op, settings, shape = vertex.op or "", vertex.settings, vertex.inputs[0].shape if vertex.inputs else ()
    if op not in DEFINITIONS:
        return ""
    if formula := elementwise(vertex):
        return str(read(formula, named(vertex)))
    words, where = _words(vertex, 0), ""
    if op == "layer_norm":
        axes = settings.get("axes", 1)
        where = f", over the last {axes} axes" if axes > 1 else ", over each row"
    elif op in ("softmax", "log_softmax") and len(shape) > 1:
        where = f", over axis {settings.get('axis', -1)}"
    elif op == "cross_entropy" and len(shape) > 1:
        where = ", in each row"
    elif op in ("attention", "attention_weights"):
        mask = words["c"] if op == "attention_weights" else words["d"]
        allowed = [f"that {mask} allows"] if mask and not words["mask"] else []
        allowed += ["up to the query's own place"] if settings.get("causal") else []
        where = f", over the keys {' and '.join(allowed)}" if allowed else ""
        where += f"; query {words['a']}, key {words['b']}" + (f", value {words['c']}" if op == "attention" else "")
    rule: str = DEFINITIONS[op]
    return rule.format(**words) + where


def _words(vertex: Vertex, position: int) -> dict[str, Any]:
    """What stands for the letters in the tables; "" for an input that was left out."""
    names = [_as_operand("" if str(x) == "None" else str(x)) for x in vertex.inputs]
    a, b, c, d = (*names, "", "", "", "")[:4]
    shape, settings = vertex.inputs[0].shape, vertex.settings
    count, average, scale = math.prod(shape), settings.get("average", True), settings.get("scale")
    copies = count // max(math.prod(vertex.shape), 1)
    added = vertex.op == "attention_weights" and c and (m := vertex.inputs[2].value) is not None and m.dtype.kind == "f"
    return {
        "a": a, "b": b, "c": c, "d": d, "x": names[position], "y": str(vertex),
        "n": copies if vertex.op == "mean" else f" / {count}" if average and count > 1 else "",
        "scale": f" / sqrt({shape[-1] if shape else 'd'})" if scale is None else f" · {_as_operand(number(scale))}",
        "mean": "mean" if average else "sum", "weight": f" · {b}" if b else "", "bias": f" + {c}" if c else "",
        "eps": f"{settings.get('eps', 1e-5):g}", "mask": f" + {c}" if added else "",
    }  # fmt: skip


def _as_operand(text: str) -> str:
    """A number in parentheses if it is negative."""
    return f"({text})" if text.startswith("-") else text
