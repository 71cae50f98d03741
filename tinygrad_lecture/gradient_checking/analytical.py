"""The analytical gradient: what the backward rules say, computed by a backward pass.

The upstream gradient is random, so that errors cannot cancel and a wrong rule cannot look right by symmetry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..autograd.core import Leaf
from ..backend import Array, move, to_host
from ..func.gradients import grad
from ..inspect.observe import Observing
from ..tensor import Tensor
from ..traced import wrap
from .rule_errors import rule_error
from .subject import Subject, flat
from .watch import Call, CallWatch, RuleWatch


@dataclass
class Analytical:
    """A computed graph and its gradients. Arrays are on the host."""

    subject: Subject
    watch: CallWatch  # it sees the forward pass and each `backward`
    leaves: list[Tensor]
    outs: list[Tensor]
    upstreams: list[Array]  # one per output
    given: list[Tensor]  # the same, on the outputs' devices
    calls: list[Call]  # the ops of the forward pass
    gradients: list[Array] = field(default_factory=list)  # one per leaf; zeros if no gradient arrives
    arrived: list[bool] = field(default_factory=list)  # one per leaf

    @property
    def values(self) -> Array:
        """The elements of all outputs, (m,)."""
        return flat(self.outs)

    @property
    def upstream(self) -> Array:
        """The upstream gradients of all outputs, (m,)."""
        return np.concatenate([u.ravel() for u in self.upstreams])

    @property
    def culprit(self) -> str | None:
        """The op, if the function is a call of a single one."""
        return self.calls[0].op.name if len(self.calls) == 1 else None

    def replayed(self, xs: Sequence[Array]) -> Array:
        """The outputs at other inputs, (m,), by the recorded calls alone. All that is not recorded stays as it was."""
        leaves = self.subject.leaves(xs)
        results = {leaf._node: other for leaf, other in zip(self.leaves, leaves, strict=True)}
        for call in self.calls:
            inputs = [results.get(node, x) for node, x in zip(call.nodes, call.arrays, strict=True)]
            results[call.record] = call.op(*inputs, **call.settings)
        return flat([results.get(out._node, out) for out in self.outs])

    def backward(self) -> list[Tensor | None]:
        """The gradients of another backward pass, which `watch` sees; None where none arrives."""
        self.watch.steps = []
        with Observing(self.watch):
            return vjp(self.subject, self.outs, self.leaves, self.given)


def analytical_gradients(subject: Subject, seed: int) -> Analytical:
    """Run the function and its backward pass, with a random upstream gradient drawn from `seed`.

    Raises GradcheckError if the function writes to an input, if an output is not finite, or if a rule fails.
    Raises ValueError if the function uses an input that it holds itself instead of its argument.
    """
    watch, leaves = CallWatch(), subject.leaves()
    with Observing(watch):
        outs = subject.run(leaves)
    for k, (x, leaf) in enumerate(zip(subject.xs, leaves, strict=True)):
        if not np.array_equal(to_host(leaf.array), x):
            changed = f"{subject.name} changes its input in place: {subject.called(k)}, shape {x.shape}"
            raise subject.failure(f"{changed}, has new values; make a new array", k, hint="input-modified")
    values = flat(outs)
    if not np.isfinite(values).all():
        raise subject.failure(
            f"{subject.name} returns {values[~np.isfinite(values)][0]} for these inputs, which has no derivative; "
            "choose inputs for which all outputs are finite",
            hint="not-finite",
        )
    rng = np.random.default_rng(seed)
    upstreams = [random_upstream(rng, out.shape) for out in outs]
    given = [wrap(move(u.copy(), out.device)) for u, out in zip(upstreams, outs, strict=True)]
    found = Analytical(subject, watch, leaves, outs, upstreams, given, list(watch.calls))
    first = found.backward()
    found.gradients = on_host(first, subject.xs)
    found.arrived = [g is not None for g in first]
    _require_use_of_arguments(found)
    return found


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
    watch, (live_outs, live_upstreams) = RuleWatch(), zip(*live, strict=True)
    try:
        with Observing(watch):
            found = grad(live_outs, inputs, live_upstreams, True, create_graph, allow_unused=True)
    except Exception as error:
        raise rule_error(subject, error, watch, create_graph) from error
    return list(found)


def on_host(gradients: Sequence[Tensor | None], xs: Sequence[Array]) -> list[Array]:
    """Gradients as arrays of their own on the host; zeros of the shapes of xs for None."""
    return [np.zeros(x.shape) if g is None else to_host(g.array).copy() for g, x in zip(gradients, xs, strict=True)]


def _require_use_of_arguments(found: Analytical) -> None:
    """Raise ValueError if the function ignores an argument and uses the same tensor from its closure.

    As `lambda w_: layer(x)`, where layer holds w: a change of w_ changes nothing, so any gradient would look right.
    """
    subject = found.subject
    leaves = [node for call in found.calls for node in call.nodes if isinstance(node, Leaf) and node.tensor is not None]
    used = {id(leaf.tensor()) for leaf in leaves if leaf.tensor is not None}
    for k, arrived in enumerate(found.arrived):
        if not arrived and id(subject.args[subject.checked[k]]) in used:
            raise ValueError(
                f"{subject.check}: {subject.name} does not use its argument {subject.called(k)}, but the same tensor "
                f"from outside, which {subject.check} cannot vary; write a function that computes with its arguments "
                "alone, as lambda W: F.linear(x, W) for a layer's weight"
            )
