"""Sequences of different lengths: padded, packed, and back; against PyTorch, and what is refused."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)

lengths_of = st.lists(st.integers(1, 4), min_size=1, max_size=4)


def sequences(lengths, *shape):
    return [tl.tensor(np.random.default_rng(i).normal(size=(n, *shape))) for i, n in enumerate(lengths)]


@given(lengths_of, st.booleans(), st.sampled_from([(), (2,), (2, 3)]))
def test_what_is_packed_comes_back(lengths, batch_first, shape):
    given = sequences(lengths, *shape)
    packed = pack_padded_sequence(pad_sequence(given, batch_first), lengths, batch_first, enforce_sorted=False)
    assert len(packed.data) == sum(lengths) == packed.batch_sizes.sum().item()
    batch, counts = pad_packed_sequence(packed, batch_first, padding_value=-1.0)
    assert counts.tolist() == lengths
    assert batch.tolist() == pad_sequence(given, batch_first, -1.0).tolist()
    for found in (unpack_sequence(packed), unpad_sequence(batch, counts, batch_first)):
        assert [s.tolist() for s in found] == [s.tolist() for s in given]


def test_the_steps_of_all_sequences_stand_one_after_the_other():
    packed = pack_sequence([tl.tensor([1, 2, 3]), tl.tensor([4, 5]), tl.tensor([6])])
    assert packed.data.tolist() == [1, 4, 6, 2, 5, 3]
    assert packed.batch_sizes.tolist() == [3, 2, 1]
    assert packed.sorted_indices is packed.unsorted_indices is None


def test_gradients_reach_the_steps_and_no_padding():
    x = tl.ones(3, 2, requires_grad=True)
    packed = pack_padded_sequence(x, [1, 3], enforce_sorted=False)
    batch, _ = pad_packed_sequence(packed, total_length=5)
    assert batch.shape == (5, 2)
    (batch * tl.arange(10).reshape(5, 2)).sum().backward()
    assert x.grad.tolist() == [[0, 1], [0, 3], [0, 5]]


def test_it_moves_with_its_data():
    packed = pack_sequence([tl.ones(2, 3)]).to("strict").to(tl.float64)
    assert (packed.data.device, packed.data.dtype) == ("strict", tl.float64)
    batch, lengths = pad_packed_sequence(packed, total_length=3)
    assert (batch.device, lengths.device) == ("strict", "cpu")
    assert isinstance(packed, PackedSequence)


@given(st.lists(st.lists(st.integers(1, 99), max_size=7), min_size=1, max_size=5), st.sampled_from(["right", "left"]))
def test_padding_keeps_every_token(rows, side):
    batch = pad_sequence(rows, True, 0, side).tolist()
    assert pad_sequence(rows, padding_side=side).T.tolist() == batch
    longest = max(map(len, rows))
    for row, padded in zip(rows, batch, strict=True):
        padding = [0] * (longest - len(row))
        assert padded == (row + padding if side == "right" else padding + row)


def test_sequences_of_vectors_keep_dtype_and_gradient():
    long, short = tl.ones(3, 2, dtype=tl.float64, requires_grad=True), tl.ones(1, 2, dtype=tl.float64)
    batch = pad_sequence([long, short], True, -1)
    assert (batch.shape, batch.dtype) == ((2, 3, 2), tl.float64)
    assert batch[1].tolist() == [[1, 1], [-1, -1], [-1, -1]]
    batch.sum().backward()
    assert long.grad.tolist() == [[1, 1]] * 3


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        ([], {}, "no sequences"),
        ([np.ones((2, 3)), np.ones((2, 4))], {}, r"cat: shapes \(2, 4\), \(0, 3\)"),
        ([[1]], {"padding_side": "top"}, "'right' or 'left', not 'top'"),
        ([[1, 2]], {"padding_value": 0.5}, "padding_value 0.5 does not fit dtype int64"),
        ([np.uint8([1])], {"padding_value": -1}, "padding_value -1 does not fit dtype uint8"),
    ],
)
def test_sequences_that_cannot_be_padded_are_refused(rows, settings, message):
    with pytest.raises(ValueError, match=message):
        pad_sequence(rows, **settings)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: pack_padded_sequence(x, [2, 3]), "the lengths [2, 3] are not sorted, the longest first; write enf"),
        (lambda x: pack_padded_sequence(x, [3]), "there must be 2 lengths, one or more, from 1 to 3, not [3]"),
        (lambda x: pack_padded_sequence(x, [4, 1]), "from 1 to 3, not [4, 1]"),
        (lambda x: pack_padded_sequence(x, [2, 0]), "from 1 to 3, not [2, 0]"),
        (lambda x: pack_padded_sequence(x, [2, 2, 1]), "not [2, 2, 1]; is batch_first right?"),
        (lambda x: pack_padded_sequence(x[0, 0], [2]), "input must have shape (steps, batch, ...), not (4,)"),
        (lambda x: pad_packed_sequence(pack_padded_sequence(x, [3, 1]), total_length=2), "total_length 2 is below th"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call(tl.ones(3, 2, 4))


@pytest.mark.parity
@given(lengths_of.map(lambda n: sorted(set(n))), st.booleans(), st.booleans())
def test_packing_is_pytorchs(lengths, batch_first, enforce_sorted):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.utils.rnn
    lengths = lengths[::-1] if enforce_sorted else lengths
    x = np.random.default_rng(0).normal(size=(len(lengths), max(lengths), 2))
    x = x if batch_first else x.swapaxes(0, 1)
    ours = pack_padded_sequence(tl.tensor(x), tl.tensor(lengths), batch_first, enforce_sorted)
    wanted = theirs.pack_padded_sequence(torch.tensor(x), torch.tensor(lengths), batch_first, enforce_sorted)
    for a, b in zip(ours, wanted, strict=True):
        assert (a is None) == (b is None)
        assert a is None or a.tolist() == b.tolist()
    back, counts = pad_packed_sequence(ours, batch_first, -1.0, total_length=6)
    wanted_back, wanted_counts = theirs.pad_packed_sequence(wanted, batch_first, -1.0, total_length=6)
    assert back.tolist() == wanted_back.tolist() and counts.tolist() == wanted_counts.tolist()
    assert nn.utils.rnn is not theirs
