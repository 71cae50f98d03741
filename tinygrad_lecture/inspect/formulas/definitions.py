"""What the fused ops compute, as one writes it: "1 / (1 + exp(-z))" for sigmoid(z). See the ops for the sources.

{a}, {b} and {c} are the inputs. Ops whose formula says it already, such as x + y or exp(x), are not in the table.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..vertex import Vertex
from .numbers import as_factor, number

MOST = 4  # elements whose numbers are put in

DEFINITIONS = {
    "sigmoid": "1 / (1 + exp(-{a}))",
    "relu": "max({a}, 0)",
    "silu": "{a} / (1 + exp(-{a}))",
    "gelu": "{a} · Phi({a}), where Phi(x) = ½ · (1 + erf(x / sqrt(2)))",
    "softmax": "exp({a}) / sum(exp({a}))",
    "log_softmax": "{a} - log(sum(exp({a})))",
    "cross_entropy": "-log(softmax({a})[{b}])",
    "squared_error": "mean(({a} - {b})²)",
    "linear": "{a} @ {b}ᵀ",
    "layer_norm": "({a} - mean({a})) / sqrt(var({a}) + {eps})",
    "attention_weights": "softmax({a} @ {b}ᵀ / sqrt({d}){mask})",
    "attention": "softmax({a} @ {b}ᵀ{scale}) @ {c}",
}
GELU_TANH = "½ · {a} · (1 + tanh(sqrt(2 / pi) · ({a} + 0.044715 · {a}³)))"


def definition_of(vertex: Vertex) -> str:
    """What a fused op computes, with numbers where they are few: "1 / (1 + exp(0.5))"; "" for other ops."""
    return "" if vertex.op not in DEFINITIONS else definition_with_numbers(vertex) or _with_names(vertex)


def _with_names(vertex: Vertex) -> str:
    names, settings = [str(x) for x in vertex.inputs], vertex.settings
    a, b, c = (*names, "None", "None", "None")[:3]
    d, scale, shape = _last(vertex.inputs[0].shape), settings.get("scale"), vertex.inputs[0].shape
    rule, where = DEFINITIONS[vertex.op or ""], ""
    if vertex.op == "gelu" and settings.get("approximate") == "tanh":
        rule = GELU_TANH
    if vertex.op == "squared_error" and not settings.get("average", True):
        rule = rule.replace("mean", "sum")
    if vertex.op == "linear" and c != "None":
        rule += " + {c}"
    if vertex.op == "layer_norm":
        rule += "".join(f" {sign} {{{key}}}" for sign, key, x in (("·", "b", b), ("+", "c", c)) if x != "None")
        where = f", over the last {settings.get('axes', 1)} axes" if settings.get("axes", 1) > 1 else ", over each row"
    if vertex.op in ("softmax", "log_softmax") and len(shape) > 1:
        where = f", over axis {settings.get('axis', -1)}"
    if vertex.op == "cross_entropy" and len(shape) > 1:
        where = ", in each row"
    mask = names[-1] if vertex.op in ("attention", "attention_weights") and len(names) > 2 else "None"
    added = vertex.op == "attention_weights" and mask != "None" and _is_float(vertex.inputs[-1])
    if vertex.op in ("attention", "attention_weights"):
        allowed = [f"that {mask} allows"] if mask != "None" and (len(names) > 3 or vertex.op[-1] == "s") else []
        allowed += ["up to the query's own place"] if settings.get("causal") else []
        where = f", over the keys {' and '.join(allowed)}" if allowed and not added else ""
        where += f"; query {a}, key {b}" + (f", value {c}" if vertex.op == "attention" else "")
    words = {
        "eps": f"{settings.get('eps', 1e-5):g}",
        "mask": f" + {mask}" if added else "",
        "scale": f" / sqrt({d})" if scale is None else f" · {as_factor(number(scale))}",
    }
    return rule.format(a=a, b=b, c=c, d=d, **words) + where


def definition_with_numbers(vertex: Vertex) -> str:
    """The same with numbers; "" where they are many or not known, or the formula gains nothing by them."""
    given: list[Any] = [x.value for x in vertex.inputs]
    if any(x is None or not 0 < x.size <= MOST for x in given[:1]):
        return ""
    a, op = given[0].reshape(-1).tolist(), vertex.op
    one = as_factor(number(a[0]))
    if len(a) == 1 and op in ("sigmoid", "silu"):
        return f"{'1' if op == 'sigmoid' else number(a[0])} / (1 + exp({number(-a[0])}))"
    if len(a) == 1 and op == "relu":
        return f"max({number(a[0])}, 0)"
    if len(a) == 1 and op == "gelu" and vertex.settings.get("approximate", "none") == "none":
        return f"{one} · Phi({number(a[0])})"
    if op == "squared_error" and given[1] is not None and given[1].size == len(a):
        terms = [f"({number(p)} - {as_factor(number(t))})²" for p, t in zip(a, given[1].reshape(-1), strict=True)]
        average = vertex.settings.get("average", True)
        if len(terms) == 1:
            return f"{'mean' if average else 'sum'}({terms[0]})"
        return f"({' + '.join(terms)}) / {len(a)}" if average else " + ".join(terms)
    exps = [f"exp({number(x)})" for x in a]
    if op == "softmax" and given[0].ndim == 1 and len(a) > 1:
        return f"[{', '.join(exps)}] / ({' + '.join(exps)})"
    if op == "cross_entropy" and len(a) == given[0].shape[-1] and given[1] is not None and len(a) > 1:
        return f"-log({exps[int(np.reshape(given[1], -1)[0])]} / ({' + '.join(exps)}))"
    return ""


def _last(shape: Any) -> Any:
    return shape[-1] if shape else "d"


def _is_float(vertex: Vertex) -> bool:
    return vertex.value is not None and vertex.value.dtype.kind == "f"
