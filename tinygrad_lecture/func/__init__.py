"""Function transforms under the names of `torch.func`: `tl.func.grad(f)` is the gradient of f, as a function.

transforms.py     grad, vjp, jvp, jacobian, hessian, hvp; vmap: a function of one example as one of a batch
gradients.py      `tl.grad`; a call of a function by a transform, within another; tuples, lists and dicts of Tensors
function.py       Function: an op as a class with forward and backward
recomputation.py  `tl.checkpoint`
"""

from .function import Function
from .transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp, vmap

__all__ = ["Function", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp", "vmap"]
