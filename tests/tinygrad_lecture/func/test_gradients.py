"""tl.grad: gradients with respect to any node of the graph, without side effects."""

import weakref

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tinygrad_lecture as tl
from vectors import close, constant, leaf, no_collector

# --- what it returns ----------------------------------------------------------------------------------------


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
    with pytest.raises(RuntimeError, match=r"no output depends on input 1, of shape \(1,\); pass allow_unused=True"):
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


def test_a_graph_that_is_freed_is_not_taken_for_one_that_does_not_lead_there():
    x = leaf(2)
    y = x.exp().sum()
    y.backward()
    for allow_unused in (False, True):
        with pytest.raises(RuntimeError, match=r"freed.*retain_graph=True"):
            tl.grad(y, x, allow_unused=allow_unused)


def test_the_graph_is_freed_without_the_garbage_collector():
    with no_collector():
        x = leaf(1, 2)
        y = x.exp() * x
        (g,) = tl.grad(y.sum(), x, create_graph=True)
        held = [weakref.ref(y), weakref.ref(g), weakref.ref(y._array)]
        del y, g
        assert [ref() for ref in held] == [None] * 3


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
