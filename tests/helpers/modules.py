"""Modules for tests, with weights other than the initial ones, and how much memory their results hold."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture.autograd.core import Leaf, Record
from tinygrad_lecture.autograd.memory import arrays_in


def shuffled(module: Any, dtype: Any = tl.float64, device: str = "cpu", scale: float = 0.5) -> Any:
    """The module with all parameters drawn at random, so that biases of 0 and scales of 1 matter too."""
    random = np.random.default_rng(0)
    for parameter in module.parameters():
        with tl.no_grad():
            parameter.copy_(tl.tensor(random.normal(size=parameter.shape) * scale + 0.05))
    return module.to(dtype=dtype, device=device)


def bytes_kept(out: tl.Tensor) -> int:
    """The bytes of all arrays that the graph of a result keeps for backward, without those of the leaves."""
    records, arrays, leaves = [out._node], {}, set()
    for record in records:
        arrays.update({id(a): a for a in arrays_in(record.saved or ())})
        held = [n.tensor() for n in record.nodes if isinstance(n, Leaf)]
        leaves |= {id(x.array) for x in held if x is not None}
        records += {n for n in record.nodes if isinstance(n, Record)} - set(records)
    return sum(a.nbytes for key, a in arrays.items() if key not in leaves)
