"""Compare nn with PyTorch: the same weights, inputs and upstream gradient must give the same numbers.

Import this after `pytest.importorskip("torch")`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from hypothesis import settings, strategies as st
from numpy.typing import NDArray

import nn
import tinygrad_lecture as tl
from numeric import assert_close

torch.set_num_threads(1)

Array = NDArray[Any]

TOLERANCE = {"float64": 1e-10, "float32": 1e-5}
examples = settings(max_examples=40)
dtypes = st.sampled_from(sorted(TOLERANCE))


def agree(
    ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: Array, dtype: str, constants: Sequence[int] = ()
) -> None:
    """Fail unless two modules or functions agree in all outputs and all gradients, in `dtype`.

    Float inputs are differentiated, except those at the positions `constants`. Both modules get our weights.
    """
    if isinstance(ours, nn.Module):
        ours.to(dtype=dtype)
        theirs.to(getattr(torch, dtype))  # type: ignore[attr-defined]
        theirs.load_state_dict(to_torch(ours.state_dict()))  # type: ignore[attr-defined]
    arrays = tuple(x.astype(dtype) if x.dtype.kind == "f" else x for x in arrays)
    variable = [x.dtype.kind == "f" and i not in constants for i, x in enumerate(arrays)]
    a = [tl.tensor(x, requires_grad=v) for x, v in zip(arrays, variable, strict=True)]
    b = [torch.tensor(x, requires_grad=v) for x, v in zip(arrays, variable, strict=True)]

    outs, all_wanted = tensors_in(ours(*a)), tensors_in(theirs(*b))
    for i, (out, wanted) in enumerate(zip(outs, all_wanted, strict=True)):
        assert str(out.dtype) == str(wanted.dtype).removeprefix("torch."), f"{out.dtype} is not {wanted.dtype}"
        close(out, wanted, f"output {i}", dtype)
    if not any(wanted.requires_grad for wanted in all_wanted):
        return
    upstreams = [np.random.default_rng(out.ndim + i).normal(size=out.shape).astype(dtype) for i, out in enumerate(outs)]
    sum((x * tl.tensor(u)).sum() for x, u in zip(outs, upstreams, strict=True) if x.requires_grad).backward()
    sum((y * torch.tensor(u)).sum() for y, u in zip(all_wanted, upstreams, strict=True) if y.requires_grad).backward()
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        if y.grad is not None:
            close(x.grad, y.grad, f"gradient of input {i}", dtype)
    if isinstance(ours, nn.Module):
        parameters = dict(theirs.named_parameters())  # type: ignore[attr-defined]
        assert list(parameters) == [name for name, _ in ours.named_parameters()]
        for name, parameter in ours.named_parameters():
            close(parameter.grad, parameters[name].grad, f"gradient of {name}", dtype)


def tensors_in(value: Any) -> list[Any]:
    """The tensors in a result, which may be a tuple of tensors, None and tuples."""
    if isinstance(value, (tuple, list)):
        return [tensor for part in value for tensor in tensors_in(part)]
    return [] if value is None else [value]


def close(got: Any, wanted: Any, what: str, dtype: str) -> None:
    """Fail unless our Tensor and theirs are equal within the tolerance of a dtype.

    A sum's rounding is that of its terms, so a small element may be off by as much as the largest one.
    """
    array = wanted.detach().numpy()
    largest = np.abs(array[np.isfinite(array)]).max(initial=1)
    assert_close(got.detach().numpy(), array, what, TOLERANCE[dtype], atol=TOLERANCE[dtype] * largest)


def to_torch(state: dict[str, tl.Tensor]) -> dict[str, Any]:
    """Our state_dict with PyTorch tensors."""
    return {key: torch.tensor(tensor.numpy()) for key, tensor in state.items()}
