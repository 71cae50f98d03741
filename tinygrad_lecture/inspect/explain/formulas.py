"""Formulas: told once, in formulas.toml, then written and computed with names or with numbers.

    f = Formula("1 / (1 + exp(-a))", {"a": 0.5})
    str(f), f.value()                           # "1 / (1 + exp(-0.5))", 0.6225
    str(Formula("1 / (1 + exp(-a))", {"a": "z"}))       # "1 / (1 + exp(-z))"

They are Python, so its own syntax tree knows where parentheses stand and what a formula comes to.
"""

from __future__ import annotations

import ast
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import reduce
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from ..numbers import number, with_digits
from ..vertex import Vertex

DIGITS = (4, 6, 9, 13)
TERMS = 4  # of a sum that are written out
CLOSE = 5e-3  # how far a result may be from what the numbers beside it give, in parts of it
ORDINALS = ("first", "second", "third")

FORMULAS: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "formulas.toml").read_text("utf-8"))
DERIVATIVES = {op: entry["derivatives"] for op, entry in FORMULAS.items() if "derivatives" in entry}
RULES = {op: entry["gradients"] for op, entry in FORMULAS.items() if "gradients" in entry}
DEFINITIONS = {op: entry["definition"] for op, entry in FORMULAS.items() if "definition" in entry}
MOVES = {op for op, entry in FORMULAS.items() if "moves" in entry}

MEANINGS: dict[str, Any] = {
    **vars(math), "ln": math.log, "ln2": math.log(2), "ln10": math.log(10), "half": 0.5, "maximum": max, "mean": float,
    "sign": lambda x: (x > 0) - (x < 0),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "Phi": lambda x: 0.5 * math.erfc(-x / math.sqrt(2)),
    "phi": lambda x: math.exp(-(x**2) / 2) / math.sqrt(2 * math.pi),
    "Fraction": Fraction,
    "some": lambda total, *_: float(total),  # see `total`
}  # fmt: skip
SIGNS = {
    r" \*\* 2(?![\d.])": "²", r" \*\* 3(?![\d.])": "³", r" \*\* ": "^", r" \* ": " · ", r"\bhalf\b": "½",
    r"\bln(?=\d)": "ln ", r"\bmaximum\b": "max",
}  # fmt: skip


# --- a formula as text and as a value --------------------------------------------------------------------------


@dataclass(frozen=True)
class Formula:
    """Arithmetic in Python; or words, with {a} for operands. "t * 2, where t = tanh(a)" defines t.

    operands: what its letters stand for. A number is written as such; a name has no value.  text: written instead.
    """

    source: str
    operands: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    def __str__(self) -> str:
        if self.text:
            return self.text
        body, _, where = self.source.partition(", where ")
        names = {letter: x if isinstance(x, str) else number(x) for letter, x in self.operands.items()}
        if "{" in body:
            return self.source.format(**names)
        local, _, meaning = where.partition(" = ")
        if meaning:
            return f"{self._written(body)}, where {local} = {self._written(meaning)}"
        told = where and any(isinstance(x, str) for x in self.operands.values())
        return self._written(body) + (f", where {where.format(**names)}" if told else "")

    def value(self, rounded: bool = False) -> Any:
        """What it comes to, nan if that is not defined. rounded: with its numbers as they are written."""
        body, _, where = self.source.partition(", where ")
        local, _, meaning = where.partition(" = ")
        try:
            known = {local: self._evaluated(meaning, rounded, {})} if meaning else {}
            return self._evaluated(body, rounded, known)
        except (ArithmeticError, NameError, SyntaxError, TypeError, ValueError):
            return math.nan

    def _written(self, source: str) -> str:
        text = ast.unparse(_Written().visit(_Filled(self.operands).visit(ast.parse(source, mode="eval"))))
        for pattern, sign in SIGNS.items():
            text = re.sub(pattern, sign, text)
        return re.sub(r"(?a)\b[abcy]\b", lambda letter: self.operands.get(letter[0], letter[0]), text)

    def _evaluated(self, source: str, rounded: bool, known: Mapping[str, Any]) -> Any:
        tree = _Filled(self.operands, rounded).visit(ast.parse(source, mode="eval"))
        return eval(compile(ast.fix_missing_locations(tree), "formula", "eval"), {**MEANINGS, **known})


@dataclass(frozen=True)
class Call(Formula):
    """The call of an op, written as the program has it. given: what stands for each input, a number or a text."""

    vertex: Vertex | None = None
    given: Sequence[Any] = ()

    def __str__(self) -> str:
        vertex = self.vertex
        assert vertex is not None
        between_commas = vertex.written or vertex.formula.startswith(f"{vertex.op}(")
        texts = [x if isinstance(x, str) else number(x) if between_commas else _operand(x) for x in self.given]
        inputs = [replace(x, number=0, name=text) for x, text in zip(vertex.inputs, texts, strict=True)]
        return replace(vertex, inputs=inputs).formula


class _Filled(ast.NodeTransformer):
    """Puts numbers in the place of letters. A number behind a minus becomes one number."""

    def __init__(self, operands: Mapping[str, Any], rounded: bool = False) -> None:
        self.operands, self.rounded = operands, rounded

    def visit_Name(self, node: ast.Name) -> ast.expr:
        x = self.operands.get(node.id)
        return node if x is None or isinstance(x, str) else self.visit_Constant(ast.Constant(x))

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        x = node.value
        if self.rounded and isinstance(x, float) and math.isfinite(x):  # a fraction adds nothing of its own
            return ast.Call(ast.Name("Fraction", ast.Load()), [ast.Constant(number(x))], [])
        return ast.Constant(x + 0.0 if isinstance(x, float) else x)  # -0 is 0

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.operand, ast.Constant):
            return node
        value: Any = node.operand.value
        return self.visit_Constant(ast.Constant(-value))


class _Written(ast.NodeTransformer):
    """Puts names in the place of numbers, since `ast.unparse` copies a name as it is."""

    def visit_Constant(self, node: ast.Constant) -> ast.Name:
        return ast.Name(number(node.value))

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        for side in ("left", "right"):
            if isinstance(x := getattr(node, side), ast.Constant):
                setattr(node, side, ast.Name(_operand(x.value)))
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> Any:
        if ast.unparse(node.func) != "some":
            return self.generic_visit(node)
        _, count, *terms = node.args
        more = ast.Name(f"... {ast.unparse(count)} more")
        return self.visit(reduce(lambda a, b: ast.BinOp(a, ast.Add(), b), [*terms, more]))


def _operand(x: Any) -> str:
    """A number beside a sign: in parentheses if it has one itself."""
    return f"({number(x)})" if number(x).startswith("-") else number(x)


def literal(x: Any) -> str:
    """A number in a formula."""
    return repr(x.item() if isinstance(x, (np.ndarray, np.generic)) else x)


def total(terms: Sequence[str], count: int, value: Any) -> str:
    """The formula of a sum of `count` terms: written as the first of them, and how many more there are."""
    if count <= TERMS + 1:
        return " + ".join(terms)
    return f"some({literal(str(value))}, {count - TERMS}, {', '.join(terms[:TERMS])})"


def dot(*rows: Any) -> str:
    """The formula of the sum of the products of rows, element by element."""
    columns = [np.asarray(row).reshape(-1) for row in rows]
    terms = [" * ".join(map(literal, factors)) for factors in zip(*(x[: TERMS + 1] for x in columns), strict=True)]
    products = np.prod([column.astype(np.float64) for column in columns], axis=0)
    return total(terms, columns[0].size, products.sum())


# --- as many digits as a line needs ----------------------------------------------------------------------------


def with_enough_digits(chain: Sequence[Formula], result: Any) -> tuple[list[str], str]:
    """The texts of formulas and of their result, with more than four digits where four hide a difference.

    "1 - 1 = 1e-05" becomes "1.00001 - 1 = 1e-05". Where all digits still do not give the result, as it is made of the
    engine's own rounding, it has four again, and says so.
    """
    for digits in DIGITS:
        with with_digits(digits):
            if all(_agrees(step.value(rounded=True), result) for step in chain):
                return [str(step) for step in chain], number(result)
    return [str(step) for step in chain], f"{number(result)}, which is rounding"


def in_digits(step: Formula, result: Any) -> str:
    """The text of a formula, with as many digits as its result needs."""
    return with_enough_digits([step], result)[0][0]


def equation(left: str, chain: Sequence[Formula], result: Any) -> str:
    """ "left = chain = result", with as many digits as it needs."""
    steps, end = with_enough_digits(chain, result)
    return " = ".join([left, *(text for text in dict.fromkeys(steps) if text.strip("()") != end), end])


def _agrees(given: Any, result: Any) -> bool:
    """Whether the numbers that are written give the result that is written; True where there is none to compare."""
    last = float(number(result)) if isinstance(result, float) else result
    if not isinstance(given, Real) or not math.isfinite(given) or not math.isfinite(last):
        return True
    return bool(abs(float(given) - last) <= (CLOSE * abs(last) or 1e-9))


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
    return "" if position >= len(rules) else rules[position].format(**_pieces(vertex, position), g=upstream)


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
    if vertex.op not in DEFINITIONS:
        return ""
    if formula := elementwise(vertex):
        return str(Formula(formula, named(vertex)))
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
    return {
        "a": a, "b": b, "c": c, "d": d, "x": names[position], "y": str(vertex),
        "n": copies if vertex.op == "mean" else f" / {count}" if average and count > 1 else "",
        "scale": f" / sqrt({shape[-1] if shape else 'd'})" if scale is None else f" · {_operand(scale)}",
        "mean": "mean" if average else "sum", "weight": f" · {b}" if b else "", "bias": f" + {c}" if c else "",
        "eps": f"{settings.get('eps', 1e-5):g}", "mask": f" + {c}" if added else "",
        "axis": settings.get("axis", -1), "rows": "each row" if axes == 1 else f"the last {axes} axes",
        "allowed": f", over the keys {' and '.join(allowed)}" if allowed else "",
    }  # fmt: skip
