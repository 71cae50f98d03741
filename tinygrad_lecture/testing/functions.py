"""`check_function`: does a function return what a reference returns?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..backend import Array
from ..gradient_checking.subject import names_of
from .calls import call, positional
from .causes.known import Mistake, known_mistake
from .causes.values import cause_of_shape, cause_of_values
from .comparing import require_equal
from .failures import CheckFailed, raise_alone
from .patterns import right_only_for
from .search import Args, Found, jittered, smallest_failure
from .strategies import together

MAX_TELLING = 20  # how many failing inputs a cause must explain


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
    seed: int = 0,
) -> None:
    """Raise CheckFailed, with the smallest input and the likely cause, unless fn returns what `reference` returns.

    inputs: a strategy for each argument, or one of tuples; a dict at the end holds settings.
    examples: arguments that are tried first.  mistakes: typical ones, to be recognised.
    Results are compared by type, shape, dtype and number; everything that is not a number or an array, exactly.
    """
    __tracebackhide__ = True  # pytest shows the test and the message, not the checker
    title = name or str(getattr(fn, "__name__", "the function"))
    labels = [n or "" for n in names_of(fn, 8)] if names is None else list(names)

    def right(args: Args) -> Any:
        plain, settings = positional(args)
        with np.errstate(all="ignore"):
            return reference(*plain, **settings)

    def check(args: Args) -> None:
        got = call(fn, args, title, labels)
        require_equal(title, got, right(args), args, labels, rtol=rtol, atol=atol)

    found = smallest_failure(check, together(inputs), examples=examples, draws=draws, seeded=seed)
    if found is not None:
        raise_alone(explained(found, check, lambda args: call(fn, args), right, mistakes))


def check_property(
    check: Callable[..., Any],
    inputs: Any,
    *,
    examples: Iterable[Sequence[Any]] = (),
    draws: int = 40,
    seed: int = 0,
) -> None:
    """Raise CheckFailed, with the smallest input, unless `check(*args)` raises it for none that is drawn.

    Of the causes that `check` gives for different inputs, the most frequent one is taken.
    """
    __tracebackhide__ = True
    returned: list[bool] = []

    def run(args: Args) -> None:
        returned.append(isinstance(check(*args), bool))

    found = smallest_failure(run, together(inputs), examples=examples, draws=draws, seeded=seed)
    if any(returned):
        raise TypeError("check_property: the check returned a bool; it must raise CheckFailed where it does not hold")
    if found is None:
        return
    found.failure.only = right_only_for(found)
    causes = Counter(cause for args in found.telling[:MAX_TELLING] if (cause := _cause_for(check, args, found)))
    if causes:
        found.failure.cause, found.failure.hint = causes.most_common(1)[0][0]
    raise_alone(found.failure)


def _cause_for(check: Callable[..., None], args: Args, found: Found) -> tuple[str, str | None] | None:
    """The cause that a check gives for other arguments, if it is a failure of the same kind."""
    try:
        check(*args)
    except CheckFailed as failure:
        if failure.cause is not None and failure.kind == found.failure.kind:
            return failure.cause, failure.hint
    except Exception:  # the answer has another form than the check expects
        return None
    return None


def explained(
    found: Found,
    check: Callable[[Args], None],
    got: Callable[[Args], Any],
    right: Callable[[Args], Any],
    mistakes: Sequence[Mistake],
) -> CheckFailed:
    """The failure with its likely cause, found from larger inputs too."""
    failure = found.failure
    failure.only = right_only_for(found)
    if failure.hint in ("nothing", "unfinished", "input-modified", "dtype", "type", "parts"):
        return failure
    telling = telling_inputs(found, check)
    mistake = known_mistake(mistakes, got, right, [*telling, *found.passing[:5]])
    if mistake is not None:
        failure.hint, failure.cause = mistake.hint, mistake.cause
    elif failure.cause is None and failure.kind.startswith("shape"):
        causes = (cause_of_shape(np.asarray(right(args)), np.asarray(got(args))) for args in telling)
        failure.hint, failure.cause = next((c for c in causes if c), (failure.hint, failure.cause))
    elif failure.cause is None and failure.kind != "raises":
        triples = [(args, right(args), got(args)) for args in telling]
        numeric = [(a, _numbers(e), _numbers(g)) for a, e, g in triples if _numeric(e) and _numeric(g)]
        if numeric and len(numeric) == len(triples):
            failure.hint, failure.cause = cause_of_values(numeric) or (failure.hint, failure.cause)
    return failure


def telling_inputs(found: Found, check: Callable[[Args], None], zeros: bool = False) -> list[Args]:
    """Failing arguments, the largest first, each with numbers that differ, if it fails with these too.

    zeros: whether zeros are replaced too.
    """
    chosen = []
    for args in found.telling[:MAX_TELLING]:
        moved = jittered(args, zeros)
        try:
            check(moved)
        except CheckFailed as failure:
            chosen.append(moved if failure.kind == found.failure.kind else args)
        else:
            chosen.append(args)
    return chosen


def _numbers(value: Any) -> Array:
    """An array of numbers; True counts as 1."""
    array = np.asarray(value)
    return array.astype(int) if array.dtype == bool else array


def _numeric(value: Any) -> bool:
    return isinstance(value, (int, float, np.ndarray, np.generic)) and np.asarray(value).dtype.kind in "fiub"
