"""What is written beside a fused op is what the op computes."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from tinygrad_lecture.inspect.teaching.elements import definition
from tinygrad_lecture.inspect.teaching.formulas import DEFINITIONS

f = {"dtype": tl.float64, "requires_grad": True}
CALLS = {
    "sigmoid": lambda x, v: tl.sigmoid(x),
    "one sigmoid": lambda x, v: tl.sigmoid(x[0, 0]),
    "relu": lambda x, v: tl.relu(x),
    "one relu": lambda x, v: tl.relu(x[0, 0]),
    "silu": lambda x, v: tl.silu(x),
    "one silu": lambda x, v: tl.silu(x[0, 0]),
    "gelu": lambda x, v: tl.gelu(x),
    "one gelu": lambda x, v: tl.gelu(x[:1, 0]),
    "gelu tanh": lambda x, v: tl.gelu(x, approximate="tanh"),
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
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "tanh": np.tanh, "pi": np.pi, "mean": np.mean, "var": np.var,
    "sum": np.sum, "max": np.maximum, "softmax": lambda x: np.asarray(tl.softmax(tl.tensor(x)).numpy()),
    "Phi": lambda x: 0.5 * (1 + tl.erf(tl.tensor(x, dtype=tl.float64) / 2**0.5).numpy()),
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
    for sign, python in (("ᵀ", ".T"), ("½", "0.5"), ("²", "**2"), ("³", "**3"), ("·", "*")):
        text = text.replace(sign, python)
    text = text.replace("[exp", "np.array([exp").replace("] / (exp", "]) / (exp")
    np.testing.assert_allclose(eval(text, {"np": np, **MEANINGS, **values}), vertex.value, rtol=3e-3, atol=3e-3)


def test_every_op_of_the_table_is_computed():
    assert set(DEFINITIONS) <= {*CALLS, *(name.split()[i] for name in CALLS for i in (0, -1))}


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
