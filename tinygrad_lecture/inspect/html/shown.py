"""What a notebook shows for a tensor, a graph, and attention weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from ...autograd.core import Record
from ...backend import Array, to_host
from ...traced import Traced
from ..numbers import in_words
from ..printing import text_of
from ..vertex import Vertex, printable
from .drawing import drawn
from .heat import ROW, SIDE, picture, tint, tinted
from .parts import caption, folded, plain, table


def tensor_html(tensor: Traced) -> str:
    """A tensor: shape, dtype, device and what made it, then its numbers on a tint, or a picture of many."""
    array = to_host(tensor._array)
    node = tensor._node
    made = (
        f", made by {node.name}"
        if isinstance(node, Record)
        else ", a leaf that requires grad"
        if node is not None
        else ""
    )
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
    rows = [
        [f"#{v.number}", printable(v.name), v.formula, str(v.shape), in_words(v.value), _grad(v)]
        for v in vertices[:300]
    ]
    values = table(["", "name", "made by", "shape", "value", "gradient"], rows)
    head = caption(f"Graph of {len(vertices)} values")
    if not 0 < len(vertices) <= 60:
        return head + folded("the first values" if len(vertices) > 300 else "all values", values)
    return head + drawn(vertices) + folded("as a table", values)


def _grad(vertex: Vertex) -> str:
    return "" if vertex.grad is None else in_words(vertex.grad)


def attention_html(layers: Iterable[Array], tokens: Sequence[str], keys: Sequence[str] | None = None) -> str:
    """Attention weights (heads, queries, keys) for each layer, as maps: a row for each query, with the tokens."""
    keys = tokens if keys is None else keys
    parts = []
    for layer, heads in enumerate(layers):
        maps = "".join(
            f'<div style="display:inline-block;margin:4px 14px 4px 0;vertical-align:top">head {head}'
            f"{_map(np.asarray(weights), tokens, keys)}</div>"
            for head, weights in enumerate(heads)
        )
        parts.append(folded(f"layer {layer}", maps, unfolded=layer == 0))
    return caption("Attention", "a row for each token that attends, a column for each attended to") + "".join(parts)


def _map(weights: Array, rows: Sequence[str], columns: Sequence[str]) -> str:
    if max(weights.shape) > 32:
        return f"<br>{picture(weights, 'attention weights')}"
    small = "padding:0 3px;font-size:11px;font-weight:normal;white-space:pre"
    tall = f"{small};writing-mode:vertical-rl" if max(map(len, columns), default=0) > 2 else small
    head = "".join(f'<th style="{tall}">{escape(column)}</th>' for column in columns)
    body = "".join(
        f'{ROW}<th style="{small};text-align:right">{escape(row)}</th>'
        + "".join(_weight(value, row, column) for column, value in zip(columns, values, strict=True))
        + "</tr>"
        for row, values in zip(rows, weights.tolist(), strict=True)
    )
    return f'<table style="border-collapse:collapse">{ROW}<th></th>{head}</tr>{body}</table>'


def _weight(value: Any, row: str, column: str) -> str:
    told = escape(f"{row} → {column}: {value:.3g}")
    return f'<td title="{told}" style="width:16px;height:16px;padding:0;background:{tint(value**0.5, 1.0)}"></td>'
