"""Workers exchange objects, share the rows of each batch, and train one model. Here they are threads.

A Trainer in several workers: tests/nn/training/test_resume.py.
"""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nn
import tinygrad_lecture as tl
from nn.parallel.sharing import add_up_gradients, begin_alike, copy_buffers, in_one_order, of_own_rows, own_rows
from nn.parallel.workers import THREADS, Group
from small_parallel import in_threads
from tinygrad_lecture.kernels.threads import openblas


def member(rank, size):
    group = Group()
    group.rank, group.size = rank, size
    return group


@given(st.integers(0, 30), st.integers(1, 8))
def test_every_row_is_one_workers_and_shares_differ_by_one_at_most(rows, size):
    parts = [list(range(rows))[own_rows(np.zeros(rows), member(rank, size))] for rank in range(size)]
    assert list(chain.from_iterable(parts)) == list(range(rows))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert len(parts[0]) == max(map(len, parts))  # worker 0, which shows progress, has rows if any has


def test_a_batch_keeps_its_structure():
    x, y = tl.arange(6).reshape(6, 1), np.arange(6)
    (taken,) = of_own_rows([{"x": x, "both": (x, [y, x])}], member(1, 3))
    assert taken["x"].tolist() == [[2], [3]]
    assert type(taken["both"]) is tuple
    assert taken["both"][1][0].tolist() == [2, 3]


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        ((tl.ones(3, 1), tl.ones(4)), ValueError, r"have \[3, 4\] rows"),
        ((tl.ones(3), 2.0), TypeError, "no rows to share"),
        ((tl.ones(3), tl.tensor(1.0)), TypeError, "no rows to share"),
    ],
)
def test_a_batch_without_rows_to_share_is_refused(batch, error, message):
    with pytest.raises(error, match=message):
        own_rows(batch, member(0, 2))


def drawn():
    """Batches as nanoGPT draws them: rows by chance."""
    for _ in range(4):
        yield tl.randint(0, 1000, (5,))


def test_batches_that_draw_are_those_of_one_worker():
    def look():
        tl.manual_seed(1)
        model, workers, found = nn.Linear(1, 1), nn.parallel.group(), []
        begin_alike(model, nn.optim.SGD(model.parameters()))
        for x in of_own_rows(in_one_order(drawn(), workers), workers):
            found.append(x.tolist())
            tl.rand(1 + nn.parallel.rank())  # as dropout does
        return found

    alone, together = look(), in_threads(look)
    for batch, *parts in zip(alone, *together, strict=True):
        assert list(chain.from_iterable(parts)) == batch


# --- one model ----------------------------------------------------------------------------------------------


def test_workers_take_over_the_values_of_worker_0_and_draw_numbers_of_their_own():
    def begin():
        tl.manual_seed(rank := nn.parallel.rank())
        model, alone = nn.Linear(3, 2), tl.full((2,), float(rank)).requires_grad_()
        model.register_buffer("seen", tl.full((2,), float(rank)))
        begin_alike(model, nn.optim.SGD([*model.parameters(), alone]))
        model.seen.add_(rank)
        copy_buffers(model)
        return [x.tolist() for x in (*model.state_dict().values(), alone.detach())], tl.rand(1).item()

    (first, number), (second, other) = in_threads(begin)
    assert first == second
    assert first[-2:] == [[0, 0], [0, 0]]
    assert number != other
    assert in_threads(begin) == [(first, number), (second, other)]
    assert begin()[1] == number  # worker 0 draws what a worker alone would


def test_gradients_are_summed_also_of_parameters_that_only_some_rows_use():
    def step():
        model = nn.ParameterList(nn.Parameter(tl.ones(2)) for _ in range(3))
        frozen = nn.Parameter(tl.ones(1), requires_grad=False)
        x = tl.arange(2).float() + nn.parallel.rank()
        loss = (model[0] * x).sum() + (model[1].sum() if nn.parallel.rank() else 0)
        loss.backward()
        add_up_gradients(model, nn.optim.SGD([*model, frozen]))
        return [None if p.grad is None else p.grad.tolist() for p in (*model, frozen)]

    assert in_threads(step) == [[[1, 3], [1, 1], None, None]] * 2


# --- the group ----------------------------------------------------------------------------------------------


def test_everyone_hears_every_number_and_object():
    def tell():
        group = nn.parallel.group()
        numbers = np.arange(3.0) + group.rank
        group.add_up(numbers)
        return group.gather({"rank": group.rank, "x": tl.ones(1)}), group.broadcast(("from", group.rank)), numbers

    for told, first, numbers in in_threads(tell, workers=3):
        assert [(each["rank"], each["x"].item()) for each in told] == [(0, 1), (1, 1), (2, 1)]
        assert first == ("from", 0)
        assert numbers.tolist() == [3, 6, 9]
    assert (nn.parallel.rank(), nn.parallel.size()) == (0, 1)


def another_shape():
    model = nn.Linear(3, 2 + nn.parallel.rank())
    begin_alike(model, nn.optim.SGD(model.parameters()))


def another_place():
    nn.parallel.group().meet("saving" if nn.parallel.rank() else "backward")


@pytest.mark.parametrize(
    ("work", "error", "message"),
    [
        (another_shape, ValueError, "the state does not fit Linear"),
        (another_place, RuntimeError, "different places of the program: .*worker 1 in saving.*rank"),
        (lambda: nn.parallel.group().gather(tl.ones(1, requires_grad=True) * 2), RuntimeError, "detach"),
        (lambda: nn.parallel.run(len, []), RuntimeError, "a worker of a run already"),
    ],
)
def test_what_workers_cannot_do_is_refused(work, error, message):
    with pytest.raises(error, match=message):
        in_threads(work)


@pytest.mark.skipif(openblas() is None, reason="NumPy has another BLAS than OpenBLAS here")
@pytest.mark.parametrize(("environment", "threads"), [({}, 1), ({"OMP_NUM_THREADS": "2"}, 2)])
def test_openblas_uses_one_thread_while_workers_train(monkeypatch, environment, threads):
    get, set_ = openblas()
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    before = get()
    set_(2)
    try:
        assert in_threads(lambda: openblas()[0]()) == [threads] * 2
        assert get() == 2
    finally:
        set_(before)
