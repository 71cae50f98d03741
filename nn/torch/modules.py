"""The modules of torch: which names of this house stand under which of PyTorch's, and how a script imports them."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import func as transforms

from .. import convolution, data, functional, init, normalization, optim
from .. import utils as clipping
from ..convolution.conv import Filters
from ..module import Module, Parameter
from ..normalization.batch import BatchNorm
from ..optim import lr_scheduler
from ..stateless import functional_call
from .absent import Namespace, sentence
from .courtesies import parallel
from .loader import DataLoader, Dataset


def _package() -> ModuleType:
    """The package nn, which this one is a part of."""
    return sys.modules[__name__.rpartition(".torch")[0]]


def _checkpoint(function: Any, *inputs: Any, use_reentrant: Any = None, **options: Any) -> Any:
    """tl.checkpoint(function, *inputs)."""
    return tl.checkpoint(function, *inputs)


def _backward(
    tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False
) -> None:
    """Backward from each tensor in turn."""
    tensors = [tensors] if isinstance(tensors, tl.Tensor) else list(tensors)
    upstreams = [grad_tensors] if isinstance(grad_tensors, tl.Tensor) else grad_tensors or [None] * len(tensors)
    for i, (x, g) in enumerate(zip(tensors, upstreams, strict=True)):
        x.backward(g, retain_graph=retain_graph or create_graph or i < len(tensors) - 1, create_graph=create_graph)


def _at(transform: Any) -> Any:
    """A transform f -> g(*inputs) as torch.autograd.functional has it: (f, inputs) -> value."""

    def applied(function: Any, inputs: Any, **options: Any) -> Any:
        several = isinstance(inputs, tuple)
        given = inputs if several else (inputs,)
        return transform(function, tuple(range(len(given))) if several else 0)(*given)

    return applied


def _parameters_to_vector(parameters: Any) -> Any:
    """All elements of all parameters, as one vector."""
    return tl.cat([p.reshape(-1) for p in parameters])


def _vector_to_parameters(vec: Any, parameters: Any) -> None:
    """Copy the elements of a vector into the parameters."""
    end = 0
    for p in parameters:
        begin, end = end, end + p.numel()
        p.data = vec[begin:end].detach().reshape(p.shape).clone()


def _variable(data: Any, requires_grad: bool = False, volatile: bool = False) -> Any:
    """The tensor itself: Variable is PyTorch's old name for it."""
    return data.requires_grad_() if requires_grad else data


_convert = {"parameters_to_vector": _parameters_to_vector, "vector_to_parameters": _vector_to_parameters}


def _pad_sequence(
    sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: Any = "right"
) -> Any:
    """Sequences of different lengths as one Tensor: (longest, batch, ...), or (batch, longest, ...) if batch_first."""
    batch = data.pad_sequence(sequences, padding_value, padding_side)
    return batch if batch_first else batch.transpose(0, 1)


_rnn = Namespace("torch.nn.utils.rnn", pad_sequence=_pad_sequence)
_function = Namespace("torch.autograd.function", Function=transforms.Function)
_jacobians = {"jacobian": _at(transforms.jacobian), "hessian": _at(transforms.hessian)}

nn = Namespace(
    "torch.nn",
    _package(),
    functional=Namespace("torch.nn.functional", functional),
    init=Namespace("torch.nn.init", init),
    utils=Namespace("torch.nn.utils", clipping, rnn=_rnn, **_convert),
    parallel=parallel,
    DataParallel=parallel.DataParallel,
    parameter=Namespace("torch.nn.parameter", Parameter=Parameter),
    modules=Namespace(
        "torch.nn.modules",
        _package(),
        module=Namespace("torch.nn.modules.module", Module=Module),
        conv=Namespace("torch.nn.modules.conv", convolution, _ConvNd=Filters),
        batchnorm=Namespace("torch.nn.modules.batchnorm", normalization, _BatchNorm=BatchNorm),
    ),
)
optimisers = Namespace(
    "torch.optim",
    optim,
    lr_scheduler=Namespace("torch.optim.lr_scheduler", lr_scheduler),
    optimizer=Namespace("torch.optim.optimizer", Optimizer=optim.Optimizer),
)
_data: dict[str, Any] = {"DataLoader": DataLoader, "Dataset": Dataset}
utils = Namespace(
    "torch.utils",
    data=Namespace(
        "torch.utils.data",
        data,
        **_data,
        dataset=Namespace("torch.utils.data.dataset", data, **_data),
        dataloader=Namespace("torch.utils.data.dataloader", data, **_data),
        sampler=Namespace("torch.utils.data.sampler", data, **_data),
    ),
    checkpoint=Namespace("torch.utils.checkpoint", checkpoint=_checkpoint),
)
autograd = Namespace(
    "torch.autograd",
    grad=tl.grad,
    backward=_backward,
    Function=transforms.Function,
    Variable=_variable,
    function=_function,
    functional=Namespace("torch.autograd.functional", **_jacobians),
    gradcheck=tl.gradcheck,
    gradgradcheck=tl.gradgradcheck,
    detect_anomaly=tl.detect_anomaly,
    no_grad=tl.no_grad,
    enable_grad=tl.enable_grad,
    set_grad_enabled=tl.set_grad_enabled,
)
func = Namespace(
    "torch.func",
    transforms,
    functional_call=functional_call,
    jacrev=transforms.jacobian,
    jacfwd=transforms.jacobian,
)
random = Namespace(
    "torch.random", manual_seed=tl.manual_seed, get_rng_state=tl.get_rng_state, set_rng_state=tl.set_rng_state
)


class _Finder:
    """Answers an import of a module that is not here with a sentence."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] in ("torch", "torchvision", "torchaudio", "torchtext"):
            raise ImportError(sentence(name), name=name)


def install(torch: ModuleType) -> None:
    """Let `import torch` and `import torch.nn` in this process mean the modules that are here."""

    def register(name: str, module: ModuleType) -> None:
        sys.modules[name] = module
        for key, value in vars(module).items():
            if isinstance(value, Namespace):
                register(f"{name}.{key}", value)

    register("torch", torch)
    sys.meta_path.insert(0, _Finder())
