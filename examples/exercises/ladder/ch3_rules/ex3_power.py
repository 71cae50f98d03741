"""3.3  The rule of a power

    out = x ** n           d x**n / dx = n x**(n - 1)

The exponent n is a fixed number, as the 2 in a squared error. It has no gradient.

g, x: arrays of one shape.  n: a whole number, 1 or more.  Returns the gradient of x.
"""


def power_rule(g, x, n):
    return ...  # TODO
