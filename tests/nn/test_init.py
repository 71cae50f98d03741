"""Weight initialisation: the spread of each formula, in place, from the seeded stream."""

import math

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl

init = nn.init
IN, OUT = 300, 500

CASES = [
    (init.uniform_, {"a": -1, "b": 3}, 4 / math.sqrt(12)),
    (init.normal_, {"mean": 1, "std": 2}, 2),
    (init.xavier_uniform_, {}, math.sqrt(2 / (IN + OUT))),
    (init.xavier_uniform_, {"gain": 2}, 2 * math.sqrt(2 / (IN + OUT))),
    (init.xavier_normal_, {"gain": 2}, 2 * math.sqrt(2 / (IN + OUT))),
    (init.kaiming_uniform_, {"nonlinearity": "relu"}, math.sqrt(2 / IN)),
    (init.kaiming_uniform_, {"a": math.sqrt(5)}, math.sqrt(1 / 3 / IN)),
    (init.kaiming_normal_, {"mode": "fan_out", "nonlinearity": "linear"}, math.sqrt(1 / OUT)),
    (init.kaiming_normal_, {}, math.sqrt(2 / IN)),
]


@pytest.mark.parametrize("dtype", [tl.float32, tl.float64])
@pytest.mark.parametrize(("fill", "settings", "std"), CASES)
def test_the_spread_is_as_promised(fill, settings, std, dtype):
    weight = nn.Parameter(tl.empty(OUT, IN, dtype=dtype))
    assert fill(weight, **settings) is weight
    values = weight.detach().numpy()
    assert values.dtype == dtype
    assert abs(values.std() / std - 1) < 0.01
    centre = {init.uniform_: 1, init.normal_: 1}.get(fill, 0)
    assert abs(values.mean() - centre) < 0.02
    if "uniform" in fill.__name__:
        assert abs(values - centre).max() <= std * math.sqrt(3) * (1 + 1e-6)


@pytest.mark.parametrize("name", ["normal_", "trunc_normal_", "orthogonal_", "xavier_normal_", "kaiming_uniform_"])
def test_numbers_may_come_from_a_generator(name):
    state, fill = tl.get_rng_state(), getattr(init, name)
    drawn = [fill(tl.empty(3, 4), generator=tl.Generator().manual_seed(seed)).tolist() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2] and tl.get_rng_state() == state


def test_constants():
    x = tl.empty(2, 2)
    assert init.zeros_(x).tolist() == [[0, 0], [0, 0]]
    assert init.ones_(x).tolist() == [[1, 1], [1, 1]]
    assert init.constant_(x, 0.5).tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_further_axes_multiply_both_fans():
    weight = tl.empty(4, 3, 5, 5)
    assert init.fans(weight) == (75, 100)
    assert np.abs(init.xavier_uniform_(weight).numpy()).max() <= math.sqrt(6 / 175)


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match=r"\(out, in, ...\), not \(3,\)"):
        init.xavier_uniform_(tl.empty(3))
    with pytest.raises(ValueError, match="'fan_avg'"):
        init.kaiming_uniform_(tl.empty(2, 2), mode="fan_avg")
    with pytest.raises(ValueError, match=r"relu.* not 'softplus'"):
        init.calculate_gain("softplus")


def test_gains_are_pytorchs():
    gains = {"linear": 1, "sigmoid": 1, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}
    assert {name: init.calculate_gain(name) for name in gains} == gains
    assert init.calculate_gain("leaky_relu") == pytest.approx(math.sqrt(2 / 1.0001))
    assert init.calculate_gain("leaky_relu", 1.0) == pytest.approx(1)


def test_backward_through_the_old_values_raises():
    layer = nn.Linear(2, 2)
    out = layer(tl.ones(1, 2, requires_grad=True)).sum()
    init.zeros_(layer.weight)
    with pytest.raises(RuntimeError, match="changed in place"):
        out.backward()


# --- truncated normal, orthogonal, identity -----------------------------------------------------------------


@pytest.mark.parametrize("dtype", [tl.float16, tl.float32, tl.float64])
@pytest.mark.parametrize(("mean", "std", "a", "b"), [(0, 1, -2, 2), (0, 0.02, -2, 2), (1, 2, -1, 1.5), (0, 1, 1, 3)])
def test_a_truncated_normal_stays_inside_its_bounds(mean, std, a, b, dtype):
    values = init.trunc_normal_(tl.empty(100, 200, dtype=dtype), mean, std, a, b).numpy().astype(float)
    assert values.min() >= np.array(a, dtype)
    assert values.max() <= np.array(b, dtype)
    x = np.linspace(a, b, 20_001)
    density = np.exp(-(((x - mean) / std) ** 2) / 2)
    wanted = (x * density).sum() / density.sum()
    assert abs(values.mean() - wanted) < 0.02 * max(std, 0.1)


def test_a_truncated_normal_needs_bounds_with_probability():
    for a, b in ((3, 5), (1, 1), (2, 1)):
        with pytest.raises(ValueError, match=r"trunc_normal_: only .*% of mean 0 and std 1 is inside"):
            init.trunc_normal_(tl.empty(3), 0, 1, a, b)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (4, 2, 3), (2, 4, 3), (1, 1)])
@pytest.mark.parametrize("dtype", [tl.float32, tl.float64])
def test_orthogonal(shape, dtype):
    w = init.orthogonal_(tl.empty(shape, dtype=dtype), gain=2).numpy().astype(float).reshape(shape[0], -1)
    product = w @ w.T if shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)


def test_orthogonal_matrices_prefer_no_direction():
    first = np.array([init.orthogonal_(tl.empty(3, 3)).numpy()[0, 0] for _ in range(400)])
    assert abs((first > 0).mean() - 0.5) < 0.125  # 5 standard deviations of chance
    assert abs(first.mean()) < 0.15


def test_eye():
    assert init.eye_(tl.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    for fill, shape in ((init.eye_, (2,)), (init.eye_, (2, 2, 2)), (init.orthogonal_, (3,))):
        with pytest.raises(ValueError, match=rf"{fill.__name__}: the tensor must .* not .*{shape[0]},"):
            fill(tl.empty(shape))


FILLS = [
    *(init.uniform_, init.normal_, init.trunc_normal_, init.xavier_uniform_, init.xavier_normal_),
    *(init.kaiming_uniform_, init.kaiming_normal_, init.orthogonal_, init.eye_, init.ones_, init.zeros_),
]


@pytest.mark.parametrize("fill", FILLS)
def test_parameters_are_filled_on_their_device_from_the_seed(fill):
    def filled():
        tl.manual_seed(3)
        weight = nn.Parameter(tl.full((4, 3), 9.0, device="strict"))
        assert fill(weight) is weight
        assert (weight.device, weight.dtype, weight.requires_grad) == ("strict", tl.float32, True)
        return weight.tolist()

    assert filled() == filled()
    assert not np.any(np.array(filled()) == 9)


def test_skip_draws_nothing_and_ends_with_its_block():
    before = tl.get_rng_state()
    with init.skip():
        layer = nn.Linear(3, 2)
        with init.skip():
            pass
        for fill in (init.normal_, init.trunc_normal_, init.orthogonal_, init.xavier_uniform_):
            fill(layer.weight)
    assert tl.get_rng_state() == before
    init.zeros_(layer.weight)
    assert init.normal_(layer.weight).detach().numpy().all()
