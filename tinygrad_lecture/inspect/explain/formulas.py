"""Formulas: arithmetic that knows how it is written, with names or with numbers, and what it comes to.

    f = expression(1.5) * (1 - expression("z"))
    f.text                                          # "1.5 · (1 - z)"

    written("1 / (1 + exp(-a))", {"a": 0.5})        # "1 / (1 + exp(-0.5))", 0.6225
    derivative(vertex, 0, named(vertex))            # "a · (1 - a)", of sigmoid

The formulas of ops stand in formulas.toml.
"""

from __future__ import annotations

import math
import operator
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from inspect import unwrap
from pathlib import Path
from typing import Any

import numpy as np

from ...autograd.core import Leaf
from ...autograd.modes import enable_grad
from ...backend import Array, Shape
from ...errors import in_library
from ...tensor_base import wrap
from ..graph import Graph
from ..observe import Unwatched
from ..printing import number
from ..vertex import Vertex

TERMS = 4  # of a sum that are written out
NEGATIVE, SUM, PRODUCT, MINUS, POWER, NAME, NUMBER = range(7)  # how strongly a sign binds
SUPERSCRIPTS = {"^1": "", "^2": "²", "^3": "³"}
Sign = Callable[[Any, Any], "Expression"]


def _sign(sign: str, compute: Callable[..., Any], binds: int, left: int, right: int) -> tuple[Sign, Sign]:
    """An operator, and the same with its operands swapped. left, right: how strongly those bind without parentheses."""

    def combined(a: Any, b: Any) -> Expression:
        a, b = expression(a), expression(b)
        behind = SUPERSCRIPTS.get(f"{sign}{b.text}", f"{sign}{b.beside(right)}")
        return _made(a.beside(left) + behind, compute, a, b, binds=binds)

    return combined, lambda b, a: combined(a, b)


@dataclass(frozen=True)
class Expression:
    """How arithmetic is written, and its value. A name in it, or a value that is not defined, makes the value nan.

    binds: its last sign, or its kind.
    """

    text: str
    value: Any = math.nan
    binds: int = NAME

    def beside(self, binds: int) -> str:
        """The text as an operand, in parentheses where it binds less."""
        return self.text if self.binds >= binds else f"({self.text})"

    def __neg__(self) -> Expression:
        if self.binds in (NEGATIVE, NUMBER):
            return expression(-self.value)
        return Expression(f"-{self.beside(MINUS)}", -self.value, MINUS)

    def __getattr__(self, function: str) -> Callable[..., Expression]:
        """A function as a method, x.exp(), as NumPy calls it for arrays of objects."""
        if function not in FUNCTIONS:
            raise AttributeError(function)
        return partial(FUNCTIONS[function], self)

    __add__, __radd__ = _sign(" + ", operator.add, SUM, SUM, PRODUCT)
    __sub__, __rsub__ = _sign(" - ", operator.sub, SUM, SUM, PRODUCT)
    __mul__, __rmul__ = _sign(" · ", operator.mul, PRODUCT, PRODUCT, MINUS)
    __truediv__, __rtruediv__ = _sign(" / ", operator.truediv, PRODUCT, PRODUCT, MINUS)
    __pow__, __rpow__ = _sign("^", operator.pow, POWER, NAME, POWER)


def expression(x: Any) -> Expression:
    """A number, or a name as a text, as an expression. -0 is 0."""
    if isinstance(x, (str, Expression)):
        return Expression(x) if isinstance(x, str) else x
    x = x.item() if isinstance(x, (np.ndarray, np.generic)) else x
    x = x + 0.0 if isinstance(x, float) else x
    text = number(x)
    return Expression(text, x, NEGATIVE if text.startswith("-") else NUMBER)


def _made(text: str, compute: Callable[..., Any], *operands: Expression, binds: int = NAME) -> Expression:
    """An expression with the value that is computed from others."""
    try:
        value = compute(*(x.value for x in operands))
    except (ArithmeticError, TypeError, ValueError):
        value = math.nan
    return Expression(text, value, binds)


def _call(name: str, compute: Callable[..., Any], *operands: Any) -> Expression:
    given = list(map(expression, operands))
    return _made(f"{name}({', '.join(x.text for x in given)})", compute, *given)


_COMPUTED: dict[str, Callable[..., Any]] = {
    **{f.__name__: f for f in (math.exp, math.log, math.sqrt, math.sin, math.cos, math.tanh)},
    "max": max, "mean": float, "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "sign": lambda x: (x > 0) - (x < 0), "Phi": lambda x: 0.5 * math.erfc(-x / math.sqrt(2)),
    "phi": lambda x: math.exp(-(x**2) / 2) / math.sqrt(2 * math.pi),
}  # fmt: skip
FUNCTIONS = {name: partial(_call, name, compute) for name, compute in _COMPUTED.items()}
NAMES: dict[str, Any] = {
    **FUNCTIONS, "maximum": FUNCTIONS["max"],
    "half": Expression("½", 0.5), "pi": Expression("pi", math.pi),
}  # fmt: skip


def total(terms: Sequence[Expression], count: int, value: Any) -> Expression:
    """A sum of `count` terms. The given terms are written, and how many more there are."""
    if count <= TERMS + 1:
        return reduce(operator.add, terms) if terms else expression(0)
    return replace(reduce(operator.add, terms) + f"... {count - TERMS} more", value=value)


def shown(terms: Array) -> Array:
    """The terms of a sum that are written out, in their order: all if they are few, else the largest."""
    sizes = np.nan_to_num(np.abs(terms.astype(np.float64)))
    return np.sort(np.argsort(-sizes, kind="stable")[:TERMS]) if sizes.size > TERMS + 1 else np.arange(sizes.size)


def dot(*rows: Any) -> Expression:
    """The sum of the products of rows, element by element."""
    columns = [np.asarray(row).reshape(-1) for row in rows]
    products = np.prod([column.astype(np.float64) for column in columns], axis=0)
    factors = zip(*(map(expression, x[shown(products)]) for x in columns), strict=True)
    return total([reduce(operator.mul, some) for some in factors], columns[0].size, products.sum())


def equation(left: str, chain: Sequence[Expression], result: Any) -> str:
    """ "left = chain = result", for expressions that all have the value of the result."""
    end = number(result)
    return " = ".join([left, *(text for text in dict.fromkeys(x.text for x in chain) if text.strip("()") != end), end])


# --- formulas of the table --------------------------------------------------------------------------------------

ORDINALS = ("first", "second", "third")

FORMULAS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "formulas.toml").read_text("utf-8"))
MOVES: list[str] = FORMULAS.pop("moves")
MOVED = "{g}, each element back where it came from, 0 for one that was left out"
DERIVATIVES, RULES, DEFINITIONS = (
    {op: entry[what] for op, entry in FORMULAS.items() if what in entry}
    for what in ("derivatives", "gradients", "definition")
)


def written(formula: str, operands: Mapping[str, Any]) -> Expression:
    """A formula of the table, with operands for its letters. "t * 2, where t = tanh(a)" defines t.

    In words it has {a} for letters, and no value.
    """
    body, _, where = formula.partition(", where ")
    letters: dict[str, Any] = {x: one if type(one) in (int, float) else expression(one) for x, one in operands.items()}
    texts = {letter: expression(x).text for letter, x in letters.items()}
    if "{" in body:
        return Expression(formula.format(**texts))
    local, _, meaning = where.partition(" = ")
    if meaning:
        meant = eval(meaning, NAMES, letters)
        letters[local], where = replace(meant, text=local, binds=NAME), f"{local} = {meant.text}"
    else:  # with numbers there is nothing to explain
        where = where.format(**texts) if any(isinstance(x, str) for x in operands.values()) else ""
    result = expression(eval(body, NAMES, letters))
    return replace(result, text=f"{result.text}, where {where}") if where else result


# --- the formulas of a value -----------------------------------------------------------------------------------


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


def named(vertex: Vertex) -> dict[str, Any]:
    """The inputs of a vertex and the vertex itself, by their letters in the table: names, and numbers in formulas."""
    letters = dict(zip("abc", vertex.inputs, strict=False)) | {"y": vertex}
    return {letter: x.value.item() if is_number(x) else str(x) for letter, x in letters.items()}  # type: ignore[union-attr]


def is_number(x: Vertex) -> bool:
    """Whether a formula has a number for an operand, as x ** 2 has."""
    return not x.number and x.value is not None and x.value.size == 1


def derivative(vertex: Vertex, position: int, operands: Mapping[str, Any]) -> Expression | None:
    """∂y/∂x of an op that takes elements one by one, x the input at a position, with operands for its letters.

    None for other ops, also for one of the user's own that has the name of ours.
    """
    formulas: list[str] = DERIVATIVES.get(_variant(vertex), [])
    return written(formulas[position], operands) if position < len(formulas) else None


def rule_of(vertex: Vertex, position: int, upstream: str) -> str:
    """The gradient that an op gives to one of its inputs, "dC/dz · xᵀ"; "" if the table does not have it.

    upstream: how the gradient of the result is written.
    """
    rules: list[str] = RULES.get(_variant(vertex), [MOVED] if vertex.op in MOVES else [])
    if vertex.op == "mean" and math.prod(vertex.inputs[0].shape) == math.prod(vertex.shape):
        rules = ["{g}"]
    rules = rules * len(vertex.inputs) if len(rules) == 1 else rules
    return "" if position >= len(rules) else rules[position].format(**_pieces(vertex, position), g=upstream)


def elementwise(vertex: Vertex) -> str:
    """The definition of a fused op that takes elements one by one; "" for other ops."""
    formula: str = FORMULAS.get(_variant(vertex), {}).get("definition", "{}")
    return "" if "{" in formula.partition(", where ")[0] else formula


def _variant(vertex: Vertex) -> str:
    """The name of an op in the table, where some have more than one entry; "" for an op of the user's own."""
    code = getattr(unwrap(getattr(vertex.maker, "forward", vertex.maker)), "__code__", None)
    if code is not None and not in_library(code.co_filename):
        return ""
    if vertex.op == "matmul" and len(vertex.inputs[0].shape) == 1 and (n := len(vertex.inputs[1].shape)) < 3:
        return f"matmul of {'vectors' if n == 1 else 'a vector'}"
    return f"{vertex.op} tanh" if vertex.settings.get("approximate") == "tanh" else vertex.op or ""


def definition_of(vertex: Vertex) -> str:
    """What a fused op computes, with names: "1 / (1 + exp(-z))"; "" for other ops."""
    if vertex.op not in DEFINITIONS:
        return ""
    if formula := elementwise(vertex):
        return written(formula, named(vertex)).text
    over = FORMULAS[vertex.op].get("over", "") if len(vertex.inputs[0].shape) > 1 else ""
    return str((DEFINITIONS[vertex.op] + over).format(**_pieces(vertex, 0)))


def _pieces(vertex: Vertex, position: int) -> dict[str, Any]:
    """What stands for the letters in the tables; "" for an input that was left out."""
    names = [f"({x})" if str(x).startswith("-") else "" if str(x) == "None" else str(x) for x in vertex.inputs]
    a, b, c, d = (*names, "", "", "", "")[:4]
    shape, settings = vertex.inputs[0].shape, vertex.settings
    count, average, scale = math.prod(shape), settings.get("average", True), settings.get("scale")
    copies = count // max(math.prod(vertex.shape), 1)
    mask = {"attention": d, "attention_weights": c}.get(vertex.op or "")
    added = vertex.op == "attention_weights" and c and (m := vertex.inputs[2].value) is not None and m.dtype.kind == "f"
    allowed = [f"that {mask} allows"] * bool(mask and not added)
    allowed += ["up to the query's own place"] * bool(settings.get("causal"))
    axes = settings.get("axes", 1)
    scaled = f" / sqrt({shape[-1] if shape else 'd'})" if scale is None else f" · {expression(scale).beside(PRODUCT)}"
    return {
        "a": a, "b": b, "c": c, "d": d, "x": names[position], "y": str(vertex),
        "n": copies if vertex.op == "mean" else f" / {count}" if average and count > 1 else "",
        "scale": scaled, "mean": "mean" if average else "sum",
        "weight": f" · {b}" if b else "", "bias": f" + {c}" if c else "",
        "eps": f"{settings.get('eps', 1e-5):g}", "mask": f" + {c}" if added else "",
        "axis": settings.get("axis", -1), "rows": "each row" if axes == 1 else f"the last {axes} axes",
        "allowed": f", over the keys {' and '.join(allowed)}" if allowed else "",
    }  # fmt: skip


# --- what a step was made of -------------------------------------------------------------------------------------


def known_values(vertex: Vertex) -> list[Any]:
    """The values of the inputs, None for one that was left out; [] if one of them is not known."""
    values = [None if x.value is not None and x.value.dtype == object else x.value for x in vertex.inputs]
    unknown = any(x.value is None and str(x) != "None" for x in vertex.inputs)
    return [] if unknown or not values or values[0] is None else values


def moved(op: Any, shapes: Iterable[Shape], settings: Mapping[str, Any]) -> Array:
    """For each element of the result of a move its place in the inputs, counted through all of them; -1 for none."""
    given, count = [], 1
    for shape in shapes:
        given.append(np.arange(count, count + math.prod(shape)).reshape(shape))
        count += given[-1].size
    return np.asarray(op.forward(*given, **{**settings, "value": 0} if "value" in settings else settings)) - 1


def as_leaves(given: Sequence[Any]) -> list[Any]:
    """Inputs as Tensors, those of floats as leaves; None for one that was left out."""
    leaves = [None if x is None else wrap(x) for x in given]
    for x in leaves:
        if x is not None and x._array.dtype.kind == "f":
            x._node = Leaf(x)
    return leaves


def parts_of(vertex: Vertex) -> tuple[list[Vertex | None], list[Vertex]]:
    """The inputs of a fused op, and the steps of its definition, run on them. No steps if an input is not known."""
    given = known_values(vertex)
    if vertex.op not in FORMULAS or getattr(vertex.maker, "definition", None) is None or not given:
        return [], []
    inputs = as_leaves(given)
    with Unwatched(), enable_grad(), Graph() as graph:
        vertex.maker.definition(*inputs, **vertex.settings)
    return [None if x is None else graph.find(x) for x in inputs], [part for part in graph if part.op]


def weights_of(vertex: Vertex) -> Array | None:
    """The attention weights that a value consists of or was computed with, (..., queries, keys); else None."""
    parts = parts_of(vertex)[1] if vertex.op == "attention" else [vertex]
    return next((part.value for part in parts if part.op == "attention_weights"), None)
