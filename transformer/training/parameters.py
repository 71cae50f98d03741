"""Parameters of a transformer: their initial values (GPT-2's recipe), and which of them decay."""

from __future__ import annotations

import math
from typing import Any

import nn
from nn import init

from ..config import TransformerConfig


def initialize(model: nn.Module, config: TransformerConfig) -> None:
    """Draw all matrices from a normal distribution with standard deviation config.std, and set biases to 0, in place.

    Norms keep their 1 and 0. Matrices that write to the residual stream (W_O and the FFN's down) are scaled by 1 /
    sqrt(2 layers), because the stream is the sum of 2 layers such outputs (Radford et al., 2019, section 2.3).
    """
    residual = config.std / math.sqrt(2 * config.layers)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            init.normal_(parameter, std=residual if name.endswith(("W_O.weight", "down.weight")) else config.std)
        elif "norm" not in name:
            init.zeros_(parameter)


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups for an optimiser: matrices get weight decay; biases and norms get none.

        nn.optim.AdamW(decay_groups(model, 0.1), lr=3e-4)

    GPT-3 decays with 0.1 (Brown et al., arXiv:2005.14165, appendix B); to leave out vectors is nanoGPT's choice.
    Frozen parameters and empty groups are left out. Raises TypeError for anything but a module.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"decay_groups: expected the model itself, got {type(model).__name__}; write decay_groups(model, 0.1)"
        )
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
