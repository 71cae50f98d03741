"""2.1  A derivative, measured

"If I change this number by a tiny amount, how much does the result change?" That is
what learning asks of each weight. Measure it: go a small step h to the right and to
the left, and divide the difference of the results by the distance.

    slope = (f(x + h) - f(x - h)) / (2 h)

This is called a central difference. All your rules will be checked with it.

f: a function from a number to a number.  x: a number.  Returns a number.
"""


def slope(f, x, h=1e-5):
    return ...  # TODO
