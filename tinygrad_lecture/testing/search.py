"""The search for an input on which an answer fails, made as small as it can be by Hypothesis."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import Flaky, HypothesisException
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.strategies import SearchStrategy

from .calls import last_printed, unexpected
from .failures import CheckFailed, of_kind

Args = tuple[Any, ...]
MAX_KEPT = 200  # examples that are remembered
MORE = 50  # examples that are drawn after a failure, to find its cause


@dataclass
class Found:
    """A failure on the smallest input, and what other inputs showed before.

    failure, args: on the smallest input.  failing, passing: arguments on which it failed in the same way, and did not.
    other: arguments on which it failed in another way.
    """

    failure: CheckFailed
    args: Args
    failing: list[Args] = field(default_factory=list)
    passing: list[Args] = field(default_factory=list)
    other: list[Args] = field(default_factory=list)

    @property
    def telling(self) -> list[Args]:
        """The failing arguments, those with the most numbers first: they tell one mistake from another."""
        different = {repr(args): args for args in [self.args, *self.failing]}
        return sorted(different.values(), key=size, reverse=True)


def smallest_failure(
    check: Callable[[Args], None],
    inputs: SearchStrategy[Args],
    *,
    examples: Iterable[Sequence[Any]] = (),
    draws: int = 60,
    seeded: int = 0,
) -> Found | None:
    """The failure of `check` on the smallest arguments that Hypothesis finds; None if it fails on none.

    check: raises CheckFailed for arguments on which the answer is wrong.
    examples: arguments that are tried first.  draws: how many are drawn.  seeded: the seed, so that all get the same.
    """
    seen: list[tuple[str | None, Args]] = []

    def attempt(args: Args) -> None:
        try:
            check(args)
        except CheckFailed as failure:
            failure.printed = failure.printed or last_printed[0]
            if len(seen) < MAX_KEPT:
                seen.append((failure.kind, args))
            raise of_kind(failure) from failure.__cause__
        except Exception as error:  # an answer of another form than the check expects
            raise of_kind(unexpected(error)) from error
        if len(seen) < MAX_KEPT:
            seen.append((None, args))

    found: tuple[CheckFailed, Args] | None = None

    def drawn(args: Args) -> None:
        nonlocal found
        try:
            attempt(args)
        except CheckFailed as failure:
            found = failure, args
            raise

    first: tuple[CheckFailed, Args] | None = None
    for example in examples:
        try:
            attempt(tuple(example))
        except CheckFailed as failure:
            first = failure, tuple(example)
            break
    try:
        with _quietly():
            _settings(draws)(seed(seeded)(given(inputs)(drawn)))()
    except CheckFailed:
        pass
    except (Flaky, BaseExceptionGroup, HypothesisException) as error:
        if found is None:
            raise
        return Found(_changing(found[0], error), found[1])
    chosen = found or first
    if chosen is None:
        return None
    worst, smallest = chosen

    def look(args: Args) -> None:
        with suppress(CheckFailed):
            attempt(args)

    seen = seen[: MAX_KEPT // 2]
    with _quietly():
        _settings(MORE)(seed(seeded + 1)(given(inputs)(look)))()  # to see on which other inputs it fails
    if worst.kind != "changed" and any(kind == "changed" for kind, _ in seen):
        return smallest_failure(_only_changed(check), inputs, examples=[a for k, a in seen if k == "changed"],
                                draws=draws, seeded=seeded)  # fmt: skip
    failing = [a for kind, a in seen if kind == worst.kind]
    other = [a for kind, a in seen if kind not in (None, worst.kind)]
    return Found(worst, smallest, failing, [a for kind, a in seen if kind is None], other)


def _only_changed(check: Callable[[Args], None]) -> Callable[[Args], None]:
    """The check for arguments that are changed in place alone: such an answer is wrong for other reasons as well."""

    def changed(args: Args) -> None:
        try:
            check(args)
        except CheckFailed as failure:
            if failure.kind == "changed":
                raise

    return changed


@contextmanager
def _quietly() -> Iterator[None]:
    """Context: no warnings, and draws that depend on the seed alone.

    Hypothesis also draws numbers that stand in the files of the project, which it reads for that and keeps in a folder
    `.hypothesis`. Then two learners would not get the same draws.
    """
    kept = getattr(HypothesisProvider, "_maybe_draw_constant", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if kept is not None:
                HypothesisProvider._maybe_draw_constant = _no_constant  # type: ignore[method-assign]
            yield
        finally:
            if kept is not None:
                HypothesisProvider._maybe_draw_constant = kept  # type: ignore[method-assign]


def _no_constant(*args: Any, **options: Any) -> None:
    return None


def _settings(draws: int) -> settings:
    return settings(
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


def _changing(failure: CheckFailed, error: BaseException) -> CheckFailed:
    return CheckFailed(
        "The answer is not the same every time: one input failed first and passed when it was tried again.",
        kind="not-deterministic",
        shown=[failure.what, *failure.shown],
        cause="the result depends on something else than the arguments: a global variable, a default argument that is "
        "a list, random numbers, or an array that an earlier call has changed",
        hint="state-outside",
    )


def size(args: Args) -> int:
    """How many numbers there are in the arguments, an axis counting a little."""
    return sum(10 * a.size + a.ndim if isinstance(a, np.ndarray) else _length(a) for a in args)


def _length(value: Any) -> int:
    if isinstance(value, (list, tuple, str)):
        return len(value) + sum(_length(v) for v in value if isinstance(value, (list, tuple)))
    return 0


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
        return a

    return tuple(moved(a) for a in args)
