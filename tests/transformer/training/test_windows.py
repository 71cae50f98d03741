"""Windows: tokens and their next tokens, batches, devices, and errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import strict_device  # noqa: F401 - makes device="strict" work
import tinygrad_lecture as tl
from transformer import Windows


@given(length=st.integers(2, 40), context=st.integers(1, 12), stride=st.integers(1, 13), data=st.data())
def test_targets_are_the_next_tokens_of_each_window(length, context, stride, data):
    if length <= context:
        return
    windows = Windows(list(range(length)), context, stride)
    i = data.draw(st.integers(0, len(windows) - 1))
    tokens, targets = windows[i]
    assert tokens.tolist() == list(range(i * stride, i * stride + context))
    assert targets.tolist() == [token + 1 for token in tokens.tolist()]
    assert (len(windows) - 1) * stride + context + 1 <= length < len(windows) * stride + context + 1


def test_a_stride_of_context_predicts_each_token_once():
    windows = Windows(np.arange(20), 6, stride=6)
    _, targets = windows[:]
    assert targets.reshape(-1).tolist() == list(range(1, 19))


def test_a_loader_makes_batches_of_windows():
    tokens, targets = next(iter(nn.DataLoader(Windows(tl.arange(30), 4), 5, shuffle=True)))
    assert tokens.shape == targets.shape == (5, 4)
    assert (tokens[:, 1:] == targets[:, :-1]).all()


def test_windows_are_on_the_device_of_the_text():
    tokens, _ = Windows(tl.arange(10).to("strict"), 3)[np.array([4, 0])]
    assert tokens.device == "strict"
    assert tokens.cpu().tolist() == [[4, 5, 6], [0, 1, 2]]


@pytest.mark.parametrize(
    ("tokens", "context", "error", "message"),
    [
        ([1, 2, 3], 3, ValueError, r"more than context = 3 tokens, got shape \(3,\)"),
        ([[1, 2, 3]], 1, ValueError, r"one row of more than context = 1 tokens"),
        ([1.0, 2.0], 1, TypeError, "integers, got float"),
        ([1, 2], 0, ValueError, "at least 1, got 0 and 1"),
    ],
)
def test_invalid_texts_raise(tokens, context, error, message):
    with pytest.raises(error, match=message):
        Windows(tokens, context)
