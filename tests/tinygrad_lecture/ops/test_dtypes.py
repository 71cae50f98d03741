"""float16, integers and bools: sums of halves are computed in float32, functions of integers in the default dtype."""

from contextlib import nullcontext

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from tinygrad_lecture import ops

# --- float16 --------------------------------------------------------------------------------------------------


X = np.array([[0, 100, 200, 300, 400, 500], [1, 2, 3, 4, 5, 6]])


def half(values, device="cpu"):
    return tl.tensor(np.asarray(values, np.float16), device=device)


CASES = {
    "sum": lambda x: tl.sum(x, 1),
    "mean": lambda x: tl.mean(x),
    "var": lambda x: tl.var(x / 4, 1),
    "std": lambda x: tl.std(x, 1),
    "norm": lambda x: tl.norm(x, axis=1),
    "logsumexp": lambda x: tl.logsumexp(x, 1),
    "softmax": lambda x: tl.softmax(x, -1),
    "layer_norm": lambda x: tl.layer_norm(x),
    "attention_weights": lambda x: tl.attention_weights(x / 4, x / 4),
    "attention": lambda x: tl.attention(x / 4, x / 4, x),
    "squared_error": lambda x: tl.squared_error(x / 8, x / 9),
    "linear": lambda x: tl.linear(x, x / 16),
    "inv": lambda x: tl.linalg.inv(x[:, 1:3] / 128 + tl.eye(2, dtype=x.dtype, device=x.device)),
    "gelu": lambda x: tl.gelu(x),
    "convolution": lambda x: tl.convolution(x.reshape(1, 2, 6), x[:, :4].reshape(2, 2, 2) / 64, padding=1),
    "transposed_convolution": lambda x: tl.transposed_convolution(x.reshape(1, 2, 6), x[:, :4].reshape(2, 2, 2) / 64),
    "max_pool": lambda x: tl.max_pool(x, (2,)),
}


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("plainly", [False, True], ids=["kernel", "definition"])
@pytest.mark.parametrize("name", CASES)
def test_float16_is_computed_in_float32(name, plainly, device):
    """Value and gradient are float32's, rounded. The squares of numbers above 255 do not fit into float16."""

    def results(dtype):
        x = tl.tensor(X.astype(dtype), device=device, requires_grad=True)
        with tl.reference() if plainly else nullcontext():
            out = CASES[name](x)
            out.sum().backward()
        return out.detach().cpu().numpy(), x.grad.cpu().numpy()

    for found, wanted in zip(results(np.float16), results(np.float32), strict=True):
        assert found.dtype == np.float16
        np.testing.assert_allclose(found.astype(float), wanted, rtol=4e-3, atol=4e-3)


def test_many_small_numbers_add_up():
    assert tl.mean(tl.full((10_000,), 100.0, dtype=tl.float16)).item() == 100
    assert tl.full((4_001,), 1.0, dtype=tl.float16).sum().item() == 4_000  # the nearest float16
    assert tl.layer_norm(half([3, 3, 3]), eps=1e-12).tolist() == [0, 0, 0]


# --- integers and bools ---------------------------------------------------------------------------------------


F = nn.functional


@pytest.mark.filterwarnings("ignore:overflow")  # NumPy computes bytes in float16
@pytest.mark.parametrize("dtype", [tl.bool, tl.uint8], ids=str)
def test_float_functions_of_bytes_are_computed_in_the_default_dtype(dtype):
    x = tl.tensor([0, 1, 3, 12]).to(dtype)
    tl.set_default_dtype(tl.float64)
    try:
        for function in (ops.exp, ops.log1p, ops.sqrt, ops.sigmoid):
            for found, given in ((function(x), x), (function(x[3]), x[3])):
                assert (found.dtype, found.shape) == (tl.float64, given.shape)
                np.testing.assert_allclose(found.numpy(), function(given.double()).numpy(), rtol=1e-6)
    finally:
        tl.set_default_dtype(tl.float32)


MASK = tl.tensor([True, True, False])
INTS = tl.tensor([-5, 3, 9])
INDEX = tl.tensor([0, 0, 2])
RESULTS = [  # a call, its value and its dtype
    (lambda: tl.square(MASK), [1, 1, 0], tl.int64),
    (lambda: F.relu6(INTS), [0, 3, 6], tl.int64),
    (lambda: F.avg_pool1d(INTS[None, None], 2, 1), [[[-1, 6]]], tl.int64),
    (lambda: F.avg_pool2d(INTS[None, None, None], (1, 2), divisor_override=3), [[[[0]]]], tl.int64),
    (lambda: tl.bincount(INDEX, INTS), [-2, 0, 9], tl.float64),
    (lambda: tl.bincount(INDEX, tl.tensor([0.5, 1.0, 2.0])), [1.5, 0, 2], tl.float32),
    (lambda: tl.cumsum(INTS, 0, dtype=tl.uint8), [251, 254, 7], tl.uint8),
    (lambda: tl.linspace(tl.tensor(0.1, dtype=tl.float64), tl.tensor(1), 2, dtype=tl.float64), [0.1, 1], tl.float64),
]


@pytest.mark.parametrize(("call", "value", "dtype"), RESULTS, ids=range(len(RESULTS)))
def test_values_and_dtypes(call, value, dtype):
    found = call()
    assert found.dtype == dtype
    assert found.tolist() == value


BYTES = {  # what is no integer, but made of sums, squares or differences that a byte cannot hold
    "norm": lambda x, y: x.norm(),
    "norm ord 1": lambda x, y: tl.norm(x, 1, 0),
    "norm ord 3": lambda x, y: tl.norm(x, 3),
    "norm inf": lambda x, y: tl.norm(x, np.inf),
    "cdist": lambda x, y: tl.cdist(x, y),
    "attention_weights": lambda x, y: tl.attention_weights(x, y),
    "attention": lambda x, y: tl.attention(x, y, x),
    "normalize": lambda x, y: F.normalize(x),
    "cosine_similarity": lambda x, y: F.cosine_similarity(x, y),
    "logsigmoid": lambda x, y: F.logsigmoid(x),
    "batch_norm": lambda x, y: F.batch_norm(x, y[0], tl.ones(3)),
    "squared_error": tl.squared_error,
    "mse_loss none": lambda x, y: F.mse_loss(x, y, reduction="none"),
    **{
        name: getattr(F, name)
        for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy_with_logits")
    },
}


@pytest.mark.parametrize("dtype", [tl.int8, tl.uint8, tl.int32], ids=str)
@pytest.mark.parametrize("function", BYTES.values(), ids=BYTES)
def test_sums_squares_and_differences_of_integers_do_not_wrap_around(function, dtype):
    large = 100_000 if dtype == tl.int32 else 1
    x = tl.tensor(
        [[100, -128, 7], [90, 127, -3], [120, 2, 64]] if dtype != tl.uint8 else [[253, 5, 8], [1, 0, 200]] * 3
    )
    x, y = x[:3] * large, x[:3].flip(0).T.contiguous() * large
    found, wanted = function(x.to(dtype), y.to(dtype)), function(x.double(), y.double())
    assert found.dtype == tl.float32
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-5, atol=1e-5)
