"""JAX, with the whole training step under jit; its optimisers are written here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import workloads
from workloads import Contest

tree_map = jax.tree_util.tree_map


def _norm(gradients: Any) -> Any:
    return jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree_util.tree_leaves(gradients)))


def _training(loss: Callable[[Any], Any], weights: Any, update: Callable[..., Any]) -> Contest:
    """update(weights, gradients, m, v, t) -> (weights, m, v)."""
    zeros = tree_map(jnp.zeros_like, weights)
    state = [weights, zeros, zeros, jnp.zeros(())]

    @jax.jit
    def jitted(weights: Any, m: Any, v: Any, t: Any) -> Any:
        value, gradients = jax.value_and_grad(loss)(weights)
        return (*update(weights, gradients, m, v, t + 1), t + 1), value

    def step() -> float:
        state[:], value = jitted(*state)
        return float(value)

    return step, lambda: float(_norm(jax.grad(loss)(weights)))


def _adam(lr: float, betas: tuple[float, float], decay: float = 0.0, clip: float | None = None) -> Callable[..., Any]:
    def update(weights: Any, gradients: Any, m: Any, v: Any, t: Any) -> Any:
        if clip is not None:
            factor = jnp.minimum(1.0, clip / (_norm(gradients) + 1e-6))
            gradients = tree_map(lambda g: g * factor, gradients)
        m = tree_map(lambda m, g: betas[0] * m + (1 - betas[0]) * g, m, gradients)
        v = tree_map(lambda v, g: betas[1] * v + (1 - betas[1]) * g * g, v, gradients)
        weights = tree_map(
            lambda w, m, v: w * (1 - lr * decay)
            - lr * (m / (1 - betas[0] ** t)) / (jnp.sqrt(v / (1 - betas[1] ** t)) + 1e-8),
            weights, m, v,
        )  # fmt: skip
        return weights, m, v

    return update


def _sgd(weights: Any, gradients: Any, m: Any, v: Any, t: Any) -> Any:
    return tree_map(lambda w, g: w - 0.1 * g, weights, gradients), m, v


def _cross_entropy(logits: Any, targets: Any) -> Any:
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], -1))


def mlp(work: workloads.MLP) -> Contest:
    x, y = map(jnp.asarray, workloads.mlp_batch(work))
    sigmoid = work.activation == "sigmoid"
    activation = jax.nn.sigmoid if sigmoid else jax.nn.relu

    def loss(weights: Any) -> Any:
        a = x
        for i, (w, b) in enumerate(weights):
            z = a @ w.T + b
            a = activation(z) if sigmoid or i < len(weights) - 1 else z
        return jnp.mean((a - y) ** 2) if work.loss == "squared error" else _cross_entropy(a, y)

    weights = tree_map(jnp.asarray, workloads.mlp_weights(work))
    return _training(loss, weights, _sgd if work.optimizer == "SGD" else _adam(1e-3, (0.9, 0.999)))


def gpt(work: workloads.GPT) -> Contest:
    tokens, targets = map(jnp.asarray, workloads.gpt_batch(work))

    def norm(x: Any, weight: Any) -> Any:
        x = x - x.mean(-1, keepdims=True)
        return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5) * weight

    def heads(x: Any) -> Any:
        return x.reshape(work.batch, work.block, work.heads, -1).swapaxes(1, 2)  # (batch, heads, tokens, head_dim)

    mask = jnp.tril(jnp.ones((work.block, work.block), bool))

    def loss(w: Any) -> Any:
        x = w["W_E"][tokens] + w["positions"]
        for i in range(work.layers):
            a = norm(x, w[f"{i}.norm_1"])
            q, k, v = (heads(a @ w[f"{i}.{name}"].T) for name in ("W_Q", "W_K", "W_V"))
            scores = q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5
            out = jax.nn.softmax(jnp.where(mask, scores, -jnp.inf)) @ v
            x = x + out.swapaxes(1, 2).reshape(x.shape) @ w[f"{i}.W_O"].T
            hidden = jax.nn.gelu(norm(x, w[f"{i}.norm_2"]) @ w[f"{i}.up"].T, approximate=False)
            x = x + hidden @ w[f"{i}.down"].T
        return _cross_entropy(norm(x, w["norm"]) @ w["W_E"].T, targets)

    weights = {name: jnp.asarray(array) for name, array in workloads.gpt_weights(work).items()}
    return _training(loss, weights, _adam(work.learning_rate, work.betas, work.weight_decay, clip=1.0))


def chain(work: workloads.Chain) -> Contest:
    """Op by op, as the others do: a jitted chain would be folded into one multiplication."""

    def function(x: Any) -> Any:
        y = x
        for _ in range(work.additions):
            y = y + x
        return y[0]

    return lambda: float(jax.grad(function)(jnp.zeros(1))[0]), None
