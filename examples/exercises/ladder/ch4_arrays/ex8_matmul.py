"""4.8  The rule of a matrix product

The heart of every layer:

    out = a @ b            (n, k) @ (k, m) -> (n, m)

Each gradient is a matrix product too: of g, (n, m), and the other input, transposed.
The shapes tell which way: the gradient of a must be (n, k), made from g (n, m) and b.

g: array (n, m).  a: array (n, k).  b: array (k, m).
Returns two arrays: the gradient of a, that of b.
"""


def matmul_rule(g, a, b):
    return ...  # TODO
