"""The loss of all three models: how surprised they are by the tokens that they should have said."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from nn import functional as F
from tinygrad_lecture.backend import is_array

IGNORED = -100  # a target that is not counted, as in PyTorch


def token_cross_entropy(logits: Tensor, targets: Any, ignore_index: int = IGNORED) -> Tensor:
    """The mean of -log(softmax(logits)[target]) over all tokens but those whose target is ignore_index.

    logits: (..., tokens, vocab_size).  targets: (..., tokens), integers, a Tensor, array or list.
    Raises ValueError for shapes that do not fit.
    """
    if not isinstance(targets, Tensor):
        targets = tl.tensor(targets if is_array(targets) else np.asarray(targets), device=logits.device)
    if targets.shape != logits.shape[:-1]:
        raise ValueError(
            f"logits {logits.shape} want a target for each token, {logits.shape[:-1]}, got {targets.shape}"
        )
    rows = logits.reshape(targets.numel(), logits.shape[-1])  # (batch * tokens, vocab_size)
    return F.cross_entropy(rows, targets.reshape(targets.numel()), ignore_index=ignore_index)
