"""Inputs as Hypothesis strategies, and the search for one on which an answer fails, made as small as it can be.

    arrays()                        a float64 array of up to 3 axes; shrinks to array(0.)
    arrays((2, st.integers(1, 3)))  a shape may have strategies for sizes
    broadcastable(2)                two arrays whose shapes broadcast
    matrices("nk", "km")            arrays that share sizes: one letter an axis

Numbers are multiples of a quarter, so that a small failing input is read at a glance. Then what the inputs have in
common on which an answer is right: "square matrices only", "positive numbers only".
"""

# Without `from __future__ import annotations`: Hypothesis builds types from the annotations of composite strategies.
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings, strategies as st
from hypothesis.errors import Flaky, HypothesisException, Unsatisfiable
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.strategies import SearchStrategy

from ..backend import Shape
from .failures import CheckFailed, because, failure_of, last_printed
from .sandbox import Ended

__all__ = ["arrays", "broadcastable", "indices", "matrices", "numbers", "same_shape", "shapes", "with_axis"]

Args = tuple[Any, ...]
drawn_from = ContextVar("drawn_from", default=0)  # the seed of what is drawn: for learners always the same
MORE = 50  # inputs that are drawn after a failure, to find its cause


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 1, max_side: int = 3) -> SearchStrategy[Shape]:
    """Shapes: tuples of sizes."""
    return st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims).map(tuple)


@cache
def numbers(low: float = -3, high: float = 3, zero: bool = True) -> SearchStrategy[float]:
    """Multiples of a quarter between low and high; whole, small and positive ones are the simplest."""
    quarters = [n / 4 for n in range(round(4 * low), round(4 * high) + 1) if n or zero]
    return st.sampled_from(sorted(quarters, key=lambda x: (x != round(x), abs(x), x < 0)))


@st.composite
def arrays(draw: st.DrawFn, shape: Any = None, low: float = -3, high: float = 3, zero: bool = True) -> Any:
    """Arrays of a shape (sizes, or strategies for sizes; by default any shape), with numbers between low and high.

    zero=False leaves 0 out, where functions such as relu have no derivative.
    """
    shape = shapes() if shape is None else shape
    if isinstance(shape, SearchStrategy):
        shape = draw(shape)
    sizes = tuple(draw(n) if isinstance(n, SearchStrategy) else n for n in np.atleast_1d(np.array(shape, dtype=object)))
    count = int(np.prod(sizes))
    values = draw(st.lists(numbers(low, high, zero), min_size=count, max_size=count))
    return np.array(values, dtype=np.float64).reshape(sizes)


@st.composite
def same_shape(draw: st.DrawFn, /, count: int = 2, max_dims: int = 2, **options: Any) -> Any:
    """Tuples of arrays of one shape."""
    shape = draw(shapes(max_dims=max_dims))
    return tuple(draw(arrays(shape, **options)) for _ in range(count))


@st.composite
def broadcastable(draw: st.DrawFn, /, count: int = 2, max_dims: int = 3, **options: Any) -> Any:
    """Tuples of arrays whose shapes broadcast: some lack leading axes, some have size 1 where others have more."""
    full = draw(shapes(max_dims=max_dims))
    found = []
    for _ in range(count):
        kept = draw(st.integers(0, len(full)))
        shape = [1 if draw(st.booleans()) else n for n in full[len(full) - kept :]]
        found.append(draw(arrays(tuple(shape), **options)))
    return tuple(found)


@st.composite
def matrices(draw: st.DrawFn, /, *letters: str, max_side: int = 3, **options: Any) -> Any:
    """Tuples of arrays whose axes are named by letters: `matrices("nk", "km")` for a matrix product.

    The same letter has the same size everywhere; a letter in capitals has a size of at least 2.
    """
    if not letters:
        raise TypeError('matrices: name the axes of each array by letters, as matrices("nk", "km")')
    sizes: dict[str, int] = {}
    for letter in "".join(letters):
        if letter not in sizes:
            sizes[letter] = draw(st.integers(2 if letter.isupper() else 1, max_side))
    return tuple(draw(arrays(tuple(sizes[c] for c in name), **options)) for name in letters)


@st.composite
def indices(draw: st.DrawFn, size: int, shape: Any = None) -> Any:
    """Arrays of whole numbers from 0 to size - 1, with repeats."""
    shape = draw(shapes(min_dims=1, max_dims=2)) if shape is None else shape
    count = int(np.prod(shape))
    values = draw(st.lists(st.integers(0, size - 1), min_size=count, max_size=count))
    return np.array(values, dtype=np.int64).reshape(shape)


@st.composite
def with_axis(draw: st.DrawFn, /) -> Any:
    """An array and the setting `axis`, from 0 or from the end, or None."""
    x = draw(arrays(shapes(min_dims=1)))
    return x, {"axis": draw(st.sampled_from([*range(-x.ndim, x.ndim), None]))}


def together(inputs: Any) -> SearchStrategy[Any]:
    """One strategy of tuples of arguments, from that or from a strategy for each argument."""
    drawn: SearchStrategy[Any] = st.tuples(*inputs) if isinstance(inputs, Sequence) else inputs
    return drawn.map(lambda args: args if isinstance(args, tuple) else (args,))


# --- the smallest failing input --------------------------------------------------------------------------------


@dataclass
class Found:
    """A failure on the smallest input.

    seen: all inputs that were tried, each with its failure, or None.
    """

    failure: CheckFailed
    args: Args
    seen: Sequence[tuple[Args, CheckFailed | None]] = ()

    @property
    def passing(self) -> list[Args]:
        """The arguments on which the answer is right."""
        return [args for args, failure in self.seen if failure is None]

    @property
    def others(self) -> list[Args]:
        """The arguments on which it is right, or fails in another way."""
        return [args for args, failure in self.seen if failure is None or failure.kind != self.failure.kind]

    @cached_property
    def telling(self) -> list[Args]:
        """Arguments that fail in this way, those with the most numbers first: they tell one mistake from another."""
        failing = [args for args, failure in self.seen if failure is not None and failure.kind == self.failure.kind]
        different = {_key(args): args for args in [self.args, *failing]}
        return sorted(different.values(), key=size, reverse=True)


def _key(args: Args) -> Any:
    """What tells arguments apart; faster than their text."""
    return tuple((a.dtype, a.shape, a.tobytes()) if isinstance(a, np.ndarray) else repr(a) for a in args)


class _Fails(Exception):
    """An input fails as the one that is made smaller."""


def smallest_failure(
    check: Callable[[Args], None], inputs: SearchStrategy[Args], examples: Iterable[Sequence[Any]] = (), draws: int = 40
) -> Found | None:
    """The failure of `check` on the smallest arguments that Hypothesis finds; None if it fails on none.

    check: raises CheckFailed for arguments on which the answer is wrong.
    examples: arguments that are tried first.  draws: how many are drawn.
    """
    seen: list[tuple[Args, CheckFailed | None]] = []

    def attempt(args: Args, stop: str = "") -> None:
        """Try arguments. Raise _Fails if they fail in the way at which to stop: of this kind, or in "any"."""
        failure = None
        try:
            check(args)
        except Exception as error:
            failure = failure_of(error)
            failure.printed = failure.printed or last_printed[0]
        seen.append((args, failure))
        if failure is not None and stop in ("any", failure.kind):
            raise _Fails

    def failures() -> list[tuple[Args, CheckFailed]]:
        return [(args, failure) for args, failure in seen if failure is not None]

    def smallest(kind: str) -> tuple[Args, CheckFailed] | None:
        """The smallest drawn input that fails in this way; None if no input does."""
        try:
            _draw(lambda args: attempt(args, kind), inputs, draws)
        except _Fails:  # the last one is the smallest
            return failures()[-1]
        return None

    try:
        for example in examples:
            attempt(tuple(example))
        found = smallest("any") or next(iter(failures()), None)  # it may be an example's
        if found is None:
            return None
        first = len(seen)
        tried: set[Any] = set()

        def draw_all(data: st.DataObject) -> None:
            """All inputs in one example, which is fast. The first example has the simplest input again and again."""
            drawn = set()
            for number in range(MORE):
                args = data.draw(inputs)
                drawn.add(_key(args))
                if number == 2 and len(drawn) == 1:
                    return
                if len(tried) <= MORE and _key(args) not in tried:
                    tried.add(_key(args))
                    attempt(args)

        with suppress(Unsatisfiable):  # filtered inputs: no example may have as many, but those drawn were tried
            _draw(draw_all, st.data(), 2)
        if any(failure.kind == "changed" for _, failure in failures()):  # such an answer is wrong otherwise too
            found = smallest("changed") or found
        args, worst = found
        seen = seen[first:] + seen[:first]  # what was made smaller tells the least
    except (Flaky, BaseExceptionGroup, HypothesisException):
        args, worst = failures()[0]
        what = "The answer is not the same every time: one input failed first and passed when it was tried again."
        shown = [worst.what, *worst.shown]
        worst = CheckFailed(what, kind="not-deterministic", shown=shown, **because("state-outside"))
        seen = []
    except Ended:  # its time is over, but what was found before says more
        if not failures():
            raise
        args, worst = min(failures(), key=lambda pair: size(pair[0]))
    return Found(worst, args, seen)


def _draw(run: Callable[[Any], None], inputs: SearchStrategy[Any], draws: int) -> None:
    """Let Hypothesis run a function, and make the arguments smaller with which it raises. All get the same draws.

    Hypothesis also draws numbers that stand in the files of the project, which it reads for that and keeps in a folder
    `.hypothesis`. Then two learners would not get the same draws.
    """
    chosen = settings(
        max_examples=draws,
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )

    no_constants = mock.patch.object(HypothesisProvider, "_maybe_draw_constant", return_value=None, create=True)
    with warnings.catch_warnings(action="ignore"), no_constants:
        chosen(seed(drawn_from.get())(given(inputs)(run)))()


def size(args: Any) -> int:
    """How many numbers there are in the arguments, an axis counting a little."""
    if isinstance(args, np.ndarray):
        return 10 * args.size + args.ndim
    if isinstance(args, str):
        return len(args)
    if isinstance(args, dict):
        return size(list(args.values()))
    return len(args) + sum(map(size, args)) if isinstance(args, (list, tuple)) else 0


def jittered(args: Args, zeros: bool = False) -> Args:
    """The same arguments with numbers a little larger, all different: no two mistakes give the same result.

    zeros: whether zeros become larger too, except in arrays of 0 and 1 alone, as masks are.
    """
    rng = np.random.default_rng(7)

    def moved(a: Any) -> Any:
        if isinstance(a, np.ndarray) and a.dtype.kind == "f":
            larger = a * (1 + 0.1 * rng.random(a.shape)) + np.sign(a) * 0.05 * rng.random(a.shape)
            move = zeros and not (a.any() and np.isin(a, (0, 1)).all())
            return np.where((a == 0) & move, 0.1 + 0.2 * rng.random(a.shape), larger)
        return {name: moved(value) for name, value in a.items()} if isinstance(a, dict) else a

    return tuple(map(moved, args))


# --- what the inputs have in common on which an answer is right ---------------------------------------------

Arrays = Sequence[np.ndarray]
FEATURES: list[tuple[str, str, Callable[[Arrays], bool]]] = [  # what is true, of arrays with these kinds of dtype
    ("0-d inputs", "fi", lambda arrays: all(a.ndim == 0 for a in arrays)),
    ("inputs with one element", "fi", lambda arrays: all(a.size == 1 for a in arrays)),
    ("square matrices", "f", lambda arrays: all(a.ndim < 2 or a.shape[-1] == a.shape[-2] for a in arrays)),
    ("inputs of one shape, where nothing is broadcast", "f", lambda arrays: len({a.shape for a in arrays}) <= 1),
    ("a batch of one", "fi", lambda arrays: all(a.ndim == 0 or a.shape[0] == 1 for a in arrays)),
    ("positive numbers", "f", lambda arrays: all((a > 0).all() for a in arrays)),
    ("numbers that are not negative", "f", lambda arrays: all((a >= 0).all() for a in arrays)),
    ("numbers other than 0", "f", lambda arrays: all((a != 0).all() for a in arrays)),
    ("inputs without repeats", "fi", lambda arrays: all(np.unique(a).size == a.size for a in arrays)),
]


def right_only_for(found: Found, enough: int = 3) -> str | None:
    """What all inputs have in common on which the answer is right, and none on which it fails; or None."""
    failing = [found.args, *(args for args, failure in found.seen if failure is not None)]
    if len(found.passing) < enough:
        return None
    for name, kinds, has in FEATURES:

        def holds(args: Args, kinds: str = kinds, has: Callable[[Arrays], bool] = has) -> bool:
            return has([a for a in args if isinstance(a, np.ndarray) and a.dtype.kind in kinds])

        if all(map(holds, found.passing)) and not any(map(holds, failing)):
            return name
    return None
