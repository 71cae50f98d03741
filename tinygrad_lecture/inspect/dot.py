"""A graph in Graphviz's DOT language."""

from __future__ import annotations

from collections.abc import Sequence

from .vertex import Vertex


def dot_of(vertices: Sequence[Vertex]) -> str:
    """A box for each value, with its name, formula and shape, and an arrow for each input."""
    lines = ["digraph {", "  node [shape=box];"]
    for vertex in vertices:
        lines.append(f'  {vertex.number} [label="{_escaped(vertex.equation)}\\nshape {vertex.shape}"];')
        lines += [f"  {x.number} -> {vertex.number};" for x in vertex.inputs if x.number]
    return "\n".join([*lines, "}"])


def _escaped(label: str) -> str:
    """A label for a quoted DOT string: no quote ends it, no backslash or ampersand starts an escape."""
    for sign, escape in (("\\", "\\\\"), ('"', '\\"'), ("&", "&amp;"), ("\n", "\\n")):
        label = label.replace(sign, escape)
    return label
