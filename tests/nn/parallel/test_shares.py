"""shares: the workers together have each batch, whatever their number."""

from contextlib import nullcontext
from itertools import chain
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nn
import tinygrad_lecture as tl
from nn.parallel.distribute import own_rows, take_rows
from nn.parallel.group import Group
from small_parallel import in_threads


class Pair(NamedTuple):
    inputs: tl.Tensor
    targets: list


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
    batch = {"x": x, "both": (x, [y, x])}
    taken = take_rows(batch, slice(2, 4))
    assert taken["x"].tolist() == [[2], [3]]
    assert type(taken["both"]) is tuple
    assert taken["both"][1][0].tolist() == [2, 3]
    assert take_rows(Pair(x, [y]), slice(0, 1)).targets[0].tolist() == [0]


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


def seen(loader, epochs=2):
    return [[numbers.tolist() for (numbers,) in nn.parallel.shares(loader)] for _ in range(epochs)]


@settings(max_examples=20)
@given(
    rows=st.integers(1, 20),
    batch_size=st.integers(1, 8),
    seed=st.sampled_from([None, 5]),
    workers=st.sampled_from([2, 3]),
)
def test_the_batches_are_those_of_one_worker_in_its_order(rows, batch_size, seed, workers):
    def look():
        tl.manual_seed(1)
        loader = nn.DataLoader(nn.TensorDataset(tl.arange(rows)), batch_size, shuffle=True, seed=seed)
        nn.parallel.distribute(nn.Linear(1, 1))  # from here on the workers draw different numbers
        tl.rand(nn.parallel.rank())
        return seen(loader)

    alone, together = look(), in_threads(look, workers=workers)
    for epoch, batches in enumerate(alone):
        for i, batch in enumerate(batches):
            parts = [each[epoch][i] for each in together]
            if len(batch) < workers:  # the others got a row that does not count
                assert all(part == [row] for part, row in zip(parts, batch, strict=False))
            else:
                assert list(chain.from_iterable(parts)) == batch


# --- the weight of each worker's gradient -------------------------------------------------------------------

UNEVEN = [tl.arange(3.0).double(), tl.arange(3.0, 6.0).double(), tl.tensor([6.0]).double()]
EVEN = [tl.arange(4.0).double(), tl.arange(4.0, 6.0).double()]


def each(batches):
    yield from nn.parallel.shares(batches)


def with_an_evaluation(batches):
    for x in nn.parallel.shares(batches):
        losses = [nn.parallel.mean(row.sum()) for row in nn.parallel.shares([tl.ones(4), tl.ones(5)])]
        assert len(losses) == 2
        yield x


def the_first_of_each(batches):
    for i in range(len(batches)):
        yield next(iter(nn.parallel.shares(batches[i:])))


def all_at_first(batches):
    yield from list(nn.parallel.shares(batches))


def two_at_once(batches):
    for x, other in zip(nn.parallel.shares(batches), nn.parallel.shares(batches[::-1]), strict=True):
        yield tl.cat([x, other])


def gradients(loop, batches, accumulate=1):
    """The gradient of a weight times the mean of x: the mean of each batch, over the rows of all workers."""
    model = nn.Linear(1, 1, bias=False).double()
    distributed, found = nn.parallel.distribute(model), []
    for i, x in enumerate(loop(batches)):
        with distributed.no_sync() if (i + 1) % accumulate else nullcontext():
            model(x.reshape(-1, 1)).mean().backward()
        if (i + 1) % accumulate == 0:
            found.append(model.weight.grad.item())
            model.zero_grad()
    return found


@pytest.mark.parametrize("loop", [each, with_an_evaluation, the_first_of_each])
def test_each_backward_weighs_the_rows_of_its_batch(loop):
    assert in_threads(gradients, loop, UNEVEN) == [pytest.approx([1, 4, 6])] * 2


@pytest.mark.parametrize(
    ("loop", "accumulate"), [(all_at_first, 1), (two_at_once, 1), (each, 3)], ids=["a list", "two loaders", "no_sync"]
)
def test_gradients_of_uneven_batches_that_cannot_be_weighed_are_refused(loop, accumulate):
    with pytest.raises(RuntimeError, match=r"parts of them differ.*backward for each batch before the next; or .*even"):
        in_threads(gradients, loop, UNEVEN, accumulate)


def test_a_gradient_that_was_left_to_itself_and_thrown_away_weighs_nothing():
    def last():
        model = nn.Linear(1, 1, bias=False).double()
        distributed = nn.parallel.distribute(model)
        for _ in range(2):
            for i, x in enumerate(nn.parallel.shares([tl.ones(4, 1).double()] * 2 + [tl.ones(3, 1).double()])):
                if i % 2 == 0:
                    model.zero_grad()
                with distributed.no_sync() if i % 2 == 0 else nullcontext():
                    model(x).mean().backward()
        return model.weight.grad.item()

    assert in_threads(last) == [1, 1]


@pytest.mark.parametrize("loop", [all_at_first, each])
def test_even_batches_may_be_taken_in_any_way(loop):
    assert in_threads(gradients, loop, EVEN) == [pytest.approx([1.5, 4.5])] * 2
    assert in_threads(gradients, loop, EVEN, 2) == [pytest.approx([6])] * 2


# --- batches that draw while they are iterated --------------------------------------------------------------


def drawn():
    """Batches as nanoGPT draws them: rows by chance."""
    for _ in range(4):
        yield tl.randint(0, 1000, (5,))


class Noisy(nn.data.Dataset):
    def __len__(self):
        return 20

    def __getitem__(self, i):
        return i + tl.rand(1)


BATCHES = {
    "a generator": drawn,
    "augmented rows": lambda: nn.DataLoader(Noisy(), 5),
}


@pytest.mark.parametrize("name", BATCHES)
def test_batches_that_draw_are_those_of_one_worker(name):
    def look():
        tl.manual_seed(1)
        nn.parallel.distribute(nn.Linear(1, 1))
        found = []
        for _ in range(2):
            for x in nn.parallel.shares(BATCHES[name]()):
                found.append(x.tolist())
                tl.rand(1 + nn.parallel.rank())  # as dropout does
        return found

    alone, together = look(), in_threads(look)
    for batch, *parts in zip(alone, *together, strict=True):
        assert list(chain.from_iterable(parts)) == batch
