"""Questions and answers for a GPT: as tokens and targets, and the small GPT that learns from them.

Used by 12_arithmetic.py, 18_expressions.py and 19_tokens_and_size.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import nn
from transformer import GPT, GPTConfig, decay_groups
from transformer.training import IGNORED


def tokens_and_targets(
    questions: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return tokens and targets, (n, longest) each: a target is the next token, where that belongs to the answer.

    The last token of an answer ends it, and also fills the rows. Other targets are IGNORED: they do not count.
    """
    rows = [[*question, *answer] for question, answer in zip(questions, answers, strict=True)]
    texts = np.full((len(rows), max(map(len, rows))), answers[0][-1])
    for text, row in zip(texts, rows, strict=True):
        text[: len(row)] = row
    starts, ends = (np.array([len(row) for row in some])[:, None] for some in (questions, rows))  # (n, 1) each
    place = np.arange(1, texts.shape[1])
    return texts[:, :-1], np.where((starts <= place) & (place < ends), texts[:, 1:], IGNORED)


def small_gpt(
    vocab_size: int, width: int, steps: int
) -> tuple[GPT, nn.optim.Optimizer, nn.optim.lr_scheduler.LRScheduler]:
    """Return a GPT of two blocks, AdamW, and a learning rate that rises for a tenth of the steps, then falls."""
    config = GPTConfig(vocab_size=vocab_size, context=24, layers=2, heads=4, width=width,
                       activation="relu", tied=False, init_std=None)  # fmt: skip
    model = GPT(config)
    optimizer = nn.optim.AdamW(decay_groups(model, 0.1), lr=3e-3, betas=(0.9, 0.99))
    return model, optimizer, nn.optim.lr_scheduler.CosineWithWarmup(optimizer, steps // 10, steps)
