"""The activations against PyTorch's: at ordinary numbers, at the kinks, and where numbers are so large or small that a
formula taken literally fails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from strategies import numbers, shapes

torch = pytest.importorskip("torch")

from torch_parity import agree, dtypes, examples  # noqa: E402 - it needs torch

pytestmark = pytest.mark.parity

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "Identity": [{}],
    "Sigmoid": [{}],
    "LogSigmoid": [{}],
    "Tanh": [{}],
    "Hardtanh": [{}, {"min_val": -0.5, "max_val": 2.0}],
    "ReLU": [{}],
    "ReLU6": [{}],
    "LeakyReLU": [{}, {"negative_slope": 0.2}],
    "ELU": [{}, {"alpha": 0.5}],
    "Softplus": [{}, {"beta": 2.0}, {"threshold": 1.0}, {"beta": 0.5, "threshold": 30.0}],
    "SiLU": [{}],
    "GELU": [{}, {"approximate": "tanh"}],
    "Softsign": [{}],
    "Tanhshrink": [{}],
    "SELU": [{}],
    "CELU": [{}, {"alpha": 0.5}],
    "Mish": [{}],
    "Hardswish": [{}],
    "Hardshrink": [{}, {"lambd": 1.0}],
    "Softshrink": [{}, {"lambd": 1.0}],
    "PReLU": [{}, {"init": 0.5}],
}
ALL = [(name, settings) for name, choices in SETTINGS.items() for settings in choices]
KINKS = [0.0, -0.0, 0.5, -0.5, 1, -1, 2, 6, -6, 10, 19.99, 20.01]
EXTREMES = np.array([*KINKS, -20, 40, -40, 90, -90, 710, -750, 1e4, -1e4])


def twins(name: str, **settings: Any) -> tuple[Any, Any]:
    """Ours and theirs."""
    return getattr(nn, name)(**settings), getattr(torch.nn, name)(**settings)


@pytest.mark.parametrize(("name", "settings"), ALL, ids=lambda value: str(value))
@examples
@given(data=st.data(), dtype=dtypes, scale=st.sampled_from([1.0, 10.0]))
def test_activation(name: str, settings: dict[str, Any], data: st.DataObject, dtype: str, scale: float) -> None:
    x = data.draw(numbers(data.draw(shapes()))) * scale
    agree(*twins(name, **settings), np.asarray(x), dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "settings"), ALL, ids=lambda value: str(value))
def test_at_kinks_and_extremes(name: str, settings: dict[str, Any], dtype: str) -> None:
    agree(*twins(name, **settings), EXTREMES, dtype=dtype)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax", "Softmin"])
@examples
@given(data=st.data(), dtype=dtypes, scale=st.sampled_from([1.0, 100.0]))
def test_softmax(name: str, data: st.DataObject, dtype: str, scale: float) -> None:
    shape = data.draw(shapes(min_dims=1))
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    if shape[dim]:
        agree(*twins(name, dim=dim), data.draw(numbers(shape)) * scale, dtype=dtype)
