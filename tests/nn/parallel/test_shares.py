"""shares: the workers together have each batch, whatever their number."""

from itertools import chain
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from nn.parallel.group import Group
from nn.parallel.shares import own_rows, take_rows
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


def test_its_length_is_that_of_the_batches():
    assert len(nn.parallel.shares([tl.ones(3)] * 4)) == 4


def test_a_trainer_takes_the_batches_themselves():
    model = nn.Linear(1, 1)
    batches = nn.parallel.shares([(tl.ones(3, 1), tl.ones(3, 1))])
    with pytest.raises(ValueError, match="give the batches themselves, which a Trainer shares among workers"):
        nn.Trainer(model, batches, nn.MSELoss(), nn.optim.SGD(model.parameters(), 0.1), epochs=1)
