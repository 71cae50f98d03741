"""Chapter 4: rules of functions of arrays, and an engine that uses them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import tinygrad_lecture as tl
from tinygrad_lecture.testing import (
    CheckFailed,
    Exercise,
    Mistake,
    arrays,
    broadcastable,
    check_function,
    check_property,
    check_rule,
    indices,
    matrices,
    shapes,
    with_axis,
)
from tinygrad_lecture.testing.calls import call

from .shared.racing import normal, race
from .shared.telling import explaining
from .shared.tensors import unbroadcast

A, B = normal((200, 100), (100, 50))


def _swap(x: Any) -> Any:
    return x.swapaxes(-1, -2)


def _one_axis_of(axis: Any, x: Any, g: Any) -> Any:
    return g if axis is None else np.expand_dims(g, axis)


@st.composite
def _stretched(draw: st.DrawFn) -> tuple[Any, ...]:
    full = draw(shapes(max_dims=3))
    kept = draw(st.integers(0, len(full)))
    shape = tuple(1 if draw(st.booleans()) else n for n in full[len(full) - kept :])
    return draw(arrays(full)), shape


def _check_unbroadcast(m: Any) -> None:
    def no_keep(g: Any, shape: Any) -> Any:
        while g.ndim > len(shape):
            g = g.sum(0)
        for axis in reversed([k for k, n in enumerate(shape) if n == 1]):
            g = g.sum(axis)
        return g

    def with_mean(g: Any, shape: Any) -> Any:
        while g.ndim > len(shape):
            g = g.mean(0)
        for axis, n in enumerate(shape):
            g = g.mean(axis, keepdims=True) if n == 1 else g
        return g

    def first(g: Any, shape: Any) -> Any:
        while g.ndim > len(shape):
            g = g[0]
        for axis, n in enumerate(shape):
            g = g.take([0], axis=axis) if n == 1 else g
        return g

    def from_behind(g: Any, shape: Any) -> Any:
        while g.ndim > len(shape):
            g = g.sum(-1)
        for axis, n in enumerate(shape):
            g = g.sum(axis, keepdims=True) if n == 1 else g
        return g

    def mixed(outer: str, inner: str) -> Any:
        def fn(g: Any, shape: Any) -> Any:
            while g.ndim > len(shape):
                g = getattr(g, outer)(0) if outer != "first" else g[0]
            for axis, n in enumerate(shape):
                if n == 1:
                    g = getattr(g, inner)(axis, keepdims=True) if inner != "first" else g.take([0], axis=axis)
            return g

        return fn

    def front_only(g: Any, shape: Any) -> Any:
        while g.ndim > len(shape):
            g = g.sum(0)
        return g

    check_function(
        m.unbroadcast,
        unbroadcast,
        _stretched(),
        examples=[(np.arange(12.0).reshape(3, 4), (4,)), (np.arange(12.0).reshape(3, 4), (3, 1))],
        mistakes=[
            Mistake("mean", "this is a mean; contributions are added up", with_mean),
            Mistake("mean", "this is a mean; contributions are added up", mixed("mean", "sum")),
            Mistake("mean", "this is a mean; contributions are added up", mixed("sum", "mean")),
            Mistake("first", "only the first contribution is kept; add all of them up", first),
            Mistake("first", "only the first contribution is kept; add all of them up", mixed("first", "sum")),
            Mistake("first", "only the first contribution is kept; add all of them up", mixed("sum", "first")),
            Mistake("maximum", "this is the largest contribution; add all of them up", mixed("max", "sum")),
            Mistake("keepdims", "an axis of size 1 must stay, with size 1: keepdims=True", no_keep),
            Mistake("from-behind", "NumPy puts new axes in front; sum over axis 0, not the last one", from_behind),
            Mistake("stretched-missing", "axes of size 1 are not summed", front_only),
        ],
    )  # fmt: skip


def _check_broadcast(m: Any) -> None:
    raw = "the gradients are right, but each must come back to the shape of its input: unbroadcast(..., x.shape)"
    other = "the gradient of x must get the shape of x, that of y the shape of y"
    check_rule(
        lambda x, y: x + y,
        m.add_rule,
        broadcastable(2),
        mistakes=[
            Mistake("broadcast-axes", raw, lambda g, x, y: (g, g)),
            Mistake("other-shape", other, lambda g, x, y: (unbroadcast(g, y.shape), unbroadcast(g, x.shape))),
        ],
    )
    check_rule(
        lambda x, y: x * y,
        m.mul_rule,
        broadcastable(2),
        mistakes=[
            Mistake("broadcast-axes", raw, lambda g, x, y: (g * y, g * x)),
            Mistake("too-early", "g was summed before it was multiplied; multiply first, then unbroadcast",
                    lambda g, x, y: (unbroadcast(g, x.shape) * y, unbroadcast(g, y.shape) * x)),
            Mistake("swapped", "the two are swapped: the gradient of x is g * y",
                    lambda g, x, y: (unbroadcast(g * x, x.shape), unbroadcast(g * y, y.shape))),
            Mistake("other-shape", other, lambda g, x, y: (unbroadcast(g * y, y.shape), unbroadcast(g * x, x.shape))),
        ],
    )  # fmt: skip


def _check_sum(m: Any) -> None:
    lost = "the axis that was summed away must come back first, at its own place: np.expand_dims(g, axis)"
    with explaining(("could not be broadcast", "axis-missing", lost)):
        check_rule(
            lambda x, axis: x.sum(axis),
            m.sum_rule,
            with_axis(none=True),
            mistakes=[
                Mistake("mean", "this divides by the number of elements, as a mean does; a sum does not",
                        lambda g, x, axis: np.broadcast_to(_one_axis_of(axis, x, g), x.shape) / (x.size if axis is None else x.shape[axis])),
                Mistake("times-x", "g is multiplied by x; the derivative of a sum with respect to each number is 1",
                        lambda g, x, axis: _one_axis_of(axis, x, g) * x),
                Mistake("not-repeated", "g must be repeated to the shape of x: np.broadcast_to(g, x.shape)",
                        lambda g, x, axis: _one_axis_of(axis, x, g)),
                Mistake("axis-missing", "the axis that was summed away must come back first: np.expand_dims(g, axis)",
                        lambda g, x, axis: np.broadcast_to(g, x.shape)),
                Mistake("axis-missing", lost, lambda g, x, axis: g * np.ones_like(x)),
                Mistake("upstream-ignored", "g is ignored: these are ones", lambda g, x, axis: np.ones_like(x)),
                Mistake("constant-factor", "this is twice the right gradient; the derivative of a sum with respect to each number is 1",
                        lambda g, x, axis: np.broadcast_to(2 * _one_axis_of(axis, x, g), x.shape)),
            ],
        )  # fmt: skip


def _check_mean(m: Any) -> None:
    def spread(g: Any, x: Any, axis: Any) -> Any:
        return np.broadcast_to(_one_axis_of(axis, x, g), x.shape)

    check_rule(
        lambda x, axis: x.mean(axis),
        m.mean_rule,
        with_axis(none=True),
        mistakes=[
            Mistake("not-divided", "this is the rule of a sum; divide by how many numbers were summed", spread),
            Mistake("all-counted", "this divides by the number of all elements; with an axis, only x.shape[axis] were summed",
                    lambda g, x, axis: spread(g, x, axis) / x.size),
            Mistake("length", "len(x) is the size of axis 0; divide by x.shape[axis], or by x.size without an axis",
                    lambda g, x, axis: spread(g, x, axis) / len(x)),
            Mistake("result-counted", "g.size is the size of the result, not how many numbers were summed",
                    lambda g, x, axis: spread(g, x, axis) / np.size(g)),
            Mistake("multiplied", "this multiplies by the number of elements; divide",
                    lambda g, x, axis: spread(g, x, axis) * (x.size if axis is None else x.shape[axis])),
            Mistake("last-axis", "x.shape[-1] is the size of the last axis; the sum went over axis `axis`",
                    lambda g, x, axis: spread(g, x, axis) / x.shape[-1]),
        ],
    )  # fmt: skip


def _check_max(m: Any) -> None:
    def right(g: Any, x: Any, axis: Any) -> Any:
        largest = x == x.max(axis, keepdims=True)
        return np.expand_dims(g, axis) * largest / largest.sum(axis, keepdims=True)

    def first(g: Any, x: Any, axis: Any) -> Any:
        grad = np.zeros_like(x)
        np.put_along_axis(grad, np.expand_dims(x.argmax(axis), axis), np.expand_dims(g, axis), axis)
        return grad

    ties = arrays(shapes(min_dims=1, max_dims=2), low=-0.5, high=0.5)
    inputs = ties.flatmap(lambda x: st.sampled_from(range(x.ndim)).map(lambda axis: (x, {"axis": axis})))
    check_rule(
        lambda x, axis: x.max(axis),
        m.max_rule,
        inputs,
        reference=right,
        mistakes=[
            Mistake("not-shared", "each of several equally large numbers gets the whole g; they share it: divide by how many there are",
                    lambda g, x, axis: np.expand_dims(g, axis) * (x == x.max(axis, keepdims=True))),
            Mistake("first-only", "only the first of several equally large numbers gets g; they share it", first),
            Mistake("all-share", "divide by how many numbers of this row are the largest, not by those of the whole array",
                    lambda g, x, axis: np.expand_dims(g, axis) * (x == x.max(axis, keepdims=True)) / (x == x.max(axis, keepdims=True)).sum()),
            Mistake("whole-array", "the largest number of the whole array is taken, not that of each row",
                    lambda g, x, axis: np.expand_dims(g, axis) * (x == x.max())),
            Mistake("keepdims", "the sum has lost its axis and meets the wrong numbers: keepdims=True",
                    lambda g, x, axis: np.expand_dims(g, axis) * (x == x.max(axis, keepdims=True)) / (x == x.max(axis, keepdims=True)).sum(axis)),
            Mistake("upstream-ignored", "g is ignored", lambda g, x, axis: right(np.ones_like(g), x, axis)),
            Mistake("axis-missing", "the axis that is gone must come back first: np.expand_dims(g, axis)",
                    lambda g, x, axis: g * (x == x.max(axis, keepdims=True)) / (x == x.max(axis, keepdims=True)).sum(axis, keepdims=True)),
        ],
    )  # fmt: skip


@st.composite
def _reshaped(draw: st.DrawFn) -> tuple[Any, ...]:
    a, b, c = (draw(st.integers(1, 3)) for _ in range(3))
    options: list[tuple[int, ...]] = [(a * b * c,), (a, b * c), (a * b, c), (b, c, a), (c, a * b)]
    return draw(arrays((a, b, c))), {"shape": draw(st.sampled_from(options))}


@st.composite
def _transposed(draw: st.DrawFn) -> tuple[Any, ...]:
    x = draw(arrays(shapes(min_dims=2, max_dims=3)))
    return x, {"axes": tuple(draw(st.permutations(range(x.ndim))))}


def _check_reshape(m: Any) -> None:
    check_rule(
        lambda x, shape: x.reshape(shape),
        m.reshape_rule,
        _reshaped(),
        mistakes=[
            Mistake("forward", "g has the new shape already; bring it back to x.shape", lambda g, x, shape: g.reshape(shape)),
            Mistake("unchanged", "g must be brought back to the shape of x", lambda g, x, shape: g),
            Mistake("order", "the numbers came in another order: reshape alone brings them back",
                    lambda g, x, shape: g.T.reshape(x.shape)),
            Mistake("resized", "the order of the numbers changed", lambda g, x, shape: g.reshape(x.shape, order="F")),
        ],
    )  # fmt: skip
    check_rule(
        lambda x, axes: x.transpose(axes),
        m.transpose_rule,
        _transposed(),
        mistakes=[
            Mistake("not-undone", "the same order again does not undo it, except for a swap of two; np.argsort(axes) does",
                    lambda g, x, axes: g.transpose(axes)),
            Mistake("reversed-axes", ".T turns round the order of all axes; np.argsort(axes) undoes this one",
                    lambda g, x, axes: g.T),
            Mistake("reshaped", "reshape gives the right shape but leaves the numbers in their order; transpose moves them",
                    lambda g, x, axes: g.reshape(x.shape)),
            Mistake("negated", "-a counts an axis from behind; np.argsort(axes) is what undoes axes",
                    lambda g, x, axes: g.transpose([-a for a in axes])),
            Mistake("reversed-axes", "axes[::-1] is another order; np.argsort(axes) is the one that undoes axes",
                    lambda g, x, axes: g.transpose(axes[::-1])),
        ],
    )  # fmt: skip


@st.composite
def _taken(draw: st.DrawFn) -> tuple[Any, ...]:
    x = draw(arrays(shapes(min_dims=1, max_dims=2)))
    return x, draw(indices(len(x)))


def _check_take(m: Any) -> None:
    def set_at(g: Any, x: Any, ids: Any) -> Any:
        grad = np.zeros_like(x)
        grad[ids] = g
        return grad

    def one_added(g: Any, x: Any, ids: Any) -> Any:
        grad = np.zeros_like(x)
        grad[ids] += g
        return grad

    def of_ones(g: Any, x: Any, ids: Any) -> Any:
        grad = np.zeros_like(x)
        np.add.at(grad, ids, 1.0)
        return grad

    def times(g: Any, x: Any, ids: Any) -> Any:
        grad = np.zeros_like(x)
        np.add.at(grad, ids, g * x[ids])
        return grad

    def mean_of(g: Any, x: Any, ids: Any) -> Any:
        grad = np.zeros_like(x)
        np.add.at(grad, ids, g)
        counts = np.maximum(np.bincount(ids.ravel(), minlength=len(x)), 1)
        return grad / counts.reshape(-1, *[1] * (x.ndim - 1))

    check_rule(
        lambda x, ids: x[ids],
        m.take_rule,
        _taken(),
        mistakes=[
            Mistake("overwritten", "of a row that was taken twice, only one gradient is kept; np.add.at(grad, ids, g) adds all", set_at),
            Mistake("overwritten", "grad[ids] += g adds only one gradient for a repeated row; np.add.at adds all", one_added),
            Mistake("upstream-ignored", "g is ignored: rows are only counted", of_ones),
            Mistake("times-x", "g is multiplied by x; taking a row changes nothing in it: the derivative is 1", times),
            Mistake("mean", "this is the mean of the gradients of a row; add them up", mean_of),
            Mistake("nothing-added", "nothing is added to grad", lambda g, x, ids: np.zeros_like(x)),
        ],
    )  # fmt: skip


def _check_matmul(m: Any) -> None:
    check_rule(
        lambda a, b: a @ b,
        m.matmul_rule,
        matrices("nk", "km"),
        mistakes=[
            Mistake("not-transposed", "right for square and symmetric matrices only: b and a must be transposed",
                    lambda g, a, b: (g @ b, a @ g)),
            Mistake("order", "the order: g comes first for a, and last for b", lambda g, a, b: (b.T @ g, g @ a.T)),
            Mistake("swapped", "the two gradients are swapped", lambda g, a, b: (a.T @ g, g @ b.T)),
            Mistake("result-transposed", "these are the transposes of the right gradients", lambda g, a, b: ((g @ b.T).T, (a.T @ g).T)),
            Mistake("elementwise", "`*` multiplies element by element; a gradient is a matrix product: `@`", lambda g, a, b: (g * b, g * a)),
            Mistake("elementwise", "`*` multiplies element by element; a gradient is a matrix product: `@`", lambda g, a, b: (g * b.T, g * a.T)),
            Mistake("upstream-ignored", "g is ignored: the gradient of a is g @ b.T", lambda g, a, b: (b.T, a.T)),
            Mistake("of-ones", "g is ignored", lambda g, a, b: (np.ones_like(g) @ b.T, a.T @ np.ones_like(g))),
            Mistake("order", "the gradient of b is a.T @ g, in this order", lambda g, a, b: (g @ b.T, (g.T @ a))),
            Mistake("not-transposed", "the gradient of b needs a transposed: a.T @ g", lambda g, a, b: (g @ b.T, a @ g)),
            Mistake("not-transposed", "the gradient of a needs b transposed: g @ b.T", lambda g, a, b: (g @ b, a.T @ g)),
        ],
    )  # fmt: skip


@st.composite
def _batched(draw: st.DrawFn) -> tuple[Any, ...]:
    n, k, m = (draw(st.integers(1, 3)) for _ in range(3))
    batch = draw(shapes(max_dims=2, max_side=2))
    found = []
    for matrix in ((n, k), (k, m)):
        kept = draw(st.integers(0, len(batch)))
        front = tuple(1 if draw(st.booleans()) else size for size in batch[len(batch) - kept :])
        found.append(draw(arrays((*front, *matrix))))
    return tuple(found)


def _check_batched(m: Any) -> None:
    check_rule(
        lambda a, b: a @ b,
        m.matmul_rule,
        _batched(),
        mistakes=[
            Mistake("broadcast-axes", "where a batch was broadcast, its gradients must be summed: unbroadcast(..., a.shape)",
                    lambda g, a, b: (g @ _swap(b), _swap(a) @ g)),
            Mistake("all-transposed", ".T turns round all axes, those of the batch too; use swapaxes(-1, -2)",
                    lambda g, a, b: (unbroadcast(g @ b.T, a.shape), unbroadcast(a.T @ g, b.shape))),
            Mistake("order", "the order: g comes first for a, and last for b",
                    lambda g, a, b: (unbroadcast(_swap(b) @ g, a.shape), unbroadcast(g @ _swap(a), b.shape))),
            Mistake("swapped", "the two gradients are swapped",
                    lambda g, a, b: (unbroadcast(_swap(a) @ g, b.shape), unbroadcast(g @ _swap(b), a.shape))),
        ],
    )  # fmt: skip


def _functions() -> tuple[Any, ...]:
    """What is recorded, under the names that the file uses: a message of Python may name them."""

    def mul(x: Any, w: Any) -> Any:
        return x * w

    def mul_rule(g: Any, x: Any, w: Any) -> Any:
        return g * w, g * x

    def sum_of(x: Any, axis: Any = None) -> Any:
        return x.sum(axis)

    def sum_rule(g: Any, x: Any, axis: Any = None) -> Any:
        return np.broadcast_to(_one_axis_of(axis, x, g), x.shape)

    def add(x: Any, y: Any) -> Any:
        return x + y

    def add_rule(g: Any, x: Any, y: Any) -> Any:
        return g, g

    found = (mul, mul_rule, sum_of, sum_rule, add, add_rule)
    for function in found:
        function.__qualname__ = function.__name__
    return found


def _check_tensor(m: Any) -> None:
    mul, mul_rule, sum_of, sum_rule, add, add_rule = _functions()

    at_once = "the rule is called too early, before there is a g; hand over lambda g: rule(g, *arrays, **settings)"

    @explaining(
        ("'Tensor'", "not-arrays", "functions and rules take arrays, x.data, not Tensors: *arrays, not *inputs")
    )
    def one(x: Any, y: Any) -> None:
        a, b = m.Tensor(x), m.Tensor(y)
        lines = [f"x = Tensor({x.tolist()})", f"w = Tensor({y.tolist()})", "z = record(mul, mul_rule, x, w)"]
        with explaining(("required positional argument", "called-at-once", at_once)):
            z = call(m.record, (mul, mul_rule, a, b), watch=False, shown=lines)
        if not isinstance(z, m.Tensor):
            raise CheckFailed("record must return a Tensor.", kind="type", shown=lines, hint="type",
                              cause="return Tensor(function(...), inputs, a rule)")  # fmt: skip
        if z.data.shape != x.shape or not np.allclose(z.data, x * y):
            raise CheckFailed("The Tensor has the wrong data.", kind="data", shown=[*lines, f"z.data = {z.data}"], hint="data",
                              cause="its data is function(*arrays, **settings)")  # fmt: skip
        if tuple(z.parents) != (a, b):
            raise CheckFailed("The Tensor does not remember its parents.", kind="parents", shown=lines, hint="parents",
                              cause="the second argument of Tensor is `inputs`, the Tensors themselves")  # fmt: skip
        if not callable(z.rule):
            raise CheckFailed("The Tensor has no rule.", kind="rule", shown=lines, hint="rule",
                              cause="the third argument is a function: lambda g: rule(g, *arrays, **settings)")  # fmt: skip
        g = np.ones(x.shape)
        lines = [*lines, "z.rule(g)"]
        try:
            got = call(z.rule, (g,), watch=False, shown=lines)
        except CheckFailed as failure:
            if failure.kind == "raises" and failure.cause is None:
                failure.hint, failure.cause = (
                    "rule",
                    "rule is called with g alone: lambda g: rule(g, *arrays, **settings)",
                )
            raise
        if not isinstance(got, tuple) or not all(np.allclose(p, q) for p, q in zip(got, (g * y, g * x), strict=True)):
            raise CheckFailed("The rule of the Tensor gives something else than mul_rule(g, x.data, w.data).", kind="rule",
                              shown=lines, hint="rule", cause="lambda g: rule(g, *arrays, **settings)")  # fmt: skip

    pairs = shapes(max_dims=1).flatmap(lambda s: st.tuples(arrays(s, zero=False), arrays(s, zero=False)))
    check_property(one, pairs)
    x, g = m.Tensor([[0.0, 1.0], [2.0, 3.0]]), np.array([1.0, 2.0])
    lines = ["x = Tensor([[0, 1], [2, 3]])", "s = record(sum_of, sum_rule, x, axis=1)"]
    s = call(lambda: m.record(sum_of, sum_rule, x, axis=1), (), "record", shown=lines)
    lines += [f"s.data   expected [1, 5]   got {np.asarray(s.data).tolist()}"]
    grad = call(s.rule, (g,), watch=False, shown=[*lines, "s.rule([1, 2])"]) if np.shape(s.data) == (2,) else None
    if grad is None or not np.array_equal(grad, [[1, 1], [2, 2]]):
        if grad is not None:
            lines += [f"s.rule([1, 2])   expected [[1, 1], [2, 2]]   got {np.asarray(grad).tolist()}"]
        raise CheckFailed("The function or its rule does not get the settings.", kind="settings", hint="settings",
                          shown=lines,
                          cause="settings go to both: function(*arrays, **settings) and rule(g, *arrays, **settings)")  # fmt: skip

    def whole(x: Any, y: Any, twice: bool) -> None:
        a, b = m.Tensor(x), m.Tensor(y)
        lines = [f"x = Tensor({x.tolist()})", f"w = Tensor({y.tolist()})", "z = record(mul, mul_rule, x, w)"]
        z = m.record(mul, mul_rule, a, b)
        if twice:
            z = m.record(add, add_rule, z, a)
            lines.append("z = record(add, add_rule, z, x)")
        loss = m.record(sum_of, sum_rule, z)
        lines += ["loss = record(sum_of, sum_rule, z)", "backward(loss)"]
        call(m.backward, (loss,), watch=False, shown=lines)
        right = {"x": y + twice, "w": x}
        got = {"x": a.grad, "w": b.grad}
        if all(np.shape(got[k]) == x.shape and np.allclose(got[k], right[k]) for k in right):
            if twice and np.shape(z.grad) == x.shape and not np.allclose(z.grad, 1):
                raise CheckFailed("The gradient of z is wrong: it shares its array with another one.", kind="shared",
                                  shown=lines, hint="shared", cause="write x.grad = x.grad + g; += changes an array "
                                  "that a rule may have returned for two parents")  # fmt: skip
            return
        shown = lines + [f"{k}.grad   expected {right[k].tolist()}   got {np.asarray(got[k]).tolist()}" for k in right]
        hint, cause = None, None
        if not any(np.any(v) for v in got.values()):
            hint, cause = "nothing-sent", "no gradient arrives at the parents"
        elif not twice and np.allclose(got["x"], 1) and np.allclose(got["w"], 1):
            hint, cause = (
                "not-ruled",
                "the parents get node.grad itself; they must get what the rule made of it, `grads`",
            )
        elif (
            twice and np.allclose(got["w"], right["w"]) and (np.allclose(got["x"], 1) or np.allclose(got["x"], y))
        ) or (twice and np.allclose(got["x"], y) and np.allclose(got["w"], x)):
            hint, cause = "overwritten", "x is used twice, and one contribution replaces the other; add them"
        elif not np.any(got["w"]):
            hint, cause = "first-only", "only the first parent gets a gradient; go through all of node.parents"
        elif not np.any(got["x"]):
            hint, cause = "last-only", "only the last parent gets a gradient; go through all of node.parents"
        elif np.allclose(got["x"], x + twice) and np.allclose(got["w"], y):
            hint, cause = "swapped", "each parent gets the gradient of the other: zip(node.parents, grads)"
        raise CheckFailed("A gradient is wrong.", kind="grad", shown=shown, hint=hint, cause=cause)

    check_property(whole, st.tuples(pairs, st.booleans()).map(lambda d: (*d[0], d[1])))


EXERCISES = [
    Exercise(
        "4.1",
        "ch4_arrays/ex1_unbroadcast.py",
        _check_unbroadcast,
        title="Broadcasting, undone",
        solution=("g = g.sum(axis=0)", "g = g.sum(axis=axis, keepdims=True)"),
        hints=(
            "A bias of shape (4,) was added to 3 rows. How many numbers of the result does bias[0] change?",
            "New axes are in front, so sum over axis 0. An axis of size 1 is summed too, but must not vanish.",
            "g.sum(axis=0), and g.sum(axis=axis, keepdims=True).",
        ),
        meaning="Used in many places means a sum of gradients: that is why a bias learns from the whole batch.",
        engine="tinygrad_lecture/autograd/core.py:unbroadcast",
        another="g.reshape(-1, *shape).sum(0) does the first loop at once, if no axis has size 1.",
    ),
    Exercise(
        "4.2",
        "ch4_arrays/ex2_broadcast.py",
        _check_broadcast,
        title="Sum and product that broadcast",
        solution=(
            "return unbroadcast(g, x.shape), unbroadcast(g, y.shape)",
            "return unbroadcast(g * y, x.shape), unbroadcast(g * x, y.shape)",
        ),
        hints=(
            "Which shape does g have, and which one must the gradient of x have?",
            "First the rule that you know, then unbroadcast(..., the shape of the input).",
            "unbroadcast(g * y, x.shape) is the gradient of x.",
        ),
        meaning="The engine does this once, for all its rules; here you did it by hand.",
        engine="tinygrad_lecture/ops/basics.py:mul",
        another="tl.gradcheck(..., strict_shapes=True) asks the same of rules in this project.",
    ),
    Exercise(
        "4.3",
        "ch4_arrays/ex3_sum.py",
        _check_sum,
        title="The rule of a sum over an axis",
        solution=("g = np.expand_dims(g, axis)", "return np.broadcast_to(g, x.shape)"),
        hints=(
            "x has shape (2, 3), its sum over axis 1 shape (2,). Which of the 6 numbers get g[0]?",
            "np.expand_dims(g, axis) makes (2, 1) of (2,); np.broadcast_to(g, x.shape) repeats it.",
            "First gap: g = np.expand_dims(g, axis). Second: np.broadcast_to of it.",
        ),
        meaning="Forward a sum, backward a copy. And in 4.1: forward a copy, backward a sum.",
        engine="tinygrad_lecture/ops/basics.py:sum",
        another="return g * np.ones_like(x)          # broadcasting repeats by itself",
    ),
    Exercise(
        "4.4",
        "ch4_arrays/ex4_mean.py",
        _check_mean,
        title="The rule of a mean",
        solution="""
            count = x.size if axis is None else x.shape[axis]
            return sum_rule(g, x, axis) / count
        """,
        hints=(
            "The mean of 4 numbers: move one by 1, and by how much does the mean move?",
            "sum_rule(g, x, axis), divided by a count. Which count, with and without an axis?",
            "The count is x.shape[axis], or x.size if axis is None.",
        ),
        meaning="The mean over a batch makes the learning rate independent of its size.",
        engine="tinygrad_lecture/ops/reduction.py:mean",
        another="return sum_rule(g, x, axis) * np.size(g) / x.size",
    ),
    Exercise(
        "4.5",
        "ch4_arrays/ex5_max.py",
        _check_max,
        title="The rule of a maximum",
        solution="""
            share = largest / largest.sum(axis, keepdims=True)
            return np.expand_dims(g, axis) * share
        """,
        hints=(
            "x = [3, 1, 3]: which numbers move the maximum, and what is a fair share?",
            "`largest` counts as 1 and 0. largest.sum(axis, keepdims=True) is how many share.",
            "np.expand_dims(g, axis) * largest, divided by that sum.",
        ),
        meaning="A maximum is a switch: the gradient flows to the winner alone.",
        engine="tinygrad_lecture/ops/reduction.py:amax",
        another="PyTorch's x.max(dim) gives all of g to one winner; amax shares, as here.",
    ),
    Exercise(
        "4.6",
        "ch4_arrays/ex6_reshape.py",
        _check_reshape,
        title="The rules of reshape and transpose",
        solution=("return g.reshape(x.shape)", "return g.transpose(np.argsort(axes))"),
        hints=(
            "Where did the number at [0, 1] go? Its gradient must go the same way back.",
            "reshape back to x.shape; transpose with the order that undoes axes.",
            "g.transpose(np.argsort(axes)).",
        ),
        meaning="Nothing is computed: only places change. In attention they make heads and put them together again.",
        engine="tinygrad_lecture/ops/shape.py:permute",
        another="inverse = [axes.index(k) for k in range(len(axes))]   # instead of argsort",
    ),
    Exercise(
        "4.7",
        "ch4_arrays/ex7_take.py",
        _check_take,
        title="The rule of indexing, with repeats",
        solution="np.add.at(grad, ids, g)",
        hints=(
            "ids = [2, 2]: x[2] was used twice. What is its gradient, in terms of g[0] and g[1]?",
            "grad[ids] += g reads once, adds, and writes twice. There is a function that adds each.",
            "np.add.at(grad, ids, g).",
        ),
        meaning="Each token of a text sends its gradient to its row of the embedding; rows of other words get nothing.",
        engine="tinygrad_lecture/ops/indexing.py:getitem",
        another="for row, i in zip(g.reshape(-1, *x.shape[1:]), ids.ravel()): grad[i] += row",
    ),
    Exercise(
        "4.8",
        "ch4_arrays/ex8_matmul.py",
        _check_matmul,
        title="The rule of a matrix product",
        solution="return g @ b.T, a.T @ g",
        hints=(
            "g is (n, m) and b is (k, m). Which product of the two, one of them transposed, gives (n, k)?",
            "There is only one way to make (n, k) of (n, m) and b, and one to make (k, m) of a and g.",
            "g @ b.T is (n, m) @ (m, k). The other begins with a.T.",
        ),
        meaning="Backward costs two matrix products where forward cost one: a training step is three forward passes.",
        engine="tinygrad_lecture/ops/basics.py:matmul",
        another='np.einsum("nm,km->nk", g, b), np.einsum("nk,nm->km", a, g)',
        race=race("matmul_rule", tl.matmul, A, B, of="(200, 100) @ (100, 50)"),
    ),
    Exercise(
        "4.9",
        "ch4_arrays/ex9_batched.py",
        _check_batched,
        title="Many matrix products at once",
        solution="""
            grad_a = g @ b.swapaxes(-1, -2)
            grad_b = a.swapaxes(-1, -2) @ g
            return unbroadcast(grad_a, a.shape), unbroadcast(grad_b, b.shape)
        """,
        hints=(
            "What does .T do with an array of shape (8, 3, 4)?",
            "The rule of 4.8 with swapaxes(-1, -2) for .T; then each gradient to the shape of its input.",
            "unbroadcast(g @ b.swapaxes(-1, -2), a.shape) is the first.",
        ),
        meaning="A layer's weights serve every example of the batch, so their gradient is a sum over the batch.",
        engine="tinygrad_lecture/ops/basics.py:matmul",
        another='np.einsum("...nm,...km->...nk", g, b)',
        race=race("matmul_rule", tl.matmul, *normal((8, 64, 32), (8, 32, 64)), of="8 products (64, 32) @ (32, 64)"),
    ),
    Exercise(
        "4.10",
        "ch4_arrays/ex10_tensor.py",
        _check_tensor,
        title="Your engine for arrays",
        solution=(
            "return Tensor(function(*arrays, **settings), inputs, lambda g: rule(g, *arrays, **settings))",
            """
            for parent, grad in zip(node.parents, grads):
                parent.grad = parent.grad + grad
            """,
        ),
        hints=(
            "Which three arguments does Tensor take, and what is each of them for a product?",
            "The rule is a function of g alone: lambda g: rule(g, *arrays, **settings).",
            "backward: for parent, grad in zip(node.parents, grads): parent.grad = parent.grad + grad",
        ),
        meaning="This is an autograd engine. From here on, everything that you train runs on it.",
        engine="tinygrad_lecture/autograd/op.py:Op",
        another="functools.partial(rule, ...) would do for the lambda, if g were the last argument.",
    ),
]
