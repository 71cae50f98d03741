"""What a PyTorch script asks of its machine, and what this engine answers in one line.

Nothing here computes. Compilation, mixed precision and settings of a GPU are accepted and ignored.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing as processes
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any, Final

import tinygrad_lecture as tl
from tinygrad_lecture.backend import cuda_is_available, to_host
from tinygrad_lecture.errors import warn_once
from tinygrad_lecture.func.gradients import map_leaves
from tinygrad_lecture.random import default_generator

from .. import init
from ..module import Module
from .missing_names import add_module, members

__all__ = [
    "GradScaler", "autocast", "compile", "default_generator", "initial_seed", "manual_seed", "set_default_device",
]  # fmt: skip


def always(value: Any) -> Callable[..., Any]:
    """A function, or a method, that accepts all arguments and returns a value."""

    def function(*settings: Any, **options: Any) -> Any:
        return value

    function.__doc__ = f"{value}, whatever the arguments."
    return function


ignore, no = always(None), always(False)


def compile(model: Any = None, **options: Any) -> Any:
    """The model or function itself; also a decorator with options."""
    return (lambda function: function) if model is None else model


def set_default_device(device: Any) -> None:
    """Accept the CPU and "meta", whose layers are made on the CPU without drawing weights.

    Raises NotImplementedError for another device: what is made takes its device by `device=`.
    """
    kind = tl.device(device or "cpu").type
    if kind not in ("cpu", "meta"):
        raise NotImplementedError(f"tensors are made on the CPU by default; give each device={str(device)!r}")
    _undrawn.close()
    if kind == "meta":
        warn_once("torch.device('meta'): layers are made on the CPU, and their weights are any numbers until loaded")
        _undrawn.enter_context(init.skip())


_undrawn = contextlib.ExitStack()


class autocast(contextlib.ContextDecorator):
    """Context manager and decorator of mixed precision, which is off: everything keeps its dtype. It says so once."""

    def __init__(self, device_type: Any = None, dtype: Any = None, enabled: bool = True, **options: Any) -> None:
        self.enabled = enabled and device_type is not False  # torch.cuda.amp.autocast(False)

    def __enter__(self) -> autocast:
        if self.enabled:
            warn_once("autocast: there is no mixed precision here, and tensors keep their dtype; see x.half()")
        return self

    def __exit__(self, *error: object) -> None: ...


class GradScaler:
    """The scaler of mixed precision, which is off: the scale is 1."""

    unscale_ = update = load_state_dict = ignore
    get_scale, is_enabled = always(1.0), no

    def __init__(self, *settings: Any, **options: Any) -> None: ...

    def scale(self, outputs: Any) -> Any:
        """The outputs themselves."""
        return outputs

    def step(self, optimizer: Any, *args: Any, **settings: Any) -> Any:
        """optimizer.step()."""
        return optimizer.step(*args, **settings)

    def state_dict(self) -> dict[str, Any]:
        """Nothing."""
        return {}


add_module("amp", autocast=autocast, GradScaler=GradScaler)
add_module("backends")
_CUDNN = {"benchmark": False, "enabled": False, "allow_tf32": False, "deterministic": True}
add_module("backends.cudnn", is_available=no, version=ignore, **_CUDNN)
add_module("backends.cuda", is_built=no)
add_module("backends.cuda.matmul", allow_tf32=False)
for _name in ("mps", "mkl", "openmp"):
    add_module(f"backends.{_name}", is_available=no, is_built=no)
for _name, _count in (("mps", 0), ("xpu", 0), ("cpu", 1)):
    _answers = {"is_available": always(_count > 0), "device_count": always(_count)}
    add_module(_name, synchronize=ignore, empty_cache=ignore, **_answers)
_disable = {"disable": lambda fn=None, recursive=True: compile(fn)}
add_module("compiler", compile=compile, is_compiling=no, reset=ignore, **_disable)
add_module("_dynamo", allow_in_graph=compile, reset=ignore, **_disable)
add_module("version", cuda=None, hip=None, git_version="", __version__="2.0.0")


# --- the GPU --------------------------------------------------------------------------------------------


def _cupy(ask: Callable[[Any], Any]) -> Callable[..., Any]:
    """A function that asks CuPy, and answers 0 without a GPU or for None."""
    return lambda device=None: (ask(import_module("cupy")) or 0) if cuda_is_available() else 0


_GPU: dict[str, Callable[..., Any]] = {
    name: _cupy(ask)
    for name, ask in {
        "device_count": lambda cupy: cupy.cuda.runtime.getDeviceCount(),
        "current_device": lambda cupy: cupy.cuda.Device().id,
        "synchronize": lambda cupy: cupy.cuda.Device().synchronize(),
        "memory_allocated": lambda cupy: cupy.get_default_memory_pool().used_bytes(),
        "memory_reserved": lambda cupy: cupy.get_default_memory_pool().total_bytes(),
        "empty_cache": lambda cupy: (gc.collect(), cupy.get_default_memory_pool().free_all_blocks())[1],
        "get_device_name": lambda cupy: cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["name"].decode(),
    }.items()
}
synchronize = _GPU["synchronize"]

add_module(
    "cuda", **_GPU,
    is_available=cuda_is_available, is_initialized=cuda_is_available, set_device=ignore,
    get_device_capability=always((0, 0)), is_bf16_supported=no, manual_seed=tl.manual_seed,
    manual_seed_all=tl.manual_seed, reset_peak_memory_stats=ignore,
    max_memory_allocated=_GPU["memory_allocated"], max_memory_reserved=_GPU["memory_reserved"],
)  # fmt: skip
add_module("cuda.amp", autocast=autocast, GradScaler=GradScaler)
add_module(
    "accelerator", is_available=cuda_is_available, device_count=_GPU["device_count"], synchronize=synchronize,
    current_accelerator=lambda check_available=False: tl.device("cuda") if cuda_is_available() else None,
)  # fmt: skip


# --- one process ----------------------------------------------------------------------------------------


class DataParallel(Module):
    """A model on all GPUs of a machine, of which one is used here: the model under the name `module`."""

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        self.module = module

    def forward(self, *inputs: Any, **settings: Any) -> Any:
        """module(*inputs)."""
        return self.module(*inputs, **settings)


add_module("distributed", is_available=no, is_initialized=no, get_rank=always(0), get_world_size=always(1))
add_module("multiprocessing", processes)
add_module("onnx", is_in_onnx_export=no)
add_module("jit", is_scripting=no, is_tracing=no, Final=Final, ignore=compile, unused=compile, export=compile)


# --- looking on -----------------------------------------------------------------------------------------


class profile(tl.profile):
    """`tl.profile` under PyTorch's name; its settings change nothing, and `table` is its text."""

    def __init__(self, *settings: Any, **options: Any) -> None: ...

    def __enter__(self) -> Any:
        self.found = super().__enter__()
        return self

    start, stop = __enter__, lambda self: self.__exit__()

    step = ignore  # the whole block is measured

    def key_averages(self, *settings: Any, **options: Any) -> Any:
        """The profile itself."""
        return self

    def table(self, *settings: Any, **options: Any) -> str:
        """Calls and time of each op, the slowest first."""
        return str(self.found)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"profile.{name} is not here; there is table()")


class SummaryWriter(contextlib.AbstractContextManager["SummaryWriter"]):
    """tensorboardX's, which gets tensors as arrays. Without that package it writes nothing, and says so once."""

    def __init__(self, *settings: Any, **options: Any) -> None:
        self._writer: Any = None
        try:
            self._writer = import_module("tensorboardX").SummaryWriter(*settings, **options)
        except ImportError:
            warn_once("SummaryWriter writes nothing without the package tensorboardX: pip install tensorboardX")

    def add_graph(self, *inputs: Any, **options: Any) -> None:
        """Write nothing, and say so once."""
        warn_once("SummaryWriter.add_graph writes nothing here; tl.page draws what a tl.Graph() watches")

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._writer, name) if self._writer else ignore
        return member if not callable(member) else lambda *args, **named: member(*_as_arrays(args), **_as_arrays(named))

    def __exit__(self, *error: object) -> None:
        self.close()


def _as_arrays(values: Any) -> Any:
    return map_leaves(lambda x: to_host(x.detach().array) if isinstance(x, tl.Tensor) else x, values)


_ACTIVITIES, _nothing = SimpleNamespace(CPU="cpu", CUDA="cuda"), always(contextlib.nullcontext())
add_module("serialization", add_safe_globals=ignore, safe_globals=_nothing)  # `torch.load` makes no class of a file
profiler = add_module(
    "profiler", profile=profile, schedule=ignore, record_function=_nothing, ProfilerActivity=_ACTIVITIES
)


# --- random numbers -----------------------------------------------------------------------------------------

manual_seed, initial_seed = default_generator.manual_seed, default_generator.initial_seed


_GENERATOR = {name: globals()[name] for name in ("default_generator", "initial_seed", "manual_seed")}
add_module("random", **_GENERATOR, **members(tl, "get_rng_state set_rng_state"))
