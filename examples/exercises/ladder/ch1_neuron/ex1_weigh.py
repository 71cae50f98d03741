"""1.1  A neuron weighs its inputs and sums up

A neuron receives numbers from other neurons. It multiplies each by a weight, adds
them all up, and adds its bias. A positive weight encourages it, a negative one
discourages it; the bias is a threshold.

    z = w1 x1 + w2 x2 + ... + wn xn + b

x, w: lists of n numbers; do not change them.  b: a number.  Returns a number.
"""


def weighted_sum(x, w, b):
    return ...  # TODO
