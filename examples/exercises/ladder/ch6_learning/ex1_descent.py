"""6.1  Gradient descent

The gradient points uphill. Go a small step the other way, again and again:

    x  <-  x - lr * gradient(x)

lr is the learning rate: too small, and it takes forever; too large, and it jumps over
the valley.

gradient: a function from an array to an array.  x: where to start; do not change it.
steps: how many.  Returns the array after the last step.
"""


def descend(gradient, x, lr, steps):
    ...  # TODO
    return x
