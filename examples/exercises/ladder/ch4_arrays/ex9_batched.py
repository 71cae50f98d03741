"""4.9  Many matrix products at once

    out = a @ b            (..., n, k) @ (..., k, m) -> (..., n, m)

The last two axes are the matrices, those before are a batch: one product for each. The
axes of the batch broadcast: one matrix b may serve all a. Attention will need it.

x.swapaxes(-1, -2) transposes the matrices and leaves the batch as it is. Then bring the
gradients to the shapes of a and b.

Returns two arrays: the gradient of a, that of b.
"""

from ch4_arrays.ex1_unbroadcast import unbroadcast  # your own


def matmul(a, b):
    return a @ b


def matmul_rule(g, a, b):
    return ...  # TODO
