"""An autograd engine on a page: tensors that remember what they were computed from, and a walk back through them.

    python 00_engine_on_a_page.py

This is all of backpropagation, on arrays. The file needs NumPy and nothing else: copy it wherever you like. At the end
it checks its gradients by finite differences, learns XOR, and trains a network of 13,002 weights and biases.
"""

from heapq import heappop, heappush
from itertools import chain, count, pairwise

import numpy as np

numbers = count()  # 0, 1, 2, ...: tensors are numbered as they are made


class Tensor:
    """An array that remembers what it was computed from. `backward` gives the leaves their gradient, in `grad`.

    inputs: pairs (x, rule). A rule takes g, the gradient of the output, and returns the gradient of the input x.
    """

    __array_ufunc__ = None  # in `array * tensor`, NumPy leaves the work to the tensor

    def __init__(self, data, requires_grad=False, inputs=()):
        self.data = np.array(data, dtype=np.float64)
        self.inputs = [(x, rule) for x, rule in inputs if x.requires_grad]
        self.requires_grad = requires_grad or bool(self.inputs)
        self.grad = None
        self.number = next(numbers)  # a tensor is younger than its inputs: its number is larger

    def __repr__(self):
        return f"Tensor({self.data}, grad={self.grad})"

    def backward(self):
        """Add to the `grad` of each leaf the derivative of this tensor (of the sum of its elements) by that leaf."""
        gradients, waiting = {self: np.ones_like(self.data)}, [(-self.number, self)]
        while waiting:
            _, out = heappop(waiting)  # the youngest: all that uses it has been here, so its gradient is complete
            g = gradients.pop(out)
            if out.requires_grad and not out.inputs:  # a leaf, such as a weight
                out.grad = g if out.grad is None else out.grad + g
            for x, rule in out.inputs:
                if x not in gradients:
                    heappush(waiting, (-x.number, x))
                gradients[x] = gradients.get(x, 0) + unbroadcast(rule(g), x.data.shape)  # x may be used twice

    # An op computes its output, and gives a rule for each input. Both stand side by side.
    def __add__(self, other):
        other = as_tensor(other)
        return Tensor(self.data + other.data, inputs=[(self, lambda g: g), (other, lambda g: g)])

    def __mul__(self, other):
        other = as_tensor(other)
        a, b = self.data, other.data
        return Tensor(a * b, inputs=[(self, lambda g: g * b), (other, lambda g: g * a)])

    def __matmul__(self, other):
        other = as_tensor(other)
        a, b = self.data, other.data
        if not a.ndim == b.ndim == 2:
            raise ValueError(f"@ multiplies matrices, (n, k) @ (k, m), and not {a.shape} @ {b.shape}")
        return Tensor(a @ b, inputs=[(self, lambda g: g @ b.T), (other, lambda g: a.T @ g)])

    def __pow__(self, n):
        x = self.data  # n is a number
        return Tensor(x**n, inputs=[(self, lambda g: g * n * x ** (n - 1))])

    def exp(self):
        out = np.exp(self.data)
        return Tensor(out, inputs=[(self, lambda g: g * out)])  # the derivative of exp is exp, which is the output

    def sigmoid(self):
        out = (1 + np.tanh(self.data / 2)) / 2  # it is 1 / (1 + e^-x), in which e^-x may overflow
        return Tensor(out, inputs=[(self, lambda g: g * out * (1 - out))])

    def relu(self):
        x = self.data
        return Tensor(np.maximum(x, 0), inputs=[(self, lambda g: g * (x > 0))])

    def sum(self):
        x = self.data
        return Tensor(x.sum(), inputs=[(self, lambda g: g * np.ones_like(x))])

    # All other operators are made of these.
    __radd__, __rmul__ = __add__, __mul__
    __neg__ = lambda self: self * -1
    __sub__ = lambda self, other: self + as_tensor(other) * -1
    __rsub__ = lambda self, other: as_tensor(other) - self
    __truediv__ = lambda self, other: self * as_tensor(other) ** -1
    __rtruediv__ = lambda self, other: as_tensor(other) / self
    __rmatmul__ = lambda self, other: as_tensor(other) @ self


def as_tensor(x):
    return x if isinstance(x, Tensor) else Tensor(x)


def unbroadcast(g, shape):
    """Undo broadcasting: sum a gradient over the axes that were added or stretched. For a bias, (32, 16) -> (16,)."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return g.sum(axis=tuple(axis for axis, size in enumerate(shape) if size == 1), keepdims=True)


def finite_differences(f, x, h=1e-5):
    """The gradient of f at the array x in the slow way: move each element a little, and see how much f changes."""
    steps = h * np.eye(x.size).reshape(-1, *x.shape)
    return np.array([f(x + step) - f(x - step) for step in steps]).reshape(x.shape) / (2 * h)


def network(x, layers, activation=Tensor.sigmoid):
    """Each neuron weighs its inputs, sums them up, adds a bias and activates. layers: pairs of W (n, m) and b (m,)."""
    *hidden, (W_out, b_out) = layers
    for W, b in hidden:
        x = activation(x @ W + b)  # (examples, n) @ (n, m) + (m,) -> (examples, m)
    return (x @ W_out + b_out).sigmoid()


def train(sizes, batches, rate, activation=Tensor.sigmoid, seed=0):
    """Start with random weights. For each batch predict, compute the cost, trace it back, and adjust the weights."""
    draw = np.random.default_rng(seed)
    layers = [(Tensor(draw.normal(size=(n, m)) / n**0.5, True), Tensor(np.zeros(m), True)) for n, m in pairwise(sizes)]
    costs = []
    for x, y in batches:
        C = ((network(x, layers, activation) - y) ** 2).sum() / len(x)  # the sum of (a_j - y_j)^2, for each example
        C.backward()
        for p in chain(*layers):
            p.data, p.grad = p.data - rate * p.grad, None  # a small step against the gradient
        costs.append(C.data.item())
    return layers, costs


FONT = "75557 26227 71747 71717 55711 74717 74757 71111 75757 75717"  # 0 to 9, each of five rows of three bits
SMALL = np.array([[list(f"{int(row):05b}00") for row in f"0{rows}0"] for rows in FONT.split()], float)  # (10, 7, 7)
DIGITS = np.kron(SMALL, np.ones((4, 4))).reshape(10, 784)  # pictures of 28 x 28 pixels: black is 0, white is 1
XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])  # 1 if exactly one of the inputs is 1


def measure(seed=0):
    """Print what becomes of a neuron, XOR and digits. Return how far the gradient is off, and how much is right."""
    x, w, b = [1.0, 0.5], Tensor([0.5, -1.5], requires_grad=True), Tensor(-0.25, requires_grad=True)
    cost = lambda w: (1 - ((w * x).sum() + b).sigmoid()) ** 2  # of a neuron whose output should be 1
    cost(w).backward()
    slopes, right = finite_differences(lambda w: cost(w).data, w.data), {}
    print(f"A neuron: weights {w}, bias {b}\ngrad is dC/dw, or dC/db; dC/dw by finite differences: {slopes}\n")
    for name, activation in ("sigmoid", Tensor.sigmoid), ("no activation", lambda z: z):
        layers, costs = train([2, 4, 1], [XOR] * 2000, 5, activation, seed)
        answers = network(XOR[0], layers, activation).data
        right[name] = np.mean((answers > 0.5) == XOR[1])
        print(f"XOR with {name:14} {answers.ravel().round(2)}, cost {costs[0]:.2f} -> {costs[-1]:.2f}")

    draw = np.random.default_rng(seed)
    seen = lambda which: DIGITS[which] + draw.normal(size=(len(which), 784))  # in noise
    batches = ((seen(which), np.eye(10)[which]) for which in draw.integers(10, size=(1000, 32)))
    layers, costs = train([784, 16, 16, 10], batches, rate=3, seed=seed)
    weights, biases = (sum(p.data.size for p in ps) for ps in zip(*layers, strict=True))
    print(f"\n784-16-16-10: {weights:,} weights + {biases} biases = {weights + biases:,} adjustable parameters")
    which = draw.integers(10, size=1000)
    right["digits"] = (network(seen(which), layers).data.argmax(axis=1) == which).mean()
    print(f"Digits in noise: cost {costs[0]:.2f} -> {costs[-1]:.2f}; {right['digits']:.0%} of 1,000 new ones are right")
    return {"off": np.abs(w.grad - slopes).max(), "right": right}


if __name__ == "__main__":
    measure()
