"""float16: sums are computed in float32, and the result is rounded to float16."""

from contextlib import nullcontext

import numpy as np
import pytest

import strict_device  # noqa: F401 - makes device="strict" work
import tinygrad_lecture as tl

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


def test_a_wider_float_among_the_arguments_decides_the_dtype():
    assert tl.layer_norm(half([1, 2, 3]), tl.ones(3)).dtype == tl.float32


def test_a_result_has_the_name_of_the_function_called():
    x = half([1, 2, 3]).requires_grad_()
    assert tl.layer_norm(x).grad_fn.node.name == "layer_norm"
    assert tl.softmax(x, -1).grad_fn.node.name == "softmax"
