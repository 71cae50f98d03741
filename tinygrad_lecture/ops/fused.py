"""The lecture's larger formulas, each as it stands on the slide; the kernels behind them are in kernels/fused.py.

A row of nothing but -inf: `logsumexp` gives -inf with gradient 0, `softmax` zeros (PyTorch: nan), `log_softmax` -inf.
Of an empty row `logsumexp` gives -inf too.
"""

from __future__ import annotations

import math

import numpy as np

from ..autograd.op import Value
from ..kernels import fused as kernels
from ..traced import Traced, wrap
from .elementwise import clip, erf, exp, log, sqrt, tanh, where
from .fusion import fused
from .indexing import gather
from .reduction import Axes, max, mean, sum
from .shape import reshape, squeeze, swapaxes


@fused
def linear(x: Value, weight: Value, bias: Value = None, /) -> Value:
    """A layer of neurons: x W^T + b.

    x: (..., in).  weight: (out, in), a row per neuron, as in PyTorch.  bias: (out,) or None.  Returns (..., out).
    """
    y = x @ swapaxes(weight, 0, 1)  # (..., in) @ (in, out) -> (..., out)
    return y if bias is None else y + bias


@linear.explains
def _(x: Value, weight: Value, bias: Value = None) -> str:
    wanted = f"(..., {weight.shape[-1]})" if weight.ndim == 2 else "(..., in)"
    bias_shape = "" if bias is None else f", and a bias of shape {bias.shape}, wanted ({weight.shape[0]},)"
    return f"weight {weight.shape} is (out, in) and wants x of shape {wanted}, got {x.shape}{bias_shape}"


@fused
def logsumexp(x: Value, /, axis: Axes = None, keepdims: bool = False) -> Value:
    """log(sum(exp(x))) over axes, without overflow: the largest element is taken out of the sum first."""
    shift = _largest(x, axis, finite=True)
    total = sum(exp(x - shift), axis, keepdims=True)
    result = where(total == 0, -math.inf, log(where(total == 0, 1, total)) + shift)
    return result if keepdims else squeeze(result, axis)


@fused
def softmax(x: Value, /, axis: int = -1) -> Value:
    """exp(x) / sum(exp(x)) along an axis: positive numbers that sum to 1."""
    e = exp(x - _largest(x, axis))
    total = sum(e, axis, keepdims=True)
    return e / (total + (total == 0))


@fused
def log_softmax(x: Value, /, axis: int = -1) -> Value:
    """log(softmax(x)) along an axis, without the overflow and underflow of taking it literally."""
    shifted = x - _largest(x, axis)
    total = sum(exp(shifted), axis, keepdims=True)
    return shifted - log(total + (total == 0))


@fused
def cross_entropy(logits: Value, targets: Value, /) -> Value:
    """-log(softmax(logits)[target]) of each row: how surprised the model is by the right class.

    logits: (..., classes).  targets: (...), integers from 0 to classes - 1.  Returns (...), one loss per row.
    """
    picked = gather(log_softmax(logits, -1), -1, reshape(targets, (*targets.shape, 1)))  # (..., 1)
    return -reshape(picked, targets.shape)


@cross_entropy.explains
def _(logits: Value, targets: Value) -> str | None:
    classes = logits.shape[-1]
    if targets.shape != logits.shape[:-1]:
        wanted = logits.shape[:-1]
        return f"logits {logits.shape} are (..., classes) and want targets of shape {wanted}, got {targets.shape}"
    if targets.dtype.kind not in "iu":
        return f"targets must be integers, the number of each row's class, not {targets.dtype}"
    return f"targets run from {targets.min()} to {targets.max()}, and there are classes 0 to {classes - 1}"


@fused
def squared_error(x: Value, y: Value, /, average: bool = True) -> Value:
    """How far numbers are from what they should be: the mean of (x - y)² over all elements, or their sum.

    x, y: of one shape.  average: whether to take the mean, nan of nothing.  Returns one number.
    """
    difference = x - y
    return (mean if average else sum)(difference * difference)


@fused
def gelu(x: Value, /, approximate: str = "none") -> Value:
    """x times the probability that a standard normal is below x (Hendrycks & Gimpel, arXiv:1606.08415).

    approximate: "none" for the exact 0.5 x (1 + erf(x / sqrt(2))); "tanh" for GPT-2's
    0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x³))). Raises ValueError for another word.
    """
    if approximate == "none":
        return 0.5 * x * (1 + erf(x * math.sqrt(0.5)))
    if approximate == "tanh":
        return 0.5 * x * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))
    raise ValueError(f'gelu: approximate must be "none" or "tanh", not {approximate!r}')


@fused
def layer_norm(x: Value, weight: Value = None, bias: Value = None, /, axes: int = 1, eps: float = 1e-5) -> Value:
    """(x - mean) / sqrt(var + eps) over the last `axes` axes, times weight, plus bias (Ba et al., arXiv:1607.06450).

    x: (..., *normalized).  weight, bias: shape normalized, or None.  var divides by n.
    """
    over = tuple(range(-axes, 0))
    centred = x - mean(x, over, keepdims=True)
    y = centred / sqrt(mean(centred * centred, over, keepdims=True) + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


@fused
def attention_weights(q: Value, k: Value, mask: Value = None, /) -> Value:
    """softmax(q k^T / sqrt(d)) over the keys that the mask allows (Vaswani et al., arXiv:1706.03762, formula 1).

    q: (..., queries, d).  k: (..., keys, d).  mask: bools that broadcast to (..., queries, keys), or None for all.
    Returns (..., queries, keys); a row without an allowed key is zeros, with gradient 0.
    """
    scores = q @ swapaxes(k, -1, -2) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = where(mask, scores, -math.inf)
    return softmax(scores, -1)


@attention_weights.explains
def _(q: Value, k: Value, mask: Value = None) -> str:
    wanted = (*q.shape[:-1], k.shape[-2]) if k.ndim > 1 else "(..., queries, keys)"
    given = "" if mask is None else f", and a mask of shape {mask.shape}, wanted one that broadcasts to {wanted}"
    got = f"got {q.shape} and {k.shape}{given}"
    return f"wanted q (..., queries, d) and k (..., keys, d), whose other axes broadcast, {got}"


def _largest(x: Value, axis: Axes, finite: bool = False) -> Value:
    """The largest element along axes as a constant, kept finite where all are -inf (if `finite`, also where it is inf);
    of nothing, 0."""
    if x.dtype.kind != "f":
        raise TypeError(f"it takes floats, not {x.dtype}; convert with .to(tl.float32)")
    if 0 in x.shape:
        return 0.0
    x = wrap(x._array) if isinstance(x, Traced) else x
    limit = float(np.finfo(x.dtype).max)
    return clip(max(x, axis, keepdims=True), -limit, limit if finite else None)


attention_weights.kernel(kernels.attention_weights, kernels.attention_weights_backward)
linear.kernel(kernels.linear, kernels.linear_backward)
softmax.kernel(kernels.softmax, kernels.softmax_backward)
log_softmax.kernel(kernels.log_softmax, kernels.log_softmax_backward)
squared_error.kernel(kernels.squared_error, kernels.squared_error_backward)
cross_entropy.kernel(kernels.cross_entropy, kernels.cross_entropy_backward)
gelu.kernel(kernels.gelu, kernels.gelu_backward)
layer_norm.kernel(kernels.layer_norm, kernels.layer_norm_backward)
