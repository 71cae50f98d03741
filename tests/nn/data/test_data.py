"""Datasets, samplers, and loaders: every row once per epoch, an order that depends on the seed, exact resuming."""

import json
from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nn
import tinygrad_lecture as tl
from nn.data import BatchSampler, RandomSampler, WeightedRandomSampler, default_collate


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
    assert len(nn.data.Subset(numbers(6), [])) == 0
    with pytest.raises(TypeError, match=r"must be a list of integers, not float64"):
        nn.data.Subset(numbers(6), [0.5])


@given(rows=st.integers(0, 200), weights=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_parts_by_share_contain_every_row_once(rows, weights):
    shares = [weight / sum(weights) for weight in weights]
    parts = nn.data.random_split(numbers(rows), shares, seed=0)
    assert [len(part) for part in nn.data.random_split(numbers(6), [1, 0, 5])] == [1, 0, 5]  # or by numbers
    assert sorted(i for part in parts for i in part.indices) == list(range(rows))
    assert all(abs(len(part) - rows * share) <= 1 for part, share in zip(parts, shares, strict=True))


def test_a_split_has_a_seed_of_its_own_or_follows_manual_seed():
    def split(seed=None, generator=None):
        return nn.data.random_split(numbers(30), [20, 10], generator, seed)[0].indices

    tl.manual_seed(5)
    first, second = split(), split()
    tl.manual_seed(5)
    assert split() == first != second
    state = tl.get_rng_state()
    assert split(7) == split(7) != split(8)
    assert split(generator=tl.Generator().manual_seed(7)) == split(7)
    assert tl.get_rng_state() == state


@pytest.mark.parametrize(
    ("lengths", "message"),
    [([5, 6], r"\[5, 6\] add up to 11 rows, but there are 10"), ([0.5, 0.6], "sum to 1.1"), ([-1, 11], "negative")],
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


# --- samplers -----------------------------------------------------------------------------------------------

KINDS = {
    "random": lambda **g: RandomSampler(range(20), **g),
    "weighted": lambda **g: WeightedRandomSampler([0.1, 0.2, 0.7], 20, **g),
    "weighted, without replacement": lambda **g: WeightedRandomSampler([1.0] * 20, 10, replacement=False, **g),
    "batches": lambda **g: BatchSampler(RandomSampler(range(20), **g), 3, drop_last=False),
}
kinds = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


@kinds
def test_an_order_is_new_each_time_and_follows_its_stream_alone(make):
    tl.manual_seed(5)
    first, second = list(make()), list(make())
    assert len(first) == len(make())
    assert {type(i) for i in (first[0] if isinstance(first[0], list) else first)} == {int}  # of Python
    tl.manual_seed(5)
    order, got = iter(make()), []
    for rows in order:
        tl.rand(3)
        got.append(rows)
    assert got == first != second
    state = tl.get_rng_state()
    orders = [list(make(generator=tl.Generator().manual_seed(seed))) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert tl.get_rng_state() == state


def test_rows_come_once_or_by_weights_that_are_probabilities():
    assert sorted(RandomSampler(range(10))) == list(range(10))
    with pytest.raises(ValueError, match="RandomSampler: num_samples must be at least 1, not 0"):
        RandomSampler([])
    drawn = list(WeightedRandomSampler([1, 0, 3], 4_000))
    assert 1 not in drawn and 0.2 < drawn.count(0) / 4_000 < 0.3
    assert sorted(WeightedRandomSampler([tl.tensor(1.0), 0, 2], 2, replacement=False)) == [0, 2]


@given(n=st.integers(1, 40), batch_size=st.integers(1, 45), shuffle=st.booleans(), drop_last=st.booleans())
def test_an_epoch_has_every_row_once(n, batch_size, shuffle, drop_last):
    if drop_last and batch_size > n:
        with pytest.raises(ValueError, match=f"{n} rows are too few for a batch of {batch_size}"):
            nn.DataLoader(numbers(n), batch_size, shuffle, drop_last=drop_last)
        return
    loader = nn.DataLoader(numbers(n), batch_size, shuffle, drop_last=drop_last)
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


@pytest.mark.parametrize("many", [True, False])
def test_any_object_with_rows_can_be_loaded(many):
    class Squares:
        takes_many = many

        def __len__(self):
            return 5

        def __getitem__(self, index):
            assert many == isinstance(index, np.ndarray)
            return np.arange(5)[index] ** 2

    assert [batch.tolist() for batch in nn.DataLoader(Squares(), 2)] == [[0, 1], [4, 9], [16]]


def test_the_state_of_another_loader_is_refused():
    loader = nn.DataLoader(numbers(10), 2, shuffle=True)
    with pytest.raises(ValueError, match="another loader: rows was 9, is 10"):
        loader.load_state_dict(nn.DataLoader(numbers(9), 2, shuffle=True).state_dict())
    assert len(list(loader)) == 5
    with pytest.raises(ValueError, match=r"sampler was .RandomSampler., is .TwiceEach."):
        nn.DataLoader(numbers(10), 2, sampler=TwiceEach(10)).load_state_dict(loader.state_dict())


def test_two_epochs_of_one_loader_can_run_at_once():
    loader = nn.DataLoader(numbers(12), 3, shuffle=True, seed=1)
    outer = iter(loader)
    first = next(outer)
    state = outer.state_dict()
    list(loader)
    rest = [x.tolist() for x, _ in outer]
    other = nn.DataLoader(numbers(12), 3, shuffle=True, seed=1)
    other.load_state_dict(state)
    assert [x.tolist() for x, _ in other] == rest
    assert len(first[0]) == 3


# --- samplers, streams, rows alone -----------------------------------------------------------------------


class Words(nn.data.IterableDataset):
    def __iter__(self):
        yield from ("a", "b", "c", "d", "e")


class TwiceEach(nn.data.Sampler[int]):
    """An own sampler, a generator function: it draws when the first number is asked for."""

    def __init__(self, rows):
        self.rows = rows

    def __iter__(self):
        for i in tl.randperm(self.rows):
            yield i
            yield i

    def __len__(self):
        return 2 * self.rows


def weighted():
    return WeightedRandomSampler([1.0] * 12, 30)


SAMPLED = {
    "weighted": lambda: nn.DataLoader(numbers(12), 4, sampler=weighted()),
    "a list": lambda: nn.DataLoader(numbers(12), 4, sampler=list(range(11, -1, -1))),
    "an own one": lambda: nn.DataLoader(numbers(12), 4, sampler=TwiceEach(12)),
    "in batches": lambda: nn.DataLoader(numbers(12), batch_sampler=BatchSampler(weighted(), 4, True)),
    "a generator": lambda: nn.DataLoader(numbers(12), 4, True, generator=tl.Generator().manual_seed(3)),
    "a seed of its own": lambda: nn.DataLoader(numbers(12), 4, True, seed=3),
    "the shared stream": lambda: nn.DataLoader(numbers(11), 4, True),
    "no order": lambda: nn.DataLoader(numbers(12), 4),
}


@pytest.mark.parametrize("make", SAMPLED.values(), ids=SAMPLED)
def test_every_order_continues_exactly(make):
    def rows(batches):
        return [batch[0].tolist() for batch in batches]

    def epochs(loader, yielded):
        """Three epochs, with other draws between the batches; after `yielded` batches, the state."""
        seen, state = [], None
        for _ in range(3):
            for batch in loader:
                seen += rows([batch])
                tl.rand(2)
                if len(seen) == yielded:
                    state = json.loads(json.dumps([loader.state_dict(), tl.get_rng_state()]))
        return seen, state

    for yielded in (1, 2, len(make()), len(make()) + 1):
        tl.manual_seed(1)
        seen, (state, stream) = epochs(make(), yielded)
        other = make()
        other.load_state_dict(state)
        tl.set_rng_state(stream)
        continued, _ = epochs(other, -1)
        assert continued[: len(seen) - yielded] == seen[yielded:]


def test_a_stream_is_read_in_batches_and_continues():
    def words():
        return nn.DataLoader(Words(), 2)

    assert list(words()) == [["a", "b"], ["c", "d"], ["e"]]
    assert list(nn.DataLoader(Words(), 2, drop_last=True)) == [["a", "b"], ["c", "d"]]
    one, other = words(), words()
    next(iter(one))
    other.load_state_dict(one.state_dict())
    assert list(other) == [["c", "d"], ["e"]] and len(list(other)) == 3
    with pytest.raises(TypeError, match="no len"):
        len(words())


def test_a_sampler_may_yield_tensors_and_a_dataset_any_rows():
    assert [x.tolist() for x, _ in nn.DataLoader(numbers(4), 3, sampler=tl.tensor([3, 1, 0, 2]))] == [[3, 1, 0], [2]]
    assert list(nn.DataLoader("abcd", 2, sampler=[3, 0, 1])) == [["d", "a"], ["b"]]


def test_what_tutorials_ask_a_loader_for():
    loader = nn.DataLoader(
        numbers(10), batch_size=4, shuffle=True, num_workers=2, pin_memory=True, drop_last=True, timeout=5,
        worker_init_fn=lambda i: 1 / 0, prefetch_factor=2, persistent_workers=True, pin_memory_device="cuda",
    )  # fmt: skip
    assert len(loader) == len(list(loader)) == 2
    assert (len(loader.dataset), len(loader.sampler), loader.batch_size) == (10, 10, 4)
    assert [len(rows) for rows in loader.batch_sampler] == [4, 4]
    assert type(next(iter(loader))) is list
    assert next(iter(nn.DataLoader(numbers(4), 2, collate_fn=len))) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sampler": [0, 1], "shuffle": True}, "shuffle must be False"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler excludes batch_size"),
        ({"dataset": Words(), "shuffle": True}, "an IterableDataset has its own order"),
        ({"seed": 1, "generator": tl.Generator()}, "either seed or generator"),
        ({"dataset": [], "shuffle": True}, "0 rows are too few for a batch of 1"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
    ],
)
def test_arguments_that_exclude_each_other_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        nn.DataLoader(**{"dataset": [1, 2], **settings})


# --- rows as a batch ----------------------------------------------------------------------------------------

Point = namedtuple("Point", ["x", "name"])


def test_dicts_lists_named_tuples_and_strings_are_collated_by_field():
    rows = [{"a": (i, float(i)), "b": Point(tl.tensor([i]), f"row{i}"), "c": [True]} for i in range(2)]
    batch = default_collate(rows)
    assert [x.tolist() for x in batch["a"]] == [[0, 1], [0.0, 1.0]]
    assert type(batch["b"]) is Point and batch["b"].x.tolist() == [[0], [1]] and batch["b"].name == ("row0", "row1")
    assert batch["c"][0].tolist() == [True, True]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([1, 2], "int64"), ([1.5, 2.0], "float64"), ([True, False], "bool"), (np.float32([1, 2]), "float32"),
     ([np.uint8(1)], "uint8"), ([np.zeros(2, np.float32)], "float32"), ([tl.ones(2).half()], "float16")],
)  # fmt: skip
def test_dtypes_are_those_of_pytorch(values, dtype):
    assert default_collate(list(values)).dtype.name == dtype


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([tl.ones(1), tl.ones(2)], ValueError, r"different shapes, \(1,\), \(2,\).*pad_sequence"),
        ([(1,), (1, 2)], ValueError, r"the same number of fields, but have \[1, 2\]"),
        ([], ValueError, "at least one row"),
        ([(1, None)], TypeError, "not None; give the DataLoader a collate_fn"),
    ],
)
def test_rows_that_do_not_make_a_batch_are_refused(rows, error, message):
    with pytest.raises(error, match=message):
        default_collate(rows)
