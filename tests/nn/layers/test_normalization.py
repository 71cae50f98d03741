"""Normalisation: statistics of the output, running averages and when they are used, bad shapes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from strategies import distinct, shapes
from strict_cupy import no_synchronisation

F = nn.functional


@pytest.mark.parametrize(
    ("layer", "axes"),
    [(nn.BatchNorm2d(4), (0, 2, 3)), (nn.InstanceNorm2d(4), (2, 3)), (nn.GroupNorm(4, 4), (2, 3))],
    ids=["batch", "instance", "group"],
)
@given(data=st.data(), shift=st.floats(-100, 100), scale=st.floats(0.1, 100))
def test_the_output_has_mean_0_and_variance_1(layer, axes, data, shift, scale):
    layer.double().eps = 1e-12
    x = data.draw(distinct((3, 4, 2, 3))) * scale + shift
    out = layer(tl.tensor(x)).detach().numpy()
    np.testing.assert_allclose(out.mean(axes), 0, atol=1e-9)
    np.testing.assert_allclose(out.var(axes), 1, rtol=1e-6)


def test_averages_move_towards_the_batch_and_are_used_in_evaluation():
    x = tl.tensor([[2.0], [6.0]])
    layer = nn.BatchNorm1d(1, eps=1e-12, momentum=0.25)
    assert layer(x).flatten().tolist() == [-1, 1]
    assert (layer.running_mean.item(), layer.running_var.item()) == (1, 0.75 + 0.25 * 8)
    assert layer.num_batches_tracked.item() == 1
    out = layer.eval()(tl.tensor([[1.0]]))
    assert out.item() == 0
    assert layer.running_mean.item() == 1
    layer.reset_running_stats()
    assert (layer.running_mean.item(), layer.running_var.item(), layer.num_batches_tracked.item()) == (0, 1, 0)


def test_without_a_momentum_the_averages_are_those_of_all_batches():
    layer = nn.BatchNorm1d(1, momentum=None)
    for mean in (1.0, 4.0, 10.0):
        layer(tl.tensor([[mean - 1], [mean + 1]]))
    assert layer.running_mean.item() == pytest.approx(5)
    assert layer.running_var.item() == pytest.approx(2)


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


def test_a_frozen_layer_learns_nothing_from_the_batch():
    layer = nn.BatchNorm1d(2).eval()
    before = {key: x.clone() for key, x in layer.state_dict().items()}
    layer(tl.randn(4, 2) + 5).sum().backward()
    assert all(x.equal(before[key]) for key, x in layer.state_dict().items())


def test_averages_stay_on_the_gpu_and_nobody_waits_for_it():
    layer = nn.BatchNorm2d(2, momentum=None).to(device="strict")
    x = tl.tensor(np.random.default_rng(0).normal(size=(3, 2, 2, 2)), device="strict", dtype=tl.float32)
    with no_synchronisation():
        layer(x)
        layer(x)
    assert layer.running_mean.device == layer.num_batches_tracked.device == "strict"
    assert layer.num_batches_tracked.item() == 2


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2, 2)])
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


def test_a_graph_and_a_profile_show_batch_norm_as_one_step():
    layer, x = nn.BatchNorm1d(3), tl.randn(4, 3)
    with tl.Graph() as graph, tl.profile() as profile:
        layer(x).sum().backward()
    assert [vertex.op for vertex in graph if vertex.op] == ["batch_norm", "sum"]
    assert "batch_norm" in str(profile)
    assert "layer_norm" not in str(profile)


def test_group_norm_of_one_image_is_that_of_the_batch():
    layer, x = nn.GroupNorm(2, 4), tl.randn(3, 4, 5)
    np.testing.assert_allclose(layer(x)[1].detach().numpy(), layer(x[1:2])[0].detach().numpy(), rtol=1e-5, atol=1e-6)


normalized = shapes(min_dims=1, max_dims=2, min_side=2)


@given(st.data(), normalized, st.floats(-100, 100), st.floats(0.1, 100))
def test_layer_norm_has_mean_0_and_variance_1(data, shape, shift, scale):
    x = data.draw(distinct((*data.draw(shapes(max_dims=2)), *shape))) * scale + shift
    out = nn.LayerNorm(shape, eps=0, dtype=tl.float64)(tl.tensor(x)).detach().numpy()
    axes = tuple(range(-len(shape), 0))
    np.testing.assert_allclose(out.mean(axes), 0, atol=1e-9)
    np.testing.assert_allclose(out.var(axes), 1, rtol=1e-6)


@given(st.data(), normalized, st.floats(-3, 3), st.floats(0.5, 3))
def test_layer_norm_is_invariant_to_shift_and_scale(data, shape, shift, scale):
    x = tl.tensor(data.draw(distinct((2, *shape))))
    norm = nn.LayerNorm(shape, eps=0, dtype=tl.float64)
    for parameter in norm.parameters():
        nn.init.normal_(parameter)
    np.testing.assert_allclose(norm(x * scale + shift).detach().numpy(), norm(x).detach().numpy(), atol=1e-8)


@given(st.data(), normalized, st.floats(0.1, 100))
def test_rms_norm_has_mean_square_1(data, shape, scale):
    x = data.draw(distinct((*data.draw(shapes(max_dims=2)), *shape), start=-1.1)) * scale
    out = nn.RMSNorm(shape, eps=0, dtype=tl.float64)(tl.tensor(x)).detach().numpy()
    np.testing.assert_allclose((out**2).mean(tuple(range(-len(shape), 0))), 1, rtol=1e-9)


def test_a_constant_input_gives_0_and_no_nan():
    x = tl.full((2, 3), 5.0, requires_grad=True)
    out = nn.LayerNorm(3)(x)
    assert out.tolist() == [[0, 0, 0]] * 2
    (out * out).sum().backward()
    assert np.isfinite(x.grad.numpy()).all()
    assert nn.RMSNorm(3)(tl.zeros(2, 3)).tolist() == [[0, 0, 0]] * 2


def test_the_parameters_that_the_arguments_ask_for():
    assert list(nn.LayerNorm((2, 3)).state_dict()) == ["weight", "bias"]
    assert nn.LayerNorm((2, 3)).weight.shape == (2, 3)
    assert list(nn.LayerNorm(3, bias=False).state_dict()) == ["weight"]
    assert list(nn.LayerNorm(3, elementwise_affine=False).state_dict()) == []
    assert list(nn.RMSNorm(3).state_dict()) == ["weight"]
    assert list(nn.RMSNorm(3, elementwise_affine=False).state_dict()) == []
    assert repr(nn.LayerNorm(3)) == "LayerNorm((3,), eps=1e-05, elementwise_affine=True, bias=True)"
    assert repr(nn.RMSNorm([2, 3])) == "RMSNorm((2, 3), eps=None, elementwise_affine=True)"


@pytest.mark.parametrize("shape", [0, (), (2, 0), -1])
def test_sizes_below_1_are_refused(shape):
    for layer in (nn.LayerNorm, nn.RMSNorm):
        with pytest.raises(ValueError, match=f"{layer.__name__}: normalized_shape must"):
            layer(shape)


def test_the_default_eps_of_rms_norm_is_machine_epsilon():
    for dtype in (tl.float32, tl.float64):
        eps = np.finfo(dtype).eps
        x = tl.full((1,), float(np.sqrt(eps)), dtype=dtype)
        assert F.rms_norm(x, 1).item() == pytest.approx(1 / np.sqrt(2))
        assert F.rms_norm(x, (1,), eps=3 * eps).item() == pytest.approx(1 / 2)


def test_nothing_is_broadcast():
    x = tl.zeros(2, 3)
    for f in (F.layer_norm, F.rms_norm):
        with pytest.raises(ValueError, match=rf"{f.__name__}: wanted \(\.\.\., 4\), got \(2, 3\)"):
            f(x, 4)
        with pytest.raises(ValueError, match=r"wanted \(\.\.\., 1, 2, 3\), got \(2, 3\)"):
            f(x, (1, 2, 3))
        with pytest.raises(ValueError, match=rf"{f.__name__}: weight .* shape of x's last axes, \(3,\).* \(1,\)"):
            f(x, 3, tl.ones(1))
        with pytest.raises(ValueError, match=rf"{f.__name__}: weight .* shape of x's last axes, \(2, 3\).* \(3,\)"):
            f(x, (2, 3), tl.ones(3))
