"""3.1  Your first rule: a sum

From numbers to arrays. A rule gets the upstream gradient g: how much the cost changes
with each number of the result, an array of its shape. It returns how much the cost
changes with each input. The chain rule again:

    gradient of an input  =  g * (derivative of the result with respect to it)

For out = x + y both derivatives are 1.

g, x, y: arrays of one shape.  Returns two arrays: the gradient of x, that of y.
"""


def add_rule(g, x, y):
    return ...  # TODO
