"""One table of layers and losses: how each is made, and inputs. It drives what all of them keep: the gradient is right,
twice; float32 stays float32; rows do not mix; kernels and definitions agree; it runs on a GPU's arrays without waiting
for them; and, where PyTorch is installed, text, state, outputs and gradients are its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import nn
import tinygrad_lecture as tl
from modules import shuffled
from numeric import assert_close
from strict_cupy import no_synchronisation

Array = NDArray[Any]
N = 3


def normal(*shape: int, seed: int = 0) -> Array:
    """Normal numbers, none of them at a kink."""
    return np.random.default_rng(seed).normal(size=shape) + 0.01


def chances(*shape: int, seed: int = 0) -> Array:
    """Numbers between 0.05 and 0.95."""
    return np.random.default_rng(seed).uniform(0.05, 0.95, shape)


X, Y, IMAGES = normal(N, 3), normal(N, 3, seed=1), normal(2, 1, 3, 4)
TOKENS = np.array([[0, 5], [1, 1], [5, 2]])
LABELS, SOME_IGNORED = np.array([0, 3, 1]), np.array([0, -100, 3])
WEIGHT = "tensor([0.5, 1.0, 2.0, 0.0])"

ACTIVATIONS = """
Identity(); Sigmoid(); LogSigmoid(); Tanh(); ReLU(); ReLU6(); LeakyReLU(0.2); ELU(0.5)
Softplus(); Softplus(2.0); Softplus(0.5, 30.0); SiLU(); GELU(); GELU("tanh"); """.replace("\n", ";").split(";")
ACTIVATIONS = [text.strip() for text in ACTIVATIONS if text.strip()]

LAYERS: dict[str, Array] = {
    **dict.fromkeys(ACTIVATIONS, 2 * normal(N, 2)),
    "Linear(4, 3)": normal(N, 4),
    "Linear(4, 3, bias=False)": normal(2, 3, 4),
    "Sequential(Linear(4, 4), ReLU(inplace=True))": normal(N, 4),
    "Embedding(6, 3)": TOKENS,
    "Embedding(6, 3, padding_idx=5)": TOKENS,
    "LayerNorm(4)": normal(N, 4),
    "LayerNorm((3, 4), bias=False)": normal(N, 3, 4),
    "LayerNorm(4, elementwise_affine=False)": normal(N, 4),
    "RMSNorm(4)": normal(N, 4),
    "GroupNorm(2, 4)": normal(2, 4, 3),
    "InstanceNorm2d(2, affine=True)": normal(2, 2, 2, 3),
    "BatchNorm1d(2).eval()": normal(2, 2, 3),
    "BatchNorm2d(2, affine=False).eval()": normal(2, 2, 2, 2),
    "Dropout(0.3).eval()": normal(N, 4),
    "Dropout2d(0.3).eval()": normal(2, 2, 2, 2),
    "Softmax(1)": normal(N, 4),
    "LogSoftmax(-1)": normal(N, 4),
    "Flatten()": normal(N, 2, 3),
    "Unflatten(1, (2, -1))": normal(N, 6),
    "Conv1d(2, 4, 3, stride=2, padding=1, groups=2)": normal(2, 2, 6),
    "Conv1d(2, 3, 2, padding='same', padding_mode='replicate')": normal(2, 2, 5),
    "Conv2d(2, 3, (3, 2), padding=(1, 0), dilation=(1, 2))": normal(2, 2, 4, 4),
    "Conv2d(1, 2, 3, padding='same', padding_mode='circular')": normal(2, 1, 3, 4),
    "Conv2d(2, 4, 3, 2, (1, 2), 1, 2, False, 'reflect')": normal(2, 2, 3, 3),
    "ConvTranspose1d(2, 2, 3, stride=2, groups=2)": normal(2, 2, 3),
    "ConvTranspose2d(2, 1, 3, 2, 1, 1)": normal(2, 2, 2, 3),
    "ConvTranspose2d(2, 1, (2, 3), padding=(0, 1), dilation=2, bias=False)": normal(2, 2, 2, 3),
    "MaxPool1d(3, 2, 1)": normal(2, 2, 5),
    "MaxPool2d(2, ceil_mode=True)": IMAGES,
    "MaxPool2d((2, 1), (1, 2), dilation=2)": IMAGES,
    "AvgPool1d(2)": normal(2, 2, 4),
    "AvgPool2d(3, 2, 1, count_include_pad=False)": IMAGES,
    "AvgPool2d(2, 1, 1, True, divisor_override=3)": IMAGES,
    "AdaptiveAvgPool1d(2)": normal(2, 2, 5),
    "AdaptiveAvgPool2d((2, 3))": IMAGES,
    "AdaptiveAvgPool2d((None, 1))": IMAGES,
    "Unfold((2, 3), 1, 1, 2)": IMAGES,
    "ZeroPad2d(1)": normal(2, 1, 3, 2),
    "ReflectionPad2d((1, 0, 2, 0))": normal(2, 1, 3, 2),
    "Upsample(scale_factor=2)": normal(2, 2, 3, 2),
    "Upsample((4, 5), mode='bilinear')": normal(2, 1, 3, 2),
    "Upsample(None, 2, 'bilinear', True)": normal(2, 1, 2, 2),
    "PixelShuffle(2)": normal(2, 4, 2, 2),
    "RNN(1, 1, batch_first=True, bidirectional=True)": normal(2, 2, 1),
    "GRU(1, 2, batch_first=True)": normal(2, 2, 1),
    "LSTM(1, 2, batch_first=True)": normal(2, 2, 1),
    "RNNCell(2, 2)": normal(N, 2),
    "GRUCell(2, 2)": normal(N, 2),
    "LSTMCell(1, 2, bias=False)": normal(N, 1),
    "TransformerEncoderLayer(2, 1, 2, 0.0, 'gelu', batch_first=True)": normal(2, 2, 2),
}
MIXING: dict[str, Array] = {  # the rows of a batch have an influence on each other
    "BatchNorm1d(3)": X,
    "BatchNorm2d(2, momentum=None)": normal(2, 2, 2, 2),
}
LOSSES: dict[str, tuple[Array, Array]] = {
    "MSELoss()": (X, Y),
    "L1Loss(reduction='sum')": (X, Y),
    "HuberLoss(delta=0.5)": (X, Y),
    "SmoothL1Loss(beta=0.5, reduction='none')": (X, Y),
    "CrossEntropyLoss()": (normal(N, 4), LABELS),
    f"CrossEntropyLoss({WEIGHT}, label_smoothing=0.2)": (normal(N, 4), SOME_IGNORED),
    "CrossEntropyLoss(ignore_index=1, reduction='sum')": (normal(N, 4), np.ones(N, int)),  # all of them
    "CrossEntropyLoss(label_smoothing=0.1)": (normal(N, 4, 2), LABELS[:, None] * [1, 0]),
    f"CrossEntropyLoss({WEIGHT}, label_smoothing=0.3)": (normal(N, 4), chances(N, 4)),
    "CrossEntropyLoss(reduction='none')": (normal(4), np.array(2)),
    f"NLLLoss({WEIGHT})": (-chances(N, 4), SOME_IGNORED),
    "NLLLoss(reduction='sum')": (-chances(N, 4, 2), LABELS[:, None] * [1, 0]),
    "BCELoss(tensor([1.0, 2.0]))": (chances(N, 2), chances(N, 2, seed=1)),
    "BCEWithLogitsLoss(tensor([1.0, 2.0]), pos_weight=tensor(3.0))": (normal(N, 2), chances(N, 2)),
    "KLDivLoss(reduction='batchmean')": (-chances(N, 3, seed=1), chances(N, 3)),
    "KLDivLoss(log_target=True, reduction='sum')": (-chances(N, 3), Y),
}
OWN: dict[str, Any] = {"MLP([2, 3, 1], Tanh)": normal(N, 2)}  # PyTorch has none
ALL: dict[str, Any] = {**LAYERS, **MIXING, **LOSSES, **OWN}


def each(rows: Sequence[str] | dict[str, Any]) -> Any:
    """Parametrise a test over rows of the table."""
    return pytest.mark.parametrize("text", rows)


def made(text: str, library: Any = nn, engine: Any = tl) -> Any:
    """The layer that a text makes, of this library or of PyTorch."""
    return eval(text, {**vars(library), "tensor": engine.tensor})


def prepared(text: str, dtype: Any = tl.float64, device: str = "cpu") -> tuple[nn.Module, list[tl.Tensor]]:
    """(the layer with random parameters, its inputs); float inputs require grad."""
    given = ALL[text] if isinstance(ALL[text], tuple) else (ALL[text],)
    inputs = [tl.tensor(x, dtype=dtype if x.dtype.kind == "f" else None, device=device) for x in given]
    return shuffled(made(text), dtype, device, 1.0), [x.requires_grad_(x.is_floating_point()) for x in inputs]


def first(result: Any) -> tl.Tensor:
    """The first Tensor that a layer returns: the output, without the state."""
    return first(result[0]) if isinstance(result, tuple) else result


# the gradient of padding is 0 on purpose; a block is checked in test_tokens.py, by fewer of its many parameters
@each([text for text in ALL if "padding_idx" not in text and "Transformer" not in text])
def test_gradients_are_right(text: str) -> None:
    """By inputs and parameters, against finite differences; of formulas of nn's own, the second order too."""
    module, inputs = prepared(text)
    parameters, n = dict(module.named_parameters()), len(inputs)

    def run(*values: tl.Tensor) -> tl.Tensor:
        return first(nn.functional_call(module, dict(zip(parameters, values[n:], strict=True)), values[:n]))

    assert tl.gradcheck(run, [*inputs, *parameters.values()])
    if text in ACTIVATIONS or text in LOSSES or "Cell" in text:
        assert tl.gradgradcheck(run, [*inputs, *parameters.values()])


@each(ALL)
def test_float32_stays_and_it_runs_on_a_gpus_arrays_without_synchronising(text: str) -> None:
    """The same numbers there, forward, backward and backward of the gradients; and by the definitions of fused ops."""

    def results(device: str) -> list[tl.Tensor]:
        module, inputs = prepared(text, tl.float32, device)
        by = [x for x in (*inputs, *module.parameters()) if x.requires_grad]
        with no_synchronisation():
            out = first(module(*inputs))
            firsts = tl.grad((out * out).sum(), by, create_graph=True, allow_unused=True)
            second = tl.grad(sum((g * g).sum() for g in firsts if g is not None), by, allow_unused=True)
        found = [out, *(g for g in (*firsts, *second) if g is not None)]
        assert {(x.device, x.dtype) for x in found} == {(device, np.dtype("float32"))}
        return found

    here = results("cpu")
    for there, x in zip(results("strict"), here, strict=True):
        assert_close(there.detach().cpu().numpy(), x.detach().numpy(), "on the device", 2e-5)
    module, inputs = prepared(text, tl.float32)
    with tl.reference():
        assert_close(first(module(*inputs)).detach(), here[0].detach(), "by definition", 2e-5)


@each({**LAYERS, **OWN})
def test_rows_do_not_mix(text: str) -> None:
    """Permuting the rows permutes the output, and a single row gives its row of the output."""
    module, (x,) = prepared(text)
    out = first(module(x)).detach().numpy()
    assert_close(first(module(x[list(range(len(x)))[::-1]])).detach(), out[::-1], "rows in another order", 1e-12)
    assert_close(first(module(x[1:2])).detach(), out[1:2], "a row alone", 1e-12)


@each([text for text in ALL if text != "Identity()"])
def test_a_tuple_or_list_of_tensors_is_no_input(text: str) -> None:
    """As from an RNN, which returns (output, state): it would be stacked."""
    module, (x, *others) = prepared(text)
    for several in ((x, x), [x.detach(), x.detach()]):
        with pytest.raises(TypeError, match=r"one tensor, not a .*\(output, state\); take its first"):
            module(several, *others)


@each({**LAYERS, **MIXING})
def test_the_input_may_be_named_as_in_pytorch(text: str) -> None:
    module, (x,) = prepared(text)
    name = "src" if "Transformer" in text else "input"
    assert first(module.eval()(**{name: x})).tolist() == first(module(x)).tolist()


@pytest.mark.parametrize("device", ["cpu", "strict"])
def test_device_and_dtype_arguments(device: str) -> None:
    for text in ALL:
        if "Norm" in text or text.startswith(("Linear", "Embed", "Conv", "MLP", "RNN", "GRU", "LSTM", "Transformer")):
            call = text.removesuffix(".eval()")[:-1] + f", device={device!r}, dtype='float64')"
            assert {(p.device, p.dtype) for p in made(call).parameters()} <= {(device, tl.float64)}


@each([text for text in ALL if "Norm" in text or text.startswith(("Conv", "MaxPool", "Linear", "Tr"))])
def test_outputs_have_a_view_as_one_vector(text: str) -> None:
    """As programs for PyTorch flatten them: out.view(len(out), -1)."""
    module, inputs = prepared(text)
    out = first(module(*inputs))
    assert out.view(-1).shape == (out.numel(),)


def test_float64_in_a_layer_of_float32_is_warned_of():
    for text in ("Linear(4, 3)", "Conv2d(1, 2, 3, padding='same', padding_mode='circular')", "LSTM(1, 2)"):
        x = tl.ones(*{"L": (2, 4), "C": (1, 1, 3, 3)}[text[0]] if "LSTM" not in text else (2, 3, 1), dtype=tl.float64)
        with pytest.warns(UserWarning, match=r"the input is float64 and the weights are float32.*with .float\(\)"):
            made(text)(x)
        made(text).double()(x)
    nn.Linear(3, 2)(tl.ones(4, 3, dtype=tl.int64))


# --- PyTorch's ----------------------------------------------------------------------------------------------


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def compare(torch: Any, text: str, *inputs: Array, dtype: str, constants: Sequence[int] = ()) -> None:
    """Fail unless text, state, outputs and gradients of a layer are PyTorch's."""
    from torch_parity import agree

    ours, theirs = made(text), made(text, torch.nn, torch)
    if "AvgPool1d" not in text and "Transformer" not in text:  # which print a tuple, and a class of its own
        assert repr(ours) == repr(theirs)
    agree(shuffled(ours, dtype, scale=1.0), theirs, *inputs, dtype=dtype, constants=constants)


@pytest.mark.parity
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each({**LAYERS, **MIXING, **LOSSES})
@pytest.mark.filterwarnings("ignore:Using padding='same'", "ignore:enable_nested_tensor")
def test_text_outputs_and_gradients_are_pytorchs(torch: Any, text: str, dtype: str) -> None:
    compare(torch, text, *(ALL[text] if isinstance(ALL[text], tuple) else (ALL[text],)), dtype=dtype)


KINKS = [0.0, -0.0, 0.5, -0.5, 1, -1, 2, 6, -6, 10, 19.99, 20.01]
EXTREMES = np.array([*KINKS, -20, 40, -40, 90, -90, 710, -750, 1e4, -1e4])
LARGE, AROUND = np.repeat([0, 20, -20, 100, -100, 1e4, -1e4], 2), np.linspace(-3, 3, 1201)
# where a logarithm is clamped to -100, and the gradient is bounded; the one by the target is inf in PyTorch
P, TARGETS = (
    np.array([0, 0, 0, 1, 1, 1, 1e-30, 1e-30, 1e-44, 1e-44, 1e-11, 1e-11]),
    np.array([0, 1, 0.5, 0, 1, 0.5] * 2),
)
EDGES: list[tuple[str, list[Array]]] = [
    *((text, [EXTREMES]) for text in ACTIVATIONS),
    *((f"SmoothL1Loss(reduction='none', beta={b})", [AROUND, 0 * AROUND]) for b in (0.5, 2.0)),
    ("HuberLoss(reduction='none')", [AROUND, 0 * AROUND]),
    ("CrossEntropyLoss()", [np.array([[1e4, -1e4, 0], [700, 700, -700], [0, 0, 1e30]]), np.array([1, 0, 2])]),
    ("BCEWithLogitsLoss(reduction='none')", [LARGE, np.tile([0.0, 1.0], 7)]),
    ("BCELoss(reduction='none')", [P, TARGETS]),
    ("KLDivLoss(reduction='sum')", [np.array([-1.0, -2.0]), np.array([0.0, 1.0])]),
    *((f"Dropout({p})", [np.array(KINKS)]) for p in (0.0, 1.0)),
    ("MaxPool2d(2, 1, 1)", [np.ones((1, 1, 3, 3))]),
]  # fmt: skip


@pytest.mark.parity
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("text", "inputs"), EDGES, ids=[text for text, _ in EDGES])
@pytest.mark.filterwarnings("ignore:reduction:")
def test_kinks_and_extremes_are_pytorchs(torch: Any, text: str, inputs: list[Array], dtype: str) -> None:
    compare(torch, text, *inputs, dtype=dtype, constants=[1] if text.startswith(("BCELoss", "KLDivLoss")) else [])


@pytest.mark.parity
@pytest.mark.parametrize("settings", ["momentum=0.7", "momentum=0.1, affine=False", "momentum=None", "eps=0.01"])
@pytest.mark.parametrize(
    ("name", "shape"), [("BatchNorm1d", (4, 3)), ("BatchNorm1d", (2, 3, 5)), ("BatchNorm2d", (2, 3, 2, 2))]
)
def test_running_averages_are_pytorchs(torch: Any, name: str, shape: tuple[int, ...], settings: str) -> None:
    """Three batches in training, and one in evaluation by the averages of these; the state goes both ways."""
    from torch_parity import agree, close, to_torch

    text = f"{name}(3, {settings})"
    ours, theirs = shuffled(made(text)), made(text, torch.nn, torch)
    for k, training in enumerate((True, True, True, False)):
        for module in (ours, theirs):
            module.train(training)
            module.zero_grad()
        agree(ours, theirs, normal(*shape, seed=k), dtype="float64")
        buffers = dict(theirs.named_buffers())
        assert [key for key, _ in ours.named_buffers()] == list(buffers)
        for key, buffer in ours.named_buffers():
            close(buffer, buffers[key], key, "float64")
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(to_torch(ours.state_dict()))


@pytest.mark.parity
@pytest.mark.parametrize(("text", "dim"), [("Linear(3, 2)", 0), ("Linear(3, 2)", None), ("Conv2d(2, 3, 2)", 1)])
@pytest.mark.filterwarnings("ignore:.*weight_norm")
def test_weight_norm_is_pytorchs(torch: Any, text: str, dim: int | None) -> None:
    from torch_parity import agree

    ours = nn.utils.weight_norm(made(text), dim=dim)
    theirs = torch.nn.utils.weight_norm(made(text, torch.nn, torch), dim=dim)
    assert repr(ours) == repr(theirs)
    ours.load_state_dict(theirs.state_dict())
    x = normal(4, 3) if "Linear" in text else normal(1, 2, 3, 3)
    agree(ours.double(), theirs.double(), x, dtype="float64")
