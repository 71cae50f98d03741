"""10.3  The lecture's exercise: arithmetic

A small transformer is to learn to add. How do its tokens look, and how do you test that
it understands, and has not only learnt by heart?

tokenize: character by character, so that all numbers are made of ten digits.
    "12+3=15"  ->  ["1", "2", "+", "3", "=", "1", "5"]         spaces are left out

example: what it reads and what it is to write.  2, 3  ->  ("2+3=", "5")

hold_out: pairs is a list of (a, b). The test must have sums that are new: if 3 + 5 is in
the test, neither 3 + 5 nor its twin 5 + 3 may be in the training. A pair goes into the
test if the smaller number times 7 plus the larger one is divisible by `every`.
Returns two lists, training and test, each in the order of pairs.
"""


def tokenize(text):
    return ...  # TODO


def example(a, b):
    return ...  # TODO


def hold_out(pairs, every=5):
    return ...  # TODO
