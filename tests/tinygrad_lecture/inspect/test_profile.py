"""tl.profile: calls and time of each op."""

import threading
import time

import pytest

import nn
import tinygrad_lecture as tl
from tinygrad_lecture.autograd.op import Op

BOTH = (False, True)


def found(profile):
    """(op, backward) -> calls."""
    return {(part.op, part.backward): part.calls for part in profile.spent}


def test_each_op_is_counted_forward_and_backward():
    x = tl.ones(10, 10, requires_grad=True)
    with tl.profile() as profile:
        (tl.exp(x) * tl.exp(x)).sum().backward()
    assert found(profile) == {(op, b): 2 if op == "exp" else 1 for op in ("exp", "mul", "sum") for b in BOTH}
    assert 0 < sum(part.seconds for part in profile.spent) <= profile.seconds
    name, _, _, share, calls, *_ = str(profile).split("\n")[1].split()
    assert name in ("exp", "mul", "sum") and share[-1] == "%" and int(calls) in (1, 2)


def in_modules():
    nn.Sequential(nn.Linear(3, 4), nn.Tanh())(tl.ones(2, 3)).sum().backward()


def in_a_rule():
    x = tl.ones(3, requires_grad=True)
    (slope,) = tl.grad((x**3).sum(), x, create_graph=True)
    assert slope.tolist() == [3, 3, 3]


def after_an_error():
    with pytest.raises(tl.TensorError, match="matmul"):
        tl.ones(2, 3) @ tl.ones(4, 3)
    tl.ones(2) * 2


def optimiser():
    w = tl.ones(3, requires_grad=True)
    adam = nn.optim.Adam([w], lr=0.1)

    def closure():
        adam.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    adam.step(closure)


COUNTED = {  # a program -> what of it counts: (op, whether it is the rule)
    in_modules: [(op, b) for op in ("linear", "tanh", "sum") for b in BOTH],
    in_a_rule: [(op, b) for op in ("pow", "sum") for b in BOTH],
    after_an_error: [("mul", False)],
    optimiser: [("Adam.step", False), ("Adam.zero_grad", False), *((op, b) for op in ("mul", "sum") for b in BOTH)],
}


@pytest.mark.parametrize("program", COUNTED)
def test_what_counts_and_for_what(program):
    before = dict(vars(Op)), dict(vars(nn.optim.Optimizer))
    with tl.profile() as outer:
        tl.exp(tl.ones(2))
        with tl.profile() as profile:
            program()
    assert found(profile) == dict.fromkeys(COUNTED[program], 1)
    assert found(outer) == found(profile) | {("exp", False): 1}  # a block within a block measures too
    assert sum(part.seconds for part in profile.spent) <= profile.seconds
    assert (dict(vars(Op)), dict(vars(nn.optim.Optimizer))) == before


@tl.op
def slow(x, /):
    time.sleep(0.02)
    return x * 1


def test_time_counts_once_for_what_took_it():
    w = tl.ones(3, requires_grad=True)
    w.grad = tl.ones(3)
    with tl.profile() as profile:
        nn.optim.SGD([w], lr=0.1).step(lambda: slow(tl.ones(3)))
    seconds = {part.op: part.seconds for part in profile.spent}
    assert seconds["slow"] >= 0.02
    assert sum(seconds.values()) <= profile.seconds


def test_a_thread_that_ends_its_block_leaves_that_of_another_as_it_is():
    x, before = tl.ones(3), dict(vars(Op))
    begun, over = threading.Event(), threading.Event()

    def other():
        with tl.profile():
            begun.set()
            over.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    begun.wait(10)
    with tl.profile() as profile:
        over.set()
        thread.join()
        tl.exp(x)
    assert found(profile) == {("exp", False): 1}
    assert dict(vars(Op)) == before
