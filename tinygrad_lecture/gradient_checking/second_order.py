"""The gradients of a function as a function of their own: what `gradgradcheck` checks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import is_array, move
from ..creation import zeros_like
from ..tensor import Tensor
from ..traced import Traced, wrap
from .analytical import on_host, random_upstream, vjp
from .report import number
from .subject import Subject
from .verdict import RULE_ROUNDING, Options


def gradient_function(subject: Subject, grad_outputs: Any, options: Options) -> Subject:
    """The function (inputs, upstream gradients) -> gradients of the checked inputs, computed with create_graph=True.

    Raises GradcheckError if create_graph=True changes the values of the gradients.
    """
    leaves = subject.leaves()
    outs = subject.run(leaves)
    upstreams = _upstreams(subject, outs, grad_outputs, options.seed)
    plain, recorded = (vjp(subject, outs, leaves, upstreams, create_graph) for create_graph in (False, True))
    for k, (expected, got) in enumerate(zip(on_host(plain, subject.xs), on_host(recorded, subject.xs), strict=True)):
        atol = options.atol + RULE_ROUNDING + 1e-9 * np.abs(expected).max(initial=0)
        close = np.isclose(got, expected, rtol=options.rtol, atol=atol) | ~np.isfinite(got)  # nan is refused below
        if not close.all():
            apart = number(float(np.abs(got - expected).max()))
            raise subject.failure(
                f"the gradient of {subject.name} with respect to {subject.called(k)} changes by {apart} under "
                "create_graph=True",
                k,
                expected_array=expected,
                got_array=got,
                hint="create-graph",
                hint_text="a backward rule computes other values from Tensors than from arrays, or the kernel of a "
                "fused op differs from its definition",
            )

    def gradients(*args: Any) -> tuple[Tensor, ...]:
        inputs = [args[position] for position in subject.checked]
        found = vjp(subject, subject.run(inputs), inputs, args[len(subject.args) :], create_graph=True)
        return tuple(zeros_like(x) if g is None else g for g, x in zip(found, inputs, strict=True))

    args = list(subject.args)
    for position, leaf in zip(subject.checked, leaves, strict=True):
        args[position] = leaf
    args += [upstream.detach().requires_grad_() for upstream in upstreams]
    names = [*subject.input_names, *(f"upstream[{i}]" for i in range(len(upstreams)))]
    return Subject(gradients, args, f"the gradient of {subject.name}", names, subject.check)


def _upstreams(subject: Subject, outs: list[Tensor], grad_outputs: Any, seed: int) -> list[Tensor]:
    """The upstream gradients on the outputs' devices: those given, or random ones."""
    if grad_outputs is None:
        rng = np.random.default_rng(seed)
        return [wrap(move(random_upstream(rng, out.shape), out.device)) for out in outs]
    given = [grad_outputs] if isinstance(grad_outputs, Traced) or is_array(grad_outputs) else list(grad_outputs)
    if [tuple(np.shape(g)) for g in given] != [out.shape for out in outs]:
        shapes = ", ".join(str(out.shape) for out in outs)
        raise ValueError(f"{subject.check}: grad_outputs must have the shapes of the outputs, {shapes}")
    return [Tensor(g, dtype=np.float64, device=out.device) for g, out in zip(given, outs, strict=True)]
