"""Fused ops: the lecture's larger formulas, written as on the slides. Their kernels are in kernels/fused.py.

For a row of only -inf, `logsumexp` gives -inf with gradient 0, `softmax` gives zeros (PyTorch: nan), and `log_softmax`
gives -inf. For an empty row, `logsumexp` gives -inf.

The record of a call keeps the inputs, which higher derivatives need, and for backward

    softmax, log_softmax, attention_weights     the output
    gelu, cross_entropy                         the derivative, an array of the input's size
    layer_norm, rms_norm                        two numbers per row, for its mean and 1 / sqrt(var + eps)
    attention                                   the output and, up to 256 keys, the weights that the mask allows; where
                                                it is compiled, in their place two numbers for each query
    linear, quantized_linear, rotary,           nothing else
    squared_error
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd.modes import modes
from ..autograd.op import Value, op
from ..backend import xp
from ..kernels import attention as attention_kernels, fused as kernels, gelu as gelu_kernels, recurrent
from ..tensor_base import TensorBase, array_of, wrap
from .basics import exp, relu, sum, where
from .composite import as_floats, composite, fused, takes_dtype
from .elementwise import clip, erf, log, logical_and, sigmoid, sqrt, tanh
from .indexing import gather
from .reduction import amax, centred, mean
from .shape import Axes, cat, chunk, concatenate, reshape, squeeze, swapaxes

__all__ = [
    "attention", "attention_weights", "cross_entropy", "dequantize", "gelu", "layer_norm", "linear", "log_softmax",
    "logsumexp", "quantized_linear", "rms_norm", "rotary", "softmax", "squared_error",
]  # fmt: skip


@fused
def linear(x: Value, weight: Value, bias: Value = None, /) -> Value:
    """A layer of neurons: x W^T + b, shape (..., out).

    x: (..., in).  weight: (out, in), one row per neuron, as in PyTorch.  bias: (out,) or None.
    Raises ValueError for other shapes.

        tl.linear(tl.ones(5, 3), tl.ones(2, 3), tl.ones(2)).shape       # (5, 2)
    """
    y = x @ swapaxes(weight, 0, 1)  # (..., in) @ (in, out) -> (..., out)
    return y if bias is None else y + bias


@linear.explains
def _(x: Value, weight: Value, bias: Value = None) -> str:
    x_shape = f"(..., {weight.shape[-1]})" if weight.ndim == 2 else "(..., in)"
    bias_shape = "" if bias is None else f", and bias of shape ({weight.shape[0]},), not {bias.shape}"
    return f"weight of shape {weight.shape}, (out, in), needs x of shape {x_shape}, not {x.shape}{bias_shape}"


@composite
def dequantize(numbers: Value, scale: Value, offset: Value) -> Value:
    """The matrix of quantised numbers, numbers * scale + offset: (rows, n). Arguments: see `quantized_linear`.

    tl.dequantize(tl.ones(1, 32, dtype=tl.int8), tl.ones(1, 1), tl.ones(1, 1)).mean()       # tensor(2.)
    """
    if numbers.dtype == np.uint8:
        bytes_ = reshape(numbers, (*scale.shape, 16))
        blocks = concatenate(bytes_ % 16, bytes_ // 16, axis=-1)
    else:
        blocks = reshape(numbers, (*scale.shape, 32))
    return reshape(blocks * scale[..., None] + offset[..., None], (scale.shape[0], scale.shape[1] * 32))


@fused
def quantized_linear(x: Value, numbers: Value, scale: Value, offset: Value, /) -> Value:
    """x W^T, where W is a matrix of 4 or 8 bits a number: (..., n) -> (..., rows).

    Its blocks of 32 columns have a scale and an offset of their own: W = numbers * scale + offset.
    x: (..., n).  scale, offset: (rows, n / 32).
    numbers: int8, (rows, n); or uint8, (rows, n / 2), with a block's first 16 numbers in the lower bits of 16 bytes,
    its others in the upper.
    Raises ValueError for other shapes.

        numbers = tl.ones(2, 32, dtype=tl.int8)
        tl.quantized_linear(tl.ones(1, 32), numbers, tl.ones(2, 1), tl.zeros(2, 1))     # tensor([[32., 32.]])
    """
    kernels.check_blocks(x, numbers, scale, offset)
    return linear(x, dequantize(numbers, scale, offset))


@quantized_linear.explains
def _(x: Value, numbers: Value, scale: Value, offset: Value) -> str:
    return (
        f"needs x (..., n), scale and offset (rows, n / 32), and numbers as int8 (rows, n) or uint8 (rows, n / 2), got "
        f"{x.shape}, {scale.shape}, {offset.shape}, and {numbers.dtype} {numbers.shape}"
    )


@op(differentiable=False)
def quantized_rows(*arrays: Value) -> Value:
    """`quantized_linear` of the same x for several matrices, side by side: (..., n) -> (..., all rows). No gradient.

    arrays: x, then numbers, scale and offset of each matrix.
    """
    x, matrices = arrays[0], [arrays[i : i + 3] for i in range(1, len(arrays), 3)]
    out = None if modes.reference else kernels.quantized_rows(x, *matrices)
    return concatenate(*[quantized_linear(x, *each) for each in matrices], axis=-1) if out is None else out


quantized_rows.views = False


@fused
def logsumexp(x: Value, /, axis: Axes = None, keepdims: bool = False) -> Value:
    """log(sum(exp(x))) over axes, without overflow: computed as m + log(sum(exp(x - m))), with m the largest element.

    axis (also `dim`): the axes to reduce, an int or a tuple; None for all.
    keepdims (also `keepdim`): whether to keep them, with size 1.
    The result has x's dtype; float16 is computed in float32. -inf, with gradient 0, if all elements are -inf.
    Raises TypeError for integers, IndexError for an axis out of range.

        tl.logsumexp(tl.tensor([1000.0, 1000.0]))       # tensor(1000.6932)
    """
    shift = _finite_max(x, axis, finite=True)
    total = sum(exp(x - shift), axis, keepdims=True)
    result = where(total == 0, -math.inf, log(where(total == 0, 1, total)) + shift)
    return result if keepdims else squeeze(result, axis)


@fused
def softmax(x: Value, /, axis: int = -1, *, dtype: Any = None) -> Value:
    """exp(x) / sum(exp(x)) along an axis: probabilities, which sum to 1 (Bridle, 1990).

    axis: an int (also `dim`), the last by default.  dtype: convert x to this dtype first; None (the default) for x's
    own. The largest element is subtracted first, so exp does not overflow.
    The result has x's shape and dtype; float16 is computed in float32. A row of only -inf gives zeros.
    Raises TypeError for integers, IndexError for an axis out of range.

        tl.softmax(tl.tensor([0.0, 0.0]))       # tensor([0.5000, 0.5000])
    """
    e = exp(x - _finite_max(x, axis))
    total = sum(e, axis, keepdims=True)
    return e / (total + (total == 0))


@fused
def log_softmax(x: Value, /, axis: int = -1, *, dtype: Any = None) -> Value:
    """log(softmax(x)) along an axis, computed as x - logsumexp(x): log never sees a probability rounded to 0.

    axis: an int (also `dim`), the last by default.  dtype: convert x to this dtype first; None (the default) for x's
    own. The result has x's shape and dtype; float16 is computed in float32. See `softmax`.
    Raises TypeError for integers, IndexError for an axis out of range.
    """
    shifted = x - _finite_max(x, axis)
    total = sum(exp(shifted), axis, keepdims=True)
    return shifted - log(total + (total == 0))


@fused
def cross_entropy(logits: Value, targets: Value, /) -> Value:
    """The cross-entropy loss of each row, -log(softmax(logits)[target]), shape (...).

    logits: (..., classes).  targets: (...), integers from 0 to classes - 1, without a gradient.
    The gradient with respect to logits is softmax(logits) - one_hot(targets).
    Raises ValueError for other shapes or targets that are not integers, IndexError for a target out of range (on a GPU
    it is not checked).

        tl.cross_entropy(tl.zeros(1, 2), tl.tensor([0]))        # tensor([0.6931])
    """
    kernels.check_targets(logits, array_of(targets))
    picked = gather(log_softmax(logits, -1), -1, reshape(targets, (*targets.shape, 1)))  # (..., 1)
    return -reshape(picked, targets.shape)


@cross_entropy.explains
def _(logits: Value, targets: Value) -> str | None:
    classes = logits.shape[-1]
    if targets.shape != logits.shape[:-1]:
        needed = logits.shape[:-1]
        return f"logits of shape {logits.shape}, (..., classes), need targets of shape {needed}, not {targets.shape}"
    if targets.dtype.kind not in "iu":
        return f"targets must be integers (the class of each row), not {targets.dtype}; convert with .long()"
    single = "; for one output, use binary_cross_entropy_with_logits" if classes == 1 else ""
    first, last = targets.min(), targets.max()
    counted = "; counted from 1? write targets - 1" if first == 1 and last == classes > 1 else ""
    return f"targets range from {first} to {last}, but the classes are 0 to {classes - 1}{single}{counted}"


@fused
def squared_error(x: Value, y: Value, /, average: bool = True) -> Value:
    """The mean of (x - y)² over all elements, or with average=False the sum; a 0-d tensor.

    x, y: predictions and targets of the same shape. The mean of no elements is nan.

        tl.squared_error(tl.tensor([1.0, 2.0]), tl.tensor([1.0, 4.0]))      # tensor(2.)
    """
    difference = as_floats(x) - y
    return (mean if average else sum)(difference * difference)


@fused
def gelu(x: Value, /, approximate: str = "none") -> Value:
    """x * Phi(x), elementwise, where Phi is the distribution function of the standard normal.

    approximate: "none" for the exact 0.5 x (1 + erf(x / sqrt(2))); "tanh" for GPT-2's
    0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x³))). Raises ValueError for another value.
    (Hendrycks & Gimpel, arXiv:1606.08415.)
    """
    if approximate == "none":
        return 0.5 * x * (1 + erf(x * math.sqrt(0.5)))
    if approximate == "tanh":
        z = clip(x, -10, 10)  # where tanh is 1 already: x³ would overflow, and 0 times inf is no gradient
        return 0.5 * x * (1 + tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * (z * z * z))))
    raise ValueError(f'gelu: approximate must be "none" or "tanh", not {approximate!r}')


@fused
def layer_norm(x: Value, weight: Value = None, bias: Value = None, /, axes: int = 1, eps: float = 1e-5) -> Value:
    """Layer normalisation, (x - mean) / sqrt(var + eps) * weight + bias, in x's shape (Ba et al., arXiv:1607.06450).

    mean and var (which divides by n) are taken over the last `axes` axes, for each position of the others.
    weight, bias: the shape of those last axes, or None.  eps: keeps the division finite where var is 0.
    float16 is computed in float32. Raises ValueError for a weight or bias of another shape, or a negative eps.

        tl.layer_norm(tl.tensor([[1.0, 3.0]]), eps=0.0)     # tensor([[-1.,  1.]])
    """
    kernels.check_weights(x, weight, bias, axes, eps)
    over = tuple(range(-axes, 0))
    y = centred(x, over)  # x - mean
    y = y / sqrt(mean(y * y, over, keepdims=True) + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


@layer_norm.explains
def _(x: Value, weight: Value = None, bias: Value = None, axes: int = 1, eps: float = 1e-5) -> str | None:
    needed = x.shape[x.ndim - axes :]
    wrong = [
        f"{name} {given.shape}"
        for name, given in (("weight", weight), ("bias", bias))
        if given is not None and given.shape != needed
    ]
    if not wrong:
        return None
    return f"weight and bias must have the shape of x's last axes, {needed}, and there is {' and '.join(wrong)}"


@fused
def rms_norm(x: Value, weight: Value = None, /, axes: int = 1, eps: float = 1e-5) -> Value:
    """x / sqrt(mean(x²) + eps) * weight, in x's shape: `layer_norm` without the mean (Zhang & Sennrich,
    arXiv:1910.07467).

    The mean is taken over the last `axes` axes. weight: the shape of those axes, or None.  eps: see `layer_norm`.
    float16 is computed in float32. Raises ValueError for a weight of another shape, or a negative eps.

        tl.rms_norm(tl.tensor([[3.0, -3.0]]), eps=0.0)      # tensor([[ 1., -1.]])
    """
    kernels.check_weights(x, weight, None, axes, eps)
    y = x / sqrt(mean(x * x, tuple(range(-axes, 0)), keepdims=True) + eps)
    return y if weight is None else y * weight


@rms_norm.explains
def _(x: Value, weight: Value = None, axes: int = 1, eps: float = 1e-5) -> str:
    return f"weight must have the shape of x's last axes, {x.shape[x.ndim - axes :]}, not {weight.shape}"


@fused
def rotary(x: Value, cos: Value, sin: Value, /) -> Value:
    """Each pair (x[i], x[i + d / 2]) of the last axis, rotated by an angle: (..., d) -> (..., d) (Su et al.,
    arXiv:2104.09864, formula 34).

    x: (..., d), d even.  cos, sin: of the angles, (..., d / 2); their leading axes broadcast to those of x.
    Raises ValueError for other shapes.

        tl.rotary(tl.tensor([1.0, 0.0]), tl.tensor([0.0]), tl.tensor([1.0]))        # tensor([0., 1.])
    """
    kernels.check_angles(x, cos, sin)
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return concatenate(a * cos - b * sin, b * cos + a * sin, axis=-1)


@rotary.explains
def _(x: Value, cos: Value, sin: Value) -> str:
    half = (*x.shape[:-1], x.shape[-1] // 2)
    return f"x {x.shape} needs an even last axis, cos and sin that broadcast to {half}, not {cos.shape}, {sin.shape}"


@fused
def attention_weights(q: Value, k: Value, mask: Value = None, /) -> Value:
    """softmax(q k^T / sqrt(d)) over the allowed keys, (..., queries, keys) (Vaswani et al., arXiv:1706.03762, eq. 1).

    q: (..., queries, d).  k: (..., keys, d); the leading axes broadcast.
    mask: broadcasts to (..., queries, keys): bools, True = may attend, or floats that are added to q k^T / sqrt(d);
    None allows all.
    Each row sums to 1; a row without an allowed key is zeros, with gradient 0. Raises ValueError for other shapes.

        tl.attention_weights(tl.ones(1, 4), tl.ones(2, 4))      # tensor([[0.5000, 0.5000]])
    """
    scores = as_floats(q) @ swapaxes(k, -1, -2) / math.sqrt(q.shape[-1] or 1)  # (..., queries, keys)
    if mask is not None:
        scores = scores + mask if mask.dtype.kind == "f" else where(mask, scores, -math.inf)
    return softmax(scores, -1)


@attention_weights.explains
def _(q: Value, k: Value, mask: Value = None) -> str:
    needed = "q must be (..., queries, d) and k (..., keys, d), with leading axes that broadcast"
    return f"{needed}, not {q.shape} and {k.shape}{_about_mask(q, k, mask)}"


def _about_mask(q: Value, k: Value, mask: Value) -> str:
    """What an error says about the mask of attention, if there is one."""
    full = (*q.shape[:-1], k.shape[-2]) if k.ndim > 1 else "(..., queries, keys)"
    return "" if mask is None else f"; the mask must broadcast to {full}, and has shape {mask.shape}"


@fused
def attention(
    q: Value, k: Value, v: Value, mask: Value = None, /, causal: bool = False, scale: float | None = None
) -> Value:
    """softmax(q k^T scale) v over the allowed keys, (..., queries, value_dim): attention_weights(q, k, mask) @ v.

    q: (..., queries, d).  k: (..., keys, d).  v: (..., keys, value_dim); the leading axes broadcast.  mask: bools that
    broadcast to (..., queries, keys), True = may attend; None allows all.
    causal: query i may attend to keys 0 to i only.  scale: None for 1 / sqrt(d).
    The weights are never all in memory at once, except up to 256 keys for backward, if the kernel is not compiled.
    Those that `causal` forbids to all of 64 queries are not computed. A query without an
    allowed key gives zeros, with gradient 0.
    Raises ValueError for other shapes, TypeError for a mask that is not of bools. (Vaswani et al., arXiv:1706.03762.)

        tl.attention(tl.ones(1, 4), tl.ones(2, 4), tl.tensor([[1.0], [3.0]]))       # tensor([[2.]])
    """
    if mask is not None and mask.dtype.kind != "b":
        raise TypeError("the mask is not of bools")
    if causal:
        lib = xp(array_of(q))
        past = lib.arange(k.shape[-2]) <= lib.arange(q.shape[-2])[:, None]  # (queries, keys)
        mask = past if mask is None else logical_and(mask, past)
    if scale is not None:
        q = q * (scale * math.sqrt(q.shape[-1]))
    return attention_weights(q, k, mask) @ v


@attention.explains
def _(q: Value, k: Value, v: Value, mask: Value = None, **settings: Any) -> str:
    if mask is not None and mask.dtype.kind != "b":
        return f"the mask must be of bools, True where a query may attend, not {mask.dtype}; write mask != 0"
    needed = "q must be (..., queries, d), k (..., keys, d) and v (..., keys, value_dim), with leading axes that"
    return f"{needed} broadcast, not {q.shape}, {k.shape} and {v.shape}{_about_mask(q, k, mask)}"


def _finite_max(x: Value, axis: Axes, finite: bool = False) -> Value:
    """The largest element along axes, as a constant; finite even if all are -inf (with `finite`, also if one is inf).
    0 for an empty x."""
    if x.dtype.kind != "f":
        raise TypeError(f"it takes floats, not {x.dtype}; convert with .to(tl.float32)")
    if 0 in x.shape:
        return 0.0
    x = wrap(x._array) if isinstance(x, TensorBase) else x
    limit = float(np.finfo(x.dtype).max)
    return clip(amax(x, axis, keepdims=True), -limit, limit if finite else None)


# --- recurrent networks: states of sequences, each computed from the one before -----------------------------


def over_time(
    step: Callable[..., tuple[Value, ...]], x: Value, state: tuple[Value, ...], sizes: Sequence[int], reverse: bool
) -> Value:
    """The states after each step, a row for each row of x, and below them the final states, a row for each sequence.

    step: (rows of x, *states before) -> states after. If there are several, as in an LSTM, they stand side by side.
    A sequence that has ended keeps its state. Backwards in time, one that has not begun has its first state.
    """
    after: dict[int, Value] = {}
    for rows in recurrent.steps(sizes, reverse):
        n = rows.stop - rows.start
        new = step(x[rows], *(s[:n] for s in state))
        after[rows.start] = cat(new, -1)
        state = tuple(cat([new_rows, s[n:]]) for new_rows, s in zip(new, state, strict=True))
    return cat([*(after[start] for start in sorted(after)), cat(state, -1)])


@fused
def rnn_states(
    x: Value, h0: Value, weight: Value, /, sizes: Sequence[int], reverse: bool = False, nonlinearity: str = "tanh"
) -> Value:
    """The hidden states of a recurrent network, h = tanh(x_t + h W^T) (Elman, 1990).

    x: (rows, hidden), the inputs of all steps times their weights, with the biases.  h0: (batch, hidden).
    weight: (hidden, hidden).  sizes: how many sequences reach each step.  reverse: whether to begin at the last step.
    nonlinearity: "tanh" or "relu".
    Returns (rows + batch, hidden): h after each step, and below at the end of each sequence.
    """
    activation = tanh if nonlinearity == "tanh" else relu
    return over_time(lambda x, h: (activation(x + linear(h, weight)),), x, (h0,), sizes, reverse)


@fused
def gru_states(
    x: Value, h0: Value, weight: Value, bias: Value = None, /, sizes: Sequence[int] = (), reverse: bool = False
) -> Value:
    """The hidden states of a GRU, a gated recurrent unit (Cho et al., arXiv:1406.1078).

        r = σ(x_r + h W_r^T + b_r)                  reset gate
        z = σ(x_z + h W_z^T + b_z)                  update gate
        n = tanh(x_n + r (h W_n^T + b_n))           new state
        h = (1 - z) n + z h

    x: (rows, 3 hidden), the inputs of all steps times their weights, with their biases.  h0: (batch, hidden).
    weight: (3 hidden, hidden), W_r, W_z and W_n.  bias: (3 hidden,) or None.
    sizes: how many sequences reach each step.  reverse: whether to begin at the last step.
    Returns (rows + batch, hidden): h after each step, and below at the end of each sequence.
    """

    def step(x: Value, h: Value) -> tuple[Value]:
        r_x, z_x, n_x = chunk(x, 3, -1)
        r_h, z_h, n_h = chunk(linear(h, weight, bias), 3, -1)
        r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
        n = tanh(n_x + r * n_h)
        return ((1 - z) * n + z * h,)

    return over_time(step, x, (h0,), sizes, reverse)


@fused
def lstm_states(x: Value, h0: Value, c0: Value, weight: Value, /, sizes: Sequence[int], reverse: bool = False) -> Value:
    """The hidden and cell states of an LSTM (Hochreiter & Schmidhuber, 1997; Gers et al., 2000).

        i, f, g, o = x_t + h W^T                    input, forget and output gate, and the candidate g
        c = σ(f) c + σ(i) tanh(g)
        h = σ(o) tanh(c)

    x: (rows, 4 hidden), the inputs of all steps times their weights, with the biases.  h0, c0: (batch, hidden).
    weight: (4 hidden, hidden).  sizes: how many sequences reach each step.  reverse: whether to begin at the last step.
    Returns (rows + batch, 2 hidden): h and c side by side, after each step and below at the end of each sequence.
    """

    def step(x: Value, h: Value, c: Value) -> tuple[Value, Value]:
        i, f, g, o = chunk(x + linear(h, weight), 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(c), c

    return over_time(step, x, (h0, c0), sizes, reverse)


takes_dtype(softmax)
takes_dtype(log_softmax)
for _module, _ops in {  # the kernels with the names of these ops
    attention_kernels: (attention, attention_weights),
    gelu_kernels: (gelu,),
    kernels: (
        *(cross_entropy, layer_norm, linear, log_softmax, quantized_linear, rms_norm, rotary, softmax, squared_error),
    ),
    recurrent: (gru_states, lstm_states, rnn_states),
}.items():
    for _op in _ops:
        _op.kernel(getattr(_module, _op.name), getattr(_module, f"{_op.name}_backward"), views=False)
