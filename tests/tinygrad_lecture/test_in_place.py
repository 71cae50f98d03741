"""Writing in place: gradients are right or the program stops."""

import sys
import threading

import numpy as np
import pytest

import judges
import tinygrad_lecture as tl
from gradchecks import make
from numeric import constant, leaf
from program import OURS, Program, Run, Tally

WRITES = {
    "+=": lambda x: x.__iadd__(1),
    "*=": lambda x: x.__imul__(2),
    "[] =": lambda x: x.__setitem__(0, 5.0),
    "add_": lambda x: x.add_(1, alpha=3),
    "mul_": lambda x: x.mul_(2),
    "copy_": lambda x: x.copy_(constant(1.0, 1.0)),
    "fill_": lambda x: x.fill_(3),
    "zero_": lambda x: x.zero_(),
    "inplace()": lambda x: x.inplace().__setitem__(0, 5.0),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_saved_input_that_is_written_to_stops_backward(write):
    w, x = leaf(1.0, 2.0), constant(3.0, 4.0)
    y = (w * x).sum()
    WRITES[write](x)
    with pytest.raises(RuntimeError, match=r"shape \(2,\) that mul saved for backward was changed in place"):
        y.backward()


@pytest.mark.parametrize("view", ["[0:1]", "reshape", "detach", "data", "T"])
def test_writing_through_a_view_is_found_too(view):
    w, x = leaf(1.0, 2.0), constant(3.0, 4.0)
    y = (w * x).sum()
    seen = {"[0:1]": x[0:1], "reshape": x.reshape(2, 1), "detach": x.detach(), "data": x.data, "T": x.T}[view]
    seen += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_a_saved_output_that_is_written_to_stops_backward():
    y = leaf(1.0, 2.0).exp()
    loss = y.sum()
    with tl.no_grad():
        y += 1
    with pytest.raises(RuntimeError, match="exp saved for backward was changed in place"):
        loss.backward()


def test_arrays_of_the_user_are_copied_so_that_they_may_change():
    w, array, index = leaf(1.0, 2.0), np.array([3.0, 4.0]), np.array([0, 1])
    y = (w * array).sum() + w[index].sum()
    array[:] = 0
    index[:] = 0
    y.backward()
    np.testing.assert_array_equal(w.grad.numpy(), [4, 5])


# --- in place on the tape -----------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [w for w in WRITES if w != "inplace()"])
def test_a_leaf_that_requires_grad_is_not_written_to_while_recording(write):
    w = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"leaf that requires grad.*no_grad"):
        WRITES[write](w)
    np.testing.assert_array_equal(w.detach().numpy(), [1, 2])


# --- tensors that share memory ------------------------------------------------------------------------------


GIVEN = (
    "a1 = lib.tensor([1.0, 2.0, 3.0], dtype=lib.float64, requires_grad=True)",
    "a2 = lib.tensor([10.0, 20.0], dtype=lib.float64, requires_grad=True)",
    "c1 = lib.tensor([3.0, 4.0], dtype=lib.float64)",
)
SHARED = "v1 = a1 * 1; v2 = v1[0:2]; {}; v0 = v1.sum() + 10 * v2.sum()"
OWN = "c2 = lib.ones(4, 2, dtype=lib.float64); v1 = {}; v1 += a2.sum(); v1[0] = a2.sum() * 3; v0 = v1.sum()"
RECORDED = {  # what is computed from what is given, of which v0 is differentiated
    "adding up a loss": "v1 = a1 * 1; v1 += 2 * a1; v1 += 3 * a1; v0 = v1.sum()",
    "a value that was saved before": "v1 = a1 * 1; v2 = v1 * v1; v1 += 5; v0 = (v2 + v1).sum()",
    "assigned to an index": "v1 = a1 * 2; v1[:2] = a2 * 3; v0 = (v1 * a1).sum()",
    "a constant buffer": "v1 = lib.zeros(3, dtype=lib.float64); v1[1] = a2[0] * a2[1]; v1[2] = a2[1]; v0 = v1.sum()",
    "an element, a column and a block": "v1 = (a1[:2] * a1[1:])[:, None].expand(2, 2) * 1; v1[0] += 1; "
    "v1[:, 0] += a2; v1[:, 1] *= 2; v1[1, 1] -= 5; v0 = (v1 * v1).sum()",
    "views of views whose base is gone": "v1 = (a2[:, None] * a1[:2]); v2 = v1.T; v3 = v1[0]; v4 = v2[0]; del v1; "
    "v3 *= 10; v4 += 1; v0 = (v2 * v2).sum()",
    "a constant and its view": "v1 = c1[0:1]; c1 += a2; v0 = v1.sum()",
    **{
        change: SHARED.format(change)
        for change in (
            *("v1 *= 3", "v2 *= 3", "v1[0] = 5.0", "v2[1] = 5.0", "v2[0:1].mul_(2)", "v1.T.mul_(2)", "v1.fill_(2)"),
            *("v1.reshape(3, 1)[2] = v2[0]", "v1 *= v2[0]"),
        )
    },
    # a view of memory that nobody else holds is written to like any result
    **{
        own: OWN.format(own)
        for own in (
            *("lib.ones(2, 3, 4, dtype=lib.float64) @ (a2 * c2)", "F.linear(c2[None], a2 * c2)", "(a2 * c2).prod(0)"),
            *("(a2 * c2).logsumexp(0)", "(a2 * 1).repeat(4, 1)", "(a2 * c2)[:, [0, 1]]", "(a2 * c2).reshape(-1)"),
            *("(a2 * c2).T", 'lib.einsum("ij,kj->ki", c2, a2 * c2)'),
        )
    },
}


@pytest.mark.parametrize("lines", RECORDED.values(), ids=RECORDED)
def test_a_recorded_change_gives_the_values_of_an_unrecorded_one_and_right_gradients(lines):
    """Those of memory that is simply written to, and those that finite differences give."""
    program, tally = Program((*GIVEN, *lines.split("; "))), Tally()
    assert judges.against_differences(program, tally) is None
    run = Run(OURS)
    assert [run.step(line) for line in program.lines] == [None] * len(program.lines)
    assert run.variables["v0"].requires_grad
    assert not tally.counts


def without_grad(x):
    with tl.no_grad():
        return x[0:1]


DETACHED = [lambda x: x.detach(), lambda x: x.data, lambda x: x.detach()[:]]


@pytest.mark.parametrize("share", [*DETACHED, without_grad])
def test_a_recorded_change_that_a_detached_tensor_would_not_see_is_refused(share):
    w = leaf(1.0, 2.0)
    x = w * 1
    seen = share(x)
    with pytest.raises(RuntimeError, match=r"x \*= y cannot be recorded.*detach\(\).clone\(\)"):
        x *= 3
    if share is without_grad:
        with pytest.raises(RuntimeError, match=r"x\.mul_\(\) cannot be recorded"):
            seen.mul_(w[0:1])
    assert x.tolist() == [1, 2]
    del seen
    x *= 3
    assert x.tolist() == [3, 6]


@pytest.mark.parametrize("share", DETACHED)
def test_the_origin_sees_a_recorded_change_of_what_was_detached(share):
    w = leaf(1.0, 2.0)
    x = w * 1
    view, squares, seen = x[1:], (x * x).sum(), share(x)
    seen.add_(w)
    seen += w
    seen *= w
    assert x.tolist() == seen.tolist() == [3, 12] and view.tolist() == [12]
    seen.sum().backward()
    assert w.grad.tolist() == [5, 10]
    (x.sum() + view.sum()).backward()
    assert w.grad.tolist() == [6, 12]
    with pytest.raises(RuntimeError, match="changed in place"):
        squares.backward()


def test_a_detached_tensor_whose_origin_is_gone_takes_recorded_values():
    w = leaf(1.0, 2.0)
    h = w * 1
    for _ in range(3):  # truncated backpropagation through time
        h = h.detach()
        h += w
    assert h.tolist() == [4, 8]
    h.sum().backward()
    assert w.grad.tolist() == [1, 1]


def test_a_view_of_a_leaf_is_not_written_to_while_recording():
    w = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"x is a view of it.*no_grad"):
        w[0:1] += 1
    row = w[0:1]
    with pytest.raises(RuntimeError, match=r"x is a view of it"):
        row *= 2
    assert w.tolist() == [1, 2]


@pytest.mark.parametrize("widen", [lambda x: x.expand(3, 2), lambda x: x.T.expand(3, 2).T])
@pytest.mark.parametrize("held", [True, False])
def test_a_view_with_one_element_in_several_places_is_not_written_to(widen, held):
    x = leaf(1.0, 2.0) * 1
    wide = widen(x if held else x * 1)
    for mode in (tl.enable_grad, tl.no_grad):
        for change in (lambda: wide.__iadd__(1), lambda: wide.__setitem__(0, 3.0), lambda: wide.fill_(leaf(3.0).sum())):
            with mode(), pytest.raises(RuntimeError, match=r"elements of x are one in memory.*expand\(\).*clone"):
                change()
    assert x.tolist() == [1, 2]


VIEWS = {  # PyTorch returns views of these
    "[tensor(1)]": lambda x: x[tl.tensor(1)],
    "[tensor(1), tensor(1)]": lambda x: x[tl.tensor(1), tl.tensor(1)],
    "[..., tensor(-1)]": lambda x: x[..., tl.tensor(-1, dtype=tl.int8)],
}


@pytest.mark.parametrize("look", VIEWS.values(), ids=VIEWS)
def test_both_sides_of_a_view_see_a_change(look):
    for recorded in (True, False):
        x = tl.arange(12.0).reshape(3, 4).requires_grad_(recorded) * 1
        y = look(x)
        y *= 10
        x += 1
        assert y.tolist() == look(x).tolist() and x.max() > 12
        assert y.requires_grad == recorded
        if recorded:
            (gradient,) = tl.grad(x.sum(), x)
            assert gradient.sum() == 12


@pytest.mark.parametrize(
    "look",
    [
        lambda x: np.lib.stride_tricks.sliding_window_view(x, 2),
        lambda x: np.lib.stride_tricks.as_strided(x, (2, 2), (8, 8)),
        lambda x: np.frombuffer(memoryview(x), np.float64).reshape(1, 3),
    ],
)
def test_a_write_is_found_however_an_op_made_its_view(look):
    windows = make(lambda x, /: look(x), x=lambda g: pytest.fail("backward stops before"))
    x = leaf(1.0, 2.0, 3.0) * 1
    seen = windows(x)
    y = (seen * seen).sum()
    with tl.no_grad():
        x *= 5
    with pytest.raises(RuntimeError, match="mul saved for backward was changed in place"):
        y.backward()


X = tl.arange(24.0).reshape(2, 3, 4).transpose(1, 2)
SQUARE = tl.eye(3) * 2 + 0.1
M = tl.tensor([[1.0, 5.0, 3.0], [2.0, 4.0, 6.0]])
IN_ROWS = [
    *(lambda name=name: getattr(X, name)(0) for name in ("sum", "amax", "prod", "var", "argmax")),
    lambda: X[:, :1].expand(2, 4, 3).double(),
    lambda: M[:, [0, 2]],
    lambda: tl.cat([M.T, M.T]),
    lambda: M.T.cumsum(0),
    lambda: M.T.softmax(0),
]
NOT_IN_ROWS = [lambda: tl.linalg.inv(SQUARE)]


@pytest.mark.parametrize("in_rows", [True, False])
def test_results_lie_in_memory_as_in_pytorch_so_that_reshape_copies_as_there(in_rows):
    for i, result in enumerate(IN_ROWS if in_rows else NOT_IN_ROWS):
        y = result()
        assert y.is_contiguous() == in_rows, i
        assert y.is_leaf
        if in_rows:
            y.view(-1)
        else:
            flat, before = y.detach().reshape(-1), y.tolist()
            y.detach().fill_(7)
            assert flat.reshape(y.shape).tolist() == before
            with pytest.raises(tl.TensorError, match="row-major order"):
                y.view(-1)


def test_views_that_threads_make_at_once_all_see_a_recorded_change():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(30):
            x, views = leaf(1.0, 2.0) * 1, []
            threads = [threading.Thread(target=lambda x=x, views=views: views.append(x[0:1])) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            x *= 3
            assert [view.tolist() for view in views] == [[3]] * 4
    finally:
        sys.setswitchinterval(before)


def test_a_tensor_that_requires_grad_again_gets_the_gradients_of_before():
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    x.requires_grad_(False).requires_grad_(False)
    x.requires_grad_(True)
    (slope,) = tl.grad(y, x, retain_graph=True)
    y.backward()
    assert slope.tolist() == x.grad.tolist() == [2, 4]


def test_a_view_that_is_computed_again_stays_a_view():
    x = leaf(1.0, 2.0, 3.0, 4.0).reshape(2, 2).T * 1
    flat = x.T.reshape(-1)
    x += leaf(10.0, 20.0)
    assert flat.tolist() == [11, 12, 23, 24]
    with tl.no_grad():
        x.zero_()
    assert flat.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("which", [0, 1])
def test_of_tensors_that_share_memory_none_is_detached_in_place(which):
    """Else a change of it would change the others too, but not their gradients."""
    x = leaf(1.0, 2.0, 3.0) * 1
    both = x, x[:2]
    with pytest.raises(RuntimeError, match=r"detach_: this tensor shares its memory.*x\.detach\(\)\.clone"):
        both[which].detach_()
    assert both[which].requires_grad
    del both, x
    alone = (leaf(1.0, 2.0) * 1)[:1]
    assert not alone.detach_().requires_grad


@pytest.mark.parametrize("change", ["v[0] *= 2", "h *= 2", "v[:].mul_(2)", "u += 1"])
def test_a_change_after_which_a_views_hook_would_get_a_part_is_refused(change):
    h = leaf(1.0, 2.0, 3.0) * 1
    v, u = h[:], h[1:]
    handle = v.register_hook(lambda g: None)
    with pytest.raises(RuntimeError, match="a view that shares x's memory has a hook"):
        exec(change, {"h": h, "v": v, "u": u})
    handle.remove()
    exec(change, {"h": h, "v": v, "u": u})


@pytest.mark.parametrize("change", ["h[0] *= 2", "v[0] *= 2", "h *= w", "v[1:] = 5.0"])
def test_the_hook_of_a_changed_tensor_gets_the_whole_gradient_of_its_value_before(change):
    """By what the same hook gets where the change is a new tensor."""
    weight, found = constant(1.0, 10.0, 100.0), []
    for recorded in (True, False):
        h = leaf(1.0, 2.0, 3.0) * 1
        h.register_hook(lambda g: found.append(g.tolist()))
        changed = h if recorded else h * 1
        exec(change, {"h": changed, "v": changed[:], "w": weight})
        (changed * weight).sum().backward()
    assert found[0] == found[1]


# --- methods that end in an underscore ----------------------------------------------------------------------


METHODS = {
    "add_": lambda x: x + 2,
    "mul_": lambda x: x * 2,
    "clamp_": lambda x: x.clip(2),
    "exp_": tl.exp,
    "relu_": tl.relu,
}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_changes_the_tensor_as_its_op_does(name):
    def changed(x):
        return getattr(x, name)(*[2] * (name not in ("exp_", "relu_")))

    expected = METHODS[name]
    start = tl.tensor([0.5, 1.25, 3.5])
    x = start.clone()
    view = x[1:]
    assert changed(x) is x
    assert x.equal(expected(start))
    assert view.equal(x[1:])
    a, b = (start.clone().requires_grad_() for _ in range(2))
    changed(a * 1).sum().backward()
    expected(b * 1).sum().backward()
    assert a.grad.equal(b.grad)
    with pytest.raises(RuntimeError, match="a leaf that requires grad"):
        changed(a)


def test_random_methods_fill_with_numbers_of_the_range():
    tl.manual_seed(0)
    x = tl.zeros(1000)
    assert -3 <= x.uniform_(-3, -1).min().item() < -2.9 < -1.1 < x.max().item() <= -1
    assert 4.8 < x.normal_(5, 2).mean().item() < 5.2
    leaf = tl.zeros(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf that requires grad"):
        leaf.normal_()
    with tl.no_grad():
        assert leaf.normal_() is leaf
    assert leaf.requires_grad
