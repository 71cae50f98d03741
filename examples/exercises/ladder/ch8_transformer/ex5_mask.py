"""8.5  The causal mask

A model that writes may not see what comes next. Token t may look at itself and at those
before it. As a matrix: row t says where token t may look.

    n = 3:   [[True,  False, False],
              [True,  True,  False],
              [True,  True,  True ]]

Where it may not look, its score becomes -inf: softmax makes exactly 0 of it.

causal_mask: returns an array (n, n) of True and False, not of 1 and 0.
masked: scores (..., n, n) and a mask (n, n); returns the scores, -inf where mask is False.
"""

import numpy as np


def causal_mask(n):
    return ...  # TODO


def masked(scores, mask):
    return ...  # TODO
