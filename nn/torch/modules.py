"""The modules of torch: which names of this house stand under which of PyTorch's, and how a script imports them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture.autograd.hooks import Handle
from tinygrad_lecture.func.trees import leaves, map_leaves
from tinygrad_lecture.methods.in_place import in_place

from .. import convolution, data, functional, init, normalization, optim
from .. import utils as clipping
from ..convolution.conv import Filters
from ..module import Module, Parameter
from ..normalization.batch import BatchNorm
from ..optim import lr_scheduler
from ..optim.settings import required
from . import functions, layers, losses
from .absent import Namespace, sentence
from .courtesies import parallel, refuse
from .functions.out import functions_with_out


def _package() -> ModuleType:
    """The package nn, which this one is a part of."""
    return sys.modules[__name__.rpartition(".torch")[0]]


def _checkpoint(function: Any, *inputs: Any, use_reentrant: Any = None, **options: Any) -> Any:
    """tl.checkpoint(function, *inputs)."""
    return tl.checkpoint(function, *inputs)


def _repeated(n: int) -> Any:
    """A function that returns n times a number as a tuple; a list of numbers becomes a tuple."""
    return lambda x: tuple(x) if isinstance(x, Iterable) else (x,) * n


_REPEATS = {"single": 1, "pair": 2, "triple": 3, "quadruple": 4}
_rnn = Namespace("torch.nn.utils.rnn", clipping.rnn)
_FILES_OF_MODULES = (
    *("activation", "container", "dropout", "flatten", "linear", "loss", "normalization"),
    *("pooling", "rnn", "sparse", "transformer"),
)
_ACTIVATIONS = ("relu", "leaky_relu", "elu", "selu", "celu", "hardtanh", "threshold")

_layers = {**losses.classes(), **{name: getattr(layers, name) for name in layers.LAYERS}}
_OLD_INITS = (
    "constant",
    "eye",
    "kaiming_normal",
    "kaiming_uniform",
    "normal",
    "orthogonal",
    "uniform",
    "xavier_normal",
)
nn = Namespace(
    "torch.nn",
    _package(),
    **_layers,
    functional=Namespace(
        "torch.nn.functional",
        functional,
        pdist=functions.pdist,
        **{name: getattr(layers, name) for name in layers.FUNCTIONS},
        **losses.functions(),
        **{f"{name}_": in_place(getattr(functional, name)) for name in _ACTIVATIONS},
    ),
    init=Namespace(
        "torch.nn.init",
        init,
        _calculate_fan_in_and_fan_out=init.fans,
        _calculate_correct_fan=lambda tensor, mode: init.fans(tensor)[mode == "fan_out"],
        **{name: getattr(init, f"{name}_") for name in (*_OLD_INITS, "xavier_uniform")},
    ),
    utils=Namespace(
        "torch.nn.utils",
        clipping,
        rnn=_rnn,
        clip_grad=Namespace("torch.nn.utils.clip_grad", clipping.clip),
        convert_parameters=Namespace("torch.nn.utils.convert_parameters", clipping.vectors),
        parametrizations=Namespace(
            "torch.nn.utils.parametrizations", clipping.parametrizations, orthogonal=layers.orthogonal
        ),
        parametrize=Namespace("torch.nn.utils.parametrize", clipping.parametrize),
    ),
    parallel=parallel,
    DataParallel=parallel.DataParallel,
    parameter=Namespace("torch.nn.parameter", Parameter=Parameter),
    modules=Namespace(
        "torch.nn.modules",
        _package(),
        module=Namespace("torch.nn.modules.module", Module=Module),
        **{name: Namespace(f"torch.nn.modules.{name}", _package(), **_layers) for name in _FILES_OF_MODULES},
        **_layers,
        utils=Namespace("torch.nn.modules.utils", **{f"_{name}": _repeated(n) for name, n in _REPEATS.items()}),
        conv=Namespace("torch.nn.modules.conv", convolution, _ConvNd=Filters),
        batchnorm=Namespace("torch.nn.modules.batchnorm", normalization, _BatchNorm=BatchNorm),
    ),
)
optimisers = Namespace(
    "torch.optim",
    optim,
    lr_scheduler=Namespace("torch.optim.lr_scheduler", lr_scheduler, _LRScheduler=lr_scheduler.LRScheduler),
    optimizer=Namespace("torch.optim.optimizer", Optimizer=optim.Optimizer, required=required),
    swa_utils=Namespace("torch.optim.swa_utils", optim.swa_utils),
)
utils = Namespace(
    "torch.utils",
    data=Namespace(
        "torch.utils.data",
        data,
        dataset=Namespace("torch.utils.data.dataset", data),
        dataloader=Namespace("torch.utils.data.dataloader", data),
        sampler=Namespace("torch.utils.data.sampler", data),
        distributed=Namespace(
            "torch.utils.data.distributed", DistributedSampler=refuse("torch.utils.data.distributed.DistributedSampler")
        ),
    ),
    checkpoint=Namespace("torch.utils.checkpoint", checkpoint=_checkpoint),
    hooks=Namespace("torch.utils.hooks", RemovableHandle=Handle),
    _pytree=Namespace("torch.utils._pytree", tree_map=map_leaves, tree_leaves=leaves),
)
linalg = Namespace(
    "torch.linalg",
    tl.linalg,
    **functions_with_out({name: getattr(tl.linalg, name) for name in tl.linalg.__all__}),
    multi_dot=functions.multi_dot,
    vander=lambda x, N=None: functions.vander(x, N, increasing=True),
    vecdot=functions.vecdot,
    inv_ex=lambda A: (tl.linalg.inv(A), tl.zeros(A.shape[:-2], dtype=tl.int32)),
    cholesky_ex=lambda A: (tl.linalg.cholesky(A), tl.zeros(A.shape[:-2], dtype=tl.int32)),
)
_SPECIAL = (
    *("digamma", "erf", "erfc", "erfinv", "exp2", "expm1", "log1p", "log_softmax", "logit", "logsumexp", "polygamma"),
    *("round", "sinc", "softmax", "xlogy"),
)
special = Namespace(
    "torch.special",
    expit=tl.sigmoid,
    gammaln=tl.lgamma,
    psi=tl.digamma,
    entr=functions.numbers.entr,
    erfcx=functions.erfcx,
    ndtr=functions.ndtr,
    **{name: getattr(tl, name) for name in _SPECIAL},
)
types = Namespace("torch.types", Number=(int, float, bool), Device=str)


class _Finder:
    """Answers an import of a module or name that is not here with a sentence."""

    def __init__(self, *roots: str) -> None:
        self.roots = roots

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if any(name == root or name.startswith(f"{root}.") for root in self.roots):
            known = [n for n in dir(sys.modules.get(name.rpartition(".")[0])) if n[0] != "_"]
            raise ImportError(sentence(name.removeprefix("nn."), known), name=name)


def install(torch: ModuleType) -> None:
    """Let `import torch` and `import torch.nn` in this process mean the modules that are here."""
    register("torch", torch)
    sys.meta_path.insert(0, _Finder("torch", "torchvision", "torchaudio", "torchtext", "functorch"))


def importable(package: ModuleType) -> None:
    """Let `import nn.torch.optim` mean the module that is here, or end with a sentence."""
    register(package.__name__, package)
    sys.meta_path.append(_Finder(package.__name__))  # the last to be asked


def register(name: str, module: ModuleType) -> None:
    """Let `import name` mean a module, and `import name.x` the module that its attribute x is."""
    sys.modules[name] = module
    for key, value in vars(module).items():
        if isinstance(value, Namespace):
            register(f"{name}.{key}", value)
