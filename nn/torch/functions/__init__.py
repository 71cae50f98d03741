"""Functions that PyTorch has beside those of the engine: combinations of a few ops, and other spellings.

The engine has what a textbook names. Here is the rest of what PyTorch's programs call: `torch.addmm`, `torch.hsplit`,
... A function whose first argument is called `input` is a method of Tensors as well, as in PyTorch; `methods.py` gives
them to the class.

products.py  numbers.py  shapes.py  places.py  creation.py     the functions, by what they do
methods.py      methods of Tensors: these functions, and what a program asks of a machine
out.py          the argument `out` of all functions
"""

# ruff: noqa: F403 - the star imports are typed: each file has an __all__
from tinygrad_lecture.ops.linalg import cholesky_inverse, cholesky_solve, logdet, qr
from tinygrad_lecture.ops.linalg import pinv as pinverse

from . import creation, numbers, places, products, shapes
from .creation import *
from .numbers import *
from .places import *
from .products import *
from .shapes import *

FILES = (products, numbers, shapes, places, creation)
__all__ = [*products.__all__, *numbers.__all__, *shapes.__all__, *places.__all__]
__all__ += [*creation.__all__, "cholesky_inverse", "cholesky_solve", "logdet", "pinverse", "qr"]
