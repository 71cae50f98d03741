"""Samplers: which rows they yield, in which order, and what they draw from."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lecture as tl
from nn.data import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

KINDS = {
    "random": lambda **g: RandomSampler(range(20), **g),
    "random, fewer": lambda **g: RandomSampler(range(20), num_samples=7, **g),
    "random, more": lambda **g: RandomSampler(range(20), num_samples=50, **g),
    "with replacement": lambda **g: RandomSampler(range(20), replacement=True, **g),
    "with replacement, many": lambda **g: RandomSampler(range(20), replacement=True, num_samples=3_000, **g),
    "subset": lambda **g: SubsetRandomSampler([3, 5, 8, 13], **g),
    "weighted": lambda **g: WeightedRandomSampler([0.1, 0.2, 0.7], 20, **g),
    "weighted, without replacement": lambda **g: WeightedRandomSampler([1.0] * 20, 10, replacement=False, **g),
    "batches": lambda **g: BatchSampler(RandomSampler(range(20), **g), 3, drop_last=False),
}
kinds = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


@kinds
def test_an_order_is_new_each_time_and_follows_manual_seed(make):
    tl.manual_seed(5)
    first, second = list(make()), list(make())
    tl.manual_seed(5)
    assert list(make()) == first != second
    assert len(first) == len(make())


@kinds
def test_a_generator_leaves_the_shared_stream_alone(make):
    state = tl.get_rng_state()
    orders = [list(make(generator=tl.Generator().manual_seed(seed))) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert tl.get_rng_state() == state


@kinds
def test_what_is_drawn_in_between_does_not_change_an_order(make):
    tl.manual_seed(5)
    wanted = list(make())
    tl.manual_seed(5)
    order = iter(make())
    got = []
    for rows in order:
        tl.rand(3)
        got.append(rows)
    assert got == wanted


@kinds
def test_row_numbers_are_ints_of_python(make):
    first = next(iter(make()))
    assert {type(i) for i in (first if isinstance(first, list) else [first])} == {int}


@given(rows=st.integers(1, 30), wanted=st.integers(1, 100))
def test_without_replacement_one_order_follows_the_other(rows, wanted):
    order = list(RandomSampler(range(rows), num_samples=wanted))
    assert len(order) == wanted
    for start in range(0, wanted, rows):
        part = order[start : start + rows]
        assert len(set(part)) == len(part) and set(part) <= set(range(rows))


def test_with_replacement_rows_come_twice_and_without_end():
    sampler = RandomSampler(range(10), replacement=True, num_samples=int(1e10))
    assert len(sampler) == 10**10
    counts = np.bincount(list(itertools.islice(sampler, 5_000)), minlength=10)
    assert len(counts) == 10 and counts.min() > 350 and counts.max() < 650


def test_a_random_order_grows_with_its_data():
    data = [0, 1]
    sampler = RandomSampler(data)
    data += [2, 3]
    assert len(sampler) == 4 and sorted(sampler) == [0, 1, 2, 3]


def test_weights_are_probabilities():
    drawn = list(WeightedRandomSampler([1, 0, 3], 4_000))
    assert 1 not in drawn and 0.2 < drawn.count(0) / 4_000 < 0.3
    assert sorted(WeightedRandomSampler([tl.tensor(1.0), 0, 2], 2, replacement=False)) == [0, 2]


def test_sequential_and_subset():
    assert list(SequentialSampler("abc")) == [0, 1, 2] and len(SequentialSampler("abc")) == 3
    assert sorted(SubsetRandomSampler(tl.tensor([8, 3, 5]))) == [3, 5, 8]


@given(rows=st.integers(0, 20), size=st.integers(1, 7), drop_last=st.booleans())
def test_batches_of_a_sampler(rows, size, drop_last):
    sampler = BatchSampler(SequentialSampler(range(rows)), size, drop_last)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    kept = rows - rows % size if drop_last else rows
    assert [i for batch in batches for i in batch] == list(range(kept))
    assert all(len(batch) == size for batch in batches[:-1]) and (not drop_last or {size} >= set(map(len, batches)))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: RandomSampler([]), ValueError, "RandomSampler: num_samples must be at least 1, not 0"),
        (lambda: BatchSampler([1], 0, False), ValueError, "BatchSampler: batch_size must be at least 1, not 0"),
        (lambda: WeightedRandomSampler([1.0], 1.5), TypeError, "WeightedRandomSampler: num_samples must be an int"),
    ],
)
def test_what_a_sampler_cannot_do_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
