"""Right versions of what later chapters use, for references."""

from __future__ import annotations

from typing import Any

import numpy as np


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    g = np.asarray(g)
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return g.sum(axis=tuple(a for a, n in enumerate(shape) if n == 1 and g.shape[a] != 1), keepdims=True)


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log_softmax(x: Any) -> Any:
    x = x - x.max(axis=-1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def softmax_rule(g: Any, x: Any) -> Any:
    p = softmax(x)
    return p * (g - (g * p).sum(axis=-1, keepdims=True))


def cross_entropy(logits: Any, targets: Any) -> Any:
    return -log_softmax(logits)[np.arange(len(targets)), targets].mean()


def one_hot(logits: Any, targets: Any) -> Any:
    return (np.arange(logits.shape[-1]) == np.asarray(targets)[..., None]).astype(float)


# --- the transformer --------------------------------------------------------------------------------------------


def normalized(x: Any, eps: float = 1e-5) -> Any:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps)


def layer_norm(x: Any, gain: Any, bias: Any) -> Any:
    return gain * normalized(x) + bias


def gelu(x: Any) -> Any:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def masked(scores: Any, mask: Any) -> Any:
    return scores if mask is None else np.where(mask, scores, -np.inf)


def attention(q: Any, k: Any, v: Any, mask: Any = None) -> Any:
    return softmax(masked(q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]), mask)) @ v


def causal(n: int) -> Any:
    return np.tril(np.ones((n, n), dtype=bool))


def split_heads(x: Any, heads: int) -> Any:
    *batch, n, width = x.shape
    return x.reshape(*batch, n, heads, width // heads).swapaxes(-2, -3)


def merge_heads(x: Any) -> Any:
    *batch, heads, n, size = x.shape
    return x.swapaxes(-2, -3).reshape(*batch, n, heads * size)


def self_attention(x: Any, p: Any, heads: int, mask: bool = True) -> Any:
    q, k, v = (split_heads(x @ p[name], heads) for name in ("W_Q", "W_K", "W_V"))
    return merge_heads(attention(q, k, v, causal(x.shape[-2]) if mask else None)) @ p["W_O"]


def ffn(x: Any, p: Any) -> Any:
    return gelu(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]


def block(x: Any, p: Any, heads: int) -> Any:
    x = x + self_attention(layer_norm(x, p["gain1"], p["bias1"]), p, heads)
    return x + ffn(layer_norm(x, p["gain2"], p["bias2"]), p)


def gpt(p: Any, ids: Any, heads: int) -> Any:
    x = p["tokens"][ids] + p["places"][: ids.shape[-1]]
    for q in p["blocks"]:
        x = block(x, q, heads)
    return layer_norm(x, p["gain"], p["bias"]) @ p["W_U"]


def top_p(probabilities: Any, p: float) -> Any:
    order = np.argsort(-probabilities, kind="stable")
    before = np.cumsum(probabilities[order]) - probabilities[order]
    kept = np.zeros_like(probabilities)
    chosen = order[before < p]
    kept[chosen] = probabilities[chosen]
    return kept / kept.sum()
