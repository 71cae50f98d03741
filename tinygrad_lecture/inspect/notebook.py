"""What a notebook shows, as HTML that stands alone, for light and dark; `repr` says the same as plain text.

Numbers stand on a tint, blue above 0 and orange below. Texts are escaped.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from html import escape
from typing import Any, TypeAlias

import numpy as np

from ..autograd.core import Record
from ..backend import Array, to_host
from ..tensor_base import TensorBase
from .drawing import svg_of
from .printing import in_words, number, text_of
from .vertex import HEAD, Vertex

Curve: TypeAlias = tuple[Sequence[float], Sequence[float]]  # (x, y)
COLOURS = ("#8a949e", "#2a9d5c", "#d6791f", "#3b82c4", "#a05cb5")
WIDE, HIGH, LEFT, BELOW, ABOVE = 340, 210, 58, 24, 30

LINE = "1px solid rgba(127,127,127,0.35)"
_CELL = f"white-space:pre-wrap;padding:2px 10px;border:0;border-bottom:{LINE};text-align:"


def caption(text: str, more: str = "") -> str:
    """A line in bold, and a quieter one behind it."""
    quiet = f' <span style="opacity:0.75">{escape(more)}</span>' if more else ""
    return f'<div style="margin:2px 0"><b>{escape(text)}</b>{quiet}</div>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Container[int] = ()) -> str:
    """A table of texts. right: indices of the columns to align right."""

    def cells(tag: str, texts: Sequence[str]) -> str:
        pairs = (("right" if i in right else "left", escape(text)) for i, text in enumerate(texts))
        return "".join(f'<{tag} style="{_CELL}{side}">{text}</{tag}>' for side, text in pairs)

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return (
        '<table style="border-collapse:collapse;font-family:monospace;margin:4px 0">'
        f"<thead><tr>{cells('th', head)}</tr></thead><tbody>{body}</tbody></table>"
    )


def folded(summary: str, body: str, unfolded: bool = False) -> str:
    """A line that opens. summary: a text; body: HTML."""
    state = " open" if unfolded else ""
    line = f'<summary style="cursor:pointer">{escape(summary)}</summary>'
    return f'<details{state} style="margin-left:1.2em">{line}{body}</details>'


def plain(text: str) -> str:
    """A text with its line ends, in a font of equal widths."""
    style = "font-family:monospace;margin:2px 0;line-height:1.35;white-space:pre;overflow-x:auto"
    return f'<pre style="{style}">{escape(text)}</pre>'


def verdict(text: str, good: int) -> str:
    """A text on green for 1, red for -1, grey for 0."""
    colour = {1: "42,157,92", -1: "200,60,50", 0: "127,127,127"}[good]
    style = f"display:inline-block;padding:2px 10px;border-left:5px solid rgb({colour});background:rgba({colour},0.15)"
    return f'<div style="{style}"><b>{escape(text)}</b></div>'


# --- curves over steps ---------------------------------------------------------------------------------------


def curves(title: str, lines: Mapping[str, Curve]) -> str:
    """A picture of curves by name, with an axis of steps; the colours are for light and dark alike."""
    points = {name: [(x, y) for x, y in zip(*line, strict=True) if math.isfinite(y)] for name, line in lines.items()}
    points = {name: found for name, found in points.items() if found}
    every = [point for found in points.values() for point in found]
    if not every:
        return ""
    (x0, x1), (y0, y1) = ((min(values), max(values)) for values in zip(*every, strict=True))
    x1, y1 = (x1 if x1 > x0 else x0 + 1), (y1 if y1 > y0 else y0 + (abs(y0) or 1))

    def at(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - x0) / (x1 - x0) * (WIDE - LEFT - 12)
        return across, HIGH - BELOW - (y - y0) / (y1 - y0) * (HIGH - BELOW - ABOVE)

    parts = [
        f'<polyline fill="none" stroke="currentColor" stroke-opacity="0.4" '
        f'points="{LEFT},{ABOVE} {LEFT},{HIGH - BELOW} {WIDE - 12},{HIGH - BELOW}"/>',
        *(_text(LEFT - 6, at(x0, y)[1] + 4, number(y), "end") for y in (y0, y1)),
        _text(LEFT, HIGH - 6, number(x0), "start"),
        _text(WIDE - 12, HIGH - 6, f"step {number(x1)}", "end"),
        f'<text x="{LEFT}" y="18" font-weight="bold" fill="currentColor">{escape(title)}</text>',
    ]
    across = WIDE - 12.0
    for i, (name, found) in reversed(list(enumerate(points.items()))):
        colour = COLOURS[i % len(COLOURS)]
        parts.append(_line([at(*point) for point in found], colour))
        if len(lines) > 1:
            parts.append(_text(across, 18, name, "end", colour))
            across -= 7 * len(name) + 12
    last = ", ".join(f"{name} {number(found[-1][1])}" for name, found in points.items())
    size = f'viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" height="{HIGH}" font-family="sans-serif" font-size="12"'
    label = escape(f"{title}: at the end {last}")
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _line(points: Sequence[tuple[float, float]], colour: str) -> str:
    if len(points) == 1:
        x, y = points[0]
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
    through = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{through}"/>'


def _text(x: float, y: float, text: str, side: str, colour: str = "currentColor") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{side}" fill="{colour}">{escape(text)}</text>'


SIDE = 12  # rows and columns of a table
PICTURE = 64  # rows and columns of a picture
ROW = '<tr style="background:none">'  # notebooks shade every other row, and a tint lets that through
_ABOVE, _BELOW, _ODD = (38, 122, 204), (214, 107, 31), (150, 90, 160)


def _grid(rows: Iterable[str], style: str = "") -> str:
    """A table without lines. rows: the cells of each, as HTML."""
    return f'<table style="border-collapse:collapse{style}">{"".join(f"{ROW}{row}</tr>" for row in rows)}</table>'


def tinted(matrix: Array) -> str:
    """A small matrix as a table of numbers, each on a tint."""
    most, style = _largest(matrix), "padding:1px 7px;text-align:right;background:"
    rows = ("".join(f'<td style="{style}{tint(x, most)}">{number(x)}</td>' for x in row) for row in matrix.tolist())
    return _grid(rows, ";font-family:monospace;margin:4px 0")


def tint(value: Any, most: float) -> str:
    """The colour of a number, as CSS; `most` is the size of the largest."""
    if isinstance(value, complex) or not np.isfinite(value):
        return "rgba({},{},{},0.6)".format(*_ODD)
    share = 0.7 * min(abs(value) / most, 1) if most else 0
    return "rgba({},{},{},{:.2f})".format(*(_BELOW if value < 0 else _ABOVE), share)


def picture(array: Array, label: str) -> str:
    """A matrix as an image, a square for each element. In a large one a square is the mean of a part, and a line says
    so.

    The tint tells the size of a number beside the largest of the matrix, not beside the largest mean.
    """
    whole = np.atleast_2d(array)
    matrix, most = means(whole, PICTURE), _largest(whole) or 1.0
    squares: dict[str, list[str]] = {}  # by their tint
    for (y, x), value in np.ndenumerate(matrix):
        squares.setdefault(tint(value, most), []).append(f"M{x} {y}h1")
    high, wide = matrix.shape
    side = max(2, min(320 // wide, 240 // high, 14))
    style = f"border:1px solid rgba(127,127,127,0.35);width:{side * wide}px;height:{side * high}px"
    paths = "".join(f'<path stroke="{colour}" d="{"".join(parts)}"/>' for colour, parts in squares.items())
    rows, columns = (-(-n // shown) for n, shown in zip(whole.shape, matrix.shape, strict=True))
    note = "" if rows == columns == 1 else f"<div>Each square is the mean of {rows}×{columns} numbers.</div>"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(label)}" style="{style}" '
        f'viewBox="0 -0.5 {wide} {high}" preserveAspectRatio="none" shape-rendering="crispEdges">{paths}</svg>{note}'
    )


def means(matrix: Array, most: int) -> Array:
    """The means over equal parts of a matrix, in at most `most` rows and columns; the last parts may be smaller."""
    rows, columns = (np.arange(0, n, -(-n // most)) for n in matrix.shape)
    with np.errstate(all="ignore"):
        sums = np.add.reduceat(np.add.reduceat(matrix, rows, 0, dtype=np.float64), columns, 1)
        counts = np.outer(np.diff([*rows, matrix.shape[0]]), np.diff([*columns, matrix.shape[1]]))
        return sums / counts


def _largest(array: Array) -> float:
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max()) if finite.size else 0.0


# --- whole values --------------------------------------------------------------------------------------------


def tensor_html(tensor: TensorBase) -> str:
    """A tensor: shape, dtype, device and what made it, then its numbers on a tint, or a picture of many."""
    array = to_host(tensor._array)
    node = tensor._node
    made = f", made by {node.name}" if isinstance(node, Record) else ", a leaf that requires grad" if node else ""
    device = str(getattr(tensor, "device", "cpu"))
    head = caption(f"Tensor {array.shape} {array.dtype.name}", f"on {device}{made}")
    if array.dtype.kind not in "fiub" or not array.size or array.ndim == 0:
        return head + plain(text_of(tensor))
    matrix = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array[None]
    if matrix.shape[0] <= SIDE and matrix.shape[1] <= SIDE:
        return head + tinted(matrix)
    facts = f'<div style="font-family:monospace">{escape(in_words(array))}</div>'
    return head + facts + picture(matrix, in_words(array)) + folded("numbers", plain(text_of(tensor)))


def graph_html(vertices: Sequence[Vertex]) -> str:
    """A graph: its picture, if it is small enough for one, and the table, folded."""
    values = table(HEAD, [v.row(in_words) for v in vertices[:300]])
    head = caption(f"Graph of {len(vertices)} values")
    if not 0 < len(vertices) <= 60:
        return head + folded("the first values" if len(vertices) > 300 else "all values", values)
    return head + svg_of(vertices) + folded("as a table", values)


def attention_html(layers: Iterable[Array], tokens: Sequence[str], keys: Sequence[str] | None = None) -> str:
    """Attention weights (heads, queries, keys) for each layer, as maps: a row for each query, with the tokens."""
    keys = tokens if keys is None else keys
    parts, style = [], "display:inline-block;margin:4px 14px 4px 0;vertical-align:top"
    for layer, heads in enumerate(layers):
        heads_shown = (_map(np.asarray(weights), tokens, keys) for weights in heads)
        maps = "".join(f'<div style="{style}">head {head}{html}</div>' for head, html in enumerate(heads_shown))
        parts.append(folded(f"layer {layer}", maps, unfolded=layer == 0))
    return caption("Attention", "a row for each token that attends, a column for each attended to") + "".join(parts)


def _map(weights: Array, rows: Sequence[str], columns: Sequence[str]) -> str:
    if max(weights.shape) > 32:
        return f"<br>{picture(weights, 'attention weights')}"
    small = "padding:0 3px;font-size:11px;font-weight:normal;white-space:pre"
    tall = f"{small};writing-mode:vertical-rl" if max(map(len, columns), default=0) > 2 else small
    head = "".join(f'<th style="{tall}">{escape(column)}</th>' for column in columns)
    body = (
        f'<th style="{small};text-align:right">{escape(row)}</th>'
        + "".join(_weight(value, row, column) for column, value in zip(columns, values, strict=True))
        for row, values in zip(rows, weights.tolist(), strict=True)
    )
    return _grid([f"<th></th>{head}", *body])


def _weight(value: Any, row: str, column: str) -> str:
    told = escape(f"{row} → {column}: {value:.3g}")
    return f'<td title="{told}" style="width:16px;height:16px;padding:0;background:{tint(value**0.5, 1.0)}"></td>'
