"""Pictures of graphs, and what a notebook shows: the places of boxes and arrows, files, HTML with the text's facts."""

import re
from itertools import combinations, pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays

import tinygrad_lecture as tl
from gradchecks import make
from tinygrad_lecture.inspect.layout import layered
from tinygrad_lecture.inspect.notebook import curves, means


@st.composite
def graphs(draw):
    """Box sizes, and arrows from lower to higher numbers, some of them twice."""
    n = draw(st.integers(1, 12))
    sizes = draw(st.lists(st.tuples(st.floats(20, 90), st.floats(20, 60)), min_size=n, max_size=n))
    pairs = list(combinations(range(n), 2))
    return tuple(sizes), tuple(draw(st.lists(st.sampled_from(pairs), max_size=20)) if pairs else [])


@given(graphs())
def test_no_two_boxes_touch_and_all_arrows_lead_down_around_boxes(graph):
    sizes, arrows = graph
    layout = layered(sizes, arrows, gap=10, rise=20)
    assert [box[2:] for box in layout.boxes] == list(sizes)
    for (x1, y1, w1, h1), (x2, y2, w2, h2) in combinations(layout.boxes, 2):
        aside = max(x1, x2) - min(x1 + w1, x2 + w2)
        assert aside >= 10 - 1e-9 or max(y1, y2) - min(y1 + h1, y2 + h2) >= 20 - 1e-9
    for x, y, w, h in layout.boxes:
        assert -1e-9 <= x <= layout.width - w + 1e-9
        assert -1e-9 <= y <= layout.height - h + 1e-9
    for (start, end), points in zip(arrows, layout.arrows, strict=True):
        (x0, y0, w0, h0), (x1, y1, w1, _) = layout.boxes[start], layout.boxes[end]
        assert points[0][1] == pytest.approx(y0 + h0) and x0 <= points[0][0] <= x0 + w0
        assert points[-1][1] == pytest.approx(y1) and x1 <= points[-1][0] <= x1 + w1
        assert all(upper[1] <= lower[1] + 1e-9 for upper, lower in pairwise(points))
        for (x, top), (_, bottom) in list(pairwise(points))[2:-2:2]:  # straight down through a layer
            assert not any(bx < x < bx + bw and top <= by <= bottom - bh for bx, by, bw, bh in layout.boxes)


def middles(n, *arrows):
    """The middles of n boxes of one size."""
    return [(x + w / 2, y + h / 2) for x, y, w, h in layered(((10, 10),) * n, arrows).boxes]


def test_a_chain_is_straight_a_fork_even_and_no_crossing_left():
    assert len({round(x, 9) for x, _ in middles(3, (0, 1), (1, 2))}) == 1
    (x0, _), (x1, _), (x2, _) = middles(3, (0, 1), (0, 2))
    assert x0 == pytest.approx((x1 + x2) / 2)
    first, second = (points[0][0] for points in layered(((90, 10),) * 3, ((0, 1), (0, 2))).arrows)
    assert (first < second) == (x1 < x2)  # arrows that leave a box do not cross at once
    xs = [x for x, _ in middles(6, (0, 5), (1, 4), (2, 3))]
    assert xs[:3] == pytest.approx(xs[:2:-1])
    places = middles(5, (0, 1), (1, 2), (2, 4), (3, 4))
    assert places[3][1] == places[2][1]  # a leaf is right above its first use
    assert layered((), ()).boxes == []
    layers = middles(7, (0, 3), (1, 3), (2, 3), (3, 6), (4, 6), (5, 6))  # as x, W, b, z, W, b, z
    assert layers[3][0] == pytest.approx(layers[6][0])


# --- files ------------------------------------------------------------------------------------------------------


def squares(terms=1):
    """A tensor, and the graph of the sum of its squares."""
    x = tl.ones(2, requires_grad=True)
    with tl.Graph() as graph:
        sum([x] * terms, start=x * x).sum().backward()
    return x, graph


def test_what_cannot_be_drawn_is_refused(tmp_path):
    for graph, path, error, match in (
        (squares(300)[1], "graph.svg", ValueError, "holds 1 to 300 vertices, not 303"),
        (tl.Graph(), "graph.svg", ValueError, "not 0"),
        (squares()[1], "nowhere/graph.svg", FileNotFoundError, "no folder"),
        (squares()[1], "graph.png", ValueError, "the picture of a graph is an .svg"),
    ):
        with pytest.raises(error, match=match):
            graph.draw(tmp_path / path)


@pytest.mark.parametrize(
    "name", ["a\tb", "\x00", "漢字🙂", "two\nlines", "$W^{(1)}$", "<script>", "$\ud800$", "a\u202e"]
)
def test_any_name_and_title_can_be_drawn(tmp_path, name):
    x, graph = squares()
    graph.name({name: x})
    graph.draw(tmp_path / "graph.svg", name)
    ElementTree.parse(tmp_path / "graph.svg")  # it is XML
    assert "<script>" not in graph._repr_html_()
    assert ("&lt;script&gt;" in graph._repr_html_()) == (name == "<script>")


# --- notebooks --------------------------------------------------------------------------------------------------


def texts(html):
    """The texts of some HTML, without tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ([13002.0], "13002"),
        ([1.00001, 1.0, 0.123456, 1.0], "1.00001 1 0.1235 1"),
        ([100.0, 100.01, 1e-30, 0.0, -0.0], "100 100.01 1e-30 0 -0"),
        ([np.nan, np.inf, -np.inf, -0.0], "nan inf -inf -0"),
    ],
)
def test_different_numbers_look_different(numbers, shown):
    tensor = tl.tensor(numbers, dtype=tl.float64)
    assert texts(tensor._repr_html_()).partition("on cpu ")[2] == shown


@pytest.mark.parametrize("value", [tl.tensor(3.0), tl.zeros(0, 3), tl.tensor([True, False]), tl.zeros(2, 0)])
def test_every_kind_of_tensor_shows(value):
    assert texts(value._repr_html_()).startswith(f"Tensor {value.shape} {value.dtype}")


def test_a_graph_shows_its_picture_and_its_table_unless_it_is_large():
    _, graph = squares()
    html = graph._repr_html_()
    assert html.count("<svg") == 1 and "[3, 3]" in texts(html)
    assert repr(graph) == str(graph)
    _, graph = squares(400)
    assert "<svg" not in graph._repr_html_() and "the first values" in graph._repr_html_()
    assert repr(graph) == "<Graph of 403 values; print(graph) shows them>"


def test_a_gradcheck_shows_its_verdict_and_a_profile_a_font_of_equal_widths():
    x, cube = tl.tensor([0.5, 2.0], dtype=tl.float64), make(lambda x, /: x**3, "cube", x=lambda g, x: g * 3 * x)
    assert "gradients of tanh: right" in texts(tl.gradcheck(tl.tanh, x)._repr_html_())
    assert "gradients of cube: wrong" in texts(tl.gradcheck(cube, x, raise_exception=False)._repr_html_())
    with tl.profile() as profile:
        tl.exp(x)
    assert '<pre style="font-family:monospace' in profile._repr_html_()


@given(arrays.arrays(np.float64, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.floats(-9, 9)))
def test_means_keep_the_mean_of_the_whole_within_its_range(matrix):
    small = means(matrix, 8)
    parts = [-(-n // 8) for n in matrix.shape]
    assert small.shape == tuple(-(-n // part) for n, part in zip(matrix.shape, parts, strict=True))
    np.testing.assert_allclose(small[0, 0], matrix[: parts[0], : parts[1]].mean(), atol=1e-12)
    assert matrix.min() - 1e-9 <= small.min() <= small.max() <= matrix.max() + 1e-9


@pytest.mark.parametrize("values", [[1.0], [1.0, 1.0], [0.0, np.nan, 2.0], [3.0, np.inf, -1.0]])
def test_curves_are_drawn_whatever_the_values(values):
    svg = curves("a <loss>", {"training": (range(len(values)), values)})
    assert "nan" not in svg
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert curves("nothing", {"training": ([], [])}) == ""
