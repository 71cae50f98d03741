"""Where a gradient arrives: in `.grad`, and in hooks, functions of the user's that a backward pass calls with it.

Those of a result are called before its rules, those of leaves at the end of the pass.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any, Self, TypeAlias

from ..backend import device_of
from ..errors import TensorError, kind_of
from ..tensor_base import TENSORS, TensorBase, wrap
from . import memory
from .core import Gradient, Leaf, Node
from .modes import set_grad_enabled

Hook: TypeAlias = Callable[..., Any]


_grad_lock = threading.Lock()


def accumulate_grad(node: Node, gradient: Any) -> bool:
    """Add a gradient to `.grad` of the tensor that a node stands for, and say whether it is still there.

    The first gradient is copied: a rule may return its upstream gradient, which others have too.
    """
    tensor = None if node.tensor is None else node.tensor()
    if tensor is None:
        return False
    if tensor._node is not node and (tensor._node is not None or type(node) is Leaf):
        return False  # changed in place, or no longer requiring grad; but as in PyTorch, retain_grad outlives detach_
    with _grad_lock:
        held = tensor._grad
        if type(gradient) in TENSORS:  # under create_graph
            tensor._grad = gradient.clone() if held is None else held + gradient
        elif held is None:
            tensor._grad = wrap(gradient.copy())
        elif held._node is None:
            memory.announce_write(held._array)
            held._array += gradient
        else:
            tensor._grad = held + wrap(gradient)
    return True


# --- hooks --------------------------------------------------------------------------------------------------


class Handle:
    """A registered hook: `remove()`, or leaving a `with` block, removes it."""

    def __init__(self, hooks: dict[Any, Any], hook: Any, *, prepend: bool = False) -> None:
        self._hooks = hooks
        later = hooks.copy() if prepend else {}
        if prepend:
            hooks.clear()
        hooks[self] = hook
        hooks.update(later)

    def remove(self) -> None:
        """Remove the hook; a second call does nothing."""
        self._hooks.pop(self, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


class Hooks:
    """The functions to call with the gradient of a tensor.

    before: called with the gradient, which they may replace.  after: of a leaf, called with it when `.grad` is filled.
    """

    def __init__(self) -> None:
        self.before: dict[Any, Hook] = {}
        self.after: dict[Any, Hook] = {}


def hooks_of(x: TensorBase) -> Hooks:
    """The hooks of a tensor that requires grad, noted in its node."""
    node: Node = x._node
    with _lock:  # so that threads that register the first hooks at once note them in one place
        if node.hooks is None:
            node.hooks = Hooks()
        return node.hooks  # type: ignore[no-any-return]


_lock = threading.RLock()  # a finaliser that runs meanwhile may register one too


def retain_grad(x: TensorBase, flag: bool = True) -> None:
    """Let a pass fill `.grad` of a result, as it does of leaves, or no longer."""
    x._node.tensor = weakref.ref(x) if flag else None


def has_hooks(node: Node | None) -> bool:
    """Whether a pass calls a function with the gradient of the tensor that a node stands for."""
    return node is not None and node.hooks is not None and bool(node.hooks.before)


# --- in a pass ----------------------------------------------------------------------------------------------


def arrive(node: Node, gradient: Gradient, accumulate: bool) -> Gradient:
    """Give the gradient of a node to its hooks and, to accumulate, add it to `.grad` of its tensor.

    Returns the gradient, which hooks may have replaced.
    """
    hooks = node.hooks
    if hooks is not None and hooks.before:
        gradient = run(hooks.before, gradient)
    if accumulate and node.tensor is not None and accumulate_grad(node, gradient) and hooks is not None:
        for hook in list(hooks.after.values()):
            with set_grad_enabled(isinstance(gradient, TensorBase)):  # under create_graph
                hook(node.tensor())
    return gradient


def run(hooks: dict[Any, Hook], gradient: Any) -> Any:
    """The gradient after its hooks, each of which may return another one, or change in place what it is given.

    They get a copy: the array itself may also be on its way to other tensors.
    Raises TypeError for a hook that returns anything but a Tensor, TensorError for another shape or device.
    """
    recorded = isinstance(gradient, TensorBase)  # under create_graph
    given = gradient.clone() if recorded else wrap(gradient.copy())
    for hook in list(hooks.values()):
        with set_grad_enabled(recorded):
            returned = hook(given)
        if returned is None:
            continue
        if not isinstance(returned, TensorBase):
            raise TypeError(f"{_name(hook)}: return a Tensor, or None to keep the gradient, not {kind_of(returned)}")
        array = returned._array
        there, here = device_of(array), device_of(given._array)
        if array.shape != gradient.shape or there != here:
            raise TensorError(
                f"{_name(hook)} returned a gradient of shape {array.shape} on {there}, in place of one of shape "
                f"{gradient.shape} on {here}; return a Tensor like the gradient, or None to keep it"
            )
        given = returned.to(dtype=gradient.dtype)  # type: ignore[attr-defined]
    return given if recorded else given._array


def _name(hook: Hook) -> str:
    return f"hook {getattr(hook, '__name__', type(hook).__name__)}"
