"""Names of PyTorch that are not here, in sentences: what was asked for, why it is missing, and what to use instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from tinygrad_lecture.errors import alike, written_out

# why names are not here and what to use -> these names, each the last part of a dotted one
_WHOLE_NAMES = {
    "tensors here hold real numbers; write x.T or x.mT": "H mH",
    "tensors here hold real numbers; the imaginary part is 0": "imag isreal",
    "functions do not ask their arguments; write your own functions, or hold a tensor": "__torch_function__ overrides",
    "a tensor has no storage; x.data_ptr() tells which share memory": "storage untyped_storage storages storage_offset",
    "a tensor is an array and has no storage; assign to x.data": "set_",
    "a tensor keeps its number of elements; make a new one, or use reshape": "resize_ resize_as_",
    "views are of slices and axes; use unfold, or an index of integers": "as_strided",
    "no pivots are kept here; use torch.linalg.solve, inv, det, or cholesky": (
        "lu lu_factor lu_solve lu_unpack ldl_factor ldl_solve"
    ),
    "it has no rule here; use scipy.linalg.expm on x.detach().numpy() where no gradient is needed": "matrix_exp",
    "the gradient of singular values is not here; use numpy.linalg.cond on x.detach().numpy()": "cond",
    "a tensor has one shape; torch.nn.utils.rnn.pad_sequence makes one of several sequences": "nested",
    "tensors have no mask of their own; use torch.where, masked_fill, or nansum and nanmean": "masked",
    "it needs fft; write a window with torch.cos": "signal",
    "it is of PyTorch's own machinery; leave it out": "contrib nativert numa",
    "numbers here are pseudorandom; draw with torch.rand": "quasirandom",
    "few programs draw it; write it with x.uniform_() or x.normal_()": "geometric_ cauchy_ log_normal_",
    "few programs call it; use torch.erfc(x) * torch.exp(x * x)": "erfcx",
    "few programs call it; clone x, and assign to a part of it": "select_scatter slice_scatter diagonal_scatter",
    "few programs call it; use x * (maxnorm / x.norm(p, dims, True)).clamp(max=1)": "renorm renorm_",
    "few programs call it; use x.sum(axes, keepdim=True).reshape(size)": "sum_to_size",
    "few programs call it; use scatter_reduce_, with the index expanded": "index_reduce_",
    "few programs call it; use torch.where(x >= 0, x, x * torch.empty_like(x).uniform_(lower, upper))": "rrelu RReLU",
    "few programs call it; use x.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)": (
        "channel_shuffle ChannelShuffle"
    ),
    "few programs call it; use torch.softmax(x, -3)": "Softmax2d",
    "few programs call it; use x.tensor_split(n, axis)": "hsplit vsplit dsplit",
    "few programs call it; use x[torch.tensor(list(itertools.combinations(range(len(x)), 2)))]": "combinations",
    "few programs call it; use x[:, None] ** torch.arange(n).flip(0)": "vander",
    "few programs call it; use torch.cdist(x, x)[tuple(torch.triu_indices(n, n, 1))]": "pdist",
    "few programs call it; use -torch.xlogy(x, x)": "entr",
    "few programs call it; use x.index_put((i,), values), or scatter": "put put_",
    "it is out of use; write torch.arange(start, end + step, step)": "range",
    "few programs call it; use x.amin(dim) and x.amax(dim)": "aminmax",
    "few programs call it; use torch.stack(torch.meshgrid(*vectors), -1).flatten(0, -2)": "cartesian_prod",
    "few programs call it; use x[mask] = source.flatten()[: mask.sum()]": "masked_scatter masked_scatter_",
    "few programs call it; use x.std(dim) or x.var(dim), and x.mean(dim)": "std_mean var_mean",
    "it is out of use; write torch.nn.functional.interpolate": "upsample",
    "it is out of use; write torch.set_default_dtype(torch.float64)": "set_default_tensor_type",
    "few programs call it; use torch.tensor(numpy.frombuffer(buffer, dtype))": "frombuffer",
    "few programs call it; use numpy.gcd or numpy.lcm of x.numpy()": "gcd lcm gcd_ lcm_",
    "few programs call it; use torch.tensor": "scalar_tensor",
    "it is out of use; write assert_close": "assert_allclose",
    "a Python call for each number is slow; use functions of tensors": "apply_ map_",
    "Python's own packages serve; save weights with nn.weights.save_file": "package",
    "an op here is a function with a rule; write it with tl.op or torch.autograd.Function": "library cpp_extension",
    "nothing is downloaded here; load weights with nn.weights.load_file": "model_zoo",
    "Python's own serves; use cProfile": "bottleneck",
    "there is no exporter here; save the weights with nn.weights.save_file": "mobile_optimizer",
}

# the same, for the beginning or the end of the last part of a name, or the whole of any part
_PARTS = {
    "one process trains here; use the model itself": "DistributedDataParallel",
    "one process trains here; remove the calls, or use PyTorch": "distributed",
    "one process trains here; use Python's multiprocessing for other work": "multiprocessing",
    "one process trains here; use Python's concurrent.futures for other work": "futures",
    "numbers here are floats; train with float32, or use PyTorch": "quantization quantize ao",
    "Python runs the model here; remove torch.jit and call the function itself": "jit",
    "Python runs the model here; tl.Graph() shows what it computes": "fx",
    "Python runs the model here; remove torch.compile's settings": "dynamo inductor",
    "there is no exporter here; save the weights with nn.weights.save_file": "onnx export",
    "tensors here are dense; use dense ones, and nn.Embedding for rows of a table": "sparse",
    "tensors here hold real numbers; keep real and imaginary part in two tensors": "complex cfloat cdouble",
    "tensors here hold real numbers; use cos and sin": "polar",
    "there are Categorical, Normal and Bernoulli; draw with torch.rand, and write log_prob out": "distributions",
    "it needs complex numbers; without gradients, use numpy.fft on x.detach().numpy()": "fft stft",
    "numbers here have 16, 32 or 64 bits; use torch.float16 or torch.float32": "float8",
    "it is for fft; write it with torch.cos": "window",
    "arrays are on the CPU or, with CuPy, on an NVIDIA GPU": "mtia",
    "Python's own serves; use logging": "monitor",
    "its gradient is not defined for equal singular values; use numpy.linalg.svd on x.detach().numpy()": "svd pca",
    "its gradient is not here; use numpy.linalg.eigvalsh on x.detach().numpy()": "eigvalsh",
    "its gradient is not defined for equal eigenvalues; use numpy.linalg.eigh on x.detach().numpy()": "eigh",
    "tensors here hold real numbers; use numpy.linalg.eig on x.detach().numpy()": "eig",
    "it sums over all alignments of outputs with a shorter text; use PyTorch for it": "ctc ctcloss",
    "layers here are of 1 and 2 dimensions; use the 2d layer for each slice, or PyTorch": "3d",
    "images are resized evenly here, with F.interpolate": "grid_sample",
    "write torch.zeros(size).scatter(-1, indices, x)": "MaxUnpool1d",
    "write torch.zeros(size).flatten(-2).scatter(-1, indices.flatten(-2), x.flatten(-2)).reshape(size)": "MaxUnpool2d",
    "it has data sets and models, not an engine; read your data with NumPy and give it to TensorDataset": (
        "torchvision torchaudio torchtext"
    ),
    "there is SummaryWriter, which writes by the package tensorboardX": "tensorboard",
    "nothing is downloaded here; load weights with nn.weights.load_file": "hub",
    "Python's own serves; use cProfile, or tl.profile() for the time of each op": "profiler",
}


def _reasons(table: dict[str, str]) -> dict[str, str]:
    """A name -> why it is not here."""
    return {name: reason for reason, names in table.items() for name in names.split()}


_OF_NAMES, _OF_PARTS = _reasons(_WHOLE_NAMES), _reasons(_PARTS)


def sentence(name: str, known: Iterable[str] = ()) -> str:
    """Why `name`, such as "torch.fft", is not here and what to use; if there is no reason, names like it."""
    last = name.rpartition(".")[2]
    if last in _OF_NAMES:
        return f"{name} is not here, because {_OF_NAMES[last]}"
    if (formula := written_out(last)) is not None:
        return f"{name} is not here, because few programs call it; use {formula.replace('tl.', 'torch.')}"
    words = re.split(r"[._]", name.lower())
    for part, reason in _OF_PARTS.items():
        key = part.lower()
        telling = len(key) > 2 or key[0].isdigit()  # a short key may end other names by chance
        if key in words or (telling and (last.lower().startswith(key) or last.lower().endswith(key))):
            return f"{name} is not here, because {reason}"
    names = alike(last, known)
    remedy = (
        f"; names like it are {', '.join(names)}" if names else "; write it with the functions that are, or use PyTorch"
    )
    return f"{name} is not here{remedy}"


def getattr_of(module: str, names: Callable[[], Iterable[str]]) -> Callable[[str], Any]:
    """The `__getattr__` of a module: raises AttributeError with a sentence. names: gives what the module has."""

    def __getattr__(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        raise AttributeError(sentence(f"{module}.{name}", [n for n in names() if n[0] != "_"]))

    return __getattr__


class Namespace(ModuleType):
    """A module of PyTorch's name, with the public names of modules that are here and some more.

    refusing: a script may import any other name from it too; to call what has that name is refused then.
    """

    def __init__(self, name: str, *sources: Any, refusing: bool = False, **more: Any) -> None:
        super().__init__(name, sources[0].__doc__ if sources else None)
        self.__path__: list[str] = []  # so that `import torch.nn.x` asks the finder, which has a sentence
        for source in sources:
            public = getattr(source, "__all__", None) or [n for n in vars(source) if n[0] != "_" and n != "annotations"]
            vars(self).update({n: getattr(source, n) for n in public})
        vars(self).update(more)
        missing = getattr_of(name, lambda: vars(self))
        vars(self)["__getattr__"] = (lambda key: refused(f"{name}.{key}", key)) if refusing else missing


MODULES: dict[str, Namespace] = {}  # path below torch -> module; __init__.py shows those without a dot


# what a script may import for other machines or other uses: to call what is not here of it is refused then
REFUSING = (
    *("distributed", "hub", "fx", "jit", "multiprocessing", "onnx", "profiler", "export", "ao", "quantization"),
    *("nn.parallel", "_dynamo", "_inductor", "utils.cpp_extension", "utils.data.distributed", "utils.model_zoo"),
)


def add_module(path: str, *sources: Any, **more: Any) -> Namespace:
    """A new module at a dotted path below torch, "nn.utils.rnn", also as an attribute of the one it is in."""
    made = MODULES[path] = Namespace(f"torch.{path}", *sources, refusing=path in REFUSING, **more)
    parent, _, name = path.rpartition(".")
    if parent:
        setattr(MODULES[parent], name, made)
    return made


def members(source: Any, names: str) -> dict[str, Any]:
    """Some members of a module by name; names: with spaces between."""
    return {name: getattr(source, name) for name in names.split()}


def refused(name: str, key: str) -> Any:
    """A class of this name that raises NotImplementedError when it is called; nothing is its instance."""
    if key.startswith("__"):
        raise AttributeError(f"no attribute {key!r}")

    def __new__(cls: type, *args: Any, **settings: Any) -> Any:
        raise NotImplementedError(sentence(name))

    return type(key, (), {"__new__": __new__})
