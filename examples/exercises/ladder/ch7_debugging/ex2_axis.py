"""7.2  The wrong axis

Scores (batch, classes) become probabilities. The program runs, the shapes are right, and
it even learns a little. But gradcheck says:

    gradient of probabilities: only the diagonal ... contributions are missing
    probabilities[0] = [0.51, 0.07, 0.92]      sum 1.50

The sum of which numbers is 1 here, and of which should it be? The marked line has the
mistake. Write it right.
"""

import numpy as np


def probabilities(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    # e = e / e.sum(axis=0, keepdims=True)        <- the line with the mistake
    e = ...  # TODO
    return e
