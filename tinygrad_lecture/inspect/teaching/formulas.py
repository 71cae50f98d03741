"""What ops compute and what their backward rules compute, as one writes it: each told once, as data, by the op's name.

`DERIVATIVES` has ∂y/∂a for each input of ops that take elements one by one, in Python: an `Expression` reads it with
names, "a · (1 - a)", and with numbers. `RULES` has the gradient for each input of the other ops, in words, and
`DEFINITIONS` what fused ops compute. a, b and c are the inputs, y is the result and g its gradient.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from types import CodeType
from typing import Any

from ..numbers import number
from ..vertex import Vertex
from .expression import Expression, exp, function, ln, log, maximum, sqrt

ORDINALS = ("first", "second", "third")

DERIVATIVES: dict[str, Sequence[str]] = {
    "add": ("1", "1"),
    "sub": ("1", "-1"),
    "mul": ("b", "a"),
    "div": ("1 / b", "-(a / b**2)"),
    "neg": ("-1",),
    "pow": ("b * a**(b - 1)", "y * ln(a)"),
    "exp": ("y",),
    "exp2": ("y * ln2",),
    "expm1": ("y + 1",),
    "log": ("1 / a",),
    "log1p": ("1 / (1 + a)",),
    "log2": ("1 / (a * ln2)",),
    "log10": ("1 / (a * ln10)",),
    "sqrt": ("1 / (2 * y)",),
    "root": ("1 / (2 * y)",),
    "rsqrt": ("-(half * y**3)",),
    "reciprocal": ("-(y**2)",),
    "abs": ("sign(a)",),
    "sin": ("cos(a)",),
    "cos": ("-sin(a)",),
    "tan": ("1 + y**2",),
    "asin": ("1 / sqrt(1 - a**2)",),
    "acos": ("-(1 / sqrt(1 - a**2))",),
    "atan": ("1 / (1 + a**2)",),
    "atan2": ("b / (a**2 + b**2)", "-(a / (a**2 + b**2))"),
    "hypot": ("a / y", "b / y"),
    "asinh": ("1 / sqrt(1 + a**2)",),
    "atanh": ("1 / (1 - a**2)",),
    "sinh": ("cosh(a)",),
    "cosh": ("sinh(a)",),
    "tanh": ("1 - y**2",),
    "sigmoid": ("y * (1 - y)",),
    "relu": ("1 where {a} > 0, else 0",),
    "leaky_relu": ("1 where {a} > 0, else the slope",),
    "silu": ("s * (1 + a * (1 - s)), where s = sigmoid(a)",),
    "gelu": ("Phi(a) + a * phi(a), where phi is the bell curve and Phi the area below it, up to {a}",),
    "erf": ("2 / sqrt(pi) * exp(-(a**2))",),
    "maximum": ("1 where {a} is larger, ½ at a tie, else 0", "1 where {b} is larger, ½ at a tie, else 0"),
    "minimum": ("1 where {a} is smaller, ½ at a tie, else 0", "1 where {b} is smaller, ½ at a tie, else 0"),
    "where": ("0", "1 where {a} is true, else 0", "1 where {a} is false, else 0"),
    "clip_to": ("1 where {a} is within the bounds, else 0",),
    "alias": ("1",),
    "clone": ("1",),
    "astype": ("1",),
    "to_device": ("1",),
}
GELU_TANH = (  # of gelu(approximate="tanh")
    "half * (1 + t) + half * a * (1 - t**2) * sqrt(2 / pi) * (1 + 3 * 0.044715 * a**2), "
    "where t = tanh(sqrt(2 / pi) * (a + 0.044715 * a**3))"
)

_OF_SCORES = " = weights · (dw - the sum of weights · dw over each row), and dw = {g} @ {c}ᵀ"

RULES: dict[str, Sequence[str]] = {
    "matmul": ("{g} @ {b}ᵀ", "{a}ᵀ @ {g}"),
    "linear": ("{g} @ {b}", "({g})ᵀ @ {a}", "the sum of {g} over all rows"),
    "sum": ("{g}, for each element that was summed",),
    "mean": ("{g} / {n}, for each of the {n} elements",),
    "spread": ("the sum of {g} over the elements that it was spread to",),
    "amax": ("{g} for the largest element, ties share, 0 for the others",),
    "amin": ("{g} for the smallest element, ties share, 0 for the others",),
    "cumsum": ("the sum of {g} from each element on",),
    "logsumexp": ("{g} · softmax({a})",),
    "softmax": ("{y} · ({g} - the sum of {g} · {y} over each row)",),
    "log_softmax": ("{g} - softmax({a}) · the sum of {g} over each row",),
    "cross_entropy": ("{g} · (softmax({a}) - onehot({b})), where onehot is 1 at the target, else 0",),
    "squared_error": ("{g} · 2 ({a} - {b}){n}", "-{g} · 2 ({a} - {b}){n}"),
    "layer_norm": (
        "(g' - mean(g') - x' · mean(g' · x')) / sd, where g' = {g}{weight} and x' is {a} normalised",
        "the sum of {g} · x' over all rows, where x' is {a} normalised",
        "the sum of {g} over all rows",
    ),
    "attention": (
        "ds @ {b}{scale}, where ds" + _OF_SCORES,
        "dsᵀ @ {a}{scale}, where ds" + _OF_SCORES,
        "weightsᵀ @ {g}: each value gets from a query what it gave to it",
    ),
    "attention_weights": (
        "ds @ {b}{scale}, where ds = {y} · ({g} - the sum of {g} · {y} over each row)",
        "dsᵀ @ {a}{scale}, where ds = {y} · ({g} - the sum of {g} · {y} over each row)",
    ),
    "reshape": ("{g}, in the shape of {a}",),
    "permute": ("{g}, with its axes back in the order of {a}",),
    "swapaxes": ("{g}, with the two axes swapped back",),
    "flip": ("{g}, turned back",),
    "roll": ("{g}, rolled back",),
    "pad": ("{g}, without the padding",),
    "broadcast_to": ("{g}, summed over the copies",),
    "concatenate": ("the part of {g} that {x} was put to",),
    "pick": ("{g} at the places that were picked, added up where one was picked more than once; 0 elsewhere",),
    "put": ("{g}, but 0 at the places that were overwritten", "{g} at the places that were overwritten"),
    "tril": ("{g} below the diagonal, 0 above",),
    "triu": ("{g} above the diagonal, 0 below",),
    "contract": ("the same kind of product, of {g} and the other inputs",),
}
COPIES = ("alias", "clone", "astype", "to_device")
MOVES = (*COPIES, "reshape", "permute", "swapaxes", "flip", "roll", "pad", "broadcast_to", "concatenate", "pick", "put",
         "tril", "triu", "spread", "amax", "amin")  # they only put elements elsewhere, or leave some out
_PRODUCTS: dict[tuple[int, int], Sequence[str]] = {  # of matmul, by the axes of both
    (1, 1): ("{g} · {b}", "{g} · {a}"),
    (1, 2): ("{b} @ {g}", "each of {a} times each of {g}"),
}

# What ops compute: in Python those that take elements one by one, in words the others. Only fused ops are told by it.
PLAIN = {
    "add": "a + b", "sub": "a - b", "mul": "a * b", "div": "a / b", "neg": "-a", "pow": "a**b", "exp": "exp(a)",
    "log": "log(a)", "sqrt": "sqrt(a)", "sin": "sin(a)", "cos": "cos(a)", "tanh": "tanh(a)",
}  # fmt: skip
DEFINITIONS = {
    "sigmoid": "1 / (1 + exp(-a))",
    "relu": "maximum(a, 0)",
    "silu": "a / (1 + exp(-a))",
    "gelu": "a * Phi(a), where Phi is the area below the bell curve, up to {a}",
    "gelu tanh": "half * a * (1 + tanh(sqrt(2 / pi) * (a + 0.044715 * a**3)))",
    "softmax": "exp({a}) / sum(exp({a}))",
    "log_softmax": "{a} - log(sum(exp({a})))",
    "cross_entropy": "-log(softmax({a})[{b}])",
    "squared_error": "{mean}(({a} - {b})²)",
    "linear": "{a} @ {b}ᵀ{bias}",
    "layer_norm": "({a} - mean({a})) / sqrt(var({a}) + {eps}){weight}{bias}",
    "attention_weights": "softmax({a} @ {b}ᵀ{scale}{mask})",
    "attention": "softmax({a} @ {b}ᵀ{scale}) @ {c}",
}


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
    meanings, note = MEANINGS | values, ""
    if " = " in where:
        name, _, definition = where.partition(" = ")
        inner = _evaluated(definition, meanings)
        meanings[name], note = Expression(inner.value, name, [inner], lambda x: x), f", where {name} = {inner}"
    elif where and with_names:
        note = f", where {where.format(**{name: str(x) for name, x in values.items()})}"
    found = _evaluated(body, meanings)
    return found if not note else Expression(found.value, "{}" + note, [found], lambda x: x, found.level)


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
    """The inputs of a vertex and the vertex itself, by the letters that the tables have for them, as names."""
    letters = dict(zip("abc", vertex.inputs, strict=False)) | {"y": vertex}
    return {letter: Expression(math.nan, str(x)) if x.number or x.value is None else _number(x) for letter, x in
            letters.items()}  # fmt: skip


def _number(x: Vertex) -> Expression:
    """A number that a formula has for an operand."""
    assert x.value is not None
    return Expression(x.value.item()) if x.value.size == 1 else Expression(math.nan, str(x))


def derivative(vertex: Vertex, position: int) -> str:
    """The formula for ∂y/∂x of an op that takes elements one by one, x the input at a position; "" for other ops."""
    formulas = DERIVATIVES.get(vertex.op or "", ())
    if vertex.op == "gelu" and vertex.settings.get("approximate") == "tanh":
        formulas = (GELU_TANH,)
    power = vertex.inputs[1] if vertex.op == "pow" else None
    if power is not None and position == 0 and not power.number and power.value is not None and power.value.size == 1:
        less = float(power.value.item()) - 1
        return "b * a" if less == 1 else f"b * a**{less:g}"
    return formulas[position] if position < len(formulas) else ""


def rule_of(vertex: Vertex, position: int, upstream: str) -> str:
    """The gradient for one of its inputs, by an op that is not elementwise: "dC/dz · xᵀ"; "" if it is not in the table.

    upstream: how the gradient of the result is written.
    """
    rules = RULES.get(vertex.op or "", ())
    if vertex.op == "matmul":
        rules = _PRODUCTS.get((len(vertex.inputs[0].shape), len(vertex.inputs[1].shape)), rules)
    if vertex.op == "mean" and math.prod(vertex.inputs[0].shape) == math.prod(vertex.shape):
        rules = ("{g}",)
    rules = [*rules] * len(vertex.inputs) if len(rules) == 1 else rules
    return "" if position >= len(rules) else rules[position].format(**_words(vertex, position), g=upstream)


def elementwise(vertex: Vertex) -> str:
    """The formula of an op that takes elements one by one; "" for other ops, and those whose formula says it all."""
    formula = PLAIN.get(vertex.op or "") or DEFINITIONS.get(_variant(vertex), "{}")
    return "" if "{" in formula.partition(", where ")[0] else formula


def _variant(vertex: Vertex) -> str:
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
    return DEFINITIONS[op].format(**words) + where


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
