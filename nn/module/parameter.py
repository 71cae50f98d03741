"""Parameter: a tensor that is trained."""

from __future__ import annotations

from typing import Any

from tinygrad_lecture import Tensor


class Parameter(Tensor):
    """A trainable tensor: it requires grad, and a module that has it as an attribute lists it in `parameters()`.

    Copies `data`. Raises TypeError for integers, unless requires_grad=False.
    """

    __slots__ = ()

    def __new__(cls, data: Any, requires_grad: bool = True) -> Parameter:
        made: Parameter = super().__new__(cls, data, requires_grad=requires_grad)  # type: ignore[assignment]
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        twin: Parameter = super().__deepcopy__(memo)
        twin.grad = None  # as in PyTorch: the gradient is that of another loss than the copy's next one
        return twin

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


def clear_grad(tensor: Tensor, set_to_none: bool = True) -> None:
    """Set a tensor's gradient to None, or with set_to_none=False to 0."""
    if set_to_none or tensor.grad is None:
        tensor.grad = None
    else:
        tensor.grad.detach().zero_()
