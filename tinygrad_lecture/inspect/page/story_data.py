"""What the page of a computation is told, as plain data: its values, the steps of backward, views to draw."""

from __future__ import annotations

import linecache
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..formulas.definitions import definition_of
from ..formulas.numbers import in_words
from ..teaching.board import board_of
from ..teaching.story import Event, Gift, Story, started
from ..teaching.weights import weights_of
from ..teaching.worked import formula_with_numbers, forward_lines
from ..vertex import Line, Vertex, printable
from .arrays import Arrays
from .boxes import flat_view, view_of
from .groups import groups_of


class StoryData:
    """The data of a story's page. tokens: texts of the tokens, for the attention maps."""

    def __init__(self, story: Story, tokens: Sequence[str]) -> None:
        self.story, self.tokens, self.arrays = story, [printable(token) for token in tokens], Arrays()
        self.index = {vertex: i for i, vertex in enumerate(story.vertices)}
        self.lines: dict[Line, int] = {}

    def as_data(self) -> dict[str, Any]:
        """Everything, as JSON has it."""
        story = self.story
        groups = groups_of(story)
        at = {vertex: group.number for group in groups for vertex in group.vertices}
        values = [self._value(vertex, at[vertex]) for vertex in story.vertices]
        return {
            "result": self.index[story.result],
            "differentiated": story.differentiated,
            "note": story.note(),
            "own": story.own,
            "more": story.more,
            "values": values,
            "events": [self._event(event) for event in story.events],
            "stored": {str(self.index[v]): self.arrays.add(grad) for v, grad in story.stored.items()},
            "groups": [
                {
                    "name": g.name,
                    "kind": "" if g.scope is None else g.scope.kind,
                    "parent": -1 if g.parent is None else g.parent.number,
                }
                for g in groups
            ],
            "views": [view_of(group, story, self.index) for group in groups],
            "flat": flat_view(story, self.index) if len(groups) > 1 else None,
            "tokens": self.tokens,
            "lines": [_line(file, number) for file, number in self.lines],
            "arrays": self.arrays.as_data(),
        }

    def _value(self, vertex: Vertex, group: int) -> dict[str, Any]:
        filled = formula_with_numbers(vertex)
        return {
            "number": vertex.number,
            "name": str(vertex),
            "gradient": self.story.gradient_of(vertex),
            "op": vertex.op or "",
            "kind": "result" if vertex.op else "leaf" if vertex.requires_grad else "constant",
            "formula": vertex.formula if vertex.op else "",
            "filled": "" if filled == vertex.formula else filled,
            "definition": definition_of(vertex),
            "sums": forward_lines(vertex),
            "inWords": in_words(vertex.value),
            "shape": list(vertex.shape),
            "dtype": "" if vertex.dtype is None else vertex.dtype.name,
            "inputs": [self.index.get(x, -1) for x in vertex.inputs],
            "inputNames": [str(x) for x in vertex.inputs],
            "value": self.arrays.add(vertex.value),
            "group": group,
            "partOf": vertex.part_of,
            "module": "" if vertex.scope is None else str(vertex.scope),
            "lines": [self.lines.setdefault(line, len(self.lines)) for line in vertex.lines],
            "weights": self.arrays.add(weights_of(vertex)),
        }

    def _event(self, event: Event) -> dict[str, Any]:
        return {
            "value": self.index[event.vertex],
            "upstream": self.arrays.add(event.upstream),
            "gradient": self.story.gradient_of(event.vertex),
            "given": event.given,
            "start": started(event),
            "changed": event.changed,
            "gifts": [self._gift(event, gift) for gift in event.gifts],
        }

    def _gift(self, event: Event, gift: Gift) -> dict[str, Any]:
        board = board_of(self.story, event, gift)
        return {
            "to": self.index.get(gift.to, -1),
            "gradient": self.story.gradient_of(gift.to),
            "handed": self.arrays.add(gift.handed),
            "before": self.arrays.add(gift.before),
            "after": self.arrays.add(gift.after),
            "count": gift.count,
            "of": gift.of,
            "derivative": board.derivative,
            "slopes": board.slopes,
            "rule": board.rule,
            "sums": board.lines,
            "total": board.total,
        }


def _line(file: str, number: int) -> dict[str, Any]:
    """A line of a program: where it is and what it says."""
    return {
        "file": Path(file).name,
        "number": number,
        "text": linecache.getline(file, number).partition("  #")[0].strip(),
    }
