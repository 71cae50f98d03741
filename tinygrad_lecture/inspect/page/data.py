"""What the page of a computation is told, as plain data: its values, the steps of backward, views to draw."""

from __future__ import annotations

import linecache
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..elements import definition, formula_with_numbers, forward_lines, weights_of
from ..explain import term_text
from ..numbers import in_words
from ..vertex import Line, Step, Term, Vertex, printable
from ..walkthrough import Walkthrough, started
from .arrays import Arrays
from .views import views_of


class PageData:
    """The data of a page. tokens: texts of the tokens, for the attention maps."""

    def __init__(self, walk: Walkthrough, tokens: Sequence[str]) -> None:
        self.walk, self.tokens, self.arrays = walk, [printable(token) for token in tokens], Arrays()
        self.index = {vertex: i for i, vertex in enumerate(walk.vertices)}
        self.lines: dict[Line, int] = {}

    def as_data(self) -> dict[str, Any]:
        """Everything, as JSON has it."""
        walk = self.walk
        views = views_of(walk)
        values = [self._value(vertex, group) for vertex, group in zip(walk.vertices, views.pop("at"), strict=True)]
        return {
            "result": self.index[walk.result],
            "differentiated": walk.differentiated,
            "note": walk.note(),
            "own": walk.own,
            "more": walk.more,
            "values": values,
            "steps": [self._step(step) for step in walk.steps],
            "stored": {str(self.index[v]): self.arrays.add(grad) for v, grad in walk.stored.items()},
            **views,
            "tokens": self.tokens,
            "lines": [_line(file, number) for file, number in self.lines],
            "arrays": self.arrays.as_data(),
        }

    def _value(self, vertex: Vertex, group: int) -> dict[str, Any]:
        filled = formula_with_numbers(vertex)
        return {
            "number": vertex.number,
            "name": str(vertex),
            "gradient": self.walk.gradient_of(vertex),
            "op": vertex.op or "",
            "kind": "result" if vertex.op else "leaf" if vertex.requires_grad else "constant",
            "formula": vertex.formula if vertex.op else "",
            "filled": "" if filled == vertex.formula else filled,
            "definition": definition(vertex),
            "sums": forward_lines(vertex),
            "inWords": in_words(vertex.value),
            "shape": list(vertex.shape),
            "dtype": "" if vertex.dtype is None else vertex.dtype.name,
            "inputs": [self.index.get(x, -1) for x in vertex.inputs],
            "value": self.arrays.add(vertex.value),
            "group": group,
            "partOf": vertex.part_of,
            "module": "" if vertex.scope is None else str(vertex.scope),
            "lines": [self.lines.setdefault(line, len(self.lines)) for line in vertex.lines],
            "weights": self.arrays.add(weights_of(vertex)),
        }

    def _step(self, step: Step) -> dict[str, Any]:
        return {
            "value": self.index[step.vertex],
            "upstream": self.arrays.add(step.upstream),
            "gradient": self.walk.gradient_of(step.vertex),
            "starts": step.starts,
            "start": started(step),
            "changed": step.changed,
            "terms": [self._term(step, term) for term in step.terms],
        }

    def _term(self, step: Step, term: Term) -> dict[str, Any]:
        return {
            "to": self.index.get(term.to, -1),
            "gradient": self.walk.gradient_of(term.to),
            "array": self.arrays.add(term.gradient),
            "after": self.arrays.add(term.after),
            "count": term.count,
            "of": term.of,
            **vars(term_text(self.walk, step, term)),
        }


def _line(file: str, number: int) -> dict[str, Any]:
    """A line of a program: where it is and what it says."""
    return {
        "file": Path(file).name,
        "number": number,
        "text": linecache.getline(file, number).partition("  #")[0].strip(),
    }
