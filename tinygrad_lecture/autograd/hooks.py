"""Where a gradient arrives: in `.grad`, and in hooks, functions of the user's that a backward pass calls with it.

Hooks live in a node's reference to its tensor, so a tensor without hooks pays nothing for them. Those of a result are
called before its rules, those of leaves at the end of the pass.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeAlias

from ..backend import device_of
from ..errors import TensorError, kind_of
from ..tensor_base import TENSORS, TensorBase, wrap
from . import versions
from .core import VJP, Gradient, Leaf, Node, Products, Record
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
            versions.announce_write(held._array)
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


class Hooked(weakref.ref[TensorBase]):
    """A node's reference to its tensor, with hooks on its gradient.

    before: called with the gradient, which they may replace.  after: of a leaf, called with it when `.grad` is filled.
    retains: whether `.grad` is filled.
    """

    __slots__ = ("after", "before", "retains")

    before: dict[Any, Hook]
    after: dict[Any, Hook]
    retains: bool


in_use = False  # whether a result ever had a hook or kept its gradient: only then does a pass look for them


def hooks_of(x: TensorBase) -> Hooked:
    """The hooks of a tensor that requires grad, noted in its node."""
    global in_use
    node = x._node
    assert node is not None
    with _lock:  # so that threads that register the first hooks at once note them in one place
        held = node.tensor
        if type(held) is Hooked:
            return held
        made = Hooked(x)
        made.before, made.after, made.retains = {}, {}, held is not None
        node.tensor, in_use = made, True
        return made


_lock = threading.RLock()  # a finaliser that runs meanwhile may register one too


def retain_grad(x: TensorBase, flag: bool = True) -> None:
    """Let a pass fill `.grad` of a result, as it does of leaves, or no longer."""
    global in_use
    node = x._node
    assert node is not None
    if type(node.tensor) is Hooked:
        node.tensor.retains = flag
    else:
        node.tensor, in_use = weakref.ref(x) if flag else None, True


def retains_grad(node: Node) -> bool:
    """Whether a pass fills `.grad` of the tensor that a node stands for."""
    return node.tensor is not None and (type(node.tensor) is not Hooked or node.tensor.retains)


def has_hooks(node: Node | None) -> bool:
    """Whether a pass calls a function with the gradient of the tensor that a node stands for."""
    return node is not None and type(node.tensor) is Hooked and bool(node.tensor.before)


# --- in a pass ----------------------------------------------------------------------------------------------


def accumulate_with_hooks(node: Node, gradient: Gradient, accumulate: bool) -> Gradient:
    """Give the gradient of a node to the hooks of its tensor and, to accumulate, add it to `.grad`.

    Returns the gradient, which hooks may have replaced.
    """
    hooks = node.tensor if isinstance(node.tensor, Hooked) else None
    if hooks is not None and hooks.before:
        gradient = run(hooks.before, gradient)
    if accumulate and retains_grad(node) and accumulate_grad(node, gradient) and hooks is not None:
        run_after(hooks, isinstance(gradient, TensorBase))
    return gradient


def around(vjp: VJP, accumulate: bool) -> VJP:
    """`vjp`, with the hooks of a result before its rules."""

    def step(record: Record, nodes: Sequence[Node | None], upstream: Gradient) -> Products:
        if record.tensor is not None:
            upstream = accumulate_with_hooks(record, upstream, accumulate)
        return vjp(record, nodes, upstream)

    return step


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
            raise TypeError(
                f"{_name(hook)}: a hook returns a Tensor, or None to keep the gradient, not {kind_of(returned)}"
            )
        array = returned._array
        there, here = device_of(array), device_of(given._array)
        if array.shape != gradient.shape or there != here:
            raise TensorError(
                f"{_name(hook)} returned a gradient of shape {array.shape} on {there}, in place of one of shape "
                f"{gradient.shape} on {here}; return a Tensor like the gradient, or None to keep it"
            )
        given = returned.to(dtype=gradient.dtype)  # type: ignore[attr-defined]
    return given if recorded else given._array


def run_after(hooks: Hooked, recorded: bool) -> None:
    """Call the hooks of a leaf whose `.grad` was added to. recorded: under create_graph."""
    for hook in list(hooks.after.values()):
        with set_grad_enabled(recorded):
            hook(hooks())


def _name(hook: Hook) -> str:
    return f"hook {getattr(hook, '__name__', type(hook).__name__)}"
