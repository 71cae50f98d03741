"""What is not here, in sentences: what was asked for, why it is missing, and what to use instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from tinygrad_lecture.errors import alike, written_out

_REAL = "tensors here hold real numbers"
_PIVOTS = "no pivots are kept here; use torch.linalg.solve, inv, det, or cholesky"
_WHOLE_NAMES = {  # the last part of a name -> why it is not here, and what to use
    "H": f"{_REAL}; write x.T or x.mT",
    "mH": f"{_REAL}; write x.mT",
    "imag": f"{_REAL}; the imaginary part is 0",
    "__torch_function__": "functions do not ask their arguments; write functions of your own, or hold a tensor",
    **dict.fromkeys(("storage", "untyped_storage"), "a tensor has no storage; x.data_ptr() tells which share memory"),
    "set_": "a tensor is an array and has no storage; assign to x.data",
    "resize_as_": "a tensor keeps its number of elements; make a new one, or use reshape_as",
    "resize_": "a tensor keeps its number of elements; make a new one, or use reshape",
    "as_strided": "views are of slices and axes; use unfold, or an index of integers",
    **dict.fromkeys(("lu", "lu_factor", "lu_solve", "lu_unpack", "ldl_factor", "ldl_solve"), _PIVOTS),
    "matrix_exp": "it has no rule here; use scipy.linalg.expm on x.detach().numpy() where no gradient is needed",
    "cond": "the gradient of singular values is not here; use numpy.linalg.cond on x.detach().numpy()",
    "nested": "a tensor has one shape; torch.nn.utils.rnn.pad_sequence makes one of several sequences",
    "masked": "tensors have no mask of their own; use torch.where, masked_fill, or nansum and nanmean",
    "overrides": "functions do not ask their arguments; write functions of your own",
    "signal": "it needs fft; write a window with torch.cos",
    "storages": "a tensor is an array and has no storage",
    **dict.fromkeys(("contrib", "nativert", "numa", "serialization"), "it is of PyTorch's own machinery; leave it out"),
    "quasirandom": "numbers here are pseudorandom; draw with torch.rand",
    "package": "Python's own packages serve; save weights with nn.weights.save_file",
    "library": "an op here is a function with a rule; write it with tl.op or torch.autograd.Function",
    "model_zoo": "nothing is downloaded here; load weights with nn.weights.load_file",
    "cpp_extension": "ops here are written in Python; write it with torch.autograd.Function",
    "bottleneck": "Python's own serves; use cProfile",
    "mobile_optimizer": "there is no exporter here; save the weights with nn.weights.save_file",
}

# the beginning or the end of the last part of a name, or the whole of any part -> why it is not here, and what to use
REASONS = {
    "distributed": "one process trains here; remove the calls, or use PyTorch",
    "DistributedDataParallel": "one process trains here; use the model itself",
    "multiprocessing": "one process trains here; use Python's multiprocessing for other work",
    **dict.fromkeys(("quantization", "quantize", "ao"), "numbers here are floats; train with float32, or use PyTorch"),
    "jit": "Python runs the model here; remove torch.jit and call the function itself",
    "fx": "Python runs the model here; tl.Graph() shows what it computes",
    **dict.fromkeys(("onnx", "export"), "there is no exporter here; save the weights with nn.weights.save_file"),
    "sparse": "tensors here are dense; use dense ones, and nn.Embedding for rows of a table",
    **dict.fromkeys(("complex", "cfloat", "cdouble"), f"{_REAL}; keep real and imaginary part in two tensors"),
    "polar": f"{_REAL}; use cos and sin",
    "distributions": "there are Categorical, Normal and Bernoulli; draw with torch.rand, and write log_prob out",
    **dict.fromkeys(
        ("fft", "stft"), "it needs complex numbers; without gradients, use numpy.fft on x.detach().numpy()"
    ),
    "float8": "numbers here have 16, 32 or 64 bits; use torch.float16 or torch.float32",
    "window": "it is for fft; write it with torch.cos",
    **dict.fromkeys(("dynamo", "inductor"), "Python runs the model here; remove torch.compile's settings"),
    "mtia": "arrays are on the CPU or, with CuPy, on an NVIDIA GPU",
    "futures": "one process trains here; use Python's concurrent.futures for other work",
    "monitor": "Python's own serves; use logging",
    "svd": "its gradient is not defined for equal singular values; use numpy.linalg.svd on x.detach().numpy()",
    "pca": "it needs svd; use numpy.linalg.svd on x.detach().numpy()",
    "eigvalsh": "its gradient is not here; use numpy.linalg.eigvalsh on x.detach().numpy()",
    "eigh": "its gradient is not defined for equal eigenvalues; use numpy.linalg.eigh on x.detach().numpy()",
    "eig": f"{_REAL}; use numpy.linalg.eig on x.detach().numpy()",
    "ctc": "it sums over all alignments of outputs with a shorter text; use PyTorch for it",
    "ctcloss": "it sums over all alignments of outputs with a shorter text; use PyTorch for it",
    "3d": "layers here are of 1 and 2 dimensions; use the 2d layer for each slice, or PyTorch",
    "grid_sample": "images are resized evenly here, with F.interpolate",
    "MaxUnpool1d": "write torch.zeros(size).scatter(-1, indices, x)",
    "MaxUnpool2d": "write torch.zeros(size).flatten(-2).scatter(-1, indices.flatten(-2), x.flatten(-2)).reshape(size)",
    "torchvision": "it has data sets and models, not an engine; read your data with NumPy and give it to TensorDataset",
    "torchaudio": "it has data sets and models, not an engine; read your data with NumPy and give it to TensorDataset",
    "torchtext": "it has data sets and models, not an engine; read your data with NumPy and give it to TensorDataset",
    "tensorboard": "there is SummaryWriter, which writes by the package tensorboardX",
    "profiler": "Python's own serves; use cProfile, or tl.profile() for the time of each op",
    "hub": "nothing is downloaded here; load weights with nn.weights.load_file",
}


def sentence(name: str, known: Iterable[str] = ()) -> str:
    """Why `name`, such as "torch.fft", is not here and what to use; if there is no reason, names like it."""
    last = name.rpartition(".")[2]
    if last in _WHOLE_NAMES:
        return f"{name} is not here, because {_WHOLE_NAMES[last]}"
    if (formula := written_out(last)) is not None:
        return f"{name} is not here, because few programs call it; use {formula.replace('tl.', 'torch.')}"
    words = re.split(r"[._]", name.lower())
    for part, reason in REASONS.items():
        key = part.lower()
        telling = len(key) > 2 or key[0].isdigit()  # a short key may end other names by chance
        if key in words or (telling and (last.lower().startswith(key) or last.lower().endswith(key))):
            return f"{name} is not here, because {reason}"
    names = alike(last, known)
    remedy = (
        f"; names like it are {', '.join(names)}" if names else "; write it with the functions that are, or use PyTorch"
    )
    return f"{name} is not here{remedy}"


def absent(module: str, names: Callable[[], Iterable[str]]) -> Callable[[str], Any]:
    """The `__getattr__` of a module: raises AttributeError with a sentence. names: gives what the module has."""

    def __getattr__(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        raise AttributeError(sentence(f"{module}.{name}", [n for n in names() if n[0] != "_"]))

    return __getattr__


class Namespace(ModuleType):
    """A module of PyTorch's name, with the public names of modules that are here and some more."""

    def __init__(self, name: str, *sources: Any, **more: Any) -> None:
        super().__init__(name, sources[0].__doc__ if sources else None)
        self.__path__: list[str] = []  # so that `import torch.nn.x` asks the finder, which has a sentence
        for source in sources:
            public = getattr(source, "__all__", None) or [n for n in vars(source) if n[0] != "_" and n != "annotations"]
            vars(self).update({n: getattr(source, n) for n in public})
        vars(self).update(more)
        vars(self)["__getattr__"] = absent(name, lambda: vars(self))


MODULES: dict[str, Namespace] = {}  # path below torch -> module; __init__.py shows those without a dot


# what a script may import for other machines or other uses: to call what is not here of it is refused then
REFUSING = (
    *("distributed", "hub", "fx", "jit", "multiprocessing", "onnx", "profiler", "export", "ao", "quantization"),
    *("nn.parallel", "_dynamo", "_inductor", "utils.cpp_extension", "utils.data.distributed", "utils.model_zoo"),
)


def at(path: str, *sources: Any, **more: Any) -> Namespace:
    """A new module at a dotted path below torch, "nn.utils.rnn", also as an attribute of the one it is in."""
    kind = Refusing if path in REFUSING else Namespace
    made = MODULES[path] = kind(f"torch.{path}", *sources, **more)
    parent, _, name = path.rpartition(".")
    if parent:
        setattr(MODULES[parent], name, made)
    return made


def pick(source: Any, names: str) -> dict[str, Any]:
    """Some members of a module by name; names: with spaces between."""
    return {name: getattr(source, name) for name in names.split()}


class Refusing(Namespace):
    """A module that a script may import, with any names from it: to call one of those that are not here is refused."""

    def __init__(self, name: str, *sources: Any, **more: Any) -> None:
        super().__init__(name, *sources, **more)
        vars(self)["__getattr__"] = lambda key: refused(f"{name}.{key}", key)


def refused(name: str, key: str) -> Any:
    """A class of this name that raises NotImplementedError when it is called; nothing is its instance."""
    if key.startswith("__"):
        raise AttributeError(f"no attribute {key!r}")

    def __new__(cls: type, *args: Any, **settings: Any) -> Any:
        raise NotImplementedError(sentence(name))

    return type(key, (), {"__new__": __new__})
