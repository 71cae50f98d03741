"""What `BPETokenizer.explain` tells: each word, its bytes, and what becomes of them merge by merge."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Merge:
    """A merge and what it leaves.  number: its place in the order in which merges were learnt, from 1."""

    number: int
    left: str
    right: str
    pieces: list[str]


@dataclass(frozen=True)
class Word:
    """A word, its bytes as text, the merges in their order, and the ids in the end."""

    text: str
    bytes: list[str]
    merges: list[Merge]
    ids: list[int]

    @property
    def pieces(self) -> list[str]:
        """The word's tokens."""
        return self.merges[-1].pieces if self.merges else self.bytes

    def __str__(self) -> str:
        rows = [("", "", in_line(self.bytes))]
        for merge in self.merges:
            rows.append(
                (f"merge {merge.number}", f"{visible(merge.left)} + {visible(merge.right)}", in_line(merge.pieces))
            )
        wide = [max(len(row[i]) for row in rows) for i in (0, 1)]
        lines = [f"  {number:{wide[0]}}  {pair:{wide[1]}}  {pieces}".rstrip() for number, pair, pieces in rows]
        return "\n".join([f"{visible(self.text)}   ids {' '.join(map(str, self.ids))}", *lines])


class Explanation(tuple[Word, ...]):
    """The words of a text, each with its merges; printed, a line for each merge."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    __repr__ = __str__


def visible(piece: str) -> str:
    """A piece with its spaces as dots, other space as escapes."""
    return "".join("·" if c == " " else c if c.isprintable() else repr(c)[1:-1] for c in piece)


def in_line(pieces: list[str]) -> str:
    """Pieces side by side: ·|h|e|l|l|o"""
    return "|".join(map(visible, pieces))
