"""2.6  A neuron learns

Your engine can add and multiply. Give it the sigmoid, and it can differentiate a neuron:

    s = sigmoid(z)         d s / d z = s (1 - s)

The local derivative needs only the result s itself. Then compute the cost of a neuron
with your engine, (sigmoid(w1 x1 + w2 x2 + b) - y) squared, and its gradient.

sigmoid: takes a Value, returns a Value.
cost: takes lists of Values x, w, and Values b, y. Returns the cost, a Value.
gradient: takes the same. Returns the list [dC/dw1, dC/dw2, ..., dC/db], numbers.
"""

from ch1_neuron.ex2_activate import sigmoid as sigmoid_of_number  # your own
from ch2_engine.ex2_value import Value
from ch2_engine.ex5_backward import backward


def sigmoid(z):
    s = sigmoid_of_number(z.data)
    return ...  # TODO


def cost(x, w, b, y):
    z = b
    for xi, wi in zip(x, w, strict=True):
        z = z + wi * xi
    error = sigmoid(z) + y * Value(-1.0)
    return ...  # TODO


def gradient(x, w, b, y):
    ...  # TODO
    return [wi.grad for wi in w] + [b.grad]
