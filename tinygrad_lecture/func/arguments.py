"""Arguments and results of transforms: checks, with messages that say what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ..errors.words import kind_of
from ..tensor import Tensor

Function: TypeAlias = Callable[..., Any]
Argnums: TypeAlias = int | tuple[int, ...]


def as_asked(found: Sequence[Tensor], argnums: Argnums) -> Any:
    """One derivative if argnums is an int, a tuple if it is a tuple."""
    return found[0] if isinstance(argnums, int) else tuple(found)


def as_tuple(name: str, out: Any) -> tuple[Tensor, ...]:
    """What a function returned, a Tensor or a tuple of Tensors, as a tuple. Raises TypeError for anything else."""
    outs = out if isinstance(out, tuple) else (out,)
    for o in outs:
        if not isinstance(o, Tensor):
            raise TypeError(f"{name}: the function must return a Tensor or a tuple of Tensors, not {kind_of(o)}")
    return outs


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
    if not primals or len(primals) != len(tangents):
        raise ValueError(
            f"{name}: {len(primals)} primals, but {len(tangents)} tangents; give one for each, and at least one"
        )
    for position, (x, t) in enumerate(zip(primals, tangents, strict=True)):
        if getattr(x, "shape", None) != getattr(t, "shape", None):
            raise ValueError(
                f"{name}: primal {position} is {kind_of(x)}, its tangent {kind_of(t)}; the shapes must agree"
            )
