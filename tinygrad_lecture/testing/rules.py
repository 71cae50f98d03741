"""`check_rule`: is a backward rule right? On the smallest input that shows that it is not, and why.

    def cube(x):
        return x * x * x

    def cube_rule(g, x):                            # the upstream gradient, then the inputs of the function
        return g * 3 * x

    check_rule(cube, cube_rule, [arrays()])         # CheckFailed: ... a factor is missing; multiply by x

A rule is right if it returns what central differences give. Why it is wrong, `tl.gradcheck` says, of the function and
its rule as an op.
"""

from __future__ import annotations

import copy
import inspect
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ..autograd.op import Op, op
from ..backend import Array
from ..creation import tensor
from ..gradient_checking.check import gradcheck
from ..gradient_checking.hints import of_several
from ..gradient_checking.hints.places import Place
from ..gradient_checking.numerical import EPS
from ..gradient_checking.report import GradcheckError
from ..gradient_checking.subject import names_of
from .checks import Answer, Cause, Mistake, cause_of_shape, close, raise_smallest
from .failures import CheckFailed, arguments, because, call, positional, said
from .search import Args, Found, arrays, together

__all__ = ["check_rule"]

STEP = 2e-6  # of central differences, relative to |x|
G = "upstream g"  # the upstream gradient of an example, the first of its settings
MAX_DIAGNOSED = 5  # on how many inputs the cause is looked for; the most frequent one is named
VAGUE = {"region", "nearly-right", "wrong-outputs", "wrong-mask"}  # causes that say where, not why
EVERYWHERE = {"zero", "constant-factor"}  # causes that explain nothing unless they hold for each input


@dataclass
class Rule(Answer):
    """A backward rule, called `fn`. An example has the arguments of its function, then a dict: `G`, and the settings.

    reference: a right rule, as `central_differences`.  compared: how many numbers were.
    """

    forward: Callable[..., Any] = field(kw_only=True)
    compared: int = 0
    zeros = True
    complete = Answer.complete | {"whole-numbers"}

    def split(self, args: Args) -> tuple[Args, dict[str, Any], Array]:
        """The arguments, the settings and the upstream gradient."""
        return args[:-1], {name: value for name, value in args[-1].items() if name != G}, args[-1][G]

    def floats(self, args: Args) -> list[int]:
        """The positions of the arguments that have gradients."""
        return [k for k, a in enumerate(args) if isinstance(a, np.ndarray) and a.dtype.kind == "f"]

    def run(self, fn: Callable[..., Any], args: Args) -> Any:
        plain, settings, g = self.split(args)
        return _alone(super().run(fn, (g, *plain, settings)))

    def central_differences(self, g: Array, *plain: Any, **settings: Any) -> tuple[Array, ...]:
        """The right gradients: (f(x + h) - f(x - h)) / 2h of f = sum(g * forward), from two steps, right to about 1e-8.

        Masked are elements where f is rounded too coarsely, and kinks: there the differences to the left and to the
        right stay apart at the smaller step, as those of relu at 0.
        """
        which = self.floats(plain)
        values = [np.array(a) if k in which else a for k, a in enumerate(plain)]

        def terms() -> Array:
            return g * np.asarray(self.forward(*values, **settings))

        here, found = terms(), []
        for x in [values[k] for k in which]:
            gradient = np.ma.zeros(x.shape)
            for index in np.ndindex(x.shape):
                middle, slopes, gaps = float(x[index]), [], []
                step = STEP * (abs(middle) or 1.0)
                for h in (step, step / 2):
                    x[index] = middle + h
                    up = terms()
                    x[index] = middle - h
                    down = terms()
                    slopes.append(float((up - down).sum()) / (2 * h))  # what does not change is 0 here, however large
                    gaps.append(abs(float((up - 2 * here + down).sum())) / h)
                x[index] = middle
                slope = slopes[1] + (slopes[1] - slopes[0]) / 3  # without the error of h²
                tolerated = 1e-6 * max(1.0, abs(slope))
                moved = np.asarray((up != here) | (down != here))
                size = np.abs(here[moved if moved.any() else ...]).sum()
                inner = abs(middle) * np.abs(up - down).sum() / step  # x is rounded inside, as in x - x.mean()
                rounding = 4 * EPS * float(size + inner) / step
                smooth = gaps[1] <= max(0.7 * gaps[0], tolerated)
                gradient[index] = slope if smooth and rounding <= tolerated else np.ma.masked
            found.append(gradient)
        return tuple(found)

    def got(self, args: Args) -> Any:
        """The gradients that the rule returns, in a tuple if several arguments have one."""
        plain, settings, g = self.split(args)
        given = (g, *plain, settings) if settings else (g, *plain)
        return _alone(call(self.fn, given, self.name, ["g", *self.names]))

    def check(self, args: Args) -> None:
        what = [f"gradient of {self.names[k]}" for k in self.floats(args[:-1])]
        got, right = self.got(args), self.right(args)
        self.compared += sum(int(np.ma.count(part)) for part in _parts(right))
        if isinstance(got, (list, tuple)) and not isinstance(right, tuple):
            several = f"{self.name} must return one array, the {what[0]}, but returns a {type(got).__name__}."
            raise CheckFailed(several, kind="type", shown=arguments(args, self.names), **because("type"))
        self.require_equal(got, right, args, what[0], what)

    # --- why it is wrong --------------------------------------------------------------------------------------

    def cause(self, found: Found) -> Cause:
        if found.failure.hint != "unfinished" and all(map(self._ignores_upstream, found.telling[:MAX_DIAGNOSED])):
            return said("upstream-ignored")
        if found.failure.hint == "input-modified" and "argument g" in found.failure.what:
            return said("upstream-modified")
        return super().cause(found)

    def general_cause(self, found: Found, telling: Sequence[Args]) -> Cause:
        """What `tl.gradcheck` says most often, in the words that it has for the input that is shown."""
        part = found.failure.kind.removeprefix("gradient of ")
        diagnosed = telling[:: -(-len(telling) // MAX_DIAGNOSED)]
        errors = [self.gradcheck(args, part) for args in diagnosed]
        if found.failure.hint == "shapes" and "matrix product" in str(found.failure.cause):
            remedies = {e.hint_text.partition(":")[0] for e in errors if e and e.hint == "transposed" and e.hint_text}
            return ("transposed", remedies.pop()) if len(remedies) == 1 else (None, None)  # which array, or which .T
        if found.failure.cause:
            return None, None
        names = [self.names[k] for k in self.floats(found.args[:-1])]
        pairs = [(_parts(right), _parts(got)) for _, right, got in self.examples(telling) if len(names) == 2]
        if pairs and all(all(map(close, got, right[::-1])) for right, got in pairs):
            return said("swapped.gradients", a=names[0], b=names[1])
        if found.failure.kind.startswith("shape"):  # then what is said of numbers does not hold
            return self._cause_of_shape(found, telling, [self.gradcheck(found.args), *errors])
        causes = [error.likely for error in errors if error is not None and error.likely]
        named = {cause.hint for cause in causes} | {None for e in errors if e is not None and not e.likely}
        causes = [cause for cause in causes if cause.hint not in VAGUE] or causes
        settings = {repr(self.split(args)[1]) for args in telling}
        everywhere = EVERYWHERE | ({"formula"} if len(settings) > 1 else set())  # as 2 * x for x ** n
        causes = [cause for cause in causes if cause.hint not in everywhere or named == {cause.hint}]
        if not causes:
            return None, None
        often = Counter(cause.hint for cause in causes).most_common(1)[0][0]
        shown = self.gradcheck(found.args, part)
        own = shown.likely if shown and shown.hint == often else None
        likely = of_several([cause for cause in causes if cause.hint == often], own)
        if likely and often == "region" and isinstance(likely.fields["where"], Place):
            likely = likely if all(error and error.likely == own for error in errors) else None
        return (likely.hint, str(likely)) if likely else (None, None)

    def _cause_of_shape(self, found: Found, telling: Sequence[Args], errors: Sequence[GradcheckError | None]) -> Cause:
        """errors: of the input that is shown, and of others."""
        for _, failure in found.seen:  # an `if` on an array shows only if there are several elements
            if failure is not None and failure.hint == "array-truth":
                return failure.hint, failure.cause
        right, got = _parts(self.right(found.args)), _parts(self.got(found.args))
        if np.ndim(got[0]) == 0:
            summed = all(close(_parts(g)[0], np.sum(_parts(e)[0])) for _, e, g in self.examples(telling))
            return said("shape.summed" if summed else "shape.single")
        names = [self.names[k] for k in self.floats(found.args[:-1])]
        shapes = [([np.shape(part) for part in _parts(e)], g) for _, e, g in self.examples(telling)]
        if len(names) == 2 and all([np.shape(part) for part in _parts(g)] == e[::-1] != e for e, g in shapes):
            return said("swapped.shapes", a=names[0], b=names[1])
        refused = [(e.hint, e.hint_text) for e in errors if e is not None and e.got_array is None and e.hint_text]
        if len(refused) == len(errors) and len({hint for hint, _ in refused}) == 1:
            return refused[0]
        return next(cause_of_shape(e, np.asarray(g)) for e, g in zip(right, got, strict=True) if e.shape != np.shape(g))

    def _ignores_upstream(self, args: Args) -> bool:
        """Whether the rule returns the same, which is finite and not 0, for g and -2 g."""
        with suppress(CheckFailed, TypeError):
            given = [(*args[:-1], {**args[-1], G: factor * args[-1][G]}) for factor in (1, -2)]
            first, second = ([np.asarray(part) + 0.0 for part in _parts(self.got(one))] for one in given)
            return close(first, second) and all(np.isfinite(part).all() and part.any() for part in first)
        return False

    def gradcheck(self, args: Args, part: str = "") -> GradcheckError | None:
        """The error of `tl.gradcheck` for the rule as an op, or None.

        part: the name of the argument whose gradient must be wrong in it, if it is that of one.
        """
        plain, settings, _ = self.split(args)
        which = self.floats(plain)
        checked = [k for k in which if self.names[k] == part] or which
        try:
            inputs = [tensor(plain[k], requires_grad=k in checked) for k in which]
            gradcheck(self.as_op(plain, settings), inputs, strict_shapes=True)
        except GradcheckError as error:
            return error
        except Exception:  # the inputs cannot be checked in this way
            return None
        return None

    def as_op(self, plain: Args, settings: dict[str, Any]) -> Op[Any]:
        """The function and its rule as an op of the arguments that have gradients.

        The others, and the settings, are defaults of the op's settings, so that hints know them by name.
        """
        which = self.floats(plain)
        usable = all(self.names[k].isidentifier() and self.names[k] != "g" for k in which)
        names = [self.names[k] if usable else f"input_{k}" for k in which]
        others = {self.names[k]: value for k, value in enumerate(plain) if k not in which} | settings
        kept = {name: value for name, value in others.items() if name.isidentifier() and name not in names}

        places = range(len(plain))

        def declared(fn: Callable[..., Any], names: Sequence[str], **kept: Any) -> Callable[..., Any]:
            parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
            parameters += [inspect.Parameter(k, inspect.Parameter.KEYWORD_ONLY, default=v) for k, v in kept.items()]
            vars(fn).update(__signature__=inspect.Signature(parameters))
            fn.__name__, fn.__module__, fn.__kwdefaults__ = self.name, "answer", kept or None
            return fn

        def rule_for(position: int) -> Callable[..., Any]:
            def rule(*given: Any, **named: Any) -> Any:
                g, *values = [*given, *named.values()]
                result = self.fn(g, *map(dict(zip(which, values, strict=True)).get, places, plain), **settings)
                return np.asarray(result[position] if isinstance(result, tuple) else result)

            return declared(rule, ["g", *names])

        def forward(*values: Any) -> Any:
            return np.asarray(self.forward(*map(dict(zip(which, values, strict=True)).get, places, plain), **settings))

        made: Op[Any] = op(declared(forward, names, **kept))
        for k, name in enumerate(names):
            made.backward(name)(rule_for(k))
        return made


def _alone(result: Any) -> Any:
    """The only part of a tuple, or what was given."""
    return result[0] if isinstance(result, tuple) and len(result) == 1 else result


def _parts(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


def check_rule(
    forward: Callable[..., Any],
    rule: Callable[..., Any],
    inputs: Any,
    *,
    reference: Callable[..., Any] | None = None,
    name: str | None = None,
    names: Sequence[str] | None = None,
    mistakes: Sequence[Mistake] = (),
    draws: int = 40,
) -> None:
    """Raise CheckFailed, with the smallest input and the likely cause, unless a backward rule is right.

    forward: the right function, of NumPy arrays.
    rule: a function of the upstream gradient g and all arguments of `forward`. It returns the gradient of the argument
    that is an array of floats or, if there are several, a tuple of theirs, each in the shape of its argument.
    inputs: a strategy for each argument, or one of tuples; a dict at the end holds settings.
    reference: a right rule. By default gradients are compared with central differences; elements without a derivative
    are left out.
    The rest as in `check_function`. Warns if nothing could be compared. Raises TypeError if no argument is an array of
    floats, or one has fewer digits than float64.
    """
    __tracebackhide__ = True  # pytest shows the test and the message, not the checker
    labels = [n or f"input {k}" for k, n in enumerate(names_of(rule, 9)[1:] if names is None else names)]
    title = name or str(getattr(rule, "__name__", "the rule"))
    subject = Rule(rule, rule, title, labels, mistakes, 1e-5, 1e-6, forward=forward)
    subject.reference = reference or subject.central_differences

    def with_upstream(args: Args, g: Array) -> Args:
        plain, settings = positional(args)
        return (*(np.asarray(a) if isinstance(a, np.generic) else a for a in plain), {G: g, **settings})

    def drawn(args: Args) -> st.SearchStrategy[Args]:
        plain, settings = positional(copy.deepcopy(args))
        floats = [a for a in plain if isinstance(a, (np.ndarray, np.generic)) and a.dtype.kind == "f"]
        if not floats:
            raise TypeError(f"check_rule: no argument of {title} is an array of floats, so none has a gradient")
        if narrow := [a.dtype for a in floats if a.dtype.itemsize < 8]:
            raise TypeError(f"check_rule: {title} is given {narrow[0]}, with too few digits; draw arrays of float64")
        with np.errstate(all="ignore"):
            shape = np.shape(forward(*plain, **settings))
        return arrays(shape, low=-2, high=2, zero=False).map(partial(with_upstream, args))

    raise_smallest(subject.check, subject.cause, together(inputs).flatmap(drawn), (), draws)
    if not subject.compared:
        what = f"check_rule: {title}: no drawn element has a derivative, so nothing was compared; draw other inputs"
        warnings.warn(what, stacklevel=2)
