"""How a tensor is printed; with the extra parity, the same text as PyTorch's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lecture as tl
from tinygrad_lecture.inspect.printing import options


@pytest.fixture(autouse=True)
def _default_options():
    yield
    tl.set_printoptions(profile="default")
    options.dtype_prefix = ""


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1.0, 0.5, -3.0], "tensor([ 1.0000,  0.5000, -3.0000])"),
        ([1.0, -2.0, 0.0], "tensor([ 1., -2.,  0.])"),
        ([1.0, 0.0001], "tensor([1.0000e+00, 1.0000e-04])"),
        ([1e9, 2.0], "tensor([1.0000e+09, 2.0000e+00])"),
        ([float("nan"), 1.5, float("-inf")], "tensor([   nan, 1.5000,   -inf])"),
        ([[1, -20], [3, 4]], "tensor([[  1, -20],\n        [  3,   4]])"),
        ([[True, False]], "tensor([[ True, False]])"),
    ],
)
def test_all_elements_have_one_format_and_one_width(values, text):
    assert repr(tl.tensor(values)) == text


def test_of_a_large_tensor_the_ends_are_shown():
    assert repr(tl.arange(1001)) == "tensor([   0,    1,    2,  ...,  998,  999, 1000])"
    rows = repr(tl.zeros(100, 20)).split("\n")
    assert rows[0] == "tensor([[0., 0., 0.,  ..., 0., 0., 0.],"
    assert [row.strip() for row in rows[2:4]] == ["[0., 0., 0.,  ..., 0., 0., 0.],", "...,"]


def test_options():
    x = tl.tensor([1.23456, 1000.5])
    tl.set_printoptions(precision=2)
    assert repr(x) == "tensor([   1.23, 1000.50])"
    tl.set_printoptions(sci_mode=True)
    assert repr(x) == "tensor([1.23e+00, 1.00e+03])"
    tl.set_printoptions(profile="short", threshold=5)
    assert repr(tl.arange(6)) == "tensor([0, 1,  ..., 4, 5])"
    with pytest.raises(ValueError, match="profile must be"):
        tl.set_printoptions(profile="long")


def test_notes_go_to_a_new_line_where_the_line_is_full():
    x = tl.full((9,), 0.25, requires_grad=True)
    assert repr(x * 2).split("\n")[-1] == "       grad_fn=<MulBackward0>)"


# --- against PyTorch ----------------------------------------------------------------------------------------

sizes = st.lists(st.sampled_from([0, 1, 2, 3, 7, 8, 30]), max_size=3).map(tuple)
kinds = st.sampled_from(["normal", "whole", "special", "wide", "few", "int64", "int16", "bool"])


def values_of(kind, shape, exponent, seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=shape) * 10.0**exponent
    match kind:
        case "whole":
            return np.round(x)
        case "special":
            return np.where(random.random(shape) < 0.3, random.choice([np.nan, np.inf, -np.inf, 0, -0.0], shape), x)
        case "wide":
            return x * 10.0 ** random.integers(-5, 5, shape)
        case "few":
            return random.choice([0.0, np.nan, np.inf, -np.inf, 1, -2], shape)
        case "int64" | "int16":
            return random.integers(-(10 ** (abs(exponent) % 5)), 10 ** (abs(exponent) % 5), shape).astype(kind)
        case "bool":
            return random.random(shape) < 0.5
        case _:
            return x


@pytest.mark.parity
@given(
    shape=sizes,
    kind=kinds,
    exponent=st.integers(-6, 8),
    seed=st.integers(0, 99),
    dtype=st.sampled_from(["float32", "float64", "float16"]),
    node=st.sampled_from(["", "leaf", "result"]),
)
def test_a_tensor_is_printed_as_in_pytorch(shape, kind, exponent, seed, dtype, node):
    torch = pytest.importorskip("torch")
    options.dtype_prefix = "torch."
    x = np.asarray(values_of(kind, shape, exponent, seed))
    with np.errstate(all="ignore"):
        x = x.astype(dtype) if x.dtype.kind == "f" else x
    theirs, ours = torch.tensor(x), tl.tensor(x)
    if node and x.dtype.kind == "f":
        theirs, ours = theirs.requires_grad_(), ours.requires_grad_()
        if node == "result":
            theirs, ours = theirs * 1, ours * 1
    assert repr(ours) == repr(theirs)


CALLS = """
x.sum(); x.sum(0); x.mean(1); x.max(); x.max(1).values; x.amin(); x.std(); x.norm(); x + 1; x - 1; x * x; x / 2; -x
x ** 2; 2 ** x; x ** x; x.square(); x.exp(); x.log1p(); x.expm1(); x.sigmoid(); x.relu(); x.softmax(1); x.clamp(0, 1)
x[0]; x[0, 1]; x[:, 1:]; x[..., 0]; x[None]; x[x > 2]; x[torch.tensor([0, 1])]; x.T; x.t(); x.mT; x.transpose(0, 1)
x.permute(1, 0); x.view(-1); x.flatten(); x.unsqueeze(0); x.repeat(2, 1); x.clone(); x.double(); x.chunk(2)[0]
x.split(1)[0]; x.unbind()[0]; torch.cat([x, x]); torch.stack([x, x]); torch.vstack([x, x]); x.narrow(0, 0, 1)
x.gather(1, torch.tensor([[0], [1]])); x.masked_fill(x > 2, 0.0); x.cumsum(0); x.sort(1).values; x.logsumexp(1)
x @ x.T; x @ x[0]; x[0] @ x[0]; x[0] @ x.T; x[None] @ x.T; torch.outer(x[0], x[0]); torch.where(x > 2, x, 0.0)
torch.linalg.inv(x @ x.T); torch.linalg.det(x @ x.T); torch.maximum(x, x * 2); torch.atan2(x, x); x.tril(); x.diagonal()
""".replace("\n", ";").split(";")


@pytest.mark.parity
@pytest.mark.parametrize("call", [call.strip() for call in CALLS if call.strip()])
def test_the_last_step_has_pytorchs_name(call):
    torch = pytest.importorskip("torch")
    found = []
    for library in (torch, tl):
        x = library.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]], requires_grad=True)
        found.append(eval(call, {"torch": library, "x": x}).grad_fn.name())
    assert found[1] == found[0]


LOSSES = """
F.cross_entropy(x, i); F.nll_loss(x, i); F.mse_loss(x, x * 0); F.smooth_l1_loss(x, x * 0); F.huber_loss(x, x * 0)
F.binary_cross_entropy(x.sigmoid(), p); F.binary_cross_entropy_with_logits(x, p); F.l1_loss(x, p); F.embedding(i, x)
F.softplus(x); F.elu(x); F.gelu(x); F.relu(x); F.log_softmax(x, 1); F.linear(x, x); F.linear(x, x, x[:, 0]); F.silu(x)
F.layer_norm(x, (3,)); F.linear(x[None], x)
""".replace("\n", ";").split(";")


@pytest.mark.parity
@pytest.mark.parametrize("call", [call.strip() for call in LOSSES if call.strip()])
def test_a_loss_has_pytorchs_name(call):
    torch = pytest.importorskip("torch")
    import nn.torch as ours

    found = []
    for library in (torch, ours):
        x = library.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]], requires_grad=True)
        given = {"F": library.nn.functional, "x": x, "i": library.tensor([0, 1]), "p": library.zeros(2, 3)}
        found.append(eval(call, given).grad_fn.name())
    assert found[1] == found[0]
