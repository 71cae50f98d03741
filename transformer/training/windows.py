"""Windows: the training examples of a language model, stretches of a text with the next token as target."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn.data import Dataset
from tinygrad_lecture import Tensor

from ..tokens import as_tokens


class Windows(Dataset[tuple[Tensor, Tensor]]):
    """A dataset over a text: item i is (tokens[s : s + context], tokens[s + 1 : s + context + 1]) with s = i * stride.

        loader = nn.DataLoader(Windows(ids, context=64), batch_size=12, shuffle=True)
        for tokens, targets in loader: ...                      # (12, 64) each

    - `tokens`: the whole text, a list, array or Tensor of integers.
    - `context`: the length of a window.
    - `stride`: from one window to the next. 1 (for training) starts a window at every token. `context` (for testing)
      predicts each token once; an end too short for a window is left out.

    Raises TypeError for anything but integers, ValueError for a text of fewer than context + 1 tokens.
    """

    takes_many = True  # a DataLoader passes the indices of a batch in one array

    def __init__(self, tokens: Any, context: int, stride: int = 1) -> None:
        self.tokens = as_tokens(tokens)
        self.context, self.stride = context, stride
        if min(context, stride) < 1:
            raise ValueError(f"Windows: context and stride must be at least 1, got {context} and {stride}")
        if self.tokens.ndim != 1 or len(self.tokens) <= context:
            raise ValueError(
                f"Windows: tokens must be one row of more than context = {context} tokens, got shape "
                f"{self.tokens.shape}; use a longer text or a smaller context"
            )

    def __len__(self) -> int:
        return (len(self.tokens) - 1 - self.context) // self.stride + 1

    def __getitem__(self, index: Any) -> tuple[Tensor, Tensor]:
        """The windows at an index, slice or array of indices: (..., context) each."""
        start = np.arange(len(self))[index] * self.stride
        window = self.tokens[start[..., None] + np.arange(self.context + 1)]  # (..., context + 1)
        return window[..., :-1], window[..., 1:]
