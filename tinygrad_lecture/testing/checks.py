"""`check_function`: does a function return what a reference returns?

And `check_property`: does a check of your own hold?
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeAlias

import numpy as np

from ..backend import Array
from ..gradient_checking.report import element_table
from ..gradient_checking.subject import names_of
from .failures import CheckFailed, arguments, because, call, pair, positional, said
from .sandbox import Ended
from .search import Args, Found, jittered, right_only_for, smallest_failure, together

__all__ = ["Mistake", "check_function", "check_property"]

MAX_TELLING = 20  # how many failing inputs a cause must explain
Cause: TypeAlias = tuple[str | None, str | None]  # hint, sentence
Example: TypeAlias = tuple[Args, Any, Any]  # arguments, the right result, the one that was got


ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


@dataclass(frozen=True)
class Mistake:
    """A typical mistake. fn: the answer with the mistake, called as the answer itself. hint: its short name."""

    hint: str
    cause: str
    fn: Callable[..., Any]


@dataclass
class Answer:
    """A function that is checked, and what it must return. Both are called with an example: a tuple of arguments, of
    which the last may be a dict of settings."""

    fn: Callable[..., Any]
    reference: Callable[..., Any]
    name: str
    names: Sequence[str]
    mistakes: Sequence[Mistake] = ()
    rtol: float = 1e-6
    atol: float = 1e-8
    # hints of failures that need no further cause
    zeros: ClassVar[bool] = False  # whether 0 hides a cause
    complete: ClassVar[set[str]] = {"nothing", "unfinished", "input-modified", "dtype", "type", "comma", "parts"}

    def run(self, fn: Callable[..., Any], args: Args) -> Any:
        """What another function returns that is called as the answer."""
        plain, settings = positional(args)
        with np.errstate(all="ignore"):
            return fn(*plain, **settings)

    def got(self, args: Args) -> Any:
        """What the answer returns. Raises CheckFailed if it raises, or changes an argument."""
        return call(self.fn, args, self.name, self.names)

    def right(self, args: Args) -> Any:
        """What it must return."""
        return self.run(self.reference, args)

    def check(self, args: Args) -> None:
        """Raise CheckFailed if it returns something else."""
        self.require_equal(self.got(args), self.right(args), args)

    def require_equal(
        self, got: Any, expected: Any, args: Sequence[Any], what: str = "result", parts: Sequence[str] = ()
    ) -> None:
        """Raise CheckFailed unless `got` is `expected`: arrays and numbers up to rounding, everything else exactly.

        Tuples are compared part by part; masked elements of `expected` are left out.
        what: "result", or "gradient of x" for a sentence about a rule.  parts: the same for each part of a tuple.
        """
        shown = arguments(args, self.names)
        if isinstance(expected, tuple):
            if not isinstance(got, tuple) or len(got) != len(expected):
                returned = f"{len(got)} values" if isinstance(got, tuple) else f"one {type(got).__name__}"
                what = f"{self.name} must return {len(expected)} values in a tuple, but returns {returned}."
                names = ", ".join("abcdef"[: len(expected)])
                raise CheckFailed(what, kind="parts", shown=shown, **because("parts", names=names))
            for k, (one, other) in enumerate(zip(got, expected, strict=True)):
                which = f"{ORDINALS[k]} value" if k < len(ORDINALS) else f"value number {k + 1}"
                which = parts[k] if parts else which if what == "result" else f"{which} in the {what}"
                self.require_equal(one, other, args, which)
            return
        name = self.name

        def fail(what: str, kind: str, lines: Sequence[str], hint: str | None = None, cause: str | None = None) -> None:
            raise CheckFailed(what, kind=kind, shown=[*shown, *lines], cause=cause, hint=hint)

        if got is None:
            fail(f"{name} returns None as the {what}.", "nothing", [], *said("nothing"))
        if not _is_numeric(expected):
            if got != expected or type(got) is not type(expected):
                wrong = f"The {what} of {name} is wrong." if what == "result" else f"{name}: the {what} is wrong."
                fail(wrong, what, pair(expected, got))
            return
        left_out, right = np.ma.getmaskarray(expected), np.asarray(expected)
        if not _is_numeric(got):
            comma = said("comma") if isinstance(got, tuple) and len(got) == 1 else ("type", None)
            other = f"{name} must return numbers as the {what}, but returns {type(got).__name__}."
            fail(other, "type", pair(right, got), *comma)
        array = np.asarray(got)
        if array.shape != right.shape:
            lines = [f"expected shape {right.shape}", f"got      shape {array.shape}"]
            fail(f"{name} returns a {what} of the wrong shape.", f"shape of {what}", lines, "shape")
        if array.dtype.kind == right.dtype.kind == "f" and array.dtype.itemsize < right.dtype.itemsize:
            fail(f"{name} returns {array.dtype}, but its inputs are {right.dtype}.", "dtype", [], *said("dtype"))
        with np.errstate(all="ignore"):
            wrong = ~np.isclose(array, right, rtol=self.rtol, atol=self.atol, equal_nan=True) & ~left_out
        lines = side_by_side(np.where(left_out, array, right), array, wrong) if wrong.any() else []
        if lines and right.dtype.kind == "f" and array.dtype.kind in "iub" and (np.abs(array - right) < 1).all():
            fail(f"{name} returns whole numbers as the {what}.", "dtype", lines, *said("whole-numbers"))
        if lines:
            fail(f"{name} returns a wrong {what}.", what, lines)

    def cause(self, found: Found) -> Cause:
        """The likely cause, found from larger inputs too."""
        if found.failure.hint in self.complete:
            return None, None
        telling = [self._moved(args, found.failure.kind) for args in found.telling[:MAX_TELLING]]
        known = self.known_cause([*telling, *found.others[:MAX_TELLING]])
        known = known if known[1] else self.known_cause([*telling, *found.passing[:MAX_TELLING]])
        return known if known[1] else self.general_cause(found, telling)

    def known_cause(self, inputs: Sequence[Args]) -> Cause:
        """The cause of a mistake that the teacher has named."""
        computed = [(m.hint, m.cause, lambda args, _, fn=m.fn: self.run(fn, args)) for m in self.mistakes]
        return first_match(computed, self.examples(inputs)) if computed else (None, None)

    def general_cause(self, found: Found, telling: Sequence[Args]) -> Cause:
        """A cause that any function can have."""
        examples = self.examples(telling)
        numeric = [(args, _numbers(e), _numbers(g)) for args, e, g in examples if _is_number(e) and _is_number(g)]
        if found.failure.kind.startswith("shape"):
            return next((cause_of_shape(e, g) for _, e, g in numeric if e.shape != g.shape), (None, None))
        if found.failure.cause or found.failure.kind == "raises" or not numeric or len(numeric) < len(telling):
            return None, None
        return cause_of_values(numeric)

    def _moved(self, args: Args, kind: str) -> Args:
        """The same arguments with other numbers, if it fails alike with these: if only for another gradient."""
        moved = jittered(args, self.zeros)
        try:
            self.check(moved)
        except CheckFailed as failure:
            return moved if failure.kind.split(" of ")[0] == kind.split(" of ")[0] else args
        return args

    def examples(self, inputs: Iterable[Args]) -> list[Example]:
        """Arguments, each with the right result and the one that was got; without those for which it raises."""
        found = []
        for args in inputs:
            with suppress(Exception):
                found.append((args, self.right(args), self.got(args)))
        return found


def check_function(
    fn: Callable[..., Any],
    reference: Callable[..., Any],
    inputs: Any,
    *,
    name: str | None = None,
    names: Sequence[str] | None = None,
    examples: Iterable[Sequence[Any]] = (),
    mistakes: Sequence[Mistake] = (),
    rtol: float = 1e-6,
    atol: float = 1e-8,
    draws: int = 40,
) -> None:
    """Raise CheckFailed, with the smallest input and the likely cause, unless fn returns what `reference` returns.

    inputs: a strategy for each argument, or one of tuples; a dict at the end holds settings.
    name: what messages call fn.  names: what they call its arguments; by default by fn's parameters.
    examples: arguments that are tried first.  mistakes: typical ones, to be recognised.
    draws: how many inputs are drawn, the same for all.
    rtol, atol: a number is right if it is off by at most atol + rtol * |right|.
    Results are compared by type, shape, dtype and number; everything that is not a number or an array, exactly.
    """
    __tracebackhide__ = True
    title = name or str(getattr(fn, "__name__", "the function"))
    labels = [n or f"argument {k}" for k, n in enumerate(names_of(fn, 8))] if names is None else list(names)
    answer = Answer(fn, reference, title, labels, mistakes, rtol, atol)
    raise_smallest(answer.check, answer.cause, inputs, examples, draws)


def check_property(
    check: Callable[..., Any], inputs: Any, *, examples: Iterable[Sequence[Any]] = (), draws: int = 40
) -> None:
    """Raise CheckFailed, with the smallest input, unless `check(*args)` raises it for none that is drawn.

    Of the causes that `check` gives for different inputs, the most frequent one is taken.
    """
    __tracebackhide__ = True

    def run(args: Args) -> None:
        if isinstance(check(*args), bool):
            raise CheckFailed("The check returned a bool; it must raise CheckFailed where it does not hold.")

    def most_frequent(found: Found) -> Cause:
        failures = {repr(args): failure for args, failure in found.seen}
        telling = [failures[repr(args)] for args in found.telling[:MAX_TELLING]]
        causes = Counter((failure.hint, failure.cause) for failure in telling if failure and failure.cause)
        return causes.most_common(1)[0][0] if causes else (None, None)

    raise_smallest(run, most_frequent, inputs, examples, draws)


def raise_smallest(
    check: Callable[[Args], None],
    cause_of: Callable[[Found], Cause],
    inputs: Any,
    examples: Iterable[Sequence[Any]],
    draws: int,
) -> None:
    """Raise what `check` raises for the smallest input, with its likely cause, if it raises for any."""
    __tracebackhide__ = True  # pytest shows the test and the message, not the checker
    found = smallest_failure(check, together(inputs), examples, draws)
    if found is None:
        return
    found.failure.only = right_only_for(found)
    with suppress(Ended):  # its time is over
        hint, cause = cause_of(found)
        if cause is not None:
            found.failure.hint, found.failure.cause = hint, cause
    raise found.failure.with_traceback(None) from None


# --- right or wrong --------------------------------------------------------------------------------------------


def _is_numeric(value: Any) -> bool:
    """Whether a value is a number, or an array or regular nested lists of numbers."""
    if isinstance(value, (bool, int, float, np.generic)):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiub"
    with suppress(ValueError):  # lists of different lengths
        return isinstance(value, list) and bool(value) and all(map(_is_numeric, value)) and np.ndim(value) > 0
    return False


def side_by_side(expected: Array, got: Array, wrong: Array) -> list[str]:
    """What was expected and what was got, the wrong elements marked."""
    if expected.ndim == 0 or expected.size == 1 or got.dtype == bool:
        return pair(expected, got)
    order = np.where(wrong, np.nan_to_num(np.abs(got - expected), nan=np.inf), -1.0)
    table = element_table({"expected": expected, "got": got}, np.where(wrong, "wrong", ""), order)
    return [line.removeprefix("    ") for line in table]


# --- likely causes --------------------------------------------------------------------------------------------

# hint, sentence, and what an answer with this mistake returns, from the arguments and the right result
Candidate: TypeAlias = tuple[str, str, Callable[[Args, Any], Any]]


def first_match(candidates: Iterable[Candidate], examples: Sequence[Example]) -> Cause:
    """The first mistake that explains what was got in all examples, and differs from what is right in one."""
    for hint, cause, mistaken in candidates:
        with suppress(Exception):  # a mistake that does not run for an input is not this one
            wrong = [mistaken(args, right) for args, right, _ in examples]
            fits = all(close(got, w) for (_, _, got), w in zip(examples, wrong, strict=True))
            if fits and any(not close(right, w) for (_, right, _), w in zip(examples, wrong, strict=True)):
                return hint, cause
    return None, None


def general_mistakes(examples: Sequence[Example]) -> Iterator[Candidate]:
    """Mistakes that any function can have. Numbers that they leave open are taken from the first example."""
    first, right, got = examples[0]
    yield *said("zero"), lambda args, e: 0 * e
    yield *said("wrong-sign"), lambda args, e: -e
    ratio = float((right * got).sum() / (right * right).sum()) if right.any() else 0.0
    yield *said("constant-factor", ratio=ratio), lambda args, e: ratio * e
    if len(examples) > 1 and got.size:
        offset = (got - right).ravel()[0]
        yield *said("constant-term", offset=offset), lambda args, e: e + offset
    yield *said("transposed.swapped"), lambda args, e: e.swapaxes(-1, -2)
    for k in range(len(first)):
        yield *said("unchanged", k=k), partial(lambda k, args, e: args[k], k)
    if len(examples) > 2:
        yield *said("hard-coded"), lambda args, e: got


def cause_of_values(examples: Sequence[Example]) -> Cause:
    """The first general cause that explains all examples, of numbers in the right shape."""
    if not all(np.isfinite(right).all() and not np.isfinite(got).all() for _, right, got in examples):
        return first_match(general_mistakes(examples), examples)
    if all(np.isnan(got).any() for _, _, got in examples):
        return said("not-finite")
    return said("overflow")


def cause_of_shape(expected: Array, got: Array) -> Cause:
    """Why the shape of a result differs."""
    a, b = expected.shape, got.shape
    if len(a) > 1 and b == a[::-1]:
        return said("transposed.reversed")
    if len(b) != len(a) and [n for n in b if n != 1] == [n for n in a if n != 1]:
        return said("axis-kept" if len(b) > len(a) else "axis-lost")
    if len(a) == len(b) and all(n in (k, 1) for n, k in zip(a, b, strict=True)):
        return said("keepdims.stretched")
    return said("shape.other" if len(a) == len(b) else "summed-too-far" if len(b) < len(a) else "not-reduced")


def close(a: Any, b: Any) -> bool:
    """Whether two results agree: arrays to six digits, tuples part by part, everything else exactly."""
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, (int, float, np.ndarray, np.generic)) and isinstance(b, (int, float, np.ndarray, np.generic)):
        return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, rtol=1e-6, atol=1e-8, equal_nan=True))
    return bool(type(a) is type(b) and a == b)


def _numbers(value: Any) -> Array:
    """An array of numbers; True counts as 1."""
    array = np.asarray(value)
    return array.astype(int) if array.dtype == bool else array


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.ndarray, np.generic)) and np.asarray(value).dtype.kind in "fiub"
