"""Functions that PyTorch has beside those of the engine, and how they become methods of Tensors.

The engine has what a textbook names. A function whose first argument is called `input` is a method of Tensors as well,
as in PyTorch: `give_methods` adds them to the class when `nn.torch` is imported, so that the engine need not have them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, ops
from tinygrad_lecture.errors import TensorError
from tinygrad_lecture.in_place import in_place
from tinygrad_lecture.ops import linalg
from tinygrad_lecture.ops.composite import composite
from tinygrad_lecture.ops.elementwise import scaled
from tinygrad_lecture.ops.shape import normal_axes
from tinygrad_lecture.pytorch_methods import cast

from ..layers import images
from .dtypes import BY_NAME, TENSOR_KINDS, new_tensor, strided
from .missing_names import Refused, reasons

# --- other names, and formulas of one line ------------------------------------------------------------------


def _product(name: str, a: Any, b: Any, axes: int) -> Any:
    """The product of a matrix and a tensor of so many axes. Raises TensorError for other numbers of axes."""
    if (a.ndim, b.ndim) != (2, axes):
        kind = {1: "a vector", 2: "a matrix"}[axes]
        raise TensorError(f"{name}: needs a matrix and {kind}, not shapes {a.shape} and {b.shape}; see matmul")
    return a @ b


def _sum(x: Any, product: Any, beta: float, alpha: float) -> Any:
    """beta * x + alpha * product; with beta 0, x may be nan."""
    if not isinstance(beta, tl.Tensor) and beta == 0:
        return scaled(product, alpha)
    return scaled(x, beta) + scaled(product, alpha)


ALIASES: dict[str, Any] = {  # a function under the other name, or names, that PyTorch has for it
    "absolute": tl.abs, "negative": tl.neg, "multiply": tl.mul, "divide": tl.div, "true_divide": tl.div,
    "subtract": tl.sub, "not_equal": tl.ne, "less": tl.lt, "less_equal": tl.le, "greater": tl.gt,
    "greater_equal": tl.ge, "concat": tl.cat, "concatenate": tl.cat, "movedim": tl.moveaxis, "ravel": tl.flatten,
    "inverse": linalg.inv, "det": linalg.det, "slogdet": linalg.slogdet, "cholesky": linalg.cholesky,
    "cholesky_solve": linalg.cholesky_solve,
}  # fmt: skip

FORMULAS: dict[str, Callable[..., Any]] = {
    "addcmul": lambda input, tensor1, tensor2, *, value=1: input + scaled(tensor1 * tensor2, value),
    "addcdiv": lambda input, tensor1, tensor2, *, value=1: input + value * (tensor1 / tensor2),
    "lerp": lambda input, end, weight: input + weight * (end - input),
    "clamp_min": lambda input, min: tl.clip(input, min),
    "clamp_max": lambda input, max: tl.clip(input, None, max),
    "select": lambda input, dim, index: input.moveaxis(dim, 0)[index],
    # products: (n, k) @ (k, m)
    "mm": lambda input, mat2: _product("mm", input, mat2, 2),
    "mv": lambda input, vec: _product("mv", input, vec, 1),
    "addmm": lambda input, mat1, mat2, *, beta=1, alpha=1: _sum(input, _product("addmm", mat1, mat2, 2), beta, alpha),
    "where": lambda condition, *branches, **named: (
        tl.where(condition, *branches, *named.values()) if branches or named else tl.nonzero(condition, as_tuple=True)
    ),
}
for _name, _function in FORMULAS.items():
    _function.__name__ = _function.__qualname__ = _name
    _function.__doc__ = f"PyTorch's {_name}, a formula of nn/torch/functions.py."

# --- axes and places ------------------------------------------------------------------------------------------


def tile(input: Any, *dims: Any) -> Any:
    """The tensor repeated along each axis: tile(x, 2) along the last, tile(x, 4, 1) along the first of two."""
    counts = dims[0] if isinstance(dims[0], (tuple, list)) else dims
    return ops.shape.repeat(input, (1,) * (input.ndim - len(counts)) + tuple(counts))


@composite
def narrow(input: Any, axis: int, start: int, length: int) -> Any:
    """The slices from start to start + length - 1 of an axis, a view. Raises TensorError if it has not so many."""
    (axis,) = normal_axes(input.ndim, axis)
    size = input.shape[axis]
    first = start + size if start < 0 else start
    if not 0 <= first <= first + length <= size:
        raise TensorError(f"{length} slices from {start} on are not all within axis {axis} of shape {input.shape}")
    return input[(*[slice(None)] * axis, slice(first, first + length))]


def unflatten(input: Any, dim: int, sizes: Sequence[int]) -> Any:
    """An axis split into several of these sizes; one may be -1."""
    return images.unflatten(input, dim, sizes)


def resize_(input: Any, *sizes: Any, memory_format: Any = None) -> Any:
    """The tensor in another shape of as many elements, in place.

    Raises TensorError for another number of elements, or a tensor that requires grad or is not in row-major order.
    """
    if input.requires_grad:
        raise TensorError("resize_: a tensor that requires grad keeps its shape; write x = x.reshape(...)")
    input.data = input.view(*sizes)
    return input


# --- drawn at random ------------------------------------------------------------------------------------------


def bernoulli(input: Any, p: Any = None, *, generator: Any = None) -> Any:
    """1 with the probability that an element of input is, or with probability p, else 0, in input's shape and dtype."""
    drawn = tl.rand(input.shape, dtype=tl.float64, device=input.device, generator=generator)
    return (drawn < (input if p is None else p)).to(dtype=input.dtype)


def normal(mean: Any, std: Any = 1.0, size: Any = (), **settings: Any) -> Any:
    """Normal numbers of this mean and standard deviation, which are numbers, with a size, or tensors. Constants."""
    given = [x.detach() for x in (mean, std) if isinstance(x, Tensor)]
    shape = np.broadcast_shapes(*(x.shape for x in given)) if given else size
    settings = {"dtype": given[0].dtype, "device": given[0].device, **settings} if given else settings
    with tl.no_grad():
        return mean + std * tl.randn(shape, **settings)


# --- tensors made of data -----------------------------------------------------------------------------------

MEMORY = ("layout", "memory_format", "pin_memory")  # arguments about where the memory is and how it is laid out
MADE = "zeros ones empty full eye rand randn randint randperm linspace tensor as_tensor clone"
MADE_LIKE = "zeros_like ones_like empty_like full_like rand_like randn_like"


def without_layout(make: Callable[..., Any]) -> Callable[..., Any]:
    """A function that makes tensors, or a method, without PyTorch's arguments about memory; `size` may be named."""

    @functools.wraps(make)
    def made(*args: Any, **settings: Any) -> Any:
        if settings:
            for name in MEMORY:
                settings.pop(name, None)
            if "high" in settings and not (args or "low" in settings):
                settings["low"] = settings.pop("high")  # randint(high=5, size=(2,))
            if "size" in settings and make not in (tl.full, tl.randint):
                args = (*args, settings.pop("size"))
            if "input" in settings:
                args = (settings.pop("input"), *args)
        return make(*args, **settings)

    return made


def arange(start: Any = 0, end: Any = None, step: Any = 1, **settings: Any) -> Any:
    """The numbers from start up to but not including end; also arange(end=5)."""
    return tl.arange(start, end, step, **{name: value for name, value in settings.items() if name not in MEMORY})


def asarray(obj: Any, *, copy: bool | None = None, requires_grad: bool = False, **settings: Any) -> Any:
    """Data as a Tensor; an array shares its memory unless a copy is asked for."""
    made = (tl.tensor if copy else tl.as_tensor)(obj, **settings)
    return made.requires_grad_() if requires_grad else made


FUNCTIONS: dict[str, Callable[..., Any]] = {  # all that torch has beside the engine's, by name
    **ALIASES,
    **FORMULAS,
    **{name: without_layout(getattr(tl, name)) for name in f"{MADE} {MADE_LIKE}".split()},
    **{name: f for name, f in globals().items() if name[0] != "_" and getattr(f, "__module__", "") == __name__},
}


# --- how functions become methods of Tensors ----------------------------------------------------------------

# functions that are methods in place as well, x.addmm_()
IN_PLACE = """
absolute negative multiply divide true_divide subtract not_equal less less_equal greater greater_equal
addmm addcdiv addcmul clamp_max clamp_min lerp eq ge gt le lt ne pow scatter_add tril triu cumsum cumprod erf
remainder neg abs sign square floor ceil round expm1 log log1p log2 log10 sqrt rsqrt sin cos tanh sigmoid leaky_relu
"""

# methods that are functions as well, torch.detach(x); so are all that change x in place
FREE = "conj detach get_device is_complex is_floating_point is_inference is_nonzero is_signed numel t"


def give_methods(functions: Mapping[str, Callable[..., Any]]) -> None:
    """Add to Tensor the functions whose first argument is `input`, their in-place forms, and the methods below.

    Names of the table of missing ones are refused with their reason, also where a program catches the error.
    """
    known = {name: f for name, f in vars(tl.ops).items() if callable(f) and name[0] != "_"}
    known |= {"multinomial": tl.multinomial, **functions}
    methods: dict[str, Any] = {name: Refused(name) for name in reasons("names")}
    methods |= {name: f for name, f in known.items() if _is_method(f)}
    methods |= {f"{name}_": in_place(known[name]) for name in IN_PLACE.split()}
    methods |= {**METHODS, **{name: property(answer) for name, answer in PROPERTIES.items()}}
    for name, method in methods.items():
        if not hasattr(Tensor, name):
            setattr(Tensor, name, method)


def free_functions() -> dict[str, Callable[..., Any]]:
    """The functions torch.f(x, ...) for methods x.f(...): those that change x in place, and some others."""
    in_place_methods = [name for name in dir(Tensor) if name[-1] == "_" and name[0] != "_"]
    return {name: functools.partial(_called, name) for name in [*in_place_methods, *FREE.split()]}


def _called(name: str, /, input: Any, *args: Any, **settings: Any) -> Any:
    """input.name(...)."""
    return getattr(input, name)(*args, **settings)


def _is_method(function: Callable[..., Any]) -> bool:
    """Whether the first argument is `input`, or it is one of the engine's own ops under another name."""
    first = next(iter(inspect.signature(function).parameters), None)
    return first == "input" or (function.__module__.startswith("tinygrad_lecture.ops") and first in ("x", "a"))


# --- what a program asks of a tensor's memory and machine, with the answers that hold here ------------------


def _like_it(make: Callable[..., Any]) -> Callable[..., Any]:
    """The method that makes a tensor, by default of this one's dtype and on its device: x.new_zeros(2, 3)."""
    return lambda x, *args, **settings: make(*args, **{"dtype": x._array.dtype, "device": x.device, **settings})


def _type(x: Tensor, dtype: Any = None) -> Any:
    """The tensor in its shape with a dtype, or that of a class such as torch.FloatTensor; without one its class."""
    kinds = {name: kind.kind for name, kind in TENSOR_KINDS.items()}
    if dtype is None:
        name = next((name for name, kind in kinds.items() if kind == x._array.dtype), f"{x._array.dtype}Tensor")
        return f"torch.{'cuda.' if x.is_cuda else ''}{name}"
    if isinstance(dtype, str):
        dtype = kinds.get(dtype.rpartition(".")[2], dtype)
    return x.to(dtype=getattr(dtype, "kind", dtype) if isinstance(dtype, type) else dtype)


METHODS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(["is_pinned", "is_shared", "is_complex", "is_inference"], lambda x, device=None: False),
    **dict.fromkeys(["conj", "conj_physical", "conj_physical_", "resolve_conj", "resolve_neg"], lambda x: x),
    **dict.fromkeys(["pin_memory", "share_memory_"], lambda x, device=None: x),
    "is_signed": lambda x: x._array.dtype.kind in "if",
    "is_nonzero": lambda x: bool(x),
    "get_device": lambda x: -1 if not x.is_cuda else x.device.index or 0,
    "bfloat16": lambda x: x.to(dtype=BY_NAME["bfloat16"]),
    "new": lambda x, *args: new_tensor(args, x._array.dtype, x.device),
    **{f"new_{name}": _like_it(FUNCTIONS[name]) for name in ("zeros", "ones", "empty", "full", "tensor")},
    **{name: cast(dtype) for name, dtype in {"char": np.int8, "byte": np.uint8, "short": np.int16}.items()},
    "type": _type,
    "view_as": lambda x, other: x.view(other.shape),
    "reshape_as": lambda x, other: x.reshape(other.shape),
    "detach_copy": lambda x: x.detach(),
    "expand_as": lambda x, other: x.expand(other.shape),
    "resize_as_": lambda x, other, memory_format=None: resize_(x, other.shape),
    "type_as": lambda x, other: x.to(dtype=other.dtype),
}

PROPERTIES: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(["is_sparse", "is_quantized", "is_meta", "is_mps", "is_xpu", "is_mkldnn"], lambda x: False),
    "is_nested": lambda x: False,
    "is_cpu": lambda x: not x.is_cuda,
    "layout": lambda x: strided,
    "name": lambda x: None,
    "real": lambda x: x,
}
