"""Property tests of every op in the table: one test per op and property, so a failure names both."""

from __future__ import annotations

import weakref
from inspect import signature
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from op_table import DEFINED, TABLE, Row

import run_op
import tinygrad_lecture as tl
from numeric import assert_close, assert_same_bits, differences
from strategies import LAYOUTS, Array, Sample
from tinygrad_lecture import ops
from tinygrad_lecture.autograd.memory import arrays_in
from tinygrad_lecture.autograd.op import Op
from tinygrad_lecture.autograd.op_definition import Rule
from tinygrad_lecture.ops import fused, windowed
from tinygrad_lecture.ops.composite import Fused
from tinygrad_lecture.tensor_base import wrap

TIGHT, DIFFERENCES, LOOSE = 1e-12, 1e-6, 2e-5  # float64; central differences; float32

FLOATS = {"float64": TIGHT, "float32": LOOSE}


def each(*rows: Row) -> pytest.MarkDecorator:
    """One test per row, with the op's name as its id."""
    return pytest.mark.parametrize("row", rows, ids=[r.name for r in rows])


def examples(count: int) -> settings:
    """`count` examples per op, without Hypothesis's checks of how fast they are drawn."""
    return settings(max_examples=count, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


ALL = list(TABLE.values())
DIFFERENTIABLE = [r for r in ALL if r.differentiable]
OPS = [r for r in ALL if isinstance(r.op, Op)]
FUSED = [r for r in ALL if r.fused]


def floats_in(sample: Sample) -> list[int]:
    """The positions of the float inputs, which have gradients."""
    return [i for i, x in enumerate(sample.inputs) if run_op.is_float(x)]


def test_every_op_has_a_row() -> None:
    """All but `write`, which returns nothing, `allclose`, which returns a bool, and `without_backward`."""
    assert set(TABLE) == set(DEFINED) - {"write", "allclose", "without_backward"}
    assert set(ops.__all__) <= set(TABLE) | {"allclose"}


# --- values and dtypes --------------------------------------------------------------------------------------


@each(*ALL)
@examples(8)
@given(data=st.data())
def test_value(row: Row, data: st.DataObject) -> None:
    """Of Tensors a Tensor, of arrays an array."""
    sample = data.draw(row.samples)
    expected = row.expected(sample)
    for kind, inputs in ((tl.Tensor, run_op.tensors(sample.inputs)), ((np.ndarray, np.generic), sample.inputs)):
        for result, wanted in zip(row.run(inputs, sample.settings), expected, strict=True):
            assert isinstance(result, kind), f"{row.name} made a {type(result)}, expected {kind}"
            assert result.dtype == wanted.dtype, f"{row.name} made {result.dtype}, expected {wanted.dtype}"
            assert_close(run_op.host(result), wanted, row.name, TIGHT)


@each(*[r for r in OPS if not r.op.views])
@examples(5)
@given(data=st.data())
def test_what_is_declared_to_be_no_view_shares_no_memory(row: Row, data: st.DataObject) -> None:
    """A view that nobody looked for would miss a change of its input."""
    sample = data.draw(row.samples)
    inputs = run_op.tensors(sample.inputs)
    arrays = [x._array for x in inputs if isinstance(x, tl.Tensor)]
    for result in row.run(inputs, sample.settings):
        assert not any(np.shares_memory(result._array, array) for array in arrays), row.name


@each(*[r for r in ALL if set(r.kinds) & {"i", "b"}])
@examples(4)
@given(data=st.data())
def test_integers_and_bools(row: Row, data: st.DataObject) -> None:
    """The results are NumPy's, except that integers give float32, the default dtype, where NumPy gives float64."""
    drawn = data.draw(row.samples)
    dtype = data.draw(st.sampled_from([d for d in ("int64", "int32", "bool") if np.dtype(d).kind in row.kinds]))
    sample = run_op.cast(drawn, dtype)
    expected = row.expected(sample)
    for result, wanted in zip(row.run(run_op.tensors(sample.inputs), sample.settings), expected, strict=True):
        name = f"{row.name} of {dtype}"
        assert_close(run_op.host(result), wanted, name, LOOSE)
        kept = result.dtype.kind == wanted.dtype.kind and result.dtype != tl.float64
        assert kept, f"{name} made {result.dtype}, expected {wanted.dtype}"


@each(*ALL)
@examples(4)
@given(data=st.data())
def test_float32_stays_float32(row: Row, data: st.DataObject) -> None:
    """In gradients too, and they equal those of float64 up to rounding."""
    drawn = data.draw(row.samples)
    results, found = run_op.first_order(row, run_op.cast(drawn, "float32"))
    for result, wanted in zip(results, row.expected(drawn), strict=True):
        assert_close(result, wanted, f"{row.name} in float32", LOOSE)
        if not row.casts and result.dtype.kind == "f":
            assert result.dtype == tl.float32, f"{row.name} of float32 made {result.dtype}"
    wide = run_op.first_order(row, drawn)[1]
    for position, gradient, wanted in zip(floats_in(drawn), found, wide, strict=False):
        name = f"gradient of {row.name} by input {position} in float32"
        assert gradient.dtype == tl.float32 and wanted.dtype == tl.float64, f"{name} is {gradient.dtype}"
        assert_close(gradient, wanted, name, LOOSE, 10 * LOOSE)


@each(*[r for r in ALL if r.mixes])
@examples(6)
@given(data=st.data())
def test_mixed_dtypes(row: Row, data: st.DataObject) -> None:
    """Integers with float32 give float32, float32 with float64 gives float64; each gradient has its input's dtype.

    An input without axes does not promote one with axes."""
    sample = data.draw(row.samples)
    floats = [i for i, x in enumerate(sample.inputs) if run_op.is_float(x)]
    narrowed = data.draw(st.sampled_from(floats))
    for narrow, wide in (("int64", "float32"), ("float32", "float64")):
        inputs = list(run_op.cast(sample, wide).inputs)
        inputs[narrowed] = run_op.cast(sample, narrow).inputs[narrowed]
        results, found = run_op.first_order(row, Sample(tuple(inputs), sample.settings))
        made = [inputs[i] for i in floats if inputs[i].dtype.kind == "f"]
        considered = [x for x in made if x.ndim] or made
        expected = np.result_type(*considered) if considered else np.dtype("float32")
        for result, wanted in zip(results, row.expected(sample, *inputs), strict=True):
            name = f"{row.name} of {narrow} and {wide}"
            assert_close(result, wanted, name, LOOSE)
            if len(floats) > 1 or narrow != "int64":
                assert result.dtype == expected, f"{name} made {result.dtype}"
        asked = [i for i in floats if inputs[i].dtype.kind == "f"]
        for position, gradient in zip(asked, found, strict=False):
            assert gradient.dtype == inputs[position].dtype, f"{row.name}: gradient by input {position}"


# --- gradients ----------------------------------------------------------------------------------------------


@each(*DIFFERENTIABLE)
@examples(8)
@given(data=st.data())
def test_gradient(row: Row, data: st.DataObject) -> None:
    """Against numerical differences, for every element of every float input, with a random upstream gradient."""
    sample = data.draw(row.samples)
    results, found = run_op.first_order(row, sample)
    given_ = run_op.upstreams([r for r in results if r.dtype.kind == "f"])

    def function(inputs: list[Any]) -> list[Array]:
        return [np.asarray(r) for r in row.run(inputs, sample.settings) if np.asarray(r).dtype.kind in "fc"]

    with np.errstate(all="ignore"):
        for position, gradient in zip(floats_in(sample), found, strict=True):
            expected = differences(function, sample.inputs, position, given_, complex_step=row.analytic)
            rtol = 1e-10 if row.analytic else DIFFERENCES
            assert_close(gradient, expected, f"gradient of {row.name} by input {position}", rtol)


@each(*DIFFERENTIABLE)
@examples(4)
@given(data=st.data())
def test_gradient_of_gradient(row: Row, data: st.DataObject) -> None:
    """The recorded gradient equals the unrecorded one, and its own gradients agree with differences."""
    sample = data.draw(row.samples)
    first, second = run_op.second_order(row, sample)
    results, unrecorded = run_op.first_order(row, sample)
    for position, a, b in zip(floats_in(sample), first, unrecorded, strict=True):
        assert_close(a, b, f"gradient, recorded, of {row.name} by input {position}", TIGHT)

    given_ = run_op.upstreams([r for r in results if r.dtype.kind == "f"])
    variables = [*sample.inputs, *given_]

    def gradient(values: list[Any]) -> list[Array]:
        inputs = run_op.tensors(values[: len(sample.inputs)])
        outs = run_op.differentiable(row.run(inputs, sample.settings))
        return [run_op.host(g) for g in run_op.gradients(outs, run_op.variables(inputs), values[len(sample.inputs) :])]

    asked = [*floats_in(sample), *range(len(sample.inputs), len(variables))]
    weights = run_op.upstreams(first, seed=2)
    for position, found in zip(asked, second or [np.zeros_like(variables[p]) for p in asked], strict=True):
        by = f"input {position}" if position < len(sample.inputs) else "the upstream gradient"
        expected = differences(gradient, variables, position, weights)
        assert_close(found, expected, f"second derivative of {row.name} by {by}", DIFFERENCES)


@each(*DIFFERENTIABLE)
@examples(3)
@given(data=st.data())
def test_each_input_alone(row: Row, data: st.DataObject) -> None:
    """The op runs alike each time: an input's gradient has the same bits, whether or not others require grad."""
    sample = data.draw(row.samples)
    results, together = run_op.first_order(row, sample)
    for position, expected in zip(floats_in(sample), together, strict=True):
        inputs = run_op.tensors(sample.inputs, grad=[i == position for i in range(len(sample.inputs))])
        again = row.run(inputs, sample.settings)
        for result, first in zip(again, results, strict=True):
            assert_same_bits(run_op.host(result), first, f"{row.name}, run twice")
        outs = run_op.differentiable(again)
        (alone,) = run_op.gradients(outs, run_op.variables(inputs), run_op.upstreams(outs))
        assert_same_bits(run_op.host(alone), expected, f"gradient of {row.name} by input {position} alone")


# --- memory -------------------------------------------------------------------------------------------------


@each(*DIFFERENTIABLE)
@examples(4)
@given(data=st.data())
def test_nothing_is_written_to_and_no_memory_is_shared(row: Row, data: st.DataObject) -> None:
    """Inputs and upstream gradients keep their bits, and a write to one gradient changes nothing else."""
    sample = data.draw(row.samples)
    inputs = run_op.tensors(sample.inputs)
    by = run_op.variables(inputs)
    outs = run_op.differentiable(row.run(inputs, sample.settings))
    given_ = run_op.upstreams(outs)
    watched = {f"input {i}": x for i, x in enumerate(sample.inputs) if isinstance(x, np.ndarray)}
    watched.update({f"upstream gradient {i}": u for i, u in enumerate(given_)})
    watched.update({f"result {i}": out.array for i, out in enumerate(outs)})
    before = {name: array.copy() for name, array in watched.items()}

    for out, upstream in zip(outs, given_, strict=True):
        out.backward(wrap(upstream), retain_graph=True)
    handed_out = tl.grad(outs, by, [wrap(u) for u in given_], allow_unused=True)
    grads = {f"the grad of input {i}": x.grad._array for i, x in enumerate(by) if x.grad is not None}
    grads.update({f"gradient {i} of tl.grad": g._array for i, g in enumerate(handed_out) if g is not None})
    for name, gradient in grads.items():
        for other, array in {**watched, **grads}.items():
            shared = other != name and np.shares_memory(gradient, array)
            assert not shared, f"{row.name}: {name} shares memory with {other}"
        gradient += 1  # in place, as an optimiser may
    for name, array in watched.items():
        assert_same_bits(array, before[name], f"{row.name}: {name} after backward")


@each(*DIFFERENTIABLE)
@examples(3)
@given(data=st.data())
def test_any_layout_of_memory(row: Row, data: st.DataObject) -> None:
    """Transposed, reversed, strided and repeated inputs give the results of contiguous ones."""
    sample = data.draw(row.samples)
    layouts = [LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))] for _ in sample.inputs]
    views = tuple(lay(x) if run_op.is_float(x) else x for lay, x in zip(layouts, sample.inputs, strict=True))
    plain = tuple(np.ascontiguousarray(x).reshape(x.shape) if run_op.is_float(x) else x for x in views)
    a, b = (run_op.first_order(row, Sample(inputs, sample.settings)) for inputs in (views, plain))
    for viewed, contiguous in zip([*a[0], *a[1]], [*b[0], *b[1]], strict=True):
        assert_close(viewed, contiguous, f"{row.name} of views", TIGHT)


@each(*[r for r in OPS if r.keeps is not None and r.differentiable])
@examples(3)
@given(data=st.data())
def test_a_record_keeps_what_its_row_says(row: Row, data: st.DataObject) -> None:
    """The record alone keeps no arrays alive but those that the row names."""
    sample = data.draw(row.samples)
    op: Op[Any] = row.op
    names = [op.variadic] * len(sample.inputs) if op.variadic else op.inputs
    inputs = run_op.tensors([x.copy() if isinstance(x, np.ndarray) else x for x in sample.inputs])
    (out,) = row.run(inputs, sample.settings)
    owners = {
        f"{name} (input {i})": weakref.ref(x._array)
        for i, (name, x) in enumerate(zip(names, inputs, strict=False))
        if isinstance(x, tl.Tensor)
    }
    owners["out"] = weakref.ref(out._array)
    record = out._node
    del inputs, out
    alive = {name for name, array in owners.items() if array() is not None}
    assert record is not None
    allowed = row.keeps.split()
    extra = sorted(name for name in alive if name.split(" ")[0] not in allowed)
    assert not extra, f"{row.name} keeps {', '.join(extra)} alive, which its rules should not need"
    if isinstance(op, Fused) or op.variadic:
        return
    asked = {name for rule in op.rules if rule for name in arrays_asked_by(op, rule)}
    assert asked == set(allowed), f"{row.name}: its rules ask for {sorted(asked)}, its row says {allowed}"


def arrays_asked_by(op: Op[Any], rule: Rule) -> list[str]:
    """The inputs and "out" in a rule's signature, after the upstream gradient."""
    names = list(signature(rule).parameters)[1:]
    return [name for name in names if name in (*op.inputs, op.variadic, "out")]


# --- kernels against definitions ----------------------------------------------------------------------------


@each(*FUSED)
@examples(8)
@given(data=st.data())
def test_kernel_is_its_definition(row: Row, data: st.DataObject) -> None:
    """Forward, and backward for every combination of inputs that require grad."""
    dtype = data.draw(st.sampled_from(sorted(FLOATS)))
    sample = run_op.cast(data.draw(row.samples), dtype)
    asked = floats_in(sample)
    rtol = FLOATS[dtype]
    for choice in product([True, False], repeat=len(asked)):
        wanted = [i in asked and choice[asked.index(i)] for i in range(len(sample.inputs))]
        got, expected = kernel_and_definition(row, sample, wanted)
        for what, a, b in zip(["value", *(f"gradient by input {i}" for i in asked)], got, expected, strict=False):
            assert a.dtype == b.dtype == dtype, f"{row.name}: {what} is {a.dtype}"
            assert_close(a, b, f"kernel of {row.name}, {wanted} requiring grad: {what}", rtol, 5 * rtol)


def kernel_and_definition(row: Row, sample: Sample, grad: list[bool]) -> tuple[list[Array], list[Array]]:
    """(value, *gradients) from the kernel, and the same from the definition."""
    found = []
    for definition in (False, True):
        inputs = run_op.tensors(sample.inputs, grad=grad)
        with tl.reference() if definition else tl.enable_grad():
            (out,) = row.run(inputs, sample.settings)
            outs = run_op.differentiable([out])
            gradients = run_op.gradients(outs, run_op.variables(inputs), run_op.upstreams(outs)) if outs else []
        found.append([run_op.host(out), *(run_op.host(g) for g in gradients)])
    return found[0], found[1]


INF, NAN = np.inf, np.nan
EXTREMES: dict[str, list[Any]] = {
    "cross_entropy": [[[1e4, 0, -1e4]], [[-INF, 0, 1]], [[0, -INF, 1]], [[NAN, 0, 1], [0, 1, 2]], [[-INF] * 3]],
    "softmax": [[[1e4, 0, -1e4]], [[-INF, 0, 1]], [[-INF, -INF]], [[NAN, 0, 1], [0, 1, 2]], [[3e38, 0]], [[5.0]]],
    "gelu": [[[-1e4, -30, -6, 0, 6, 30, 1e4]], [[NAN, 1.0]], [[1e-30, -1e-30]]],
    "layer_norm": [[[2.0, 2.0, 2.0]], [[1e15, -1e15, 0]], [[NAN, 1, 2], [1, 2, 3]], [[1e-20, 0, -1e-20]]],
}
EXTREMES["log_softmax"], EXTREMES["rms_norm"] = EXTREMES["softmax"], EXTREMES["layer_norm"]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("name", "values"), [(name, values) for name, cases in EXTREMES.items() for values in cases], ids=str
)
def test_kernel_is_its_definition_at_extremes(name: str, values: Any, dtype: str) -> None:
    """For large numbers, rows of -inf and nan: no warning, and the definition's results."""
    x = np.array(values, dtype=dtype)
    for targets in [(np.array([target] * len(x)),) for target in range(3)] if name == "cross_entropy" else [()]:
        got, expected = kernel_and_definition(TABLE[name], Sample((x, *targets)), [True, False])
        for what, a, b in zip(("value", "gradient"), got, expected, strict=True):
            assert_close(a, b, f"kernel of {name} at {values}: {what}", FLOATS[dtype], FLOATS[dtype])
            if np.isnan(x).any():
                assert np.isnan(a[0]).any(), f"{name}: a nan was lost"
                assert not np.isnan(a[1:]).any(), f"{name}: a nan spread to other rows"


def test_layer_norm_of_nothing_is_nothing() -> None:
    x, weight = tl.zeros(2, 0, requires_grad=True), tl.ones(0, requires_grad=True)
    y = ops.layer_norm(x, weight)
    y.sum().backward()
    assert y.shape == x.grad.shape == (2, 0) and weight.grad.shape == (0,)


@pytest.mark.parametrize("average", [True, False])
def test_squared_error_of_nothing_has_no_gradient_and_no_mean(average: bool) -> None:
    x = tl.zeros(0, 3, requires_grad=True)
    loss = ops.squared_error(x, tl.zeros(0, 3), average=average)
    loss.backward()
    assert x.grad is not None and x.grad.shape == (0, 3)
    assert np.isnan(loss.detach().item()) if average else loss.item() == 0


# --- how many bytes the record of a fused op keeps for backward besides its inputs ---------------------------

N, D, KEYS = 5, 8, 7  # rows, their length, keys


def made(*shape):
    return tl.tensor(np.random.default_rng(0).normal(size=shape), dtype=tl.float32, requires_grad=True)


KEPT = {  # op: a call, and how many numbers it keeps
    "linear": (lambda: tl.linear(made(N, D), made(3, D), made(3)), 0),
    "quantized_linear": (
        lambda: tl.quantized_linear(made(N, 32), tl.ones(3, 32, dtype=tl.int8), made(3, 1), made(3, 1)),
        0,
    ),
    "rotary": (lambda: tl.rotary(made(N, D), made(N, D // 2), made(N, D // 2)), 0),
    "squared_error": (lambda: tl.squared_error(made(N, D), made(N, D)), 0),
    "softmax": (lambda: tl.softmax(made(N, D), -1), N * D),
    "log_softmax": (lambda: tl.log_softmax(made(N, D), -1), N * D),
    "cross_entropy": (lambda: tl.cross_entropy(made(N, D), tl.zeros(N, dtype=tl.int64)), N * D),
    "gelu": (lambda: tl.gelu(made(N, D)), N * D),
    "layer_norm": (lambda: tl.layer_norm(made(N, D), made(D), made(D)), 2 * N),
    "rms_norm": (lambda: tl.rms_norm(made(N, D), made(D)), 2 * N),
    "attention_weights": (lambda: tl.attention_weights(made(N, D), made(KEYS, D)), N * KEYS),
    "attention": (lambda: tl.attention(made(N, D), made(KEYS, D), made(KEYS, D)), N * D + N * KEYS),
    "attention of many": (lambda: tl.attention(made(N, D), made(300, D), made(300, D)), N * D),
    "rnn_states": (lambda: fused.rnn_states(made(N, D), made(N, D), made(D, D), sizes=(N,)), 2 * N * D),
    "gru_states": (lambda: fused.gru_states(made(N, 3 * D), made(N, D), made(3 * D, D), sizes=(N,)), 6 * N * D),
    "lstm_states": (
        lambda: fused.lstm_states(made(N, 4 * D), made(N, D), made(N, D), made(4 * D, D), sizes=(N,)),
        8 * N * D,
    ),
    "max_pool": (lambda: windowed.max_pool(made(N, D), size=(2,), stride=2), N * D // 2 // 2),  # two bytes each
    "causal attention": (lambda: tl.attention(made(65, D), made(65, D), made(65, D), causal=True), 65 * D + 64**2 + 65),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_record_keeps_its_inputs_and_no_more_than_this(name):
    call, numbers = KEPT[name]
    record = call()._node
    inputs = {id(array) for array in arrays_in(list(record.saved[0]))}
    kept = {id(array): array for array in arrays_in(list(record.saved[1:])) if id(array) not in inputs}
    assert sum(array.nbytes for array in kept.values()) == 4 * numbers


def test_every_op_with_a_kernel_is_measured():
    assert {row.name for row in TABLE.values() if row.fused} <= KEPT.keys()
