"""tl.detect_anomaly: names the op that makes the first nan or inf, and the user's line that called it."""

import inspect
import math
import threading

import numpy as np
import pytest

import tinygrad_lecture as tl
from at_once import at_once
from tinygrad_lecture.autograd import modes

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy warns of these values too


def leaf(*values):
    return tl.tensor(list(values), requires_grad=True)


def here():
    """This file and the line before the caller's."""
    caller = inspect.currentframe().f_back
    return f"{__file__}:{caller.f_lineno - 1}"


def test_an_op_that_makes_a_nan_is_named_with_the_users_line():
    with tl.detect_anomaly(), pytest.raises(tl.AnomalyError, match="sqrt made the first nan, called at") as caught:
        tl.sqrt(tl.tensor([1.0, -1.0]))
    line = here()
    assert (caught.value.op, caught.value.where, caught.value.backward) == ("sqrt", line, False)
    assert line in str(caught.value)


def test_an_op_that_makes_an_inf_is_named():
    with tl.detect_anomaly(), pytest.raises(tl.AnomalyError, match="div made the first inf"):
        tl.tensor([1.0]) / 0


def test_the_line_is_the_users_also_through_functions_made_of_ops():
    with tl.detect_anomaly(), pytest.raises(tl.AnomalyError) as caught:
        tl.tensor([math.inf, 0.0]).prod(dim=0)
    assert caught.value.where == here()


def test_the_variance_of_one_element_is_a_nan_that_is_found():
    for name in ("var", "std"):
        with tl.detect_anomaly(), pytest.raises(tl.AnomalyError, match=f"{name} made the first nan"):
            getattr(tl, name)(tl.tensor([2.0]))
    assert (
        tl.var(tl.tensor([2.0, 3.0]), correction=2).item()
        == tl.var(tl.tensor([2.0, 3.0]), correction=3).item()
        == np.inf
    )


def test_a_function_made_of_ops_is_named_by_its_own_name():
    for name, call in {
        "norm": lambda: tl.full((2,), 1e30).norm(),
        "prod": lambda: tl.full((2,), 3e38).prod(),
        "einsum": lambda: tl.einsum("i,i->", tl.full((2,), 3e38), tl.full((2,), 3e38)),
        "std": lambda: tl.full((2,), 3e38).std(),
    }.items():
        with tl.detect_anomaly(), pytest.raises(tl.AnomalyError, match=f"{name} made the first inf") as caught:
            call()
        assert caught.value.op == name
        assert modes.modes.called is None


def test_a_function_made_of_ops_that_fails_leaves_no_name_behind():
    with tl.detect_anomaly():
        with pytest.raises(ValueError, match="einsum"):
            tl.einsum("ij,i", tl.ones(2))
        with pytest.raises(tl.AnomalyError, match="log made the first nan"):
            tl.log(tl.tensor([-1.0]))


def test_a_rule_within_a_function_made_of_ops_is_named_with_both():
    with tl.detect_anomaly():
        y = leaf(1e30, 1e-30).prod()
        with pytest.raises(tl.AnomalyError, match="rule of mul, in prod, made the first inf in a gradient; prod was"):
            y.backward(tl.tensor(1e20))


def test_a_rule_that_makes_an_inf_is_named_with_the_line_of_the_call():
    with tl.detect_anomaly():
        y = leaf(0.0, 1.0).sqrt()
        line = here()
        with pytest.raises(
            tl.AnomalyError, match="backward rule of sqrt made the first inf in a gradient; sqrt"
        ) as caught:
            y.sum().backward()
    assert (caught.value.op, caught.value.where, caught.value.backward) == ("sqrt", line, True)


def test_a_forward_outside_is_said_to_be_outside():
    y = leaf(0.0).sqrt()
    with tl.detect_anomaly(), pytest.raises(tl.AnomalyError, match="a line outside of detect_anomaly"):
        y.sum().backward()


def test_a_fused_ops_kernel_is_watched():
    with tl.detect_anomaly(), pytest.raises(tl.AnomalyError, match="softmax made the first nan"):
        tl.softmax(tl.tensor([0.0, math.inf]))


def test_a_gradient_that_is_differentiated_is_watched():
    x = leaf(0.0)
    with tl.detect_anomaly(), pytest.raises(tl.AnomalyError, match="made the first inf"):
        x.sqrt().sum().backward(create_graph=True)


def test_a_deliberate_minus_inf_passes_and_so_do_its_gradients():
    scores = leaf(1.0, 2.0, 3.0)
    with tl.detect_anomaly():
        masked = scores.masked_fill(tl.tensor([False, True, False]), -math.inf)
        masked = masked + tl.tensor([0.0, 0.0, -math.inf])
        (tl.softmax(masked) * tl.tensor([1.0, 2.0, 3.0])).sum().backward()
        tl.logsumexp(masked).exp()
        masked.max()
    assert scores.grad.tolist() == [0, 0, 0]


def test_the_nan_that_is_made_of_a_minus_inf_does_not_pass():
    masked = tl.tensor([-math.inf, 0.0])
    with tl.detect_anomaly(), pytest.raises(tl.AnomalyError, match="sub made the first nan"):
        masked - masked
    with tl.detect_anomaly(), pytest.raises(tl.AnomalyError, match="mul made the first nan"):
        masked * tl.zeros(2)


def test_what_came_in_is_not_blamed_on_the_op_that_it_came_into():
    x = tl.tensor([math.nan, 1.0])
    with tl.detect_anomaly():
        (x * 2).exp()
        tl.tensor([1.0]).clip(max=math.inf)
        tl.tensor([1.0]) * math.inf
        tl.pad(tl.ones(1), 1, value=-math.inf)
        1 / tl.tensor([math.nan, 0.0])  # the nan was first
        (leaf(1.0) * 2).backward(tl.tensor([math.inf]))
    with pytest.raises(tl.AnomalyError, match="log made the first nan"), tl.detect_anomaly():
        tl.log(tl.tensor([-1.0])) * x


def test_integers_bools_and_finite_numbers_pass():
    with tl.detect_anomaly():
        x = leaf(1.0, 2.0)
        (x[tl.tensor([0, 1])] * (x > 1) + tl.arange(2)).sum().backward()
        tl.zeros(0).sum()
    assert x.grad.tolist() == [0, 1]


def test_it_decorates_with_and_without_parentheses():
    @tl.detect_anomaly
    def plain():
        return tl.log(tl.tensor([-1.0]))

    @tl.detect_anomaly()
    def called():
        return tl.log(tl.tensor([-1.0]))

    for function in (plain, called, plain):
        with pytest.raises(tl.AnomalyError):
            function()
        assert modes.modes.observer is None
    assert modes.observers == 0


def test_it_nests():
    with tl.detect_anomaly():
        with tl.detect_anomaly():
            pass
        with pytest.raises(tl.AnomalyError):
            tl.log(tl.tensor([-1.0]))
    tl.log(tl.tensor([-1.0]))


def test_it_holds_in_its_own_thread_only():
    found = []

    def work():
        found.append(tl.log(tl.tensor([-1.0])).item())

    with tl.detect_anomaly():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert np.isnan(found[0])


def test_threads_that_watch_at_once_do_not_end_each_others_watch():
    together = threading.Barrier(4)
    unseen = []

    def work(i):
        for _ in range(50):
            together.wait()
            with tl.detect_anomaly():
                try:
                    tl.log(tl.tensor([-1.0]))
                except tl.AnomalyError:
                    continue
            unseen.append(1)

    at_once(4, work)
    assert not unseen
    assert modes.observers == 0


def test_values_and_gradients_are_those_without_it():
    def run():
        x = leaf(0.5, -1.0, 2.0)
        y = (tl.layer_norm(x) * x.exp()).sum()
        y.backward()
        return y.item(), x.grad.tolist()

    plain = run()
    with tl.detect_anomaly():
        assert run() == plain
