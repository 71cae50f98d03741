"""Snapshot: whether a model is still what it was when something was computed from it."""

from __future__ import annotations

from operator import is_

import nn
from tinygrad_lecture import Tensor
from tinygrad_lecture.autograd import versions
from tinygrad_lecture.backend import FLOAT32, FLOAT64, Array


class Snapshot:
    """All attributes of a model's modules, and the arrays of its parameters and buffers. It keeps no model alive.

    - `arrays`: those arrays.
    """

    def __init__(self, model: nn.Module) -> None:
        self._seen, self._age = versions.last_write, versions.tick()
        self._attributes = [vars(module) for module in model.modules()]
        self._before = [dict(attributes) for attributes in self._attributes]
        self._places = [(held, name) for held in self._attributes for name in held if isinstance(held[name], Tensor)]
        self.arrays = self._arrays()

    def _arrays(self) -> list[Array]:
        return [getattr(held.get(name), "_array", None) for held, name in self._places]

    def holds(self) -> bool:
        """Whether no attribute was assigned since, no hook registered, and no parameter or buffer changed."""
        if not all(map(is_, self._arrays(), self.arrays)) or self._written():
            return False
        try:
            return self._attributes == self._before  # fast, since equal attributes are the same objects
        except ValueError:  # == of a Tensor and another that replaced it
            return False

    def uniform(self) -> bool:
        """Whether all arrays are of the same library, and of one dtype, float32 or float64."""
        kinds = {(type(array), array.dtype) for array in self.arrays}
        return len(kinds) == 1 and kinds.pop()[1] in (FLOAT32, FLOAT64)

    def _written(self) -> bool:
        """Whether one of the arrays was written to."""
        last = versions.last_write
        if last != self._seen:
            if any(versions.written_since(array, self._age) for array in self.arrays):
                return True
            self._seen = last
        return False
