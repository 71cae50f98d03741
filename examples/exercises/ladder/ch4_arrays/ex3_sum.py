"""4.3  The rule of a sum over an axis

    out = x.sum(axis)      shape (2, 3), axis 1  ->  shape (2,)

Move one number of x by a little: the sum that it is part of moves by as much. So each
number gets the g of its sum, unchanged. The work is to bring g back to the shape of x:
np.expand_dims(g, axis) puts the axis back with size 1, np.broadcast_to repeats along it.

g: an array of the shape of the result.  x: an array.  axis: a number, or None for a sum
over everything.  Returns the gradient of x.
"""

import numpy as np


def sum_of(x, axis=None):
    return x.sum(axis)


def sum_rule(g, x, axis=None):
    if axis is not None:
        g = ...  # TODO
    return ...  # TODO
