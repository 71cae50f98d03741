"""Function transforms under the names of `torch.func`: `tl.func.grad(f)` is the gradient of f, as a function.

transforms.py     grad, vjp, jvp, jacobian, hessian, hvp; nesting.py: a call of a function by one, within another
batching.py       vmap: a function of one example as one of a batch
trees.py          tuples, lists and dicts of Tensors
function.py       Function: an op as a class with forward and backward
gradients.py      `tl.grad`
recomputation.py  `tl.checkpoint`
"""

from .batching import vmap
from .function import Function
from .transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

__all__ = ["Function", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp", "vmap"]
