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
        hooks = [attributes["_hooks"] for attributes in self._before if attributes.get("_hooks") is not None]
        self._hooks = [(each, bool(each)) for each in hooks]
        held = (value for attributes in self._before for value in attributes.values())
        self._tensors = [value for value in held if isinstance(value, Tensor)]
        self.arrays: list[Array] = [tensor._array for tensor in self._tensors]

    def holds(self) -> bool:
        """Whether no attribute was assigned since, no hook registered, and no parameter or buffer changed."""
        try:
            same = self._attributes == self._before  # fast, since equal attributes are usually the same objects
        except (TypeError, ValueError):  # a Tensor was compared with one that replaced it
            return False
        if not same or any(bool(hooks) != there for hooks, there in self._hooks):
            return False
        return all(map(is_, [tensor._array for tensor in self._tensors], self.arrays)) and not self._written()

    def uniform(self) -> bool:
        """Whether all arrays are of one library and one dtype, float32 or float64, and none has a single element.

        Of tensors of a single element `holds` could not tell apart an equal one that replaced another.
        """
        kinds = {(type(array), array.dtype) for array in self.arrays}
        one_kind = len(kinds) == 1 and kinds.pop()[1] in (FLOAT32, FLOAT64)
        return one_kind and all(array.size > 1 for array in self.arrays)

    def _written(self) -> bool:
        """Whether one of the arrays was written to."""
        last = versions.last_write
        if last != self._seen:
            if any(versions.written_since(array, self._age) for array in self.arrays):
                return True
            self._seen = last
        return False
