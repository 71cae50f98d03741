"""5.1  The squared error

How wrong is the network? The lecture's cost of an example is the sum over all output
neurons, C = sum of (a - y) ** 2. The cost of a batch is the mean over its examples.

    a = [[0.8, 0.1], [0.3, 0.4]], y = [[1, 0], [0, 1]]  ->  (0.05 + 0.45) / 2 = 0.25

a: array (batch, n), activations.  y: array (batch, n), what they should be; it is given,
and has no gradient.  g: a single number, since the cost is one.
squared_error returns a number, squared_error_rule the gradient of a.
"""


def squared_error(a, y):
    return ...  # TODO


def squared_error_rule(g, a, y):
    return ...  # TODO
