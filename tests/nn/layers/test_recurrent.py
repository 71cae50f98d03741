"""RNN, GRU, LSTM and their cells: packed sequences, dropout, what is said of wrong arguments, and PyTorch's numbers."""

import re

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from modules import shuffled
from nn.torch import layers as packed
from nn.utils.rnn import pad_sequence
from numeric import assert_close

kinds = pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])


def numbers(*shape, seed=0):
    return tl.tensor(np.random.default_rng(seed).normal(size=shape))


@kinds
def test_packed_sequences_are_the_sequences_alone(kind):
    layer = shuffled(getattr(nn, kind)(2, 3, num_layers=2, bidirectional=True))
    sequences = [numbers(n, 2, seed=n) for n in (2, 4, 1)]
    output, state = layer(packed.pack_padded_sequence(pad_sequence(sequences), [2, 4, 1], enforce_sorted=False))
    h = state[0] if kind == "LSTM" else state
    batch, _ = packed.pad_packed_sequence(output)
    for i, sequence in enumerate(sequences):
        alone, its_state = layer(sequence)
        assert_close(batch[: len(sequence), i].detach(), alone.detach(), f"sequence {i}", 1e-12)
        assert_close(h[:, i].detach(), (its_state[0] if kind == "LSTM" else its_state).detach(), f"state {i}", 1e-12)


def test_dropout_acts_between_layers_while_training():
    with pytest.warns(UserWarning, match="dropout acts between layers, so with num_layers=1 it does nothing"):
        nn.GRU(2, 2, dropout=0.5)
    layer, x = nn.GRU(2, 8, num_layers=2, dropout=0.5), numbers(3, 4, 2).float()
    assert layer(x)[0].tolist() != layer(x)[0].tolist()
    assert layer.eval()(x)[0].tolist() == layer(x)[0].tolist()
    layer.train().dropout = 1.0
    x_too = x + 1
    assert layer(x)[0].tolist() == layer(x_too)[0].tolist()  # nothing reaches the second layer


lstm, gru = nn.LSTM(3, 4), nn.GRU(3, 4, num_layers=2, batch_first=True)
x, h = tl.ones(5, 2, 3), tl.ones(2, 5, 4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lstm(tl.ones(3)), ValueError, "in LSTM: input must be (steps, batch, input_size), or (steps, input"),
        (lambda: gru(tl.ones(3)), ValueError, "in GRU: input must be (batch, steps, input_size), or (steps, input"),
        (lambda: lstm(tl.ones(5, 2, 4)), ValueError, "in LSTM: wanted (..., 3), got (5, 2, 4)"),
        (lambda: lstm(tl.ones(0, 2, 3)), ValueError, "one or more sequences and steps, not shape (0, 2, 3)"),
        (lambda: lstm([1.0]), TypeError, "in LSTM: forward: input must be a Tensor"),
        (lambda: gru(x, tl.ones(2, 5)), ValueError, "h_0 must have shape (2, 5, 4), (num_layers * directions, batch, "),
        (lambda: gru(x, tl.ones(5, 2, 4)), ValueError, "not (5, 2, 4); write h_0.swapaxes(0, 1)"),
        (lambda: gru(tl.ones(5, 3), h), ValueError, "h_0 must have shape (2, 4), (num_layers * directions, hidden_si"),
        (lambda: gru(x, (h, h)), TypeError, "h_0 must be a Tensor of shape (2, 5, 4), (num_layers * directions, batc"),
        (lambda: lstm(x, tl.ones(1, 2, 4)), TypeError, "the state must be a pair (h_0, c_0), not a Tensor"),
        (lambda: lstm(x, (tl.ones(1, 2, 4), h)), ValueError, "c_0 must have shape (1, 2, 4)"),
        (lambda: nn.LSTM(3, 4, proj_size=2), TypeError, "LSTM: it has no argument proj_size; it has"),
        (lambda: nn.RNN(3, 4, nonlinearity="gelu"), ValueError, 'RNN: nonlinearity must be "tanh" or "relu", not'),
        (lambda: nn.GRU(3, 0), ValueError, "GRU: hidden_size must be at least 1, not 0"),
        (lambda: nn.GRU(3, 4, dropout=2), ValueError, "GRU: p must be a probability from 0 to 1, not 2"),
        (lambda: nn.GRUCell(3, 4)(x), ValueError, "input must have shape (batch, input_size) or (input_size,), not ("),
        (lambda: nn.GRUCell(3, 4)(tl.ones(2, 5)), ValueError, "in GRUCell: wanted (..., 3), got (2, 5)"),
        (lambda: nn.GRUCell(3, 4)(x[0], tl.ones(3, 4)), ValueError, "hx must have shape (2, 4), (batch, hidden_size)"),
        (lambda: nn.LSTMCell(3, 4)(x[0], x[0]), TypeError, "the state must be a pair (hx, cx), not a Tensor"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


# --- PyTorch's ----------------------------------------------------------------------------------------------


def called(library, inner, packing=None):
    """A module that takes the input and the states one by one; `packing` packs the input first."""

    class Called(library.Module):
        def __init__(self):
            super().__init__()
            self.inner = inner

        def forward(self, x, *states):
            hx = states if len(states) == 2 else states[0] if states else None
            return self.inner(packing(x) if packing else x, hx)

    return Called()


SETTINGS = [
    {},
    {"num_layers": 2, "bidirectional": True},
    {"batch_first": True, "bias": False},
    {"nonlinearity": "relu"},
]


@pytest.mark.parity
@kinds
@pytest.mark.parametrize("options", SETTINGS, ids=str)
@pytest.mark.parametrize("given", ["a batch", "one sequence", "packed", "packed, in order"])
def test_outputs_states_and_gradients_are_pytorchs(kind, options, given):
    torch = pytest.importorskip("torch")
    from torch_parity import agree

    options = {key: value for key, value in options.items() if kind == "RNN" or key != "nonlinearity"}
    steps, lengths, layers = 4, [4, 2, 1], 4 if "num_layers" in options else 1
    lengths = lengths if "order" in given else lengths[::-1]
    first, batched = bool(options.get("batch_first")), given != "one sequence"
    x = np.random.default_rng(0).normal(size=((3, steps, 2) if first else (steps, 3, 2)) if batched else (steps, 2))
    states = [
        np.random.default_rng(i).normal(size=(layers, *[3] * batched, 3)) for i in range(2 if kind == "LSTM" else 1)
    ]

    def packing(library):
        pack = (packed if library is nn else library.utils.rnn).pack_padded_sequence
        return lambda x: pack(x, lengths, first, enforce_sorted="order" in given)

    ours, theirs = (
        called(library, getattr(library, kind)(2, 3, **options), packing(library) if "packed" in given else None)
        for library in (nn, torch.nn)
    )
    for hx in ([], states):
        agree(ours, theirs, x, *hx, dtype="float64")
