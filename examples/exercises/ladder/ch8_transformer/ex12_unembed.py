"""8.12  From scores to the next token

The last vector times W_U gives a score for each token. Divided by the temperature and put
through softmax, they are probabilities: a low temperature makes the best one nearly sure,
a high one makes all alike.

Top-p leaves out the unlikely rest: sort by probability, keep the first ones until their
sum reaches p; the one that reaches it is kept too. Divide, so that they sum up to 1.

    top_p([0.5, 0.3, 0.15, 0.05], 0.7)  ->  [0.625, 0.375, 0, 0]

next_probabilities: vector (width,), W_U (width, vocabulary), temperature > 0.
top_p: probabilities (vocabulary,), p between 0 and 1.  Each returns (vocabulary,).
"""

import numpy as np
from ch5_losses.ex2_softmax import softmax  # your own


def next_probabilities(vector, W_U, temperature=1.0):
    return ...  # TODO


def top_p(probabilities, p):
    order = np.argsort(-probabilities, kind="stable")  # the likeliest first
    before = np.cumsum(probabilities[order]) - probabilities[order]  # the sum of those before each
    kept = np.zeros_like(probabilities)
    ...  # TODO
    return kept / kept.sum()
