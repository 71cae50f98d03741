"""What stands on the board for one gift of backward: derivative, chain rule, numbers, and the sum so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...backend import Array
from ..formulas.arithmetic import with_enough_digits
from ..formulas.derivatives import local_rule, of_step, rule_of, which_of
from ..formulas.numbers import in_words, number
from .element.lines import ONE, is_large, place_of
from .element.sums import factor, indexed
from .story import Event, Gift, Story
from .worked import gift_lines, local_lines, local_with_numbers, product_step

PARTIAL = "d is the derivative of the result; ∂ is the derivative of one step alone."


@dataclass
class Board:
    """Lines about a gift. "" and [] stand for what there is no need to say.

    derivative: of the step alone, "∂a/∂z = a · (1 - a) = 0.2311".  slopes: the same, element by element.
    rule: "dC/dz = dC/da · ∂a/∂z", with its result if that needs no more lines.  lines: the same, element by element.
    total: the gradient with this gift, "dC/dz = 1 + 6 = 7".
    """

    derivative: str
    slopes: list[str]
    rule: str
    lines: list[str]
    total: str


def board_of(story: Story, event: Event, gift: Gift) -> Board:
    """The board for a gift."""
    upstream, wanted = story.gradient_of(event.vertex), story.gradient_of(gift.to)
    single = event.upstream.size == gift.handed.size == 1
    handed = in_words(gift.handed)
    slopes = local_lines(event, gift)
    derivative, lines = "", gift_lines(event, gift, wanted if gift.of == 1 else f"(use {gift.count}) {wanted}")
    if gift.local is not None:
        name, copied = of_step(event.vertex, gift.position), gift.local.size > gift.handed.size
        chain = [
            local_rule(event.vertex, gift.position),
            local_with_numbers(event.vertex, gift.position, gift.local),
            _factor(gift.local),
        ]
        derivative = " = ".join(
            [name + which_of(event.vertex, gift.position), *dict.fromkeys(text for text in chain if text)]
        )
        rule = f"{upstream} · {name}" + (", summed over the copies that broadcasting made" if copied else "")
        if single and lines and not copied:
            rule, lines = f"{rule} = {lines[0]}", []
        elif (_is_one(gift.local) and not copied and not is_large(event.upstream, gift.handed)) or not lines:
            rule, lines = f"{rule} = {handed}", []
    else:
        derivative = product_step(event, gift)
        rule = (
            rule_of(event.vertex, gift.position, upstream) or f"what the rule of {event.vertex.op} makes of {upstream}"
        )
        if not lines:
            rule = f"{rule} = {handed}"
    if gift.of == 1:
        said = not lines or gift.handed.size == 1
        return Board(derivative, slopes, f"{wanted} = {rule}", lines, "" if said else f"{wanted} = {handed}")
    use = f"use {gift.count} of {gift.of}"
    if gift.before is None:
        return Board(derivative, slopes, rule, lines, f"{wanted} = {in_words(gift.after)}  so far, {use}")
    return Board(derivative, slopes, rule, lines, f"{_sum(gift, gift.before, wanted)}  ({use}; they add up)")


def _sum(gift: Gift, before: Array, name: str) -> str:
    """The gradient so far and what it gets, "dC/dz = 1 + 6 = 7"; of a large one for one element."""
    place = place_of(gift) if gift.after.size == 1 or is_large(gift.after) else None
    if place is None:
        return f"{name} = {in_words(before)} + {in_words(gift.handed)} = {in_words(gift.after)}"
    start = name if gift.after.size == 1 else f"{ONE}{indexed(name, place)}"

    def text() -> str:
        terms = f"{number(before[place])} + {factor(gift.handed[place])}"
        return f"{start} = {terms} = {number(gift.after[place])}"

    return with_enough_digits(text)


def _factor(local: Array) -> str:
    """A derivative: "1" for an array of ones."""
    return "1" if _is_one(local) else in_words(local)


def _is_one(array: Any) -> bool:
    return bool(array.size) and bool((array == 1).all())
