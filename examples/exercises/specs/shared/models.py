"""Random parameters of a small GPT, the names it learns from, and checks of functions of Tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_lecture.testing import CheckFailed
from tinygrad_lecture.testing.calls import call
from tinygrad_lecture.testing.causes.known import Mistake
from tinygrad_lecture.testing.sandbox.remote import find_class

NAMES = Path(__file__).parent.parent.parent / "names.txt"


RULE_OF_OTHER = "does each record(...) have the rule of its own function?"
NO_TENSOR = "the inputs of record are Tensors; what has no gradient, as ids or a mask, is a setting: ids=ids"


def block_arrays(width: int, rng: Any, size: float = 0.5) -> dict[str, Any]:
    """The parameters of a block; none of them is 0 or 1, so that each is seen to be used."""
    shapes = {"W_Q": (width, width), "W_K": (width, width), "W_V": (width, width), "W_O": (width, width),
              "W1": (width, 4 * width), "b1": (4 * width,), "W2": (4 * width, width), "b2": (width,)}  # fmt: skip
    arrays = {name: rng.standard_normal(shape) * size for name, shape in shapes.items()}
    for k in (1, 2):
        arrays[f"gain{k}"] = 1 + 0.3 * rng.standard_normal(width)
        arrays[f"bias{k}"] = 0.3 * rng.standard_normal(width)
    return arrays


def gpt_arrays(vocabulary: int, context: int, width: int, blocks: int, rng: Any, fresh: bool = False) -> dict[str, Any]:
    """The parameters of a GPT; fresh: as training begins."""
    size = 0.08 if fresh else 0.5
    p: dict[str, Any] = {
        "tokens": rng.standard_normal((vocabulary, width)) * (0.3 if fresh else 1),
        "places": rng.standard_normal((context, width)) * (0.1 if fresh else 1),
        "blocks": [block_arrays(width, rng, 1.5 * size) for _ in range(blocks)],
        "gain": 1 + 0.3 * rng.standard_normal(width),
        "bias": 0.3 * rng.standard_normal(width),
        "W_U": rng.standard_normal((width, vocabulary)) * size,
    }
    if fresh:
        for q in [p, *p["blocks"]]:
            for name in q:
                if name.startswith("gain"):
                    q[name] = np.ones(width)
                elif name.startswith("b") and name != "blocks":
                    q[name] = np.zeros_like(q[name])
    return p


def as_tensors(p: Any, make: Callable[[Any], Any]) -> Any:
    """The same parameters as Tensors of a learner's class."""
    if isinstance(p, dict):
        return {name: as_tensors(value, make) for name, value in p.items()}
    if isinstance(p, list):
        return [as_tensors(value, make) for value in p]
    return make(p)


def leaves(p: Any, name: str = "") -> list[tuple[str, Any]]:
    """All Tensors of nested parameters with their names."""
    if isinstance(p, dict):
        return [leaf for key, value in p.items() for leaf in leaves(value, f"{name}.{key}" if name else key)]
    if isinstance(p, list):
        return [leaf for k, value in enumerate(p) for leaf in leaves(value, f"{name}[{k}]")]
    return [(name, p)]


def check_tensors(
    module: Any,
    what: str,
    run: Callable[[], Any],
    right: Callable[[], Any],
    inputs: Mapping[str, Any],
    lines: list[str],
    mistakes: list[Mistake] | None = None,
    gradients: bool = True,
) -> Any:
    """Raise CheckFailed unless a function of Tensors has the right values, and gives a gradient to each input.

    run: calls the learner's function.  right: the arrays it must compute.  inputs: the Tensors it must use, by name.
    Gradients are compared with central differences of the learner's own function, in three directions.
    """
    out = call_recording(run, (), what, lines)
    base = tensor_class(module)
    if base is None or not isinstance(out, base):
        got = "nothing" if out is None else type(out).__name__
        raise CheckFailed(f"{what} must return a Tensor, but returns {got}.", kind="type", shown=lines, hint="type",
                          cause="each step is record(function, rule, ...), which returns a Tensor; and `return` it")  # fmt: skip
    expected = right()
    data = np.asarray(out.data)
    if data.shape != expected.shape:
        raise CheckFailed(f"{what} has the wrong shape.", kind="shape", hint="shape",
                          shown=[*lines, f"expected shape {expected.shape}", f"got      shape {data.shape}"])  # fmt: skip
    if not np.allclose(data, expected, atol=1e-6):
        hint, cause = None, None
        for mistake in mistakes or []:
            wrong = np.asarray(mistake.fn())
            if wrong.shape == data.shape and np.allclose(data, wrong, atol=1e-6):
                hint, cause = mistake.hint, mistake.cause
                break
        first = (0,) * (data.ndim - 1)
        raise CheckFailed(f"{what} computes wrong values.", kind="value", hint=hint, cause=cause,
                          shown=[*lines, "the first vector:", f"expected {np.round(expected[first], 3).tolist()}",
                                 f"got      {np.round(data[first], 3).tolist()}"])  # fmt: skip
    if gradients:
        _check_gradients(what, run, out, inputs, lines)
    return out


def call_recording(fn: Callable[..., Any], args: Sequence[Any], what: str, lines: list[str]) -> Any:
    """What a function of Tensors returns; the cause is told if it takes Tensors for arrays."""
    try:
        return call(fn, args, what, shown=lines, watch=False)
    except CheckFailed as failure:
        said = " ".join(failure.shown[len(lines) :])
        if failure.kind == "raises" and failure.cause is None:
            if "'numpy.ndarray' object has no attribute 'parents'" in said:
                failure.hint, failure.cause = "not-a-tensor", NO_TENSOR
            elif "required positional argument" in said and " in record " in said:
                failure.hint, failure.cause = "rule-missing", "record takes a function, its rule, and then the inputs"
            elif "'Tensor'" in said:
                failure.hint = "not-recorded"
                failure.cause = "a Tensor is no array: record(function, rule, ...) calls a function with Tensors"
        raise


def _check_gradients(what: str, run: Callable[[], Any], out: Any, inputs: Mapping[str, Any], lines: list[str]) -> None:
    upstream = np.random.default_rng(5).standard_normal(out.data.shape)
    try:
        grads = call(gradients, (out, upstream), f"backward through {what}", shown=lines, watch=False)
    except CheckFailed as failure:
        if failure.kind == "raises" and failure.cause is None:
            failure.hint, failure.cause = "rule", RULE_OF_OTHER
        raise
    for name, x in inputs.items():
        if id(x) not in grads:
            raise CheckFailed(f"{what} gives no gradient to {name}.", kind="gradient", hint="not-recorded", shown=lines,
                              cause=f"{name} is not an input of any record(...) on the way to the result: give record the "
                              "Tensors, not their .data")  # fmt: skip
        direction = np.random.default_rng(6).standard_normal(x.data.shape)
        before, h = x.data, 1e-5
        x.data = before + h * direction
        above = float((run().data * upstream).sum())
        x.data = before - h * direction
        below = float((run().data * upstream).sum())
        x.data = before
        slope, got = (above - below) / (2 * h), float((grads[id(x)] * direction).sum())
        if abs(slope - got) > 1e-4 * max(1.0, abs(slope)):
            raise CheckFailed(f"The gradient of {name} is wrong.", kind="gradient", hint="rule", cause=RULE_OF_OTHER,
                              shown=[*lines, f"in a random direction: expected {slope:.6g}, got {got:.6g}"])  # fmt: skip


def gradients(out: Any, upstream: Any) -> dict[int, Any]:
    """The gradients of all Tensors behind `out`, by id; by this walk, not by the learner's."""
    order: list[Any] = []
    seen: set[int] = set()
    waiting: list[tuple[Any, bool]] = [(out, False)]
    while waiting:
        node, done = waiting.pop()
        if done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            if isinstance(node, np.ndarray):
                raise CheckFailed("An input of record is an array.", kind="type", hint="not-a-tensor", cause=NO_TENSOR)
            waiting.append((node, True))
            waiting += [(parent, False) for parent in node.parents]
    grads: dict[int, Any] = {id(out): upstream}
    for node in reversed(order):
        if node.rule is None or id(node) not in grads:
            continue
        found = node.rule(grads[id(node)])
        for parent, grad in zip(node.parents, found if isinstance(found, tuple) else (found,), strict=True):
            grads[id(parent)] = grads.get(id(parent), 0) + grad
    return grads


def why_not_learning(
    names: Sequence[str], before: Sequence[Any], parameters: Sequence[Any], falls: bool
) -> tuple[str, str] | None:
    """Why a training got nowhere: the name of the cause, and a sentence. falls: whether the loss does."""
    unchanged = [n for n, a, q in zip(names, before, parameters, strict=True) if np.array_equal(a, q.data)]
    if len(unchanged) == len(names):
        return "not-updated", (
            "no parameter has changed: call backward(loss), then assign what adam_step returns to each one's data"
        )
    if unchanged:
        return "some-not-updated", f"{unchanged[0]} has not changed: take a step for every parameter"
    if not falls:
        return "uphill", (
            "the loss does not fall: is the sign right, is lr=lr given, does each parameter keep its m and v?"
        )
    return None


def tensor_class(module: Any) -> Any:
    """The learner's Tensor, of 4.10, as this module uses it."""
    return find_class(module, "Tensor")


@cache
def names() -> tuple[Any, dict[str, int]]:
    """First names as an array (names, 12) of tokens, 0 before and after each, and the number of each letter."""
    words = NAMES.read_text(encoding="utf-8").split()
    letters = {c: k for k, c in enumerate(sorted(set("".join(words))), start=1)}
    rows = [[0, *(letters[c] for c in word)] for word in words]
    return np.array([row + [0] * (12 - len(row)) for row in rows]), letters
