"""Does gradcheck judge fairly? Ops of the table at some scales, functions at any; with right rules and with wrong ones.

A false verdict calls a right rule wrong, or a wrong rule right.
"""

from __future__ import annotations

import warnings

import numpy as np
from op_table import TABLE, Row

import tinygrad_lecture as tl
from gradchecks import make
from strategies import Sample

# --- ops ------------------------------------------------------------------------------------------------------

SCALES_OF_OPS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
ROWS = [row for row in TABLE.values() if row.differentiable]


def called_wrong(row: Row, sample: Sample, scale: float) -> bool:
    """Whether the op's own rule is called wrong for a sample times `scale`.

    Samples that the op does not take at this scale, since its result is not finite, or an input, say nothing.
    """
    inputs = [
        tl.tensor(x * scale if x.dtype.kind == "f" else x) if isinstance(x, np.ndarray) else x for x in sample.inputs
    ]
    floats = [x.numpy() for x in inputs if isinstance(x, tl.Tensor) and x.dtype.kind == "f"]
    if not any(x.size for x in floats) or not all(np.isfinite(x).all() for x in floats):
        return False  # a check refuses nan and inf, which some ops are for
    report = tl.gradcheck(lambda *xs: row.call(row.op, *xs, **sample.settings), inputs, raise_exception=False)
    return report.error is not None and report.error.hint not in ("not-finite", "cannot-tell")


# --- functions ------------------------------------------------------------------------------------------------

FUNCTIONS = {
    "square": lambda x: x * x,
    "cube": lambda x: x**3,
    "log": lambda x: tl.log(x),
    "sqrt": lambda x: tl.sqrt(x),
    "reciprocal": lambda x: 1 / x,
    "exp": lambda x: tl.exp(x),
    "sin": lambda x: tl.sin(x),
    "sin(1 / x)": lambda x: tl.sin(1 / x),
    "tanh": lambda x: tl.tanh(x),
    "gelu": lambda x: tl.gelu(x),
    "x @ w": lambda x: x @ tl.tensor([[0.3, -1.2], [0.8, 0.4], [-0.5, 0.9]]),
    "norm": lambda x: tl.norm(x),
    "x / norm": lambda x: x / tl.norm(x),
    "x / sum": lambda x: x / tl.sum(x),
    "softmax": lambda x: tl.softmax(x),
    "std": lambda x: tl.std(x),
    "prod": lambda x: tl.prod(x),
    "layer norm": lambda x: tl.layer_norm(x, eps=0),
    "abs": lambda x: tl.abs(x),
    "maximum": lambda x: tl.maximum(x, tl.flip(x, 0)),
    "x sin(1 / x)": lambda x: x * tl.sin(1 / x),
    "x² sin(1 / x)": lambda x: x * x * tl.sin(1 / x),
    "cos(1 / x²)": lambda x: tl.cos(1 / x**2),
    "sin(x) / x": lambda x: tl.sin(x) / x,
    "sin(πx) / πx": lambda x: tl.sin(np.pi * x) / (np.pi * x),
    "1e6 + sin": lambda x: 1e6 + tl.sin(x),
    "expm1(x) / x": lambda x: tl.expm1(x) / x,
    "x to the x": lambda x: x**x,
    "(x + 1e9) - 1e9": lambda x: (x + 1e9) - 1e9,
}
X = (1.0, 0.7, 2.3)


misjudged = make(lambda x, /, factor=2.0: x * 1.0, x=lambda g, factor: g * factor)


def as_one_op(function):
    """The function as an op of its own, with a right rule, as a student would write it."""
    rule = lambda g, x: tl.func.vjp(function, tl.tensor(x))[1](tl.tensor(g))[0].numpy()  # noqa: E731
    return make(lambda x, /: function(x), x=rule)


WRONG = {  # functions whose gradients are not the right ones
    "off by 1 %": lambda function: lambda x: misjudged(function(x), factor=1.01),
    "zero": lambda function: lambda x: misjudged(function(x), factor=0.0),
    "a part off the tape": lambda function: lambda x: 1.5 * function(x) - 0.5 * function(x).detach(),
}
CHECKS = {
    "gradcheck": tl.gradcheck,
    "gradgradcheck": tl.gradgradcheck,
    "of one op": lambda function, x, **options: tl.gradcheck(as_one_op(function), x, **options),
    **{name: lambda f, x, of=of, **options: tl.gradcheck(of(f), x, **options) for name, of in WRONG.items()},
}
# Below these scales the gradient as it is written has no right digits; that of one op has nothing to excuse it.
NO_DIGITS = {"sin(x) / x": 1e-4, "sin(πx) / πx": 1e-4, "expm1(x) / x": 1e-4, "x² sin(1 / x)": 1e-100}


def verdict(function: str, scale: float, check: str) -> str:
    """ "right", "wrong", "cannot tell"; "outside" where the function or its gradient is not finite."""
    fn = FUNCTIONS[function]
    x = (scale * tl.tensor(X, dtype=tl.float64)).requires_grad_()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # all elements at kinks
        y = fn(x)
        upstream = np.cos(np.arange(y.numel()) + 1.0).reshape(y.shape)  # of 1s, layer norm's is 0
        gradient = tl.grad(y, x, tl.tensor(upstream, dtype=y.dtype))[0].numpy()
        if check in WRONG and not (np.isfinite(gradient).all() and gradient.any()):
            return "outside"  # a multiple of 0 is right
        if check == "of one op" and scale < NO_DIGITS.get(function, 0):
            return "outside"
        report = CHECKS[check](fn, x.detach(), raise_exception=False)
    hint = None if report.error is None else report.error.hint
    if hint == "not-finite":
        return "outside"
    if hint == "cannot-tell" or (report and (not report.checked or (check in WRONG and report.cannot_tell))):
        return "cannot tell"
    return "right" if report else "wrong"


def is_false(function: str, scale: float, check: str) -> bool:
    return verdict(function, scale, check) == ("right" if check in WRONG else "wrong")
