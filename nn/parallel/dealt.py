"""Dealt: how many rows of a batch each worker got, by which `backward` weighs the gradients."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TypeAlias

Parts: TypeAlias = tuple[Fraction, ...]  # of a batch, for each worker


class Dealt:
    """What one loop over `shares` has dealt; without rows it stands for no loop, and each worker counts the same.

    rows: of the latest batch, for each worker.
    parts: of the batches that the next `backward` may be of.
    seen: whether a `backward` has seen the latest batch.
    around: the loop that this one stands in.  ended: whether this one is over.
    """

    def __init__(self, size: int, around: Dealt | None = None) -> None:
        self.rows: Sequence[int] = [1] * size
        self.parts: set[Parts] = {_parts(self.rows)}
        self.seen, self.ended = True, True
        self.around: Dealt | None = around if around is None or not around.ended else around.around

    def deal(self, rows: Sequence[int]) -> None:
        """Note the rows of the next batch."""
        if self.seen:
            self.parts.clear()
        self.rows, self.seen, self.ended = rows, False, False
        self.parts.add(_parts(rows))

    def coming(self) -> set[Parts]:
        """The parts of the batches that this `backward` may be of."""
        self.seen = True
        return self.parts if self.around is None or self.around.seen else self.parts | self.around.parts

    def after(self) -> Dealt:
        """What holds after the loop: what held around it. A backward may still be of batches that none has seen."""
        if self.around is not None:
            return self.around
        nothing = Dealt(len(self.rows))
        if not self.seen:
            nothing.parts |= self.parts
        return nothing


def _parts(rows: Sequence[int]) -> Parts:
    return tuple(Fraction(n, sum(rows) or 1) for n in rows)
