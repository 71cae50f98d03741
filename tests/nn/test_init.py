"""Weight initialisation: the spread of each formula, in place, from the seeded stream."""

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl

init = nn.init


@pytest.mark.parametrize("name", ["normal_", "trunc_normal_", "orthogonal_", "xavier_normal_", "kaiming_uniform_"])
def test_numbers_may_come_from_a_generator(name):
    state, fill = tl.get_rng_state(), getattr(init, name)
    drawn = [fill(tl.empty(3, 4), generator=tl.Generator().manual_seed(seed)).tolist() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2] and tl.get_rng_state() == state


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match=r"\(out, in, ...\), not \(3,\)"):
        init.xavier_uniform_(tl.empty(3))
    with pytest.raises(ValueError, match="'fan_avg'"):
        init.kaiming_uniform_(tl.empty(2, 2), mode="fan_avg")
    with pytest.raises(ValueError, match=r"relu.* not 'softplus'"):
        init.calculate_gain("softplus")


def test_backward_through_the_old_values_raises():
    layer = nn.Linear(2, 2)
    out = layer(tl.ones(1, 2, requires_grad=True)).sum()
    init.zeros_(layer.weight)
    with pytest.raises(RuntimeError, match="changed in place"):
        out.backward()


# --- truncated normal, orthogonal -----------------------------------------------------------------


def test_a_truncated_normal_needs_bounds_with_probability():
    for a, b in ((3, 5), (1, 1), (2, 1)):
        with pytest.raises(ValueError, match=r"trunc_normal_: only .*% of mean 0, std 1 is inside"):
            init.trunc_normal_(tl.empty(3), 0, 1, a, b)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (4, 2, 3), (2, 4, 3), (1, 1)])
@pytest.mark.parametrize("dtype", [tl.float32, tl.float64])
def test_orthogonal(shape, dtype):
    w = init.orthogonal_(tl.empty(shape, dtype=dtype), gain=2).numpy().astype(float).reshape(shape[0], -1)
    product = w @ w.T if shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)


FILLS = [
    *(init.uniform_, init.normal_, init.trunc_normal_, init.xavier_uniform_, init.xavier_normal_),
    *(init.kaiming_uniform_, init.kaiming_normal_, init.orthogonal_, init.ones_, init.zeros_),
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
