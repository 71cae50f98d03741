"""Layers and losses as functions without parameters, under PyTorch's names; usually imported as F.

Where the engine has the op, the function is that op. All refuse a tuple or list of Tensors in place of one.

activation.py      activations that the engine has no op for; dropout
tokens.py          rows of a table, how alike they are, attention
images.py          convolution, pooling, other sizes, padding
normalization.py   over rows, the batch, groups of channels
loss.py            losses
"""

# ruff: noqa: F403
from tinygrad_lecture import linear as linear, one_hot as one_hot
from tinygrad_lecture.autograd.op import Op as _Op

from ..errors import of_tensors as _of_tensors
from .activation import *
from .images import *
from .loss import *
from .normalization import *
from .tokens import *

_names = [name for name, held in globals().items() if name[0] != "_" and callable(held)]
globals().update({name: _of_tensors(f) for name in _names if not isinstance(f := globals()[name], _Op)})
globals()["__all__"] = sorted(_names)  # written as a name, type checkers would take it for an empty list
