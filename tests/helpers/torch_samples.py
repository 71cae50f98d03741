"""PyTorch's own test data for nn.torch: the same call in both libraries, and in what the results differ.

Import this after `pytest.importorskip("torch")` and `pytest.importorskip("expecttest")`, which PyTorch's data need.
"""

from __future__ import annotations

import itertools
import re
import traceback
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

import nn.torch as ours
import tinygrad_lecture as tl

TOLERANCE = {"float64": 1e-7, "float32": 1e-5, "float16": 2e-3}  # relative and absolute
LARGEST = 100  # elements of a sample: what larger ones show, smaller ones show too
MOST = {"float64": 60, "int64": 60, "bool": 20, "uint8": 20}  # samples of an op, the large ones counted
OURS = Path(__file__).parents[2]

# words of NumPy and of Python, which an error of ours does not have
_BARE = re.compile(
    r"ufunc|operand type|NoneType|zero-size array|has no attribute|casting rule|array scalars|unhashable"
)


def counterpart(name: str, theirs: Callable[..., Any]) -> Callable[..., Any] | None:
    """Our function for an op of op_db; None if there is none of that name.

    PyTorch's tests call some ops by a function of their own, `lambda x: torch.f(x)`: then `torch` is ours in it.
    """
    found: Any = ours
    for part in name.split("."):
        found = getattr(found, part, None)
    found = found or getattr(ours.Tensor, name, None)
    if isinstance(found, property):
        return found.fget
    if found and isinstance(theirs, types.FunctionType) and theirs.__module__.startswith("torch.testing"):
        settings = theirs.__defaults__, theirs.__closure__
        return types.FunctionType(theirs.__code__, {**theirs.__globals__, "torch": ours}, None, *settings)
    return found


def samples(op: Any, dtype: str) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The arguments of an op's small samples: for floats also its reference inputs, with infinities and nans."""
    torch.manual_seed(0)
    floats = dtype == "float64"
    settings = {"device": "cpu", "dtype": getattr(torch, dtype), "requires_grad": floats and op.supports_autograd}
    try:
        made = list(itertools.islice((op.reference_inputs if floats else op.sample_inputs)(**settings), MOST[dtype]))
    except ValueError:  # some reference inputs ask for a gradient of integers
        made = list(itertools.islice(op.sample_inputs(**settings), MOST[dtype]))
    for sample in made:
        call = (sample.input, *sample.args), sample.kwargs
        if all(x.numel() <= LARGEST for x in leaves(call) if isinstance(x, torch.Tensor)):
            yield call


def leaves(value: Any) -> Iterator[Any]:
    """The tensors and other values in a nested argument or result, in order, without None."""
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, dict):
        yield from leaves(list(value.values()))
    elif value is not None:
        yield value


def copied(value: Any, leaf: Callable[[Any], Any], made: dict[int, Any]) -> Any:
    """A nested argument with leaf(x) for each x in it; one tensor that stands there twice stays one."""
    if isinstance(value, (list, tuple)):
        parts = [copied(part, leaf, made) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {key: copied(part, leaf, made) for key, part in value.items()}
    if id(value) not in made:
        made[id(value)] = leaf(value)
    return made[id(value)]


def fresh(x: Any) -> Any:
    """PyTorch's tensor as a leaf of its own: samples share tensors, and some are results of ops."""
    return x.detach().clone().requires_grad_(x.requires_grad) if isinstance(x, torch.Tensor) else x


def translated(x: Any) -> Any:
    """Our tensor, dtype or function for PyTorch's; anything else as it is. Raises Refused for what is not here."""
    if isinstance(x, torch.Tensor):
        if x.layout != torch.strided or x.dtype in (torch.bfloat16, torch.complex64, torch.complex128):
            raise Refused(f"tensors of {x.dtype}, {x.layout} are not here")
        return ours.tensor(x.numpy(force=True), requires_grad=x.requires_grad)
    if isinstance(x, (torch.dtype, torch.memory_format, torch.layout)):
        return getattr(ours, str(x).removeprefix("torch."))
    if isinstance(x, torch.nn.Module):
        raise Refused("a module of PyTorch's")
    if x is torch.nn.functional.gelu:
        return ours.nn.functional.gelu
    return str(x) if isinstance(x, torch.device) else x


class Refused(Exception):
    """Our library refuses the arguments, in a sentence."""


def differences(
    theirs: Callable[..., Any], mine: Callable[..., Any], args: Any, kwargs: Any, variables: Any = ((), ())
) -> Iterator[tuple[str, str]]:
    """What differs between two functions for these arguments: pairs of a word for the kind and a sentence.

    variables: our and PyTorch's parameters, whose gradients are compared too. Raises Refused if ours refuses.
    """
    asked = copied((args, kwargs), fresh, {})
    wanted = list(leaves(theirs(*asked[0], **asked[1])))
    if any(y is NotImplemented for y in wanted):
        return
    try:
        given = copied((args, kwargs), translated, {})
        found = list(leaves(mine(*given[0], **given[1])))
        [x.detach().numpy() for x in found if isinstance(x, tl.Tensor)]  # they can be read
    except Refused:
        raise
    except Exception as error:
        if not said_clearly(error):
            yield "error", f"{type(error).__name__}: {error}"
            return
        raise Refused(str(error)) from error
    if len(found) != len(wanted):
        yield "value", f"{len(found)} results, PyTorch gives {len(wanted)}"
        return
    random = np.random.default_rng(0)
    totals: list[tuple[Any, Any]] = []
    for x, y in zip(found, wanted, strict=True):
        yield from difference("value", x, y)
        if not isinstance(y, torch.Tensor) or not isinstance(x, tl.Tensor):
            continue
        if x.shape == y.shape and (x.requires_grad or y.requires_grad):
            upstream = random.normal(size=y.shape)
            totals.append(((x * ours.tensor(upstream)).sum(), (y * torch.tensor(upstream)).sum()))
    if not totals:
        return
    try:
        for total in zip(*totals, strict=True):
            if sum(total).requires_grad:
                sum(total).backward()
    except (RuntimeError, NotImplementedError):  # one has no derivative for these arguments, and says so
        return
    for x, y in zip(leaves((given, variables[0])), leaves((asked, variables[1])), strict=True):
        if isinstance(y, torch.Tensor) and y.requires_grad:
            yield from difference("gradient", *(z.new_zeros(z.shape) if z.grad is None else z.grad for z in (x, y)))


def said_clearly(error: Exception) -> bool:
    """Whether an error was raised on purpose, in words of our own, or says that an argument does not exist."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    raised = (last.line or "").startswith("raise ") and Path(last.filename).is_relative_to(OURS)
    meant = raised or isinstance(error, (tl.TensorError, tl.DtypeError, NotImplementedError))
    return (meant or "unexpected keyword argument" in str(error)) and not _BARE.search(str(error))


def difference(kind: str, found: Any, wanted: Any) -> Iterator[tuple[str, str]]:
    """In what one result of ours, a tensor or a Python value, differs from PyTorch's."""
    dtype = "float64"
    if isinstance(wanted, torch.Tensor) != isinstance(found, tl.Tensor):
        yield kind, f"a {type(found).__name__}, PyTorch gives a {type(wanted).__name__}"
        return
    if isinstance(wanted, torch.Tensor):
        dtype, theirs = str(found.dtype), str(wanted.dtype).removeprefix("torch.")
        if dtype != theirs:
            yield "dtype", f"the {kind} has dtype {dtype}, PyTorch's {theirs}"
        found, wanted = found.detach().numpy(), wanted.numpy(force=True)
        if found.shape != wanted.shape:
            yield "shape", f"the {kind} has shape {found.shape}, PyTorch's {wanted.shape}"
            return
    if isinstance(wanted, (str, torch.dtype)):
        if str(found) != str(wanted):
            yield kind, f"{found}, PyTorch's is {wanted}"
        return
    limit = TOLERANCE.get(dtype, 0)
    with np.errstate(all="ignore"):
        near = np.isclose(np.asarray(found, float), np.asarray(wanted, float), limit, limit, equal_nan=True)
    if not near.all():
        place = tuple(map(int, np.argwhere(~near)[0]))
        yield kind, f"the {kind} at {place} is {np.asarray(found)[place]}, PyTorch's {np.asarray(wanted)[place]}"
