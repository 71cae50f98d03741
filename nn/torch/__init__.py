"""torch: PyTorch's names for this library, so that a PyTorch script runs without a change.

    python -m nn.torch script.py --epochs 3         # the script says `import torch`
    import nn.torch as torch, nn.torch.nn as nn     # the same for your own program

Where things are:

    __main__.py                   the command; modules.py: which module stands for which of torch's
    functions.py                  functions that the engine does not have: addmm, lerp, narrow, ...
    layers.py                     layers and losses that nn leaves out, or that take more there: lazy layers, ...
    distributions.py              torch.distributions: random draws with their log_prob
    dtypes.py                     torch.dtype, torch.Size, torch.Tensor(3), torch.LongTensor
    derivatives.py                torch.autograd, torch.func, torch.testing
    archive.py                    torch.save and torch.load, with safetensors
    machine.py                    what does nothing here, such as torch.compile; the GPU; random numbers
    missing_names.py              what is not here: an error says so and names what to use
    dialect.py                    what prints as in PyTorch while a script runs
"""

# ruff: noqa: F403
import math as _math
import sys as _sys

import tinygrad_lecture as _tl
from tinygrad_lecture import *

from ..functional import *
from .archive import load as load, save as save
from .derivatives import inference_mode as inference_mode
from .dtypes import *
from .dtypes import BY_NAME as _DTYPES, TENSOR_KINDS as _TENSOR_KINDS, Tensor as Tensor, memory_format as memory_format
from .functions import FUNCTIONS as _FUNCTIONS, free_functions as _free_functions, give_methods as _give_methods
from .layers import LOSSES as _LOSSES
from .machine import *
from .machine import always as _always, ignore as _ignore
from .missing_names import MODULES as _MODULES, getattr_of as _getattr_of
from .modules import importable as _importable

_give_methods(_FUNCTIONS)
globals().update(_FUNCTIONS)
globals().update({name: f for name, f in _free_functions().items() if name not in globals()})
globals().update({name: module for name, module in _MODULES.items() if "." not in name})
globals().update({**_LOSSES, **_DTYPES, **_TENSOR_KINDS})
inf, nan, pi, e, newaxis = _math.inf, _math.nan, _math.pi, _math.e, None
set_float32_matmul_precision = set_num_interop_threads = use_deterministic_algorithms = _ignore
set_flush_denormal = set_warn_always = _ignore
is_storage = is_autocast_enabled = _always(False)  # there are no storages, and everything keeps its dtype
are_deterministic_algorithms_enabled = _always(True)  # the same seed gives the same bits
get_num_interop_threads, get_float32_matmul_precision = _always(1), _always("highest")
get_default_device = _always(_tl.device("cpu"))
contiguous_format = legacy_contiguous_format = memory_format("contiguous_format")
preserve_format, channels_last = memory_format("preserve_format"), memory_format("channels_last")
vmap = _MODULES["func"].vmap

__version__ = "2.0.0"


globals().update(  # questions about tensors and dtypes
    is_tensor=lambda obj: isinstance(obj, _tl.Tensor),
    result_type=lambda a, b: (a + b).dtype,
    promote_types=lambda type1, type2: (_tl.zeros(1, dtype=type1) + _tl.zeros(1, dtype=type2)).dtype,
    get_default_dtype=lambda: _DTYPES[_tl.get_default_dtype().name],
)


__getattr__ = _getattr_of("torch", lambda: globals())
_importable(_sys.modules[__name__])  # for `import nn.torch.nn.functional as F`
