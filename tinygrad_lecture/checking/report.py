"""What gradcheck has to say: a report when all is well, and an error that explains itself when it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend import Array, Shape

SHOWN = 12  # up to how many elements an error lists them all


class GradcheckError(AssertionError):
    """A gradient is wrong, or cannot be checked. The text is for people; programs read the fields.

    fn_name: what was checked.  input_index, input_name: with respect to which input; the name may be None.
    output_index: which output's gradient, None if there is only one or more than one is at fault.  shape: the input's.
    wrong, total: how many elements of how many.  worst_index: of the worst, a tuple; expected, got: its values.
    expected_array, got_array: all of them, NumPy arrays of the input's shape.  kinks: where nothing can be expected, a
    bool array of that shape.  method: "complex step" or "central differences".
    hint: a short name for what is likely the matter, as "constant-factor", or None; hint_text: the same in a sentence.
    culprit: the name of the op whose own backward rule is wrong, where that could be told, else None.
    Fields that make no sense for an error are None.
    """

    __module__ = "tinygrad_lecture"  # where users find it, and so what a traceback says

    fn_name: str = ""
    input_index: int | None = None
    input_name: str | None = None
    output_index: int | None = None
    shape: Shape | None = None
    wrong: int | None = None
    total: int | None = None
    worst_index: tuple[int, ...] | None = None
    expected: float | None = None
    got: float | None = None
    expected_array: Array | None = None
    got_array: Array | None = None
    kinks: Array | None = None
    method: str | None = None
    hint: str | None = None
    hint_text: str | None = None
    culprit: str | None = None

    def __init__(self, message: str, **fields: Any) -> None:
        text = fields.get("hint_text")
        super().__init__(f"{message}\n  a hint: {text}" if text else message)
        for name, value in fields.items():
            if not hasattr(type(self), name):
                raise TypeError(f"GradcheckError has no field {name}")
            setattr(self, name, value)


@dataclass(frozen=True)
class GradcheckReport:
    """The outcome of a check; true if the gradients are right.

    fn_name: what was checked.  method: "complex step" or "central differences".  checked: how many elements were
    compared.  kinks: how many were left out because there is no derivative.  largest_error: of |got - expected|.
    error: what would have been raised, under raise_exception=False.
    """

    __module__ = "tinygrad_lecture"

    fn_name: str
    method: str
    checked: int
    kinks: int
    largest_error: float
    error: GradcheckError | None = None

    def __bool__(self) -> bool:
        return self.error is None

    def __str__(self) -> str:
        if self.error is not None:
            return str(self.error)
        text = f"{self.fn_name}: {_count(self.checked, 'element')} right, by {self.method}"
        text += f", largest error {self.largest_error:.1e}" if self.checked else ""
        return text + (f"; {_count(self.kinks, 'kink')} left out" if self.kinks else "")


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def number(value: float) -> str:
    """Six digits, and no -0."""
    return f"{value + 0.0:.6g}"


def place(index: tuple[int, ...]) -> str:
    """An index as a person writes it: 3, (1, 2), or nothing for the only element of a 0-d tensor."""
    return "" if not index else str(index[0]) if len(index) == 1 else str(index)


def table(columns: dict[str, Array], wrong: Array, kinks: Array) -> list[str]:
    """Small arrays of one shape side by side, a line per element, with a mark where it is wrong."""
    if not 1 < wrong.size <= SHOWN:
        return []
    rows = [["element", *columns]]
    for index in np.ndindex(wrong.shape):
        rows.append([place(index), *(number(float(column[index])) for column in columns.values())])
    marks = ["", *("wrong" if w else "kink" if k else "" for w, k in zip(wrong.flat, kinks.flat, strict=True))]
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    lines = []
    for row, mark in zip(rows, marks, strict=True):
        cells = "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(f"    {cells}  {mark}".rstrip())
    return lines
