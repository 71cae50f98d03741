"""8.4  GELU

ReLU with a round corner, as GPT-2 has it:

    gelu(x) = x / 2 * (1 + tanh(u))           u = C * (x + 0.044715 x**3)

Its rule is the product rule, with the chain rule inside. The derivative of tanh(u) with
respect to u is 1 - tanh(u)**2, and

    du/dx = C * (1 + 3 * 0.044715 x**2)

x, g: arrays of one shape.  gelu_rule returns the gradient of x.
"""

import numpy as np

C = np.sqrt(2 / np.pi)


def gelu(x):
    return 0.5 * x * (1 + np.tanh(C * (x + 0.044715 * x**3)))


def gelu_rule(g, x):
    t = np.tanh(C * (x + 0.044715 * x**3))
    return ...  # TODO
