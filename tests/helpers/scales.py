"""Does gradcheck judge fairly at inputs of any size? Functions at scales from 1e-300 to 1e300, right rules and wrong.

    PYTHONPATH=.:tests/helpers python tests/helpers/scales.py

runs the whole of it, prints each false verdict, and counts all. A false verdict calls a right rule wrong, or a wrong
rule right. A test in `tests/tinygrad_lecture/gradient_checking/test_false_alarms.py` runs a part.
"""

from __future__ import annotations

import warnings
from collections import Counter
from functools import partial

import numpy as np

import tinygrad_lecture as tl

FUNCTIONS = {
    "square": lambda x: x * x,
    "cube": lambda x: x**3,
    "log": lambda x: tl.log(x),
    "sqrt": lambda x: tl.sqrt(x),
    "reciprocal": lambda x: 1 / x,
    "exp": lambda x: tl.exp(x),
    "expm1": lambda x: tl.expm1(x),
    "log1p": lambda x: tl.log1p(x),
    "sin": lambda x: tl.sin(x),
    "sin(1 / x)": lambda x: tl.sin(1 / x),
    "tanh": lambda x: tl.tanh(x),
    "sigmoid": lambda x: tl.sigmoid(x),
    "gelu": lambda x: tl.gelu(x),
    "x log x": lambda x: x * tl.log(x),
    "sqrt(1 + x²)": lambda x: tl.sqrt(1 + x * x),
    "x / norm": lambda x: x / tl.norm(x),
    "x / sum": lambda x: x / tl.sum(x),
    "softmax": lambda x: tl.softmax(x),
    "logsumexp": lambda x: tl.logsumexp(x, 0),
    "std": lambda x: tl.std(x),
    "prod": lambda x: tl.prod(x),
    "layer norm": lambda x: tl.layer_norm(x, eps=0),
    "abs": lambda x: tl.abs(x),
    "maximum": lambda x: tl.maximum(x, x.flip(0)),
}
SCALES = (1e-300, 1e-161, 1e-100, 1e-30, 1e-18, 5e-13, 1e-9, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e12, 1e100, 1e300)
CHECKS = {
    "gradcheck": tl.gradcheck,
    "gradcheck, differences": partial(tl.gradcheck, eps=1e-5),
    "gradgradcheck": tl.gradgradcheck,
    "of a wrong rule": tl.gradcheck,
}
X = (1.0, 0.7, 2.3)


def half_too_much(function):
    """The function with gradients that are 1.5 times the right ones."""
    return lambda x: 1.5 * function(x) - 0.5 * function(x).detach()


def verdict(function: str, scale: float, check: str) -> str:
    """ "right", "wrong", "cannot tell"; "outside" where the function or its gradient is not finite."""
    fn, wrong_rule = FUNCTIONS[function], check == "of a wrong rule"
    x = (scale * tl.tensor(X, dtype=tl.float64)).requires_grad_()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # all elements at kinks
        gradient = tl.grad(fn(x).sum(), x)[0].numpy()
        if not np.isfinite(gradient).all() or (wrong_rule and not gradient.any()):
            return "outside"  # 1.5 times 0 is right
        report = CHECKS[check](half_too_much(fn) if wrong_rule else fn, x, raise_exception=False)
    hint = None if report.error is None else report.error.hint
    if hint == "not-finite":
        return "outside"
    if hint == "cannot-tell" or (report and (not report.checked or (wrong_rule and report.cannot_tell))):
        return "cannot tell"
    return "right" if report else "wrong"


def is_false(function: str, scale: float, check: str) -> bool:
    return verdict(function, scale, check) == ("right" if check == "of a wrong rule" else "wrong")


def main() -> None:
    """Print the false verdicts, and how many of each kind there are."""
    counts: Counter[str] = Counter()
    for check in CHECKS:
        for function in FUNCTIONS:
            for scale in SCALES:
                found = verdict(function, scale, check)
                counts[f"{check}: {found}"] += 1
                if is_false(function, scale, check):
                    print(f"{check} of {function} at {scale}: {found}")
    for name, count in sorted(counts.items()):
        print(count, name)


if __name__ == "__main__":
    main()
