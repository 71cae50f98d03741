"""Windows: what a language model learns from, stretches of a text and, for each token, the one that follows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lecture import Tensor

from ..tokens import as_tokens


class Windows:
    """A text as a data set: data[i] is (tokens[s : s + context], tokens[s + 1 : s + context + 1]) with s = i * stride.

    tokens: the whole text, a list, array or Tensor of integers.
    stride: from one window to the next. 1, for learning: a window begins at every token. `context`, for testing: each
    token is asked for once, and the rest at the end that fills no window is left out.

        loader = nn.DataLoader(Windows(ids, context=64), batch_size=12, shuffle=True)
        for tokens, targets in loader: ...                      # (12, 64) each

    Raises TypeError for what are no integers, ValueError for a text that is shorter than context + 1.
    """

    takes_many = True

    def __init__(self, tokens: Any, context: int, stride: int = 1) -> None:
        self.tokens = as_tokens(tokens)
        self.context, self.stride = context, stride
        if min(context, stride) < 1:
            raise ValueError(f"Windows: context and stride must be at least 1, but are {context} and {stride}")
        if self.tokens.ndim != 1 or len(self.tokens) <= context:
            raise ValueError(
                f"Windows: wanted one row of more tokens than the context of {context}, got {self.tokens.shape}; use a "
                "longer text or a smaller context"
            )

    def __len__(self) -> int:
        return (len(self.tokens) - 1 - self.context) // self.stride + 1

    def __getitem__(self, index: Any) -> tuple[Tensor, Tensor]:
        """The windows of an index, a slice or an array of them: (..., context) each."""
        start = np.arange(len(self))[index] * self.stride
        places = start[..., None] + np.arange(self.context + 1)  # (..., context + 1)
        window = self.tokens[places]
        return window[..., :-1], window[..., 1:]
