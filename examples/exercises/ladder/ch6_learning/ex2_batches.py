"""6.2  Mini-batches

The gradient of a few examples is nearly that of all, and costs a fraction. So: shuffle
the examples, cut them into batches, take a step for each. When all were seen, an epoch
is over.

    rng.permutation(n)     0 to n - 1 in random order; rng is np.random.default_rng(...)

n: how many examples there are.  size: of a batch; the last one may be smaller.
Returns a list of arrays of numbers of examples. Each example is in exactly one of them.
"""


def mini_batches(n, size, rng):
    return ...  # TODO
