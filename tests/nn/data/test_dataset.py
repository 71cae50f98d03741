"""Datasets: rows by any index, parts that add up to the whole. Samplers: which rows, in which order, what they draw."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from nn.data import BatchSampler, RandomSampler, SequentialSampler, WeightedRandomSampler


def numbers(n):
    return nn.TensorDataset(tl.arange(n), tl.arange(n) * 10)


def test_a_dataset_is_indexed_as_its_tensors_are():
    data = nn.TensorDataset(tl.randn(5, 2), tl.arange(5))
    assert len(data) == 5
    for index in (3, slice(1, 3), np.array([4, 0])):
        x, y = data[index]
        assert x.tolist() == data.tensors[0][index].tolist()
        assert y.tolist() == data.tensors[1][index].tolist()


def test_tensors_of_different_lengths_or_0d_are_refused():
    with pytest.raises(ValueError, match=r"same number of rows.*\(3, 2\), \(4,\)"):
        nn.TensorDataset(tl.zeros(3, 2), tl.zeros(4))
    for tensors in ((), (tl.tensor(1.0),)):
        with pytest.raises(ValueError, match="at least one tensor"):
            nn.TensorDataset(*tensors)


@pytest.mark.parametrize("indices", [[4, 0, -1], np.array([4, 0, 5]), tl.tensor([4, 0, 5])])
def test_a_subset_has_the_rows_at_its_indices_in_order(indices):
    part = nn.data.Subset(numbers(6), indices)
    assert part[:][0].tolist() == [4, 0, 5]
    assert part[np.array([2, 0])][0].tolist() == [5, 4]
    assert part[1][1].item() == 0
    assert len(part) == 3
    assert nn.data.Subset(part, [2, 0])[:][0].tolist() == [5, 4]
    assert [x.tolist() for x, _ in nn.DataLoader(part, 2)] == [[4, 0], [5]]


def test_indices_that_are_no_integers_are_refused():
    with pytest.raises(TypeError, match=r"must be a list of integers, not float64"):
        nn.data.Subset(numbers(6), [0.5])
    assert len(nn.data.Subset(numbers(6), [])) == 0


@given(rows=st.integers(0, 50), cuts=st.lists(st.integers(0, 50), max_size=4), seed=st.integers(0, 9))
def test_parts_by_number_contain_every_row_once(rows, cuts, seed):
    edges = [0, *sorted(min(cut, rows) for cut in cuts), rows]
    lengths = np.diff(edges).tolist()
    if sum(lengths) == 1 and len(lengths) > 1:
        return  # these lengths are also valid shares, with the same result
    parts = nn.data.random_split(numbers(rows), lengths, seed=seed)
    assert [len(part) for part in parts] == lengths
    assert sorted(i for part in parts for i in part.indices) == list(range(rows))


@given(rows=st.integers(0, 200), weights=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_parts_by_share_contain_every_row_once(rows, weights):
    shares = [weight / sum(weights) for weight in weights]
    parts = nn.data.random_split(numbers(rows), shares, seed=0)
    assert sorted(i for part in parts for i in part.indices) == list(range(rows))
    assert all(abs(len(part) - rows * share) <= 1 for part, share in zip(parts, shares, strict=True))


def test_a_split_has_a_seed_of_its_own_or_follows_manual_seed():
    def split(seed=None):
        return nn.data.random_split(numbers(30), [20, 10], seed=seed)[0].indices

    tl.manual_seed(5)
    first, second = split(), split()
    tl.manual_seed(5)
    assert split() == first != second
    state = tl.get_rng_state()
    assert split(7) == split(7) != split(8)
    assert tl.get_rng_state() == state


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([5, 6], r"\[5, 6\] add up to 11 rows, but there are 10"),
        ([0.5, 0.6], "sum to 1.1"),
        ([-1, 11], "negative"),
    ],
)
def test_parts_that_do_not_add_up_are_refused(lengths, message):
    with pytest.raises(ValueError, match=message):
        nn.data.random_split(numbers(10), lengths)


def test_datasets_one_after_the_other():
    whole = numbers(3) + nn.data.Subset(numbers(9), [7, 8])
    assert [int(x) for x, _ in whole] == [0, 1, 2, 7, 8]
    assert int(whole[-1][0]) == 8 and len(whole) == 5 and isinstance(whole, nn.data.ConcatDataset)
    with pytest.raises(IndexError):
        whole[5]


def test_a_split_is_drawn_from_a_generator():
    def split(seed):
        return nn.data.random_split(numbers(30), [0.5, 0.5], generator=tl.Generator().manual_seed(seed))[0].indices

    assert split(7) == split(7) != split(8)


# --- samplers -----------------------------------------------------------------------------------------------

KINDS = {
    "random": lambda **g: RandomSampler(range(20), **g),
    "random, fewer": lambda **g: RandomSampler(range(20), num_samples=7, **g),
    "random, more": lambda **g: RandomSampler(range(20), num_samples=50, **g),
    "with replacement": lambda **g: RandomSampler(range(20), replacement=True, **g),
    "with replacement, many": lambda **g: RandomSampler(range(20), replacement=True, num_samples=3_000, **g),
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


def test_weights_are_probabilities():
    drawn = list(WeightedRandomSampler([1, 0, 3], 4_000))
    assert 1 not in drawn and 0.2 < drawn.count(0) / 4_000 < 0.3
    assert sorted(WeightedRandomSampler([tl.tensor(1.0), 0, 2], 2, replacement=False)) == [0, 2]


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
