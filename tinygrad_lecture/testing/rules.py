"""`check_rule`: is a backward rule right? On the smallest input that shows that it is not, and why.

def cube(x):
    return x * x * x

def cube_rule(g, x):                            # the upstream gradient, then the inputs of the function
    return g * 3 * x

check_rule(cube, cube_rule, [arrays()])         # CheckFailed: ... a factor is missing; multiply by x
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ..backend import Array
from ..creation import tensor
from ..gradient_checking.check import gradcheck
from ..gradient_checking.hints.case import sum_to_shape
from ..gradient_checking.report import GradcheckError
from ..gradient_checking.subject import names_of
from .as_op import as_op, from_function, is_function_class
from .calls import call, positional
from .causes.known import Mistake, close, known_mistake
from .causes.values import cause_of_shape
from .comparing import require_equal
from .failures import CheckFailed, raise_alone
from .functions import check_function, telling_inputs
from .numerical import numerical_gradients
from .patterns import right_only_for
from .search import Args, Found, size, smallest_failure
from .strategies import arrays, together

MAX_DIAGNOSED = 5  # on how many inputs the cause is looked for; the most frequent one is named
VAGUE = {"region", "nearly-right", "wrong-outputs", "wrong-mask"}  # causes that say where, not why
EVERYWHERE = {"zero", "constant-factor"}  # causes that explain nothing unless they hold for each input
IMPURE = {
    "upstream-modified", "input-modified", "output-modified", "state-outside", "not-repeatable", "array-kept",
    "not-linear", "needs",
}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """A function and its rule. Examples are tuples: the arguments of the function, then the upstream gradient."""

    forward: Callable[..., Any]
    rule: Callable[..., Any]
    name: str
    names: list[str]
    reference: Callable[..., Any] | None

    def split(self, args: Args) -> tuple[tuple[Any, ...], dict[str, Any], Array]:
        plain, settings = positional(args[:-1])
        return plain, settings, args[-1]

    def floats(self, plain: Sequence[Any]) -> list[int]:
        """The positions of the arguments that have gradients."""
        return [k for k, a in enumerate(plain) if isinstance(a, np.ndarray) and a.dtype.kind == "f"]

    def expected(self, args: Args) -> tuple[list[Array], list[Array]]:
        """The right gradients, and masks of elements that have none."""
        plain, settings, g = self.split(args)
        which = self.floats(plain)
        if self.reference is not None:
            with np.errstate(all="ignore"):
                right = self.reference(g, *plain, **settings)
            gradients = list(right) if isinstance(right, tuple) else [right]
            return gradients, [np.zeros(np.shape(x), dtype=bool) for x in gradients]
        pairs = numerical_gradients(self.forward, plain, settings, g, which)
        return [p[0] for p in pairs], [p[1] for p in pairs]

    def got(self, args: Args) -> list[Any]:
        """The gradients that the rule returns, one for each argument that has one."""
        plain, settings, g = self.split(args)
        which = self.floats(plain)
        shown = (g, *plain, settings) if settings else (g, *plain)
        result = call(self.rule, shown, self.name, ["g", *self.names])
        if len(which) == 1:
            return [result[0] if isinstance(result, tuple) and len(result) == 1 else result]
        if not isinstance(result, tuple) or len(result) != len(which):
            names = " and ".join(self.names[k] for k in which)
            one = "nothing" if result is None else f"one value, of type {type(result).__name__}"
            kind = f"{len(result)} values" if isinstance(result, tuple) else one
            raise CheckFailed(
                f"{self.name} must return the gradients of {names}, but returns {kind}.",
                kind="parts",
                cause=f"write `return gradient_of_{self.names[which[0]]}, ...`, one for each input, in a tuple",
                hint="parts",
            )
        return list(result)

    def check(self, args: Args) -> None:
        """Raise CheckFailed if the rule returns something else than the right gradients."""
        plain, settings, g = self.split(args)
        got = self.got(args)
        expected, kinks = self.expected(args)
        shown = (*plain, settings, g) if settings else (*plain, g)
        for k, one, right, mask in zip(self.floats(plain), got, expected, kinks, strict=True):
            compared = np.asarray(one)
            if mask.any() and compared.shape == right.shape and compared.dtype.kind == "f":
                right = np.where(mask, compared, right)
            _require(self, k, one, right, shown)


def check_rule(
    forward: Any,
    rule: Any,
    inputs: Any,
    *,
    reference: Callable[..., Any] | None = None,
    name: str | None = None,
    names: Sequence[str] | None = None,
    examples: Sequence[Sequence[Any]] = (),
    mistakes: Sequence[Mistake] = (),
    draws: int = 40,
    seed: int = 0,
) -> None:
    """Raise CheckFailed, with the smallest input and the likely cause, unless a backward rule is right.

    forward: the right function, of NumPy arrays.
    rule: a function of the upstream gradient g and all arguments of `forward`. It returns the gradient of the argument
    that is an array of floats or, if there are several, a tuple of theirs, each in the shape of its argument. Or a
    class with static methods `forward(ctx, ...)` and `backward(ctx, g)`, as PyTorch's `autograd.Function`: its forward
    must return what `forward` does. With such a class in place of `forward`, and None for the rule, its backward is
    compared with its own forward.
    inputs: a strategy for each argument, or one of tuples; a dict at the end holds settings.
    reference: a right rule. By default gradients are compared with central differences; elements without a derivative
    are left out.
    """
    __tracebackhide__ = True  # pytest shows the test and the message, not the checker
    if rule is None:
        forward, rule, given = from_function(forward)
        name, names = name or given, names or names_after_ctx(forward)
    elif is_function_class(rule):
        own, rule, given = from_function(rule)
        check_function(own, forward, inputs, name=given.replace(".backward", ".forward"), names=names_after_ctx(own),
                       examples=examples, rtol=1e-5, draws=draws, seed=seed)  # fmt: skip
        name, names = name or given, names or names_after_ctx(own)
    labels = [n or f"input {k}" for k, n in enumerate(names_of(rule, 9)[1:] if names is None else names)]
    subject = Rule(forward, rule, name or str(getattr(rule, "__name__", "the rule")), labels, reference)
    right: list[Args] = []

    def check(args: Args) -> None:
        subject.check(args)
        right.append(args)

    found = smallest_failure(
        check,
        _with_upstream(together(inputs), forward),
        examples=[_given_upstream(tuple(example), forward) for example in examples],
        draws=draws,
        seeded=seed,
    )
    if found is not None:
        raise_alone(_explained(subject, found, mistakes))
    _require_pure(subject, right)


def names_after_ctx(forward: Callable[..., Any]) -> list[str]:
    """The names of the arguments of a `forward`, without ctx."""
    return list(getattr(forward, "names", []))


# --- the parts ----------------------------------------------------------------------------------------------


def _with_upstream(inputs: st.SearchStrategy[Args], forward: Callable[..., Any]) -> st.SearchStrategy[Args]:
    """The arguments and an upstream gradient of the shape of the result."""

    @st.composite
    def draw_both(draw: st.DrawFn) -> Args:
        args = draw(inputs)
        return (*args, draw(arrays(_shape_of_result(forward, args), low=-2, high=2, zero=False)))

    return draw_both()


def _given_upstream(args: Args, forward: Callable[..., Any]) -> Args:
    shape = _shape_of_result(forward, args)
    return (*args, np.random.default_rng(len(shape)).uniform(0.5, 1.5, shape))


def _shape_of_result(forward: Callable[..., Any], args: Args) -> tuple[int, ...]:
    plain, settings = positional(args)
    with np.errstate(all="ignore"):
        return np.shape(forward(*[np.array(a) if isinstance(a, np.ndarray) else a for a in plain], **settings))


def _require(subject: Rule, k: int, got: Any, right: Array, shown: Args) -> None:
    plain = [n for n, a in enumerate(positional(shown[:-1])[0])]
    labels = [*(subject.names[n] for n in plain), "upstream g"]
    settings = positional(shown[:-1])[1]
    args = (*positional(shown[:-1])[0], shown[-1], settings) if settings else shown
    what = f"gradient of {subject.names[k]}"
    require_equal(subject.name, got, right, args, labels, rtol=1e-5, atol=1e-6, what=what)


def _explained(subject: Rule, found: Found, mistakes: Sequence[Mistake]) -> CheckFailed:
    """The failure with its likely cause: a known mistake or, from gradcheck, a general one."""
    failure = found.failure
    failure.only = right_only_for(found, ignored=1)
    if failure.hint != "unfinished" and all(_ignores_upstream(subject, args) for args in found.telling[:MAX_DIAGNOSED]):
        failure.hint = "upstream-ignored"
        failure.cause = "the rule ignores the upstream gradient g: it returns the same for every g; multiply by g"
        return failure
    if failure.hint in ("unfinished", "nothing", "dtype", "whole-numbers", "parts", "type"):
        return failure
    if failure.hint == "input-modified" and "argument g" in failure.what:
        failure.hint = "upstream-modified"
        failure.cause = "other rules use g too; write g = g * ... instead of g *= ..., and copy before you assign"
        return failure
    if failure.hint == "input-modified":
        return failure
    telling = telling_inputs(found, subject.check, zeros=True)

    def got(args: Args) -> Any:
        result = tuple(subject.got(args))
        return result[0] if len(result) == 1 else result

    def right(args: Args) -> Any:
        result = tuple(subject.expected(args)[0])
        return result[0] if len(result) == 1 else result

    examples = [Mistake(m.hint, m.cause, _of_example(subject, m.fn)) for m in mistakes]
    mistake = known_mistake(examples, got, right, telling)
    if mistake is not None:
        failure.hint, failure.cause = mistake.hint, mistake.cause
        return failure
    if failure.kind.startswith("shape") and (asked := _asks_whole_array(subject, found.other)) is not None:
        failure.hint, failure.cause = asked.hint, asked.cause
        return failure
    if failure.kind.startswith("shape") and np.ndim(subject.got(found.args)[0]) == 0:
        failure.cause = "a single number is returned; multiply by g, so that there is one for each element"
        return failure
    stretched = failure.kind.startswith("shape") and all(_is_stretched(subject, args) for args in telling)
    if stretched:
        failure.hint, failure.cause = "broadcast-axes", _sum_missing(subject, found.args)
    elif failure.kind.startswith("shape") and all(_exchanges_shapes(subject, args) for args in telling):
        names = [subject.names[k] for k in subject.floats(positional(found.args[:-1])[0])]
        failure.hint = "swapped"
        failure.cause = (
            f"the gradient of {names[0]} has the shape of {names[1]}, and that of {names[1]} the shape of {names[0]}: "
            "are the two gradients, or the shapes that they are made of, swapped?"
        )
    elif failure.hint == "shapes" and "matrix product" in str(failure.cause):
        raised = [_gradcheck(subject, args) for args in telling[:MAX_DIAGNOSED]]
        remedies = {e.hint_text.partition(":")[0] for e in raised if e and e.hint == "transposed" and e.hint_text}
        if len(remedies) == 1:  # which array, or which .T, it is
            failure.hint, failure.cause = "transposed", remedies.pop()
    elif failure.cause is None or failure.kind.startswith("shape"):
        errors = [_gradcheck(subject, args) for args in telling[:MAX_DIAGNOSED]]
        causes = [(e.hint, e.hint_text) for e in errors if e is not None and e.hint_text is not None]
        if failure.kind.startswith("shape"):  # then what is said of numbers does not hold
            shown = _gradcheck(subject, found.args)
            refused = [e for e in (shown, *errors) if e is not None and e.got_array is None and e.hint_text]
            agree = len(refused) > len(errors) and len({e.hint for e in refused}) == 1
            as_output = any(np.shape(got) == found.args[-1].shape for _, _, got in _stretched(subject, found.args))
            causes = [(e.hint, e.hint_text) for e in refused if e.hint_text and e.hint != "broadcast-axes"]
            causes = [cause for cause in causes if agree or (as_output and cause[0] == "not-spread")]
        causes = [cause for cause in causes if cause[0] not in VAGUE] or causes
        everywhere = EVERYWHERE | ({"formula"} if _settings_differ(subject, telling) else set())  # as 2 * x for x ** n
        named = {hint for hint, _ in causes} | {None for e in errors if e is not None and e.hint_text is None}
        causes = [cause for cause in causes if cause[0] not in everywhere or named == {cause[0]}]
        counts = Counter(hint for hint, _ in causes)
        if counts:
            chosen = counts.most_common(1)[0][0]
            sentences = Counter(cause for cause in causes if cause[0] == chosen)
            failure.hint, failure.cause = sentences.most_common(1)[0][0]
        if failure.cause is None and failure.kind.startswith("shape"):
            pairs = zip(subject.expected(found.args)[0], subject.got(found.args), strict=True)
            shapes = (cause_of_shape(e, np.asarray(g)) for e, g in pairs if e.shape != np.shape(g))
            failure.hint, failure.cause = next((c for c in shapes if c), (failure.hint, None))
        elif failure.hint in {None, "partly-zero", *VAGUE} and not all(_is_odd(subject, args) for args in telling):
            failure.hint = "not-linear"
            failure.cause = "for -g the rule does not return minus as much: g is cut off, or a mask is made from it"
    return failure


def _stretched(subject: Rule, args: Args) -> list[tuple[str, Array, Array]]:
    """The gradients of another shape than their inputs: the input's name, the right gradient, and the returned one."""
    plain, _, _ = subject.split(args)
    names = [subject.names[k] for k in subject.floats(plain)]
    parts = zip(names, subject.expected(args)[0], map(np.asarray, subject.got(args)), strict=True)
    return [(name, right, got) for name, right, got in parts if right.shape != got.shape]


def _is_stretched(subject: Rule, args: Args) -> bool:
    """Whether a sum over the axes of broadcasting makes the gradients of another shape right."""
    try:
        return all(close(sum_to_shape(got, right.shape), right) for _, right, got in _stretched(subject, args))
    except (CheckFailed, TypeError, ValueError):  # no gradients, or of shapes that do not come from broadcasting
        return False


def _settings_differ(subject: Rule, examples: Sequence[Args]) -> bool:
    return len({repr(subject.split(args)[1]) for args in examples}) > 1


def _asks_whole_array(subject: Rule, others: Sequence[Args]) -> CheckFailed | None:
    """The failure of a rule that has an `if` on an array, for which it shows only if there are several elements."""
    for args in others:
        try:
            subject.got(args)
        except CheckFailed as failure:
            if failure.hint == "array-truth":
                return failure
    return None


def _exchanges_shapes(subject: Rule, args: Args) -> bool:
    """Whether each of two gradients has the shape of the other input."""
    try:
        got, right = [np.shape(a) for a in subject.got(args)], [a.shape for a in subject.expected(args)[0]]
    except (CheckFailed, TypeError, ValueError):
        return False
    return len(got) == 2 and got == right[::-1] != right


def _sum_missing(subject: Rule, args: Args) -> str:
    """The cause for gradients that lack a sum over the axes of broadcasting."""
    name, right, got = _stretched(subject, args)[0]
    return f"{name} was broadcast from {right.shape} to {got.shape}; sum over the broadcast axes"


def _ignores_upstream(subject: Rule, args: Args) -> bool:
    """Whether the rule returns the same, which is finite and not 0, for g, 2 g and -g."""
    try:
        first, *others = [subject.got((*args[:-1], factor * args[-1])) for factor in (1, 2, -1)]
        return all(close(first, other) for other in others) and all(np.isfinite(p).all() and np.any(p) for p in first)
    except (CheckFailed, TypeError):
        return False


def _is_odd(subject: Rule, args: Args) -> bool:
    """Whether the rule returns minus as much for -g."""
    try:
        pairs = zip(subject.got(args), subject.got((*args[:-1], -args[-1])), strict=True)
        return all(np.shape(a) == np.shape(b) and np.allclose(a, -np.asarray(b)) for a, b in pairs)
    except (CheckFailed, TypeError):
        return True


def _of_example(subject: Rule, fn: Callable[..., Any]) -> Callable[..., Any]:
    """A mistaken rule as a function of an example."""

    def mistaken(*args: Any) -> Any:
        plain, settings, g = subject.split(args)
        return fn(g, *plain, **settings)

    return mistaken


def _gradcheck(subject: Rule, args: Args) -> GradcheckError | None:
    """The error of `tl.gradcheck` for the rule as an op, or None."""
    plain, settings, _ = subject.split(args)
    which = subject.floats(plain)
    op = as_op(subject.forward, subject.rule, plain, settings, which, subject.names, subject.name)
    try:
        gradcheck(op, [tensor(plain[k]) for k in which], strict_shapes=True)
    except GradcheckError as error:
        return error
    except Exception:  # the inputs cannot be checked in this way
        return None
    return None


def _require_pure(subject: Rule, right: Sequence[Args]) -> None:
    """Raise CheckFailed if a rule that is right for these examples keeps state, or is not linear in g."""
    __tracebackhide__ = True
    for args in sorted(right, key=size, reverse=True)[:2]:
        error = _gradcheck(subject, args)
        if error is not None and error.hint in IMPURE:
            raise CheckFailed(
                f"{subject.name} gives the right gradient, but not always.",
                kind="impure",
                cause=str(error).split("\n")[0].removeprefix("gradcheck: "),
                hint=error.hint,
            )
