"""A row of tokens as a doubly linked list: a merge touches its two neighbours only, however long the row is."""

from __future__ import annotations

from collections.abc import Iterable

Pair = tuple[int, int]  # the ids of two neighbouring tokens
EMPTY = -1  # a place without a token: before, between and after words, and where a merge left a gap


class Row:
    """Words side by side, as token ids. A merge puts the new token in the left place and empties the right one.

        place       0  1  2  3  4  5  6
        ids         -  h  e  l  l  o  -
        join(3)     -  h  e  ll -  o  -         after[3] is now 5, and before[5] is 3

    - `ids`: the token at each place, or EMPTY.
    - `before`, `after`: the place of the previous and of the next token.
    """

    def __init__(self, words: Iterable[Iterable[int]]) -> None:
        self.ids = [EMPTY]
        for word in words:
            self.ids += word
            self.ids.append(EMPTY)
        n = len(self.ids)
        self.before, self.after = list(range(-1, n - 1)), list(range(1, n + 1))

    def join(self, left: int, new: int) -> None:
        """Replace the token at place `left` and the next one by the token `new`."""
        right = self.after[left]
        beyond = self.after[right]
        self.ids[left], self.ids[right] = new, EMPTY
        self.after[left], self.before[beyond] = beyond, left

    def tokens(self) -> list[int]:
        """The ids of all tokens, without empty places."""
        return [id for id in self.ids if id != EMPTY]
