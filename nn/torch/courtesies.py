"""Courtesies: what a PyTorch script asks of its machine, and what this engine answers in one line.

Nothing here computes. Compilation, mixed precision and settings of a GPU are accepted and change nothing.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import time
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture.backend import cuda_is_available, to_host
from tinygrad_lecture.errors.users_line import warn_once
from tinygrad_lecture.func.trees import map_leaves

from ..module import Module
from .absent import Namespace, Refusing


def compile(model: Any = None, **options: Any) -> Any:
    """The model or function itself; also a decorator with options."""
    return (lambda function: function) if model is None else model


def accept(*settings: Any, **options: Any) -> None:
    """Accept a setting that changes nothing here."""


class autocast(contextlib.ContextDecorator):
    """Context manager and decorator of mixed precision, which is off: everything keeps its dtype. It says so once."""

    def __init__(self, device_type: Any = None, dtype: Any = None, enabled: bool = True, **options: Any) -> None:
        self.enabled = enabled

    def __enter__(self) -> autocast:
        if self.enabled:
            warn_once("autocast: there is no mixed precision here, and tensors keep their dtype; see x.half()")
        return self

    def __exit__(self, *error: object) -> None: ...


class GradScaler:
    """The scaler of mixed precision, which is off: the scale is 1."""

    def __init__(self, *settings: Any, **options: Any) -> None: ...

    def scale(self, outputs: Any) -> Any:
        """The outputs themselves."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Do nothing: gradients were not scaled."""

    def step(self, optimizer: Any, *args: Any, **settings: Any) -> Any:
        """optimizer.step()."""
        return optimizer.step(*args, **settings)

    def update(self, new_scale: float | None = None) -> None:
        """Do nothing: the scale stays 1."""

    def get_scale(self) -> float:
        """1."""
        return 1.0

    def is_enabled(self) -> bool:
        """False."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Do nothing."""


amp = Namespace("torch.amp", autocast=autocast, GradScaler=GradScaler)
_matmul = Namespace("torch.backends.cuda.matmul", allow_tf32=False)
backends = Namespace(
    "torch.backends",
    cudnn=Namespace(
        "torch.backends.cudnn",
        benchmark=False,
        deterministic=True,
        enabled=False,
        allow_tf32=False,
        is_available=lambda: False,
        version=lambda: None,
    ),
    cuda=Namespace("torch.backends.cuda", matmul=_matmul, is_built=lambda: False),
    mps=Namespace("torch.backends.mps", is_available=lambda: False, is_built=lambda: False),
    mkl=Namespace("torch.backends.mkl", is_available=lambda: False),
    openmp=Namespace("torch.backends.openmp", is_available=lambda: False),
)
_NOT_HERE = {"is_available": lambda: False, "device_count": lambda: 0, "synchronize": accept, "empty_cache": accept}
mps, xpu = Namespace("torch.mps", **_NOT_HERE), Namespace("torch.xpu", **_NOT_HERE)
cpu = Namespace("torch.cpu", **{**_NOT_HERE, "is_available": lambda: True, "device_count": lambda: 1})
compiler = Namespace(
    "torch.compiler",
    compile=compile,
    disable=lambda fn=None, recursive=True: (lambda function: function) if fn is None else fn,
    is_compiling=lambda: False,
    reset=accept,
)
version = Namespace("torch.version", cuda=None, hip=None, git_version="", __version__="2.0.0")


# --- the GPU --------------------------------------------------------------------------------------------


def _cupy(ask: Callable[[Any], int]) -> Callable[..., int]:
    """A function that asks CuPy for a number, and answers 0 without a GPU."""

    def answer(device: Any = None) -> int:
        if not cuda_is_available():
            return 0
        return ask(import_module("cupy"))

    return answer


def _name_of_gpu(cupy: Any) -> Any:
    return cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["name"].decode()


class Event:
    """A moment, for measuring how long something took: start.record(), ..., end.record(), start.elapsed_time(end)."""

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False) -> None:
        self.time = 0.0

    def record(self, stream: Any = None) -> None:
        """Remember the present moment."""
        synchronize()
        self.time = time.perf_counter()

    def elapsed_time(self, end_event: Event) -> float:
        """The milliseconds until another event."""
        return 1000 * (end_event.time - self.time)

    def synchronize(self) -> None:
        """Wait for the GPU."""
        synchronize()

    wait = synchronize

    def query(self) -> bool:
        """True: what was recorded has happened."""
        return True


device_count = _cupy(lambda cupy: int(cupy.cuda.runtime.getDeviceCount()))
synchronize = _cupy(lambda cupy: cupy.cuda.Device().synchronize() or 0)
memory_allocated = _cupy(lambda cupy: int(cupy.get_default_memory_pool().used_bytes()))
memory_reserved = _cupy(lambda cupy: int(cupy.get_default_memory_pool().total_bytes()))
empty_cache = _cupy(lambda cupy: gc.collect() * 0 + (cupy.get_default_memory_pool().free_all_blocks() or 0))
current_device = _cupy(lambda cupy: int(cupy.cuda.Device().id))

cuda = Namespace(
    "torch.cuda",
    is_available=cuda_is_available,
    device_count=device_count,
    current_device=current_device,
    get_device_name=lambda device=None: str(_cupy(_name_of_gpu)(device)),
    get_device_capability=lambda device=None: (0, 0),
    is_bf16_supported=lambda: False,
    is_initialized=cuda_is_available,
    manual_seed=tl.manual_seed,
    manual_seed_all=tl.manual_seed,
    set_device=accept,
    synchronize=synchronize,
    empty_cache=empty_cache,
    memory_allocated=memory_allocated,
    max_memory_allocated=memory_allocated,
    memory_reserved=memory_reserved,
    max_memory_reserved=memory_reserved,
    reset_peak_memory_stats=accept,
    amp=Namespace("torch.cuda.amp", autocast=autocast, GradScaler=GradScaler),
    Event=Event,
)


accelerator = Namespace(
    "torch.accelerator",
    is_available=cuda_is_available,
    current_accelerator=lambda check_available=False: tl.device("cuda") if cuda_is_available() else None,
    device_count=device_count,
    synchronize=synchronize,
)


# --- one process ----------------------------------------------------------------------------------------


class DataParallel(Module):
    """A model on all GPUs of a machine, of which one is used here: the model under the name `module`."""

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        self.module = module

    def forward(self, *inputs: Any, **settings: Any) -> Any:
        """module(*inputs)."""
        return self.module(*inputs, **settings)


distributed = Refusing(
    "torch.distributed",
    is_available=lambda: False,
    is_initialized=lambda: False,
    get_rank=lambda group=None: 0,
    get_world_size=lambda group=None: 1,
)
parallel = Refusing("torch.nn.parallel", DataParallel=DataParallel)
processes = Refusing("torch.multiprocessing", multiprocessing)
jit = Refusing("torch.jit", is_scripting=lambda: False, is_tracing=lambda: False)


# --- looking on -----------------------------------------------------------------------------------------


class profile(tl.profile):
    """`tl.profile` under PyTorch's name; its settings change nothing, and `table` is `Profile.table`."""

    def __init__(self, *settings: Any, **options: Any) -> None: ...

    def __enter__(self) -> Any:
        self.found = super().__enter__()
        return self

    start, stop = __enter__, lambda self: self.__exit__()

    def step(self) -> None:
        """Do nothing: the whole block is measured."""

    def key_averages(self, *settings: Any, **options: Any) -> Any:
        """The profile itself."""
        return self

    def table(self, *settings: Any, **options: Any) -> str:
        """Calls, time and bytes of each op, the slowest first."""
        return str(self.found.table())

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"profile.{name} is not here; there is table(), and tl.profile() has a page() to look at")


class SummaryWriter:
    """tensorboardX's, which gets tensors as arrays. Without that package it writes nothing, and says so once."""

    def __init__(self, *settings: Any, **options: Any) -> None:
        self._writer: Any = None
        try:
            self._writer = import_module("tensorboardX").SummaryWriter(*settings, **options)
        except ImportError:
            warn_once("SummaryWriter writes nothing without the package tensorboardX: pip install tensorboardX")

    def add_graph(self, *inputs: Any, **options: Any) -> None:
        """Write nothing, and say so once."""
        warn_once("SummaryWriter.add_graph writes nothing here; tl.page(loss, path) draws the graph of a loss")

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._writer, name) if self._writer else accept
        return member if not callable(member) else lambda *args, **named: member(*_as_arrays(args), **_as_arrays(named))

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _as_arrays(values: Any) -> Any:
    return map_leaves(lambda x: to_host(x.detach().array) if isinstance(x, tl.Tensor) else x, values)


profiler = Refusing(
    "torch.profiler",
    profile=profile,
    record_function=lambda name, args=None: contextlib.nullcontext(),
    ProfilerActivity=SimpleNamespace(CPU="cpu", CUDA="cuda"),
    schedule=accept,
)
