"""Batch, group and instance normalisation against PyTorch's: outputs, gradients, running averages, and their keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from strategies import distinct

torch = pytest.importorskip("torch")

from torch_parity import agree, close, dtypes, examples, to_torch  # noqa: E402 - it needs torch

pytestmark = pytest.mark.parity

SHAPES = {
    "BatchNorm1d": [(4, 3), (3, 3, 2), (2, 3, 5)],
    "BatchNorm2d": [(2, 3, 2, 3), (1, 3, 4, 2)],
    "InstanceNorm1d": [(2, 3, 4), (3, 4)],
    "InstanceNorm2d": [(2, 3, 2, 3), (3, 4, 2)],
}
CASES = [(name, shape) for name, shapes in SHAPES.items() for shape in shapes]


@st.composite
def settings(draw: Any) -> dict[str, Any]:
    return {
        "eps": draw(st.sampled_from([1e-5, 1e-2])),
        "momentum": draw(st.sampled_from([0.1, 0.7])),
        "affine": draw(st.booleans()),
        "track_running_stats": draw(st.booleans()),
    }


@pytest.mark.parametrize(("name", "shape"), CASES, ids=str)
@examples
@given(data=st.data(), dtype=dtypes, chosen=settings())
def test_in_training_and_in_evaluation(name: str, shape: Any, data: st.DataObject, dtype: str, chosen: Any) -> None:
    """Three batches in training, and one in evaluation by the averages of these."""
    if name.startswith("Batch") and data.draw(st.booleans()):
        chosen["momentum"] = None
    ours, theirs = (getattr(module, name)(3, **chosen) for module in (nn, torch.nn))
    for parameter in ours.parameters():
        nn.init.normal_(parameter)
    for training in (True, True, True, False):
        ours.train(training)
        theirs.train(training)
        ours.zero_grad()
        theirs.zero_grad()
        agree(ours, theirs, data.draw(distinct(shape)), dtype=dtype)
        buffers = dict(theirs.named_buffers())
        assert [key for key, _ in ours.named_buffers()] == list(buffers)
        for key, buffer in ours.named_buffers():
            close(buffer, buffers[key], key, dtype)
    assert list(ours.state_dict()) == list(theirs.state_dict())


@examples
@given(data=st.data(), dtype=dtypes, groups=st.integers(1, 3), affine=st.booleans())
def test_group_norm(data: st.DataObject, dtype: str, groups: int, affine: bool) -> None:
    channels = groups * data.draw(st.integers(1, 2))
    x = data.draw(distinct((2, channels, *data.draw(st.sampled_from([(4,), (2, 3)])))))
    ours, theirs = (module.GroupNorm(groups, channels, affine=affine) for module in (nn, torch.nn))
    for parameter in ours.parameters():
        nn.init.normal_(parameter)
    agree(ours, theirs, x, dtype=dtype)


@pytest.mark.parametrize("training", [True, False])
def test_second_derivatives_of_batch_norm(training: bool) -> None:
    x = np.random.default_rng(0).normal(size=(3, 2, 2, 2))
    w, b = np.array([0.5, 2.0]), np.array([1.0, -1.0])

    def penalty(module: Any, grad: Any, F: Any, x: Any, w: Any, b: Any) -> Any:
        mean, var = module.tensor([0.5, 0.1], dtype=x.dtype), module.tensor([2.0, 0.5], dtype=x.dtype)
        y = F.batch_norm(x, mean, var, w, b, training)
        gradients = grad((y**3).sum(), (x, w), create_graph=True)
        return sum((g * g).sum() for g in gradients)

    agree(
        lambda *a: penalty(tl, tl.grad, nn.functional, *a),
        lambda *a: penalty(torch, torch.autograd.grad, torch.nn.functional, *a),
        *(x, w, b),
        dtype="float64",
    )


def test_a_state_goes_both_ways() -> None:
    ours, theirs = nn.BatchNorm2d(3), torch.nn.BatchNorm2d(3)
    ours(tl.randn(4, 3, 2, 2))
    theirs.load_state_dict(to_torch(ours.state_dict()))
    theirs(torch.randn(4, 3, 2, 2))
    ours.load_state_dict(theirs.state_dict())
    assert ours.num_batches_tracked.item() == 2
    assert ours.running_var.tolist() == theirs.running_var.tolist()
