"""The loss of all three models: cross-entropy, averaged over tokens."""

from __future__ import annotations

from typing import Any

import nn
import tinygrad_lecture as tl
from nn import functional as F
from tinygrad_lecture import Tensor

IGNORED = -100  # the target to ignore, as in PyTorch


def token_cross_entropy(logits: Tensor, targets: Any, ignore_index: int = IGNORED) -> Tensor:
    """The mean of -log(softmax(logits)[target]) over all tokens whose target is not ignore_index.

    - `logits`: (..., tokens, vocab_size).
    - `targets`: (..., tokens), integers, a Tensor on any device, array or list.

    Raises ValueError if the shapes do not match.
    """
    targets = tl.as_tensor(targets, device=logits.device)
    if targets.shape != logits.shape[:-1]:
        raise ValueError(
            f"token_cross_entropy: logits {logits.shape} need one target per token, shape {logits.shape[:-1]}, got "
            f"{targets.shape}"
        )
    rows = logits.reshape(targets.numel(), logits.shape[-1])  # (batch * tokens, vocab_size)
    return F.cross_entropy(rows, targets.reshape(targets.numel()), ignore_index=ignore_index)


class TokenCrossEntropy(nn.Module):
    """`token_cross_entropy` as a module for a Trainer, which also asks it for the number of tokens in a batch.

    For example:

        batches = nn.DataLoader(Windows(ids, context=64), batch_size=12, shuffle=True)
        nn.Trainer(model, batches, TokenCrossEntropy(), optimizer, steps=2000)
    """

    def __init__(self, ignore_index: int = IGNORED) -> None:
        self.ignore_index = ignore_index

    def forward(self, logits: Tensor, targets: Any) -> Tensor:
        """logits (..., tokens, vocab_size), targets (..., tokens) -> 0-d."""
        return token_cross_entropy(logits, targets, self.ignore_index)

    def count(self, targets: Tensor) -> Any:
        """How many targets are not ignored: a number, or a 0-d Tensor."""
        return nn.CrossEntropyLoss(ignore_index=self.ignore_index).count(targets)
