"""The picture of a graph as SVG, for notebooks and where matplotlib is missing: boxes, arrows, gradients in orange."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from html import escape

from ..numbers import in_line
from ..layout import Layout, Point, layered
from ..routes import bends, routes
from ..vertex import Vertex

INCH = 96.0
LEAF, CONSTANT, RESULT, INK, GRADIENT = "#cfe4f5", "#e9e9e9", "#ffffff", "#303030", "#b84700"


def drawn(vertices: Sequence[Vertex], title: str = "") -> str:
    """The SVG text of a graph's picture; texts stay texts."""
    texts = [_lines(vertex) for vertex in vertices]
    sizes = [_size(lines) for lines in texts]
    index = {id(vertex): i for i, vertex in enumerate(vertices)}
    arrows = [(index[id(x)], i) for i, vertex in enumerate(vertices) for x in vertex.inputs if id(x) in index]
    layout = layered(sizes, arrows)
    parts = []
    for (start, _), points in zip(arrows, routes(sizes, arrows, layout), strict=True):
        back = vertices[start].grad is not None
        parts.append(_arrow(points, -0.05 * back, layout, INK, "down"))
        if back:
            parts.append(_arrow(points[::-1], 0.05, layout, GRADIENT, "up"))
    for vertex, lines, size, centre in zip(vertices, texts, sizes, layout.centres, strict=True):
        parts.append(_box(vertex, lines, size, centre, layout))
    wide, high = max(layout.width, 3.4) * INCH, layout.height * INCH
    heads = "".join(
        f'<marker id="graph-{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 8 4 0 8z" fill="{colour}"/></marker>'
        for name, colour in (("down", INK), ("up", GRADIENT))
    )
    middle = f'x="{wide / 2:.0f}" text-anchor="middle"'
    head = f'<text {middle} y="-30" font-weight="bold">{_printable(title)}</text>' if title else ""
    flow = "values flow down"
    if any(v.grad is not None for v in vertices):
        flow = f'<tspan>{flow}</tspan><tspan dx="20" fill="{GRADIENT}">gradients flow back up</tspan>'
    top = 56 if title else 32
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 {-top} {wide + 20:.0f} {high + top + 10:.0f}" '
        f'width="{wide + 20:.0f}" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="12" '
        f'style="background:#fff;color:{INK};max-width:100%;height:auto" '
        f'role="img" aria-label="Graph of {len(vertices)} values">'
        f'<defs>{heads}</defs>{head}<text {middle} y="-12">{flow}</text>{"".join(parts)}</svg>'
    )


def _lines(vertex: Vertex) -> list[tuple[str, str]]:
    """The texts of a box, each with its style."""
    lines = [(vertex.equation.replace(" ** 2", "²"), 'font-weight="bold" font-size="13"')]
    lines += [(row, "") for row in _rows(in_line(vertex.value) or f"shape {vertex.shape}")]
    return lines + [(row, f'fill="{GRADIENT}"') for row in _rows(in_line(vertex.grad))]


def _rows(text: str) -> list[str]:
    return text.replace("], [", "],\n[").split("\n") if text else []


def _size(lines: Sequence[tuple[str, str]]) -> Point:
    wide = [sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text) for text, _ in lines]
    return (max(wide[0] * 8.0, *(n * 7.3 for n in wide)) + 20) / INCH, (17 * len(lines) + 14) / INCH


def _box(vertex: Vertex, lines: Sequence[tuple[str, str]], size: Point, centre: Point, layout: Layout) -> str:
    colour = RESULT if vertex.op is not None else LEAF if vertex.requires_grad else CONSTANT
    x, y = (centre[0] - size[0] / 2) * INCH, (layout.height - centre[1] - size[1] / 2) * INCH
    middle = f'x="{centre[0] * INCH:.1f}" text-anchor="middle"'
    texts = "".join(
        f'<text {middle} y="{y + 19 + 17 * i:.1f}" {style}>{_printable(text)}</text>'
        for i, (text, style) in enumerate(lines)
    )
    frame = f'x="{x:.1f}" y="{y:.1f}" width="{size[0] * INCH:.1f}" height="{size[1] * INCH:.1f}" rx="8"'
    return f'<g><rect {frame} fill="{colour}" stroke="{INK}"/>{texts}</g>'


def _arrow(points: Sequence[Point], right: float, layout: Layout, colour: str, head: str) -> str:
    def at(point: Point) -> str:
        return f"{point[0] * INCH:.1f} {(layout.height - point[1]) * INCH:.1f}"

    start = points[0][0] + right, points[0][1]
    curves = "".join(f"C{at(a)} {at(b)} {at(c)}" for a, b, c in bends(points, right))
    return f'<path d="M{at(start)}{curves}" fill="none" stroke="{colour}" marker-end="url(#graph-{head})"/>'


def _printable(text: str) -> str:
    return escape("".join(c if c.isprintable() else "\N{WHITE SQUARE}" for c in text))
