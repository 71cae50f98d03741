"""decay_groups: matrices decay, vectors do not, each parameter once."""

import pytest

import nn
from transformer import GPT, GPTConfig, decay_groups


def test_matrices_decay_and_the_rest_does_not():
    model = GPT(GPTConfig(vocab_size=5, context=4, layers=1, heads=1, width=4))
    matrices, rest = decay_groups(model, 0.1)
    assert (matrices["weight_decay"], rest["weight_decay"]) == (0.1, 0.0)
    assert {p.ndim for p in matrices["params"]} == {2}
    assert {p.ndim for p in rest["params"]} == {1}
    assert len(matrices["params"]) + len(rest["params"]) == len(list(model.parameters()))
    nn.optim.AdamW(decay_groups(model, 0.1), lr=1e-3)


def test_without_vectors_or_with_frozen_matrices_there_is_one_group():
    model = nn.Linear(2, 3, bias=False)
    assert [group["weight_decay"] for group in decay_groups(model, 0.1)] == [0.1]
    model = nn.Linear(2, 3)
    model.weight.requires_grad_(False)
    assert [group["weight_decay"] for group in decay_groups(model, 0.1)] == [0.0]


def test_parameters_instead_of_the_model_raise():
    with pytest.raises(TypeError, match=r"expected the model itself, got generator; write decay_groups\(model, 0.1\)"):
        decay_groups(nn.Linear(2, 3).parameters(), 0.1)
