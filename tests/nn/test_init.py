"""Weight initialisation: in place, from the seeded stream; where PyTorch is installed, with its bounds and spreads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import nn
import tinygrad_lecture as tl

init = nn.init


@pytest.mark.parametrize("name", ["normal_", "trunc_normal_", "orthogonal_", "xavier_normal_", "kaiming_uniform_"])
def test_numbers_may_come_from_a_generator(name):
    state, fill = tl.get_rng_state(), getattr(init, name)
    drawn = [fill(tl.empty(3, 4), generator=tl.Generator().manual_seed(seed)).tolist() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2] and tl.get_rng_state() == state


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: init.xavier_uniform_(tl.empty(3)), r"\(out, in, ...\), not \(3,\)"),
        (lambda: init.kaiming_uniform_(tl.empty(2, 2), mode="fan_avg"), "'fan_avg'"),
        (lambda: init.calculate_gain("softplus"), r"relu.* not 'softplus'"),
        (lambda: init.orthogonal_(tl.empty(3)), r"orthogonal_: the tensor must .* not \(3,\)"),
        *(
            (lambda a=a, b=b: init.trunc_normal_(tl.empty(3), 0, 1, a, b), "only .*% of mean 0, std 1 is inside")
            for a, b in ((3, 5), (2, 1))
        ),
    ],
)
def test_bad_settings_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_backward_through_the_old_values_raises():
    layer = nn.Linear(2, 2)
    out = layer(tl.ones(1, 2, requires_grad=True)).sum()
    init.zeros_(layer.weight)
    with pytest.raises(RuntimeError, match="changed in place"):
        out.backward()


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (2, 4, 3), (1, 1)])
@pytest.mark.parametrize("dtype", [tl.float32, tl.float64])
def test_orthogonal(shape, dtype):
    w = init.orthogonal_(tl.empty(shape, dtype=dtype), gain=2).numpy().astype(float).reshape(shape[0], -1)
    product = w @ w.T if shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)


NAMES = "uniform normal trunc_normal xavier_uniform xavier_normal kaiming_uniform kaiming_normal orthogonal ones zeros"


@pytest.mark.parametrize("fill", [getattr(init, f"{name}_") for name in NAMES.split()])
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


# --- PyTorch's: the random streams differ, so no number is the same -----------------------------------------

SETTINGS: list[tuple[str, dict[str, Any]]] = [
    *((f"xavier_{kind}_", {"gain": gain}) for kind in ("uniform", "normal") for gain in (0.5, 1.0)),
    *(
        (f"kaiming_{kind}_", {"a": a, "mode": mode, "nonlinearity": name})
        for kind in ("uniform", "normal")
        for a, mode, name in ((math.sqrt(5), "fan_in", "leaky_relu"), (0.0, "fan_out", "relu"), (0.0, "fan_in", "tanh"))
    ),
    *(("kaiming_normal_", {"nonlinearity": name}) for name in ("linear", "sigmoid")),
]


@pytest.mark.parity
@pytest.mark.parametrize("shape", [(3, 5), (4, 2, 3)])
@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_bounds_and_spreads_are_pytorchs(name: str, settings: dict[str, Any], shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    asked: list[tuple[float, float]] = []
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("uniform_", "normal_"):
            patch.setattr(init, kind, lambda tensor, a, b: asked.append((a, b)))
            patch.setattr(torch.Tensor, kind, lambda tensor, a, b, generator=None: asked.append((a, b)))
        getattr(init, name)(tl.empty(shape), **settings)
        getattr(torch.nn.init, name)(torch.empty(shape), **settings)
    ours, theirs = asked
    assert ours == pytest.approx(theirs, rel=1e-14)


def distance(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The largest distance between two samples' distribution functions (Kolmogorov & Smirnov), in units of chance: of
    two samples from one distribution it is above 3 about once in 30 million times."""
    a, b = np.sort(a.ravel()), np.sort(b.ravel())
    places = np.concatenate([a, b])
    gap = np.searchsorted(a, places, "right") / a.size - np.searchsorted(b, places, "right") / b.size
    return float(np.abs(gap).max() * math.sqrt(a.size * b.size / (a.size + b.size)))


FILLS: list[tuple[str, tuple[float, ...]]] = [
    *(("uniform_", (-1.0, 3.0)), ("normal_", (1.0, 0.5)), ("trunc_normal_", ()), ("orthogonal_", ())),
    ("trunc_normal_", (0.5, 2.0, -1.0, 1.0)),
]


@pytest.mark.parity
@pytest.mark.parametrize(("name", "settings"), FILLS)
def test_samples_have_pytorchs_distribution(name: str, settings: tuple[float, ...]) -> None:
    """Only the first element of many matrices: the elements of an orthogonal one are not independent."""
    torch = pytest.importorskip("torch")
    tl.manual_seed(1)
    torch.manual_seed(1)
    ours = np.array([getattr(init, name)(tl.empty(2, 3), *settings).numpy().flat[0] for _ in range(1000)])
    theirs = np.array([getattr(torch.nn.init, name)(torch.empty(2, 3), *settings).numpy().flat[0] for _ in range(1000)])
    assert distance(ours, theirs) < 3


LAYERS: dict[str, tuple[Any, ...]] = {
    "Linear": (50, 80), "Embedding": (50, 80, 3), "LayerNorm": ((3, 4),), "Conv1d": (4, 60, 5),
    "Conv2d": (8, 60, 3, 1, 0, 1, 2), "ConvTranspose2d": (60, 8, 3, 1, 0, 0, 2),
    "LSTM": (20, 30, 2, True, True, 0.0, True), "GRU": (20, 30), "LSTMCell": (20, 30),
    "MultiheadAttention": (40, 4),
}  # fmt: skip


@pytest.mark.parity
@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_initialised_like_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    tl.manual_seed(1)
    torch.manual_seed(1)
    ours, theirs = (getattr(module, name)(*LAYERS[name]).state_dict() for module in (nn, torch.nn))
    assert list(ours) == list(theirs)
    for key, tensor in theirs.items():
        assert ours[key].shape == tuple(tensor.shape)
        assert distance(ours[key].numpy(), tensor.numpy()) < 3
