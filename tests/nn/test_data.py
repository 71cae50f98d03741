"""TensorDataset and DataLoader: every row once an epoch, in an order that the seed decides."""

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


@given(n=st.integers(1, 40), batch_size=st.integers(1, 45), shuffle=st.booleans(), drop_last=st.booleans())
def test_an_epoch_has_every_row_once(n, batch_size, shuffle, drop_last):
    if drop_last and batch_size > n:
        with pytest.raises(ValueError, match=f"{n} rows make no batch of {batch_size}"):
            nn.DataLoader(numbers(n), batch_size, shuffle, drop_last)
        return
    loader = nn.DataLoader(numbers(n), batch_size, shuffle, drop_last)
    batches = list(loader)
    assert len(batches) == len(loader)
    sizes = [len(x) for x, _ in batches]
    assert set(sizes[:-1]) <= {batch_size}
    seen = [row for x, _ in batches for row in x.tolist()]
    assert len(seen) == (n - n % batch_size if drop_last else n)
    assert len(set(seen)) == len(seen)
    assert all((x * 10 == y).all() for x, y in batches)
    if not shuffle:
        assert seen == list(range(len(seen)))


def orders(loader, epochs=2):
    return [[row for x, _ in loader for row in x.tolist()] for _ in range(epochs)]


def test_the_order_is_new_each_epoch_and_follows_manual_seed():
    tl.manual_seed(3)
    first, second = orders(nn.DataLoader(numbers(20), 4, shuffle=True))
    assert first != second
    tl.manual_seed(3)
    assert orders(nn.DataLoader(numbers(20), 4, shuffle=True)) == [first, second]


def test_with_a_seed_of_its_own_it_leaves_the_stream_alone():
    tl.manual_seed(3)
    wanted = tl.rand(1).item()
    tl.manual_seed(3)
    one = orders(nn.DataLoader(numbers(20), 4, shuffle=True, seed=7))
    assert tl.rand(1).item() == wanted
    assert one == orders(nn.DataLoader(numbers(20), 4, shuffle=True, seed=7))
    assert one != orders(nn.DataLoader(numbers(20), 4, shuffle=True, seed=8))


def test_unshuffled_batches_are_views():
    data = numbers(6)
    x, _ = next(iter(nn.DataLoader(data, 4)))
    assert np.shares_memory(x.numpy(), data.tensors[0].numpy())


def test_any_object_with_rows_can_be_dealt_out():
    class Squares:
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return np.arange(5)[index] ** 2

    assert [batch.tolist() for batch in nn.DataLoader(Squares(), 2)] == [[0, 1], [4, 9], [16]]


def test_bad_input_is_explained():
    with pytest.raises(ValueError, match="batch_size must be at least 1, not 0"):
        nn.DataLoader(numbers(3), 0)
    with pytest.raises(ValueError, match=r"as many rows each.*\(3, 2\), \(4,\)"):
        nn.TensorDataset(tl.zeros(3, 2), tl.zeros(4))
    for tensors in ((), (tl.tensor(1.0),)):
        with pytest.raises(ValueError, match="at least one tensor"):
            nn.TensorDataset(*tensors)
    with pytest.raises(ValueError, match="0 rows make no batch of 4"):
        nn.DataLoader(numbers(0), 4)
