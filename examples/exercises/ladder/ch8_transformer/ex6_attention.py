"""8.6  Attention

Each token asks a question (its query), and each offers an answer to some questions (its
key) and a content (its value). The lecture's three steps:

    scores  = query . key, for each pair of tokens, divided by sqrt(d)
    weights = softmax of the scores, along the keys
    out     = the sum of all values, weighted

As matrices:  softmax(q @ k^T / sqrt(d)) @ v.  d is the size of a query. With a mask, the
scores are masked after they were divided.

q: (..., n, d).  k: (..., m, d).  v: (..., m, e).  mask: (n, m) or None.
Returns (..., n, e).
"""

import numpy as np
from ch5_losses.ex2_softmax import softmax  # your own
from ch8_transformer.ex5_mask import masked


def attention_weights(q, k, mask=None):
    ...  # TODO: scores
    if mask is not None:
        scores = masked(scores, mask)
    return softmax(scores)


def attention(q, k, v, mask=None):
    return ...  # TODO
