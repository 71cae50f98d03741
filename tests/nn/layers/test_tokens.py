"""Embedding, attention and the transformer: rows, padding, masks, wrong arguments, PyTorch's numbers."""

import math
import re

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from modules import bytes_kept, shuffled
from numeric import assert_close
from strict_cupy import no_synchronisation

F = nn.functional

# --- embedding ----------------------------------------------------------------------------------------------


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


# --- attention ----------------------------------------------------------------------------------------------


def numbers(*shape, seed=0):
    return tl.tensor(np.random.default_rng(seed).normal(size=shape))


def test_a_query_that_may_attend_to_no_key_gives_zeros_and_no_nan():
    x = numbers(2, 3, 4).requires_grad_()
    mask = tl.tensor([[False, False, False], [True, True, False], [True, True, True]])
    for given in (mask, tl.where(mask, 0.0, -math.inf).double()):
        out = F.scaled_dot_product_attention(x, x, x, given)
        assert out[:, 0].tolist() == [[0] * 4] * 2
        of_two = F.scaled_dot_product_attention(x[:, 1:2], x[:, :2], x[:, :2])
        assert_close(out[:, 1:2].detach(), of_two.detach(), "the query that attends to two keys", 1e-12)
        (gradient,) = tl.grad(out.sum(), x)
        assert np.isfinite(gradient.numpy()).all()
    attention = shuffled(nn.MultiheadAttention(4, 2, batch_first=True))
    out, weights = attention(x, x, x, key_padding_mask=tl.ones(2, 3, dtype=tl.bool))
    assert not weights.detach().numpy().any()
    assert_close(out.detach(), attention.out_proj.bias.detach().expand(2, 3, 4), "only the bias is left", 1e-12)


def test_dropout_drops_weights_and_keeps_their_mean():
    q = tl.zeros(1, 400)
    k, v = tl.zeros(2000, 400), tl.ones(2000, 1)
    out = F.scaled_dot_product_attention(q, k, v, dropout_p=0.5)
    assert out.item() != 1 and abs(out.item() - 1) < 0.1
    attention = nn.MultiheadAttention(4, 2, dropout=1.0)
    x = tl.ones(3, 2, 4)
    assert not attention(x, x, x)[1].detach().numpy().any()
    assert_close(attention.eval()(x, x, x)[1].detach(), tl.full((2, 3, 3), 1 / 3), "weights", 1e-6)


def test_gradients_are_right_twice():
    attention = shuffled(nn.MultiheadAttention(2, 1))
    names = list(dict(attention.named_parameters()))
    mask = tl.ones(2, 2, dtype=tl.bool).triu(1)

    def run(x, *values):
        parameters = dict(zip(names, values, strict=True))
        return nn.functional_call(attention, parameters, (x, x, x), {"attn_mask": mask})

    inputs = [numbers(2, 1, 2), *attention.parameters()]
    assert tl.gradcheck(run, inputs)
    assert tl.gradgradcheck(run, inputs)


@pytest.mark.parametrize("floats", [False, True])
def test_it_runs_on_a_gpus_arrays_without_synchronising(floats):
    def results(device):
        model = shuffled(nn.Transformer(4, 2, 1, 1, 6, dropout=0.0, batch_first=True), tl.float32, device)
        mask = model.generate_square_subsequent_mask(3, device=device)
        padding = tl.tensor([[False, False, True]] * 2, device=device)
        x = tl.tensor(numbers(2, 3, 4), dtype=tl.float32, device=device, requires_grad=True)
        with no_synchronisation():
            out = model(x, x, tgt_mask=mask if floats else mask != 0, src_key_padding_mask=padding)
            return [out, *tl.grad((out * out).sum(), [x, *model.parameters()])]

    for there, here in zip(results("strict"), results("cpu"), strict=True):
        assert_close(there.detach().cpu().numpy(), here.detach().numpy(), "on the device", 1e-4)


x, q = tl.ones(5, 2, 4), tl.ones(3, 4)
attention, block = nn.MultiheadAttention(4, 2), nn.TransformerEncoderLayer(4, 2, 6)
bools = {"dtype": tl.bool}


def attend(x=x, **masks):
    return attention(x, x, x, **masks)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.scaled_dot_product_attention(q, q[:, :2], q), ValueError, "that broadcast, not (3, 4), (3, 2) and"),
        (lambda: F.scaled_dot_product_attention(q, q, q[:2]), ValueError, "q must be (..., queries, d), k (..., keys"),
        (lambda: F.scaled_dot_product_attention(q, q, q, tl.ones(2, 3)), ValueError, "the mask must broadcast to (3"),
        (lambda: F.scaled_dot_product_attention(q, q, q, tl.ones(3, 3).long()), TypeError, "not int64; write mask !="),
        (lambda: F.scaled_dot_product_attention(q, q, q, tl.ones(3, 3), is_causal=True), ValueError, "give it or att"),
        (lambda: F.scaled_dot_product_attention(q, q, q, enable_gqa=True), ValueError, "enable_gqa needs query (...,"),
        (lambda: nn.MultiheadAttention(4, 3), ValueError, "embed_dim 4 cannot be split into 3 heads"),
        (lambda: attend(tl.ones(4)), ValueError, "must have shape (tokens, batch, features) or, for one sequence, (to"),
        (lambda: attend(tl.ones(5, 2, 3)), ValueError, "query must have 4 features on its last axis, not shape (5, 2"),
        (lambda: attention(x, x[:3], x), ValueError, "key (3, 2, 4) and value (5, 2, 4) must have as many tokens, an"),
        (lambda: attention(x, x[:, :1], x[:, :1]), ValueError, "query (5, 2, 4), which is axis 1 with batch_first=Fa"),
        (lambda: attend(attn_mask=tl.ones(5, 2)), ValueError, "attn_mask must have shape (5, 5) or (4, 5, 5), (queri"),
        (lambda: attend(attn_mask=tl.ones(5, 5).long()), TypeError, "not int64; write attn_mask.bool()"),
        (lambda: attend(key_padding_mask=tl.ones(5, 2, **bools)), ValueError, "key_padding_mask must have shape (2,"),
        (lambda: attend(is_causal=True), ValueError, "is_causal needs attn_mask: nn.Transformer.generate_squ"),
        (lambda: block(x, src_key_padding_mask=tl.ones(5, 5)), ValueError, "in layer self_attn (MultiheadAttention):"),
        (lambda: nn.TransformerEncoderLayer(4, 2, activation="silu"), ValueError, 'activation must be "relu", "gelu"'),
        (lambda: nn.Transformer(4, 2, 1, 1, 6)(x, x[:, :1]), ValueError, "the batch of query (5, 1, 4), which is axis"),
        (lambda: nn.TransformerEncoder(block, 0), ValueError, "TransformerEncoder: num_layers must be at least 1, no"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


@pytest.mark.parametrize(
    "attended",
    [
        lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
        lambda x: F.scaled_dot_product_attention(x, x, x, tl.ones(1, x.shape[1], dtype=tl.bool)),
        lambda x: nn.MultiheadAttention(8, 2, batch_first=True)(x, x, x, need_weights=False)[0],
        lambda x: nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)(x),
    ],
    ids=["causal", "a mask", "heads", "a layer of an encoder"],
)
def test_memory_grows_linearly_with_the_tokens_where_nobody_asks_for_weights(attended):
    small, middle, large = (bytes_kept(attended(tl.zeros(1, n, 8, requires_grad=True))) for n in (320, 640, 960))
    assert large - middle == middle - small


# --- PyTorch's ----------------------------------------------------------------------------------------------


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def called(library, inner, times=1, **settings):
    """A module called with its inputs, `times` over, and these settings; arrays among them become tensors."""
    as_tensor = tl.tensor if library is nn else pytest.importorskip("torch").tensor
    settings = {key: as_tensor(value) if isinstance(value, np.ndarray) else value for key, value in settings.items()}

    class Called(library.Module):
        def __init__(self):
            super().__init__()
            self.inner = inner

        def forward(self, *inputs):
            return self.inner(*inputs * times, **settings)

    return Called()


def mask_of(kind, shape):
    """True where a query may not attend, but the first key is always allowed; or floats to add; or None."""
    drawn = np.random.default_rng(len(shape)).normal(size=shape)
    forbidden = drawn > 0.3
    forbidden[..., 0] = False
    return {"none": None, "floats": drawn, "bools": forbidden, "-inf": np.where(forbidden, -np.inf, 0)}[kind]


masks = pytest.mark.parametrize("kind", ["none", "bools", "floats", "-inf"])


@pytest.mark.parity
@masks
@pytest.mark.parametrize(
    ("batch", "options"),
    [((), {}), ((2, 3), {"scale": 0.3}), ((2,), {"is_causal": True}), ((2, 1), {"enable_gqa": True})],
)
def test_scaled_dot_product_attention_is_pytorchs(torch, kind, batch, options):
    from torch_parity import agree

    if "is_causal" in options and kind != "none":
        return
    inputs = [numbers(*batch, n, m, seed=n).numpy() for n, m in ((3, 2), (4, 2), (4, 5))]
    inputs[0] = np.concatenate([inputs[0]] * 3, 1) if "enable_gqa" in options else inputs[0]
    mask = mask_of(kind, (3, 4))
    mask = ~mask if kind == "bools" else mask  # here True allows
    given = [] if mask is None else [mask]  # of floats it gets a gradient
    agree(
        lambda *x: F.scaled_dot_product_attention(*x, **options),
        lambda *x: torch.nn.functional.scaled_dot_product_attention(*x, **options),
        *inputs, *given, dtype="float64",
    )  # fmt: skip


@pytest.mark.parity
@masks
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("batch", "first"), [(3, True), (3, False), (None, False)])
def test_multihead_attention_is_pytorchs(torch, kind, bias, batch, first):
    from torch_parity import agree

    heads, queries, keys, whole = 2, 3, 4, (batch or 1) * 2
    shapes = [((batch, n) if first else (n, batch)) if batch else (n,) for n in (queries, keys, keys)]
    inputs = [numbers(*shape, 4, seed=i).numpy() for i, shape in enumerate(shapes)]
    settings = {
        "attn_mask": mask_of(kind, (whole, queries, keys) if bias else (queries, keys)),
        "key_padding_mask": mask_of(kind, (batch, keys) if batch else (keys,)),
        "need_weights": kind != "floats",
        "average_attn_weights": bias,
    }
    ours, theirs = (m.MultiheadAttention(4, heads, bias=bias, batch_first=first) for m in (nn, torch.nn))
    agree(called(nn, ours, **settings), called(torch.nn, theirs, **settings), *inputs, dtype="float64")
    agree(called(nn, ours, 3), called(torch.nn, theirs, 3), inputs[0], dtype="float32")  # of itself


@pytest.mark.parity
@masks
@pytest.mark.parametrize("kind_of", ["Encoder", "Decoder"])
@pytest.mark.parametrize(
    "options",
    [{"norm_first": True}, {"activation": "gelu", "batch_first": True}, {"bias": False, "layer_norm_eps": 1e-3}],
)
@pytest.mark.filterwarnings("ignore:enable_nested_tensor|Support for mismatched|The PyTorch API of nested")
def test_blocks_and_stacks_are_pytorchs(torch, kind, kind_of, options):
    """In float64: a normalised row of numbers that are nearly equal magnifies rounding."""
    from torch_parity import agree

    batch, tokens, source = 2, 3, 4
    own = {"tgt_mask": (tokens, tokens), "tgt_key_padding_mask": (batch, tokens)}
    cross = {"memory_mask": (tokens, source), "memory_key_padding_mask": (batch, source)}
    shapes = (
        {"src_mask": (tokens, tokens), "src_key_padding_mask": (batch, tokens)} if kind_of == "Encoder" else own | cross
    )
    settings = {name: mask_of(kind, shape) for name, shape in shapes.items()}
    lengths = [tokens] if kind_of == "Encoder" else [tokens, source]
    first = options.get("batch_first")
    inputs = [numbers(*((batch, n) if first else (n, batch)), 4, seed=n).numpy() for n in lengths]
    layers = [getattr(m, f"Transformer{kind_of}Layer")(4, 2, 6, 0.0, **options) for m in (nn, torch.nn)]
    agree(
        *(called(m, layer, **settings) for m, layer in zip((nn, torch.nn), layers, strict=True)),
        *inputs,
        dtype="float64",
    )
    if kind_of == "Encoder":
        settings["mask"] = settings.pop("src_mask")
    stacks = [
        called(m, getattr(m, f"Transformer{kind_of}")(layer, 2, m.LayerNorm(4)), **settings)
        for m, layer in zip((nn, torch.nn), layers, strict=True)
    ]
    agree(*stacks, *inputs, dtype="float64")


@pytest.mark.parity
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_a_transformer_is_pytorchs(torch, batched):
    from torch_parity import agree

    ours, theirs = (module.Transformer(4, 2, 2, 2, 6, 0.0, norm_first=True) for module in (nn, torch.nn))
    inputs = [numbers(*((n, 3, 4) if batched else (n, 4)), seed=n).numpy() for n in (5, 4)]
    mask = nn.Transformer.generate_square_subsequent_mask(4).numpy()
    assert mask.tolist() == torch.nn.Transformer.generate_square_subsequent_mask(4).tolist()
    settings = {"tgt_mask": mask.astype("float64"), "tgt_is_causal": True}
    agree(called(nn, ours, **settings), called(torch.nn, theirs, **settings), *inputs, dtype="float64")
