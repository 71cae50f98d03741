"""Drawing graphs: the positions of boxes and arrows, and the picture files."""

import sys
from itertools import combinations, pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from tinygrad_lecture.inspect.layout import bends, layered

PNG = b"\x89PNG\r\n"


@st.composite
def graphs(draw):
    """Box sizes, and arrows from lower to higher numbers, some of them twice."""
    n = draw(st.integers(1, 12))
    sizes = draw(st.lists(st.tuples(st.floats(0.2, 3), st.floats(0.2, 2)), min_size=n, max_size=n))
    pairs = list(combinations(range(n), 2))
    return sizes, draw(st.lists(st.sampled_from(pairs), max_size=20)) if pairs else []


@given(graphs())
def test_no_two_boxes_touch_and_all_arrows_lead_down(graph):
    sizes, arrows = graph
    layout = layered(sizes, arrows, gap=0.3, rise=0.5)
    boxes = list(zip(layout.centres, sizes, strict=True))
    for ((x1, y1), (w1, h1)), ((x2, y2), (w2, h2)) in combinations(boxes, 2):
        assert abs(x1 - x2) >= (w1 + w2) / 2 + 0.3 - 1e-9 or abs(y1 - y2) >= (h1 + h2) / 2 + 0.5 - 1e-9
    for (x, y), (w, h) in boxes:
        assert w / 2 - 1e-9 <= x <= layout.width - w / 2 + 1e-9
        assert h / 2 - 1e-9 <= y <= layout.height - h / 2 + 1e-9
    for (start, end), path in zip(arrows, layout.paths, strict=True):
        heights = [layout.bands[start][1], *(y for _, y in path), layout.bands[end][0]]
        assert all(upper <= lower for upper, lower in pairwise(heights))
        assert heights[0] < heights[-1]


@given(graphs())
def test_arrows_go_around_boxes(graph):
    sizes, arrows = graph
    layout = layered(sizes, arrows)
    for path in layout.paths:
        for (x, top), (_, bottom) in zip(path[::2], path[1::2], strict=True):  # straight down through a layer
            for (cx, cy), (w, _) in zip(layout.centres, sizes, strict=True):
                assert not (top <= cy <= bottom and abs(cx - x) < w / 2)


def test_a_chain_is_straight_and_a_fork_even():
    chain = layered([(1, 1)] * 3, [(0, 1), (1, 2)])
    assert len({round(x, 9) for x, _ in chain.centres}) == 1
    fork = layered([(1, 1)] * 3, [(0, 1), (0, 2)])
    (x0, _), (x1, _), (x2, _) = fork.centres
    assert x0 == pytest.approx((x1 + x2) / 2)


def test_crossings_are_undone():
    layout = layered([(1, 1)] * 6, [(0, 5), (1, 4), (2, 3)])
    xs = [x for x, _ in layout.centres]
    assert [xs[i] for i in (0, 1, 2)] == pytest.approx([xs[i] for i in (5, 4, 3)])


def test_a_leaf_is_right_above_its_first_use():
    layout = layered([(1, 1)] * 5, [(0, 1), (1, 2), (2, 4), (3, 4)])
    assert layout.centres[3][1] == layout.centres[2][1]


def test_nothing_at_all():
    layout = layered([], [])
    assert (layout.centres, layout.width, layout.height) == ([], 0, 0)


# --- pictures -----------------------------------------------------------------------------------------------


def test_a_network_and_its_gradients_in_two_lines(tmp_path):
    model = nn.MLP([3, 4, 2])
    with tl.Graph() as graph:
        (model(tl.ones(2, 3)) ** 2).sum().backward()
    graph.name(dict(model.named_parameters())).draw(tmp_path / "graph.svg", "A network")
    texts = {element.text for element in ElementTree.parse(tmp_path / "graph.svg").iter()}
    assert {"A network", "gradients flow back up", "0.weight", "shape (4, 3)"} <= texts


def test_a_tensor_in_one_line(tmp_path):
    x = tl.ones(2, requires_grad=True)
    tl.Graph((x * x).sum()).draw(tmp_path / "graph.png")
    assert (tmp_path / "graph.png").read_bytes().startswith(PNG)
    assert [path.name for path in tmp_path.iterdir()] == ["graph.png"]


def test_names_may_be_formulas(tmp_path):
    x = tl.ones(1, requires_grad=True)
    y = x * 2
    tl.Graph(y).name({"$x^{(1)}$": x, "$y$": y}).draw(str(tmp_path / "graph.pdf"))
    assert (tmp_path / "graph.pdf").read_bytes().startswith(b"%PDF")


def test_what_cannot_be_drawn_is_refused(tmp_path):
    x = y = tl.ones(1, requires_grad=True)
    for _ in range(300):
        y = y + x
    with pytest.raises(ValueError, match="holds 1 to 300 vertices, but the graph has 301"):
        tl.Graph(y).draw(tmp_path / "graph.png")
    with pytest.raises(ValueError, match="has 0"):
        tl.Graph().draw(tmp_path / "graph.png")
    with pytest.raises(FileNotFoundError, match="no folder"):
        tl.Graph(x * 2).draw(tmp_path / "nowhere" / "graph.png")


def test_an_svg_needs_nothing_installed(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    x = tl.ones(2, requires_grad=True)
    tl.Graph((x * x).sum()).draw(tmp_path / "graph.svg")
    assert ElementTree.parse(tmp_path / "graph.svg").getroot().tag.endswith("svg")


def test_without_matplotlib_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "\.\[examples\]"'):
        tl.Graph(tl.ones(1, requires_grad=True)).draw(tmp_path / "graph.png")


@pytest.mark.parametrize(
    "name", ["$$", "$ $", r"$\frac$", "a\tb", "\x00", "漢字🙂", "two\nlines", "$", "$W^{(1)}$", "<script>"]
)
def test_any_name_can_be_drawn(tmp_path, name):
    x = tl.ones(2, requires_grad=True)
    tl.Graph(x.sum()).name({name: x}).draw(tmp_path / "graph.png")
    assert (tmp_path / "graph.png").stat().st_size > 1000
    tl.Graph(x.sum()).name({name: x}).draw(tmp_path / "graph.svg")
    assert ElementTree.parse(tmp_path / "graph.svg") is not None  # it is XML


@pytest.mark.parametrize("wide", [-30.0, -3.0, -0.4, 0.0, 0.1, 1.0, 6.0])
@pytest.mark.parametrize("high", [0.3, 2.0])
def test_the_arrows_of_a_value_and_its_gradient_keep_apart_however_level_they_are(wide, high):
    ends, t = [(0.0, 0.0), (wide, high)], np.linspace(0, 1, 200)[:, None]

    def line(points, right):
        ((b, c, d),) = bends(points, right)
        a = (points[0][0] + right, points[0][1])
        weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3]
        return sum(weight * np.array(point) for weight, point in zip(weights, (a, b, c, d), strict=True))

    value, gradient = line(ends, -0.05), line(ends[::-1], 0.05)
    apart = np.linalg.norm(value[40:160, None] - gradient[None], axis=-1).min(1)  # near the boxes they come together
    assert apart.min() > 0.05
