"""Chapter 1: a neuron, a layer, a network's size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_lecture.testing import CheckFailed, Exercise, Mistake, check_function, check_property, matrices, numbers
from tinygrad_lecture.testing.calls import call


def _vectors() -> Any:
    """Lists x and w of one length, and a number b."""
    pairs = st.lists(st.tuples(numbers(), numbers()), min_size=1, max_size=4)
    return st.tuples(pairs, numbers()).map(lambda d: ([p[0] for p in d[0]], [p[1] for p in d[0]], d[1]))


def weighted_sum(x: Any, w: Any, b: Any) -> Any:
    return sum(xi * wi for xi, wi in zip(x, w, strict=True)) + b


def sigmoid(z: Any) -> Any:
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def _check_weigh(m: Any) -> None:
    check_function(
        m.weighted_sum,
        weighted_sum,
        _vectors(),
        mistakes=[
            Mistake("bias-missing", "the bias b is not added", lambda x, w, b: weighted_sum(x, w, 0)),
            Mistake(
                "bias-each",
                "the bias is added once for each input; add it once, after the sum",
                lambda x, w, b: weighted_sum(x, w, 0) + len(x) * b,
            ),
            Mistake("bias-sign", "the bias is subtracted; add it", lambda x, w, b: weighted_sum(x, w, -b)),
            Mistake("weights-ignored", "the weights are not used: inputs are only summed", lambda x, w, b: sum(x) + b),
            Mistake(
                "not-multiplied",
                "each weight is added to its input; multiply them",
                lambda x, w, b: sum(x) + sum(w) + b,
            ),
            Mistake(
                "first-only",
                "only the first input counts: does `return` stand inside of the loop?",
                lambda x, w, b: x[0] * w[0] + b,
            ),
            Mistake(
                "product-of-sums",
                "the sum of the inputs is multiplied by the sum of the weights; multiply each pair, then sum",
                lambda x, w, b: sum(x) * sum(w) + b,
            ),
            Mistake(
                "bias-weighed",
                "the bias is multiplied too; it is added after everything else",
                lambda x, w, b: (weighted_sum(x, w, 0)) * b,
            ),
            Mistake(
                "last-missing",
                "the last input is left out: range(len(x)) ends with it already",
                lambda x, w, b: weighted_sum(x[:-1], w[:-1], b),
            ),
        ],
    )

    def unchanged(x: Any, w: Any, b: Any) -> None:
        try:  # of arrays it is known here whether the answer writes to them
            call(m.weighted_sum, (np.array(x), np.array(w), b), names=("x", "w", "b"))
        except CheckFailed as failure:
            if failure.kind == "changed":
                raise

    check_property(unchanged, _vectors())


def _check_activate(m: Any) -> None:
    large = st.one_of(numbers(-6, 6), st.sampled_from([20.0, -20.0, 1000.0, -1000.0]))
    check_function(
        m.sigmoid,
        sigmoid,
        [large],
        mistakes=[
            Mistake(
                "floor",
                "`//` divides to whole numbers; write 1 / (1 + exp(-z))",
                lambda z: sigmoid(z) if z < 0 else 1 // (1 + math.exp(-z)),
            ),
            Mistake("tanh", "this is tanh, which lies between -1 and 1", math.tanh),
            Mistake(
                "one-missing",
                "the division is missing: 1 / (1 + exp(-z))",
                lambda z: sigmoid(z) if z < 0 else 1 + math.exp(-z),
            ),
            Mistake(
                "one-missing",
                "this is exp(-z) alone: 1 / (1 + exp(-z))",
                lambda z: sigmoid(z) if z < 0 else math.exp(-z),
            ),
            Mistake(
                "one-missing",
                "the 1 + below the line is missing",
                lambda z: sigmoid(z) if z < 0 else math.exp(z),
            ),
            Mistake(
                "sign-in-exp",
                "the sign in the exponent: exp(-z), with a minus",
                lambda z: sigmoid(z) if z < 0 else 1 - sigmoid(z),
            ),
        ],
    )
    check_function(
        m.relu,
        lambda z: max(z, 0),
        [large],
        mistakes=[
            Mistake("absolute", "negative numbers become positive; they must become 0", abs),
            Mistake("minimum", "this is the smaller of z and 0; take the larger", lambda z: min(z, 0)),
            Mistake("step", "this is 1 for positive z; return z itself", lambda z: float(z > 0)),
            Mistake("capped", "large numbers are cut at 1; ReLU has no upper end", lambda z: min(max(z, 0), 1)),
        ],
    )
    check_function(
        m.neuron,
        lambda x, w, b: sigmoid(weighted_sum(x, w, b)),
        _vectors(),
        mistakes=[
            Mistake("not-activated", "the weighted sum comes out as it is: the sigmoid is missing", weighted_sum),
            Mistake(
                "other-activation",
                "this is ReLU of the weighted sum; this neuron activates with the sigmoid",
                lambda x, w, b: max(weighted_sum(x, w, b), 0),
            ),
            Mistake(
                "bias-outside",
                "the bias is added after the sigmoid; it belongs into the weighted sum",
                lambda x, w, b: sigmoid(weighted_sum(x, w, 0)) + b,
            ),
            Mistake(
                "each-activated",
                "the sigmoid is taken of each product; take it once, of the whole sum",
                lambda x, w, b: sum(sigmoid(xi * wi) for xi, wi in zip(x, w, strict=True)) + b,
            ),
        ],
    )


def _check_layer(m: Any) -> None:
    check_function(
        m.layer,
        lambda W, a, b: W @ a + b,
        matrices("oi", "i", "o"),
        mistakes=[
            Mistake("bias-missing", "the bias b is not added", lambda W, a, b: W @ a),
            Mistake("transposed", "W is transposed: row k holds the weights of neuron k", lambda W, a, b: W.T @ a + b),
            Mistake(
                "elementwise",
                "`*` multiplies element by element; a weighted sum of each row is `@`",
                lambda W, a, b: W * a + b,
            ),
            Mistake(
                "elementwise",
                "`*` multiplies element by element, and the sum goes over the wrong axis; use `@`",
                lambda W, a, b: (W * a).sum(axis=0) + b,
            ),
        ],
    )
    check_function(
        m.layer_of_batch,
        lambda W, A, b: A @ W.T + b,
        matrices("oi", "ni", "o"),
        mistakes=[
            Mistake(
                "batch-transposed",
                "the result is transposed: the batch must stay the first axis, so A comes first: A @ W.T",
                lambda W, A, b: (A @ W.T + b).T,
            ),
            Mistake(
                "batch-transposed",
                "the result is transposed: the batch must stay the first axis, so A comes first: A @ W.T",
                lambda W, A, b: W @ A.T + b,
            ),
            Mistake("bias-missing", "the bias b is not added", lambda W, A, b: A @ W.T),
            Mistake(
                "bias-column",
                "each example gets a bias of its own; b has one number for each neuron, along the last axis",
                lambda W, A, b: A @ W.T + b[:, None],
            ),
            Mistake("not-transposed", "W must be transposed here: A @ W.T", lambda W, A, b: A @ W + b),
        ],
    )


def _check_count(m: Any) -> None:
    def right(sizes: list[int]) -> int:
        return sum(i * o + o for i, o in zip(sizes[:-1], sizes[1:], strict=True))

    def pairs(sizes: list[int]) -> list[tuple[int, int]]:
        return list(zip(sizes[:-1], sizes[1:], strict=True))

    check_function(
        m.count_parameters,
        right,
        [st.lists(st.integers(1, 9), min_size=2, max_size=5)],
        examples=[([784, 16, 16, 10],)],
        mistakes=[
            Mistake("bias-missing", "the biases are not counted: one for each neuron that is no input",
                    lambda s: sum(i * o for i, o in pairs(s))),
            Mistake("input-bias", "the inputs are counted as if they had biases; they are no neurons",
                    lambda s: sum(i * o for i, o in pairs(s)) + sum(s)),
            Mistake("bias-of-inputs", "each layer has as many biases as it has neurons, not as it has inputs",
                    lambda s: sum(i * o + i for i, o in pairs(s))),
            Mistake("one-bias", "each neuron has a bias of its own, not each layer one",
                    lambda s: sum(i * o + 1 for i, o in pairs(s))),
            Mistake("last-missing", "the last layer is left out: does the loop end too early?",
                    lambda s: sum(i * o + o for i, o in pairs(s)[:-1])),
            Mistake("all-multiplied", "all sizes are multiplied; weights join one layer with the next alone",
                    lambda s: math.prod(s) + sum(s[1:])),
            Mistake("hard-coded", "the result is always 13,002; compute it from the sizes", lambda s: 13002),
        ],
    )  # fmt: skip


EXERCISES = [
    Exercise(
        "1.1",
        "ch1_neuron/ex1_weigh.py",
        _check_weigh,
        title="A neuron weighs and sums up",
        solution="return sum(xi * wi for xi, wi in zip(x, w)) + b",
        hints=(
            "What is z for x = [2], w = [3], b = 1? And for two inputs?",
            "`for xi, wi in zip(x, w):` gives an input and its weight at a time.",
            "Start with total = 0, add xi * wi for each pair, and return total + b.",
        ),
        meaning="A neuron's knowledge is its weights and its bias: n + 1 numbers.",
        engine="tinygrad_lecture/ops/fused.py:linear",
        another="return np.dot(x, w) + b             # NumPy's sum of products",
    ),
    Exercise(
        "1.2",
        "ch1_neuron/ex2_activate.py",
        _check_activate,
        title="It activates",
        solution=("return 1 / (1 + math.exp(-z))", "return max(z, 0)", "return sigmoid(weighted_sum(x, w, b))"),
        hints=(
            "What is sigmoid(0)? And what does it come close to for a large z?",
            "The formulas stand above; Python has max(a, b) and math.exp. The neuron calls two functions.",
            "neuron: first z = weighted_sum(x, w, b), then the sigmoid of z.",
        ),
        meaning="Without an activation, layers of neurons would be no more than one: sums of sums are sums.",
        engine="tinygrad_lecture/ops/elementwise.py:sigmoid",
        another="return (z + abs(z)) / 2             # relu without max",
    ),
    Exercise(
        "1.3",
        "ch1_neuron/ex3_layer.py",
        _check_layer,
        title="A layer is a matrix product",
        solution=("return W @ a + b", "return A @ W.T + b"),
        hints=(
            "(n_out, n_in) times (n_in,): which size is summed over, and which one is left?",
            "For a batch, the sizes that meet in the middle of `@` must be n_in: (batch, n_in) @ (n_in, n_out).",
            "W has shape (n_out, n_in), W.T has (n_in, n_out). The bias is added to each row by broadcasting.",
        ),
        meaning="A batch costs hardly more than one example: NumPy sees one large product instead of many small ones.",
        engine="nn/linear.py:Linear",
        another='return np.einsum("oi,ni->no", W, A) + b',
    ),
    Exercise(
        "1.4",
        "ch1_neuron/ex4_count.py",
        _check_count,
        title="13,002 parameters",
        solution="return sum(n_in * n_out + n_out for n_in, n_out in zip(sizes[:-1], sizes[1:]))",
        hints=(
            "How many lines lead from 784 inputs to 16 neurons? And how many biases have these 16?",
            "zip(sizes[:-1], sizes[1:]) gives each layer's size with the next one's.",
            "Add n_in * n_out + n_out for each pair of neighbours.",
        ),
        meaning="Learning is a search for 13,002 numbers at once; GPT-3 has 175,181,291,520.",
        engine="nn/mlp.py:MLP",
        another="return sum((n_in + 1) * n_out ...)   # the bias is a weight of an input that is always 1",
    ),
]
