"""explain and page call a value what the program calls it: a variable, an attribute, an item of a list."""

from types import SimpleNamespace

import nn
import tinygrad_lecture as tl

V1 = tl.tensor([[0.5, -1.0], [1.0, 2.0]], requires_grad=True)  # a global


class Net:
    def __init__(self):
        self.W = tl.tensor([[1.0, 2.0]], requires_grad=True)

    def told(self, x):
        return tl.explain((self.W @ x).sum())


def test_a_global_has_its_name():
    x = tl.tensor([1.0, 0.5])
    assert "dC/dV1" in tl.explain((V1 @ x).sum())


def test_a_graph_that_is_shown_has_the_names_too(tmp_path):
    x = tl.tensor([1.0, 0.5])
    with tl.Graph() as graph:
        total = (V1 @ x).sum()
    assert "V1 @ x" in str(graph)
    assert 'label="total' in graph.dot()
    graph.draw(tmp_path / "graph.svg")
    assert "total = sum(" in (tmp_path / "graph.svg").read_text("utf-8")
    assert total.shape == ()


def test_a_variable_of_the_function_comes_before_a_global_of_the_same_name():
    own, x = V1, tl.tensor([1.0, 0.5])
    assert "dC/down" in tl.explain((own @ x).sum())


def test_attributes_of_self_and_of_other_objects_have_the_name_one_would_type():
    x, net = tl.tensor([1.0, 0.5]), Net()
    assert "dC/d(self.W)" in net.told(x)
    assert "dC/d(net.W)" in tl.explain((net.W @ x).sum())
    held = SimpleNamespace(scale=tl.tensor(2.0, requires_grad=True), _hidden=tl.tensor(3.0, requires_grad=True))
    text = tl.explain(held.scale * held._hidden)
    assert "dC/d(held.scale)" in text
    assert "_hidden" not in text


def test_items_of_a_list_and_parts_of_a_named_tuple_too():
    weights = [tl.tensor(2.0, requires_grad=True), tl.tensor(3.0, requires_grad=True)]
    assert "dC/d(weights[1])" in tl.explain(weights[0] * weights[1])
    best = tl.max(V1, axis=1)
    assert "best.values = max(V1)" in tl.explain((best.values * 2.0).sum())


def test_the_parameters_of_a_module_keep_the_names_that_it_has_for_them():
    layer = nn.Linear(2, 1)
    with tl.Graph():
        loss = layer(tl.ones(1, 2)).sum()
        assert "dloss/dweight" in tl.explain(loss)
    assert "dloss/d(layer.weight)" in tl.explain(loss := (layer.weight * 2.0).sum())
