"""PyTorch's own test data, `op_db`, for nn.torch: the same sample through both libraries, and what differs.

Import this after `pytest.importorskip("torch")`; PyTorch's test data need `expecttest`.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

import nn.torch as ours
import tinygrad_lecture as tl

TOLERANCE = 1e-7  # relative and absolute, in float64


def counterpart(name: str, theirs: Callable[..., Any]) -> Callable[..., Any] | None:
    """Our function for an op of op_db; None if there is none of that name.

    PyTorch's tests call some ops by a function of their own, `lambda x: torch.f(x)`: then `torch` is ours in it.
    """
    found: Any = ours
    for part in name.split("."):
        found = getattr(found, part, None) or getattr(ours.Tensor, part, None)
        if found is None:
            return None
    if isinstance(theirs, types.FunctionType) and theirs.__module__.startswith("torch.testing"):
        return types.FunctionType(
            theirs.__code__, {**theirs.__globals__, "torch": ours}, None, theirs.__defaults__, theirs.__closure__
        )
    return found


def copied(value: Any, leaf: Callable[[Any], Any], made: dict[int, Any]) -> Any:
    """A nested argument with leaf(x) for each x in it; one tensor that stands there twice stays one."""
    if isinstance(value, (list, tuple)):
        return type(value)(copied(part, leaf, made) for part in value)
    if isinstance(value, dict):
        return {key: copied(part, leaf, made) for key, part in value.items()}
    if id(value) not in made:
        made[id(value)] = leaf(value)
    return made[id(value)]


def fresh(x: Any) -> Any:
    """PyTorch's tensor as a leaf of its own: samples share tensors, and some are results of ops."""
    return x.detach().clone().requires_grad_(x.requires_grad) if isinstance(x, torch.Tensor) else x


def translated(x: Any) -> Any:
    """Our tensor or dtype for PyTorch's; anything else as it is."""
    if isinstance(x, torch.Tensor):
        return ours.tensor(x.numpy(force=True), requires_grad=x.requires_grad)
    if isinstance(x, (torch.dtype, torch.memory_format, torch.layout)):
        return getattr(ours, str(x).removeprefix("torch."))
    return str(x) if isinstance(x, torch.device) else x


def tensors(value: Any) -> Iterator[Any]:
    """The tensors and numbers in a nested argument or result, in order."""
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from tensors(part)
    elif isinstance(value, dict):
        yield from tensors(list(value.values()))
    elif value is not None:
        yield value


def differences(theirs: Callable[..., Any], mine: Callable[..., Any], args: Any, kwargs: Any) -> Iterator[tuple[str, str]]:
    """What differs between two functions for these arguments: pairs of a word for the kind and a sentence."""
    (args, kwargs), (mine_args, mine_kwargs) = (copied((args, kwargs), leaf, {}) for leaf in (fresh, translated))
    wanted = list(tensors(theirs(*args, **kwargs)))
    found = list(tensors(mine(*mine_args, **mine_kwargs)))
    if len(found) != len(wanted):
        yield "value", f"{len(found)} results, PyTorch gives {len(wanted)}"
        return
    upstreams, totals = np.random.default_rng(0), ([], [])
    for x, y in zip(found, wanted, strict=True):
        yield from difference("value", x, y)
        if not isinstance(y, torch.Tensor):
            continue
        if getattr(x, "requires_grad", False) != y.requires_grad:
            yield "requires_grad", f"it is {x.requires_grad}, PyTorch's {y.requires_grad}"
        elif y.requires_grad and x.shape == y.shape:
            upstream = upstreams.normal(size=y.shape)
            totals[0].append((x * ours.tensor(upstream)).sum())
            totals[1].append((y * torch.tensor(upstream)).sum())
    if not totals[0]:
        return
    sum(totals[0]).backward()
    sum(totals[1]).backward()
    for x, y in zip(tensors((mine_args, mine_kwargs)), tensors((args, kwargs)), strict=True):
        if isinstance(y, torch.Tensor) and y.requires_grad:
            pair = [z.new_zeros(z.shape) if z.grad is None else z.grad for z in (x, y)]
            yield from difference("gradient", *pair)


def difference(kind: str, found: Any, wanted: Any) -> Iterator[tuple[str, str]]:
    if isinstance(wanted, torch.Tensor) and not isinstance(found, tl.Tensor):
        yield kind, f"a {type(found).__name__}, PyTorch gives a tensor"
        return
    if isinstance(wanted, torch.dtype):
        found, wanted = str(found), str(wanted)
    if isinstance(wanted, torch.Tensor):
        dtypes = str(found.dtype), str(wanted.dtype).removeprefix("torch.")
        found, wanted = found.detach().numpy(), wanted.numpy(force=True)
        if found.shape != wanted.shape:
            yield "shape", f"the {kind} has shape {found.shape}, PyTorch's {wanted.shape}"
            return
        if dtypes[0] != dtypes[1]:
            yield "dtype", f"the {kind} has dtype {dtypes[0]}, PyTorch's {dtypes[1]}"
    if isinstance(wanted, str) or wanted is None:
        if found != wanted:
            yield kind, f"{found}, PyTorch {wanted}"
        return
    with np.errstate(all="ignore"):
        if not np.allclose(np.asarray(found, float), np.asarray(wanted, float), TOLERANCE, TOLERANCE, equal_nan=True):
            yield kind, f"{found}, PyTorch's is {wanted}".replace("\n", "")
