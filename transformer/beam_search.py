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

from tinygrad_lecture.backend import Array

from .cache import Texts


def beam_search(
    texts: Texts,
    log_p: Callable[[bool], Array],
    stop: list[int],
    ends: Callable[[list[int]], bool],
    beams: int,
    most: int,
    length_penalty: float,
    begun: int = 0,
) -> Iterator[tuple[int, ...]]:
    """Yields the tokens of the best continuations, a column (batch,) at a time, -1 after the end of one.

    - `texts`: `beams` equal rows for each prompt, one after another.
    - `log_p`: of each text's next token, (batch * beams, vocab_size), given whether it is the last.
    - `stop`: tokens that end a text; they are not yielded. `ends`: whether a continuation ends for another reason.
    - `beams`: how many texts are followed. `most`: of how many tokens at most.
    - `begun`: how many tokens of a prompt count in the length of a text.

    All is searched when the first column is asked for.
    """
    batch, start = len(texts.tokens) // beams, texts.tokens.shape[1]
    scores = np.full((batch, beams), -np.inf)  # log p of each text
    scores[:, 0] = 0  # the texts of a prompt are equal at first, so one of them counts
    finished: list[list[tuple[float, list[int]]]] = [[] for _ in range(batch)]  # score and tokens, the best first
    searching = np.ones(batch, np.bool_)
    for n in range(1, most + 1):
        sums = scores[..., None] + log_p(n == most).reshape(batch, beams, -1)  # (batch, beams, vocab_size)
        size, parents, chosen = (begun + n) ** length_penalty, np.zeros_like(scores, int), np.zeros_like(scores, int)
        for i, flat in enumerate(sums.reshape(batch, -1)):  # (beams * vocab_size,)
            count = min(beams * max(2, 1 + len(stop)), len(flat))  # so that `beams` of them do not stop
            best = np.argpartition(-flat, count - 1)[:count]
            going_on = []
            for rank, place in enumerate(best[np.argsort(-flat[best])].tolist()):
                beam, token = divmod(place, sums.shape[-1])
                text = [*texts.tokens[i * beams + beam, start:].tolist(), token]
                if n < most and token not in stop and not ends(text):
                    going_on.append((flat[place], i * beams + beam, token))
                elif rank < beams and searching[i]:
                    finished[i].append((flat[place] / size, text))
            finished[i] = sorted(finished[i], key=lambda each: -each[0])[:beams]
            going_on += [(-np.inf, i * beams, 0)] * beams  # where all end
            scores[i], parents[i], chosen[i] = zip(*going_on[:beams], strict=True)
            worst = finished[i][-1][0] if len(finished[i]) == beams else -np.inf
            searching[i] &= scores[i, 0] / size > worst
        if not searching.any():
            break
        texts.select(parents.reshape(-1))  # (batch, beams) -> (batch * beams,)
        texts.append(chosen.reshape(-1), np.ones(batch * beams, np.bool_))
    found = [[token for token in best[0][1] if token not in stop] if best else [] for best in finished]
    yield from zip_longest(*found, fillvalue=-1)
