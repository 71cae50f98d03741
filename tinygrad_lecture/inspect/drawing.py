"""Drawing a graph: a box per value, from top to bottom, and the gradients that flow back up.

`arranged` finds the places of boxes and arrows, for an SVG, as in notebooks, and for the page, which draws them itself.

At the end stands how every figure by matplotlib starts, how it is saved, and how it has any text:

    axes.text(x, y, drawable(text), **as_written())

draws □ for a letter that matplotlib's own font lacks.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import atomic_write, write_text
from .layout import Layout, Point, bends, layered
from .printing import in_line
from .vertex import Vertex, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 300  # boxes per picture
LEAF, CONSTANT, RESULT, INK, GRADIENT = "#cfe4f5", "#e9e9e9", "#ffffff", "#303030", "#cc3311"
LINE, HEAD, LETTER = 18, 7.9, 7.3  # pixels: the height of a line, the width of a letter in the first and in the others
ASIDE = 5  # pixels from the middle to the arrow of a value, and to that of its gradient


def arranged(texts: Sequence[Sequence[str]], arrows: Sequence[tuple[int, int]]) -> Layout:
    """The places of boxes and of arrows between them, from lower to higher ones. A box holds lines, the first bold."""
    return layered(tuple(map(_size, texts)), tuple(arrows))


def _size(lines: Sequence[str]) -> Point:
    """The size of a box around lines of text, in a font of equal widths."""
    head, *rest = map(_letters, lines)
    return max(HEAD * head, LETTER * max(rest, default=0), 40) + 22, LINE * len(lines) + 12


def _letters(line: str) -> int:
    """The width of a line, in letters."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def path_of(points: Sequence[Point], right: float = 0.0) -> str:
    """The d of an SVG path through points."""
    curves = "".join(f"C{_at(a)} {_at(b)} {_at(c)}" for a, b, c in bends(points, right))
    return f"M{_at((points[0][0] + right, points[0][1]))}{curves}"


def _at(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


# --- the picture of a graph ---------------------------------------------------------------------------------


def svg_of(vertices: Sequence[Vertex], title: str = "") -> str:
    """The picture of a graph, inputs first, as SVG. Texts stay texts in it."""
    index = {id(vertex): i for i, vertex in enumerate(vertices)}
    ends = [(index[id(x)], i) for i, vertex in enumerate(vertices) for x in vertex.inputs if id(x) in index]
    lines = [[*lines_of(vertex), *rows(in_line(vertex.grad))] for vertex in vertices]
    places = arranged(lines, ends)
    width, middle, top = max(places.width, 330, HEAD * 1.3 * len(title)) + 20, places.width / 2, 56 if title else 32
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="{middle - width / 2:.0f} {-top} {width:.0f} {places.height + top + 10:.0f}" width="{width:.0f}" '
        f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" style="background:#fff;max-width:100%;'
        f'height:auto" role="img" aria-label="Graph of {len(vertices)} values">'
    ]
    for colour in (INK, GRADIENT):
        parts.append(
            f'<marker id="head-{colour[1:]}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 8 4 0 8z" fill="{colour}"/></marker>'
        )
    for (start, _), points in zip(ends, places.arrows, strict=True):
        back = vertices[start].grad is not None
        parts += [_arrow(points, -ASIDE * back, INK), *([_arrow(points[::-1], ASIDE, GRADIENT)] if back else [])]
    for vertex, texts, (x, y, w, h) in zip(vertices, lines, places.boxes, strict=True):
        colour = RESULT if vertex.op is not None else LEAF if vertex.requires_grad else CONSTANT
        frame = f'x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="8"'
        parts.append(f'<rect {frame} fill="{colour}" stroke="{INK}"/>')
        own = len(lines_of(vertex))
        for k, text in enumerate(texts):
            at = x + w / 2, y + 20 + LINE * k
            parts.append(_text(text, *at, INK if k < own else GRADIENT, 12 if k else 13, bold=k == 0))
    flow_back = any(vertex.grad is not None for vertex in vertices)
    parts.append(_text("values flow down", middle - 14 * flow_back, -12, anchor="end" if flow_back else "middle"))
    parts += [_text("gradients flow back up", middle + 14, -12, GRADIENT, anchor="start")] if flow_back else []
    return "".join([*parts, _text(title, middle, -34, size=15, bold=True) if title else "", "</svg>"])


def _arrow(points: Sequence[Point], right: float, colour: str) -> str:
    style = f'fill="none" stroke="{colour}" marker-end="url(#head-{colour[1:]})"'
    return f'<path d="{path_of(points, right)}" {style}/>'


def _text(
    text: str, x: float, y: float, colour: str = INK, size: int = 12, bold: bool = False, anchor: str = "middle"
) -> str:
    """A line of text at a place. anchor: the part of the line that is there, "start", "middle" or "end"."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    weight = ' font-weight="bold"' if bold else ""
    shown = escape("".join(c if c.isprintable() else "\N{WHITE SQUARE}" for c in text))
    return f'<text {place} fill="{colour}"{weight}>{shown}</text>'


def lines_of(vertex: Vertex) -> list[str]:
    """The equation of a value, and its numbers or its shape."""
    return [vertex.equation.replace(" ** 2", "²"), *(rows(in_line(vertex.value)) or [f"shape {vertex.shape}"])]


def rows(text: str) -> list[str]:
    """A matrix written in one line, as one line per row."""
    return text.replace("], [", "],\n[").split("\n") if text else []


def draw_graph(graph: Iterable[Vertex], path: str | Path, title: str = "") -> None:
    """Draw the vertices of a graph, inputs first, to an SVG file. Raises the errors of `Graph.draw`."""
    vertices, title = list(graph), printable(title)
    if not 0 < len(vertices) <= MOST:
        remedy = "print(graph) and tl.page(graph, path) have no limit"
        raise ValueError(f"Graph.draw: a picture holds 1 to {MOST} vertices, not {len(vertices)}; {remedy}")
    if Path(path).suffix.lower() != ".svg":
        raise ValueError(f"Graph.draw: {path}: the picture of a graph is an .svg, which every browser shows")
    write_text(path, svg_of(vertices, title))


# --- figures of matplotlib --------------------------------------------------------------------------------------


def require_matplotlib() -> None:
    """Raise ImportError, saying what to install, if matplotlib is missing."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError('pictures need matplotlib: pip install ".[examples]"') from error


def new_figure(width: float, height: float, title: str = "", size: float = 14) -> Figure:
    """An empty matplotlib figure, width by height in inches. Made without pyplot: no display, freed when unused.

    size: the title's, in points. Raises ImportError, saying what to install, if matplotlib is missing.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=size, weight="bold")
    return figure


def save_picture(figure: Figure, path: str | Path, dpi: int = 130) -> None:
    """Save a figure atomically. The ending chooses the format: .png, .svg, .pdf or another that matplotlib knows.

    Raises ValueError for another ending, FileNotFoundError if the folder does not exist.
    """
    kinds = figure.canvas.get_supported_filetypes()
    if Path(path).suffix[1:].lower() not in kinds:
        raise ValueError(f"cannot draw {path}: the ending says which kind of picture to save; use .png, .svg or .pdf")
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=dpi)


BOX = "□"


def drawable(text: str) -> str:
    """The text with □ for each character that is not printable or that matplotlib's own font lacks."""
    return "".join(c if c.isprintable() and _has_letter(c) else BOX for c in text)


@cache
def _has_letter(character: str) -> bool:
    """Whether matplotlib's own font has a character. Raises ImportError without matplotlib."""
    require_matplotlib()
    from matplotlib.font_manager import findfont, get_font

    return bool(get_font(findfont("DejaVu Sans")).get_char_index(ord(character)))


def as_written() -> dict[str, Any]:
    """Matplotlib text properties for a text of any kind: `$` is an ordinary character.

    For axes.text, annotate, set_title, set_xticks with labels, and other methods that take text properties.
    """
    return {"parse_math": False}
