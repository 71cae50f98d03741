"""Weight initialisation: each function fills a tensor in place and returns it.

Random numbers come from the stream of `tl.manual_seed`, or from a `generator`, which all take that draw. The variance
of the weights should keep the size of signals from layer to layer, forwards and backwards; otherwise they vanish or
explode in a deep network. It depends on the number of inputs of a neuron (fan_in), the number of neurons an input feeds
(fan_out), and the activation (gain).
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygrad_lecture import Tensor, random as rng
from tinygrad_lecture.backend import move
from tinygrad_lecture.errors import TensorError

from .errors import check_tensor


class _Mode(threading.local):
    skipping: bool = False


_mode = _Mode()


@contextmanager
def skip() -> Iterator[None]:
    """Context manager in which this thread draws no random weights: new layers keep uninitialised memory.

    Use it for a model that gets other weights afterwards, as from a file: it is made faster, and the random stream does
    not advance.
    """
    before, _mode.skipping = _mode.skipping, True
    try:
        yield
    finally:
        _mode.skipping = before


def draws(fill: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function with `generator=`, the stream that it draws from; it draws nothing within `skip`."""

    @functools.wraps(fill)
    def filled(tensor: Tensor, *args: Any, generator: rng.Generator | None = None, **settings: Any) -> Tensor:
        with rng.drawing_from(generator):
            return tensor if _mode.skipping else fill(tensor, *args, **settings)

    return filled


@draws
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Uniform over [a, b): a + (b - a) · u with u uniform in [0, 1), for any shape. Raises ValueError for a above b."""
    if a > b:
        raise ValueError(f"uniform_: a must not be above b, but they are {a} and {b}")
    u = rng.uniform(tensor.shape, tensor.dtype, tensor.device)
    u *= b - a
    u += a
    return _fill(tensor, u)


def uniform_by_fan(parameters: Iterable[Tensor], fan_in: int) -> None:
    """Uniform in ±1/sqrt(fan_in), weights and biases of any shape alike: how most layers start, as in PyTorch."""
    bound = 1 / math.sqrt(fan_in)
    for parameter in parameters:
        uniform_(parameter, -bound, bound)


@draws
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Normal: mean + std · z with z standard normal, for any shape. Raises ValueError for a negative std."""
    _check_std("normal_", std)
    n = rng.normal(tensor.shape, tensor.dtype, tensor.device)
    n *= std
    n += mean
    return _fill(tensor, n)


@draws
def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Tensor:
    """Normal distribution truncated to [a, b], for any shape: mean + std · z, and z is drawn again outside.

    They are drawn on the host, whatever the device. Raises ValueError for a negative std, or if less than 1% of the
    distribution is inside.
    """
    _check_std("trunc_normal_", std)
    inside = (math.erf((b - mean) / std / math.sqrt(2)) - math.erf((a - mean) / std / math.sqrt(2))) / 2
    if not inside > 0.01:
        raise ValueError(f"trunc_normal_: only {inside:.2%} of mean {mean}, std {std} is inside [{a}, {b}]; widen it")
    values = np.asarray(mean + std * rng.normal(tensor.shape, tensor.dtype), tensor.dtype)
    while (outside := (values < a) | (values > b)).any():
        values[outside] = mean + std * rng.normal((int(outside.sum()),), tensor.dtype)
    return _fill(tensor, move(values, tensor.device))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """x = val everywhere, for any shape."""
    return _fill(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """x = 0 everywhere, for any shape."""
    return _fill(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """x = 1 everywhere, for any shape."""
    return _fill(tensor, 1)


@draws
def orthogonal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """`gain` times a random matrix with orthonormal rows or, with more rows than columns, orthonormal columns.

    W Wᵀ = gain² · 1, or Wᵀ W, for a weight W of shape `(out, in, ...)`; axes after the second count as columns. With
    gain 1 such a matrix keeps the length of vectors. It is drawn on the host, whatever the device. Raises ValueError
    for fewer than two axes. (Saxe et al., arXiv:1312.6120.)
    """
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: the tensor must have shape (out, in, ...), not {tensor.shape}")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    q, r = np.linalg.qr(rng.normal((max(rows, columns), min(rows, columns)), np.dtype(np.float64)))
    q *= np.sign(np.diagonal(r))  # makes all directions equally probable
    q = q.T if rows < columns else q
    return _fill(tensor, move((gain * q).reshape(tensor.shape).astype(tensor.dtype), tensor.device))


@draws
def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Uniform with variance gain² · 2 / (fan_in + fan_out), for sigmoid and tanh (Glorot & Bengio, AISTATS 2010).

    For a weight of shape `(out, in, ...)`. Raises ValueError for fewer than two axes.
    """
    fan_in, fan_out = fans(tensor)
    bound = gain * math.sqrt(6 / (fan_in + fan_out))  # the variance of uniform ±a is a²/3
    return uniform_(tensor, -bound, bound)


@draws
def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Normal with variance gain² · 2 / (fan_in + fan_out), for sigmoid and tanh (Glorot & Bengio, AISTATS 2010).

    For a weight of shape `(out, in, ...)`. Raises ValueError for fewer than two axes.
    """
    fan_in, fan_out = fans(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2 / (fan_in + fan_out)))


@draws
def kaiming_uniform_(tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """Uniform with variance gain² / fan, for relu and its variants (He et al., arXiv:1502.01852).

    For a weight of shape `(out, in, ...)`. `a` is the negative slope of leaky_relu. The mode "fan_in" keeps the size of
    signals in the forward pass, "fan_out" in the backward pass. Raises ValueError for fewer than two axes, another
    mode, or an unknown nonlinearity.
    """
    bound = calculate_gain(nonlinearity, a) * math.sqrt(3 / _fan(tensor, mode))
    return uniform_(tensor, -bound, bound)


@draws
def kaiming_normal_(tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """Normal with variance gain² / fan; arguments, errors and source are those of `kaiming_uniform_`."""
    return normal_(tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode)))


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The gain of an activation, from PyTorch's table: the factor that compensates for how much it shrinks signals.

    `param` is the negative slope of leaky_relu, 0.01 by default. Raises ValueError for an activation that is not in
    the table.
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        known = ", ".join(sorted([*_GAINS, "leaky_relu"]))
        raise ValueError(f"calculate_gain: nonlinearity must be one of {known}, not {nonlinearity!r}")
    return _GAINS[nonlinearity]


_GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2)}


def fans(tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight of shape `(out, in, ...)`; the sizes of further axes multiply both.

    Raises ValueError for fewer than two axes.
    """
    check_tensor("nn.init", "what to fill", tensor)
    if tensor.ndim < 2:
        raise TensorError(f"Xavier and Kaiming need a weight (out, in, ...), not {tensor.shape}; of a bias use zeros_")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _check_std(name: str, std: float) -> None:
    """Raises ValueError for a negative std or NaN."""
    if not std >= 0:
        raise ValueError(f"{name}: std must be 0 or more, not {std}")


def _fan(tensor: Tensor, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f'mode must be "fan_in" or "fan_out", not {mode!r}')
    return fans(tensor)[mode == "fan_out"]


def _fill(tensor: Tensor, values: object) -> Tensor:
    tensor.inplace()[...] = values
    return tensor
