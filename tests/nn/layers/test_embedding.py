"""Embedding: rows by index, and padding."""

import re

import pytest

import nn
import tinygrad_lecture as tl

F = nn.functional


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


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"scale_grad_by_freq": True}, TypeError, "it has no argument scale_grad_by_freq"),
        ({"_weight": tl.ones(2, 2)}, ValueError, "_weight must have shape (3, 2), not (2"),
    ],
)
def test_settings_that_do_not_fit_are_named(settings, error, message):
    with pytest.raises(error, match=re.escape(message)):
        nn.Embedding(3, 2, **settings)
