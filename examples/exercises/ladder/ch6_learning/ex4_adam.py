"""6.4  Adam

Each weight gets a step size of its own: large where gradients are small. m is a moving
mean of the gradients, v one of their squares. Both begin at 0, so in the first steps
they are too small; dividing by 1 - beta ** t corrects that. t is the step: 1, 2, 3, ...

    m  <-  beta1 * m + (1 - beta1) * grad
    v  <-  beta2 * v + (1 - beta2) * grad ** 2
    w  <-  w - lr * (m / (1 - beta1 ** t)) / (sqrt(v / (1 - beta2 ** t)) + eps)

(Kingma and Ba, 2015.)  Do not change the arrays. Returns the new w, m, v.
"""

import numpy as np


def adam_step(w, grad, m, v, t, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    ...  # TODO
    return w, m, v
