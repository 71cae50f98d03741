"""The outcome of a check: a report if the gradients are right, an error that explains itself if not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend import Array, DType, Shape
from ..errors import aligned

MAX_LISTED = 12  # an error lists so many elements, the worst ones


class GradcheckError(AssertionError):
    """A gradient is wrong, or cannot be checked. The message is for people, the fields are for programs.

    fn_name: the function that was checked.
    input_index, input_name: the input whose gradient is wrong; the name may be None.
    shape: the shape of the input.  wrong, total: how many elements are wrong, and how many were compared.
    worst_index: the index of the element with the largest error, a tuple.  expected, got: its two values.
    expected_array, got_array: the numerical and the analytical gradient, NumPy arrays of the input's shape.
    kinks: where there is no derivative, a bool array of that shape.
    method: "complex step" or "central differences".
    hint: a short name of the likely cause, as "constant-factor", or None.  hint_text: the likely cause as a sentence.
    likely: the same as data: its name, and what fills in its sentence.
    culprit: the name of the op whose backward rule is wrong, or None if it could not be determined.
    Fields that do not apply are None.
    """

    __module__ = "tinygrad_lecture"  # the public name, shown in tracebacks

    fn_name: str = ""
    input_index: int | None = None
    input_name: str | None = None
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
    likely: Any = None
    culprit: str | None = None

    def __init__(self, message: str, **fields: Any) -> None:
        cause = fields.get("hint_text")
        super().__init__(f"{message}\n  likely cause: {cause}" if cause else message)
        self.__dict__.update(fields)


@dataclass(frozen=True)
class GradcheckReport:
    """The outcome of a check; true if there is no error, also where all elements are kinks and none was checked.

    fn_name: the function that was checked.  method: "complex step" or "central differences".
    checked: the number of elements found right.  kinks: the number left out, since they have no derivative.
    cannot_tell: the number of elements that are neither right nor wrong, since rounding swallows the derivative.
    doubt: if there are any, where, how large rounding is there, and what to do: a few sentences.
    largest_error: the largest |got - expected| of a right element.
    error: with raise_exception=False, the GradcheckError that would have been raised; else None.
    """

    fn_name: str
    method: str
    checked: int
    kinks: int
    largest_error: float
    error: GradcheckError | None = None
    cannot_tell: int = 0
    doubt: str = ""

    def __bool__(self) -> bool:
        return self.error is None

    def __str__(self) -> str:
        if self.error is not None:
            return str(self.error)
        text = f"{self.fn_name}: {counted(self.checked, 'element')} right, by {self.method}"
        text += f", largest error {self.largest_error:.1e}" if self.checked else ""
        text += f"; {counted(self.kinks, 'kink')} left out" if self.kinks else ""
        return text + (f"\n  {self.doubt}" if self.doubt else "")

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict on its colour, and the text of the report."""
        from ..inspect.notebook import plain, verdict

        found, good = ("wrong", -1) if self.error else ("right", 1) if self.checked else ("cannot tell", 0)
        return verdict(f"gradients of {self.fn_name}: {found}", good) + plain(str(self))


def sentence(table: Mapping[str, Any], name: str, /, **words: object) -> str:
    """A sentence of a table, filled in. name: what it is about, after a dot which kind."""
    about, _, kind = name.partition(".")
    found: str = table[about][kind] if kind else table[about]
    return found.format(**words)


def compute_in_float64(dtype: DType) -> str:
    """What to do about another dtype."""
    few = "do not cast a gradient to integers" if dtype.kind in "iub" else "it has too few digits for a check"
    return f"{few}; compute it in float64, the dtype of the inputs and of g"


def counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def number(value: float, digits: int = 6) -> str:
    """A number with six digits, or as many as asked for, and no -0."""
    return f"{value + 0.0:.{digits}g}"


def digits_to_tell_apart(a: Array, b: Array) -> int:
    """How many digits show that no element of `a` is the one of `b`; at least 6, at most 17."""
    pairs = list(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True))
    enough = (digits for digits in range(6, 17) if all(number(x, digits) != number(y, digits) for x, y in pairs))
    return next(enough, 17)


def index_text(index: tuple[int, ...]) -> str:
    """An index as text: "3", "(1, 2)", or "" for the only element of a 0-d tensor."""
    return "" if not index else str(index[0]) if len(index) == 1 else str(index)


def element_table(columns: dict[str, Array], marks: Array, order: Array, digits: int = 6) -> list[str]:
    """Arrays of one shape side by side: a line per element, with its mark, such as "wrong".

    Of more than MAX_LISTED elements, those for which `order` is largest, the largest first. Empty for a 0-d array.
    """
    if not marks.ndim or marks.size < 2:
        return []
    places = list(np.ndindex(marks.shape))
    if marks.size > MAX_LISTED:
        places = [places[i] for i in np.argsort(-order, axis=None, kind="stable")[:MAX_LISTED]]
    rows = [["element", *columns, ""]]
    for index in places:
        numbers = [number(float(column[index]), digits) for column in columns.values()]
        rows.append([index_text(index), *numbers, marks[index]])
    return [f"    {line}" for line in aligned(rows, right=range(len(columns) + 1))]
