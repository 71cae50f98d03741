"""What is written beside a fused op is what the op computes."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from tinygrad_lecture.inspect.explain.elements import definition
from tinygrad_lecture.inspect.explain.formulas import DEFINITIONS

f = {"dtype": tl.float64, "requires_grad": True}
CALLS = {
    "softmax": lambda x, v: tl.softmax(v),
    "log_softmax": lambda x, v: tl.log_softmax(v),
    "long softmax": lambda x, v: tl.softmax(x.reshape(-1)),
    "cross_entropy": lambda x, v: tl.cross_entropy(v, tl.tensor(1)),
    "long cross_entropy": lambda x, v: tl.cross_entropy(x.reshape(-1), tl.tensor(1)),
    "squared_error": lambda x, v: tl.squared_error(v, v * 2),
    "sum of squared_error": lambda x, v: tl.squared_error(v, v * 2, average=False),
    "one squared_error": lambda x, v: tl.squared_error(v[:1], v[1:2]),
    "long squared_error": lambda x, v: tl.squared_error(x, x * 2),
    "linear": lambda x, v: tl.linear(x, x),
    "linear and bias": lambda x, v: tl.linear(x, x, v[:2]),
    "layer_norm": lambda x, v: tl.layer_norm(v),
    "layer_norm and weight": lambda x, v: tl.layer_norm(v, v, v),
    "attention": lambda x, v: tl.attention(x, x, x),
    "scaled attention": lambda x, v: tl.attention(x, x, x, scale=0.3),
    "attention_weights": lambda x, v: tl.attention_weights(x, x),
    "attention_weights and mask": lambda x, v: tl.attention_weights(x, x, tl.tensor([0.5, 1.0], dtype=tl.float64)),
}

MEANINGS = {
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "mean": np.mean, "var": np.var, "sum": np.sum,
    "softmax": lambda x: np.asarray(tl.softmax(tl.tensor(x)).numpy()),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_the_definition_of_an_op_is_what_it_computes(name):
    x, v = tl.randn(2, 3, **f), tl.randn(3, **f)
    with tl.Graph() as graph:
        y = CALLS[name](x, v)
    vertex = graph[y]
    for letter, source in zip("pqrs", vertex.inputs, strict=False):
        source.name = "None" if source.value is None else letter
    values = {str(s): np.array(s.value) for s in vertex.inputs if s.value is not None}
    values |= {str(s): s.value for s in vertex.inputs if s.value is not None and s.value.ndim == 0}
    text = definition(vertex).partition(", over")[0].partition(";")[0].partition(", where")[0]
    for sign, python in (("ᵀ", ".T"), ("²", "**2"), ("·", "*")):
        text = text.replace(sign, python)
    np.testing.assert_allclose(eval(text, {"np": np, **MEANINGS, **values}), vertex.value, rtol=3e-3, atol=3e-3)


def test_every_definition_in_words_is_tried():
    in_words = {name for name, text in DEFINITIONS.items() if "{" in text.partition(", where")[0]}
    assert in_words <= {*CALLS, *(name.split()[i] for name in CALLS for i in (0, -1))}


def test_what_an_op_leaves_out_is_said():
    x = tl.randn(2, 2, **f)
    with tl.Graph() as graph:
        causal = tl.attention(x, x, x, causal=True)
        masked = tl.attention_weights(x, x, tl.tensor([True, False]))
        rows = tl.softmax(x, 0)
    graph.name({"x": x})
    assert "@ x, over the keys up to the query's own place; query x, key x, value x" in definition(graph[causal])
    assert definition(graph[masked]).endswith("allows; query x, key x")
    assert definition(graph[rows]) == "exp(x) / sum(exp(x)), over axis 0"


def test_an_explanation_has_the_formula_with_its_numbers():
    z = tl.tensor([-0.5], requires_grad=True)
    with tl.Graph():
        a = tl.sigmoid(z)
        text = tl.explain(tl.squared_error(a, tl.tensor([1.0])))
    assert "a = sigmoid(z)\n    = sigmoid([-0.5])\n    = 1 / (1 + exp(0.5))\n    = [0.3775]" in text
    assert "= mean((0.3775 - 1)²)" in text
