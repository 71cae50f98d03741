"""The modules of torch: which names of this library stand under which of PyTorch's, and how a script imports them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture.autograd.hooks import Handle
from tinygrad_lecture.func.function import Function
from tinygrad_lecture.func.gradients import leaves, map_leaves, with_leaves

from .. import data, functional, init, optim, utils
from ..layers import images, normalization
from ..layers.images import Filters
from ..layers.normalization import BatchNorm
from ..module import Buffer, Module, Parameter
from ..module_calls import functional_call
from ..optim import lr_scheduler
from . import derivatives, distributions, layers
from .machine import DataParallel, SummaryWriter, profiler
from .missing_names import REFUSING, Namespace, add_module, members, sentence


def _package() -> ModuleType:
    """The package nn, which this one is a part of."""
    return sys.modules[__name__.rpartition(".torch")[0]]


def _repeated(n: int) -> Any:
    """A function that returns n times a number as a tuple; a list of numbers becomes a tuple."""
    return lambda x: tuple(x) if isinstance(x, Iterable) else (x,) * n


_layers = layers.LAYERS
_FILES = ".activation .container .dropout .flatten .linear .loss .normalization .pooling .rnn .sparse .transformer"
_OLD_INITS = "constant kaiming_normal kaiming_uniform normal orthogonal uniform xavier_normal xavier_uniform"

nn = add_module("nn", _package(), DataParallel=DataParallel, **_layers)
add_module("nn.parallel", DataParallel=DataParallel)
add_module("nn.functional", functional, **layers.FUNCTIONS, **layers.LOSSES)
add_module(
    "nn.init", init,
    _calculate_fan_in_and_fan_out=init.fans,
    _calculate_correct_fan=lambda tensor, mode: init.fans(tensor)[mode == "fan_out"],
    **{name: getattr(init, f"{name}_") for name in _OLD_INITS.split()},
)  # fmt: skip
for _name in ("utils", "utils.clip_grad", "utils.convert_parameters"):
    add_module(f"nn.{_name}", utils)
add_module("nn.utils.rnn", utils.rnn, **layers.PACKED)
add_module("nn.utils.parametrizations", weight_norm=utils.weight_norm)
add_module("nn.utils.stateless", functional_call=functional_call)
add_module("nn.parameter", Parameter=Parameter, Buffer=Buffer)
for _name in ("", *_FILES.split()):
    add_module(f"nn.modules{_name}", _package(), **_layers)
add_module("nn.modules.module", Module=Module)
add_module("nn.modules.utils", _single=_repeated(1), _pair=_repeated(2), _triple=_repeated(3), _quadruple=_repeated(4))
add_module("nn.modules.conv", images, _ConvNd=Filters)
add_module("nn.modules.batchnorm", normalization, _BatchNorm=BatchNorm)
add_module("optim", optim)
add_module("optim.lr_scheduler", lr_scheduler, _LRScheduler=lr_scheduler.LRScheduler)
add_module("optim.optimizer", Optimizer=optim.Optimizer, ParamsT=Iterable[Any], required=inspect.Parameter.empty)
for _name in ("", ".bernoulli", ".categorical", ".distribution", ".kl", ".normal"):
    add_module(f"distributions{_name}", distributions)
add_module("utils")
add_module("utils.data", data, get_worker_info=lambda: None)
for _name in ("dataset", "dataloader", "sampler"):
    add_module(f"utils.data.{_name}", data)
add_module("utils.tensorboard", SummaryWriter=SummaryWriter)
add_module(
    "utils.checkpoint", checkpoint=lambda function, *inputs, **options: tl.checkpoint(function, *inputs),
    checkpoint_sequential=derivatives.checkpoint_sequential,
)  # fmt: skip
add_module("utils.hooks", RemovableHandle=Handle)
add_module(
    "utils._pytree", tree_map=map_leaves, tree_leaves=leaves,
    tree_flatten=lambda tree: (leaves(tree), map_leaves(lambda leaf: None, tree)),
    tree_unflatten=lambda leaves, treespec: with_leaves(treespec, leaves),
)  # fmt: skip
add_module("linalg", tl.linalg)
add_module("special", expit=tl.sigmoid, **members(tl, "erf expm1 log1p log_softmax logsumexp round softmax"))
_MODES = "no_grad enable_grad set_grad_enabled"
add_module(
    "autograd",
    grad=tl.grad, Function=Function, Variable=derivatives.variable, profiler=profiler,
    **members(derivatives, "gradcheck gradgradcheck set_detect_anomaly detect_anomaly inference_mode"),
    **members(tl, _MODES),
)  # fmt: skip
add_module("autograd.function", Function=Function, once_differentiable=derivatives.once_differentiable)
add_module("autograd.functional", **members(derivatives, "jacobian hessian"))
add_module("autograd.grad_mode", **members(tl, _MODES))
add_module(
    "func", tl.func, functional_call=functional_call,
    jacrev=tl.func.jacobian, jacfwd=tl.func.jacobian, grad_and_value=derivatives.grad_and_value,
)  # fmt: skip
add_module("testing", assert_close=derivatives.assert_close)
add_module("types", Number=(int, float, bool), Device=str)

DOMAINS = ("torchvision", "torchaudio", "torchtext")  # packages beside PyTorch, which need PyTorch itself


class _Finder:
    """Answers an import of a module below a root that is not here with a module that refuses, or with a sentence."""

    def __init__(self, *roots: str) -> None:
        self.roots = roots

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        root = next((root for root in self.roots if f"{name}.".startswith(f"{root}.")), None)
        if root is None:
            return None
        if f"{name.removeprefix(root)}.".startswith(tuple(f".{refusing}." for refusing in REFUSING)):
            return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]
        known = [n for n in dir(sys.modules.get(name.rpartition(".")[0])) if n[0] != "_"]
        raise ImportError(sentence(name.removeprefix("nn."), known), name=name)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Namespace(spec.name.removeprefix("nn."), refusing=True)

    def exec_module(self, module: ModuleType) -> None: ...


def install(torch: ModuleType) -> None:
    """Let `import torch` and `import torch.nn` in this process mean the modules that are here."""
    register("torch", torch)
    register("functorch", torch.func)
    sys.meta_path[:0] = [_Finder("torch", "functorch", *DOMAINS)]


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
