"""Hooks on tensors: when they run, what they may return, where gradients are kept."""

import threading
import weakref

import pytest
from hypothesis import given, settings, strategies as st

import nn
import tinygrad_lecture as tl
from process import no_collector
from tinygrad_lecture.autograd import hooks


def leaf(*values):
    return tl.tensor(list(values), requires_grad=True)


def noting(seen, name):
    """A hook that notes its tensor's name and gradient."""
    return lambda g: seen.append((name, g.tolist()))


# --- when they run ------------------------------------------------------------------------------------------


def test_a_result_keeps_its_gradient_though_it_was_detached_since():
    x = leaf(1.0, 2.0)
    h = x * 2
    h.retain_grad()
    h.mul_(-1.0)  # whose gradient is kept from now on
    y = (h * 3).sum()
    h.detach_()
    y.backward()
    assert (h.grad.tolist(), x.grad.tolist(), h.requires_grad) == ([3, 3], [-6, -6], False)


def test_a_hook_runs_though_its_tensor_is_gone():
    x, seen = leaf(1.0), []
    h = x * 2
    h.register_hook(noting(seen, "h"))
    h = h * 3
    h.sum().backward()
    assert seen == [("h", [3])]


def test_a_step_of_gradient_descent_inside_backward():
    w = leaf(1.0, 2.0)

    def step(p):
        p.data -= 0.5 * p.grad
        p.grad = None

    w.register_post_accumulate_grad_hook(step)
    for _ in range(2):
        (w * w).sum().backward()
    assert (w.tolist(), w.grad) == ([0, 0], None)


def test_hooks_run_for_tl_grad_on_its_path_and_replace_what_it_returns():
    x, w = leaf(2.0), leaf(3.0)
    y = x * w
    for tensor in (x, w, y):
        tensor.register_hook(lambda g: g * 10)
    x.register_post_accumulate_grad_hook(lambda p: pytest.fail("tl.grad accumulates nothing"))
    (dx,) = tl.grad(y.sum(), [x], retain_graph=True)
    assert dx.tolist() == [300]
    (dy,) = tl.grad(y.sum(), [y])
    assert dy.tolist() == [10]
    assert x.grad is w.grad is None


def test_what_tl_grad_returns_is_not_what_a_hook_kept():
    x, kept = leaf(2.0), []
    x.register_hook(kept.append)
    (dx,) = tl.grad((x * x).sum(), [x])
    dx.fill_(7)
    assert kept[0].tolist() == [4]


# --- what they do -------------------------------------------------------------------------------------------


def test_a_changed_gradient_reaches_no_other_tensor():
    """Addition hands one array on to both of its inputs; a hook of one may write to it."""
    a, b = leaf(1.0), leaf(1.0)
    left, right = a * 1, b * 1
    left.register_hook(lambda g: g.mul_(5) and None)
    (left + right).backward(tl.tensor([1.0]))
    assert (a.grad.tolist(), b.grad.tolist()) == ([5], [1])


def test_under_create_graph_what_a_hook_computes_is_recorded():
    x = tl.tensor(2.0, requires_grad=True)
    y = x * 3
    handle = y.register_hook(lambda g: g * x)
    (y * y).backward(create_graph=True)
    handle.remove()
    assert x.grad.item() == 2 * 6 * 2 * 3  # 18 x²
    (second,) = tl.grad(x.grad, [x])
    assert second.item() == 36 * 2


def test_a_hook_runs_without_recording():
    x, modes = leaf(1.0), []
    x.register_hook(lambda g: modes.append(tl.is_grad_enabled()))
    x.register_post_accumulate_grad_hook(lambda p: modes.append(tl.is_grad_enabled()))
    (x * 2).sum().backward()
    assert modes == [False, False]
    assert tl.is_grad_enabled()


def test_handles_remove_their_own_hook_also_while_it_runs():
    x = leaf(1.0)
    once = x.register_hook(lambda g: once.remove() or g * 2)
    with x.register_hook(lambda g: g * 3):
        (x * 1).sum().backward()
    once.remove()
    (x * 1).sum().backward()
    assert x.grad.tolist() == [7]


def test_hooks_stay_when_data_gets_another_dtype():
    layer = nn.Linear(1, 1)
    layer.weight.register_hook(lambda g: g * 0)
    layer.double()(tl.ones(1, 1, dtype=tl.float64)).sum().backward()
    assert layer.weight.grad.tolist() == [[0]]


def test_a_graph_with_hooks_is_freed_by_counting_references():
    with no_collector():
        x = leaf(1.0)
        y = x * 2
        y.register_hook(lambda g: None)
        x.register_hook(lambda g: None)
        held = [weakref.ref(x), weakref.ref(y)]
        del x, y
        assert [reference() for reference in held] == [None, None]


def test_threads_that_register_the_first_hooks_at_once_lose_none(monkeypatch):
    x, seen = leaf(1.0), []
    other = threading.Thread(target=lambda: x.register_hook(noting(seen, "other")))

    class Meanwhile(hooks.Hooks):
        """While it is made, another thread registers its hook, unless it must wait."""

        def __init__(self):
            super().__init__()
            if other.ident is None:
                other.start()
                other.join(0.1)

    monkeypatch.setattr(hooks, "Hooks", Meanwhile)
    x.register_hook(noting(seen, "one"))
    other.join()
    (x * 1).sum().backward()
    assert sorted(seen) == [("one", [1]), ("other", [1])]


# --- against PyTorch: in random graphs the same hooks run on the same numbers ----------------------------------
# Those of results run in the same order. Those of leaves run at the end of the pass, those of each leaf in order.

OPS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "exp": lambda a, b: (a * 0.1).exp(),
    "sum": lambda a, b: a.sum() + b,
}
names = st.integers(0, 30)
steps = st.lists(st.tuples(st.sampled_from(sorted(OPS)), names, names), min_size=1, max_size=10)
kinds = st.sampled_from(["note", "double", "halve", "retain", "after"])
registered = st.lists(st.tuples(names, kinds), max_size=12)


def run(library, steps, registered, wanted, create_graph):
    """What the hooks saw, those of results in order, then those of each leaf in order; and then all gradients."""
    tensors = [library.tensor([1.0 + i, -0.5 * i], dtype=library.float64, requires_grad=True) for i in range(3)]
    for op, i, j in steps:
        tensors.append(OPS[op](tensors[i % len(tensors)], tensors[j % len(tensors)]))
    seen = []
    for i, kind in registered:
        x, name = tensors[i % len(tensors)], i % len(tensors)
        if kind == "retain":
            x.retain_grad()
        elif kind == "after":
            if x.is_leaf:
                x.register_post_accumulate_grad_hook(
                    lambda p, name=name: seen.append((name, "after", p.grad.detach().sum().item()))
                )
        else:
            x.register_hook(lambda g, kind=kind, name=name: hook(seen, kind, name, g))
    if wanted and not create_graph:
        targets = [tensors[i] for i in wanted]
        gradients = (tl.grad if library is tl else library.autograd.grad)(tensors[-1].sum(), targets, allow_unused=True)
        return [*sorted(seen, key=leaves_last), *gradients]
    tensors[-1].sum().backward(create_graph=create_graph)
    kept = [x for x in tensors if x.is_leaf or x.retains_grad]
    return [*sorted(seen, key=leaves_last), *(x.grad for x in kept)]


def leaves_last(seen):
    """0 for a result, and for the three leaves 1 to 3."""
    return seen[0] + 1 if seen[0] < 3 else 0


def hook(seen, kind, name, g):
    seen.append((name, kind, g.detach().sum().item()))
    return {"note": None, "double": 2 * g, "halve": g / 2}[kind]


@pytest.mark.parity
@settings(max_examples=100)
@given(steps, registered, st.lists(st.integers(0, 2), max_size=3, unique=True), st.booleans())
@pytest.mark.filterwarnings("ignore")
def test_the_same_hooks_run_on_the_same_numbers(steps, registered, wanted, create_graph):
    ours, theirs = (
        run(library, steps, registered, wanted, create_graph) for library in (tl, pytest.importorskip("torch"))
    )
    plain = [[x if isinstance(x, tuple) or x is None else x.tolist() for x in found] for found in (ours, theirs)]
    assert len(plain[0]) == len(plain[1])
    for got, expected in zip(*plain, strict=True):
        if isinstance(expected, tuple):
            assert got[:2] == expected[:2]
            assert got[2] == pytest.approx(expected[2], rel=1e-9, abs=1e-9)
        else:
            assert got == (expected if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-9))
