"""tl.page without a browser: one file, whose data are the engine's values, modules, gradients."""

import base64
import json
import re
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays

import nn
import tinygrad_lecture as tl
from tinygrad_lecture.inspect.explain.walkthrough import walkthrough_of
from tinygrad_lecture.inspect.page import Arrays, PageData
from transformer import GPT, GPTConfig, TokenCrossEntropy


def data_of(what):
    """What a page is told, read as the page reads it."""
    return json.loads(json.dumps(PageData(walkthrough_of(what)).as_data(), allow_nan=False))


@pytest.fixture
def square():
    """x * x within a graph that stays."""
    x = tl.tensor(3.0, requires_grad=True)
    with tl.Graph() as graph:
        y = x * x
    return graph, x, y


def array_of(data, index):
    """An array of the data."""
    array = data["arrays"][index]
    kind = {4: np.float32, 8: np.float64, 1: np.uint8}[array["size"]]
    return np.frombuffer(base64.b64decode(array["data"]), kind).reshape(array["shape"])


def test_it_is_one_file_that_asks_for_nothing(tmp_path, square):
    path = tl.page(square[0], tmp_path / "square.html")
    text = path.read_text("utf-8")
    assert path == tmp_path / "square.html"
    assert [p.name for p in tmp_path.iterdir()] == ["square.html"]
    assert set(re.findall(r"https?://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert "default-src 'none'" in text
    assert not re.search(r"^(import|export) ", text, flags=re.M)
    assert "<title>square</title>" in text


def test_where_backward_has_not_run_the_page_does_and_leaves_grad_alone(tmp_path):
    x = tl.tensor(3.0, requires_grad=True)
    with tl.Graph() as graph:
        y = x * x
        assert data_of(graph)["steps"] == []  # a graph is then a page of its forward steps
        tl.page(y, tmp_path / "inside.html")
        assert x.grad is None


def test_each_value_says_which_line_made_it_of_a_layer_and_of_its_user():
    model = nn.Linear(2, 1)
    with tl.Graph():
        out = model(tl.ones(1, 2))
        y = tl.exp(out)  # this line
        data = data_of(y.sum())
    lines = {v["op"]: [data["lines"][i] for i in v["lines"]] for v in data["values"] if v["op"]}
    assert [(line["file"], line["text"]) for line in lines["exp"]] == [("test_page.py", "y = tl.exp(out)")]
    assert "linear" in lines["linear"][0]["text"] and lines["linear"][1]["text"] == "out = model(tl.ones(1, 2))"
    assert [v["name"] for v in data["values"] if v["kind"] == "parameter"] == ["weight", "bias"]


# --- the lecture's words ------------------------------------------------------------------------------------


def test_values_are_told_in_the_words_of_the_lecture():
    model = nn.MLP([784, 16, 10])
    with tl.Graph() as graph:
        nn.CrossEntropyLoss()(model(tl.ones(2, 784)), tl.tensor([3, 5]))
    told = {v["formula"] or v["name"]: v["words"] for v in data_of(graph)["values"] if v["words"]}
    assert told["linear(#1, 0.weight, 0.bias)"] == "layer 1: weighs and sums, 784 to 16"
    assert told["#1"] == "what goes into layer 1"
    assert told["0.weight"] == "weights of layer 1"
    assert told["2.bias"] == "biases of layer 2"
    assert told["relu(#4)"] == "layer 1: activates, relu"
    assert told["cross_entropy(#8, target)"] == "the cost: -log of the target's probability"
    assert told["target"] == "what is wanted"


def test_what_is_only_another_shape_has_the_name_of_what_it_was_and_no_box():
    x = tl.randn(4, 8, requires_grad=True)
    with tl.Graph() as graph:
        heads = tl.swapaxes(tl.reshape(x, (4, 2, 4)), 0, 1)
        out = tl.reshape(tl.swapaxes(tl.attention(heads, heads, heads), 0, 1), (4, 8))
        turned = tl.swapaxes(out, 0, 1)  # of a matrix it is a step: the transpose
        C = (turned * turned).sum()
        graph.name({"x": x, "heads": heads})
        del out, turned
        data = data_of(C)
    assert [v["op"] for v in data["values"] if v["folded"] >= 0] == ["reshape", "swapaxes", "swapaxes", "reshape"]
    shown = [v["formula"] for v in data["values"] if v["op"] and v["folded"] < 0]
    assert shown == ["attention(x, x, x)", "swapaxes(#4, axis0=0, axis1=1)", "#7 * #7", "sum(#8)"]
    assert graph[heads].name == "heads"  # outside of the page it is called as before


# --- modules ------------------------------------------------------------------------------------------------


@pytest.fixture
def gpt():
    model = GPT(GPTConfig(vocab_size=5, context=4, layers=3, heads=2, width=4))
    with tl.Graph():
        loss = TokenCrossEntropy()(model(tl.tensor([0, 1, 2, 3])), tl.tensor([1, 2, 3, 4]))
        loss.backward()
        return data_of(loss)


def test_each_value_and_each_group_stands_in_one_view_beside_what_comes_from_outside(gpt):
    values, groups = [], []
    for number, view in enumerate(gpt["views"]):
        groups += [box["group"] for box in view["boxes"] if "group" in box]
        for box in (box for box in view["boxes"] if "value" in box):
            outside = gpt["values"][box["value"]]["group"] != number
            assert box.get("outside", False) == outside
            values += [] if outside else [box["value"]]
        for a, b in combinations(view["boxes"], 2):
            apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
            assert apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
    assert sorted(values) == [i for i, value in enumerate(gpt["values"]) if value["folded"] < 0]
    assert sorted(groups) == list(range(1, len(gpt["groups"])))


def test_a_module_called_twice_is_two_boxes():
    layer = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    model = nn.Sequential(layer, nn.Linear(2, 2), layer)
    with tl.Graph():
        data = data_of(model(tl.ones(1, 2)).sum())
    assert [group["name"] for group in data["groups"]].count("0") == 2


# --- attention ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"causal": True, "scale": 2.0}])
@pytest.mark.parametrize("masked", [False, True])
def test_the_weights_of_attention_are_those_that_give_its_result(settings, masked):
    q, k, v = (tl.randn(2, 3, 4, requires_grad=True) for _ in range(3))
    mask = tl.tensor([True, True, False]) if masked else None
    with tl.Graph():
        out = tl.attention(q, k, v, mask, **settings)
        data = data_of(out.sum())
    value = next(value for value in data["values"] if value["op"] == "attention")
    weights = array_of(data, value["weights"])
    np.testing.assert_allclose(weights @ v.detach().numpy(), out.detach().numpy(), atol=1e-6)


# --- arrays -------------------------------------------------------------------------------------------------


@given(arrays.arrays(st.sampled_from([np.float32, np.float64]), arrays.array_shapes(max_dims=3, max_side=4)))
def test_a_small_array_stays_what_it_is_bit_for_bit(array):
    store = Arrays()
    number = store.add(array)
    assert store.add(array.copy()) == number
    there = array_of({"arrays": json.loads(json.dumps(store.as_data(), allow_nan=False))}, number)
    assert there.tobytes() == array.tobytes()


def test_a_large_array_is_summed_up_when_there_is_no_room(monkeypatch):
    monkeypatch.setattr("tinygrad_lecture.inspect.page.BUDGET", 1000)
    store = Arrays()
    array = np.arange(10_000, dtype=np.float32).reshape(100, 100)
    array[3, 3] = np.nan
    store.add(array)
    (data,) = store.as_data()
    assert "data" not in data
    assert (data["low"], data["high"], data["odd"]) == (0, 9999, 1)
    assert data["pictureShape"] == [15, 15]  # squares of 7×7
    assert data["cornerShape"] == [8, 8]
    json.dumps(data, allow_nan=False)


def test_the_folder_is_made_and_what_a_killed_program_left_there_is_removed(tmp_path, square):
    (tmp_path / ".page.html-0123abcd").mkdir()
    for folder in (tmp_path, tmp_path / "new"):
        tl.page(square[0], folder / "page.html")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["new", "page.html", "page.html"]


@pytest.mark.parametrize("wrong", [{"tokens": 3}, {"tokens": "ab"}, {"classes": [1]}])
def test_an_argument_of_another_kind_is_refused_by_its_name(tmp_path, wrong, square):
    with pytest.raises(TypeError, match=rf"^page: {next(iter(wrong))} is a [^\n]*$"):
        tl.page(square[0], tmp_path / "page.html", **wrong)
    with pytest.raises(TypeError, match="page: give the tensor that backward starts from, or a Graph"):
        tl.page("loss", tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sign", ["\u202e", "\x00", "\x1b", "\ud800", "\u2066"])
def test_signs_that_turn_or_break_a_text_are_escaped_in_names_and_titles(tmp_path, sign, square):
    graph, x, y = square
    graph.name({f"a{sign}b": x})
    tl.page(y, tmp_path / "page.html", title=f"t{sign}")
    shown = [json.dumps(data_of(y), ensure_ascii=False), tl.explain(y)]
    for title in ("", f"t{sign}"):
        graph.draw(tmp_path / "graph.svg", title)
        ElementTree.parse(tmp_path / "graph.svg")
    shown += [str(graph), graph._repr_html_(), (tmp_path / "page.html").read_text("utf-8")]
    tl.page(y, tmp_path / "tokens.html", tokens=[f"a{sign}b"])
    shown += [(tmp_path / "tokens.html").read_text("utf-8")]
    for text in shown:
        assert f"a{sign}b" not in text
        assert f"t{sign}<" not in text
