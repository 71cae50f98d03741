"""The analytical gradient: what the backward rules say, computed by a backward pass under observation.

The upstream gradient is random, so that errors cannot cancel and a wrong rule cannot look right by symmetry. A rule
that raises, or returns something else than a gradient, gives an error that names the op, and what it was given.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter
from typing import Any

import numpy as np

from ..autograd.backward import backward_pass
from ..autograd.core import Leaf, Record
from ..autograd.modes import reference
from ..autograd.op import Op
from ..autograd.rule_checks import RuleError
from ..backend import FLOAT64, Array, Shape, is_array, move, to_host
from ..errors import WITH_TL, kind_of, numpy_refused
from ..inspect.observe import Observer, Observing
from ..tensor import Tensor
from ..tensor_base import TensorBase, array_of
from .numerical import EPS, largest
from .report import GradcheckError, compute_in_float64
from .subject import Subject, flat, said

NODE, ARRAY = attrgetter("_node"), attrgetter("_array")

# --- what the checks see of a backward pass -------------------------------------------------------------


@dataclass
class Call:
    """One recorded call of an op. nodes: one per input, None for a constant.  record: the node of the result."""

    op: Op[Any]
    arrays: list[Any]
    settings: dict[str, Any]
    out: Array
    nodes: list[Any]
    record: Record

    def named_arrays(self) -> dict[str, Array]:
        """The float arrays that a backward rule may ask for by name: the inputs and `out`."""
        named = {**dict(zip(self.op.inputs, self.arrays, strict=False)), "out": self.out}
        return {name: array for name, array in named.items() if is_array(array) and array.dtype.kind == "f"}

    @property
    def all_settings(self) -> dict[str, Any]:
        """The settings of the call, and the defaults of the others."""
        return {**(getattr(self.op.forward, "__kwdefaults__", None) or {}), **self.settings}

    def rule(self, position: int) -> tuple[Callable[..., Any], dict[str, Any]] | None:
        """The backward rule of one input, and its arguments by name, without the upstream gradient; or None."""
        rule = self.op.rules[position]
        if rule is None:
            return None
        saver = self.op.saver
        values = () if saver is None else saver(self.arrays, self.out, self.settings, self.nodes)[position]
        return rule, dict(zip(self.op.asked[position] or (), values, strict=True))


class Watch(Observer):
    """Lists every recorded call, and the backward steps: a record, its upstream gradient, and what its rules returned.

    It sees steps before the engine examines them, so after a refusal the last ones are those that were refused.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.steps: list[tuple[Record, Any, Sequence[Any]]] = []

    def saw_forward(self, op: Op[Any], arrays: Sequence[Any], settings: Any, out: Array, record: Any) -> None:
        if record is not None:
            self.calls.append(Call(op, list(arrays), settings, out, list(record.nodes), record))

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None:
        self.steps.append((record, upstream, gradients))


class FaultWatch(Watch):
    """It also notes what is odd about the backward rules, in the first pass.

    faults: the first of each kind: its name in faults.toml, and what its sentence is filled in with.
    "changed": a rule wrote to an array that it was given.  "dtype": it returned another dtype for a float64 input.
    "shape": it left the sum over broadcast axes to the engine, though it is not one of the engine's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.faults: dict[str, tuple[str, dict[str, Any]]] = {}
        self._before: dict[Record, list[tuple[str, Array, Array]]] = {}  # for each array its name, itself and a copy

    def saw_forward(self, op: Op[Any], arrays: Sequence[Any], settings: Any, out: Array, record: Any) -> None:
        super().saw_forward(op, arrays, settings, out, record)
        if record is not None:
            named = [(f"input {name_of_input(op, i)}", array) for i, array in enumerate(arrays)] + [("output out", out)]
            self._before[record] = [(name, a, to_host(a).copy()) for name, a in named if is_array(a)]

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None:
        super().saw_backward(record, upstream, gradients)
        op = record.op.name
        for name, array, before in self._before.pop(record, ()):
            if not np.array_equal(to_host(array), before, equal_nan=before.dtype.kind in "fc"):
                what = "input-modified.rule" if name.startswith("input") else "output-modified"
                self.faults.setdefault("changed", (what, {"culprit": op, "array": name, "wide": before.shape}))
        for position, (node, gradient) in enumerate(zip(record.nodes, gradients, strict=True)):
            if node is None or gradient is None:
                continue
            dtype, shape = getattr(gradient, "dtype", None), getattr(gradient, "shape", ())
            if dtype is not None and node.dtype == FLOAT64 and dtype != FLOAT64:
                words = {"culprit": op, "dtype": dtype, "remedy": compute_in_float64(dtype)}
                self.faults.setdefault("dtype", ("dtype", words))
            if shape != node.shape and not str(record.op.__module__).startswith("tinygrad_lecture."):
                name = name_of_input(record.op, position)
                cause = f"{name} was broadcast from {node.shape} to {shape}; sum over the broadcast axes"
                words = {"culprit": op, "hint_text": cause, "wide": shape, "array": name, "shape": node.shape}
                self.faults.setdefault("shape", ("broadcast-axes", words))


def name_of_input(op: Any, position: int) -> str:
    """The name that an op has for one of its inputs."""
    return f"{op.variadic}[{position}]" if op.variadic else str(op.inputs[position])


# --- the backward pass ----------------------------------------------------------------------------------


@dataclass
class Analytical:
    """A computed graph and its gradients. Arrays are on the host."""

    subject: Subject
    watch: FaultWatch  # it sees the forward pass and each `backward`
    leaves: list[Tensor]
    outs: list[Tensor]
    upstreams: list[Array]  # one per output
    given: list[Array]  # the same, on the outputs' devices
    calls: list[Call]  # the ops of the forward pass
    values: Array  # the elements of all outputs, (m,)
    gradients: list[Array] = field(default_factory=list)  # one per leaf; zeros if no gradient arrives
    arrived: list[bool] = field(default_factory=list)  # one per leaf

    @cached_property
    def upstream(self) -> Array:
        """The upstream gradients of all outputs, (m,)."""
        return np.concatenate([u.ravel() for u in self.upstreams])

    @property
    def inner(self) -> float:
        """The largest number that a recorded op takes or makes."""
        found = 0.0
        for call in self.calls:
            for array in filter(is_array, (*call.arrays, call.out)):
                numbers = to_host(array)
                found = max(found, largest(numbers[np.isfinite(numbers)]))
        return found

    @property
    def culprit(self) -> str | None:
        """The op, if the function is a call of a single one."""
        return self.calls[0].op.name if len(self.calls) == 1 else None

    def require_no(self, fault: str) -> None:
        """Raise GradcheckError if a rule has this fault, a kind of `FaultWatch.faults`."""
        if fault in self.watch.faults:
            what, words = self.watch.faults[fault]
            raise self.subject.fault(what, **words)

    @cached_property
    def analytic(self) -> Callable[[Sequence[Array]], Array] | None:
        """The function by its recorded ops alone, fused ones by their definitions, which takes complex arrays too.

        None if an op is not analytic.
        """
        for call in self.calls:
            if isinstance(call.op, Op) and not (call.op.analytic or call.op.definition):
                return None
        watch, leaves = Watch(), self.subject.leaves()
        with Observing(watch), reference():
            outs = self.subject.run(leaves)
        defined = replace(self, leaves=leaves, outs=outs, calls=watch.calls)
        return defined.replayed if all(call.op.analytic for call in watch.calls) else None

    def replayed(self, xs: Sequence[Array]) -> Array:
        """The outputs at other inputs, (m,), by the recorded calls alone. All that is not recorded stays as it was.

        Only arrays are computed, so it takes a fraction of the function's time. xs are on the host.
        """
        nodes, out_nodes, out_arrays = self._ends
        results = dict(zip(nodes, xs if self.subject.on_host else self.subject.moved(xs), strict=True))
        for call in self.calls:  # map, since no other loop is as quick, and this runs a thousand times
            results[call.record] = call.op.forward(*map(results.get, call.nodes, call.arrays), **call.settings)
        outs: Iterable[Any] = map(results.get, out_nodes, out_arrays)
        return np.concatenate([*map(np.ravel, outs if self.subject.on_host else map(to_host, outs))])

    @cached_property
    def _ends(self) -> tuple[list[Any], list[Any], list[Array]]:
        """The nodes of the leaves, and nodes and arrays of the outputs."""
        return [*map(NODE, self.leaves)], [*map(NODE, self.outs)], [*map(ARRAY, self.outs)]

    def backward(self) -> list[Array | None]:
        """The gradients of another backward pass, which `watch` sees; None where none arrives."""
        self.watch.steps = []
        return vjp(self.subject, self.outs, self.leaves, self.given, watch=self.watch)


def analytical_gradients(subject: Subject, seed: int) -> Analytical:
    """Run the function and its backward pass, with a random upstream gradient drawn from `seed`.

    Raises GradcheckError if the function writes to an input, if an output is not finite, or if a rule fails.
    Raises ValueError if the function uses an input that it holds itself instead of its argument.
    """
    watch, leaves = FaultWatch(), subject.leaves()
    with Observing(watch):
        outs = subject.run(leaves)
    for k, (x, leaf) in enumerate(zip(subject.xs, leaves, strict=True)):
        if not np.array_equal(to_host(leaf.array), x):
            raise subject.fault("input-modified.function", k, shape=x.shape)
    values = flat(outs)
    if not np.isfinite(values).all():
        raise subject.fault("not-finite", value=values[~np.isfinite(values)][0])
    rng = np.random.default_rng(seed)
    upstreams = [random_upstream(rng, out.shape) for out in outs]
    given = [move(u.astype(out.dtype), out.device) for u, out in zip(upstreams, outs, strict=True)]
    found = Analytical(subject, watch, leaves, outs, upstreams, given, list(watch.calls), values)
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
    upstreams: Sequence[Any],
    create_graph: bool = False,
    watch: Watch | None = None,
) -> list[Any]:
    """The vector-Jacobian products, one per input: arrays for upstream arrays; None where no gradient arrives.

    create_graph: from upstream Tensors to recorded Tensors.  watch: sees the pass.
    The graph is kept. Raises GradcheckError, naming the op, if a rule fails.
    """
    seeds = []
    for out, upstream in zip(outs, upstreams, strict=True):
        if out._node is not None:
            seeds.append((out._node, upstream))
    nodes = [*map(NODE, inputs)]
    try:
        with nullcontext() if watch is None else Observing(watch):
            found = backward_pass(seeds, targets=nodes, retain_graph=True, create_graph=create_graph)
    except Exception as error:
        if watch is None:  # once more, to see what the rules return
            return vjp(subject, outs, inputs, upstreams, create_graph, Watch())
        raise rule_error(subject, error, watch, create_graph) from error
    return [*map(found.get, nodes)]


def on_host(gradients: Sequence[Any], xs: Sequence[Array]) -> list[Array]:
    """Gradients as arrays of their own on the host; zeros of the shapes of xs for None."""
    return [np.zeros(x.shape) if g is None else to_host(array_of(g)).copy() for g, x in zip(gradients, xs, strict=True)]


def roundings_of_rules(subject: Subject, upstreams: Sequence[Any], gradients: Sequence[Array]) -> list[Array]:
    """The rounding errors of rules, each in the shape of its input: by how much gradients change, in one of two ways.

    At inputs a few roundings away, up or down by turns; or in longdouble, which on x86 has 11 binary digits more than
    float64. The larger change counts. A way that the function does not take is passed over.
    """
    nudged = [x * (1 + 8 * EPS * (-1) ** np.arange(x.size).reshape(x.shape)) for x in subject.xs]
    roundings = [np.zeros(x.shape) for x in subject.xs]
    for xs in (nudged, [x.astype(np.longdouble) for x in subject.xs]):
        with suppress(Exception):  # not defined there, or not in longdouble
            leaves = subject.leaves(xs)
            outs = subject.run(leaves)
            seeds = [seed.astype(out.dtype) for seed, out in zip(upstreams, outs, strict=True)]
            others = on_host(vjp(subject, outs, leaves, seeds), xs)
            for rounding, g, other in zip(roundings, gradients, others, strict=True):
                np.maximum(rounding, np.abs(np.nan_to_num(other - g, posinf=0, neginf=0)), out=rounding)
    return roundings


def _require_use_of_arguments(found: Analytical) -> None:
    """Raise ValueError if the function ignores an argument and uses the same tensor from its closure.

    As `lambda w_: layer(x)`, where layer holds w: a change of w_ changes nothing, so any gradient would look right.
    """
    subject = found.subject
    if all(found.arrived):
        return
    leaves = [node for call in found.calls for node in call.nodes if isinstance(node, Leaf) and node.tensor is not None]
    used = {id(leaf.tensor()) for leaf in leaves if leaf.tensor is not None}
    for k, arrived in enumerate(found.arrived):
        if not arrived and id(subject.args[subject.checked[k]]) in used:
            words = {"check": subject.check, "name": subject.name, "input": subject.called(k)}
            raise ValueError(said("from-outside", **words))


# --- rules that fail ------------------------------------------------------------------------------------


def rule_error(subject: Subject, error: Exception, watch: Watch, create_graph: bool) -> GradcheckError:
    """The GradcheckError for an exception that a backward pass raised. watch: the observer of that pass."""
    facts: RuleError | None = getattr(error, "rule_error", None)
    if facts is not None:
        op, (what, hint, cause) = facts.record.op.name, _raised(error, facts)
    else:
        found = _refused(watch.steps[-1][0], watch.steps[-1][2], create_graph) if watch.steps else None
        if found is None:
            what = f"the backward pass through {subject.name} raised {type(error).__name__}: {error}"
            return subject.failure(what, hint="rule-raised")
        op, (what, hint, cause) = watch.steps[-1][0].op.name, found
    return subject.failure(f"the backward rule of {op} {what}", hint=hint, hint_text=cause, culprit=op)


# --- a rule that raised -------------------------------------------------------------------------------------


def _raised(error: Exception, facts: RuleError) -> tuple[str, str, str | None]:
    """What a rule did that raised, the hint, and the likely cause."""
    record, op = facts.record, facts.record.op
    rule = op.rules[0 if op.variadic else facts.index] if isinstance(op, Op) else None
    arguments = {"g": facts.upstream}  # of the backward kernel of a fused op
    if rule is not None:
        saved = record.saved[facts.index] if record.saved else ()
        arguments = dict(zip(inspect.signature(rule).parameters, (facts.upstream, *saved), strict=False))
    given = ", ".join(f"{name} {value.shape}" for name, value in arguments.items() if hasattr(value, "shape"))
    what = f"raised {type(error).__name__}: {error}" + (f"\n  it was given {given}" if given else "")
    if numpy_refused(error):
        return what, "numpy-in-rule", WITH_TL
    cause = None if rule is None else _transposed_argument(rule, arguments, record.nodes[facts.index].shape)
    return what, "rule-raised" if cause is None else "transposed", cause


def _transposed_argument(rule: Callable[..., Any], arguments: dict[str, Any], shape: Shape) -> str | None:
    """Whether a rule runs, and returns the shape of its input, when one of its arguments is transposed."""

    def runs_with(replaced: dict[str, Any]) -> bool:
        try:
            trial = rule(**{**arguments, **replaced})
        except Exception:  # this is not it
            return False
        return getattr(trial, "shape", None) == shape

    arrays = {name: value for name, value in arguments.items() if getattr(value, "ndim", 0) > 1}
    then = f"then the rule runs, and returns the shape of the input, {shape}"
    if runs_with({name: value.view(_Matrices) for name, value in arrays.items() if isinstance(value, np.ndarray)}):
        return f".T of an array with more than two axes reverses all of them; write .swapaxes(-1, -2): {then}"
    named = (name for name, value in arrays.items() if runs_with({name: value.swapaxes(-1, -2)}))
    return next((f"transpose {name}: {then}" for name in named), None)


class _Matrices(np.ndarray):
    """An array of matrices, whose .T transposes each, and np.transpose too, unless it is given axes."""

    T = property(lambda self: self.swapaxes(-1, -2))

    def transpose(self, *axes: Any) -> Any:
        return super().transpose(*axes) if axes and axes[0] is not None else self.T


# --- a rule that returned something else than a gradient ----------------------------------------------------


def _refused(record: Record, gradients: Sequence[Any], create_graph: bool) -> tuple[str, str, str | None] | None:
    """What is wrong with the first returned value that is no gradient, the hint, and the likely cause; or None."""
    missing = False
    for node, gradient in zip(record.nodes, gradients, strict=True):
        missing = missing or (node is not None and gradient is None)  # it may also mean that none was wanted here
        if node is None or gradient is None:
            continue
        problem = _problem(gradient, node.shape, record.shape, create_graph)
        if problem is not None:
            return problem
    return ("returned None", "returned-none", "is a return missing?") if missing else None


def _problem(gradient: Any, shape: Shape, out_shape: Shape, create_graph: bool) -> tuple[str, str, str | None] | None:
    """Why a value is not a gradient for an input of a given shape: what was returned, the hint and the likely cause."""
    if isinstance(gradient, TensorBase) and not create_graph:
        cause = "leave out tl.tensor(): operators and tl functions take arrays too, and return arrays"
        return "returned a Tensor, though it was given arrays", "no-array", cause
    if not (isinstance(gradient, (TensorBase, np.generic)) or is_array(gradient)):
        value = repr(gradient) if isinstance(gradient, (bool, int, float)) else kind_of(gradient)
        cause = "a gradient is an array of its input's shape: the upstream gradient g times the derivative"
        return f"returned {value}", "no-array", cause
    if not isinstance(gradient, TensorBase) and create_graph:
        return "returned an array, though it was given Tensors", "numpy-in-rule", WITH_TL
    if broadcasts(shape, gradient.shape):
        return None
    what = f"returned a gradient of shape {gradient.shape} for an input of shape {shape}"
    if len(shape) > 1 and gradient.shape == (*shape[:-2], shape[-1], shape[-2]):
        return what, "transposed", "the last two axes must be swapped"
    if gradient.shape == out_shape:
        cause = "this is the shape of the output; the gradient must have the shape of the input"
        return what, "not-spread", cause
    return what, "wrong-shape", None


def broadcasts(shape: Shape, to: Shape) -> bool:
    """Whether one shape broadcasts to another."""
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(shape[::-1], to[::-1], strict=False))
