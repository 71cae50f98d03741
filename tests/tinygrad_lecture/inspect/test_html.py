"""What a notebook shows of the engine's values: HTML with the same facts as the plain text."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import tinygrad_lecture as tl
from tinygrad_lecture.inspect.notebook import attention_html, curves, means, picture, tint


def texts(html):
    """The texts of some HTML, without tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_a_matrix_shows_its_numbers_and_what_made_it():
    x = tl.tensor([[1.0, -2.0]], requires_grad=True)
    assert texts(x._repr_html_()) == "Tensor (1, 2) float32 on cpu, a leaf that requires grad 1 -2"
    assert "made by mul<" in (x * 2)._repr_html_()
    assert "background:rgba(214,107,31,0.70)" in x._repr_html_()  # the largest below 0


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ([13002.0], "13002"),
        ([2021.5, -1e7], "2021.5 -1e+07"),
        ([1000.0, 1000.1, 1000.2, 1000.3], "1000 1000.1 1000.2 1000.3"),
        ([1.00001, 1.0, 0.123456, 1.0], "1.00001 1 0.1235 1"),
        ([100.0, 100.01, 1e-30, 0.0, -0.0], "100 100.01 1e-30 0 -0"),
        ([np.nextafter(0.1, 1), 0.1], "0.10000000000000002 0.10000000000000001"),
    ],
)
def test_different_numbers_look_different(numbers, shown):
    tensor = tl.tensor(numbers, dtype=tl.float64)
    assert texts(tensor._repr_html_()).partition("on cpu ")[2] == shown


def test_no_row_lets_the_shade_of_a_notebooks_tables_through():
    for html in (tl.eye(3)._repr_html_(), attention_html([np.eye(3)[None]], ["a", "b", "c"])):
        assert html.count("<tr") == html.count('<tr style="background:none">') >= 3


def test_texts_in_columns_have_a_font_of_equal_widths():
    with tl.profile() as profile:
        tl.exp(tl.ones(3))
    assert '<pre style="font-family:monospace' in profile._repr_html_()


def test_a_large_matrix_shows_a_picture_and_its_range():
    html = tl.arange(10_000.0).reshape(100, 100)._repr_html_()
    assert "shape (100, 100), from 0 to 9999, mean 4999.5" in html
    assert html.count("<path") > 10
    assert len(html) < 30_000


@pytest.mark.parametrize("value", [tl.tensor(3.0), tl.zeros(0, 3), tl.tensor([True, False]), tl.zeros(2, 0)])
def test_every_kind_of_tensor_shows(value):
    assert texts(value._repr_html_()).startswith(f"Tensor {value.shape} {value.dtype}")


def test_nan_and_inf_show_as_they_are():
    assert texts(tl.tensor([np.nan, np.inf, -np.inf, -0.0])._repr_html_()).endswith("nan inf -inf -0")


def test_names_are_only_text():
    x = tl.ones(2, requires_grad=True)
    html = tl.Graph(x.sum()).name({"<script>": x})._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_graph_shows_its_picture_and_its_table():
    x = tl.ones(2, requires_grad=True)
    with tl.Graph() as graph:
        (x * 3).sum().backward()
    html = graph._repr_html_()
    assert html.count("<svg") == 1
    assert "[3, 3]" in texts(html)
    assert repr(graph) == str(graph)


def test_a_large_graph_shows_no_picture():
    x = y = tl.ones(1, requires_grad=True)
    for _ in range(400):
        y = y + x
    graph = tl.Graph(y)
    assert "<svg" not in graph._repr_html_()
    assert "the first values" in graph._repr_html_()
    assert repr(graph) == "<Graph of 401 values; print(graph) shows them>"


@tl.op
def cube(x, /):
    return x * x * x


@cube.backward
def _(g, x):
    return g * 3 * x


def test_a_gradcheck_shows_its_verdict():
    x = tl.tensor([0.5, 2.0], dtype=tl.float64)
    assert "gradients of tanh: right" in texts(tl.gradcheck(tl.tanh, x)._repr_html_())
    assert "gradients of cube: wrong" in texts(tl.gradcheck(cube, x, raise_exception=False)._repr_html_())


@given(arrays.arrays(np.float64, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.floats(-9, 9)))
def test_means_keep_the_mean_of_the_whole_within_its_range(matrix):
    small = means(matrix, 8)
    parts = [-(-n // 8) for n in matrix.shape]
    assert small.shape == tuple(-(-n // part) for n, part in zip(matrix.shape, parts, strict=True))
    np.testing.assert_allclose(small[0, 0], matrix[: parts[0], : parts[1]].mean(), atol=1e-12)
    assert matrix.min() - 1e-9 <= small.min() <= small.max() <= matrix.max() + 1e-9


def pixels(html):
    """The tints of a picture, row by row."""
    svg = ElementTree.fromstring(html.partition("</svg>")[0] + "</svg>")
    _, _, wide, high = map(float, svg.attrib["viewBox"].split())
    found = [[None] * int(wide) for _ in range(int(high))]
    for path in svg:
        for x, y, n in re.findall(r"M(\d+) (\d+)h(\d+)", path.attrib["d"]):
            for column in range(int(x), int(x) + int(n)):
                found[int(y)][column] = path.attrib["stroke"]
    return found


@given(arrays.arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(-9, 9)))
def test_each_square_of_a_picture_has_the_tint_of_its_number(matrix):
    most = np.abs(matrix).max()
    assert pixels(picture(matrix, "")) == [[tint(x, most or 1.0) for x in row] for row in matrix.tolist()]


def test_a_picture_is_readable_whatever_the_numbers():
    html = picture(np.array([[np.nan, np.inf], [0.0, -1e300]]), "odd <b>")
    assert pixels(html)[0][0] == pixels(html)[0][1] != pixels(html)[1][0]
    assert "odd &lt;b&gt;" in html


def test_a_picture_of_means_says_so_and_has_the_tint_of_its_numbers():
    matrix = np.full((512, 128), 0.25)
    matrix[0, 0] = 1.0
    html = picture(matrix, "means")
    assert "Each square is the mean of 8×2 numbers." in html
    assert {colour for row in pixels(html)[1:] for colour in row} == {tint(0.25, 1.0)}
    assert "mean of" not in picture(np.ones((64, 64)), "each number")


@pytest.mark.parametrize("values", [[1.0], [1.0, 1.0], [0.0, np.nan, 2.0], [3.0, np.inf, -1.0]])
def test_curves_are_drawn_whatever_the_values(values):
    svg = curves("a <loss>", {"training": (range(len(values)), values)})
    assert "nan" not in svg
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert curves("nothing", {"training": ([], [])}) == ""
