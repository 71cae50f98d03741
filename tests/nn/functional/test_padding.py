"""pad, with PyTorch's order of widths."""

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl

F = nn.functional


def test_the_gradient_is_right():
    x = tl.tensor(np.random.default_rng(1).normal(size=(3, 4)))
    assert tl.gradcheck(lambda x: F.pad(x, (1, -1, 0, 2), value=3), [x])


def test_it_pads_with_the_value():
    assert F.pad(tl.ones(2), (1, 2), value=5).tolist() == [5, 1, 1, 5, 5]


def test_bad_widths_and_modes_are_refused():
    for widths, message in (
        ((1,), r"\(1,\) must be \(before, after\) pairs"),
        ((1, 1, 1, 1), "at most one per axis of an input of shape"),
        ((-2, -1), "cuts off more"),
    ):
        with pytest.raises(ValueError, match=message):
            F.pad(tl.ones(2), widths)
    with pytest.raises(ValueError, match="'mirror'"):
        F.pad(tl.ones(2), (1, 1), "mirror")
    with pytest.raises(ValueError, match='mode "reflect" can add at most 1 on each side of an axis of size 2'):
        F.pad(tl.ones(2), (1, 2), "reflect")


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [("reflect", [2, 1, 0, 1, 2, 1]), ("replicate", [0, 0, 0, 1, 2, 2]), ("circular", [1, 2, 0, 1, 2, 0])],
)
def test_modes_repeat_elements_and_gradients_add_up(mode, wanted):
    x = tl.arange(3.0, requires_grad=True)
    y = F.pad(x, (2, 1), mode)
    assert y.tolist() == wanted
    y.sum().backward()
    assert x.grad.tolist() == [wanted.count(i) for i in range(3)]
    assert F.pad(tl.ones(2, 3), (1, 1, 1, 0), mode).shape == (3, 5)


@pytest.mark.parametrize(("widths", "wanted"), [((-1, 2), [1, 2, 1, 2]), ((1, -1), [1, 0, 1]), ((-1, -1), [1])])
def test_circular_padding_crops_first(widths, wanted):
    assert F.pad(tl.arange(3), widths, "circular").tolist() == wanted
