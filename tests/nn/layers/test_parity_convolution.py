"""Convolutions and their transposes against PyTorch's, over shapes, strides, paddings, dilations and groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from strategies import numbers

torch = pytest.importorskip("torch")

from torch_parity import Array, agree, dtypes, examples  # noqa: E402 - it needs torch

pytestmark = pytest.mark.parity

F, TF = nn.functional, torch.nn.functional


@st.composite
def settings_of(draw: Any, axes: int, transposed: bool = False) -> dict[str, Any]:
    """Settings of a layer, each an int or a tuple; the padding also a word."""

    def each(low: int, high: int) -> Any:
        numbers = tuple(draw(st.integers(low, high)) for _ in range(axes))
        return numbers[0] if draw(st.booleans()) else numbers

    groups = draw(st.sampled_from([1, 1, 2]))
    settings = {
        "in_channels": groups * draw(st.integers(1, 2)),
        "out_channels": groups * draw(st.integers(1, 2)),
        "kernel_size": each(1, 3),
        "stride": each(1, 3),
        "padding": each(0, 2),
        "dilation": each(1, 2),
        "groups": groups,
        "bias": draw(st.booleans()),
    }
    if transposed:
        stride = np.min(settings["stride"])
        settings["output_padding"] = draw(st.integers(0, max(int(stride), int(np.min(settings["dilation"]))) - 1))
    else:
        settings["padding"] = draw(st.sampled_from([settings["padding"], settings["padding"], "same", "valid"]))
        if settings["padding"] == "same":
            settings["stride"] = 1
    return settings


def images(draw: Any, channels: int, axes: int, least: int = 5, most: int = 8) -> Array:
    """A batch of one to three, or one image without the batch axis."""
    sizes = [draw(st.integers(least, most)) for _ in range(axes)]
    batch = draw(st.sampled_from([(), (1,), (2,), (3,)]))
    return draw(numbers((*batch, channels, *sizes)))  # type: ignore[no-any-return]


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # PyTorch copies where one side gets more
@pytest.mark.parametrize("axes", [1, 2])
@examples
@given(data=st.data(), dtype=dtypes)
def test_conv(axes: int, data: st.DataObject, dtype: str) -> None:
    settings = data.draw(settings_of(axes))
    x = images(data.draw, settings["in_channels"], axes)
    name = f"Conv{axes}d"
    agree(getattr(nn, name)(**settings), getattr(torch.nn, name)(**settings), x, dtype=dtype)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@examples
@given(data=st.data(), dtype=dtypes)
def test_conv_with_its_own_numbers_as_padding(axes: int, mode: str, data: st.DataObject, dtype: str) -> None:
    settings = {**data.draw(settings_of(axes)), "padding_mode": mode}
    x = images(data.draw, settings["in_channels"], axes)
    name = f"Conv{axes}d"
    agree(getattr(nn, name)(**settings), getattr(torch.nn, name)(**settings), x, dtype=dtype)


@pytest.mark.parametrize("axes", [1, 2])
@examples
@given(data=st.data(), dtype=dtypes)
def test_conv_transpose(axes: int, data: st.DataObject, dtype: str) -> None:
    settings = data.draw(settings_of(axes, transposed=True))
    x = images(data.draw, settings["in_channels"], axes, 5, 6)
    name = f"ConvTranspose{axes}d"
    agree(getattr(nn, name)(**settings), getattr(torch.nn, name)(**settings), x, dtype=dtype)


@pytest.mark.parametrize("axes", [1, 2])
@examples
@given(data=st.data(), extra=st.integers(0, 2))
def test_an_output_size_is_reached(axes: int, data: st.DataObject, extra: int) -> None:
    x = images(data.draw, 2, axes, 3, 5)
    arguments = (2, 3, 3, 3, 1)
    ours, theirs = (getattr(module, f"ConvTranspose{axes}d")(*arguments) for module in (nn, torch.nn))
    size = [3 * (n - 1) - 2 + 2 + 1 + extra for n in x.shape[-axes:]]
    inner, outer = ours.forward, theirs.forward
    ours.forward = lambda x: inner(x, size)
    theirs.forward = lambda x: outer(x, size)
    agree(ours, theirs, x, dtype="float64")


@examples
@given(data=st.data(), dtype=dtypes)
def test_unfold_and_fold(data: st.DataObject, dtype: str) -> None:
    x = images(data.draw, 2, 2)
    draw = data.draw(settings_of(2))
    padding = 1 if isinstance(draw["padding"], str) else draw["padding"]
    arguments = (draw["kernel_size"], draw["dilation"], padding, draw["stride"])
    agree(nn.Unfold(*arguments), torch.nn.Unfold(*arguments), x, dtype=dtype)
    columns = F.unfold(tl.tensor(x), *arguments).numpy()
    agree(nn.Fold(x.shape[-2:], *arguments), torch.nn.Fold(x.shape[-2:], *arguments), columns, dtype=dtype)


@pytest.mark.parametrize("name", ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"])
@examples
@given(data=st.data())
def test_second_derivatives(name: str, data: st.DataObject) -> None:
    """As of the penalty on a gradient's length that some GANs use."""
    axes = int(name[-2])
    x, w, b = (data.draw(numbers(shape)) for shape in ((2, 2) + (5,) * axes, (2, 2) + (3,) * axes, (2,)))
    settings = {"stride": data.draw(st.integers(1, 2)), "padding": data.draw(st.integers(0, 1))}

    def penalty(grad: Any, function: Any, x: Any, w: Any, b: Any) -> Any:
        (gradient,) = grad((function(x, w, b, **settings) ** 3).sum(), x, create_graph=True)
        return (gradient * gradient).sum()

    agree(
        lambda *a: penalty(tl.grad, getattr(F, name), *a),
        lambda *a: penalty(torch.autograd.grad, getattr(TF, name), *a),
        *(x, w, b),
        dtype="float64",
    )


@pytest.mark.parametrize("name", ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"])
def test_state_dict_and_text_are_pytorchs(name: str) -> None:
    for settings in ({}, {"stride": 2, "padding": 1, "dilation": 2, "groups": 2, "bias": False}):
        ours, theirs = (getattr(module, name)(2, 4, 3, **settings) for module in (nn, torch.nn))
        assert repr(ours) == repr(theirs)
        assert {key: x.shape for key, x in ours.state_dict().items()} == {
            key: tuple(x.shape) for key, x in theirs.state_dict().items()
        }
