"""6.3  Momentum

A ball that rolls downhill keeps its speed: steps in the same direction add up, steps to
and fro cancel. v is the velocity, beta how much of it is kept:

    v  <-  beta * v + grad
    w  <-  w - lr * v                  with the new v

w, grad, v: arrays of one shape; make new ones, do not change them.
Returns two arrays: the new w, the new v.
"""


def momentum_step(w, grad, v, lr=0.1, beta=0.9):
    ...  # TODO
    return w, v
