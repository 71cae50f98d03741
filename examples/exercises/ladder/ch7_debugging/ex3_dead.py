"""7.3  Dead neurons

A network with one hidden layer of 32 ReLUs. The loss does not move at all:

    step       0     10     20     30
    loss   0.693  0.693  0.693  0.693
    share of hidden neurons that are positive for an example:  0.000

Each weighted sum is negative, so each ReLU gives 0, and its rule lets nothing through:
no weight before it will ever change. They were born dead: look at how they begin.

Write both lines anew. W1: random, small enough that a sum of n_in products has about the
size of one (a factor of sqrt(2 / n_in)). b1: what does no harm?
"""

import numpy as np


def initial(n_in, n_hidden, rng):
    # W1 = -rng.random((n_in, n_hidden))          <- inputs are positive: every sum is negative
    # b1 = -np.ones(n_hidden)
    W1 = ...  # TODO
    b1 = ...  # TODO
    return W1, b1
