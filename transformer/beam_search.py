"""Beam search: of all continuations of some texts the likeliest are followed, and of those that end the best is taken.

    two beams                 each with each next token                      the likeliest two go on
    The cat   log p -0.9      The cat sat -1.3      The cat is -1.9          The cat sat -1.3
    A dog     log p -1.1      A dog sat   -2.6      A dog is   -1.5          A dog is    -1.5

A text that ends is set aside with the score log p / length ** length_penalty: each further token makes log p smaller,
so without the division the shortest would be best. A single beam is greedy generation. (Sutskever et al.,
arXiv:1409.3215, section 3.2; Wu et al., arXiv:1609.08144, section 7.) When to stop is decided as in `transformers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import zip_longest

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture.backend import Array, to_host

from .cache import Texts
from .generation import Settings, adjusted, check_finite


def beam_search(
    texts: Texts, settings: Settings, stop: list[int], ends: Callable[[list[int]], bool], begun: int = 0
) -> Iterator[tuple[int, ...]]:
    """Yields the tokens of the best continuations, a column (batch,) at a time, -1 after the end of one.

    - `texts`: `num_beams` equal rows for each prompt, one after another.
    - `stop`: tokens that end a text; they are not yielded. `ends`: whether a continuation ends for another reason.
    - `begun`: how many tokens of a prompt count in the length of a text.

    All is searched when the first column is asked for.
    """
    beams, most, penalty = settings["num_beams"], settings["max_new_tokens"], settings["length_penalty"]
    batch, start = len(texts.tokens) // beams, texts.tokens.shape[1]
    scores = np.full((batch, beams), -np.inf)
    scores[:, 0] = 0  # the rows of a prompt are equal at first, so one of them counts
    finished: list[list[tuple[float, list[int]]]] = [[] for _ in range(batch)]  # score and tokens, the best first
    searching = np.ones(batch, np.bool_)
    for n in range(1, most + 1):
        log_p = adjusted(tl.log_softmax(texts.next_logits(), -1), texts.tokens, texts.mask, settings, n == most)
        sums, tokens = _likeliest(scores, to_host(log_p.array), beams * max(2, 1 + len(stop)))
        size, parents, chosen = (begun + n) ** penalty, np.zeros_like(scores, int), np.zeros_like(scores, int)
        for i in range(batch):
            going_on = []
            for rank, (score, (beam, token)) in enumerate(zip(sums[i].tolist(), tokens[i].tolist(), strict=True)):
                text = [*texts.tokens[i * beams + beam, start:].tolist(), token]
                if n < most and token not in stop and not ends(text):
                    going_on.append((score, i * beams + beam, token))
                elif rank < beams and searching[i]:
                    finished[i].append((score / size, text))
            finished[i] = sorted(finished[i], key=lambda each: -each[0])[:beams]
            going_on += [(-np.inf, i * beams, 0)] * beams  # where all end
            scores[i], parents[i], chosen[i] = zip(*going_on[:beams], strict=True)
            worst = finished[i][-1][0] if len(finished[i]) == beams else -np.inf
            searching[i] &= scores[i, 0] / size > worst
        if not searching.any():
            break
        texts.select(parents.reshape(-1))  # (batch, beams) -> (batch * beams,)
        texts.append(chosen.reshape(-1), np.ones(batch * beams, np.bool_))
    best = [texts_of_prompt[0][1] if texts_of_prompt else [] for texts_of_prompt in finished]
    yield from zip_longest(*([t for t in text if t not in stop] for text in best), fillvalue=-1)


def _likeliest(scores: Array, log_p: Array, count: int) -> tuple[Array, Array]:
    """The likeliest continuations of each prompt's beams, the likeliest first.

    - `scores`: (batch, beams), log p of each. `log_p`: (batch * beams, vocab_size), of each next token.

    Returns log p, (batch, count), and which beam is followed by which token, (batch, count, 2).
    """
    batch, beams = scores.shape
    sums = scores[..., None] + log_p.reshape(batch, beams, -1)  # (batch, beams, vocab_size)
    check_finite(sums.max(axis=(1, 2)))
    flat = sums.reshape(batch, -1)  # (batch, beams * vocab_size)
    count = min(count, flat.shape[1])
    best = np.argpartition(-flat, count - 1, axis=-1)[:, :count]  # (batch, count), in any order
    order = np.argsort(-np.take_along_axis(flat, best, -1), axis=-1, kind="stable")
    best = np.take_along_axis(best, order, -1)
    return np.take_along_axis(flat, best, -1), np.stack(np.divmod(best, sums.shape[-1]), -1)
