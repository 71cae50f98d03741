"""tinygrad_lecture: reverse-mode automatic differentiation on NumPy or CuPy arrays, to read and to use.

    import tinygrad_lecture as tl

    x = tl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (x * x).sum().backward()
    x.grad                                      # tensor([2., 4., 6.])

How did that come about? A Graph watches a computation; then each value, each step of backward and each sum is there:

    with tl.Graph() as graph:
        loss = (x * x).sum()
        loss.backward()
    print(graph)                                # a table of values and gradients
    print(tl.explain(loss))                     # backpropagation as a worked example
    tl.page(loss, "loss.html")                  # the same to step through, in a browser
    graph.draw("loss.svg")                      # the picture

Where things are:

    tensor.py       the Tensor; tensor_base.py: what it holds
    in_place.py     x += y, x[index] = value, and methods that end in an underscore
    python_methods.py    what Python and NumPy ask of a Tensor; pytorch_methods.py: what PyTorch's users do
    autograd/       core.py: the chain rule; op.py: how a call is recorded
    ops/            every op with its backward rule; basics.py is the first to read
    kernels/        fast array functions; threads.py: how many threads large products use
    creation.py     making tensors
    random.py       streams of random numbers
    conversion.py   arguments to arrays, shapes, dtypes, devices
    func/           derivatives as functions, and functions of batches
    gradient_checking/  gradients checked against finite differences
    testing/        the checker as a library, for teachers; needs Hypothesis
    inspect/        the graph, its picture and page, a profile, the first nan or inf, a tensor as text
    errors/         error messages
    files.py        writing files atomically; weights.py: weights in files
    backend.py      NumPy or CuPy
"""

# Everything imported here is public: `x as x` tells type checkers so, and a file imported with * has an __all__.
# ruff: noqa: F403, F405
import sys as _sys

if _sys.argv[0] == "-m" and "tinygrad_lecture.testing" in _sys.orig_argv and not _sys.flags.safe_path:
    del _sys.path[0]  # a grader imports nothing from where it is started: it may be a submission

from types import ModuleType as _Module, SimpleNamespace as _SimpleNamespace
from typing import TYPE_CHECKING as _TYPE_CHECKING

import numpy as _np

from . import autograd as _autograd, func as func
from .autograd.modes import *
from .autograd.op import op as op
from .backend import (
    cuda_is_available as cuda_is_available,
    get_default_dtype as get_default_dtype,
    set_default_dtype as set_default_dtype,
)
from .conversion import device as device
from .creation import *
from .errors import DtypeError as DtypeError, TensorError as TensorError, tell_missing as _tell_missing
from .func.gradients import grad as grad
from .kernels.threads import get_num_threads as get_num_threads, set_num_threads as set_num_threads
from .ops import *
from .ops import linalg as linalg
from .ops.composite import composite as _composite, fused as fused
from .random import *
from .tensor import Tensor as Tensor

if _TYPE_CHECKING:
    from . import testing as testing
    from .func.recomputation import checkpoint as checkpoint
    from .gradient_checking.check import gradcheck as gradcheck, gradgradcheck as gradgradcheck
    from .gradient_checking.report import GradcheckError as GradcheckError, GradcheckReport as GradcheckReport
    from .inspect.explain import explain as explain
    from .inspect.graph import Graph as Graph
    from .inspect.observe import AnomalyError as AnomalyError, detect_anomaly as detect_anomaly
    from .inspect.page import page as page
    from .inspect.printing import set_printoptions as set_printoptions
    from .inspect.profile import profile as profile
    from .weights import load as load, save as save

float16, float32, float64 = _np.dtype(_np.float16), _np.dtype(_np.float32), _np.dtype(_np.float64)
uint8, int8, int16 = _np.dtype(_np.uint8), _np.dtype(_np.int8), _np.dtype(_np.int16)
int32, int64, bool = _np.dtype(_np.int32), _np.dtype(_np.int64), _np.dtype(_np.bool_)
inf, nan, pi, e = _np.inf, _np.nan, _np.pi, _np.e
clamp, equal = clip, _composite(Tensor.equal)
cuda = _SimpleNamespace(is_available=cuda_is_available)
_autograd.Function = func.Function  # type: ignore[attr-defined]

__version__ = "0.1.0"

# imported when first used: the checker and what looks inside are as large as the rest of the engine
_LATER = {
    "gradcheck": ".gradient_checking.check", "gradgradcheck": ".gradient_checking.check",
    "GradcheckError": ".gradient_checking.report", "GradcheckReport": ".gradient_checking.report",
    "checkpoint": ".func.recomputation", "AnomalyError": ".inspect.observe", "detect_anomaly": ".inspect.observe",
    "Graph": ".inspect.graph", "set_printoptions": ".inspect.printing",
    "page": ".inspect.page", "explain": ".inspect.explain", "profile": ".inspect.profile",
    "load": ".weights", "save": ".weights",
}  # fmt: skip

if not _TYPE_CHECKING:  # mypy reads the imports above; it does not evaluate a computed __all__
    _shown = {name: x for name, x in {**globals(), **_LATER}.items() if name[0] != "_"}
    __all__ = sorted(name for name, x in _shown.items() if name in ("func", "linalg") or type(x) is not _Module)

_tell_missing(
    {"tl": globals(), "tl.func": vars(func), "tl.linalg": vars(linalg), "tl.autograd": vars(_autograd)},
    {**_LATER, "testing": ".testing"},  # not in dir(tl), whose names need no extra
)
