"""Pieces of HTML: tables, what folds, a caption. Texts are escaped; colours are those of the notebook."""

from __future__ import annotations

from collections.abc import Container, Sequence
from html import escape

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
