"""RNN, GRU and LSTM against PyTorch's: outputs, states and all gradients, with weights by state_dict."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from strategies import numbers

torch = pytest.importorskip("torch")

from torch_parity import agree, dtypes, examples  # noqa: E402 - it needs torch

pytestmark = pytest.mark.parity

kinds = pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
settings = st.fixed_dictionaries(
    {},
    optional={
        "num_layers": st.sampled_from([2]),
        "bias": st.sampled_from([False]),
        "batch_first": st.sampled_from([True]),
        "bidirectional": st.sampled_from([True]),
    },
)


def called(library: Any, inner: Any, packing: Any = None) -> Any:
    """A module that takes the input and the states one by one; `packing` packs the input first."""

    class Called(library.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Any, *states: Any) -> Any:
            hx = states if len(states) == 2 else states[0] if states else None
            return self.inner(packing(x) if packing else x, hx)

    return Called()


def twins(kind: str, data: st.DataObject, given: dict[str, Any], features: int, hidden: int) -> tuple[Any, Any]:
    relu = kind == "RNN" and data.draw(st.booleans())
    options = {**given, **({"nonlinearity": "relu"} if relu else {})}
    return getattr(nn, kind)(features, hidden, **options), getattr(torch.nn, kind)(features, hidden, **options)


def states_of(kind: str, data: st.DataObject, shape: tuple[int, ...]) -> list[Any]:
    """None, or the states at the beginning."""
    count = data.draw(st.sampled_from([0, 1])) * (2 if kind == "LSTM" else 1)
    return [data.draw(numbers(shape)) for _ in range(count)]


@kinds
@examples
@given(data=st.data(), dtype=dtypes, given_=settings, batched=st.booleans())
def test_whole_batches_and_single_sequences(
    kind: str, data: st.DataObject, dtype: str, given_: dict[str, Any], batched: bool
) -> None:
    features, hidden, steps, batch = (data.draw(st.integers(1, 3)) for _ in range(4))
    ours, theirs = twins(kind, data, given_, features, hidden)
    layers = given_.get("num_layers", 1) * (1 + given_.get("bidirectional", False))
    sizes = (batch, steps) if given_.get("batch_first") else (steps, batch)
    x = data.draw(numbers((*sizes, features) if batched else (steps, features)))
    states = states_of(kind, data, (layers, batch, hidden) if batched else (layers, hidden))
    agree(called(nn, ours), called(torch.nn, theirs), x, *states, dtype=dtype)


@kinds
@examples
@given(data=st.data(), dtype=dtypes, given_=settings, in_order=st.booleans())
def test_packed_sequences(kind: str, data: st.DataObject, dtype: str, given_: dict[str, Any], in_order: bool) -> None:
    features, hidden = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    lengths = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4, unique=True))  # ties have no fixed order
    lengths = sorted(lengths, reverse=True) if in_order else lengths
    ours, theirs = twins(kind, data, given_, features, hidden)
    layers = given_.get("num_layers", 1) * (1 + given_.get("bidirectional", False))
    first = bool(given_.get("batch_first"))
    x = data.draw(numbers((len(lengths), max(lengths), features)))
    x = x if first else x.swapaxes(0, 1)
    states = states_of(kind, data, (layers, len(lengths), hidden))

    def packing(library: Any) -> Any:
        return lambda x: library.utils.rnn.pack_padded_sequence(x, lengths, first, enforce_sorted=in_order)

    agree(called(nn, ours, packing(nn)), called(torch.nn, theirs, packing(torch.nn)), x, *states, dtype=dtype)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell"])
def test_parameters_are_drawn_in_pytorchs_order_from_its_interval(kind: str) -> None:
    """The random streams differ, so what is compared are the calls."""
    asked: list[Any] = []
    options = {} if "Cell" in kind else {"num_layers": 2, "bidirectional": True}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.init, "uniform_", lambda x, a, b: asked.append((tuple(x.shape), a, b)))
        patch.setattr(torch.nn.init, "uniform_", lambda x, a, b: asked.append((tuple(x.shape), a, b)))
        ours, theirs = (getattr(module, kind)(3, 5, **options) for module in (nn, torch.nn))
    n = len(list(theirs.parameters()))
    assert asked[:n] == asked[n:] and n > 3
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(ours) == repr(theirs)
