"""The derivative of a step alone, found by its own backward rule: asked again, for one element at a time."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ..autograd.backward import backward_pass, by_input
from ..autograd.core import Leaf, Record, unbroadcast
from ..autograd.modes import enable_grad
from ..autograd.op import Op
from ..backend import Array, is_array, to_host, xp
from ..traced import Traced, wrap
from .observe import Unwatched


class LocalDerivatives:
    """The derivatives of a record's result with respect to its inputs.

    It keeps copies of what the record saved, so it can be asked after backward has freed that, or the program has
    changed it.
    """

    def __init__(self, record: Record, upstream: Any) -> None:
        self._record = copy.copy(record)
        self._record.saved = _copied(record.saved) if isinstance(record.op, Op) else None
        array = upstream._array if isinstance(upstream, Traced) else upstream
        self._like = xp(array).ones(record.shape, record.dtype)
        self._of_ones: list[Any] | None = None

    def elementwise(self, position: int) -> Array | None:
        """What the rule returns for an upstream gradient of 1.

        That is the derivative element by element, if the op takes elements one by one or gives a single number.
        """
        if self._of_ones is None and self._record.saved is not None:
            with np.errstate(all="ignore"):
                products = self._record.op.vjp(self._record, self._record.nodes, self._like)
            self._of_ones = by_input(products, self._record.nodes)
        return None if self._of_ones is None else np.array(to_host(self._of_ones[position]))

    def column(self, position: int, place: tuple[int, ...]) -> Array | None:
        """The derivatives of all elements of the result with respect to one element of an input, in the result's shape.

        A rule is linear in the upstream gradient. So the derivative, with respect to that, of an element of what the
        rule returns is what is wanted. None where the rule cannot be differentiated.
        """
        record, u = self._record, wrap(self._like)
        if record.saved is None:
            return None
        u._node = Leaf(u)
        with Unwatched(), np.errstate(all="ignore"):
            try:
                with enable_grad():
                    returned = by_input(record.op.vjp(record, record.nodes, u), record.nodes)[position]
                    node = record.nodes[position]
                    assert node is not None
                    returned = unbroadcast(returned, node)
                seed = np.zeros(returned.shape, record.dtype)
                seed[place] = 1
                seeds = [(returned._node, xp(self._like).asarray(seed))]
                found = {} if returned._node is None else backward_pass(seeds, wanted=[u._node])
            except Exception:  # a rule of the user's own may do with arrays what it cannot do with Tensors
                return None
        return np.array(to_host(found[u._node])) if u._node in found else np.zeros(record.shape)


def _copied(saved: Any) -> Any:
    """What a record saved, with copies of the arrays in it."""
    if type(saved) in (tuple, list):
        return type(saved)(map(_copied, saved))
    return saved.copy() if is_array(saved) else saved
