"""4.4  The rule of a mean

    out = x.mean(axis)

A mean is a sum divided by how many numbers were summed. Use your rule of 4.3.

g: an array of the shape of the result.  x: an array.  axis: a number, or None.
Returns the gradient of x.
"""

from ch4_arrays.ex3_sum import sum_rule  # your own


def mean(x, axis=None):
    return x.mean(axis)


def mean_rule(g, x, axis=None):
    return ...  # TODO
