"""TensorDataset, Subset and random_split: rows by any index, and parts that add up to the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl


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


def test_a_subset_of_what_is_known_row_by_row():
    part = nn.data.Subset(["a", "b", "c"], [2, 0])
    assert (part[0], part[1]) == ("c", "a")


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


def test_shares_are_rounded_as_expected():
    assert [len(part) for part in nn.data.random_split(numbers(10_000), [0.85, 0.15])] == [8_500, 1_500]
    assert [len(part) for part in nn.data.random_split(numbers(10), [0.7, 0.2, 0.1])] == [7, 2, 1]


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
