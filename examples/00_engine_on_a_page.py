"""The engine on a page: tensors that remember how they were made, and a walk backwards that finds every gradient.

    python examples/00_engine_on_a_page.py

All of backpropagation, with NumPy alone. A backward rule stands beside its op and asks by name for what it needs, as in
the real engine. At the end a network of two layers learns XOR: 1 if exactly one of its two inputs is 1.
"""

from helpers import page as show
from helpers.program import Common, start, until_ctrl_c

from inspect import signature
from itertools import count

import numpy as np

clock = count()


class Tensor:
    """An array that remembers the op and the inputs that it was made of. `backward` gives leaves their gradient."""

    def __init__(self, data, requires_grad=False, op=None, inputs=()):
        self.data = np.asarray(data, dtype=np.float64)
        self.requires_grad, self.op, self.inputs = requires_grad, op, inputs
        self.grad = None
        self.age = next(clock)  # a result is younger than its inputs

    def backward(self):
        """Go back, youngest first: what uses a tensor is younger than it, so all parts of its gradient are there."""
        gradients = {self: np.ones_like(self.data)}  # tensor -> d self / d tensor
        while gradients:
            out = max(gradients, key=lambda tensor: tensor.age)
            g = gradients.pop(out)
            if out.op is None:  # a leaf, such as a weight
                out.grad = g if out.grad is None else out.grad + g
                continue
            for x, g_x in out.op.vjp(out, g):
                if x.requires_grad:  # a tensor that is used twice gets the sum of both gradients
                    gradients[x] = gradients.get(x, 0) + unbroadcast(g_x, x.data.shape)


def unbroadcast(g, shape):
    """Sum a gradient over the axes that broadcasting added or stretched: for a bias, (4, 2) -> (2,)."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return g.sum(axis=tuple(axis for axis, size in enumerate(shape) if size == 1), keepdims=True)


def op(forward):
    """Make an op of a function of arrays: called with a Tensor, it records what it was called with."""
    names, rules = list(signature(forward).parameters), {}

    def call(*inputs):
        inputs = [x if isinstance(x, Tensor) else Tensor(x) for x in inputs]
        out = forward(*(x.data for x in inputs))
        return Tensor(out, True, call, inputs) if any(x.requires_grad for x in inputs) else Tensor(out)

    def backward(*chosen):  # @mul.backward("a") declares the rule for a; @exp.backward that for the only input
        if callable(chosen[0]):
            return backward(*names)(chosen[0])
        return lambda rule: rules.update({name: (rule, [*signature(rule).parameters][1:]) for name in chosen})

    def vjp(out, g):  # each input with its gradient: what its rule makes of g, the gradient of the output
        known = {"out": out.data, **{name: x.data for name, x in zip(names, out.inputs, strict=True)}}
        for name, x in zip(names, out.inputs, strict=True):
            rule, asked = rules[name]
            yield x, rule(g, *(known[each] for each in asked))

    call.backward, call.vjp = backward, vjp
    return call


@op
def add(a, b):
    return a + b


@add.backward("a", "b")
def _(g):
    return g  # it asks for nothing, so nothing need be kept for it


@op
def sub(a, b):
    return a - b


@sub.backward("a")
def _(g):
    return g


@sub.backward("b")
def _(g):
    return -g


@op
def mul(a, b):
    return a * b


@mul.backward("a")
def _(g, b):
    return g * b


@mul.backward("b")
def _(g, a):
    return g * a


@op
def matmul(a, b):
    return a @ b  # (n, k) @ (k, m) -> (n, m)


@matmul.backward("a")
def _(g, b):
    return g @ b.T


@matmul.backward("b")
def _(g, a):
    return a.T @ g


@op
def exp(x):
    return np.exp(x)


@exp.backward
def _(g, out):
    return g * out  # d exp(x)/dx is exp(x), which is the output itself


@op
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@sigmoid.backward
def _(g, out):
    return g * out * (1 - out)


@op
def sum(x):
    return x.sum()


@sum.backward
def _(g, x):
    return g * np.ones_like(x)


Tensor.__add__, Tensor.__sub__, Tensor.__mul__, Tensor.__matmul__ = add, sub, mul, matmul  # an op is a method, too


# --- a network of two layers learns XOR -----------------------------------------------------------------------


X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])  # (4, 2): all four examples
Y = np.array([[0.0], [1.0], [1.0], [0.0]])  # (4, 1): exactly one input is 1


def main(settings: "Settings") -> None:
    """Learn XOR, and once more without the activation function of the hidden layer, which cannot succeed."""
    nets = {}
    for name, activation in (("sigmoid", sigmoid), ("none", lambda z: z)):
        draw = np.random.default_rng(settings.seed)
        shapes = (2, settings.hidden), settings.hidden, (settings.hidden, 1), 1
        W1, b1, W2, b2 = weights = [Tensor(draw.normal(size=shape), requires_grad=True) for shape in shapes]

        def network(x, W1=W1, b1=b1, W2=W2, b2=b2, activation=activation):
            a = activation(Tensor(x) @ W1 + b1)  # (n, 2) @ (2, hidden) -> (n, hidden)
            return sigmoid(a @ W2 + b2)  # (n, hidden) @ (hidden, 1) -> (n, 1)

        costs = []
        for _ in until_ctrl_c(range(settings.steps)):
            error = network(X) - Y
            C = sum(error * error)
            for p in weights:
                p.grad = None
            C.backward()
            for p in weights:
                p.data = p.data - settings.rate * p.grad
            costs.append(C.data.item())
        nets[name] = network, costs, show.answers(name, X, Y, network(X).data, costs)
    show.what_the_real_engine_adds()
    show.draw(nets, settings.out / "xor.png")


class Settings(Common, out="page"):
    """What can be set on the command line."""

    hidden: int = 4  # neurons in the hidden layer
    steps: int = 1000  # steps of gradient descent
    rate: float = 2.0  # learning rate: how far a step goes against the gradient


if __name__ == "__main__":
    start(main, Settings)
