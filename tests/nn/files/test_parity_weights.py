"""A state_dict saved by PyTorch as safetensors loads here, and one saved here loads there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")

from torch_parity import close  # noqa: E402 - it needs torch

pytestmark = pytest.mark.parity


def build(module: Any) -> Any:
    """A network with every layer that has weights and every container, from nn or torch.nn."""
    return module.ModuleDict(
        {
            "tokens": module.Embedding(7, 4, padding_idx=-1),
            "blocks": module.ModuleList(module.Sequential(module.LayerNorm(4), module.Linear(4, 4)) for _ in "ab"),
            "norm": module.RMSNorm(4),
            "head": module.Linear(4, 3, bias=False),
            "scales": module.ParameterList([module.Parameter((tl if module is nn else torch).ones(4))]),
            "by_name": module.ParameterDict({"shift": module.Parameter((tl if module is nn else torch).zeros(4))}),
        }
    )


def run(net: Any, x: Any) -> Any:
    """The output of the network."""
    x = net["tokens"](x)
    for block in net["blocks"]:
        x = x + block(x)
    return net["head"](net["norm"](x) * net["scales"][0] + net["by_name"]["shift"])


def randomize(net: Any) -> None:
    """Give every parameter a random value, other than its initial one."""
    for parameter in net.parameters():
        nn.init.normal_(parameter) if isinstance(parameter, tl.Tensor) else torch.nn.init.normal_(parameter)


TOKENS = np.array([[0, 1, 2], [6, 5, 4]])


def agree(ours: Any, theirs: Any) -> None:
    """Fail unless both networks compute the same."""
    close(run(ours, tl.tensor(TOKENS)), run(theirs, torch.tensor(TOKENS)), "output", "float32")


def test_from_pytorch(tmp_path: Path) -> None:
    ours, theirs = build(nn), build(torch.nn)
    randomize(theirs)
    safetensors.save_file(theirs.state_dict(), tmp_path / "weights.safetensors")
    assert ours.load_state_dict(nn.weights.load_file(tmp_path / "weights.safetensors")) == ([], [])
    agree(ours, theirs)


def test_to_pytorch(tmp_path: Path) -> None:
    ours, theirs = build(nn), build(torch.nn)
    randomize(ours)
    nn.weights.save_file(ours.state_dict(), tmp_path / "weights.safetensors")
    theirs.load_state_dict(safetensors.load_file(tmp_path / "weights.safetensors"))
    agree(ours, theirs)


def test_keys_and_shapes_are_the_same() -> None:
    ours, theirs = build(nn).state_dict(), build(torch.nn).state_dict()
    assert {key: tensor.shape for key, tensor in ours.items()} == {key: tuple(t.shape) for key, t in theirs.items()}


def test_losses_keep_their_weights_in_the_state() -> None:
    ours = nn.BCEWithLogitsLoss(pos_weight=tl.ones(3)), nn.CrossEntropyLoss(tl.ones(2)), nn.MSELoss()
    theirs = (
        torch.nn.BCEWithLogitsLoss(pos_weight=torch.ones(3)),
        torch.nn.CrossEntropyLoss(torch.ones(2)),
        torch.nn.MSELoss(),
    )
    assert [list(loss.state_dict()) for loss in ours] == [list(loss.state_dict()) for loss in theirs]
