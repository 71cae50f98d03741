"""The parts of checks: a function, a rule, a program part by part, a function of the learner's Tensors."""

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_lecture.testing import check_function, check_property, check_rule
from tinygrad_lecture.testing.failures import call as call, said  # call: for the checks of all chapters
from tinygrad_lecture.testing.sandbox import observed

from . import observers
from .spec import Spec, Step, same

Observer = Callable[..., Any]  # a function whose arguments are the inputs of a check


class Lambda:
    """A function of x by its text, as which it is shown, and sent to the process of a submission."""

    def __init__(self, text: str) -> None:
        self.text, self.compute = text, eval(f"lambda x: {text}")

    def __call__(self, x: Any) -> Any:
        return self.compute(x)

    def __repr__(self) -> str:
        return f"lambda x: {self.text}"


def look(module: Any, observe: Any, *args: Any, name: str | None = None, shown: Sequence[str] = ()) -> Any:
    """What an observer returns of a module. name and shown: what failures tell of a call."""
    return call(lambda: observed(module, observe, *args), (), name or "the code", shown=shown)


def named(name: str) -> Callable[..., Any]:
    """An observation: the function of that name in a module, called."""
    return lambda module, *args, **settings: getattr(module, name)(*args, **settings)


def function(observe: str | Callable[..., Any], inputs: Any, **options: Any) -> Step:
    """A step: does a function return what that of the solved file returns?

    observe: its name, or one of the observers, if what is compared is more than one call.
    """

    def step(module: Any, spec: Spec) -> None:
        if isinstance(observe, str):
            mistakes = spec.mistakes(named(observe), observe)
            check_function(getattr(module, observe), getattr(spec.right, observe), inputs, mistakes=mistakes, **options)
            return
        names = list(inspect.signature(observe).parameters)[1:]
        check_function(
            lambda *args: observed(module, observe, *args), lambda *args: observe(spec.right, *args), inputs,
            name=observe.__name__, names=names, mistakes=spec.mistakes(observe), **options,
        )  # fmt: skip

    return step


def rule(name: str, forward: str | Callable[..., Any], inputs: Any, solved: bool = False, **options: Any) -> Step:
    """A step: is a backward rule right?

    forward: the name of its function in the file, or the function.  solved: the right gradient is that of the solution,
    not of central differences.
    """

    def step(module: Any, spec: Spec) -> None:
        of = getattr(spec.right, forward) if isinstance(forward, str) else forward
        reference = {"reference": getattr(spec.right, name)} if solved else {}
        check_rule(of, getattr(module, name), inputs, mistakes=spec.mistakes(named(name), name), **reference, **options)

    return step


def parts(observe: Observer, inputs: Any, lines: Observer, telling: Sequence[Any] = (), draws: int = 40) -> Step:
    """A step: is what an observer sees of a program, part by part, what it sees with the solved file?

    observe: returns a dict: for each part, in the order in which they are compared, its values by the names that they
    have in the program. The exercise's data say what is told of a part that is wrong, and of another type. A part of
    which they say nothing only tells mistakes apart.
    lines: for the inputs, the program as text.  telling: inputs with which mistakes differ from each other.
    """

    def step(module: Any, spec: Spec) -> None:
        def check(*args: Any) -> None:
            shown, right = lines(*args), observe(spec.right, *args)
            got = look(module, observe, *args, name=shown[-1].rpartition("= ")[2].split("(")[0], shown=shown)
            if not isinstance(got, dict):
                comma = isinstance(got, tuple) and len(got) == 1
                spec.fail("type", shown, said("comma") if comma else (None, None))
            part = next((p for p in right if p in spec.causes and not same(got[p], right[p])), None)
            if part is not None:
                found = spec.cause(module, lambda m: [of_telling(m, part, some) for some in telling])
                spec.fail(part, [*shown, *compared(right[part], got[part])], found)

        def of_telling(m: Any, failing: str, args: Sequence[Any]) -> dict[str, Any]:
            seen = look(m, observe, *args)
            return {part: seen[part] for part in seen if part == failing or part not in spec.causes}

        check_property(check, inputs, draws=draws)

    return step


def compared(right: dict[str, Any], got: dict[str, Any]) -> list[str]:
    """A line for each of some values by name, those that are wrong marked."""
    marks = {name: "" if same(got[name], value) else "   wrong" for name, value in right.items()}
    return [f"{name}   expected {value}   got {got[name]!r}{marks[name]}" for name, value in right.items()]


# --- functions of the learner's Tensors -------------------------------------------------------------------------------


def of_tensors(what: str, arguments: dict[str, Any], lines: list[str]) -> Step:
    """A step: has a function of Tensors the right values, and does it give a gradient to each argument?

    arguments: by name, in their order; their arrays of floats become Tensors.  lines: the call, as text.
    Gradients are compared with central differences of the learner's own function, in a random direction.
    """

    def values(module: Any, given: dict[str, Any] = arguments, **options: Any) -> Any:
        return look(module, observers.result, what, given, **options)

    def step(module: Any, spec: Spec) -> None:
        out = values(module, name=what, shown=lines)
        if not isinstance(out, dict):
            spec.fail("type", lines, what=what, got="nothing" if out is None else type(out).__name__)
        expected, got = np.asarray(values(spec.right)["data"]), np.asarray(out["data"])
        if not same(got, expected):
            found = spec.cause(module, lambda m: values(m)["data"])
            if got.shape != expected.shape:
                shown = [*lines, f"expected shape {expected.shape}", f"got      shape {got.shape}"]
                spec.fail("shape", shown, found, what=what)
            rows = [array[(0,) * (got.ndim - 1)].round(5).tolist() for array in (expected, got)]
            first = ["the first vector:"] if got.ndim > 1 else []
            spec.fail("value", [*lines, *first, f"expected {rows[0]}", f"got      {rows[1]}"], found, what=what)
        check_gradients(module, spec, got.shape)

    def check_gradients(module: Any, spec: Spec, shape: tuple[int, ...]) -> None:
        upstream, given = np.random.default_rng(5).standard_normal(shape), copy.deepcopy(arguments)
        grads = look(module, observers.grads, what, given, upstream, name=f"backward through {what}", shown=lines)
        if grads is None:
            spec.fail("not-a-tensor", kind="type")
        for name, x in observers.leaves(given).items():
            if not isinstance(x, np.ndarray) or x.dtype != float:
                continue
            if name not in grads:
                spec.fail("not-recorded", lines, kind="gradient", what=what, name=name)
            direction, before, h = np.random.default_rng(6).standard_normal(x.shape), x.copy(), 1e-5
            x += h * direction
            above = float((values(module, given)["data"] * upstream).sum())
            x[...] = before - h * direction
            below = float((values(module, given)["data"] * upstream).sum())
            x[...] = before
            slope, got = (above - below) / (2 * h), float((grads[name] * direction).sum())
            if abs(slope - got) > 1e-4 * max(1.0, abs(slope)):
                shown = [*lines, f"in a random direction: expected {slope:.6g}, got {got:.6g}"]
                spec.fail("rule", shown, kind="gradient", name=name)

    return step


def trained(module: Any, spec: Spec, p: Any, args: Sequence[Any], line: str) -> tuple[Any, Any, list[str], str]:
    """What train(p, *args) gives: its losses, the parameters afterwards, lines to show, and what is told, or ""."""
    losses, after = look(module, observers.trained, p, *args, name="train", shown=[line])
    if not isinstance(losses, list):
        spec.fail("losses", [line])
    last, before = float(np.mean(losses[-8:])), observers.leaves(p, "" if isinstance(p, dict) else "parameters")
    unchanged = [name for (name, a), q in zip(before.items(), after, strict=True) if np.array_equal(a, q)]
    shown = [line, f"loss at the beginning {losses[0]:.2f}, at the end {last:.2f}"]
    if unchanged:
        shown += [f"unchanged: {', '.join(unchanged[:3])}{', ...' if len(unchanged) > 3 else ''}"]
        return losses, after, shown, "not-updated" if len(unchanged) == len(before) else "some-not-updated"
    return losses, after, shown, "uphill" if last > 0.9 * losses[0] else ""
