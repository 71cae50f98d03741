"""Probability distributions with PyTorch's names: draws, logarithms of densities, entropies, divergences.

    policy = torch.distributions.Categorical(logits=model(state))
    action = policy.sample()
    loss = -policy.log_prob(action) * reward                    # REINFORCE (Williams, Machine Learning 8, 1992)

Parameters broadcast, and `batch_shape` is their shape; gradients flow into them. Numbers are drawn by the functions of
the engine, so `tl.manual_seed` seeds them. Unless validate_args=False, parameters and values that do not belong to a
distribution raise ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError

from .. import functional as F
from .functions import bernoulli

__all__ = ["Bernoulli", "Categorical", "Distribution", "Normal", "kl_divergence"]


class Distribution:
    """Base class. A subclass defines `sample`, or `rsample` through which gradients flow; `log_prob` and `entropy`."""

    has_rsample = False
    batch_shape: tuple[int, ...] = ()
    event_shape = property(lambda self: self.batch_shape[:0], doc="(): a draw is a number.")
    parameters: tuple[str, ...] = ()  # their names
    validate_args: bool | None = None

    def rsample(self, sample_shape: Any = ()) -> Any:
        """A draw of shape (*sample_shape, *batch_shape) that depends on the parameters with gradients."""
        raise NotImplementedError(f"{type(self).__name__} has no rsample: a gradient cannot flow through its draws")

    def sample(self, sample_shape: Any = ()) -> Any:
        """A draw of shape (*sample_shape, *batch_shape), a constant."""
        with tl.no_grad():
            return self.rsample(sample_shape)

    def entropy(self) -> Any:
        """The mean of -log p(x) over the draws, (*batch_shape)."""
        raise NotImplementedError(f"{type(self).__name__} has no entropy")

    def perplexity(self) -> Any:
        """exp(entropy)."""
        return tl.exp(self.entropy())

    def _check(self, valid: Any, what: str) -> None:
        """Raise ValueError, unless it was switched off, if a condition fails for an element."""
        if self.validate_args is not False and not bool(valid.all()):
            raise TensorError(f"{type(self).__name__}: {what}")

    def __repr__(self) -> str:
        values = {name: vars(self)[name] for name in self.parameters if name in vars(self)}
        shown = (f"{name}: {x if x.numel() == 1 else x.shape}" for name, x in values.items())
        return f"{type(self).__name__}({', '.join(shown)})"


class Normal(Distribution):
    """The normal distribution with mean `loc` and standard deviation `scale`, which is above 0: tensors or numbers."""

    has_rsample = True
    parameters = ("loc", "scale")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = _broadcast(loc, scale)
        self.batch_shape, self.validate_args = self.loc.shape, validate_args
        self._check(self.loc == self.loc, "loc is nan")
        self._check(self.scale > 0, "scale must be above 0")

    mean = property(lambda self: self.loc, doc="loc.")
    stddev = property(lambda self: self.scale, doc="scale.")
    variance = property(lambda self: self.scale**2, doc="scale².")

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = (*sample_shape, *self.batch_shape)
        noise = tl.randn(shape, dtype=self.loc.dtype, device=self.loc.device)
        return self.loc + noise * self.scale  # the reparameterisation (Kingma & Welling, arXiv:1312.6114)

    def log_prob(self, value: Any) -> Any:
        """log of the density, -(x - loc)² / (2 scale²) - log scale - log √(2π)."""
        self._check(value == value, "the value is nan")
        return -((value - self.loc) ** 2) / (2 * self.variance) - tl.log(self.scale) - math.log(math.sqrt(2 * math.pi))

    def cdf(self, value: Any) -> Any:
        """The probability of a draw up to `value`."""
        return 0.5 * (1 + tl.erf((value - self.loc) / self.scale / math.sqrt(2)))

    def entropy(self) -> Any:
        """1/2 + log √(2π) + log scale."""
        return 0.5 + 0.5 * math.log(2 * math.pi) + tl.log(self.scale)


class _Discrete(Distribution):
    """A distribution that `probs` or `logits` give, one of both; the other is computed when it is asked for."""

    parameters = ("probs", "logits")
    event_axes = 0  # how many of the last axes of the parameters belong to one draw
    _to_probs: Callable[..., Any]
    _to_logits: Callable[..., Any]

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError(f"{type(self).__name__}: give either probs or logits")
        self.validate_args = validate_args
        (given,) = _broadcast(logits if probs is None else probs)
        if given.ndim < self.event_axes:
            raise TensorError(f"{type(self).__name__}: shape {given.shape} has no axis of classes")
        if probs is None:
            self._check(given == given, "logits has a nan")
            self.logits = self._normalised(given)
        else:
            self.probs = self._proportional(given)
            self._check((self.probs >= 0) & (self.probs <= 1), "probs must be from 0 to 1")
        self.batch_shape = given.shape[: given.ndim - self.event_axes]

    @cached_property
    def probs(self) -> Any:
        """The probabilities, where logits were given."""
        with tl.enable_grad():
            return self._to_probs(self.logits)

    @cached_property
    def logits(self) -> Any:
        """The logits, where probabilities were given; those of 0 and 1 are finite."""
        eps = float(_limits(self.probs).eps)
        with tl.enable_grad():
            return self._to_logits(tl.clip(self.probs, eps, 1 - eps))

    def _normalised(self, logits: Any) -> Any:
        return logits

    def _proportional(self, probs: Any) -> Any:
        return probs


class Bernoulli(_Discrete):
    """1 with probability `probs`, or sigmoid(`logits`), else 0: a tensor or a number. Draws have the dtype of probs."""

    mean = property(lambda self: self.probs, doc="probs.")
    variance = property(lambda self: self.probs * (1 - self.probs), doc="probs (1 - probs).")

    _to_probs = staticmethod(tl.sigmoid)

    def _to_logits(self, probs: Any) -> Any:
        return tl.log(probs) - tl.log1p(-probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        return bernoulli(self.probs.detach().broadcast_to((*sample_shape, *self.batch_shape)))

    def log_prob(self, value: Any) -> Any:
        """log probs where the value is 1, log(1 - probs) where it is 0."""
        self._check((value == 0) | (value == 1), "a value is neither 0 nor 1")
        logits, value = _broadcast(self.logits, value)
        return -F.binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Any:
        return F.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")


class Categorical(_Discrete):
    """An index 0 ... k - 1 along the last axis of `probs`, which are divided by their sum, or of `logits`: (..., k).

    Draws are int64 of shape (*sample_shape, ...), drawn on the host.
    """

    event_axes = 1

    def _normalised(self, logits: Any) -> Any:
        return tl.log_softmax(logits, -1)

    def _proportional(self, probs: Any) -> Any:
        total = probs.sum(-1, keepdims=True)
        self._check(total > 0, "the probs of a row must be above 0 together")
        return probs / total

    def _to_probs(self, logits: Any) -> Any:
        return tl.softmax(logits, -1)

    _to_logits = staticmethod(tl.log)

    def sample(self, sample_shape: Any = ()) -> Any:
        rows = self.probs.detach().reshape(-1, self.probs.shape[-1])
        drawn = tl.multinomial(rows, math.prod(sample_shape), replacement=True)  # (rows, draws)
        return drawn.T.reshape(*sample_shape, *self.batch_shape)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the probability of each index, of a shape that broadcasts with batch_shape."""
        k = self.logits.shape[-1]
        self._check((value >= 0) & (value < k) & (value % 1 == 0), f"a value is no index from 0 to {k - 1}")
        shape = np.broadcast_shapes(value.shape, self.batch_shape)
        places = value.long().broadcast_to(shape).unsqueeze(-1)
        return self.logits.broadcast_to((*shape, k)).gather(-1, places).squeeze(-1)

    def entropy(self) -> Any:
        """-sum of p log p, where 0 log 0 is 0."""
        return -(tl.clip(self.logits, float(_limits(self.logits).min)) * self.probs).sum(-1)


def kl_divergence(p: Distribution, q: Distribution) -> Any:
    """The mean of log p(x) - log q(x) over the draws of p, (*batch_shape). (Kullback & Leibler, 1951.)

    Raises NotImplementedError unless both are of one class.
    """
    if isinstance(p, Normal) and isinstance(q, Normal):
        ratio = (p.scale / q.scale) ** 2
        return 0.5 * (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - tl.log(ratio))
    if isinstance(p, Categorical) and isinstance(q, Categorical):
        return _weighted(p.probs, q.probs, p.logits - q.logits).sum(-1)
    if isinstance(p, Bernoulli) and isinstance(q, Bernoulli):
        ones = _weighted(p.probs, q.probs, F.softplus(-q.logits) - F.softplus(-p.logits))
        zeros = _weighted(1 - p.probs, 1 - q.probs, F.softplus(q.logits) - F.softplus(p.logits))
        return ones + zeros
    raise NotImplementedError(f"kl_divergence: of a {type(p).__name__} and a {type(q).__name__} it is not here")


def _weighted(p: Any, q: Any, log_ratio: Any) -> Any:
    """p * log(p / q) for each outcome: 0 where p is 0, else inf where q is 0."""
    return p * tl.where(p == 0, 0.0, tl.where(q == 0, math.inf, log_ratio))


def _limits(x: Any) -> Any:
    return np.finfo(np.dtype(x.dtype))


def _broadcast(*values: Any) -> list[Any]:
    """Tensors and numbers as Tensors of one shape; numbers take dtype and device of the first Tensor."""
    like = next((x for x in values if isinstance(x, Tensor)), tl.empty(0))
    tensors = [x if isinstance(x, Tensor) else tl.tensor(x, dtype=like.dtype, device=like.device) for x in values]
    shape = np.broadcast_shapes(*(x.shape for x in tensors))
    return [x.broadcast_to(shape) for x in tensors]
