"""Normalisation: statistics of the output, running averages and when they are used, bad shapes."""

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl

F = nn.functional


def test_averages_are_buffers_that_no_gradient_reaches():
    layer = nn.BatchNorm2d(3)
    assert list(layer.state_dict()) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    layer(tl.randn(2, 3, 2, 2, requires_grad=True)).sum().backward()
    assert not layer.running_mean.requires_grad
    plain = nn.BatchNorm2d(3, affine=False, track_running_stats=False)
    assert list(plain.state_dict()) == []
    assert nn.BatchNorm2d(3, bias=False).bias is None
    with tl.no_grad():
        assert plain.eval()(tl.randn(2, 3, 2, 2)).numpy().mean() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2, 1)])
@pytest.mark.parametrize("affine", [(), ("weight",), ("bias",), ("weight", "bias")], ids="+".join)
def test_a_batch_is_normalised_by_one_op_with_a_right_rule(shape, affine):
    inputs = [tl.randn(*size, dtype=tl.float64) for size in (shape, *[(3,)] * len(affine))]

    def normalised(x, *given):
        return F.batch_norm(x, None, None, training=True, **dict(zip(affine, given, strict=True)))

    assert tl.gradcheck(normalised, inputs)
    assert tl.gradgradcheck(normalised, inputs)
    with tl.reference():
        by_definition = normalised(*inputs).numpy()
    np.testing.assert_allclose(normalised(*inputs).numpy(), by_definition, rtol=1e-12)


def test_a_constant_input_gives_0_and_no_nan():
    x = tl.full((2, 3), 5.0, requires_grad=True)
    out = nn.LayerNorm(3)(x)
    assert out.tolist() == [[0, 0, 0]] * 2
    (out * out).sum().backward()
    assert np.isfinite(x.grad.numpy()).all()
    assert nn.RMSNorm(3)(tl.zeros(2, 3)).tolist() == [[0, 0, 0]] * 2


def test_the_default_eps_of_rms_norm_is_machine_epsilon():
    for dtype in (tl.float32, tl.float64):
        eps = np.finfo(dtype).eps
        x = tl.full((1,), float(np.sqrt(eps)), dtype=dtype)
        assert F.rms_norm(x, 1).item() == pytest.approx(1 / np.sqrt(2))
        assert F.rms_norm(x, (1,), eps=3 * eps).item() == pytest.approx(1 / 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: nn.LayerNorm(0), "LayerNorm: normalized_shape must"),
        (lambda x: nn.RMSNorm((2, 0)), "RMSNorm: normalized_shape must"),
        (lambda x: F.layer_norm(x, 4), r"layer_norm: wanted \(\.\.\., 4\), got \(2, 3\)"),
        (lambda x: F.rms_norm(x, (1, 2, 3)), r"rms_norm: wanted \(\.\.\., 1, 2, 3\), got \(2, 3\)"),
        (lambda x: F.layer_norm(x, 3, tl.ones(1)), r"layer_norm: weight .* shape of x's last axes, \(3,\).* \(1,\)"),
        (lambda x: F.rms_norm(x, (2, 3), tl.ones(3)), r"rms_norm: weight .* shape of x's last axes, \(2, 3\).* \(3,\)"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_broadcast(call, message):
    with pytest.raises(ValueError, match=message):
        call(tl.zeros(2, 3))
