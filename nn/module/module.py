"""Module, the base of layers and networks: the call, and what is done to all of it at once.

    class Neuron(nn.Module):
        def __init__(self, n):
            self.weight = nn.Parameter(tl.randn(n))
            self.bias = nn.Parameter(tl.zeros(1))

        def forward(self, x):                                   # (batch, n)
            return tl.sigmoid(x @ self.weight + self.bias)      # (batch,)

A module finds its parameters and child modules among its attributes. They are ordinary attributes, so reading one has
no overhead, and a subclass may call `super().__init__()` but need not.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np

from tinygrad_lecture import Tensor, empty
from tinygrad_lecture.errors import Elsewhere, warn

from ..errors import locate
from ..notebook import module_html
from .hooks import WithHooks
from .state import Stateful
from .tree import clear_grad


def _no_forward(self: Module, *inputs: Any, **settings: Any) -> Any:
    raise NotImplementedError(f"{type(self).__name__} has no forward; define forward(self, x) in its class")


class Module(Stateful, WithHooks):
    """Base class of layers and networks. A subclass defines `forward` and its shapes; calling the module calls it.

    Raises NotImplementedError when a module without a `forward` is called.
    """

    training: bool = True
    usage: ClassVar[str] = ""  # what an error says where `forward` is called with too few inputs

    save = Elsewhere("nn.weights.save_file(model.state_dict(), path)")
    load = Elsewhere("model.load_state_dict(nn.weights.load_file(path))")
    fit = Elsewhere("nn.fit(model, batches, loss, optimizer, epochs=...)")
    predict = Elsewhere("model.eval(), and then model(x) within tl.no_grad()")
    forward: Callable[..., Any] = _no_forward

    def _set_requires_grad(self, flag: bool) -> None:
        warn(f"to set requires_grad of a module changes nothing; write model.requires_grad_({flag})")

    requires_grad = property(None, _set_requires_grad)

    def __call__(self, *inputs: Any, **settings: Any) -> Any:
        hooks = self._hooks
        if "input" in settings and next(iter(inspect.signature(self.forward).parameters), "") == "x":
            inputs = (settings.pop("input"), *inputs)  # as PyTorch calls the x of a layer
        try:
            if hooks is None:
                return self.forward(*inputs, **settings)
            return self._forward_with_hooks(hooks, inputs, settings)
        except Exception as error:
            __tracebackhide__ = True  # see `hide_frames`
            locate(error, self, inputs, settings)
            raise

    @property
    def has_hooks(self) -> bool:
        """Whether a hook of any kind is registered."""
        return bool(self._hooks)

    # --- the whole module at once -----------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Set training mode, or with mode=False evaluation mode, in this module and all below. Returns self."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Set evaluation mode: `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Train all parameters or, with False, freeze them. Returns self."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradients of all parameters to None, or with set_to_none=False to 0."""
        for parameter in self.parameters():
            clear_grad(parameter, set_to_none)

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call function(module) for every module below and then for this one, as for initialisation. Returns self."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def to(
        self, *target: Any, dtype: Any = None, device: str | None = None, non_blocking: bool = False,
        memory_format: Any = None,
    ) -> Self:  # fmt: skip
        """Move parameters, gradients and buffers, in place: to("cuda"), to(tl.float64), to(other_tensor). Returns self.

        Arguments are those of `Tensor.to`; non_blocking and memory_format have no effect. Integer buffers keep their
        dtype. Raises TypeError for a dtype that is not a float, ValueError for an unknown device.
        """

        def moved(tensor: Tensor) -> Tensor:
            there = tensor.detach().to(*target, dtype=dtype, device=device)
            return there if tensor.dtype.kind == "f" else tensor.detach().to(device=there.device)

        wanted = moved(empty(0)).dtype
        if wanted.kind != "f":
            raise TypeError(f"{type(self).__name__}.to: the dtype must be a float such as tl.float32, not {wanted}")
        for tensor in (*self.parameters(), *self.buffers()):
            grad = None if tensor.grad is None else moved(tensor.grad)
            tensor.data = moved(tensor)
            tensor.grad = grad
        return self

    def cuda(self, index: int | None = None) -> Self:
        """Move to the GPU. Raises RuntimeError without CuPy or a GPU."""
        return self.to(device="cuda" if index is None else f"cuda:{index}")

    def cpu(self) -> Self:
        """Move to the CPU."""
        return self.to(device="cpu")

    def double(self) -> Self:
        """Convert all floats to float64."""
        return self.to(dtype=np.float64)

    def float(self) -> Self:
        """Convert all floats to float32."""
        return self.to(dtype=np.float32)

    def half(self) -> Self:
        """Convert all floats to float16."""
        return self.to(dtype=np.float16)

    # --- repr -------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """Text that `repr` shows in the parentheses, such as a layer's sizes. A subclass defines it."""
        return ""

    def _repr_html_(self) -> str:
        """What a notebook shows: the modules as a tree that folds, with their parameters."""
        return module_html(self)

    def __repr__(self) -> str:
        name = type(self).__name__
        children = [f"({child}): {module!r}".replace("\n", "\n  ") for child, module in self.named_children()]
        if not children:
            return f"{name}({self.extra_repr()})"
        inner = [line for line in (self.extra_repr(), *children) if line]
        return "\n  ".join([f"{name}(", *inner]) + "\n)"
