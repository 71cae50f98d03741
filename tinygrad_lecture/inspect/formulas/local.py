"""The derivative of an op's result with respect to its inputs, without what comes from above it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...autograd.backward import by_input
from ...autograd.core import Record
from ...autograd.op import Op
from ...backend import Array, to_host, xp
from ...traced import Traced
from .derivatives import ELEMENTWISE, RULES


def local_derivatives(record: Record, upstream: Any) -> list[Array | None]:
    """The derivative with respect to each input, element by element, where there is one for each element; else None.

    That is what the rule returns for an upstream gradient of 1, for ops that take elements one by one, and for any op
    with a single number as its result.
    """
    name, one = record.op.name, math.prod(record.shape) == 1
    if not isinstance(record.op, Op) or not (name in ELEMENTWISE or (one and name not in RULES)):
        return [None] * len(record.nodes)
    ones = xp(_array(upstream)).ones(record.shape, record.dtype)
    found = by_input(record.op.vjp(record, record.nodes, ones), record.nodes)
    return [None if gradient is None else np.array(to_host(_array(gradient))) for gradient in found]


def _array(value: Any) -> Array:
    return value._array if isinstance(value, Traced) else value
