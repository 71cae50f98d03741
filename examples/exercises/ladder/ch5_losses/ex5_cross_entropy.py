"""5.5  Cross-entropy, and its famous short gradient

The cost of an example is -log(p of the right class): 0 if the network is sure of it,
large if it gave it little. The cost of a batch is the mean over its examples.

    logits (batch, classes), targets (batch,): the number of each right class
    rows = np.arange(len(targets)): x[rows, targets] takes one number from each row

The gradient, of all these logarithms and exponentials, is what one would guess:

    (softmax(logits) - 1 at the right class) / batch

g: a single number.  cross_entropy returns a number, its rule the gradient of logits.
"""

import numpy as np
from ch5_losses.ex2_softmax import softmax  # your own
from ch5_losses.ex4_log_softmax import log_softmax


def cross_entropy(logits, targets):
    rows = np.arange(len(targets))
    return ...  # TODO


def cross_entropy_rule(g, logits, targets):
    rows = np.arange(len(targets))
    grad = softmax(logits)
    ...  # TODO
    return grad
