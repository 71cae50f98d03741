"""Drawing a graph: a box per value, from top to bottom, and the gradients that flow back up. See `Graph.draw`.

Needs matplotlib, which `pip install ".[examples]"` installs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import atomic_write
from .fonts import as_written, drawable
from .numbers import in_line
from .html.drawing import drawn
from .layout import Layout, Point, layered
from .picture import new_figure, save_picture
from .routes import bends, routes
from .vertex import Vertex, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 300  # boxes per picture
LEAF, CONSTANT, RESULT = "#cfe4f5", "#e9e9e9", "#ffffff"
INK, GRADIENT = "#303030", "#b84700"
PAD = 0.09  # inches around the text in a box; the axes are in inches


def draw_graph(graph: Iterable[Vertex], path: str | Path, title: str = "") -> None:
    """Draw the vertices of a graph, inputs first, to a picture file. Raises the errors of `Graph.draw`."""
    vertices, title = list(graph), printable(title)
    if not 0 < len(vertices) <= MOST:
        raise ValueError(
            f"Graph.draw: a picture holds 1 to {MOST} vertices, but the graph has {len(vertices)}; print(graph) and "
            "graph.dot() have no limit"
        )

    if Path(path).suffix.lower() == ".svg" and not any("$" in vertex.name for vertex in vertices):
        with atomic_write(path) as temporary:
            temporary.write_text(drawn(vertices, title), encoding="utf-8")
        return
    figure = new_figure(1, 1)
    figure.set_layout_engine("none")  # positions and size are computed below
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    canvas: Any = FigureCanvasAgg(figure)
    renderer = canvas.get_renderer()

    def write(line: str, **style: Any) -> tuple[Any, float, float]:
        shown, fonts = _shown(line)
        text = axes.text(0, 0, shown, **{"color": INK, "va": "top", "fontsize": 9, **fonts, **style})
        extent = text.get_window_extent(renderer)
        return text, extent.width / figure.dpi, extent.height / figure.dpi

    # Measure the texts, and arrange boxes of their size.
    texts = [[write(line, **style) for line, style in _lines(vertex)] for vertex in vertices]
    sizes = [(max(w for _, w, _ in lines) + 2 * PAD, sum(h + 0.05 for *_, h in lines) + 2 * PAD) for lines in texts]
    index = {id(vertex): i for i, vertex in enumerate(vertices)}
    arrows = [(index[id(x)], i) for i, vertex in enumerate(vertices) for x in vertex.inputs if id(x) in index]
    layout = layered(sizes, arrows)

    # Boxes, texts and arrows.
    for vertex, lines, size, centre in zip(vertices, texts, sizes, layout.centres, strict=True):
        _draw_box(axes, vertex, size, centre)
        y = centre[1] + size[1] / 2 - PAD
        for text, _, height in lines:
            text.set(position=(centre[0], y), ha="center")
            y -= height + 0.05
    back = any(vertex.grad is not None for vertex in vertices)
    _draw_arrows(axes, arrows, sizes, layout, [vertices[start].grad is not None for start, _ in arrows])

    # The heading, and a figure that holds everything.
    heading = [write("values flow down", fontsize=10)]
    if back:
        heading.append(write("gradients flow back up", fontsize=10, color=GRADIENT))
    width = sum(w for _, w, _ in heading) + 0.25 * (len(heading) - 1)
    x, y = (layout.width - width) / 2, layout.height + 0.42
    for text, w, _ in heading:
        text.set(position=(x, y), ha="left")
        x += w + 0.25
    if title:
        text, w, h = write(title, fontsize=13, weight="bold", ha="center", va="bottom")
        text.set_position((layout.width / 2, y + 0.12))
        width, y = max(width, w), y + 0.12 + h
    side = max(width - layout.width, 0) / 2 + 0.25
    axes.set(xlim=(-side, layout.width + side), ylim=(-0.25, y + 0.15))
    figure.set_size_inches(layout.width + 2 * side, y + 0.4)
    save_picture(figure, path, dpi=140)


def _lines(vertex: Vertex) -> list[tuple[str, dict[str, Any]]]:
    """The text of a box, line by line, each with its style: equation, value or shape, gradient."""
    equation = vertex.equation.replace(" ** 2", "²")
    weight = "normal" if "$" in equation else "bold"  # mathtext is never bold, so the rest of its line is not
    lines: list[tuple[str, dict[str, Any]]] = [(equation, {"fontsize": 11, "weight": weight})]
    lines += [(row, {}) for row in _rows(in_line(vertex.value) or f"shape {vertex.shape}")]
    lines += [(row, {"color": GRADIENT}) for row in _rows(in_line(vertex.grad))]
    return lines


def _shown(line: str) -> tuple[str, dict[str, Any]]:
    """A line as matplotlib can draw it: as a formula if it is one, else letter by letter in fonts that have them."""
    from matplotlib.mathtext import MathTextParser

    if "$" in line:
        try:
            MathTextParser("agg").parse(line)  # type: ignore[no-untyped-call,unused-ignore]
            return line, {}
        except ValueError:  # dollars that enclose no formula
            pass
    return "\n".join(map(drawable, line.split("\n"))), as_written()


def _rows(text: str) -> list[str]:
    """A matrix written in one line, as one line per row."""
    return text.replace("], [", "],\n[").split("\n") if text else []


def _draw_box(axes: Axes, vertex: Vertex, size: Point, centre: Point) -> None:
    """Draw an empty box in the colour of a leaf, a constant or a result."""
    from matplotlib.patches import FancyBboxPatch

    colour = RESULT if vertex.op is not None else LEAF if vertex.requires_grad else CONSTANT
    corner = centre[0] - size[0] / 2, centre[1] - size[1] / 2
    style = "round,pad=0,rounding_size=0.08"
    axes.add_patch(FancyBboxPatch(corner, *size, boxstyle=style, facecolor=colour, edgecolor=INK, linewidth=1))


def _draw_arrows(
    axes: Axes, arrows: Sequence[tuple[int, int]], sizes: Sequence[Point], layout: Layout, back: Sequence[bool]
) -> None:
    """Draw an arrow down for each input of a value and, where `back` is True, one up for its gradient."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

    for points, returns in zip(routes(sizes, arrows, layout), back, strict=True):
        for colour, shift, way in ((INK, -0.05, points), (GRADIENT, 0.05, points[::-1])):
            if colour == GRADIENT and not returns:
                continue
            right = shift if returns else 0.0
            curves = bends(way, right)
            vertices = [(way[0][0] + right, way[0][1]), *(point for curve in curves for point in curve)]
            codes = [Curve.MOVETO, *[Curve.CURVE4] * (3 * len(curves))]
            style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 8, "shrinkA": 0, "shrinkB": 0}
            axes.add_patch(FancyArrowPatch(path=Curve(vertices, codes), color=colour, linewidth=1, **style))
