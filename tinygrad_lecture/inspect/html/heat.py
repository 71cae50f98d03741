"""Arrays to look at: numbers on a tint, blue above 0 and orange below, and pictures of large arrays."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections import Counter
from html import escape
from typing import Any

import numpy as np

from ...backend import Array
from ..numbers import number

SIDE = 12  # rows and columns of a table
PICTURE = 64  # rows and columns of a picture
ROW = '<tr style="background:none">'  # notebooks shade every other row, and a tint lets that through
_ABOVE, _BELOW, _ODD = (38, 122, 204), (214, 107, 31), (150, 90, 160)


def tinted(array: Array, rows: list[str] | None = None, columns: list[str] | None = None) -> str:
    """A vector or matrix as a table of numbers, each on a tint. rows, columns: names beside it.

    Of one with more than SIDE rows or columns, the first.
    """
    matrix = np.atleast_2d(array)
    shown = matrix[:SIDE, :SIDE]
    most = _largest(matrix)
    cut = shown.shape[1] < matrix.shape[1]
    lines = []
    if columns is not None:
        names = "".join(f'<th style="padding:1px 6px">{escape(name)}</th>' for name in columns[:SIDE])
        lines.append(f"{ROW}{'<th></th>' if rows else ''}{names}</tr>")
    for i, (row, told) in enumerate(zip(shown.tolist(), texts(shown), strict=True)):
        name = f'<th style="padding:1px 6px;text-align:right">{escape(rows[i])}</th>' if rows else ""
        cells = "".join(
            f'<td style="padding:1px 7px;text-align:right;background:{tint(x, most)}">{escape(text)}</td>'
            for x, text in zip(row, told, strict=True)
        )
        lines.append(f"{ROW}{name}{cells}{'<td>…</td>' if cut else ''}</tr>")
    if shown.shape[0] < matrix.shape[0]:
        lines.append(f'{ROW}<td colspan="{shown.shape[1]}" style="text-align:left">…</td></tr>')
    return f'<table style="border-collapse:collapse;font-family:monospace;margin:4px 0">{"".join(lines)}</table>'


def texts(matrix: Array) -> list[list[str]]:
    """The elements of a matrix: four digits, more where different ones would look alike, and before the point all."""
    told: dict[float, str] = {}
    waiting = {x for x in matrix.ravel().tolist() if isinstance(x, float) and math.isfinite(x) and x}
    for digits in range(4, 18):  # 17 tell any two numbers apart
        told |= {x: f"{x:.{digits}g}" for x in waiting}
        alike = Counter(told[x] for x in waiting)
        waiting = {x for x in waiting if alike[told[x]] > 1 or 10 ** (digits - 1) <= abs(x) < 10_000_000}
    return [[told.get(x) or number(x) for x in row] for row in matrix.tolist()]


def tint(value: Any, most: float) -> str:
    """The colour of a number, as CSS; `most` is the size of the largest."""
    if isinstance(value, complex) or not np.isfinite(value):
        return "rgba({},{},{},0.6)".format(*_ODD)
    share = 0.7 * min(abs(value) / most, 1) if most else 0
    return "rgba({},{},{},{:.2f})".format(*(_BELOW if value < 0 else _ABOVE), share)


def picture(array: Array, label: str) -> str:
    """A matrix as an image, a square for each element; of a large one for the mean of a part, and a line that says so.

    The tint tells the size of a number beside the largest of the matrix, not beside the largest mean.
    """
    whole = np.atleast_2d(array)
    matrix, most = means(whole, PICTURE), _largest(whole) or 1.0
    with np.errstate(all="ignore"):
        share = 0.85 * np.nan_to_num(np.abs(matrix) / most, nan=1, posinf=1)
    colour = np.where(matrix[..., None] < 0, _BELOW, _ABOVE)
    colour = np.where(np.isfinite(matrix)[..., None], colour, _ODD)
    pixels = np.concatenate([colour, np.round(255 * share)[..., None]], -1).astype(np.uint8)  # (rows, columns, RGBA)
    side = max(2, min(320 // pixels.shape[1], 240 // pixels.shape[0], 14))
    size = f"width:{side * pixels.shape[1]}px;height:{side * pixels.shape[0]}px"
    data = base64.b64encode(png(pixels)).decode("ascii")
    style = f"image-rendering:pixelated;border:1px solid rgba(127,127,127,0.35);max-width:none;{size}"
    rows, columns = (-(-n // shown) for n, shown in zip(whole.shape, matrix.shape, strict=True))
    note = "" if rows == columns == 1 else f"<div>Each square is the mean of {rows}×{columns} numbers.</div>"
    return f'<img alt="{escape(label)}" style="{style}" src="data:image/png;base64,{data}">{note}'


def means(matrix: Array, most: int) -> Array:
    """The means over equal parts of a matrix, in at most `most` rows and columns; the last parts may be smaller."""
    rows, columns = (np.arange(0, n, -(-n // most)) for n in matrix.shape)
    with np.errstate(all="ignore"):
        sums = np.add.reduceat(np.add.reduceat(matrix, rows, 0, dtype=np.float64), columns, 1)
        counts = np.outer(np.diff([*rows, matrix.shape[0]]), np.diff([*columns, matrix.shape[1]]))
        return sums / counts


def png(pixels: Array) -> bytes:
    """An image file of (rows, columns, 4) bytes: red, green, blue and opacity (the PNG format, ISO/IEC 15948)."""
    rows, columns = pixels.shape[:2]

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = b"".join(b"\0" + row.tobytes() for row in pixels)  # 0: no filter
    header = struct.pack(">IIBBBBB", columns, rows, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")


def _largest(array: Array) -> float:
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max()) if finite.size else 0.0
