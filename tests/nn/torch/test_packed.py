"""Packed sequences: what is packed comes back; against PyTorch, and what is refused."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lecture as tl
from nn.torch.layers import pack_padded_sequence, pad_packed_sequence
from nn.utils.rnn import pad_sequence

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


def test_gradients_reach_the_steps_and_no_padding():
    x = tl.ones(3, 2, requires_grad=True)
    packed = pack_padded_sequence(x, [1, 3], enforce_sorted=False)
    batch, _ = pad_packed_sequence(packed, total_length=5)
    assert batch.shape == (5, 2)
    (batch * tl.arange(10).reshape(5, 2)).sum().backward()
    assert x.grad.tolist() == [[0, 1], [0, 3], [0, 5]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: pack_padded_sequence(x, [2, 3]), "the lengths [2, 3] are not sorted, the longest first; write enf"),
        (lambda x: pack_padded_sequence(x, [3]), "there must be 2 lengths, one or more, from 1 to 3, not [3]"),
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
