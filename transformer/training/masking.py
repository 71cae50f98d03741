"""Masked language modelling: hide some tokens, and predict them."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture import random as rng
from tinygrad_lecture.backend import to_host

from ..tokens import as_tokens, check_vocabulary
from .loss import IGNORED


def mask_tokens(
    tokens: Any,
    mask_token: int,
    vocab_size: int,
    *,
    share: float = 0.15,
    keep: Any = None,
    seed: int | None = None,
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
        raise ValueError(
            f"mask_tokens: mask_token must be 0 to {vocab_size - 1} and share 0 to 1, got mask_token {mask_token} and "
            f"share {share}"
        )
    true_tokens = to_host(as_tokens(tokens).array).astype(np.int64)  # a signed type, for -100
    check_vocabulary(true_tokens, vocab_size)
    random = rng.generator(seed)
    chosen = random.random(true_tokens.shape) < share
    if keep is not None:
        kept = np.asarray(keep.numpy() if isinstance(keep, Tensor) else keep)
        if kept.shape != true_tokens.shape:
            raise ValueError(
                f"mask_tokens: expected keep of the shape of tokens, {true_tokens.shape}, got {kept.shape}"
            )
        chosen &= ~kept.astype(bool)
    u = random.random(true_tokens.shape)
    random_tokens = random.integers(0, vocab_size, true_tokens.shape)
    inputs = np.where(chosen & (u < 0.8), mask_token, true_tokens)  # 80%
    inputs = np.where(chosen & (u >= 0.8) & (u < 0.9), random_tokens, inputs)  # 10%
    return tl.tensor(inputs), tl.tensor(np.where(chosen, true_tokens, IGNORED))
