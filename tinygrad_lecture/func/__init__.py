"""Function transforms under the names of `torch.func`: `tl.func.grad(f)` is the gradient of f, as a function."""

from .function import Function
from .transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

__all__ = ["Function", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]
