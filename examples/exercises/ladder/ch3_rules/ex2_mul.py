"""3.2  The rule of a product

    out = x * w            element by element

Move x by a little: how much does x * w move? Move w: how much?

g, x, w: arrays of one shape.  Returns both: the gradient of x, that of w.
"""


def mul_rule(g, x, w):
    return ...  # TODO
