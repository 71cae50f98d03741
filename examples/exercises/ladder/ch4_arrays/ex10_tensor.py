"""4.10  Your engine for arrays

Put chapters 2 and 4 together. A Tensor holds an array, its parents, and its rule: a
function from its own gradient to one gradient for each parent. record calls a function,
and makes the Tensor:

    z = record(mul, mul_rule, x, w)       z.rule(g) is mul_rule(g, x.data, w.data)
    s = record(sum_of, sum_rule, z, axis=0)       settings go to both

backward goes through the Tensors in your order of 2.4. Each hands its gradient to its
rule, and adds what comes out to its parents. A rule returns a tuple if the function has
several inputs; a Tensor without a rule is an input. root is a single number.
"""

import numpy as np
from ch2_engine.ex4_order import topological_order  # your own


class Tensor:
    def __init__(self, data, parents=(), rule=None):
        self.data = np.asarray(data, dtype=float)
        self.parents = parents
        self.rule = rule
        self.grad = np.zeros_like(self.data)


def record(function, rule, *inputs, **settings):
    arrays = [x.data for x in inputs]
    return ...  # TODO


def backward(root):
    order = topological_order(root)
    for node in order:
        node.grad = np.zeros_like(node.data)
    root.grad = np.ones_like(root.data)
    for node in order:
        if node.rule is not None:
            grads = node.rule(node.grad)
            grads = grads if isinstance(grads, tuple) else (grads,)
            ...  # TODO
