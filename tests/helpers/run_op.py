"""Run a row of the op table on a sample: make Tensors, call the op, compute gradients. Used on every device."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
from op_table import Row

import tinygrad_lecture as tl
from strategies import Array, Sample
from tinygrad_lecture.backend import is_array, move, to_host
from tinygrad_lecture.tensor_base import TensorBase, wrap


def is_float(x: Any) -> bool:
    """Whether an input is a float array, which has a gradient."""
    return is_array(x) and x.dtype.kind == "f"


def cast(sample: Sample, dtype: Any) -> Sample:
    """The sample with its float arrays in another dtype; integers become small and positive."""
    kind = np.dtype(dtype).kind

    def convert(x: Any) -> Any:
        if not is_float(x):
            return x
        if kind == "f":
            return x.astype(dtype)
        return np.asarray(np.abs(np.rint(2 * x)) + 1 if kind == "i" else x > 0, dtype=dtype)

    settings = dict(sample.settings)
    if "dtype" in settings:
        settings["dtype"] = np.dtype(dtype)
    return replace(sample, inputs=tuple(convert(x) for x in sample.inputs), settings=settings)


def tensors(inputs: Sequence[Any], device: str = "cpu", grad: Sequence[bool] | None = None) -> list[Any]:
    """Tensors that share the arrays' memory (copies on another device). grad: which require grad, by default floats."""
    made: list[Any] = []
    for position, x in enumerate(inputs):
        if not is_array(x):
            made.append(x)
            continue
        tensor = wrap(move(x, device))
        wanted = is_float(x) if grad is None else grad[position]
        made.append(tensor.requires_grad_() if wanted else tensor)
    return made


def variables(inputs: Sequence[Any]) -> list[tl.Tensor]:
    """The inputs that require grad."""
    return [x for x in inputs if isinstance(x, TensorBase) and x._node is not None]  # type: ignore[misc]


def differentiable(results: Sequence[Any]) -> list[Any]:
    """The results that require grad: of `sort`, values but not indices."""
    return [r for r in results if getattr(r, "requires_grad", False)]


def upstreams(results: Sequence[Any], seed: int = 1) -> list[Array]:
    """A random upstream gradient for each result, on the host, in its dtype; some elements are 0."""
    rng = np.random.default_rng(seed)
    made = []
    for r in results:
        upstream = np.asarray(rng.uniform(0.5, 1.5, r.shape) * rng.choice([-1, 1], r.shape), dtype=r.dtype)
        upstream.reshape(-1)[4::5] = 0
        made.append(upstream)
    return made


def gradients(
    outs: Sequence[tl.Tensor], by: Sequence[tl.Tensor], given: Sequence[Any], create_graph: bool = False
) -> list[tl.Tensor]:
    """tl.grad, with zeros for unused inputs. given: the upstream gradients, arrays or Tensors."""
    seeds = [g if isinstance(g, tl.Tensor) else wrap(move(g, out.device)) for g, out in zip(given, outs, strict=True)]
    found = tl.grad(outs, by, seeds, create_graph=create_graph, allow_unused=True)
    for x, g in zip(by, found, strict=True):
        assert g is None or g.device == x.device, f"the gradient of an input on {x.device} is on {g.device}"
    return [tl.zeros_like(x) if g is None else g for x, g in zip(by, found, strict=True)]


def first_order(
    row: Row, sample: Sample, device: str = "cpu", seed: int = 1, during: AbstractContextManager[Any] | None = None
) -> tuple[list[Array], list[Array]]:
    """The op's results and the gradients of its float inputs, on the host. during: a context to run the op in."""
    inputs = tensors(sample.inputs, device)
    by = variables(inputs)
    with during or nullcontext():
        results = row.run(inputs, sample.settings)
        outs = differentiable(results) if row.differentiable else []
        found = gradients(outs, by, upstreams(outs, seed)) if outs else []
    return [host(r) for r in results], [host(g) for g in found]


def second_order(
    row: Row, sample: Sample, device: str = "cpu", during: AbstractContextManager[Any] | None = None
) -> tuple[list[Array], list[Array]]:
    """The recorded gradients G, and those of sum(v * G) for random v with respect to inputs and upstream gradients."""
    inputs = tensors(sample.inputs, device)
    by = variables(inputs)
    with during or nullcontext():
        outs = differentiable(row.run(inputs, sample.settings))
        given = [wrap(move(u, o.device)).requires_grad_() for u, o in zip(upstreams(outs), outs, strict=True)]
        first = gradients(outs, by, given, create_graph=True)
        recorded = differentiable(first)
        second = gradients(recorded, [*by, *given], upstreams(recorded, seed=2)) if recorded else []
    return [host(g) for g in first], [host(g) for g in second]


def host(x: Any) -> Array:
    """A Tensor or array as a NumPy array on the host."""
    return np.asarray(to_host(x._array if isinstance(x, TensorBase) else x))
