"""The weights a model starts with, GPT-2's recipe; and which of them decay."""

from __future__ import annotations

import math
from typing import Any

import nn
from nn import init

from ..config import TransformerConfig


def initialize(model: nn.Module, config: TransformerConfig) -> None:
    """All matrices normal with standard deviation config.std, all biases 0; norms keep their 1 and 0. In place.

    What writes to the residual stream (W_O and the FFN's down) starts smaller, by 1 / sqrt(2 layers), since the stream
    is the sum of 2 * layers such parts (Radford et al., 2019, section 2.3).
    """
    residual = config.std / math.sqrt(2 * config.layers)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            init.normal_(parameter, std=residual if name.endswith(("W_O.weight", "down.weight")) else config.std)
        elif "norm" not in name:
            init.zeros_(parameter)


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """The parameters for an optimiser, in two groups: matrices, which decay, and biases and norms, which do not.

    (Brown et al., arXiv:2005.14165, appendix B, decay 0.1; that vectors are left out is nanoGPT's.)
    Raises TypeError for what is no module.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"decay_groups takes the model itself, not {type(model).__name__}: decay_groups(model, 0.1)")
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
