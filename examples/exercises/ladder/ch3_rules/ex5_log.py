"""3.5  The rule of log

    out = log(x)           d log(x) / dx = 1 / x

The logarithm makes a cost of a probability: it is steep where the probability is small.

g, x: arrays of one shape, x > 0.  Returns the gradient of x.
"""

import numpy as np


def log(x):
    return np.log(x)


def log_rule(g, x):
    return ...  # TODO
