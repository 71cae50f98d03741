"""Hooks of modules: functions that are called before and after each forward, and as gradients enter and leave.

    layer.register_forward_hook(lambda module, inputs, output: print(output.shape))
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: print(grad_output[0].norm()))

Backward hooks stand at two crossings, where a module's inputs go in and its outputs come out: each is a function that
returns its inputs, with a rule of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from tinygrad_lecture import Tensor, is_grad_enabled
from tinygrad_lecture.autograd.hooks import Handle
from tinygrad_lecture.errors import brief
from tinygrad_lecture.func.function import Function

from .tree import Tree

Hook: TypeAlias = Callable[..., Any]
Gradients: TypeAlias = tuple[Any, ...]  # of inputs or outputs, None where there is none


class Hooks:
    """The hooks of a module: dicts of handles and functions; those of forward have `with_kwargs` with them."""

    def __init__(self) -> None:
        self.forward_pre: dict[Handle, tuple[Hook, bool]] = {}
        self.forward: dict[Handle, tuple[Hook, bool]] = {}
        self.backward_pre: dict[Handle, Hook] = {}
        self.backward: dict[Handle, Hook] = {}

    def __bool__(self) -> bool:
        """Whether there is any."""
        return any(vars(self).values())


class WithHooks(Tree):
    """The part of a module that registers and calls hooks."""

    _hooks: Hooks | None = None

    def register_forward_pre_hook(self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False) -> Handle:
        """Call hook(module, inputs) before each `forward`; what it returns, unless None, are the inputs instead.

        with_kwargs: call hook(module, inputs, settings), which returns None or a pair of inputs and settings.
        prepend: before the hooks registered earlier. Returns a handle with a method `remove()`.
        """
        return Handle(self._own_hooks().forward_pre, (hook, with_kwargs), prepend=prepend)

    def register_forward_hook(self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False) -> Handle:
        """Call hook(module, inputs, output) after each `forward`. If it returns a value, that replaces the output.

        with_kwargs: call hook(module, inputs, settings, output).  prepend: before the hooks registered earlier.
        Returns a handle with a method `remove()`.
        """
        return Handle(self._own_hooks().forward, (hook, with_kwargs), prepend=prepend)

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> Handle:
        """Call hook(module, grad_output) in backward, before the module's own gradients are computed.

        grad_output: a tuple with the gradient of each output. What the hook returns, unless None, replaces it.
        """
        return Handle(self._own_hooks().backward_pre, hook, prepend=prepend)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> Handle:
        """Call hook(module, grad_input, grad_output) in backward, once the gradients of the module's inputs are known.

        grad_input: a tuple with the gradient of each input by position, None for one that does not require grad; what
        the hook returns, unless None, replaces it.  grad_output: the same for the outputs. If no input requires grad,
        the hook is called with the gradients of the outputs alone.
        """
        return Handle(self._own_hooks().backward, hook, prepend=prepend)

    def _own_hooks(self) -> Hooks:
        # one, also for threads that register at once
        return vars(self).setdefault("_hooks", Hooks())  # type: ignore[no-any-return]

    def _forward_with_hooks(self, hooks: Hooks, inputs: tuple[Any, ...], settings: dict[str, Any]) -> Any:
        """`forward`, with the hooks around it."""
        for hook, with_kwargs in list(hooks.forward_pre.values()):
            if with_kwargs:
                inputs, settings = hook(self, inputs, settings) or (inputs, settings)
            elif (replaced := hook(self, inputs)) is not None:
                inputs = replaced if isinstance(replaced, tuple) else (replaced,)
        call = BackwardHooks(self, hooks) if hooks.backward or hooks.backward_pre else None
        if call is not None:
            inputs = call.enter(inputs)
        output = self.forward(*inputs, **settings)  # type: ignore[attr-defined]
        for hook, with_kwargs in list(hooks.forward.values()):
            replaced = hook(self, inputs, settings, output) if with_kwargs else hook(self, inputs, output)
            output = output if replaced is None else replaced
        return output if call is None else call.leave(output)


class BackwardHooks:
    """One call of a module with backward hooks: what they need between the two crossings."""

    def __init__(self, module: Tree, hooks: Hooks) -> None:
        self.module, self.hooks = module, hooks
        self.grad_output: Gradients = ()
        self.inputs, self.entered = 0, False  # how many, and whether some require grad

    def enter(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """The inputs, from whose gradients on the backward hooks are called."""
        crossed: tuple[Any, ...] = _cross(inputs, self._call_backward)
        self.inputs = len(inputs)
        self.entered = crossed is not inputs
        return crossed

    def leave(self, output: Any) -> Any:
        """The output, whose gradients the pre-hooks see first."""
        several = isinstance(output, tuple)
        crossed = _cross(output if several else (output,), self._call_backward_pre)
        return crossed if several else crossed[0]

    def _call_backward_pre(self, gradients: Gradients) -> Gradients:
        for hook in list(self.hooks.backward_pre.values()):
            gradients = _replaced("register_full_backward_pre_hook", gradients, hook(self.module, gradients))
        self.grad_output = gradients
        if not self.entered:
            self._call_backward((None,) * self.inputs)
        return gradients

    def _call_backward(self, gradients: Gradients) -> Gradients:
        for hook in list(self.hooks.backward.values()):
            returned = hook(self.module, gradients, self.grad_output)
            gradients = _replaced("register_full_backward_hook", gradients, returned)
        self.grad_output = ()
        return gradients


class Crossing(Function):
    """The tensors that it is given; in backward, `call` may replace their gradients."""

    @staticmethod
    def forward(ctx: Any, call: Callable[[Gradients], Gradients], *tensors: Tensor) -> Any:
        ctx.call = call
        passed = tuple(x.detach().clone() for x in tensors)  # so that they may be changed in place
        return passed if len(passed) > 1 else passed[0]

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Gradients:
        return (None, *ctx.call(gradients))


def _cross(values: Sequence[Any], call: Callable[[Gradients], Gradients]) -> Any:
    """The values, with the float Tensors among them behind a crossing; as they are if none requires grad.

    call: gets a gradient for each value, None for those that do not cross, and returns the same.
    """
    places = [i for i, x in enumerate(values) if isinstance(x, Tensor) and x.is_floating_point()]
    if not is_grad_enabled() or not any(values[i].requires_grad for i in places):
        return values

    def at_all_places(gradients: Gradients) -> Gradients:
        spread = dict(zip(places, gradients, strict=True))
        called = call(tuple(spread.get(i) for i in range(len(values))))
        return tuple(called[i] for i in places)

    made = Crossing.apply(at_all_places, *(values[i] for i in places))
    crossed = dict(zip(places, made if isinstance(made, tuple) else (made,), strict=True))
    return tuple(crossed.get(i, x) for i, x in enumerate(values))


def _replaced(method: str, gradients: Gradients, returned: Any) -> Gradients:
    """The gradients after a hook. Raises RuntimeError if it returned another number of them."""
    if returned is None:
        return gradients
    returned = returned if isinstance(returned, tuple) else (returned,)
    if len(returned) != len(gradients):
        raise RuntimeError(
            f"{method}: the hook returned {len(returned)} gradients in place of {len(gradients)}, {brief(returned)}; "
            "return as many, or None to keep them"
        )
    return returned  # type: ignore[no-any-return]
