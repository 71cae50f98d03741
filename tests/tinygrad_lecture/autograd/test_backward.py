"""The backward pass: order, fan-out, freeing, depth, leaks, threads; gradients that share memory."""

import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import tinygrad_lecture as tl
from at_once import at_once
from gradchecks import make
from vectors import leaf, no_collector


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


def test_a_rule_that_returns_a_wrong_shape_is_named():
    double = make(lambda x, /: 2 * x, "double", x=lambda g: g[:1])
    with pytest.raises(RuntimeError, match=r"double returned a gradient of shape \(1,\) for an input of shape \(3,\)"):
        double(leaf(1.0, 2.0, 3.0)).sum().backward()


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


def test_a_decorated_generator_runs_in_the_mode_and_its_caller_does_not():
    @tl.no_grad()
    def modes(log):
        try:
            while True:
                try:
                    log.append(((yield tl.is_grad_enabled()), tl.is_grad_enabled()))
                except KeyError:
                    log.append(("thrown", tl.is_grad_enabled()))
        finally:
            log.append(("closed", tl.is_grad_enabled()))

    log = []
    generator = modes(log)
    assert next(generator) is False
    assert tl.is_grad_enabled()
    assert generator.send("sent") is False
    assert generator.throw(KeyError) is False
    assert tl.is_grad_enabled()
    generator.close()
    assert log == [("sent", False), ("thrown", False), ("closed", False)]
    assert tl.is_grad_enabled()


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
