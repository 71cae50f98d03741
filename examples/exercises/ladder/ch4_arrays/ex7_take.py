"""4.7  The rule of indexing, with repeats

    out = x[ids]           rows of x; ids is an array of row numbers, also repeated ones

A row that was taken twice was used twice: both gradients are added up. Careful:
`grad[ids] += g` adds only one of them. np.add.at(grad, ids, g) adds all.

This is how an embedding learns: the word "the" stands in a text a hundred times.

g: array of shape ids.shape + x.shape[1:].  x: an array.  ids: an array of whole numbers.
Returns the gradient of x.
"""

import numpy as np


def take(x, ids):
    return x[ids]


def take_rule(g, x, ids):
    grad = np.zeros_like(x)
    ...  # TODO
    return grad
