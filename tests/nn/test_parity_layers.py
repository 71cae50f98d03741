"""Layers and losses against PyTorch's over their settings, shapes and dtypes: outputs and all gradients are equal.

A case draws a layer: its name, its settings and its inputs. Both layers get the same weights. The layers that
PyTorch's own samples hold well enough (Linear, norms of rows, padding, ...) are in torch/test_parity_samples.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from strategies import distinct, integers, numbers, shapes

torch = pytest.importorskip("torch")

from torch_parity import Array, agree, close, dtypes, examples, to_torch  # noqa: E402 - it needs torch

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore:Using padding='same'", "ignore:reduction:")]

F, TF = nn.functional, torch.nn.functional
Drawn = tuple[str, dict[str, Any], list[Array]]  # a name, settings and inputs
sizes = st.integers(1, 5)
batches = shapes(max_dims=2)
reductions = st.sampled_from(["mean", "sum", "none"])


def twins(name: str, settings: dict[str, Any], dtype: str = "float64") -> tuple[Any, Any]:
    """Our layer and PyTorch's; arrays among the settings are tensors of each library."""
    ours = {key: tl.tensor(x, dtype=dtype) if isinstance(x, np.ndarray) else x for key, x in settings.items()}
    theirs = {key: torch.tensor(x.astype(dtype)) if isinstance(x, np.ndarray) else x for key, x in settings.items()}
    return getattr(nn, name)(**ours), getattr(torch.nn, name)(**theirs)


# --- sequences and images -----------------------------------------------------------------------------------


def each(draw: Any, axes: int, low: int, high: int) -> Any:
    """A setting for each axis: an int, or a tuple."""
    drawn = tuple(draw(st.integers(low, high)) for _ in range(axes))
    return drawn[0] if draw(st.booleans()) else drawn


def images(draw: Any, axes: int, channels: int = 2, least: int = 4, most: int = 8, ties: bool = False) -> Array:
    """A batch of one or three sequences or images, or one without the batch axis."""
    shape = (*draw(st.sampled_from([(), (1,), (3,)])), channels, *(draw(st.integers(least, most)) for _ in range(axes)))
    return np.asarray(draw(integers(shape, 0, 4)) * 1.0 if ties else draw(distinct(shape)))


@st.composite
def pooling(draw: Any, kind: str, axes: int, ties: bool = False) -> Drawn:
    size = each(draw, axes, 1, 4)
    settings = {"kernel_size": size, "padding": draw(st.integers(0, int(np.min(size)) // 2))}
    settings["ceil_mode"] = draw(st.booleans())
    if draw(st.booleans()):
        settings["stride"] = each(draw, axes, 1, 3)
    if kind == "Avg":
        settings["count_include_pad"] = draw(st.booleans())
        settings |= {"divisor_override": draw(st.sampled_from([None, None, 3]))} if axes == 2 else {}
    else:
        settings["return_indices"] = draw(st.booleans())
        settings |= {"dilation": 2} if np.max(size) <= 2 and draw(st.booleans()) else {}
    return f"{kind}Pool{axes}d", settings, [images(draw, axes, ties=ties)]


@st.composite
def adaptive_pooling(draw: Any, kind: str, axes: int) -> Drawn:
    wanted = tuple(draw(st.integers(1, 9)) for _ in range(axes))
    size = draw(st.sampled_from([1, wanted[0], wanted, *([(None, wanted[0])] if axes == 2 else [])]))
    return f"Adaptive{kind}Pool{axes}d", {"output_size": size}, [images(draw, axes, ties=kind == "Max")]


@st.composite
def convolution(draw: Any, axes: int, transposed: bool = False, mode: str = "zeros") -> Drawn:
    groups = draw(st.sampled_from([1, 1, 2]))
    settings = {
        "in_channels": groups * draw(st.integers(1, 2)), "out_channels": groups * draw(st.integers(1, 2)),
        "kernel_size": each(draw, axes, 1, 3), "stride": each(draw, axes, 1, 3), "padding": each(draw, axes, 0, 2),
        "dilation": each(draw, axes, 1, 2), "groups": groups, "bias": draw(st.booleans()),
    }  # fmt: skip
    if transposed:
        largest = max(int(np.min(settings["stride"])), int(np.min(settings["dilation"])))
        settings["output_padding"] = draw(st.integers(0, largest - 1))
    elif (word := draw(st.sampled_from(["", "", "same", "valid"]))) != "":
        settings |= {"padding": word, "stride": 1} if word == "same" else {"padding": word}
    settings |= {} if transposed else {"padding_mode": mode}
    x = images(draw, axes, settings["in_channels"], 5, 6 if transposed else 8)
    return f"Conv{'Transpose' * transposed}{axes}d", settings, [x]


@st.composite
def windows(draw: Any, name: str) -> Drawn:
    settings = {key: each(draw, 2, *least) for key, least in (("kernel_size", (1, 3)), ("stride", (1, 3)))}
    settings |= {"padding": each(draw, 2, 0, 2), "dilation": each(draw, 2, 1, 2)}
    x = images(draw, 2, least=5)
    if name == "Unfold":
        return name, settings, [x]
    return name, {"output_size": x.shape[-2:], **settings}, [F.unfold(tl.tensor(x), **settings).numpy()]


# --- rows ---------------------------------------------------------------------------------------------------


@st.composite
def embedding(draw: Any) -> Drawn:
    rows = draw(sizes)
    settings = {"num_embeddings": rows, "embedding_dim": draw(sizes)}
    if draw(st.booleans()):
        settings["padding_idx"] = draw(st.integers(-rows, rows - 1))
    else:
        settings |= {"max_norm": 0.7, "norm_type": draw(st.sampled_from([1.0, 2.0, np.inf]))}
    return "Embedding", settings, [draw(integers(draw(batches), 0, rows))]


# --- losses -------------------------------------------------------------------------------------------------


@st.composite
def of_classes(draw: Any, name: str, probabilities: bool = False) -> Drawn:
    """Scores (4,), (N, 4), (N, 4, d) or (N, 4, d, e); of class numbers some or all may be ignored."""
    batch = draw(shapes(max_dims=3, min_side=1))
    x = draw(numbers((*batch[:1], 4, *batch[1:]), low=-4, high=0 if name == "NLLLoss" else 4))
    weight = draw(st.none() | numbers((4,), low=0.2, high=3))
    if weight is not None and draw(st.booleans()):
        weight[1] = 0
    settings = {"reduction": draw(reductions), "weight": weight}
    settings |= {"label_smoothing": draw(st.sampled_from([0.0, 0.1, 1.0]))} if name == "CrossEntropyLoss" else {}
    if probabilities:
        return name, settings, [x, draw(numbers(x.shape, low=0, high=1))]
    ignored = draw(st.sampled_from([-100, 2, -1]))
    target = draw(integers(batch, 0, 4))
    share = draw(st.sampled_from([0, 0.5, 1]))
    target = np.where(np.random.default_rng(int(target.sum())).random(batch) < share, ignored, target)
    return name, {"ignore_index": ignored, **settings}, [x, np.asarray(target)]


CASES: dict[str, st.SearchStrategy[Drawn]] = {
    "Embedding": embedding(), "CrossEntropyLoss of probabilities": of_classes("CrossEntropyLoss", True),
    **{name: of_classes(name) for name in ("CrossEntropyLoss", "NLLLoss")},
    **{name: windows(name) for name in ("Unfold",)},
}  # fmt: skip
for n in (1, 2):
    CASES |= {
        f"MaxPool{n}d": pooling("Max", n), f"MaxPool{n}d of ties": pooling("Max", n, True),
        f"AvgPool{n}d": pooling("Avg", n), f"ConvTranspose{n}d": convolution(n, True),
        **{f"Conv{n}d, {mode}": convolution(n, mode=mode) for mode in ("zeros", "reflect", "replicate", "circular")},
        **{f"Adaptive{kind}Pool{n}d": adaptive_pooling(kind, n) for kind in ("Avg", "Max")},
    }  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@examples
@given(data=st.data(), dtype=dtypes)
def test_outputs_and_gradients_are_pytorchs(case: Any, data: st.DataObject, dtype: str) -> None:
    name, settings, inputs = data.draw(case)
    ours, theirs = twins(name, settings, dtype)
    for parameter in ours.parameters():
        nn.init.normal_(parameter)
    agree(ours, theirs, *inputs, dtype=dtype)


# --- where formulas taken literally fail --------------------------------------------------------------------

KINKS = [0.0, -0.0, 0.5, -0.5, 1, -1, 2, 6, -6, 10, 19.99, 20.01]
EXTREMES = np.array([*KINKS, -20, 40, -40, 90, -90, 710, -750, 1e4, -1e4])
LARGE = np.repeat([0, 20, -20, 100, -100, 1e4, -1e4], 2)
AROUND, ZEROS = np.linspace(-3, 3, 1201), np.zeros(1201)
# where a logarithm is clamped to -100, and the gradient is bounded; the one by the target is inf in PyTorch
P, Y = np.array([0, 0, 0, 1, 1, 1, 1e-30, 1e-30, 1e-44, 1e-44, 1e-11, 1e-11]), np.array([0, 1, 0.5, 0, 1, 0.5] * 2)
NONE = {"reduction": "none"}
ALONE: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in ("Identity", "Sigmoid", "LogSigmoid", "Tanh", "ReLU", "ReLU6", "SiLU", "Softsign")),
    *((name, {}) for name in ("Tanhshrink", "SELU", "Mish", "Hardswish", "GELU", "Hardtanh", "ELU")),
    *((name, {}) for name in ("LeakyReLU", "Softplus", "CELU", "Hardshrink", "Softshrink", "PReLU")),
    ("Hardtanh", {"min_val": -0.5, "max_val": 2.0}), ("LeakyReLU", {"negative_slope": 0.2}), ("ELU", {"alpha": 0.5}),
    ("Softplus", {"beta": 2.0}), ("Softplus", {"threshold": 1.0}), ("Softplus", {"beta": 0.5, "threshold": 30.0}),
    ("GELU", {"approximate": "tanh"}), ("CELU", {"alpha": 0.5}), ("Hardshrink", {"lambd": 1.0}),
    ("Softshrink", {"lambd": 1.0}), ("PReLU", {"init": 0.5}),
]  # fmt: skip
EDGES: list[tuple[str, dict[str, Any], list[Array]]] = [
    *((name, settings, [EXTREMES]) for name, settings in ALONE),
    *(("SmoothL1Loss", {"beta": bound, **NONE}, [AROUND, ZEROS]) for bound in (0.5, 1.0, 2.0)),
    *(("HuberLoss", {"delta": bound, **NONE}, [AROUND, ZEROS]) for bound in (0.5, 1.0, 2.0)),
    ("CrossEntropyLoss", NONE, [np.array([[1e4, -1e4, 0], [700, 700, -700], [0, 0, 1e30]]), np.array([1, 0, 2])]),
    ("BCEWithLogitsLoss", NONE, [LARGE, np.tile([0.0, 1.0], 7)]),
    ("BCELoss", NONE, [P, Y]),
    ("KLDivLoss", {"reduction": "sum"}, [np.array([-1.0, -2.0]), np.array([0.0, 1.0])]),
    *(("Dropout", {"p": p}, [KINKS]) for p in (0.0, 1.0)),
    *(
        (name, {"weight": np.array([0.5, 2, 0]), "ignore_index": 1}, [-np.eye(4, 3), np.array([0, 1, 2, 0])])
        for name in ("CrossEntropyLoss", "NLLLoss")
    ),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "settings", "inputs"), EDGES, ids=lambda value: str(value)[:40])
def test_at_kinks_and_extremes(name: str, settings: dict[str, Any], inputs: list[Any], dtype: str) -> None:
    constants = [1] if name in ("BCELoss", "KLDivLoss") else []
    agree(*twins(name, settings, dtype), *map(np.asarray, inputs), dtype=dtype, constants=constants)


# --- layers that change what they are ------------------------------------------------------------------------

LAZY = {
    "LazyLinear(2)": (3, 4), "LazyLinear(2, bias=False)": (4,), "LazyConv1d(4, 2, groups=2)": (3, 2, 5),
    "LazyConv2d(4, (2, 1), padding=1)": (2, 5, 5), "LazyConvTranspose1d(2, 3, 2)": (3, 2, 4),
    "LazyConvTranspose2d(2, 3, bias=False)": (1, 2, 3, 3), "LazyBatchNorm1d()": (4, 3),
    "LazyBatchNorm2d(0.1)": (2, 3, 2, 2),
}  # fmt: skip


@pytest.mark.parametrize("text", LAZY)
def test_a_lazy_layer_is_pytorchs(text: str) -> None:
    """Before and after its first input, or weights from another's state, which wait for no input."""
    x = np.random.default_rng(0).normal(size=LAZY[text]).astype("float32")
    made = [eval(f"nn.{text}", {"nn": module}) for module in (nn, torch.nn, nn)]
    ours, theirs, loaded = made
    before = list(theirs.state_dict())
    assert list(ours.state_dict()) == before and type(ours).__name__ == type(theirs).__name__
    assert [repr(p) for p in ours.parameters()] == [repr(p) for p in theirs.parameters()]
    ours(tl.tensor(x)), theirs(torch.tensor(x))
    assert type(ours).__name__ == type(theirs).__name__ and repr(ours).split("bias")[0] == repr(theirs).split("bias")[0]
    assert list(ours.state_dict()) == list(theirs.state_dict()) == before
    loaded.load_state_dict(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    for module in (ours, loaded, theirs):
        module.eval()
    agree(ours, theirs, x, dtype="float32")
    close(loaded(tl.tensor(x)), theirs(torch.tensor(x)), text, "float32")


@pytest.mark.parametrize(("text", "dim"), [("Linear(3, 2)", 0), ("Linear(3, 2)", None), ("Conv2d(2, 3, 2)", 1)])
@pytest.mark.filterwarnings("ignore:.*weight_norm")
def test_weight_norm_is_pytorchs(text: str, dim: int | None) -> None:
    ours, theirs = (module.utils.weight_norm(eval(f"nn.{text}", {"nn": module}), dim=dim) for module in (nn, torch.nn))
    assert repr(ours) == repr(theirs)
    shapes_of = [{key: tuple(x.shape) for key, x in module.state_dict().items()} for module in (ours, theirs)]
    assert shapes_of[0] == shapes_of[1] and list(shapes_of[0]) == list(shapes_of[1])
    ours.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(0).normal(size=(4, 3) if "Linear" in text else (1, 2, 3, 3))
    agree(ours.double(), theirs.double(), x, dtype="float64")
    for module in (nn, torch.nn):
        module.utils.remove_weight_norm(ours if module is nn else theirs)
    assert list(ours.state_dict()) == ["bias", "weight"] == list(theirs.state_dict())
    close(ours.weight, theirs.weight, "the weight", "float64")


# --- more than one call -------------------------------------------------------------------------------------


STATISTICS = {
    "BatchNorm1d": [(4, 3), (3, 3, 2), (2, 3, 5)],
    "BatchNorm2d": [(2, 3, 2, 3), (1, 3, 4, 2)],
    "InstanceNorm1d": [(2, 3, 4), (3, 4)],
    "InstanceNorm2d": [(2, 3, 2, 3), (3, 4, 2)],
}


@pytest.mark.parametrize(("name", "shape"), [(name, shape) for name in STATISTICS for shape in STATISTICS[name]])
@examples
@given(data=st.data(), dtype=dtypes, momentum=st.sampled_from([0.1, 0.7, None]), tracked=st.booleans())
def test_running_averages(name: str, shape: Any, data: st.DataObject, dtype: str, momentum: Any, tracked: bool) -> None:
    """Three batches in training, and one in evaluation by the averages of these; the state goes both ways."""
    settings = {"eps": data.draw(st.sampled_from([1e-5, 1e-2])), "affine": data.draw(st.booleans())}
    settings |= {"momentum": momentum if name.startswith("Batch") else momentum or 0.1, "track_running_stats": tracked}
    ours, theirs = twins(name, {"num_features": 3, **settings})
    for parameter in ours.parameters():
        nn.init.normal_(parameter)
    for training in (True, True, True, False):
        for module in (ours, theirs):
            module.train(training)
            module.zero_grad()
        agree(ours, theirs, data.draw(distinct(shape)), dtype=dtype)
        buffers = dict(theirs.named_buffers())
        assert [key for key, _ in ours.named_buffers()] == list(buffers)
        for key, buffer in ours.named_buffers():
            close(buffer, buffers[key], key, dtype)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(to_torch(ours.state_dict()))


SHOWN = """
MaxPool1d(2); MaxPool2d((2, 3), 1); AvgPool2d(2, 1, 1); AdaptiveAvgPool2d((1, 1)); AdaptiveMaxPool1d(4)
ZeroPad2d(1); ConstantPad1d(1, 0.5); ReflectionPad2d((1, 0, 2, 0)); Upsample(None, 2); PixelShuffle(2); Unfold(2)
Upsample(None, 2, "bilinear", True); Fold(4, 2); Dropout(); Dropout2d(0.2); ReLU(True)
LeakyReLU(0.2, True); Hardtanh(); Conv1d(2, 4, 3); Conv2d(2, 4, 3, 2, 1, 2, 2, False); ConvTranspose1d(2, 4, 3)
ConvTranspose2d(2, 4, 3, stride=2, padding=1, dilation=2, groups=2, bias=False); LayerNorm(3); RMSNorm([2, 3])
LayerNorm((2, 3), bias=False); LayerNorm(3, elementwise_affine=False); RMSNorm(3, elementwise_affine=False)
Linear(3, 2, bias=False); Sigmoid(); Tanh(); ReLU6(); Hardtanh(-2, 0.2); ELU(0.5); Softplus(2); LogSigmoid(); SiLU()
GELU(); GELU("tanh"); Softsign(); Tanhshrink(); SELU(); CELU(0.5); Mish(); Hardsigmoid(); Hardswish(); Hardshrink(1)
Softshrink(); Softmin(1); Softmax(1); LogSoftmax(1); PReLU(2); Flatten(); Unflatten(1, (2, 3)); Identity()
BatchNorm1d(3); BatchNorm2d(3, affine=False); GroupNorm(1, 3); InstanceNorm2d(3, affine=True); Linear(2, 3)
""".replace("\n", ";").split(";")


@pytest.mark.parametrize("text", [text.strip() for text in SHOWN if text.strip()])
def test_text_and_state_are_pytorchs(text: str) -> None:
    ours, theirs = (eval(f"nn.{text}", {"nn": module}) for module in (nn, torch.nn))
    assert repr(ours) == repr(theirs)
    assert {key: tuple(x.shape) for key, x in ours.state_dict().items()} == {
        key: tuple(x.shape) for key, x in theirs.state_dict().items()
    }
