"""`CheckFailed`: what is wrong with an answer, on which input, and why, in words a learner reads once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn


def raise_alone(failure: CheckFailed) -> NoReturn:
    """Raise a failure without the frames and exceptions from which it came: its message has what there is to say."""
    __tracebackhide__ = True  # for pytest
    raise failure.with_traceback(None) from None


class CheckFailed(AssertionError):
    """An answer is wrong. The message is for people, the fields are for programs.

    what: the first sentence: what is wrong.  shown: lines with the input, what was expected and what was got.
    cause: the likely cause, a sentence, or None.  hint: a short name of the cause, as "swapped", or None.
    kind: what differs: "value", "shape", "dtype", "raises", "unfinished", "changed", "gradient of x", ...
    only: "square matrices" if the answer is right for these alone, or None.
    printed: what the answer printed for this input.
    """

    def __init__(
        self,
        what: str,
        *,
        kind: str = "value",
        shown: Sequence[str] = (),
        cause: str | None = None,
        hint: str | None = None,
        only: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what, self.kind, self.shown, self.cause, self.hint, self.only = what, kind, list(shown), cause, hint, only
        self.printed = ""

    def __str__(self) -> str:
        lines = [self.what, *(f"    {line}" for line in self.shown)]
        if self.only:
            lines.append(f"  It is right for {self.only} only.")
        if self.cause:
            lines.append(f"  likely cause: {self.cause}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return {name: getattr(self, name) for name in ("what", "kind", "shown", "cause", "hint", "only", "printed")}


def missing_name(name: str, module: str) -> CheckFailed:
    """The failure for a function, or whatever a check asks for, that is not in a file any more."""
    return CheckFailed(
        f"There is no `{name}` in {module.replace('.', '/')}.py.",
        kind="missing-name",
        cause=f"it is called by this name, so `{name}` must stay in the file as it was given",
        hint="missing-name",
    )


_KINDS: dict[str, type[CheckFailed]] = {}


def of_kind(failure: CheckFailed) -> CheckFailed:
    """The same failure, of a class of its kind: Hypothesis makes an input smaller while the class stays the same."""
    cls = _KINDS.setdefault(failure.kind, type("CheckFailed", (CheckFailed,), {"__module__": __name__}))
    failure.__class__ = cls
    return failure
