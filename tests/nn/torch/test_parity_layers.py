"""Layers of torch.nn that nn leaves out, and containers that change: what PyTorch's give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

reference = pytest.importorskip("torch")

import nn.torch as ours  # noqa: E402

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

CALLS = """
nn.Threshold(0.1, 20.0)(x)
nn.AlphaDropout(0.3).eval()(x)
nn.LocalResponseNorm(2)(images)
nn.LocalResponseNorm(3, alpha=0.1, beta=0.5, k=2.0)(images)
F.local_response_norm(images, 4, alpha=1.0)
F.upsample(images, scale_factor=2)
F.gumbel_softmax(x, hard=True).sum(-1)
F.gumbel_softmax(x, tau=0.5, dim=0).sum(0)
F.softmax(x)
F.log_softmax(images[0])
F.softmin(images, dim=None)
F.softmax(x, 0, dtype=torch.float64)
"""


def names(torch: Any) -> dict[str, Any]:
    random = np.random.default_rng(0)
    images = torch.tensor(random.normal(size=(2, 4, 3, 2)).astype("float32"), requires_grad=True)
    x = torch.tensor(random.normal(size=(3, 4)).astype("float32"), requires_grad=True)
    return {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "images": images, "x": x}


def value_and_gradient(torch: Any, call: str) -> tuple[np.ndarray, np.ndarray]:
    given = names(torch)
    result = eval(call, given)
    (result * result).sum().backward()
    inner = given["images" if "images" in call else "x"].grad
    return result.detach().numpy(), inner.numpy()


@pytest.mark.parametrize("call", CALLS.strip().splitlines())
def test_value_and_gradient_are_pytorchs(call):
    compared = zip(value_and_gradient(ours, call), value_and_gradient(reference, call), strict=True)
    for mine, wanted in list(compared)[: 1 if "gumbel" in call else 2]:
        np.testing.assert_allclose(mine, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layer", ["Threshold(0.1, 20)", "AlphaDropout(0.2)", "LocalResponseNorm(2)"])
def test_a_layer_prints_as_pytorchs(layer):
    assert repr(eval(f"nn.{layer}", names(ours))) == repr(eval(f"nn.{layer}", names(reference)))


def test_alpha_dropout_keeps_mean_and_variance():
    ours.manual_seed(0)
    x = ours.nn.functional.alpha_dropout(ours.randn(100_000), 0.3, training=True)
    assert abs(x.mean().item()) < 0.02
    assert abs(x.var().item() - 1) < 0.02


def test_gumbel_softmax_draws_with_its_probabilities_and_passes_gradients():
    ours.manual_seed(0)
    logits = ours.tensor([0.1, 0.2, 0.7]).log().repeat(20_000, 1).requires_grad_()
    drawn = ours.nn.functional.gumbel_softmax(logits, hard=True)
    np.testing.assert_allclose(drawn.mean(0).tolist(), [0.1, 0.2, 0.7], atol=0.02)
    (drawn * ours.arange(3.0)).sum().backward()
    assert logits.grad.abs().sum() > 0


CHANGES = """
del layers[0]
del layers[1:3]
del layers[-1]
layers.insert(1, nn.ReLU())
layers.insert(0, nn.Tanh())
layers.append(layers.pop(0))
layers.pop(-1)
layers.pop(1)
"""


@pytest.mark.parametrize("kind", ["nn.Sequential(*made)", "nn.ModuleList(made)"])
@pytest.mark.parametrize("change", CHANGES.strip().splitlines())
def test_a_container_changes_as_pytorchs(kind, change):
    printed = []
    for torch in (ours, reference):
        given = names(torch)
        given["made"] = [torch.nn.Linear(n + 1, 2) for n in range(4)]
        given["layers"] = eval(kind, given)
        exec(change, given)
        printed.append((repr(given["layers"]), list(given["layers"].state_dict()), len(given["layers"])))
    assert printed[0] == printed[1]


def test_the_names_that_models_import_are_there():
    init, modules = ours.nn.init, ours.nn.modules
    assert init._calculate_fan_in_and_fan_out(ours.ones(3, 5, 2)) == (10, 6)
    assert issubclass(modules.loss._Loss, ours.nn.Module)
    assert modules.utils._pair(3) == (3, 3)
    assert modules.utils._pair([1, 2]) == (1, 2)
    start, end = ours.cuda.Event(enable_timing=True), ours.cuda.Event(enable_timing=True)
    start.record()
    end.record()
    assert start.elapsed_time(end) >= 0
    assert ours.empty_like(ours.ones(2), memory_format=ours.legacy_contiguous_format).shape == (2,)
