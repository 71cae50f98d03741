"""7.4  It explodes

    step      0       1        2         3          4
    loss   12.0   300.0   7500.0  187500.0  4687500.0      then inf, then nan

Each step makes it 25 times worse: it jumps over the valley, and lands higher on the other
side, where the gradient is larger still. In the valley curvature * x ** 2 / 2 a step goes
from x to x - lr * curvature * x. How large may lr be, so that this is closer to 0 than x
was? And for which lr is it 0 at once?

largest_rate: the learning rate at which it just does not get closer any more.
best_rate: the one that reaches the lowest point in one step.
curvature: a number > 0, or an array with one for each direction: then the steepest
direction decides for largest_rate, which is one number; best_rate is one for each.
"""

import numpy as np


def largest_rate(curvature):
    return ...  # TODO


def best_rate(curvature):
    return ...  # TODO
