"""7.6  Changed after it was used

gradcheck says:

    the gradient of x is wrong: expected 6 at x = 3, got 8
    forward is right

A tape keeps the arrays that its rules will need. Here the program changes one of them
after the tape has kept it, and the rule reads the new value.

    x = 3, y = x * x, then x += 1          the rule computes 2 * 4

Write `increase` so that the tape's array stays as it was. The result is the same.
"""


class Tape:
    """y = x * x, remembered for the rule."""

    def square(self, x):
        self.x = x  # not a copy: that would cost memory for every op
        return x * x

    def rule(self, g):
        return 2 * g * self.x


def increase(x, by):
    # x += by                                     <- the line with the mistake
    ...  # TODO
    return x
