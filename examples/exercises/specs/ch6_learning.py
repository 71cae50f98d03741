"""Chapter 6: going downhill, and the digit network."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_lecture.testing import (
    CheckFailed,
    Exercise,
    Mistake,
    arrays,
    check_function,
    check_property,
    numbers,
    same_shape,
    shapes,
)
from tinygrad_lecture.testing.calls import call

from .shared.models import call_recording, why_not_learning

DATA = Path(__file__).parent.parent.parent / "data"


class Valley:
    """The gradient of sum of a * (x - b)**2, printed as a lambda."""

    def __init__(self, a: float, b: float) -> None:
        self.a, self.b = a, b

    def __call__(self, x: Any) -> Any:
        return 2 * self.a * (x - self.b)

    def __repr__(self) -> str:
        return f"lambda x: {2 * self.a:g} * (x - {self.b:g})"


def _check_descent(m: Any) -> None:
    def steps_of(step: Any) -> Any:
        """descend with another step: a function of x, the learning rate and the gradient."""

        def fn(gradient: Any, x: Any, lr: Any, steps: Any) -> Any:
            for _ in range(steps):
                x = step(x, lr, gradient(x))
            return x

        return fn

    descend = steps_of(lambda x, lr, grad: x - lr * grad)
    uphill = steps_of(lambda x, lr, grad: x + lr * grad)
    replaced = steps_of(lambda x, lr, grad: -lr * grad)
    by_sign = steps_of(lambda x, lr, grad: x - lr * np.sign(grad))

    def stopping(limit: float, last: bool) -> Any:
        """descend that ends at a step smaller than the limit. last: it still takes this one."""

        def fn(gradient: Any, x: Any, lr: Any, steps: Any) -> Any:
            for _ in range(steps):
                small = np.abs(lr * gradient(x)).max() < limit
                x = x - lr * gradient(x) if last or not small else x
                if small:
                    break
            return x

        return fn

    valleys = st.builds(Valley, st.sampled_from([1.0, 0.5, 0.25]), numbers())
    check_function(
        m.descend,
        descend,
        [valleys, arrays(shapes(max_dims=1)), st.sampled_from([0.5, 0.25, 0.125]), st.integers(0, 4)],
        examples=[(Valley(1.0, 1.0), np.zeros(1), 2.0**-22, 4)],
        mistakes=[
            *(Mistake("early-end", "it ends when a step is small; take as many steps as are asked for", stopping(limit, last))
              for limit in (0.1, 0.01, 1e-3) for last in (False, True)),
            Mistake("uphill", "this goes uphill: subtract the gradient", uphill),
            Mistake("one-step", "only one step is taken: does return stand inside of the loop?",
                    lambda gradient, x, lr, steps: descend(gradient, x, lr, min(steps, 1))),
            Mistake("one-step", "one step is taken, however many are asked for", lambda gradient, x, lr, steps: descend(gradient, x, lr, 1)),
            Mistake("same-gradient", "each step needs the gradient at the new place; compute it inside of the loop",
                    lambda gradient, x, lr, steps: x - steps * lr * gradient(x)),
            Mistake("rate-missing", "the learning rate is missing", lambda gradient, x, lr, steps: descend(gradient, x, 1.0, steps)),
            Mistake("one-less", "one step too few", lambda gradient, x, lr, steps: descend(gradient, x, lr, max(steps - 1, 0))),
            Mistake("one-more", "one step too many", lambda gradient, x, lr, steps: descend(gradient, x, lr, steps + 1)),
            Mistake("replaced", "x becomes the step itself; subtract the step from x", replaced),
            Mistake("by-sign", "only the sign of the gradient is used", by_sign),
        ],
    )  # fmt: skip


def _check_batches(m: Any) -> None:
    def partition(n: int, size: int, seed: int) -> None:
        lines = [f"mini_batches({n}, {size}, rng)"]
        got = call(m.mini_batches, (n, size, np.random.default_rng(seed)), watch=False, shown=lines)
        if got is None or not isinstance(got, (list, tuple)):
            raise CheckFailed("mini_batches must return a list.", kind="type", shown=lines, hint="nothing" if got is None else "type",
                              cause="return a list of arrays, one for each batch")  # fmt: skip
        parts = [np.asarray(part) for part in got]
        shown = [*lines, f"got   {[part.tolist() for part in parts]}"]
        flat = np.concatenate([np.atleast_1d(part).ravel() for part in parts]) if parts else np.array([])
        missing = sorted(set(range(n)) - set(flat.tolist()))
        if missing:
            last = n % size and len(missing) == n % size
            raise CheckFailed(f"These examples are in no batch: {missing}.", kind="missing", shown=shown,
                              hint="last-missing" if last else "missing",
                              cause="the last, smaller batch must not be left out" if last else
                              "start the batches at 0, size, 2 size, ...: range(0, n, size); a choice with repeats "
                              "leaves examples out")  # fmt: skip
        if len(flat) != n:
            raise CheckFailed("An example is in several batches.", kind="twice", shown=shown, hint="twice",
                              cause="cut one permutation into pieces; each begins where the one before ended")  # fmt: skip
        sizes = [len(part) for part in parts]
        if sizes != [size] * (n // size) + ([n % size] if n % size else []):
            raise CheckFailed("The batches have wrong sizes.", kind="sizes", shown=[*shown, f"sizes {sizes}"], hint="sizes",
                              cause=f"each has `size` = {size} examples, only the last may have fewer")  # fmt: skip

    check_property(partition, [st.integers(1, 9), st.integers(1, 4), st.integers(0, 3)])
    one, two = (np.concatenate(m.mini_batches(50, 7, np.random.default_rng(s))).tolist() for s in (0, 1))
    again = np.concatenate(m.mini_batches(50, 7, np.random.default_rng(0))).tolist()
    lines = ["mini_batches(50, 7, rng)"]
    if one == list(range(50)):
        raise CheckFailed("The examples are not shuffled.", kind="order", shown=lines, hint="not-shuffled",
                          cause="cut rng.permutation(n), not range(n)")  # fmt: skip
    if one != again or one == two:
        raise CheckFailed("The order does not depend on rng.", kind="order", shown=lines, hint="own-random",
                          cause="use rng.permutation(n), not np.random or a generator of your own: then a seed repeats a run")  # fmt: skip
    rng = np.random.default_rng(0)
    first, second = (np.concatenate(m.mini_batches(50, 7, rng)).tolist() for _ in range(2))
    if first == second:
        raise CheckFailed("Two epochs have the same order.", kind="order", shown=lines, hint="own-random",
                          cause="draw a new permutation from rng in each call")  # fmt: skip


def _check_momentum(m: Any) -> None:
    settings = st.fixed_dictionaries(
        {"lr": st.sampled_from([0.5, 0.25, 2.0]), "beta": st.sampled_from([0.5, 0.75, 0.25])}
    )
    inputs = st.tuples(same_shape(3, zero=False), settings).map(lambda d: (*d[0], d[1]))

    def right(w: Any, grad: Any, v: Any, lr: float = 0.1, beta: float = 0.9) -> Any:
        v = beta * v + grad
        return w - lr * v, v

    check_function(
        m.momentum_step,
        right,
        inputs,
        mistakes=[
            Mistake("old-velocity", "w moves with the old v; compute the new v first",
                    lambda w, grad, v, lr, beta: (w - lr * v, beta * v + grad)),
            Mistake("beta-missing", "v is kept whole: multiply it by beta", lambda w, grad, v, lr, beta: (w - lr * (v + grad), v + grad)),
            Mistake("velocity-not-kept", "w is right, but the new v must be returned too", lambda w, grad, v, lr, beta: (right(w, grad, v, lr, beta)[0], v)),
            Mistake("mean", "grad is multiplied by 1 - beta, as in Adam; here it is added whole",
                    lambda w, grad, v, lr, beta: (w - lr * (beta * v + (1 - beta) * grad), beta * v + (1 - beta) * grad)),
            Mistake("rate-in-velocity", "the learning rate is in v already; it multiplies v only when w moves",
                    lambda w, grad, v, lr, beta: (w - (beta * v + lr * grad), beta * v + lr * grad)),
            Mistake("uphill", "the sign: w - lr * v", lambda w, grad, v, lr, beta: (w + lr * (beta * v + grad), beta * v + grad)),
            Mistake("no-momentum", "w moves with the gradient alone; it must move with v", lambda w, grad, v, lr, beta: (w - lr * grad, beta * v + grad)),
            Mistake("velocity-sign", "the sign of grad in v", lambda w, grad, v, lr, beta: (w - lr * (beta * v - grad), beta * v - grad)),
            Mistake("order", "the order: first w, then v", lambda w, grad, v, lr, beta: right(w, grad, v, lr, beta)[::-1]),
        ],
    )  # fmt: skip


def adam(
    w: Any,
    grad: Any,
    m: Any,
    v: Any,
    t: int,
    lr: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
) -> Any:
    m, v = beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2
    return w - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


def _check_adam(m: Any) -> None:
    @st.composite
    def drawn(draw: st.DrawFn) -> tuple[Any, ...]:
        shape = draw(shapes(max_dims=1))
        w, grad, mean = (draw(arrays(shape, zero=False)) for _ in range(3))
        return (
            w,
            grad,
            mean,
            draw(arrays(shape, low=0.25, high=3)),
            draw(st.integers(1, 4)),
            {"lr": 0.5, "beta1": 0.5, "beta2": 0.75, "eps": 0.25},
        )

    def variant(
        correct: str = "mv",
        root: bool = True,
        inside: bool = False,
        square: bool = True,
        fresh: bool = True,
        weight: bool = True,
        root_first: bool = False,
    ) -> Any:
        def fn(w: Any, grad: Any, m: Any, v: Any, t: int, lr: float, beta1: float, beta2: float, eps: float) -> Any:
            k1, k2 = (1 - beta1, 1 - beta2) if weight else (1, 1)
            m2, v2 = beta1 * m + k1 * grad, beta2 * v + k2 * (grad**2 if square else grad)
            a, b = (m2, v2) if fresh else (m, v)
            a = a / (1 - beta1**t) if "m" in correct else a
            b = b / (1 - beta2**t) if "v" in correct else b
            if root_first:
                return w - lr * a / (np.sqrt(v2) / (1 - beta2**t) + eps), m2, v2
            under = np.sqrt(b + eps) if inside else (np.sqrt(b) if root else b) + eps
            return w - lr * a / under, m2, v2

        return fn

    check_function(
        m.adam_step,
        adam,
        drawn(),
        mistakes=[
            Mistake("no-correction", "m and v are not corrected: divide by 1 - beta ** t", variant(correct="")),
            Mistake("half-correction", "v is not corrected: divide by 1 - beta2 ** t", variant(correct="m")),
            Mistake("half-correction", "m is not corrected: divide by 1 - beta1 ** t", variant(correct="v")),
            Mistake("root-missing", "the root of v is missing", variant(root=False)),
            Mistake("eps-inside", "eps stands outside of the root", variant(inside=True)),
            Mistake("eps-of-step", "eps is added to the new w; with brackets it is added to the root: (sqrt(...) + eps)",
                    lambda w, grad, m, v, t, lr, beta1, beta2, eps: (
                        adam(w, grad, m, v, t, lr, beta1, beta2, 0.0)[0] + eps, *adam(w, grad, m, v, t, lr, beta1, beta2, eps)[1:])),
            Mistake("root-first", "the root is taken too early: divide v by 1 - beta2 ** t, then take the root", variant(root_first=True)),
            Mistake("t-missing", "the power t is missing: 1 - beta ** t", lambda w, grad, m, v, t, lr, beta1, beta2, eps: (
                        adam(w, grad, m, v, 1, lr, beta1, beta2, eps))),
            Mistake("one-more", "t is the step itself, 1 in the first one; take t, not t + 1",
                    lambda w, grad, m, v, t, lr, beta1, beta2, eps: adam(w, grad, m, v, t + 1, lr, beta1, beta2, eps)),
            Mistake("brackets", "(1 - beta1) * grad needs its brackets", lambda w, grad, m, v, t, lr, beta1, beta2, eps: (
                        w - lr * ((beta1 * m + 1 - beta1 * grad) / (1 - beta1**t)) /
                        (np.sqrt((beta2 * v + (1 - beta2) * grad**2) / (1 - beta2**t)) + eps),
                        beta1 * m + 1 - beta1 * grad, beta2 * v + (1 - beta2) * grad**2)),
            Mistake("square-missing", "v is a mean of squares: grad ** 2", variant(square=False)),
            Mistake("old-moments", "w moves with the old m and v; compute the new ones first", variant(fresh=False)),
            Mistake("factor-missing", "1 - beta is missing: m and v are means", variant(weight=False)),
            Mistake("corrected-kept", "the corrected m and v are returned; return the plain ones",
                    lambda w, grad, m, v, t, lr, beta1, beta2, eps: (
                        adam(w, grad, m, v, t, lr, beta1, beta2, eps)[0],
                        adam(w, grad, m, v, t, lr, beta1, beta2, eps)[1] / (1 - beta1**t),
                        adam(w, grad, m, v, t, lr, beta1, beta2, eps)[2] / (1 - beta2**t))),
            Mistake("uphill", "the sign: subtract the step", lambda w, *rest, **s: (2 * w - adam(w, *rest, **s)[0], *adam(w, *rest, **s)[1:])),
            Mistake("times-t", "1 - beta ** t is a power, not 1 - beta * t", lambda w, grad, m, v, t, lr, beta1, beta2, eps: (
                        w - lr * ((beta1 * m + (1 - beta1) * grad) / (1 - beta1 * t)) /
                        (np.sqrt((beta2 * v + (1 - beta2) * grad**2) / (1 - beta2 * t)) + eps),
                        *adam(w, grad, m, v, t, lr, beta1, beta2, eps)[1:])),
        ],
    )  # fmt: skip


@cache
def digits() -> tuple[Any, Any, Any, Any]:
    """Images (n, 784) from 0 to 1 and labels, to learn from and to test with."""
    with gzip.open(DATA / "digits-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784) / 255.0
    with gzip.open(DATA / "digits-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8).astype(np.int64)
    return images[:6000], labels[:6000], images[8500:], labels[8500:]


def weights(sizes: list[int], make: Any, seed: int = 0) -> list[Any]:
    """Random weights and biases of 0, as Tensors."""
    rng = np.random.default_rng(seed)
    found = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        found += [make(rng.standard_normal((n_in, n_out)) * (2 / n_in) ** 0.5), make(np.zeros(n_out))]
    return found


def _check_digits(m: Any) -> None:
    tensor = m.Tensor

    def right(parameters: Any, x: Any, last: bool = False, bias: bool = True, active: bool = True) -> Any:
        for k in range(0, len(parameters), 2):
            x = x @ parameters[k].data + (parameters[k + 1].data if bias else 0)
            if active and (last or k + 2 < len(parameters)):
                x = np.maximum(x, 0)
        return x

    parameters = weights([5, 4, 4, 3], tensor, 1)
    for k in (1, 3, 5):
        parameters[k].data = np.linspace(-0.5, 0.5, parameters[k].data.size)
    x = np.random.default_rng(2).standard_normal((6, 5))
    lines = ["network(parameters, x) of a small network, sizes 5, 4, 4, 3"]
    out = call_recording(m.network, (parameters, tensor(x)), "network", lines)
    if not isinstance(out, tensor):
        raise CheckFailed("network must return a Tensor.", kind="type", shown=lines, hint="type",
                          cause="each step is a record(...), which returns a Tensor")  # fmt: skip
    if np.shape(out.data) != (6, 3) or not np.allclose(out.data, right(parameters, x)):
        hint, cause = None, None
        for name, says, options in (
            ("last-relu", "the last layer has a relu too: its scores must be free to be negative", {"last": True}),
            ("bias-missing", "the biases are not added", {"bias": False}),
            ("no-relu", "there is no relu: then three layers are no more than one", {"active": False}),
        ):
            if np.shape(out.data) == (6, 3) and np.allclose(out.data, right(parameters, x, **options)):
                hint, cause = name, says
        first = np.maximum(x @ parameters[0].data + parameters[1].data, 0)
        if np.shape(out.data) == first.shape and np.allclose(out.data, first):
            hint, cause = "one-layer", "only the first layer is computed: does a return stand inside of the loop?"
        if np.array_equal(out.data, x):
            hint, cause = "unchanged", "x comes out as it went in: assign the result of each layer to x"
        raise CheckFailed("network computes wrong scores.", kind="network", hint=hint, cause=cause,
                          shown=[*lines, f"expected {right(parameters, x)[0].round(3).tolist()} for the first example",
                                 f"got      {np.asarray(out.data)[0].round(3).tolist()}"])  # fmt: skip
    images, labels, test_images, test_labels = digits()
    parameters = weights([784, 16, 16, 10], tensor)
    before = [p.data.copy() for p in parameters]
    losses = call_recording(m.train, (parameters, images, labels), "train", ["train(parameters, images, labels)"])
    accuracy = float((right(parameters, test_images).argmax(1) == test_labels).mean())
    shown = [
        f"loss at the beginning {losses[0]:.3f}, at the end {np.mean(losses[-20:]):.3f}",
        f"new digits read rightly: {accuracy:.1%}",
    ]
    if accuracy >= 0.9 and len(losses) == 3 * 94:
        return
    names = [f"{letter}{k}" for k in (1, 2, 3) for letter in "Wb"]
    hint, cause = why_not_learning(names, before, parameters, falls=bool(np.mean(losses[-20:]) < losses[0])) or (
        None,
        "it learns too slowly: is lr=lr given to adam_step, and does state[k] keep the m and v that it returns?",
    )
    raise CheckFailed(
        "It does not learn to read 90% of new digits.", kind="accuracy", shown=shown, hint=hint, cause=cause
    )


EXERCISES = [
    Exercise(
        "6.1",
        "ch6_learning/ex1_descent.py",
        _check_descent,
        title="Gradient descent",
        solution="""
            for _ in range(steps):
                x = x - lr * gradient(x)
        """,
        hints=(
            "You stand at x = 3 in the valley x ** 2. What is the gradient there, and which way is down?",
            "A loop of `steps` turns; each computes the gradient where x is now.",
            "x = x - lr * gradient(x), inside of `for _ in range(steps):`. Not x -= ..., which changes the caller's array.",
        ),
        meaning="No step knows where the lowest point is. Each only knows which way is down from here.",
        engine="nn/optim/sgd.py:SGD",
        another="functools.reduce(lambda x, _: x - lr * gradient(x), range(steps), x)",
    ),
    Exercise(
        "6.2",
        "ch6_learning/ex2_batches.py",
        _check_batches,
        title="Mini-batches",
        solution="""
            order = rng.permutation(n)
            return [order[start : start + size] for start in range(0, n, size)]
        """,
        hints=(
            "n = 7, size = 3: how many batches are there, and how large is the last?",
            "Draw one permutation, and cut it at 0, size, 2 * size, ...",
            "order[start : start + size] for start in range(0, n, size); a slice may reach beyond the end.",
        ),
        meaning="32 examples give nearly the direction of 60,000, for a two-thousandth of the work.",
        engine="nn/data/loader.py:DataLoader",
        another="np.array_split(order, range(size, n, size))",
    ),
    Exercise(
        "6.3",
        "ch6_learning/ex3_momentum.py",
        _check_momentum,
        title="Momentum",
        solution="""
            v = beta * v + grad
            w = w - lr * v
        """,
        hints=(
            "With a gradient that is always 1 and beta = 0.9, how fast does v get?",
            "Two lines, in the order in which they stand above.",
            "v = beta * v + grad; w = w - lr * v.",
        ),
        meaning="In a narrow valley, steps to and fro cancel, and steps along it add up: ten times as fast for beta = 0.9.",
        engine="nn/optim/sgd.py:SGD",
        another="return w - lr * (beta * v + grad), beta * v + grad",
    ),
    Exercise(
        "6.4",
        "ch6_learning/ex4_adam.py",
        _check_adam,
        title="Adam",
        solution="""
            m = beta1 * m + (1 - beta1) * grad
            v = beta2 * v + (1 - beta2) * grad**2
            w = w - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
        """,
        hints=(
            "In the first step, with m = v = 0: what are m and v afterwards, and after the correction?",
            "Three lines, in the order above. The corrected m and v are used for w, but not returned.",
            "w - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps): mind the brackets.",
        ),
        meaning="The first step of each weight has the size lr, whatever its gradient: only the sign counts.",
        engine="nn/optim/adam.py:Adam",
        another="m += (1 - beta1) * (grad - m)       # the same mean, in place",
    ),
    Exercise(
        "6.5",
        "ch6_learning/ex5_digits.py",
        _check_digits,
        title="The digit network, on your own engine",
        seconds=60,
        solution=(
            """
            x = record(add, add_rule, record(matmul, matmul_rule, x, W), b)
            if k + 2 < len(parameters):
                x = record(relu, relu_rule, x)
            """,
            """
            backward(loss)
            for k, p in enumerate(parameters):
                p.data, *state[k] = adam_step(p.data, p.grad, *state[k], t, lr=lr)
            """,
        ),
        hints=(
            "What must happen between the loss and the first changed weight?",
            "A layer: record(matmul, matmul_rule, x, W), then the bias, then relu, but not in the last layer.",
            "After backward(loss): p.data, m, v = adam_step(p.data, p.grad, m, v, t, lr=lr), with m, v = state[k].",
        ),
        meaning="Nobody wrote down what a 3 looks like. 13,002 numbers found it, and every rule on the way is yours.",
        engine="examples/02_digits.py",
        another="nn.Sequential(nn.Linear(784, 16), nn.ReLU(), ...)     # the same with this project",
    ),
]
