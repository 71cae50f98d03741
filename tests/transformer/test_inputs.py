"""Inputs: tokens in the accepted forms, and the errors for anything else."""

import numpy as np
import pytest

import strict_device  # noqa: F401 - makes device="strict" work
import tinygrad_lecture as tl
from transformer import GPT, GPTConfig, Windows, mask_tokens
from transformer.inputs import as_tokens

FORMS = [
    [[1, 2], [3, 4]],
    [tl.tensor([1, 2]), tl.tensor([3, 4])],
    np.array([[1, 2], [3, 4]], np.uint16),
    tl.tensor([[1, 2], [3, 4]]),
    ((1, 2), (3, 4)),
]


@pytest.mark.parametrize("tokens", FORMS, ids=["lists", "tensors in a list", "uint16", "tensor", "tuples"])
def test_any_form_of_integers_is_accepted(tokens):
    made = as_tokens(tokens)
    assert made.tolist() == [[1, 2], [3, 4]] and made.dtype.kind in "iu"
    model = GPT(GPTConfig(vocab_size=5, context=4, layers=1, heads=1, width=4))
    assert model(tokens).shape == (2, 2, 5) and model.loss(tokens, tokens).ndim == 0
    inputs, targets = mask_tokens(tokens, 0, 5, seed=0)
    assert inputs.dtype == targets.dtype == tl.int64


def test_tokens_stay_on_their_device():
    assert as_tokens(tl.tensor([1, 2], device="strict")).device == "strict"


@pytest.mark.parametrize(
    ("tokens", "error", "message"),
    [
        ("hello", TypeError, "must be integers, got text; encode the text with the tokenizer"),
        (["a", "b"], TypeError, "must be integers, got text; encode the text with the tokenizer"),
        (np.array(["a"]), TypeError, "must be integers, got text; encode the text with the tokenizer"),
        ([0.5], TypeError, "must be integers, got float32; encode"),
        (None, TypeError, "tokens: must be integers: tensor: .*but data is None"),
        ([[1, 2], [3]], ValueError, "pad them to one length, and pass a padding_mask"),
        ([], ValueError, r"at least one token, got \(0,\)"),
        (3, ValueError, r"at least one token, got \(\)"),
        ((tl.tensor([1, 2]), tl.tensor([3, 4])), TypeError, "tokens: it takes one tensor, not a tuple of a Tensor"),
        ([2**70], TypeError, "tokens: must be integers: tensor: "),
    ],
)
def test_anything_but_tokens_raises(tokens, error, message):
    for take in (as_tokens, GPT(GPTConfig(vocab_size=5, context=4, layers=1, heads=1, width=4)), mask_five):
        with pytest.raises(error, match=message):
            take(tokens)
    with pytest.raises((TypeError, ValueError)):
        Windows(tokens, 2)


def mask_five(tokens):
    return mask_tokens(tokens, 0, 5)
