"""Arguments and results of transforms: checks, with messages that say what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from ..errors import kind_of
from ..tensor import Tensor
from .trees import leaves, with_leaves

Function: TypeAlias = Callable[..., Any]
Argnums: TypeAlias = int | tuple[int, ...]


def as_asked(trees: Sequence[Any], found: Iterable[Any], argnums: Argnums) -> Any:
    """Derivatives in the form of the arguments that they are with respect to: one if argnums is an int, else a tuple.

    trees: those arguments.  found: a derivative for each of their leaves.
    """
    formed = with_leaves(tuple(trees), found)
    return formed[0] if isinstance(argnums, int) else formed


def as_tuple(name: str, out: Any) -> tuple[Tensor, ...]:
    """What a function returned, a Tensor or a tuple of Tensors, as a tuple. Raises TypeError for anything else."""
    outs = out if isinstance(out, tuple) else (out,)
    for o in outs:
        if not isinstance(o, Tensor):
            raise TypeError(f"{name}: the function must return a Tensor or a tuple of Tensors, not {kind_of(o)}")
    return outs


def tensors_of(name: str, out: Any) -> list[Tensor]:
    """The Tensors that a function returned, one or a tree of them. Raises TypeError for anything else."""
    outs = leaves(out)
    for o in outs or [out]:
        if not isinstance(o, Tensor):
            raise TypeError(f"{name}: the function must return a Tensor, or tuples or dicts of them, not {kind_of(o)}")
    return outs


def without_aux(name: str, returned: Any, has_aux: bool) -> tuple[Any, Any]:
    """(result, aux) of what a function returned; aux is None without has_aux. Raises TypeError unless it is a pair."""
    if not has_aux:
        return returned, None
    if not (isinstance(returned, tuple) and len(returned) == 2):
        raise TypeError(f"{name}: with has_aux the function must return a pair, (result, aux), not {kind_of(returned)}")
    return returned


def must_be_a_number(name: str, value: Any) -> None:
    """Raise TypeError unless a function returned a float Tensor of one element."""
    if not isinstance(value, Tensor) or value.numel() != 1 or value.dtype.kind != "f":
        several = isinstance(value, Tensor) and value.numel() != 1
        remedy = "; reduce it, as with .sum(), or use jacobian" if several else ""
        raise TypeError(f"{name}: the function must return one float as a Tensor, not {kind_of(value)}{remedy}")


def must_be_callable(name: str, function: Any) -> None:
    """Raise TypeError unless the first argument of a transform is a function."""
    if not callable(function):
        raise TypeError(f"{name}: the function to differentiate comes first; {kind_of(function)} is not callable")


def must_make(name: str, function: Any, argnums: Any) -> None:
    """Raise TypeError for a transform called with arguments meant for the function it makes: grad(f, x)."""
    must_be_callable(name, function)
    if not all(isinstance(n, int) for n in (argnums if isinstance(argnums, tuple) else (argnums,))):
        raise TypeError(
            f"{name} makes a function: write {name}(f)(x), not {name}(f, x); argnums must be an int or a tuple of "
            f"ints, not {kind_of(argnums)}"
        )


def must_pair(name: str, primals: Any, tangents: Any) -> None:
    """Raise TypeError unless both are tuples, ValueError unless each primal has a tangent of its shape."""
    if not (isinstance(primals, (tuple, list)) and isinstance(tangents, (tuple, list))):
        raise TypeError(f"{name}: primals and tangents must be tuples of Tensors, as in {name}(f, (x,), (t,))")
    given, moving = leaves(primals), leaves(tangents)
    if not given or len(given) != len(moving):
        raise ValueError(
            f"{name}: {len(given)} primals, but {len(moving)} tangents; give one for each, and at least one"
        )
    for position, (x, t) in enumerate(zip(given, moving, strict=True)):
        if getattr(x, "shape", None) != getattr(t, "shape", None):
            raise ValueError(
                f"{name}: primal {position} is {kind_of(x)}, its tangent {kind_of(t)}; the shapes must agree"
            )
