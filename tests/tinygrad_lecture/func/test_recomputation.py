"""tl.checkpoint: the values and gradients of a plain call, less memory, and never a silently wrong gradient."""

import threading
import weakref

import numpy as np
import pytest

import tinygrad_lecture as tl
from numeric import close, constant, leaf
from process import no_collector

func = tl.func


# --- the same as without ------------------------------------------------------------------------------------


def dropped(h):
    return h * (tl.rand(3) < 0.5) * 2


def a_tuple_with_integers(checkpoint, x, w):
    product, power, largest = checkpoint(lambda x: (x * w, x.exp(), x.argmax()), x)
    return (product * power).sum() * product[largest]


def closed_over_tensors_on_the_way_of_each_other(checkpoint, x, w):
    h = x.exp() * w
    k = h * x
    return checkpoint(lambda: (h * x * w * k).sum()) * h.sum()


def writes_in_place(checkpoint, x, w):
    def write(x):
        y = x * 1
        y[0] = w[1] * x[2]
        y *= w
        return y

    return checkpoint(write, x).sum()


MODELS = {
    "nested": lambda run, x, w: run(
        lambda x: (run(lambda z: (z * w).tanh() * z, x * w) * run(lambda z: z.sin() * dropped(z), x)).sum(), x
    ),
    "returns its input": lambda run, x, w: (run(lambda x: x, x) * w).sum(),
    "one tensor twice": lambda run, x, w: (run(lambda a, b: a * b * w, x, x) * w).sum(),
    "fused ops": lambda run, x, w: run(lambda x: (tl.layer_norm(tl.softmax(x) + w) * tl.gelu(x)).sum(), x),
    "a transposed view": lambda run, x, w: run(lambda a, b: (a[:, None] + b).T.exp(), x, w).sum(),
}
DEFINED = a_tuple_with_integers, closed_over_tensors_on_the_way_of_each_other, writes_in_place


@pytest.mark.parametrize("model", [*MODELS.values(), *DEFINED], ids=[*MODELS, *(f.__name__ for f in DEFINED)])
def test_values_and_derivatives_of_two_orders_and_the_random_stream_are_the_same(model):
    def run(checkpoint):
        x, w = leaf(0.5, -0.3, 0.2), leaf(0.7, 0.2, -0.4)
        tl.manual_seed(3)
        y = model(checkpoint, x, w)
        first = tl.grad(y, [x, w], create_graph=True)
        second = tl.grad(sum((g * g).sum() for g in first), [x, w], retain_graph=True)
        y.backward()
        return [y, *first, *second, x.grad, w.grad], tl.get_rng_state()

    (expected, state), (got, state_with) = run(lambda function, *inputs: function(*inputs)), run(tl.checkpoint)
    for a, b in zip(got, expected, strict=True):
        assert a.dtype == b.dtype
        close(a, b.detach().numpy())
    assert state_with == state, "checkpoint left the random stream at another state than a plain call"


def test_a_result_of_no_elements_or_no_axes_passes():
    x = leaf(1, 2)
    empty, scalar = tl.checkpoint(lambda x: (x[:0] * 2, x.sum()), x)
    assert (empty.shape, scalar.shape) == ((0,), ())
    (scalar + empty.sum()).backward()
    close(x.grad, [1, 1])


def test_without_anything_that_requires_grad_it_is_a_call():
    x = constant(1, 2)
    y = tl.checkpoint(lambda x: x * 2, x)
    assert not y.requires_grad
    assert tl.checkpoint(lambda x: (), x) == ()
    with tl.no_grad():
        assert not tl.checkpoint(lambda x: x * 2, leaf(1)).requires_grad


def test_backward_twice_with_retain_graph_and_a_clear_error_without():
    x = leaf(1)
    y = tl.checkpoint(lambda x: x.exp(), x).sum()
    y.backward(retain_graph=True)
    y.backward()
    close(x.grad, 2 * np.exp([1]))
    with pytest.raises(RuntimeError, match="freed"):
        y.backward()


def test_grad_by_one_of_the_sources_runs_only_what_leads_there():
    x, w = leaf(2), leaf(3)
    h = x.exp()
    y = tl.checkpoint(lambda h: h * w, h).sum()
    by_h, by_w = tl.grad(y, [h, w], retain_graph=True)
    close(by_h, [3])
    close(by_w, np.exp([2]))
    close(tl.grad(y, w)[0], np.exp([2]))
    h.sum().backward()  # still there
    close(x.grad, np.exp([2]))


def test_gradients_that_share_memory_inside_are_summed_apart():
    a, b = leaf(1, 2), leaf(3, 4)
    other = a * 3
    (tl.checkpoint(lambda a, b: (a + b).exp(), a, b) + other).sum().backward()
    close(a.grad, np.exp([4, 6]) + 3)
    close(b.grad, np.exp([4, 6]))
    a.grad.zero_()
    close(b.grad, np.exp([4, 6]))


# --- random numbers -----------------------------------------------------------------------------------------


def test_dropout_is_the_same_in_both_runs_whatever_other_threads_draw():
    stop = threading.Event()

    def draw():
        while not stop.is_set():
            tl.rand(10)

    other = threading.Thread(target=draw)
    other.start()
    try:
        for _ in range(30):
            x = tl.ones(50, requires_grad=True)
            y = tl.checkpoint(lambda x: sum(x * (tl.rand(50) < 0.5) for _ in range(3)), x)
            y.sum().backward()
            np.testing.assert_array_equal(x.grad.detach().numpy(), y.detach().numpy())
    finally:
        stop.set()
        other.join()


# --- what has changed in between is noticed -----------------------------------------------------------------


READS = {  # how a checkpoint reads the tensor that is changed then
    "an input": (lambda x: constant(3, 4), lambda x, held: tl.checkpoint(lambda x, m: (x * m).exp(), x, held)),
    "a weight": (lambda x: leaf(3, 4), lambda x, held: tl.checkpoint(lambda x: x * held, x)),
    "a constant": (lambda x: constant(3, 4), lambda x, held: tl.checkpoint(lambda x: (x + held).exp(), x)),
    "an index": (lambda x: tl.tensor([0, 0]), lambda x, held: tl.checkpoint(lambda x: x[held], x)),
}


@pytest.mark.parametrize(("made", "read"), READS.values(), ids=READS)
def test_what_it_reads_changed_in_place_is_refused(made, read):
    x = leaf(1, 2)
    held = made(x)
    y = read(x, held)
    with tl.no_grad():
        held += 1
    said = r"shape \(2,\) that (\S+ reads in the function|checkpoint saved for backward) was changed in place"
    said += "|returned other values than at first"  # of an index a record keeps a copy
    with pytest.raises(RuntimeError, match=said):
        y.sum().backward()


def test_what_is_changed_before_or_elsewhere_or_inside_does_no_harm():
    x, scale, other = leaf(1, 2), constant(3, 4), constant(0)
    count = constant(0)

    def counted(x):
        with tl.no_grad():
            count.add_(1)
        fresh = constant(0, 0)
        fresh += 1
        y = x * fresh
        y *= scale
        return y

    scale += 1
    y = tl.checkpoint(counted, x)
    z = tl.checkpoint(counted, x)
    other += 1
    (y + z).sum().backward()
    close(x.grad, [8, 10])


def test_an_input_that_has_taken_a_new_value_on_the_tape_counts_with_its_old_one():
    x = leaf(1, 2)
    h = x * 2
    y = tl.checkpoint(tl.exp, h)
    h += 1  # recorded: h has a new node, and the old one stays in the graph
    y.sum().backward()
    close(x.grad, 2 * np.exp([2, 4]))


def test_a_variable_of_the_function_assigned_to_in_between_is_refused():
    x = leaf(1, 2)
    h = x * 2
    y = tl.checkpoint(lambda: h.exp())
    h = h + 1
    with pytest.raises(RuntimeError, match="uses other tensors that require grad than at first"):
        y.sum().backward()


def test_a_weight_whose_data_was_replaced_is_refused():
    x, w = constant(1, 2), leaf(3, 4)
    y = tl.checkpoint(lambda x: x * w, x)
    w.data = constant(5, 6)
    with pytest.raises(RuntimeError, match=r"\.data was replaced"):
        y.sum().backward()


def through_layers(factors, x):
    h = x
    for s in factors:
        h = tl.checkpoint(lambda z: z * s * z, h)  # noqa: B023 - s is the last one's when backward comes
    return h


def multiplied_by(*factors):
    """The model whose first run multiplies by the first of the factors, the second by the next."""

    def model(x):
        left = iter(factors)
        return tl.checkpoint(lambda x: x * next(left), x)

    return model


OTHER_VALUES = {
    "in a loop": lambda x: through_layers((1.0, 2.0, 3.0), x),
    "with a nan where there was none": multiplied_by(1, np.nan),
}


@pytest.mark.parametrize("model", OTHER_VALUES.values(), ids=OTHER_VALUES)
@pytest.mark.parametrize("dtype", [tl.float16, tl.float32, tl.float64])
def test_a_second_run_that_computes_something_else_is_refused_by_its_name(model, dtype):
    x = tl.tensor([0.5, 1.0, 1.5], dtype=dtype, requires_grad=True)
    y = model(x)
    said = r"the function \S+\.<locals>\.<lambda> returned other values than at first; pass .* default argument"
    with pytest.raises(RuntimeError, match=said):
        y.sum().backward()
    assert x.grad is None


def test_one_element_among_many_that_differs_is_refused():
    change = np.zeros(1000, np.float32)
    x = tl.ones(1000, requires_grad=True)
    y = tl.checkpoint(lambda x: x + change, x)
    change[-1] = 0.1
    with pytest.raises(RuntimeError, match="returned other values than at first"):
        y.sum().backward()


@pytest.mark.parametrize("dtype", [tl.float16, tl.float32, tl.float64])
def test_rounding_in_the_second_run_is_allowed_and_nan_and_inf_that_stay_too(dtype):
    rounding = iter([0, np.finfo(dtype).eps])
    x = tl.tensor([1.0, -2.0, 1e3, 0.0, np.inf, np.nan, 3.0], dtype=dtype, requires_grad=True)
    tl.checkpoint(lambda x: x * (1 + next(rounding)), x).sum().backward()
    assert x.grad is not None


def test_anomalies_in_the_second_run_are_seen():
    x = leaf(0)
    with tl.detect_anomaly():
        y = tl.checkpoint(lambda x: x.sqrt() * 2, x)
        noise = constant(1)
        noise += 1  # so the second run is watched for changes too
        with pytest.raises(tl.AnomalyError, match="rule of sqrt made the first inf") as caught:
            y.sum().backward()
    assert "test_recomputation.py" in caught.value.where


# --- memory -------------------------------------------------------------------------------------------------


def test_nothing_of_the_inside_is_kept():
    held = []

    def block(x):
        inside = x.exp()
        held.append(weakref.ref(inside._array))
        return inside.sin() * inside

    with no_collector():
        x = leaf(1, 2)
        y = tl.checkpoint(block, x)
        assert held[0]() is None, "an array of the first run is still alive"
        y.sum().backward()
        assert held[1]() is None, "an array of the second run is still alive"


def test_a_result_that_another_was_computed_from_gets_its_whole_gradient():
    def both(x):
        a = x * 2
        return a, a * x

    for run in (both, lambda x: tl.checkpoint(both, x)):
        x = tl.tensor([1.0, 3.0], requires_grad=True)
        a, b = run(x)
        a.retain_grad()
        slopes = tl.grad((a * b).sum(), [a, b], retain_graph=True)
        assert [slope.tolist() for slope in slopes] == [[4, 36], [2, 6]]
        b.sum().backward()
        assert (a.grad.tolist(), x.grad.tolist()) == ([1, 3], [4, 12])
