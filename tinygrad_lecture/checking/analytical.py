"""The analytical gradient: what the backward rules say, computed by a backward pass.

The upstream gradient is random, so that errors cannot cancel and a wrong rule cannot look right by symmetry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd.core import Leaf
from ..backend import Array, Shape, move, to_host
from ..func.gradients import grad
from ..inspect.observe import Observing
from ..tensor import Tensor
from ..traced import wrap
from .purity import (
    require_new_outputs,
    require_same_again,
    require_same_alone,
    require_unchanged_arrays,
    require_unchanged_inputs,
)
from .report import GradcheckError
from .rule_errors import rule_error
from .subject import Subject, flat
from .watch import Call, CallWatch, RuleWatch


@dataclass
class Analytical:
    """A computed graph and its gradients. Arrays are on the host."""

    leaves: list[Tensor]
    outs: list[Tensor]
    values: Array  # (m,) the elements of all outputs
    upstreams: list[Array]  # one per output
    gradients: list[Array]  # one per leaf; zeros if no gradient arrives
    arrived: list[bool]  # one per leaf
    calls: list[Call]  # the ops of the forward pass
    narrow: tuple[str, str] | None  # an op whose rule returns another dtype than float64, and that dtype
    stretched: tuple[str, str, Shape, Shape] | None  # as in CallWatch

    @property
    def upstream(self) -> Array:
        """The upstream gradients of all outputs, (m,)."""
        return np.concatenate([u.ravel() for u in self.upstreams])

    def upstream_tensor(self, output: int) -> Tensor:
        """The upstream gradient of one output, on its device."""
        tensor: Tensor = wrap(move(self.upstreams[output].copy(), self.outs[output].device))
        return tensor


def analytical_gradients(subject: Subject, seed: int) -> Analytical:
    """Run the function and its backward pass, with a random upstream gradient drawn from `seed`.

    The pass runs a second time, after another call of the function, and for each input alone, to see that the rules
    are pure functions (`purity.py`).

    Raises GradcheckError if an output is not finite, if a rule fails, or if it is not pure.
    Raises ValueError if the function uses an input that it holds itself instead of its argument.
    """
    watch, leaves, check = CallWatch(), subject.leaves(), subject.check
    with Observing(watch):
        outs = subject.run(leaves)
    calls = list(watch.calls)
    require_unchanged_inputs(subject, leaves)
    require_new_outputs(subject, calls)
    values = flat(outs)
    if not np.isfinite(values).all():
        raise GradcheckError(
            f"{check}: {subject.name} returns {values[~np.isfinite(values)][0]} for these inputs, which has no "
            "derivative; choose inputs for which all outputs are finite",
            fn_name=subject.name,
            hint="not-finite",
        )
    rng = np.random.default_rng(seed)
    upstreams = [random_upstream(rng, out.shape) for out in outs]
    given = [wrap(move(u.copy(), out.device)) for u, out in zip(upstreams, outs, strict=True)]

    def backward() -> list[Tensor | None]:
        watch.steps = []
        with Observing(watch):
            return vjp(subject, outs, leaves, given)

    first = backward()
    gradients = [
        np.zeros(x.shape) if g is None else to_host(g.array).copy() for g, x in zip(first, subject.xs, strict=True)
    ]
    _require_use_of_arguments(subject, calls, first)
    culprit = calls[0].op.name if len(calls) == 1 else None
    require_unchanged_arrays(subject, watch, given, upstreams, culprit)
    require_same_again(subject, watch, gradients, backward, culprit)
    if check == "gradcheck" and len(leaves) > 1:
        for k, gradient in enumerate(gradients):
            require_same_alone(subject, k, gradient, lambda out, leaf: vjp(subject, out, leaf, given)[0], culprit)
    arrived = [g is not None for g in first]
    return Analytical(leaves, outs, values, upstreams, gradients, arrived, calls, watch.narrow, watch.stretched)


def random_upstream(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Distinct numbers of random sign, between 1.1 and 2.1 in absolute value."""
    n = int(np.prod(shape))
    sizes = 1.1 + (rng.permutation(n) + rng.uniform(0.2, 0.8, n)) / max(n, 1)
    return (sizes * rng.choice([-1.0, 1.0], n)).reshape(shape)


def vjp(
    subject: Subject,
    outs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    upstreams: Sequence[Tensor],
    create_graph: bool = False,
) -> list[Tensor | None]:
    """The vector-Jacobian products, one per input; None where no gradient arrives.

    The graph is kept. Raises GradcheckError, naming the op, if a rule fails.
    """
    live = [(out, upstream) for out, upstream in zip(outs, upstreams, strict=True) if out.requires_grad]
    if not live:
        return [None] * len(inputs)
    watch = RuleWatch()
    live_outs, live_upstreams = [out for out, _ in live], [upstream for _, upstream in live]
    try:
        with Observing(watch):
            found = grad(
                live_outs, inputs, live_upstreams, retain_graph=True, create_graph=create_graph, allow_unused=True
            )
    except Exception as error:
        raise rule_error(subject, error, watch.last, create_graph) from error
    return list(found)


def _require_use_of_arguments(subject: Subject, calls: Sequence[Call], gradients: Sequence[Any]) -> None:
    """Raise ValueError if the function ignores an argument and uses the same tensor from its closure.

    As `lambda w_: layer(x)`, where layer holds w: a change of w_ changes nothing, so any gradient would look right.
    """
    leaves = [node for call in calls for node in call.nodes if isinstance(node, Leaf) and node.tensor is not None]
    used = {id(leaf.tensor()) for leaf in leaves if leaf.tensor is not None}
    for k, gradient in enumerate(gradients):
        if gradient is None and id(subject.args[subject.checked[k]]) in used:
            raise ValueError(
                f"{subject.check}: {subject.name} does not use its argument {subject.called(k)}, but the same tensor "
                f"from outside, which {subject.check} cannot vary; write a function that computes with its arguments "
                "alone, as lambda W: F.linear(x, W) for a layer's weight"
            )
