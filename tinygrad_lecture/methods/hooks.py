"""The methods that let a program see gradients as a backward pass computes them, or keep them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd.hooks import Handle, hooks_of, retain_grad, retains_grad
from ..errors import hide_frames
from ..traced import Traced


class HookMethods(Traced):
    """The methods of a Tensor for gradients on their way."""

    __slots__ = ()

    def register_hook(self, hook: Callable[[Any], Any]) -> Handle:
        """Call hook(gradient) in each backward pass, once the gradient of this tensor is complete.

            h.register_hook(lambda g: print(g.norm()))
            handle = h.register_hook(lambda g: 0.1 * g)     # this flows on
            handle.remove()

        If it returns a Tensor, that replaces the gradient, for `grad` and for what this tensor was computed from.
        Several hooks run in the order in which they were registered. A hook does not record, unless create_graph.
        Raises RuntimeError if this tensor does not require grad.
        """
        self._require_grad("register_hook")
        return Handle(hooks_of(self).before, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Any], Any]) -> Handle:
        """Call hook(tensor) each time that backward has added to `grad` of this leaf.

        With it an optimiser's step can be part of backward: each parameter is updated and its gradient let go of, so
        that not all gradients are in memory at once. Raises RuntimeError for the result of an op.
        """
        self._require_grad("register_post_accumulate_grad_hook")
        if hasattr(self._node, "op"):
            hide_frames()
            raise RuntimeError(
                "register_post_accumulate_grad_hook: this tensor is the result of an op, and only leaves accumulate "
                "gradients; use register_hook"
            )
        return Handle(hooks_of(self).after, hook)

    def retain_grad(self) -> None:
        """Let backward fill `grad` of this result too. Raises RuntimeError if it does not require grad."""
        self._require_grad("retain_grad")
        retain_grad(self)

    @property
    def retains_grad(self) -> bool:
        """Whether this tensor is the result of an op and `retain_grad` was called on it."""
        return self._node is not None and hasattr(self._node, "op") and retains_grad(self._node)

    def _require_grad(self, method: str) -> None:
        if self._node is None:
            hide_frames()
            raise RuntimeError(f"{method}: this tensor does not require grad, so it gets no gradient")
