"""The result of `BPETokenizer.explain`: each word, its bytes, and its merges step by step."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from tinygrad_lecture.inspect.html.parts import caption, folded, plain


@dataclass(frozen=True)
class Merge:
    """One merge: its number in the order of learning (from 1), the two tokens, and the word's tokens after it."""

    number: int
    left: str
    right: str
    pieces: list[str]


@dataclass(frozen=True)
class Word:
    """A word, its bytes as text, its merges in order, and its token ids."""

    text: str
    bytes: list[str]
    merges: list[Merge]
    ids: list[int]

    @property
    def pieces(self) -> list[str]:
        """The word's tokens."""
        return self.merges[-1].pieces if self.merges else self.bytes

    def __str__(self) -> str:
        rows = [("", "", side_by_side(self.bytes))]
        for merge in self.merges:
            pair = f"{visible(merge.left)} + {visible(merge.right)}"
            rows.append((f"merge {merge.number}", pair, side_by_side(merge.pieces)))
        wide = [max(len(row[i]) for row in rows) for i in (0, 1)]
        lines = [f"  {number:{wide[0]}}  {pair:{wide[1]}}  {pieces}".rstrip() for number, pair, pieces in rows]
        return "\n".join([f"{visible(self.text)}   ids {' '.join(map(str, self.ids))}", *lines])


class Explanation(tuple[Word, ...]):
    """The words of a text with their merges. Prints one line per merge."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """What a notebook shows: each token on a colour of its own with its id, and the merges of each word, folded."""
        tokens = [pair for word in self for pair in zip(word.pieces, word.ids, strict=True)]
        line = "".join(_token(text, number, place) for place, (text, number) in enumerate(tokens))
        merges = "".join(
            folded(f"{visible(word.text)}: {counted(len(word.merges))}", plain(str(word))) for word in self
        )
        return f"{caption(f'{len(tokens)} tokens')}<div style='line-height:2'>{line}</div>{folded('merges', merges)}"


def counted(merges: int) -> str:
    return "1 merge" if merges == 1 else f"{merges} merges"


def _token(text: str, number: int, place: int) -> str:
    style = f"background:{COLOURS[place % len(COLOURS)]};padding:2px 1px;border-radius:3px;font-family:monospace"
    return f'<span title="id {number}" style="{style}">{escape(visible(text))}</span>'


COLOURS = tuple(f"rgba({rgb},0.35)" for rgb in ("38,122,204", "214,107,31", "42,157,92", "160,92,181", "200,160,30"))


def visible(piece: str) -> str:
    """The text with a dot for each space, and escapes for other whitespace."""
    return "".join("·" if c == " " else c if c.isprintable() else repr(c)[1:-1] for c in piece)


def side_by_side(pieces: list[str]) -> str:
    """The tokens in one line: ·|h|e|l|l|o"""
    return "|".join(map(visible, pieces))
