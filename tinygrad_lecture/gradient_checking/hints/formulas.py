"""Formulas as text, which is both what is computed and what is said."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import CodeType
from typing import Any

import numpy as np

from .case import softmax, sum_to_shape

FUNCTIONS = (  # functions of an array a, the simplest first
    *("{a}", "{a} * {a}", "(1 - {a})", "(1 + {a})", "(1 - {a} * {a})", "(1 + {a} * {a})", "exp({a})", "log({a})"),
    *("cos({a})", "sin({a})", "sqrt({a})", "tanh({a})", "{a}**3", "(1 / (1 + exp(-{a})))", "(1 / (1 + exp({a})))"),
    *("(1 - tanh({a}) * tanh({a}))", "cos({a} * {a})", "exp({a} * {a})", "sign({a})", "({a} > 0)"),
)
NAMES: dict[str, Any] = {
    **{name: getattr(np, name) for name in ("cos", "exp", "inf", "log", "sign", "sin", "sqrt", "tanh", "where")},
    "softmax": softmax,
    "mean": lambda x, over: x.mean(over, keepdims=True),
    "total": lambda x, over: x.sum(over, keepdims=True),
    "t": lambda x: x.swapaxes(-1, -2),
    "like": lambda x, array: sum_to_shape(array, x.shape),
}


def value(formula: str, names: Mapping[str, Any]) -> Any:
    """What a formula gives for the values of its names."""
    return eval(_code(formula), NAMES, dict(names))


@cache
def _code(formula: str) -> CodeType:
    return compile(formula, "a formula", "eval")
