"""4.6  The rules of reshape and transpose

Both only move numbers to other places. So their rules move the gradients back.

    reshape(x, shape)      x.reshape(shape)
    transpose(x, axes)     x.transpose(axes): axis k of the result is axis axes[k] of x

np.argsort(axes) gives the order that undoes `axes`.

g: an array of the shape of the result.  Each rule returns the gradient of x.
"""

import numpy as np


def reshape(x, shape):
    return x.reshape(shape)


def reshape_rule(g, x, shape):
    return ...  # TODO


def transpose(x, axes):
    return x.transpose(axes)


def transpose_rule(g, x, axes):
    return ...  # TODO
