"""The loss of all three models: how surprised they are by the tokens that they should have said."""

from __future__ import annotations

from typing import Any

import nn
from nn import functional as F
from nn.errors.checks import as_tensor
from nn.functional.loss import counted
from tinygrad_lecture import Tensor

IGNORED = -100  # a target that is not counted, as in PyTorch


def token_cross_entropy(logits: Tensor, targets: Any, ignore_index: int = IGNORED) -> Tensor:
    """The mean of -log(softmax(logits)[target]) over all tokens but those whose target is ignore_index.

    logits: (..., tokens, vocab_size).  targets: (..., tokens), integers, a Tensor of any device, array or list.
    Raises ValueError for shapes that do not fit.
    """
    targets = as_tensor(targets, logits).to(device=logits.device)
    if targets.shape != logits.shape[:-1]:
        raise ValueError(
            f"logits {logits.shape} want a target for each token, {logits.shape[:-1]}, got {targets.shape}"
        )
    rows = logits.reshape(targets.numel(), logits.shape[-1])  # (batch * tokens, vocab_size)
    return F.cross_entropy(rows, targets.reshape(targets.numel()), ignore_index=ignore_index)


class TokenCrossEntropy(nn.Module):
    """`token_cross_entropy` for a Trainer, which has it say how many tokens a mini-batch has.

    nn.Trainer(model, nn.DataLoader(Windows(ids, 64), 12, shuffle=True), TokenCrossEntropy(), optimizer, steps=2000)
    """

    def __init__(self, ignore_index: int = IGNORED) -> None:
        self.ignore_index = ignore_index

    def forward(self, logits: Tensor, targets: Any) -> Tensor:
        return token_cross_entropy(logits, targets, self.ignore_index)

    def count(self, targets: Tensor) -> Any:
        """The tokens that are counted; a number, or a 0-d Tensor."""
        return counted(targets, ignore_index=self.ignore_index)
