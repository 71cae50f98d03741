"""Embedding: rows by index, gradients, padding."""

import numpy as np
import pytest

import nn
import strict_device  # noqa: F401 - makes device="strict" work
import tinygrad_lecture as tl

F = nn.functional


def test_it_selects_rows():
    table = nn.Embedding(5, 3)
    for shape in ((), (4,), (2, 3), (0,)):
        x = np.random.default_rng(0).integers(0, 5, shape)
        assert table(tl.tensor(x)).tolist() == table.weight.detach().numpy()[x].tolist()
    assert repr(table) == "Embedding(5, 3)"


def test_a_row_sums_the_gradients_of_all_its_uses():
    table = nn.Embedding(3, 2)
    table(tl.tensor([[0, 2], [2, 2]])).sum().backward()
    assert table.weight.grad.tolist() == [[1, 1], [0, 0], [3, 3]]


@pytest.mark.parametrize("padding", [1, -2])
def test_the_padding_row_starts_as_0_and_gets_no_gradient(padding):
    table = nn.Embedding(3, 2, padding)
    assert table.padding_idx == 1
    assert table.weight.detach()[1].tolist() == [0, 0]
    with tl.no_grad():
        table.weight.fill_(7)
    out = table(tl.tensor([0, 1, 1]))
    assert out.tolist() == [[7, 7]] * 3
    out.sum().backward()
    assert table.weight.grad.tolist() == [[1, 1], [0, 0], [0, 0]]
    assert repr(table) == "Embedding(3, 2, padding_idx=1)"
    (g,) = tl.grad(F.embedding(tl.tensor([0, 1]), table.weight, padding).sum(), table.weight)
    assert g.tolist() == [[1, 1], [0, 0], [0, 0]]


def test_the_weight_is_initially_normal():
    weight = nn.Embedding(200, 100).weight.detach().numpy()
    assert abs(weight.mean()) < 0.03
    assert abs(weight.std() - 1) < 0.02


def test_from_pretrained_copies_and_freezes():
    rows = tl.randn(3, 2, dtype=tl.float64)
    table = nn.Embedding.from_pretrained(rows, padding_idx=0)
    assert table.weight.tolist() == rows.tolist()
    assert not table.weight.requires_grad
    assert (table.weight.dtype, table.padding_idx) == (tl.float64, 0)
    rows.zero_()
    assert table.weight.tolist() != rows.tolist()
    assert nn.Embedding.from_pretrained(rows, freeze=False).weight.requires_grad
    with pytest.raises(ValueError, match=r"\(rows, features\), not \(3,\)"):
        nn.Embedding.from_pretrained(tl.zeros(3))


def test_bad_sizes_and_indices_are_refused():
    for sizes, padding in (((0, 2), None), ((2, 0), None), ((2, 2), 2), ((2, 2), -3)):
        with pytest.raises(ValueError, match="Embedding: "):
            nn.Embedding(*sizes, padding)
    table = nn.Embedding(3, 2)
    for x, error in (([0, 3], IndexError), ([-1], IndexError), ([0.0], TypeError), ([True], TypeError)):
        with pytest.raises(error, match="in Embedding: embedding: "):
            table(tl.tensor(x))
    with pytest.raises(IndexError, match="padding_idx 5 is out of range for 3 rows"):
        F.embedding(tl.tensor([0]), table.weight, 5)
    with pytest.raises(ValueError, match=r"weight must have shape \(rows, features\), not \(3,\)"):
        F.embedding(tl.tensor([0]), tl.zeros(3))


def test_indices_on_the_host_select_rows_on_a_gpu():
    table = nn.Embedding(3, 2, device="strict")
    assert table(tl.tensor([0, 2])).device == "strict"


def test_tokens_changed_before_backward_have_been_copied():
    table, tokens = nn.Embedding(3, 2), tl.tensor([0, 1])
    out = table(tokens).sum()
    tokens[0] = 2
    out.backward()
    assert table.weight.grad.tolist() == [[1, 1], [1, 1], [0, 0]]
