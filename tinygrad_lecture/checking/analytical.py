"""The gradients that the rules give, taken with an eye on what the rules do: how gradcheck runs a graph backwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

from ..autograd.modes import modes
from ..autograd.op import Op
from ..autograd.tape import Leaf, Record
from ..backend import FLOAT64, Array, move, to_host
from ..errors.messages import WITH_TL, numpy_refused
from ..func.gradients import grad
from ..inspect.observe import Both, Observing
from ..tensor import Tensor
from ..traced import Traced, wrap
from .case import Call
from .report import GradcheckError
from .subject import Subject, flat


class Watch:
    """An observer that takes down every recorded call, and what the latest rules returned."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.last: tuple[Record, Sequence[Any]] | None = None
        self.narrow: tuple[str, str] | None = None  # an op whose rule returned something else than float64, and what

    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None:
        if record is not None:
            self.calls.append(Call(op, list(arrays), settings, out, list(record.nodes)))

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None:
        self.last = record, gradients
        for node, gradient in zip(record.nodes, gradients, strict=True):
            dtype = getattr(gradient, "dtype", None)
            if node is not None and dtype is not None and node.dtype == FLOAT64 and dtype != FLOAT64:
                self.narrow = self.narrow or (record.op.name, str(dtype))


@dataclass
class Backward:
    """A graph and the gradients that came out of it. Arrays are on the host."""

    leaves: list[Tensor]
    outs: list[Tensor]
    values: Array  # (m,) of all outputs
    upstreams: list[Array]  # one per output
    gradients: list[Array]  # one per leaf; zeros where none arrives
    arrived: list[bool]
    calls: list[Call]  # of the forward ops
    narrow: tuple[str, str] | None

    @property
    def upstream(self) -> Array:
        """(m,)"""
        return np.concatenate([u.ravel() for u in self.upstreams])

    def given(self, output: int) -> Tensor:
        """The upstream gradient of one output, on its device."""
        return wrap(move(self.upstreams[output].copy(), self.outs[output].device))  # type: ignore[no-any-return]


def _refuse_if_used_from_outside(subject: Subject, calls: Sequence[Call], gradients: Sequence[Any]) -> None:
    """Raises ValueError if the function does not use an input that it is given, but the same tensor by another way.

    As in `lambda w_: layer(x)`, where layer holds w: no change of w_ changes anything, so all would look right.
    """
    leaves = [node for call in calls for node in call.nodes if isinstance(node, Leaf) and node.tensor is not None]
    used = {id(leaf.tensor()) for leaf in leaves if leaf.tensor is not None}
    for k, gradient in enumerate(gradients):
        if gradient is None and id(subject.args[subject.checked[k]]) in used:
            raise ValueError(
                f"gradcheck: {subject.name} does not use {subject.called(k)} as it is given to it, but the same tensor "
                "from outside, so nothing that gradcheck does to it is seen: write a function that computes with its "
                "arguments alone, as lambda W: F.linear(x, W) for a layer's weight"
            )


def run_backward(subject: Subject, seed: int) -> Backward:
    """The function once, and its rules twice, from a random upstream gradient.

    Raises GradcheckError if a rule fails, if it does not give the same bits twice, or if anybody wrote to what is not
    theirs: the function to its inputs, a rule to them or to its upstream gradient.
    """
    watch, leaves = Watch(), subject.leaves()
    with Observing(watch):
        outs = subject.run(leaves)
        calls = list(watch.calls)
        _refuse_if_changed(subject, leaves, f"{subject.name} changes its input in place")
        values = flat(outs)
        if not np.isfinite(values).all():
            strange = values[~np.isfinite(values)][0]
            raise GradcheckError(
                f"gradcheck: {subject.name} gives {strange} for these inputs, which has no derivative: choose inputs "
                "for which all outputs are finite",
                fn_name=subject.name,
                hint="not-finite",
            )
        rng = np.random.default_rng(seed)
        upstreams = [random_upstream(rng, out.shape) for out in outs]
        given = [wrap(move(u.copy(), out.device)) for u, out in zip(upstreams, outs, strict=True)]
        first, second = (pull(subject, outs, leaves, given) for _ in range(2))
    _refuse_if_used_from_outside(subject, calls, first)
    op = calls[0].op.name if len(calls) == 1 else None
    rule = f"a backward rule of {subject.name}" if op is None else f"the backward rule of {op}"
    _refuse_if_changed(subject, leaves, f"{rule} changes an array that it was given, in place", op)
    for tensor, upstream in zip(given, upstreams, strict=True):
        if not np.array_equal(to_host(tensor.array), upstream):
            raise GradcheckError(
                f"gradcheck: {rule} changes its upstream gradient g in place, and other rules share that array: write "
                "g = g * ... for g *= ...",
                fn_name=subject.name,
                hint="upstream-modified",
                culprit=op,
            )
    gradients = [
        np.zeros(x.shape) if g is None else to_host(g.array).copy() for g, x in zip(first, subject.xs, strict=True)
    ]
    for gradient, again in zip(gradients, second, strict=True):
        if again is not None and not alike(gradient, to_host(again.array), again.device):
            raise GradcheckError(
                f"gradcheck: {rule} gives another gradient when it runs a second time: does it change what it was "
                "given, or count its calls?",
                fn_name=subject.name,
                hint="not-repeatable",
                culprit=op,
            )
    return Backward(leaves, outs, values, upstreams, gradients, [g is not None for g in first], calls, watch.narrow)


def random_upstream(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers of both signs between 1.1 and 2.1 in size, no two alike."""
    n = int(np.prod(shape))
    sizes = 1.1 + (rng.permutation(n) + rng.uniform(0.2, 0.8, n)) / max(n, 1)
    return (sizes * rng.choice([-1.0, 1.0], n)).reshape(shape)


def alike(a: Array, b: Array, device: str = "cpu") -> bool:
    """The same bits; on a GPU, where atomic additions come in any order, nearly."""
    if device == "cpu":
        return np.array_equal(a, b, equal_nan=True)
    return np.allclose(a, b, rtol=1e-12, atol=1e-12, equal_nan=True)


def _refuse_if_changed(subject: Subject, leaves: Sequence[Tensor], what: str, culprit: str | None = None) -> None:
    for k, (x, leaf) in enumerate(zip(subject.xs, leaves, strict=True)):
        if not np.array_equal(to_host(leaf.array), x):
            raise GradcheckError(
                f"gradcheck: {what}: {subject.called(k)}, shape {x.shape}, is not what it was; make a new array",
                fn_name=subject.name,
                input_index=subject.checked[k],
                input_name=subject.input_names[subject.checked[k]],
                shape=x.shape,
                hint="input-modified",
                culprit=culprit,
            )


def pull(
    subject: Subject,
    outs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    upstreams: Sequence[Tensor],
    create_graph: bool = False,
) -> list[Tensor | None]:
    """The gradients of the inputs, None where none arrives. Raises GradcheckError, naming the op, if a rule fails."""
    live = [(out, upstream) for out, upstream in zip(outs, upstreams, strict=True) if out.requires_grad]
    if not live:
        return [None] * len(inputs)
    watch = _watch()
    if watch is not None:
        watch.last = None
    try:
        found = grad(*_columns(live, inputs), retain_graph=True, create_graph=create_graph, allow_unused=True)
    except Exception as error:
        raise _rule_failed(subject, error, None if watch is None else watch.last) from error
    return list(found)


def _watch() -> Watch | None:
    """Who watches for gradcheck, if anybody does."""
    observer = modes.observer.inner if isinstance(modes.observer, Both) else modes.observer
    return observer if isinstance(observer, Watch) else None


def _columns(live: Sequence[tuple[Tensor, Tensor]], inputs: Sequence[Tensor]) -> tuple[Any, Any, Any]:
    return [out for out, _ in live], inputs, [upstream for _, upstream in live]


# --- when a rule fails --------------------------------------------------------------------------------------


def _rule_failed(subject: Subject, error: Exception, last: tuple[Record, Sequence[Any]] | None) -> GradcheckError:
    """What to say of an exception on the way back: whose rule it was, and what it was given or what it returned."""

    def say(op: str | None, what: str, hint: str, text: str | None = None) -> GradcheckError:
        whose = f"the way back through {subject.name}" if op is None else f"the backward rule of {op}"
        return GradcheckError(f"gradcheck: {whose} {what}", fn_name=subject.name, hint=hint, hint_text=text, culprit=op)

    raised = f"raised {type(error).__name__}: {error}"
    for op, record, frame in _running_rules(error):
        names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
        arguments = {name: frame.f_locals.get(name) for name in names}
        shapes = {name: getattr(value, "shape", None) for name, value in arguments.items()}
        given = ", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape is not None)
        what = f"{raised}\n  it was given {given}" if given else raised
        if numpy_refused(error):
            return say(op.name, what, "numpy-in-rule", WITH_TL)
        text = _would_run(op, record, frame, arguments)
        return say(op.name, what, "rule-raised" if text is None else "transposed", text)
    if last is None:
        return say(None, raised, "rule-raised")
    record, gradients = last
    name = record.op.name
    for node, gradient in zip(record.nodes, gradients, strict=True):
        if node is None or not hasattr(gradient, "shape") or gradient.shape == node.shape:
            continue
        what = f"returned a gradient of shape {gradient.shape} for an input of shape {node.shape}"
        if len(node.shape) > 1 and gradient.shape == (*node.shape[:-2], node.shape[-1], node.shape[-2]):
            return say(name, what, "transposed", "exchange its last two axes")
        if gradient.shape == record.shape:
            text = "that is the shape of the output; the gradient has to have the shape of the input"
            return say(name, what, "not-spread", text)
        return say(name, what, "wrong-shape")
    if any(g is None and node is not None for node, g in zip(record.nodes, gradients, strict=True)):
        return say(name, "returned None", "returned-none", "is a return missing?")
    if not all(hasattr(g, "shape") for node, g in zip(record.nodes, gradients, strict=True) if node is not None):
        text = "a gradient is an array: the upstream gradient g times the derivative"
        return say(name, f"returned {', '.join(map(repr, gradients))}", "no-array", text)
    rule = f"the backward rule of {name} "
    if str(error).startswith(f"{rule}returned"):  # a Tensor for arrays or, under create_graph, the other way round
        hint = "no-array" if any(isinstance(g, Traced) for g in gradients) else "numpy-in-rule"
        return say(name, str(error).removeprefix(rule), hint)
    return say(None, raised, "rule-raised")


def _would_run(op: Op[Any], record: Record, frame: FrameType, arguments: dict[str, Any]) -> str | None:
    """Whether a rule that raised gives the shape of its input when one of its arguments is transposed."""
    for position, rule in enumerate(op.rules):
        if rule is None or rule.__code__ is not frame.f_code or position >= len(record.nodes):
            continue
        node = record.nodes[position]
        for name, value in arguments.items():
            if node is not None and getattr(value, "ndim", 0) > 1:
                try:
                    trial = rule(**{**arguments, name: value.swapaxes(-1, -2)})
                except Exception:  # it does not
                    continue
                if getattr(trial, "shape", None) == node.shape:
                    return f"with {name} transposed it would run, and give the shape of the input, {node.shape}"
    return None


def _running_rules(error: Exception) -> Iterator[tuple[Op[Any], Record, FrameType]]:
    """The rules that were running when an error was raised, the innermost first: op, record and the rule's frame."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    for outer, inner in zip(frames[-2::-1], frames[:0:-1], strict=True):
        op = outer.f_locals.get("self")
        if outer.f_code.co_name == "vjp" and isinstance(op, Op):
            yield op, outer.f_locals["record"], inner
