"""Training a language model: initial parameters, windows of a text, masked tokens, the loss."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

import nn
import tinygrad_lecture as tl
from nn import functional as F, init
from nn.data import Dataset
from tinygrad_lecture import Tensor, random as rng
from tinygrad_lecture.backend import to_host

from .config import TransformerConfig
from .inputs import as_tokens, check_vocabulary

__all__ = ["TokenCrossEntropy", "Windows", "decay_groups", "mask_tokens", "token_cross_entropy"]

IGNORED = -100  # the target to ignore, as in PyTorch


# --- parameters -----------------------------------------------------------------------------------------------


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
    Frozen parameters and empty groups are left out.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


# --- data -----------------------------------------------------------------------------------------------------


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


def mask_tokens(
    tokens: Any, mask_token: int, vocab_size: int, *, share: float = 0.15, keep: Any = None, seed: int | None = None
) -> tuple[Tensor, Tensor]:
    """Inputs with some tokens hidden, and the targets; both have the shape of tokens and are on the CPU.

    Each token is chosen with probability `share`. Of the chosen, 80% become `mask_token`, 10% a random token, and 10%
    stay, so that the model cannot rely on any input token being right (Devlin et al., arXiv:1810.04805, section 3.1).
    Targets are the true tokens where chosen, and -100 elsewhere.

    - `keep`: bools with the shape of tokens, True for those never chosen, such as padding.
    - `seed`: for a random stream of its own; None uses the one that `tl.manual_seed` seeds.

    Raises TypeError if tokens are not integers, IndexError for a token outside the vocabulary, ValueError for a
    mask_token outside it, a share outside [0, 1], or a `keep` of another shape.
    """
    mask_token = operator.index(mask_token)
    if not 0 <= mask_token < vocab_size or not 0 <= share <= 1:
        raise ValueError(f"mask_tokens: mask_token is 0 to {vocab_size - 1}, share 0 to 1, not {mask_token}, {share}")
    true_tokens = to_host(as_tokens(tokens).array).astype(np.int64)  # a signed type, for -100
    check_vocabulary(true_tokens, vocab_size)
    random = rng.generator(seed)
    chosen = random.random(true_tokens.shape) < share
    if keep is not None:
        chosen &= ~np.asarray(keep.numpy() if isinstance(keep, Tensor) else keep).astype(bool)
    u = random.random(true_tokens.shape)
    random_tokens = random.integers(0, vocab_size, true_tokens.shape)
    inputs = np.where(chosen & (u < 0.8), mask_token, true_tokens)  # 80%
    inputs = np.where(chosen & (u >= 0.8) & (u < 0.9), random_tokens, inputs)  # 10%
    return tl.tensor(inputs), tl.tensor(np.where(chosen, true_tokens, IGNORED))


# --- the loss of all models: cross-entropy, averaged over tokens ----------------------------------------------


def token_cross_entropy(logits: Tensor, targets: Any) -> Tensor:
    """The mean of -log(softmax(logits)[target]) over all tokens whose target is not -100.

    - `logits`: (..., tokens, vocab_size).
    - `targets`: (..., tokens), integers, a Tensor on any device, array or list.

    Raises ValueError if the shapes do not match.
    """
    targets = tl.as_tensor(targets, device=logits.device)
    if targets.shape != logits.shape[:-1]:
        raise ValueError(f"token_cross_entropy: targets must be {logits.shape[:-1]}, not {targets.shape}")
    rows = logits.reshape(targets.numel(), logits.shape[-1])  # (batch * tokens, vocab_size)
    return F.cross_entropy(rows, targets.reshape(targets.numel()), ignore_index=IGNORED)


class TokenCrossEntropy(nn.Module):
    """`token_cross_entropy` as a module for a Trainer, which also asks it for the number of tokens in a batch.

    For example:

        batches = nn.DataLoader(Windows(ids, context=64), batch_size=12, shuffle=True)
        nn.Trainer(model, batches, TokenCrossEntropy(), optimizer, steps=2000)
    """

    def forward(self, logits: Tensor, targets: Any) -> Tensor:
        """logits (..., tokens, vocab_size), targets (..., tokens) -> 0-d."""
        return token_cross_entropy(logits, targets)

    def count(self, targets: Tensor) -> Any:
        """How many targets are not ignored: a number, or a 0-d Tensor."""
        return nn.CrossEntropyLoss(ignore_index=IGNORED).count(targets)
