"""Attention and the transformer against PyTorch's: outputs, weights and all gradients, with weights by state_dict."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from strategies import numbers

torch = pytest.importorskip("torch")

from torch_parity import agree, dtypes, examples  # noqa: E402 - it needs torch

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:enable_nested_tensor|Support for mismatched|The PyTorch API of nested"),
]

F, TF = nn.functional, torch.nn.functional
sizes = st.integers(1, 4)


def called(library: Any, inner: Any, tensors: int, times: int = 1, **settings: Any) -> Any:
    """A module called with `tensors` inputs, and these settings; arrays among them become tensors.

    times: how often it gets the inputs; their gradients add up.
    """
    as_tensor = tl.tensor if library is nn else torch.tensor
    settings = {key: as_tensor(value) if isinstance(value, np.ndarray) else value for key, value in settings.items()}

    class Called(library.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, *inputs: Any) -> Any:
            assert len(inputs) == tensors
            return self.inner(*inputs * times, **settings)

    return Called()


def mask_of(data: st.DataObject, shape: tuple[int, ...], dtype: str) -> Any:
    """True where a query may not attend, but the first key is always allowed; or floats to add; or None."""
    kind = data.draw(st.sampled_from(["none", "bools", "floats", "-inf"]))
    if kind == "none":
        return None
    if kind == "floats":
        return data.draw(numbers(shape)).astype(dtype)
    forbidden = data.draw(numbers(shape)) > 0.5
    forbidden[..., 0] = False
    return forbidden if kind == "bools" else np.where(forbidden, -np.inf, 0).astype(dtype)


# --- the function ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["a mask", "causal", "a mask with a gradient", "heads that share keys"])
@examples
@given(data=st.data(), dtype=dtypes, scale=st.sampled_from([None, 0.3, 1.0]))
def test_scaled_dot_product_attention(kind: str, data: st.DataObject, dtype: str, scale: float | None) -> None:
    batch = (2, 2) if kind == "heads that share keys" else data.draw(st.sampled_from([(), (2,), (2, 3)]))
    queries, keys, d, d_v = (data.draw(sizes) for _ in range(4))
    inputs = [data.draw(numbers((*batch, n, m))) for n, m in ((queries, d), (keys, d), (keys, d_v))]
    shape = data.draw(st.sampled_from([(queries, keys), (1, keys), (*batch, queries, keys), (*batch, queries, 1)]))
    settings: dict[str, Any] = {"scale": scale, "is_causal": kind == "causal"}
    mask = None
    if kind == "a mask with a gradient":
        inputs.append(data.draw(numbers(shape)))
    elif kind == "heads that share keys":
        settings["enable_gqa"], inputs[0] = True, np.concatenate([inputs[0]] * 3, 1)
    elif kind == "a mask" and (mask := mask_of(data, shape, dtype)) is not None and mask.dtype == bool:
        mask = ~mask  # here True allows
    ours = {} if mask is None else {"attn_mask": tl.tensor(mask)}
    theirs = {} if mask is None else {"attn_mask": torch.tensor(mask)}
    agree(
        lambda *x: F.scaled_dot_product_attention(*x, **ours, **settings),
        lambda *x: TF.scaled_dot_product_attention(*x, **theirs, **settings),
        *inputs,
        dtype=dtype,
    )


# --- MultiheadAttention ---------------------------------------------------------------------------------------


@examples
@given(st.data(), dtypes, st.booleans(), st.booleans(), st.booleans())
def test_multihead_attention(data: st.DataObject, dtype: str, bias: bool, batch_first: bool, batched: bool) -> None:
    heads, batch, queries, keys = (data.draw(st.integers(1, 3)) for _ in range(4))
    features = 2 * heads
    options: dict[str, Any] = {"bias": bias, "batch_first": batch_first}
    ours, theirs = (module.MultiheadAttention(features, heads, **options) for module in (nn, torch.nn))
    inputs = []
    for n in (queries, keys, keys):
        shape = (*((batch, n) if batch_first else (n, batch)), features) if batched else (n, features)
        inputs.append(data.draw(numbers(shape)))
    whole = (batch if batched else 1) * heads
    settings = {
        "attn_mask": mask_of(data, data.draw(st.sampled_from([(queries, keys), (whole, queries, keys)])), dtype),
        "key_padding_mask": mask_of(data, (batch, keys) if batched else (keys,), dtype),
        "need_weights": data.draw(st.booleans()),
        "average_attn_weights": data.draw(st.booleans()),
    }
    agree(called(nn, ours, 3, **settings), called(torch.nn, theirs, 3, **settings), *inputs, dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_first", [True, False])
def test_self_attention(batch_first: bool, dtype: str) -> None:
    ours, theirs = (module.MultiheadAttention(4, 2, batch_first=batch_first) for module in (nn, torch.nn))
    x = np.random.default_rng(0).normal(size=(3, 2, 4))
    agree(called(nn, ours, 1, 3), called(torch.nn, theirs, 1, 3), x, dtype=dtype)


# --- blocks and stacks ----------------------------------------------------------------------------------------

block_options = st.fixed_dictionaries(
    {"dropout": st.just(0.0)},
    optional={
        "activation": st.sampled_from(["gelu", "relu"]),
        "norm_first": st.just(True),
        "batch_first": st.just(True),
        "bias": st.just(False),
        "layer_norm_eps": st.just(1e-3),
    },
)


@pytest.mark.parametrize("kind", ["Encoder", "Decoder"])
@pytest.mark.parametrize("stacked", [True, False])
@examples
@given(data=st.data(), options=block_options)
def test_blocks_and_stacks(kind: str, stacked: bool, data: st.DataObject, options: dict[str, Any]) -> None:
    """In float64: a normalised row of numbers that are nearly equal magnifies rounding."""
    dtype = "float64"
    batch, tokens, source = (data.draw(st.integers(1, 3)) for _ in range(3))
    built = []
    for module in (nn, torch.nn):
        layer = getattr(module, f"Transformer{kind}Layer")(4, 2, 6, **options)
        stack = getattr(module, f"Transformer{kind}")
        built.append(stack(layer, 2, module.LayerNorm(4)) if stacked else layer)
    if kind == "Encoder":
        lengths, own = [tokens], "mask" if stacked else "src_mask"
        masks = {own: (tokens, tokens), "src_key_padding_mask": (batch, tokens)}
    else:
        lengths = [tokens, source]
        masks = {"tgt_mask": (tokens, tokens), "memory_mask": (tokens, source)}
        masks |= {"tgt_key_padding_mask": (batch, tokens), "memory_key_padding_mask": (batch, source)}
    first = options.get("batch_first")
    inputs = [data.draw(numbers((batch, n, 4) if first else (n, batch, 4))) for n in lengths]
    settings = {name: mask_of(data, shape, dtype) for name, shape in masks.items()}
    ours, theirs = (called(m, part, len(inputs), **settings) for m, part in zip((nn, torch.nn), built, strict=True))
    agree(ours, theirs, *inputs, dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batched", [True, False])
def test_transformer(dtype: str, batched: bool) -> None:
    ours, theirs = (module.Transformer(4, 2, 2, 2, 6, 0.0, norm_first=True) for module in (nn, torch.nn))
    random = np.random.default_rng(0)
    source, target = (random.normal(size=(n, 3, 4) if batched else (n, 4)) for n in (5, 4))
    settings = {
        "tgt_mask": nn.Transformer.generate_square_subsequent_mask(4).numpy().astype(dtype),
        "tgt_is_causal": True,
    }
    assert settings["tgt_mask"].tolist() == torch.nn.Transformer.generate_square_subsequent_mask(4).tolist()
    ours, theirs = called(nn, ours, 2, **settings), called(torch.nn, theirs, 2, **settings)
    agree(ours, theirs, source, target, dtype=dtype)


def test_parameters_are_drawn_in_pytorchs_order_from_its_intervals() -> None:
    """The random streams differ, so what is compared are the calls."""
    asked: dict[str, list[Any]] = {"nn": [], "torch": []}
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.init, "uniform_", lambda x, a, b: asked["nn"].append((x.shape, a, b)))
        patch.setattr(
            torch.Tensor, "uniform_", lambda x, a, b, generator=None: asked["torch"].append((tuple(x.shape), a, b))
        )
        for name, library in (("nn", nn), ("torch", torch.nn)):
            made[name] = library.Transformer(4, 2, 2, 1, 6)
            library.MultiheadAttention(4, 2)
    assert [shape for shape, *_ in asked["nn"]] == [shape for shape, *_ in asked["torch"]]
    np.testing.assert_allclose([ab for _, *ab in asked["nn"]], [ab for _, *ab in asked["torch"]], rtol=1e-12)
    assert list(made["nn"].state_dict()) == list(made["torch"].state_dict())


@pytest.mark.parametrize("padding", [[[0, 0, 1], [0, 0, 0]], [[1, 0, 0], [0, 0, 0]]])
@pytest.mark.parametrize(
    "options", [{}, {"batch_first": False}, {"norm_first": True}, {"bias": False}, {"enable_nested_tensor": False}]
)
def test_padding_gives_0_where_pytorch_leaves_it_out(padding: Any, options: dict[str, Any]) -> None:
    outputs = []
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    options = {"batch_first": True, **options}
    nested = options.pop("enable_nested_tensor", True)
    x = x if options["batch_first"] else x.swapaxes(0, 1)
    state = None
    for library, engine in ((nn, tl), (torch.nn, torch)):
        model = library.TransformerEncoder(
            library.TransformerEncoderLayer(4, 2, 6, **options), 2, enable_nested_tensor=nested
        ).eval()
        if state is None:
            state = model.state_dict()
        else:
            model.load_state_dict({key: torch.tensor(value.numpy()) for key, value in state.items()})
        with engine.no_grad():
            out = model(engine.tensor(x), src_key_padding_mask=engine.tensor(padding, dtype=engine.bool))
        again = model(engine.tensor(x), src_key_padding_mask=engine.tensor(padding, dtype=engine.bool))
        outputs.append([out.numpy(), again.detach().numpy()])
    for ours, theirs in zip(*outputs, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_copies_have_their_own_weights() -> None:
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6), 2)
    assert len({p.data_ptr() for p in model.parameters()}) == len(list(model.parameters()))
    assert copy.deepcopy(model).state_dict().keys() == model.state_dict().keys()
