"""`out=`: the functions of torch write their result into a tensor that the caller gives, and return it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import DtypeError, TensorError

HOMES = (  # the modules whose functions take it
    *("tinygrad_lecture.ops", "tinygrad_lecture.creation", "tinygrad_lecture.distributions", "nn.torch.functions"),
)


_RANKS = {"b": 0, "u": 1, "i": 1, "f": 2}  # kinds of dtypes; a result fits into an equal or a higher one


def functions_with_out(functions: dict[str, Any]) -> dict[str, Any]:
    """Those of the functions that compute or make a tensor, with the argument `out` added."""
    return {name: with_out(f) for name, f in functions.items() if name[0] != "_" and _takes_it(f)}


def _takes_it(function: Any) -> bool:
    home = getattr(function, "__module__", None) or ""
    return callable(function) and not isinstance(function, type) and home.startswith(HOMES)


def with_out(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with the argument `out`: a tensor, or a tuple of them for a function with several results."""

    @functools.wraps(function, updated=())
    def called(*args: Any, **settings: Any) -> Any:
        if "out" not in settings:
            return function(*args, **settings)
        out = settings.pop("out")
        result = function(*args, **settings)
        return result if out is None else _written(called.__name__, result, out)

    return called


def _written(name: str, result: Any, out: Any) -> Any:
    """`out` with the result written into it. An empty one takes the result's shape.

    Raises DtypeError for floats in an `out` of integers and where `out` has fewer bits, TensorError for another shape,
    or if the result requires grad: no gradient flows through `out`.
    """
    if isinstance(out, (tuple, list)):
        parts = [_written(name, *pair) for pair in zip(result, out, strict=True)]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}: out must be a Tensor, not {type(out).__name__}")
    if result.requires_grad or (out.requires_grad and tl.is_grad_enabled()):
        raise TensorError(f"{name}: no gradient flows through out=; leave it out, or write in torch.no_grad()")
    rank, own = _RANKS[result.dtype.kind], _RANKS[out.dtype.kind]
    if rank > own or (rank == own and result.dtype.itemsize > out.dtype.itemsize):
        raise DtypeError(f"{name}: a result of {result.dtype} does not fit into out of {out.dtype}")
    if out.numel() == 0 and result.numel():
        out.data = result.to(dtype=out.dtype)
        return out
    if tuple(out.shape) != tuple(result.shape):
        raise TensorError(f"{name}: the result has shape {tuple(result.shape)}, but out has {tuple(out.shape)}")
    with tl.no_grad():
        return out.copy_(result)
