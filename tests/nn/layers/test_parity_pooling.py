"""Pooling, padding and resizing against PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from strategies import distinct, integers, numbers

torch = pytest.importorskip("torch")

from torch_parity import Array, agree, dtypes, examples  # noqa: E402 - it needs torch

pytestmark = pytest.mark.parity

F, TF = nn.functional, torch.nn.functional


@st.composite
def images(draw: Any, axes: int, ties: bool = False) -> Array:
    """A batch of sequences or images with two channels, or one without the batch axis."""
    shape = (*draw(st.sampled_from([(), (1,), (3,)])), 2, *(draw(st.integers(4, 8)) for _ in range(axes)))
    return np.asarray(draw(integers(shape, 0, 4)) * 1.0 if ties else draw(distinct(shape)))


@st.composite
def windows(draw: Any, axes: int) -> dict[str, Any]:
    """Settings of pooling, each an int, a tuple or left out."""

    def each(low: int, high: int) -> Any:
        numbers = tuple(draw(st.integers(low, high)) for _ in range(axes))
        return numbers[0] if draw(st.booleans()) else numbers

    size = each(1, 4)
    settings = {"kernel_size": size, "padding": draw(st.integers(0, int(np.min(size)) // 2))}
    if draw(st.booleans()):
        settings["stride"] = each(1, 3)
    settings["ceil_mode"] = draw(st.booleans())
    return settings


def twins(name: str, **settings: Any) -> tuple[Any, Any]:
    return getattr(nn, name)(**settings), getattr(torch.nn, name)(**settings)


@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("ties", [False, True])
@examples
@given(data=st.data(), dtype=dtypes)
def test_max_pool(axes: int, ties: bool, data: st.DataObject, dtype: str) -> None:
    """Also with ties, where the first element gets the whole gradient."""
    settings = data.draw(windows(axes))
    if np.max(settings["kernel_size"]) <= 2 and data.draw(st.booleans()):
        settings["dilation"] = 2
    settings["return_indices"] = data.draw(st.booleans())
    agree(*twins(f"MaxPool{axes}d", **settings), data.draw(images(axes, ties)), dtype=dtype)


@pytest.mark.parametrize("axes", [1, 2])
@examples
@given(data=st.data(), dtype=dtypes)
def test_avg_pool(axes: int, data: st.DataObject, dtype: str) -> None:
    settings = data.draw(windows(axes))
    settings["count_include_pad"] = data.draw(st.booleans())
    if axes == 2:
        settings["divisor_override"] = data.draw(st.sampled_from([None, None, 3]))
    agree(*twins(f"AvgPool{axes}d", **settings), data.draw(images(axes)), dtype=dtype)


@pytest.mark.parametrize("kind", ["Avg", "Max"])
@pytest.mark.parametrize("axes", [1, 2])
@examples
@given(data=st.data(), dtype=dtypes)
def test_adaptive_pool(kind: str, axes: int, data: st.DataObject, dtype: str) -> None:
    sizes = tuple(data.draw(st.integers(1, 9)) for _ in range(axes))
    size = data.draw(st.sampled_from([1, sizes[0], sizes] if axes == 1 else [1, sizes[0], sizes, (None, sizes[0])]))
    x = data.draw(images(axes, ties=kind == "Max"))
    settings = {"return_indices": True} if kind == "Max" and data.draw(st.booleans()) else {}
    agree(*twins(f"Adaptive{kind}Pool{axes}d", output_size=size, **settings), x, dtype=dtype)


@pytest.mark.parametrize("kind", ["Zero", "Constant", "Reflection", "Replication", "Circular"])
@pytest.mark.parametrize("axes", [1, 2])
@examples
@given(data=st.data(), dtype=dtypes)
def test_pad(kind: str, axes: int, data: st.DataObject, dtype: str) -> None:
    padding = data.draw(st.integers(0, 3) | st.lists(st.integers(0, 3), min_size=2 * axes, max_size=2 * axes))
    settings = {"padding": padding if isinstance(padding, int) else tuple(padding)}
    if kind == "Constant":
        settings["value"] = 1.5
    agree(*twins(f"{kind}Pad{axes}d", **settings), data.draw(images(axes)), dtype=dtype)


@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("linear", [False, True])
@examples
@given(data=st.data(), dtype=dtypes)
def test_upsample(axes: int, linear: bool, data: st.DataObject, dtype: str) -> None:
    x = data.draw(numbers((2, 3, *(data.draw(st.integers(1, 5)) for _ in range(axes)))))
    sizes = tuple(data.draw(st.integers(1, 9)) for _ in range(axes))
    asked = data.draw(st.sampled_from(["scale", "size", "sizes"]))
    settings: dict[str, Any] = {
        "scale": {"scale_factor": data.draw(st.sampled_from([1, 2, 3, 1.5, 2.7]))},
        "size": {"size": sizes[0]},
        "sizes": {"size": sizes},
    }[asked]
    if linear:
        settings |= {"mode": "bilinear" if axes == 2 else "linear", "align_corners": data.draw(st.booleans())}
    if asked == "scale" and data.draw(st.booleans()):
        settings["recompute_scale_factor"] = True
    agree(*twins("Upsample", **settings), x, dtype=dtype)


@examples
@given(data=st.data(), dtype=dtypes, r=st.integers(1, 3))
def test_pixel_shuffle(data: st.DataObject, dtype: str, r: int) -> None:
    batch = data.draw(st.sampled_from([(), (2,), (2, 1)]))
    agree(*twins("PixelShuffle", upscale_factor=r), data.draw(numbers((*batch, 2 * r * r, 3, 2))), dtype=dtype)
    agree(*twins("PixelUnshuffle", downscale_factor=r), data.draw(numbers((*batch, 2, 3 * r, 2 * r))), dtype=dtype)


def test_texts_are_pytorchs() -> None:
    for name, arguments in (
        ("MaxPool1d", (2,)),
        ("MaxPool2d", ((2, 3), 1)),
        ("AvgPool1d", (2,)),
        ("AvgPool2d", (2, 1, 1)),
        ("AdaptiveAvgPool2d", ((1, 1),)),
        ("AdaptiveMaxPool1d", (4,)),
        ("ZeroPad2d", (1,)),
        ("ConstantPad1d", (1, 0.5)),
        ("ReflectionPad2d", ((1, 0, 2, 0),)),
        ("Upsample", (None, 2)),
        ("Upsample", (None, 2, "bilinear", True)),
        ("UpsamplingBilinear2d", (3,)),
        ("PixelShuffle", (2,)),
        ("Unfold", (2,)),
        ("Fold", (4, 2)),
        ("Dropout", ()),
        ("Dropout2d", (0.2,)),
        ("ReLU", (True,)),
        ("LeakyReLU", (0.2, True)),
        ("Hardtanh", ()),
    ):
        assert repr(getattr(nn, name)(*arguments)) == repr(getattr(torch.nn, name)(*arguments))
