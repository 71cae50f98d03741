"""Bilinear."""

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl


def test_bilinear_weighs_products_of_features():
    layer = nn.Bilinear(2, 3, 4)
    x, y = tl.randn(5, 2), tl.randn(5, 3)
    wanted = np.einsum("ni,kij,nj->nk", x.numpy(), layer.weight.detach().numpy(), y.numpy())
    np.testing.assert_allclose(layer(x, y).detach().numpy(), wanted + layer.bias.detach().numpy(), atol=1e-5)
    assert repr(layer) == "Bilinear(in1_features=2, in2_features=3, out_features=4, bias=True)"
    with pytest.raises(ValueError, match=r"not weight \(4, 2, 3\), input1 \(5, 3\) and input2 \(5, 3\)"):
        layer(y, y)
