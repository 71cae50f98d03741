"""The backward pass: order, fan-out, freeing, depth, leaks, threads; gradients that share memory."""

import threading
import tracemalloc
import weakref

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

import tinygrad_lecture as tl
from gradchecks import make
from numeric import close, constant, leaf
from process import at_once, no_collector


def test_each_node_is_visited_once_even_in_a_lattice_of_2_to_the_60_paths():
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = (y + y) * 0.5
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [1.0])


def test_a_rule_that_returns_what_it_saved_cannot_corrupt_it():
    product = make(lambda a, b, /: a * b, a=lambda g, b: b, b=lambda g, a: g * a)  # a's is what a student may write
    a, b = leaf(1.0, 2.0), tl.tensor([3.0, 4.0], dtype=tl.float64)
    (product(a, b) + product(a, b)).sum().backward()
    product(a, b).sum().backward()
    np.testing.assert_array_equal(b.numpy(), [3, 4])


@pytest.mark.parametrize("op", [lambda x: x * 2, lambda x: x.exp(), lambda x: x @ x])
def test_a_second_backward_through_a_freed_graph_says_so(op):
    x = leaf(1.0)
    y = op(x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"retain_graph=True.*the state of an RNN.*state = state.detach\(\)"):
        y.backward()


@pytest.mark.parametrize("op", [lambda x: x + 1, lambda x: x.sum(), lambda x: x.reshape(1, 1).T])
def test_a_graph_that_saved_no_arrays_is_not_freed(op):
    x = leaf(1.0)
    y = op(x).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2]


def test_tl_grad_through_a_graph_of_which_a_part_was_freed_says_so():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    h = x.exp()
    h.sum().backward()
    for asked in (w, x):
        with pytest.raises(RuntimeError, match="freed what exp saved"):
            tl.grad((h * w).sum(), asked)


KEPT = np.zeros(2)


def test_an_array_that_a_rule_keeps_is_never_added_to():
    square = make(lambda x, /: x * x, x=lambda g, x: np.multiply(g, 2 * x, out=KEPT))
    x = leaf(1.0, 2.0)
    square(x).sum().backward()
    assert x.grad.tolist() == [2, 4]
    (square(x) + x).sum().backward()
    assert x.grad.tolist() == [5, 9]
    (first,) = tl.grad(square(x).sum(), x)
    tl.grad((7 * square(x)).sum(), x)
    assert first.tolist() == [2, 4]


# --- depth and memory ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_long_chain_is_built_differentiated_and_freed(n):
    x = tl.ones(1, requires_grad=True)
    y = x
    for _ in range(n):
        y = y + x
    last = weakref.ref(y)
    y.backward()
    assert float(x.grad.sum()) == n + 1
    del y
    assert last() is None


def test_the_graph_has_no_cycle_so_counting_references_frees_it():
    with no_collector():
        x = tl.randn(4, 4, requires_grad=True)
        h = (x @ x).tanh().softmax(axis=1)
        y = (tl.layer_norm(h) * h.exp()).sum()
        held = [weakref.ref(h), weakref.ref(y), weakref.ref(h._array), weakref.ref(y._array)]
        y.backward(create_graph=True)
        x.grad = None
        del h, y
        assert [r() is None for r in held] == [True] * 4


def test_backward_lets_go_of_each_value_as_it_is_used():
    x = tl.ones(250_000, requires_grad=True)  # one megabyte
    y = x
    for _ in range(20):
        y = y.sin()
    y = y.sum()
    tracemalloc.start()
    y.backward()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6e6, f"backward held {peak / 1e6:.0f} MB at once while it needs about 3"


# --- threads ------------------------------------------------------------------------------------------------


def test_threads_record_and_differentiate_at_once_without_mixing():
    shared = tl.ones(3, dtype=tl.float64, requires_grad=True)

    def work(i):
        own = tl.full((3,), float(i + 1), dtype=tl.float64, requires_grad=True)
        for _ in range(50):
            y = own
            for _ in range(10):
                y = y * shared
            y.sum().backward()
        np.testing.assert_allclose(own.grad.numpy(), [50.0] * 3)

    at_once(4, work)
    np.testing.assert_allclose(shared.grad.numpy(), [50 * 10 * (1 + 2 + 3 + 4)] * 3)


def test_grad_mode_is_per_thread():
    seen = []
    with tl.no_grad():
        thread = threading.Thread(target=lambda: seen.append(tl.is_grad_enabled()))
        thread.start()
        thread.join()
        assert not tl.is_grad_enabled()
    assert seen == [True]


def test_grad_mode_is_put_back_when_a_rule_fails():
    broken = make(lambda x, /: x + 0, x=lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        broken(leaf(1.0)).sum().backward()
    assert tl.is_grad_enabled()


def test_no_grad_works_as_context_and_as_decorator_with_and_without_parentheses():
    x = leaf(1.0)

    @tl.no_grad
    def plain():
        return x * 2

    @tl.no_grad()
    def called():
        with tl.enable_grad():
            inner = x * 2
        return x * 2, inner

    assert not plain().requires_grad
    outer, inner = called()
    assert (outer.requires_grad, inner.requires_grad) == (False, True)
    with tl.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_set_grad_enabled_holds_from_the_call_on_or_within_a_block():
    tl.set_grad_enabled(False)
    try:
        assert not tl.is_grad_enabled()
    finally:
        tl.set_grad_enabled(True)
    assert tl.is_grad_enabled()
    with tl.set_grad_enabled(False):
        assert not tl.is_grad_enabled()
    assert tl.is_grad_enabled()

    @tl.set_grad_enabled(False)
    def mode():
        return tl.is_grad_enabled()

    assert tl.is_grad_enabled()
    assert [mode(), mode(), tl.is_grad_enabled()] == [False, False, True]


# --- tl.grad: gradients with respect to any node of the graph, without side effects ---------------------------


def through(*inputs):
    """The gradients of 5 x⁴ at x = 2 by x, and by results on the way: x² and x⁴."""
    x = leaf(2)
    square = x * x
    fourth = square * square
    named = {"x": x, "square": square, "fourth": fourth}
    return tl.grad(fourth.sum() * 5, [named[name] for name in inputs])


UP, DOWN = constant(10, 20), constant(1, 1)
FOUND = {  # by x = (2, 3)
    "results on the way": (lambda x: through("fourth", "square", "x"), ([5], [5 * 2 * 4], [5 * 4 * 8])),
    "an input named twice": (lambda x: tl.grad(x * x, [x, x], UP), ([40, 120], [40, 120])),
    "outputs": (lambda x: tl.grad([x * 2, x * x], x, [DOWN, DOWN]), ([2 + 4, 2 + 6],)),
    "outputs of one element": (lambda x: tl.grad([x[0] * 2, x[1] ** 2], x, [tl.tensor(10.0), None]), ([20, 6],)),
    "an output named twice": (lambda x: [tl.grad([y, y], x, (DOWN, UP))[0] for y in [x * 3]], ([33, 63],)),
}


@pytest.mark.parametrize(("call", "expected"), FOUND.values(), ids=FOUND)
def test_gradients_of_outputs_by_inputs(call, expected):
    for got, wanted in zip(call(leaf(2, 3)), expected, strict=True):
        assert got is wanted is None or np.array_equal(got.numpy(), wanted)


@pytest.mark.parametrize("create_graph", [False, True])
def test_no_two_gradients_share_memory_nor_the_upstream(create_graph):
    a, b = leaf(1, 2), leaf(3, 4)
    upstream = constant(1, 1)
    found = [*tl.grad(a + b.reshape(2), [a, a, b], upstream, create_graph=create_graph)]
    found += tl.grad(a.reshape(2), a, upstream, create_graph=create_graph)
    for x in found:
        with tl.no_grad():
            x *= 0
    found += tl.grad(a, a, upstream, create_graph=create_graph)
    assert upstream.tolist() == [1, 1]
    assert [x.tolist() for x in found] == [[0, 0]] * 4 + [[1, 1]]


# --- unused inputs and mistakes -----------------------------------------------------------------------------


def test_an_input_that_nothing_depends_on_is_an_error_or_none():
    x, other = leaf(1), leaf(2)
    y = (x * x).sum()
    with pytest.raises(RuntimeError, match=r"no output depends on input 1, \(1,\); pass allow_unused=True"):
        tl.grad(y, [x, other], retain_graph=True)
    by_x, by_other = tl.grad(y, [x, other], allow_unused=True)
    close(by_x, [2])
    assert by_other is None


# --- what stays of the graph --------------------------------------------------------------------------------


def test_retain_graph_keeps_it_and_create_graph_does_too():
    x = leaf(2)
    y = (x**3).sum()
    tl.grad(y, x, retain_graph=True)
    (first,) = tl.grad(y, x, create_graph=True)
    close(tl.grad(y, x)[0], [12])
    close(tl.grad(first.sum(), x)[0], [12])


# --- higher orders ------------------------------------------------------------------------------------------


def test_create_graph_gives_gradients_that_can_be_differentiated_by_everything():
    x, w = leaf(2), leaf(5)
    upstream = leaf(1)
    (g,) = tl.grad(w * x**3, x, upstream, create_graph=True)  # 3 w u x²
    by_x, by_w, by_u = tl.grad(g.sum(), [x, w, upstream])
    close(by_x, [60])
    close(by_w, [12])
    close(by_u, [60])


def test_create_graph_records_under_no_grad_too():
    x = leaf(2)
    y = (x**3).sum()
    with tl.no_grad():
        (g,) = tl.grad(y, x, create_graph=True)
        first, again = tl.grad(y, [x, x], create_graph=True)
    close(tl.grad(g.sum(), x)[0], [12])
    close(tl.grad(again.sum() + first.sum(), x)[0], [24])


@example(["exp", "exp", "sum", "sum", "reuse", "exp", "exp", "exp"], 0)
@given(st.lists(st.sampled_from(["exp", "mul", "add", "reuse", "sum"]), max_size=8), st.integers(0, 7))
def test_grad_by_a_result_is_as_if_the_result_had_been_an_input(steps, cut):
    """In any graph, the gradient with respect to a result equals that with respect to a leaf in its place."""

    def run(x, w, steps):
        nodes = [x]
        for step in steps:
            last = nodes[-1]
            nodes.append(
                {
                    "exp": lambda v: (v.sin() * 0.1).exp(),  # the sine keeps towers of exp finite
                    "mul": lambda v: v * w,
                    "add": lambda v: v + w,
                    "reuse": lambda v: v * v * 0.5,
                    "sum": lambda v: v.sum() + v,
                }[step](last)
            )
        return nodes

    cut = min(cut, len(steps))
    x, w = leaf(0.5, -0.3), leaf(0.7, 0.2)
    nodes = run(x, w, steps)
    by_node, _ = tl.grad(nodes[-1].sum() + w.sum(), [nodes[cut], w])
    assert np.isfinite(by_node.numpy()).all()
    stand_in = leaf(*nodes[cut].tolist())
    close(by_node, tl.grad(run(stand_in, w, steps[cut:])[-1].sum(), stand_in)[0].numpy())
