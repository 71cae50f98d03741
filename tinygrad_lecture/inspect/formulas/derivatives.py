"""The derivatives of ops as one writes them: what the rules beside the ops compute, in mathematics.

`ELEMENTWISE` has the derivative ∂y/∂a for each input of ops that take elements one by one. `RULES` has the gradient for
each input of ops that do not: sums, products of matrices, shapes. {a}, {b} and {c} are the inputs, {y} the result and
{g} its gradient. `rule_of` fills in the names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from ..vertex import Vertex
from .numbers import as_factor, number

ORDINALS = ("first", "second", "third")

ELEMENTWISE: dict[str, Sequence[str]] = {
    "add": ("1", "1"),
    "sub": ("1", "-1"),
    "mul": ("{b}", "{a}"),
    "div": ("1 / {b}", "-{a} / {b}²"),
    "neg": ("-1",),
    "pow": ("{b} · {a}^({b} - 1)", "{y} · ln({a})"),
    "exp": ("{y}",),
    "exp2": ("{y} · ln 2",),
    "expm1": ("{y} + 1",),
    "log": ("1 / {a}",),
    "log1p": ("1 / (1 + {a})",),
    "log2": ("1 / ({a} · ln 2)",),
    "log10": ("1 / ({a} · ln 10)",),
    "sqrt": ("1 / (2 · {y})",),
    "root": ("1 / (2 · {y})",),
    "rsqrt": ("-½ · {y}³",),
    "reciprocal": ("-{y}²",),
    "abs": ("sign({a})",),
    "sin": ("cos({a})",),
    "cos": ("-sin({a})",),
    "tan": ("1 + {y}²",),
    "asin": ("1 / sqrt(1 - {a}²)",),
    "acos": ("-1 / sqrt(1 - {a}²)",),
    "atan": ("1 / (1 + {a}²)",),
    "atan2": ("{b} / ({a}² + {b}²)", "-{a} / ({a}² + {b}²)"),
    "hypot": ("{a} / {y}", "{b} / {y}"),
    "asinh": ("1 / sqrt(1 + {a}²)",),
    "atanh": ("1 / (1 - {a}²)",),
    "sinh": ("cosh({a})",),
    "cosh": ("sinh({a})",),
    "tanh": ("1 - {y}²",),
    "sigmoid": ("{y} · (1 - {y})",),
    "relu": ("1 where {a} > 0, else 0",),
    "leaky_relu": ("1 where {a} > 0, else the slope",),
    "silu": ("s · (1 + {a} · (1 - s)), where s = sigmoid({a})",),
    "gelu": ("Phi({a}) + {a} · phi({a}), where phi is the bell curve and Phi the area below it, up to {a}",),
    "erf": ("2 / sqrt(pi) · exp(-{a}²)",),
    "maximum": ("1 where {a} is larger, ½ at a tie, else 0", "1 where {b} is larger, ½ at a tie, else 0"),
    "minimum": ("1 where {a} is smaller, ½ at a tie, else 0", "1 where {b} is smaller, ½ at a tie, else 0"),
    "where": ("0", "1 where {a} is true, else 0", "1 where {a} is false, else 0"),
    "clip_to": ("1 within the bounds, else 0",),
    "alias": ("1",),
    "clone": ("1",),
    "astype": ("1",),
    "to_device": ("1",),
}

# of gelu(approximate="tanh")
GELU_TANH = (
    "½ · (1 + t) + ½ · {a} · (1 - t²) · sqrt(2 / pi) · (1 + 3 · 0.044715 · {a}²), "
    "where t = tanh(sqrt(2 / pi) · ({a} + 0.044715 · {a}³))"
)

_OF_SCORES = " = weights · (dw - the sum of weights · dw over each row), and dw = {g} @ {c}ᵀ"
_BACK = ("{g}, in the shape of {a}",)

RULES: dict[str, Sequence[str]] = {
    "matmul": ("{g} @ {b}ᵀ", "{a}ᵀ @ {g}"),
    "linear": ("{g} @ {b}", "({g})ᵀ @ {a}", "the sum of {g} over all rows"),
    "sum": ("{g}, for each element that was summed",),
    "mean": ("{g} / {n}, for each of the {n} elements",),
    "amax": ("{g} for the largest element, ties share, 0 for the others",),
    "amin": ("{g} for the smallest element, ties share, 0 for the others",),
    "cumsum": ("the sum of {g} from each element on",),
    "logsumexp": ("{g} · softmax({a})",),
    "softmax": ("{y} · ({g} - the sum of {g} · {y} over each row)",),
    "log_softmax": ("{g} - softmax({a}) · the sum of {g} over each row",),
    "cross_entropy": ("{g} · (softmax({a}) - onehot({b})), where onehot is 1 at the target, else 0",),
    "squared_error": ("{g} · 2 ({a} - {b}){n}", "-{g} · 2 ({a} - {b}){n}"),
    "layer_norm": (
        "(g' - mean(g') - x' · mean(g' · x')) / sd, where g' = {g} · {b} and x' is {a} normalised",
        "the sum of {g} · x' over all rows, where x' is {a} normalised",
        "the sum of {g} over all rows",
    ),
    "attention": (
        "ds @ {b}{scale}, where ds" + _OF_SCORES,
        "dsᵀ @ {a}{scale}, where ds" + _OF_SCORES,
        "weightsᵀ @ {g}: each value gets from a query what it gave to it",
    ),
    "attention_weights": (
        "ds @ {b} / sqrt(d), where ds = {y} · ({g} - the sum of {g} · {y} over each row)",
        "dsᵀ @ {a} / sqrt(d), where ds = {y} · ({g} - the sum of {g} · {y} over each row)",
    ),
    "reshape": _BACK,
    "permute": ("{g}, with its axes back in the order of {a}",),
    "swapaxes": ("{g}, with the two axes swapped back",),
    "flip": ("{g}, turned back",),
    "roll": ("{g}, rolled back",),
    "pad": ("{g}, without the padding",),
    "broadcast_to": ("{g}, summed over the copies",),
    "expand_copy": ("{g}, summed over the copies",),
    "concatenate": ("the part of {g} that {a} was put to",),
    "pick": ("{g} at the places that were picked, added up where one was picked more than once; 0 elsewhere",),
    "put": ("{g}, but 0 at the places that were overwritten", "{g} at the places that were overwritten"),
    "tril": ("{g} below the diagonal, 0 above",),
    "triu": ("{g} above the diagonal, 0 below",),
    "contract": ("the same kind of product, of {g} and the other inputs",),
}


_PRODUCTS: dict[tuple[int, int], Sequence[str]] = {  # by the axes of both
    (1, 1): ("{g} · {b}", "{g} · {a}"),
    (1, 2): ("{b} @ {g}", "each of {a} times each of {g}"),
}


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


def local_rule(vertex: Vertex, position: int) -> str:
    """The derivative of a result with respect to one of its inputs: "a · (1 - a)"; "" where there is no formula."""
    rules = ELEMENTWISE.get(vertex.op or "", ())
    if vertex.op == "pow" and position == 0 and (power := _constant(vertex.inputs[1])) is not None:
        power -= 1  # of the derivative: 2 · a, 3 · a^2
        rules = ("{b} · {a}" + ("" if power == 1 else f"^{power:g}" if power >= 0 else f"^({power:g})"),)
    if vertex.op == "gelu" and vertex.settings.get("approximate") == "tanh":
        rules = (GELU_TANH,)
    return "" if position >= len(rules) else _filled(rules[position], vertex, position, "")


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
    if vertex.op == "layer_norm" and position == 0 and [*map(str, vertex.inputs[1:2])] in ([], ["None"]):  # no weight
        rules = [rules[0].replace(" · {b} and", " and")]
    return "" if position >= len(rules) else _filled(rules[position], vertex, position, upstream)


def _constant(vertex: Vertex) -> float | None:
    """The number that a formula has for an operand, None for anything else."""
    known = vertex.number == 0 and vertex.value is not None and vertex.value.size == 1
    return float(vertex.value.item()) if known and vertex.value is not None else None


def _filled(rule: str, vertex: Vertex, position: int, upstream: str) -> str:
    names = [as_factor(str(x)) for x in vertex.inputs]
    if vertex.op == "concatenate":
        names = [names[position]]
    a, b, c = (*names, "", "", "")[:3]
    average = vertex.op == "squared_error" and vertex.settings.get("average", True)
    count = math.prod(vertex.inputs[0].shape)
    n = f" / {count}" if average and count > 1 else ""
    if vertex.op == "mean":
        n = str(count // max(math.prod(vertex.shape), 1))
    factor = vertex.settings.get("scale")
    scale = " / sqrt(d)" if factor is None else f" · {as_factor(number(factor))}"
    return rule.format(a=a, b=b, c=c, y=vertex, g=upstream, n=n, scale=scale)
