"""Of a large array one element is worked out with its numbers, and these are the engine's own."""

import re

import numpy as np
import pytest

import tinygrad_lecture as tl
from tinygrad_lecture.inspect.explain.elements import ELEMENTS, SLOPES

f = {"dtype": tl.float64, "requires_grad": True}


def rows(*shape):
    return tl.randn(*shape, **f)


# name -> a function that computes a result from fresh inputs, the first of them x
CALLS = {
    "sum": lambda: (x := rows(3, 5), x.sum()),
    "sum over an axis": lambda: (x := rows(3, 5), x.sum(axis=0)),
    "sum that keeps an axis": lambda: (x := rows(3, 5), x.sum(axis=1, keepdims=True)),
    "mean": lambda: (x := rows(3, 5), x.mean()),
    "mean over axes": lambda: (x := rows(2, 3, 4), x.mean(axis=(0, 2))),
    "matmul": lambda: (x := rows(3, 5), x @ rows(5, 4)),
    "matmul by a matrix on the left": lambda: (x := rows(5, 4), tl.randn(3, 5, dtype=tl.float64) @ x),
    "matmul with a vector": lambda: (x := rows(4, 5), x @ tl.randn(5, dtype=tl.float64)),
    "matmul with a vector on the left": lambda: (x := rows(5, 4), tl.randn(5, dtype=tl.float64) @ x),
    "matmul of a vector": lambda: (x := rows(10), x @ rows(10, 4)),
    "matmul of two vectors": lambda: (x := rows(10), rows(10) @ x),
    "matmul of stacks": lambda: (x := rows(2, 3, 4), x @ rows(2, 4, 3)),
    "matmul of a stack on the left": lambda: (x := rows(2, 4, 3), tl.randn(2, 3, 4, dtype=tl.float64) @ x),
    "matmul of a stack by a matrix": lambda: (x := rows(4, 3), tl.randn(2, 3, 4, dtype=tl.float64) @ x),
    "linear": lambda: (x := rows(3, 4), tl.linear(x, rows(5, 4), rows(5))),
    "linear, its weight": lambda: (x := rows(5, 4), tl.linear(rows(2, 3, 4), x)),
    "linear, its bias": lambda: (x := rows(5), tl.linear(rows(3, 4), rows(5, 4), x)),
    "softmax": lambda: (x := rows(3, 4), tl.softmax(x)),
    "softmax over the first axis": lambda: (x := rows(3, 4), tl.softmax(x, axis=0)),
    "log_softmax": lambda: (x := rows(3, 4), tl.log_softmax(x)),
    "cross_entropy": lambda: (x := rows(3, 4), tl.cross_entropy(x, tl.tensor([1, 0, 3]))),
    "squared_error": lambda: (x := rows(3, 4), tl.squared_error(x, tl.randn(3, 4, dtype=tl.float64))),
    "layer_norm": lambda: (x := rows(3, 4), tl.layer_norm(x, rows(4), rows(4))),
    "layer_norm, its weight": lambda: (x := rows(12), tl.layer_norm(rows(3, 12), x, rows(12))),
    "layer_norm, its bias": lambda: (x := rows(12), tl.layer_norm(rows(3, 12), rows(12), x)),
    "attention": lambda: (x := rows(3, 4), tl.attention(rows(3, 4), rows(3, 4), x, causal=True)),
    "attention of heads": lambda: (x := rows(2, 3, 4), tl.attention(rows(2, 3, 4), rows(2, 3, 4), x)),
    "attention, its queries": lambda: (x := rows(3, 4), tl.attention(x, rows(3, 4), rows(3, 4), causal=True)),
    "attention, its keys": lambda: (x := rows(2, 3, 4), tl.attention(rows(2, 3, 4), x, rows(2, 3, 4), scale=0.3)),
    "attention_weights, its queries": lambda: (x := rows(3, 4), tl.attention_weights(x, rows(3, 4))),
    "attention_weights, its keys": lambda: (x := rows(3, 4), tl.attention_weights(rows(3, 4), x)),
    "attention_weights with a mask": lambda: (
        x := rows(3, 4), tl.attention_weights(x, rows(3, 4), tl.tensor([True, False, True]))
    ),
    "cumsum": lambda: (x := rows(3, 5), x.cumsum(axis=1)),
    "pick": lambda: (x := rows(5, 4), x[tl.tensor([2, 0, 2])]),
    "sigmoid": lambda: (x := rows(3, 4), tl.sigmoid(x)),
    "mul by a row": lambda: (x := rows(4), x * tl.randn(3, 4, dtype=tl.float64)),
    "add of a row": lambda: (x := rows(4), rows(3, 4) + x),
    "add of a column": lambda: (x := rows(3, 1), rows(3, 4) + x),
}  # fmt: skip
MEANINGS = {
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_the_element_is_the_engines_and_follows_from_its_numbers(name):
    with tl.Graph():
        x, y = CALLS[name]()
        C = (y * (tl.randn(*y.shape, dtype=tl.float64) if y.ndim else 1.5)).sum()
        C.backward()
        text = tl.explain(C, {"x": x, "y": y, "C": C})
    places = {"y": y.detach().numpy(), "dC/dx": x.grad.numpy()}
    for what, array in places.items():
        found = re.findall(rf"^ +(?:one element of it: )?{what}(\[[\d, ]+\])? = (.*) = (\S+)$", text, flags=re.M)
        found = [line for line in found if re.search(r"\d", line[1]) and "[[" not in line[1]]
        assert found, (what, text)
        place, worked, result = found[-1]
        index = tuple(map(int, place.strip("[]").split(","))) if place else ()
        assert result == f"{array[index]:.4g}"
        if "more" not in worked and "x[" not in worked:
            worked = worked.split(" = ")[-1].replace("·", "*")
            assert eval(worked, dict(MEANINGS)) == pytest.approx(array[index], rel=2e-2, abs=5e-3)


PRODUCTS = [name for name in CALLS if name.startswith(("matmul", "linear"))]


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_derivative_of_a_product_is_what_a_small_change_gives(name):
    with tl.Graph() as graph:
        x, y = CALLS[name]()
        text = tl.explain((y * 2.0).sum(), {"x": x, "y": y})
    op, other = graph[y].op, {str(v): v.value for v in graph}
    found = re.search(r"∂y(\[[\d, ]+\])?/∂x(\[[\d, ]+\])? = (?:(\S+?)(\[[\d, ]+\]) = )?(\S+)\n", text)
    if found is None:
        assert name == "matmul of a stack by a matrix"  # a stack that was broadcast
        return
    place, source, factor, at, value = found.groups()
    if factor is None:
        assert (op, value) == ("linear", "1")
        return
    one = np.zeros(x.shape)
    one[tuple(map(int, source.strip("[]").split(",")))] = 1
    values = [one if v is graph[x] else v.value for v in graph[y].inputs if v.value is not None and v.value.ndim]
    moved = values[0] @ (values[1].T if op == "linear" else values[1])
    index = tuple(map(int, place.strip("[]").split(","))) if place else ()
    assert other[factor][tuple(map(int, at.strip("[]").split(",")))] == moved[index]
    assert float(value) == pytest.approx(moved[index], rel=1e-3)


def test_every_entry_of_the_tables_is_tried():
    tried = {name.split(",")[0].split(" ")[0] for name in CALLS}
    assert {*ELEMENTS, *SLOPES} <= tried


def test_it_reads_as_a_teacher_writes_it():
    x, W = tl.ones(3, 4), tl.full((4, 5), 0.5, requires_grad=True)
    with tl.Graph():
        z = x @ W
        C = z.sum()
        C.backward()
        text = tl.explain(C)
    for line in (
        "      one element of it: z[0, 0] = 1 · 0.5 + 1 · 0.5 + 1 · 0.5 + 1 · 0.5 = 2",
        "      C = 2 + 2 + 2 + 2 + ... 11 more = 30",
        "          one element of it: dC/dz[0, 0] = 1 · 1 = 1",
        "          one element of it: dC/dW[0, 0] = 1 · 1 + 1 · 1 + 1 · 1 = 3",
    ):
        assert line in text.split("\n"), text


def test_what_the_engine_does_not_confirm_is_not_shown():
    x = tl.randn(3, 5, requires_grad=True)
    y = x.sum(axis=1)  # nobody watched, so the axis is not known
    assert "one element of it: y[" not in tl.explain((y * 2.0).sum())


def test_an_element_whose_gradient_is_not_0_is_chosen():
    x = tl.tensor([-1.0] * 9 + [2.0], requires_grad=True)
    with tl.Graph():
        C = tl.relu(x).sum()
        assert "one element of it: dC/dx[9] = 1 · 1 = 1" in tl.explain(C)


def test_all_uses_show_an_element_that_they_all_hand_something_to():
    x = tl.tensor([-1.0] * 9 + [2.0], requires_grad=True)
    with tl.Graph():
        y = tl.relu(x) + x
        text = tl.explain(y.sum(), {"x": x})
    assert "one element of it: dC/dx[9] = 1 + 1 = 2  (use 2 of 2" in text


def test_of_a_value_used_twice_each_use_says_which_it_is():
    x = tl.randn(10, requires_grad=True)
    with tl.Graph():
        C = (x * x).sum()
        text = tl.explain(C)
    assert re.search(r"one element of it: dC/dx\[0\] = \S+ \+ \S+ = \S+  \(use 2 of 2; they add up\)", text)
    assert "(use 1) dC/dx[0] = " in text
    assert "(use 2) dC/dx[0] = " in text


def test_the_numbers_stay_those_of_the_pass_when_the_program_goes_on():
    W, x = tl.tensor([[0.5, -1.0]], requires_grad=True), tl.tensor([3.0, 2.0], requires_grad=True)
    with tl.Graph():
        C = (W @ x).sum()
        C.backward()
        before = tl.explain(C, {"W": W, "x": x})
        with tl.no_grad():
            W -= 10.0
            x *= 0.0
        assert tl.explain(C, {"W": W, "x": x}) == before
    assert "          dC/dW[0, 0] = 1 · 3 = 3" in before


@tl.op
def halved(x, /):
    return x * 0.5


@halved.backward
def _(g):
    return np.multiply(g, 0.5)  # of arrays alone


def test_a_rule_that_cannot_be_differentiated_is_told_without_its_elements():
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    with tl.Graph():
        text = tl.explain((halved(x) * 3.0).sum(), {"x": x})
    assert "what the rule of halved makes of dC/d#2 = [1.5, 1.5]" in text
