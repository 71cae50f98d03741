"""microgpt's model of single numbers: the engine of the exercises' chapter 2 computes its loss and all gradients.

Value, backward = engine({})
model = ScalarGPT(gpt, Value)               # with the weights of 26_names.py's GPT
loss = model.loss([0, 13, 1, 18, 25, 0])    # ".mary."
backward(loss)                              # model.weights["W_Q"][row][column].grad
"""

import builtins
import math
from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import pairwise
from operator import add
from types import ModuleType
from typing import Any

from examples.exercises.course import COURSE
from transformer import GPT

Vector = Sequence[Any]  # of Values


def engine(own: Mapping[str, str]) -> tuple[Any, Any]:
    """Chapter 2's Value and backward, from a learner's own files; those that are not there are solved."""
    solved = {exercise.file: COURSE.solved(exercise) for exercise in COURSE if exercise.name[:2] == "2."}
    files, modules = {name: own.get(name, text) for name, text in solved.items()}, {}

    def imported(name: str, *rest: Any) -> ModuleType:
        file = name.replace(".", "/") + ".py"
        if file not in files:
            return builtins.__import__(name, *rest)
        if file not in modules:
            modules[file] = ModuleType(name)
            vars(modules[file])["__builtins__"] = {**vars(builtins), "__import__": imported}
            exec(files[file], vars(modules[file]))
        return modules[file]

    return imported("ch2_engine.ex2_value").Value, imported("ch2_engine.ex5_backward").backward


def of_one(x: Any, data: float, slope: float) -> Any:
    """A function of one Value, with its derivative there, as the sigmoid of 2.6."""
    return type(x)(data, (x,), (slope,))


def scaled(x: Any, factor: float, shift: float = 0.0) -> Any:
    """factor x + shift, for numbers that are no Values."""
    return of_one(x, factor * x.data + shift, factor)


def exp(x: Any) -> Any:
    """e^x."""
    return of_one(x, math.exp(x.data), math.exp(x.data))


def power(x: Any, n: float) -> Any:
    """x^n."""
    return of_one(x, x.data**n, n * x.data ** (n - 1))


def dot(a: Vector, b: Vector) -> Any:
    """The sum of the products."""
    return reduce(add, [x * y for x, y in zip(a, b, strict=True)])


def times(a: Vector, factor: Any) -> Vector:
    """All numbers times one."""
    return [x * factor for x in a]


def plus(a: Vector, b: Vector) -> Vector:
    """The sum of two vectors."""
    return [x + y for x, y in zip(a, b, strict=True)]


def linear(weights: Sequence[Vector], x: Vector) -> Vector:
    """A layer without biases."""
    return [dot(row, x) for row in weights]


def softmax(scores: Vector) -> Vector:
    """e^score, divided by the sum of all."""
    powers = [exp(score) for score in scores]
    return times(powers, power(reduce(add, powers), -1))


def norm(x: Vector, eps: float = 1e-5) -> Vector:
    """x / sqrt(mean(x^2) + eps)."""
    return times(x, power(scaled(dot(x, x), 1 / len(x), eps), -0.5))


class ScalarGPT:
    """26_names.py's GPT with a Value for each weight: one block, four heads."""

    def __init__(self, gpt: GPT, Value: Any) -> None:
        arrays = {name.split(".")[-2]: array.tolist() for name, array in gpt.state_dict().items() if array.ndim == 2}
        self.weights = {name: [[*map(Value, row)] for row in rows] for name, rows in arrays.items()}
        self.width = gpt.config.head_width

    def loss(self, tokens: Sequence[int]) -> Any:
        """The mean cross-entropy of each token but the first, after those before it."""
        W, keys, values, losses = self.weights, [], [], []
        for place, (token, target) in enumerate(pairwise(tokens)):
            x = norm(plus(W["W_E"][token], W["positions"][place]))
            query, key, value = (linear(W[name], norm(x)) for name in ("W_Q", "W_K", "W_V"))
            keys.append(key)
            values.append(value)
            x = plus(x, linear(W["W_O"], self.attention(query, keys, values)))
            hidden = [of_one(z, max(z.data, 0.0), float(z.data > 0)) for z in linear(W["up"], norm(x))]  # ReLU
            x = plus(x, linear(W["down"], hidden))
            p = softmax(linear(W["W_U"], x))[target]
            losses.append(of_one(p, -math.log(p.data), -1 / p.data))
        return scaled(reduce(add, losses), 1 / len(losses))

    def attention(self, query: Vector, keys: Sequence[Vector], values: Sequence[Vector]) -> Vector:
        """What the heads gather from the tokens so far, side by side."""
        found = []
        for first in range(0, len(query), self.width):
            own = slice(first, first + self.width)
            scores = [dot(query[own], key[own]) for key in keys]
            weights = softmax([scaled(score, self.width**-0.5) for score in scores])
            found += [dot(weights, column) for column in zip(*(value[own] for value in values), strict=True)]
        return found
