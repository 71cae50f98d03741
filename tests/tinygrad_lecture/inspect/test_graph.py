"""Graph: the values and gradients that it sees of a computation, and what it reads from the program."""

import gc
import re
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nn
import tinygrad_lecture as tl
from numeric import leaf
from process import at_once, no_collector
from tinygrad_lecture.inspect.graph import watched


@pytest.fixture
def neuron():
    """The neuron of Graph's docstring: (graph, its variables by name)."""
    w, b = leaf(0.5, -1.0), tl.tensor(0.25, dtype=tl.float64, requires_grad=True)
    x, y = tl.tensor([1.0, 2.0], dtype=tl.float64), tl.tensor(1.0, dtype=tl.float64)
    with tl.Graph() as graph:
        z = w @ x + b
        a = tl.sigmoid(z)
        cost = (a - y) ** 2
        cost.backward()
    names = {"w": w, "b": b, "x": x, "y": y, "z": z, "a": a, "cost": cost}
    return graph.name(names), names


def test_every_value_comes_in_the_order_of_computing_with_its_formula(neuron):
    graph, _ = neuron
    told = "w: leaf, x: constant, #3: w @ x, b: leaf, z: #3 + b, a: sigmoid(z), y: constant, #8: a - y, cost: #8 ** 2"
    assert ", ".join(f"{v}: {v.formula}" for v in graph) == told
    assert [v.number for v in graph] == list(range(1, len(graph) + 1))
    assert [str(v) for v in graph if not v.requires_grad] == ["x", "y"]
    assert repr(graph.vertices[5]) == "<vertex a: sigmoid(z), shape ()>"


def test_backwards_steps_are_in_its_own_order_each_with_the_gradients_of_its_inputs(neuron):
    graph, names = neuron
    assert [str(v) for v in graph.visited] == ["cost", "#8", "a", "z", "#3"]
    of_w, of_x = graph.visited[-1].input_gradients
    np.testing.assert_array_equal(of_w, names["w"].grad.numpy())
    assert of_x is None  # x is a constant


def test_a_second_backward_adds_as_it_does_to_grad_and_the_table_says_so():
    x = leaf(3.0)
    with tl.Graph() as graph:
        y = x * 2
        z = y * y
        z.backward(retain_graph=True)
        assert "Backward ran" not in str(graph)
        z.backward()
    assert graph[x].grad.item() == x.grad.item() == 48.0
    assert graph[y].grad.item() == 24.0
    assert "Backward ran 2 times; each gradient is the sum of what all passes found." in str(graph)


LONG = "[[[0, 1, 0, ..., 1, 0, 1], [1, 1, 1, ..., 1, 1, 1]]]"
FORMULAS = {  # of x, [[1, 1, 1], [1, 1, 1]], and c, [3, 4, 5]
    "(x * c + c) ** 2.5": ["#1 * #2", "#3 + #2", "#4 ** 2.5"],  # a constant is one vertex for all uses, a number none
    "-x.sum(axis=1, keepdims=True)": ["sum(#1, axis=1, keepdims=True)", "-#2"],
    "x[tl.tensor([[0, 1, 0, 1, 0, 1, 0, 1], [1] * 8])]": [f"#1{LONG}"],
    "tl.pad(x, ((0, 0), (1, 2)), value=0.25)": ["pad(#1, pad_width=((0, 0), (1, 2)), value=0.25)"],
    "tl.softmax(x, axis=0)": ["softmax(#1, axis=0)"],  # a fused op is one vertex
    "tl.layer_norm(x, None, None, axes=1, eps=1e-5)": ["layer_norm(#1)"],  # what is left out or usual is not written
    "tl.gelu(tl.einsum('ij,j->i', x, c), 'tanh')": [
        "contract(#1, #2, inputs=('ij', 'j'), output=\"i\")",
        'gelu(#3, approximate="tanh")',
    ],
    **{f"x[{index}]": [f"#1[{index}]"] for index in ("0", "0:2", "::2", "..., None, 1", "-1, :1", "[0, 1], 2")},
}


@pytest.mark.parametrize("call", FORMULAS)
def test_a_formula_is_written_as_in_python_but_not_at_length(call):
    x, c = tl.ones(2, 3, dtype=tl.float64, requires_grad=True), tl.tensor([3.0, 4.0, 5.0], dtype=tl.float64)
    with tl.Graph() as graph:
        eval(call, {"x": x, "c": c, "tl": tl})
    assert [v.formula for v in graph if v.op] == FORMULAS[call]


def test_what_is_not_recorded_is_left_out():
    x = leaf(1.0)
    with tl.Graph() as graph:
        with tl.no_grad():
            x * 2
        tl.ones(2) + 1
        y = x * 3
    assert [v.formula for v in graph] == ["leaf", "#1 * 3"]
    with pytest.raises(KeyError, match=r"shape \(1,\) that is not in this graph"):
        graph[y + 1]


def test_what_was_made_before_is_filled_in_and_its_backward_seen():
    x = leaf(1.0)
    y = x * 2
    with tl.Graph() as graph:
        z = y + 1
        z.backward()
    assert [v.formula for v in graph] == ["leaf", "#1 * constant", "#2 + 1"]
    assert all(v.value is not None for v in graph)  # y's from its use
    assert [v.op for v in graph.visited] == ["add", "mul"]
    assert graph[x].grad.item() == 2.0


# --- beside other observers ---------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_anomaly_is_found_within_it_and_does_not_blind_it():
    x = leaf(-1.0)
    with tl.Graph() as graph:
        with tl.detect_anomaly():
            y = x * 2
            with pytest.raises(tl.AnomalyError, match="log made the first nan"):
                tl.log(y)
            y.backward()
        y * 3
    assert [v.op for v in graph] == [None, "mul", "mul"]
    assert [v.op for v in graph.visited] == ["mul"]


def test_it_watches_one_block_at_a_time_but_may_watch_another():
    x = leaf(1.0)
    with tl.Graph() as graph:
        y = x * 2
        with pytest.raises(RuntimeError, match="watching already"), graph:
            pass
        z = y * 3
    with pytest.raises(ZeroDivisionError), graph:  # noqa: PT012
        z.backward()
        1 / 0  # noqa: B018
    x * 4  # after an error it watches no longer
    assert len(graph) == 3
    assert graph[x].grad.item() == 6.0


def test_a_graph_is_in_no_cycle():
    x = leaf(1.0)
    with no_collector():
        with tl.Graph() as graph:
            (x * x).backward()
        gone = weakref.ref(graph.vertices[-1].inputs[0].value)
        del graph
        assert gone() is None


# --- the text of numbers ------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from(["add", "mul", "sub"]), st.integers(0, 99), st.integers(0, 99)), min_size=1))
def test_gradients_of_any_graph_are_what_retain_grad_finds(steps):
    values = [leaf(0.3, -0.7), leaf(1.1, 0.4)]
    with tl.Graph() as graph:
        for name, i, j in steps:
            out = getattr(tl, name)(values[i % len(values)], values[j % len(values)]) * 0.5
            out.retain_grad()
            values.append(out)
        values[-1].sum().backward()
    for value in values:
        if value.grad is not None:
            np.testing.assert_allclose(graph[value].grad, value.grad.numpy(), rtol=1e-12, atol=1e-300)


def test_a_checkpoint_has_the_values_and_gradients_of_its_function():
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    with tl.Graph() as graph:
        L = tl.checkpoint(lambda a: tl.tanh(a) * a, x).sum()
        L.backward()
    text = tl.explain(L)
    (expected,) = tl.grad((tl.tanh(x) * x).sum(), x)
    assert graph[x].grad.tolist() == x.grad.tolist() == expected.tolist()
    assert "[0, 0]" not in str(graph) + text and "tanh(x)" in text


def test_graphs_are_found_while_other_threads_start_to_watch():
    def watch(i):
        graph = tl.Graph()
        with graph:
            return graph

    kept = [watch(0) for _ in range(50)]
    at_once(4, lambda i: [watch(0) if i % 2 else watched() for _ in range(500)])
    assert set(kept) <= set(watched())


# --- modules and lines -----------------------------------------------------------------------------------------


def test_a_graph_keeps_no_variable_of_the_calls_alive():
    class Remembers(nn.Module):
        def forward(self, x):
            self.seen = tl.ones(3)
            held.append(weakref.ref(self.seen))
            local = tl.ones(2)
            held.append(weakref.ref(local))
            return (x * local).sum()

    held = []
    model = Remembers()
    with tl.Graph() as graph:
        model(tl.ones(2, requires_grad=True))
    del model
    gc.collect()
    assert [reference() for reference in held] == [None, None]
    assert len(graph) == 4


def names_of_parameters(program):
    """What the parameters are called that a program computes with."""
    with tl.Graph() as graph:
        program(graph)
    return [v.name for v in graph if v.requires_grad and v.op is None]


def two_modules(graph):
    a, b = nn.Linear(2, 2), nn.Linear(2, 1)
    C = b(tl.sigmoid(a(tl.ones(1, 2)))).sum()
    a(tl.ones(1, 2))
    assert "dC/d(a.weight)" in tl.explain(C)


def modules_of_a_list(graph):
    layers = [nn.Linear(2, 2, bias=False) for _ in range(3)]
    layers[2](layers[1](layers[0](tl.ones(1, 2))))
    str(graph)


def one_module(graph):
    model, loss = nn.Sequential(nn.Linear(2, 1)), nn.MSELoss()
    loss(model(tl.ones(1, 2)), tl.ones(1, 1))


@pytest.mark.parametrize(
    ("program", "names"),
    [
        (two_modules, "a.weight a.bias b.weight b.bias"),
        (modules_of_a_list, "layers[0].weight layers[1].weight layers[2].weight"),
        (one_module, "0.weight 0.bias"),
    ],
)
def test_parameters_have_their_modules_names_behind_variables_if_several(program, names):
    assert names_of_parameters(program) == names.split()


# --- functions of the user --------------------------------------------------------------------------------


def test_each_op_of_a_function_of_several_says_so_and_so_does_a_constant_in_it():
    x, y = tl.tensor([0.5, -1.0], requires_grad=True), tl.tensor([0.5, 1.0])
    with tl.Graph() as graph:
        z = tl.outer(x, x)
        total = z.sum()
        text = tl.explain(tl.logsumexp(x * y))
        kept = tl.cat([x, y])
    assert {v.part_of for v in graph.vertices[: graph.vertices.index(graph[total])] if v.op} == {"outer"}
    assert graph[total].part_of == graph[y].part_of == ""
    assert graph[kept].formula.startswith("concatenate(") and graph[kept].part_of == "cat"
    assert "(part of outer)" in tl.explain(total)
    assert re.search(r"= \[\S+\] +constant, which logsumexp computes\n", text)


# --- names of variables ---------------------------------------------------------------------------------------

V1 = tl.tensor([[0.5, -1.0], [1.0, 2.0]], requires_grad=True)  # a global


class Net:
    def __init__(self):
        self.W = tl.tensor([[1.0, 2.0]], requires_grad=True)

    def told(self, x):
        with tl.Graph():
            return tl.explain((self.W @ x).sum())


def test_variables_and_what_they_hold_have_the_name_one_would_type():
    x, net = tl.tensor([1.0, 0.5]), Net()
    held = SimpleNamespace(scale=tl.tensor(2.0, requires_grad=True), _hidden=tl.tensor(3.0, requires_grad=True))
    assert "dC/d(self.W)" in net.told(x)
    with tl.Graph():
        assert "dC/dV1" in tl.explain((V1 @ x).sum())
        assert "dC/d(net.W)" in tl.explain((net.W @ x).sum())
        text = tl.explain(held.scale * held._hidden)
    assert "dC/d(held.scale)" in text and "_hidden" not in text


def test_a_variable_of_the_function_comes_before_a_global_of_the_same_value():
    own, x = V1, tl.tensor([1.0, 0.5])
    with tl.Graph():
        assert "dC/down" in tl.explain((own @ x).sum())


# --- on a device --------------------------------------------------------------------------------------------


def test_all_that_is_shown_of_a_computation_on_a_device_has_been_copied_to_the_host(tmp_path):
    x, w = tl.randn(2, 3).to("strict"), tl.randn(3, 2).to("strict").requires_grad_()
    with tl.Graph() as graph, tl.profile() as profile:
        C = (tl.sigmoid(x @ w) ** 2).mean()
        C.backward()
        assert "dC/dw = xᵀ @ dC/d#3" in tl.explain(C)
        assert tl.page(C, tmp_path / "page.html").exists()
    assert graph[w].grad.tolist() == w.grad.tolist()
    assert "on strict" in w._repr_html_()
    assert "<svg" in graph._repr_html_()
    assert "matmul" in str(profile)
