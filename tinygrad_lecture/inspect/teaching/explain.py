"""`tl.explain`: backpropagation through a computation as a worked example, in reading order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors.table import aligned
from ..formulas.definitions import definition_of
from ..formulas.numbers import in_words
from ..vertex import Vertex
from .board import PARTIAL, board_of
from .story import Event, Story, started, story_of
from .worked import formula_with_numbers, forward_lines

ROUNDED = "Numbers are rounded to four digits; they have more where four would hide a difference."


class Explanation(str):
    """A text that a notebook or the prompt shows as it is, with its line ends."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def explain(what: Any, names: Mapping[str, Any] | None = None) -> Explanation:
    """Backward from a result as a worked example: forward, each step backward with its rule, numbers and sums.

        with tl.Graph():
            z = w @ x + b
            C = (tl.sigmoid(z) - y) ** 2
            print(tl.explain(C))

    what, names: those of `tl.page`. Returns a text.  Raises what `tl.page` raises.
    Arrays of up to eight elements are written out, and each element is worked out. Of a larger one the text has shape,
    range and mean, and works out one element. d is the derivative of the result, ∂ that of one step alone.
    """
    return Explanation("\n".join(_told(story_of(what, names, "explain"))))


def _told(story: Story) -> list[str]:
    lines = ["Forward: each value from those before it.", ROUNDED]
    given = [v for v in story.vertices if v.op is None]
    made = [v for v in story.vertices if v.op is not None]
    rows = [[f"  {v}", f"= {_value(v.value)}", _kind(v)] for v in given]
    lines += ["", *(aligned(rows) if rows else [])]
    for vertex in made:
        lines += ["", *_forward(vertex)]
    if not story.events:
        return [*lines, "", "Backward has not run."]
    lines += ["", f"Backward: how much does {story.result} change with each value? From the last to the first."]
    lines += [PARTIAL]
    if story.note():
        lines += [f"({story.note()})"]
    for count, event in enumerate(story.events, start=1):
        lines += ["", *_backward(story, event, count)]
    return [*lines, "", *_found(story)]


def _kind(vertex: Vertex) -> str:
    if vertex.requires_grad:
        return ""
    return f"constant, which {vertex.part_of} computes" if vertex.part_of else "constant"


def _forward(vertex: Vertex) -> list[str]:
    """ "z = W @ x", "  = [[...]] @ [...]", "  = [...]"."""
    indent = "  " + " " * len(str(vertex))
    filled, value = formula_with_numbers(vertex), _value(vertex.value)
    more = [text for text in (filled, definition_of(vertex)) if text not in ("", vertex.formula)]
    chain = [vertex.formula, *more, value]
    part = f"   (part of {vertex.part_of})" if vertex.part_of else ""
    lines = [f"  {vertex} = {chain[0]}{part}", *(f"{indent} = {text}" for text in chain[1:])]
    return [*lines, *(f"      {line}" for line in forward_lines(vertex))]


def _backward(story: Story, event: Event, count: int) -> list[str]:
    name = story.gradient_of(event.vertex)
    if event.given:
        where = "Backward starts here"
    else:
        where = f"{name} = {in_words(event.upstream)}{', as a hook has changed it' if event.changed else ''}"
    if event.given:
        start = f", {started(event)}: {name} =" if started(event) else f", with {name} ="
        where += f"{start} {in_words(event.upstream)}"
    lines = [f"  {count}.  {event.vertex.equation}", f"      {where}"]
    for gift in event.gifts:
        board = board_of(story, event, gift)
        lines += [f"    to {gift.to}:"]
        lines += [f"      {board.derivative}"] if board.derivative else []
        lines += [*(f"          {line}" for line in board.slopes), f"      {board.rule}"]
        lines += [*(f"          {line}" for line in board.lines), *([f"      {board.total}"] if board.total else [])]
    return lines


def _found(story: Story) -> list[str]:
    """The gradients of the leaves, and where `.grad` has something else."""
    rows, notes = [], []
    for vertex in story.vertices:
        if vertex.op is None and vertex in story.gradients:
            grad = story.gradients[vertex]
            rows.append([f"  {story.gradient_of(vertex)}", f"= {_value(grad)}"])
            stored = story.stored.get(vertex)
            if stored is not None and in_words(stored) != in_words(grad):
                notes.append(f"  {vertex}.grad now holds {_value(stored)}: {story.more}.")
    return ["Found:", "", *aligned(rows), *notes] if rows else ["No leaf has a gradient."]


def _value(array: Any) -> str:
    return "? (the tape did not keep it)" if array is None else in_words(array)
