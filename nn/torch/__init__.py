"""torch: PyTorch's names for this house, so that a PyTorch script runs without a change.

    python -m nn.torch script.py --epochs 3         # the script says `import torch`
    import nn.torch as torch                        # the same for a program of one's own

Where things are:

    __main__.py     the command; modules.py: which module stands for which of torch's
    absent.py       what is not here: an error says so and names what to use
    courtesies.py   names that do nothing here, such as torch.compile
    legacy.py       torch.Tensor(3), torch.LongTensor, ...
    archive.py      torch.save and torch.load, with safetensors; values.py: nested values as JSON and arrays
    derivatives.py  torch.autograd and torch.func
"""

# ruff: noqa: F403
import math as _math
from typing import Any as _Any

import numpy as _np

import tinygrad_lecture as _tl
from tinygrad_lecture import *

from ..functional import *
from .absent import absent as _absent
from .archive import load as load
from .archive import save as save
from .courtesies import accept as _accept
from .courtesies import amp as amp
from .courtesies import autocast as autocast
from .courtesies import backends as backends
from .courtesies import compile as compile
from .courtesies import cuda as cuda
from .courtesies import distributed as distributed
from .courtesies import version as version
from .derivatives import autograd as autograd
from .derivatives import func as func
from .legacy import BoolTensor as BoolTensor
from .legacy import DoubleTensor as DoubleTensor
from .legacy import FloatTensor as FloatTensor
from .legacy import HalfTensor as HalfTensor
from .legacy import IntTensor as IntTensor
from .legacy import LongTensor as LongTensor
from .legacy import Tensor as Tensor
from .modules import nn as nn
from .modules import optimisers as _optimisers
from .modules import random as random
from .modules import utils as utils

optim = _optimisers
inf, nan, pi, e = _math.inf, _math.nan, _math.pi, _math.e
bfloat16 = _tl.float32  # NumPy has no bfloat16; float32 holds all of its numbers
Size = tuple[int, ...]
set_float32_matmul_precision = set_num_threads = use_deterministic_algorithms = _accept
finfo, iinfo = _np.finfo, _np.iinfo
strided, contiguous_format, preserve_format, channels_last = "strided", "contiguous", "preserve", "channels_last"
vmap = func.vmap
__version__ = "2.0.0"


def is_tensor(obj: _Any) -> _Any:
    """Whether an object is a Tensor."""
    return isinstance(obj, _tl.Tensor)


def get_num_threads() -> _Any:
    """1: NumPy computes elementwise functions on one core."""
    return 1


def numel(input: _Any) -> _Any:
    """The number of elements."""
    return input.numel()


__getattr__ = _absent("torch", lambda: globals())
