"""Initial weights. Each function fills a tensor in place, from the stream that `tl.manual_seed` seeds, and returns it.

A layer should hand on signals of about the size that it gets, forwards and backwards, or deep networks start out with
nothing to learn from. The variance that does so depends on how many numbers each neuron sums (fan_in), how many neurons
each input goes to (fan_out), and the activation (gain).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture import random as rng
from tinygrad_lecture.backend import move


class _Own(threading.local):
    skipping: bool = False


_own = _Own()


@contextmanager
def skip() -> Iterator[None]:
    """Within it nothing is drawn at random, on this thread: layers are made with whatever is in their memory.

    For what gets other weights at once, such as those of a file: large models are made faster, and the random stream
    stays where it is.
    """
    before, _own.skipping = _own.skipping, True
    try:
        yield
    finally:
        _own.skipping = before


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Uniform in [a, b)."""
    if _own.skipping:
        return tensor
    u = rng.uniform(tensor.shape, tensor.dtype, tensor.device)
    u *= b - a
    u += a
    return _fill(tensor, u)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Normal with that mean and standard deviation."""
    if _own.skipping:
        return tensor
    n = rng.normal(tensor.shape, tensor.dtype, tensor.device)
    n *= std
    n += mean
    return _fill(tensor, n)


def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Tensor:
    """Normal, but what falls outside of [a, b] is drawn again. Drawn on the host, on every device.

    Raises ValueError if less than one number in a hundred falls inside.
    """
    if _own.skipping:
        return tensor
    inside = (math.erf((b - mean) / std / math.sqrt(2)) - math.erf((a - mean) / std / math.sqrt(2))) / 2
    if not inside > 0.01:
        raise ValueError(f"trunc_normal_: of mean {mean} and std {std} only {inside:.2%} falls into [{a}, {b}]")
    values = np.asarray(mean + std * rng.normal(tensor.shape, tensor.dtype), tensor.dtype)
    while (outside := (values < a) | (values > b)).any():
        values[outside] = mean + std * rng.normal((int(outside.sum()),), tensor.dtype)
    return _fill(tensor, move(values, tensor.device))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """The same value everywhere."""
    return _fill(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """0 everywhere."""
    return _fill(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """1 everywhere."""
    return _fill(tensor, 1)


def eye_(tensor: Tensor) -> Tensor:
    """1 on the diagonal and 0 elsewhere, of a matrix. Raises ValueError for another number of axes."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_: fills a matrix, not a tensor of shape {tensor.shape}")
    return _fill(tensor, move(np.eye(*tensor.shape, dtype=tensor.dtype), tensor.device))


def orthogonal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """gain times a random matrix with orthonormal rows or, if it has more rows than columns, columns.

    Such a matrix keeps the length of what it multiplies (Saxe et al., arXiv:1312.6120). Axes after the second belong to
    the columns. Drawn on the host, on every device. Raises ValueError for fewer than two axes.
    """
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: fills a weight of shape (out, in), not {tensor.shape}")
    if _own.skipping:
        return tensor
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    q, r = np.linalg.qr(rng.normal((max(rows, columns), min(rows, columns)), np.dtype(np.float64)))
    q *= np.sign(np.diagonal(r))  # otherwise some directions would be more probable than others
    q = q.T if rows < columns else q
    return _fill(tensor, move((gain * q).reshape(tensor.shape).astype(tensor.dtype), tensor.device))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Uniform with variance gain² · 2 / (fan_in + fan_out), for sigmoid and tanh (Glorot & Bengio, AISTATS 2010)."""
    fan_in, fan_out = fans(tensor)
    bound = gain * math.sqrt(6 / (fan_in + fan_out))  # the variance of uniform ±a is a²/3
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Normal with variance gain² · 2 / (fan_in + fan_out), for sigmoid and tanh (Glorot & Bengio, AISTATS 2010)."""
    fan_in, fan_out = fans(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2 / (fan_in + fan_out)))


def kaiming_uniform_(tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """Uniform with variance gain² / fan, for relu and its kin (He et al., arXiv:1502.01852).

    a: the negative slope, of leaky_relu.  mode: "fan_in" keeps the size of signals forwards, "fan_out" backwards.
    """
    bound = calculate_gain(nonlinearity, a) * math.sqrt(3 / _fan(tensor, mode))
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """Normal with variance gain² / fan, for relu and its kin (He et al., arXiv:1502.01852)."""
    return normal_(tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode)))


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """How much larger weights must be for an activation, PyTorch's table. param: leaky_relu's negative slope.

    Raises ValueError for an activation that is not in it.
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        known = ", ".join(sorted([*_GAINS, "leaky_relu"]))
        raise ValueError(f"calculate_gain: no gain is known for {nonlinearity!r}, only for {known}")
    return _GAINS[nonlinearity]


_GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}


def fans(tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight of shape (out, in, ...): axes after the second multiply both.

    Raises ValueError for fewer than two axes.
    """
    if tensor.ndim < 2:
        raise ValueError(
            f"Xavier and Kaiming fill a weight of shape (out, in), not {tensor.shape}; a bias uniform_ or zeros_"
        )
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _fan(tensor: Tensor, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f'mode must be "fan_in" or "fan_out", not {mode!r}')
    return fans(tensor)[mode == "fan_out"]


def _fill(tensor: Tensor, values: object) -> Tensor:
    tensor.inplace()[...] = values
    return tensor
