"""Pieces of HTML: tables, what folds, a caption, curves. Texts are escaped; colours are those of the notebook."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from html import escape
from typing import TypeAlias

from ..numbers import number

Curve: TypeAlias = tuple[Sequence[float], Sequence[float]]  # (x, y)
COLOURS = ("#8a949e", "#2a9d5c", "#d6791f", "#3b82c4", "#a05cb5")
WIDE, HIGH, LEFT, BELOW, ABOVE = 340, 210, 58, 24, 30

LINE = "1px solid rgba(127,127,127,0.35)"
_CELL = f"padding:2px 10px;border:0;border-bottom:{LINE};text-align:"


def caption(text: str, more: str = "") -> str:
    """A line in bold, and a quieter one behind it."""
    quiet = f' <span style="opacity:0.75">{escape(more)}</span>' if more else ""
    return f'<div style="margin:2px 0"><b>{escape(text)}</b>{quiet}</div>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Container[int] = ()) -> str:
    """A table of texts. right: indices of the columns to align right."""

    def cells(tag: str, texts: Sequence[str]) -> str:
        sides = ("right" if i in right else "left" for i in range(len(texts)))
        return "".join(
            f'<{tag} style="{_CELL}{side};white-space:pre-wrap">{escape(text)}</{tag}>'
            for text, side in zip(texts, sides, strict=True)
        )

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


def curves(title: str, lines: Mapping[str, Curve], between: tuple[float, float] | None = None) -> str:
    """A picture of curves by name, with an axis of steps; the colours are for light and dark alike.

    between: the ends of the other axis; by default the least and the largest value.
    """
    points = {name: [(x, y) for x, y in zip(*line, strict=True) if math.isfinite(y)] for name, line in lines.items()}
    points = {name: found for name, found in points.items() if found}
    every = [point for found in points.values() for point in found]
    if not every:
        return ""
    (x0, x1), (y0, y1) = ((min(values), max(values)) for values in zip(*every, strict=True))
    y0, y1 = between or (y0, y1)
    x1, y1 = (x1 if x1 > x0 else x0 + 1), (y1 if y1 > y0 else y0 + (abs(y0) or 1))

    def at(x: float, y: float) -> str:
        across = LEFT + (x - x0) / (x1 - x0) * (WIDE - LEFT - 12)
        return f"{across:.1f},{HIGH - BELOW - (y - y0) / (y1 - y0) * (HIGH - BELOW - ABOVE):.1f}"

    parts = [
        f'<polyline fill="none" stroke="currentColor" stroke-opacity="0.4" '
        f'points="{LEFT},{ABOVE} {LEFT},{HIGH - BELOW} {WIDE - 12},{HIGH - BELOW}"/>',
        *(_text(LEFT - 6, place, number(y), "end") for y, place in ((y1, ABOVE + 4), (y0, HIGH - BELOW + 4))),
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


def _line(points: Sequence[str], colour: str) -> str:
    if len(points) == 1:
        x, y = points[0].split(",")
        return f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'
    return f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(points)}"/>'


def _text(x: float, y: float, text: str, side: str, colour: str = "currentColor") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{side}" fill="{colour}">{escape(text)}</text>'
