"""tl.testing: right answers pass, wrong ones fail on a small input, with the cause."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from tinygrad_lecture.gradient_checking.hints.case import sum_to_shape
from tinygrad_lecture.testing import (
    CheckFailed,
    Mistake,
    arrays,
    broadcastable,
    check_function,
    check_module,
    check_op,
    check_property,
    check_rule,
    matrices,
    same_shape,
    shapes,
    with_axis,
)

ROOT = Path(__file__).parents[3]


def failure_of(check, *args, **options):
    with pytest.raises(CheckFailed) as caught:
        check(*args, **options)
    return caught.value


def cube(x):
    return x * x * x


def test_a_right_rule_passes_for_every_shape():
    check_rule(cube, lambda g, x: g * 3 * x * x, [arrays()])


def test_a_wrong_rule_is_shown_on_a_single_number_with_its_cause():
    failure = failure_of(check_rule, cube, lambda g, x: g * 3 * x, [arrays()], names=["x"], name="cube_rule")
    assert failure.hint == "missing-factor"
    assert failure.cause == "a factor is missing; multiply by x"
    assert "upstream g = 1." in "\n".join(failure.shown)
    assert len(failure.shown) <= 4


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        (lambda g, x, w: (w, x), {"upstream-ignored", "not-linear"}),
        (lambda g, x, w: (g * x, g * w), {"wrong-argument", "other-input"}),
        (lambda g, x, w: (g * w, -g * x), {"wrong-sign"}),
        (lambda g, x, w: g * w, {"parts"}),
        (lambda g, x, w: None, {"parts"}),
        (lambda g, x, w: (g * w, None), {"nothing"}),
        (lambda g, x, w: (g * w, ...), {"unfinished"}),
        (lambda g, x, w: (g * w, "x"), {"type"}),
        (lambda g, x, w: (np.float32(1) * (g * w).astype(np.float32), g * x), {"dtype"}),
        (lambda g, x, w: (g * w, np.maximum(g, 0) * x), {"upstream-changed", "not-linear"}),
    ],
)
def test_mistakes_in_the_rule_of_a_product_are_named(rule, hint):
    failure = failure_of(check_rule, lambda x, w: x * w, rule, same_shape(2), names=["x", "w"])
    assert failure.hint in hint, (failure.hint, str(failure))


def gathered(axis, add):
    def rule(g, x, i):
        full, places = np.zeros_like(x), list(np.indices(i.shape))
        places[axis] = i
        if add:
            np.add.at(full, tuple(places), g)
        else:
            full[tuple(places)] = g
        return full

    return rule


INDEX = arrays((3, 3), 0, 2).map(lambda i: i.astype(int))


@pytest.mark.parametrize(
    ("forward", "rule", "inputs", "says"),
    [
        (
            lambda x, i: np.take_along_axis(x, i, 0),
            gathered(1, add=True),
            [arrays((3, 3)), INDEX],
            "the rule adds g along axis 1, but the op gathers along axis 0",
        ),
        (lambda x, i: np.take_along_axis(x, i, 0), gathered(0, add=False), [arrays((3, 3)), INDEX], "np.add.at"),
        (
            lambda a, b: a @ b,
            lambda g, a, b: (g @ b.T, a.T @ g),
            [arrays((2, 3, 2)), arrays((2, 2, 4))],
            "reverses all of them; write .swapaxes(-1, -2)",
        ),
        (lambda x: x.prod(), lambda g, x: g * x.prod() / x, [arrays(4)], "as it divides by x, which is 0 in some"),
        (lambda x: np.maximum(x, 0), lambda g, x: g * (g > 0), [arrays(6)], "masks are made from the inputs"),
        (lambda w, x: (w * x).sum(), lambda g, w, x: (g * w, g * w), [arrays(4), arrays(4)], "right with x instead of"),
    ],
    ids=["gather along another axis", "gather", "batched product", "prod", "relu", "zeros among the numbers"],
)
def test_mistakes_in_other_rules_are_named(forward, rule, inputs, says):
    failure = failure_of(check_rule, forward, rule, inputs)
    assert says in failure.cause


def test_a_sum_over_a_broadcast_axis_that_is_missing_is_named():
    rule = failure_of(check_rule, lambda x, w: x * w, lambda g, x, w: (g * w, g * x), broadcastable(2))
    assert rule.hint == "broadcast-axes"


def test_a_shape_that_no_broadcasting_made_is_not_explained_by_it():
    failure = failure_of(check_rule, lambda a, b: a @ b, lambda g, a, b: (g * b.T, a.T * g), matrices("nk", "km"))
    assert "was broadcast" not in failure.cause
    assert "does `*` stand for `@`?" in failure.cause


def test_a_sum_that_is_missing_is_told_with_the_shapes_that_are_shown():
    failure = failure_of(
        check_rule, lambda x, w: x * w, lambda g, x, w: (g * w, g * x), broadcastable(2), names=["x", "w"]
    )
    expected, got = (next(line for line in failure.shown if line.startswith(which)) for which in ("expected", "got"))
    shapes = [line.partition("shape ")[2] for line in (expected, got)]
    assert f"was broadcast from {shapes[0]} to {shapes[1]};" in failure.cause


def test_a_sign_that_depends_on_the_other_input_is_told_by_that_one():
    rule = failure_of(
        check_rule, lambda x, w: x * w, lambda g, x, w: (g * abs(w), g * abs(x)), same_shape(2), names=["x", "w"]
    )
    assert "wrong sign at the elements where w is negative, and is right elsewhere" in rule.cause


def test_a_rule_whose_parameters_are_in_another_order_fails_as_a_wrong_one():
    def rule(x, w, g):
        return g * w, g * x

    assert failure_of(check_rule, lambda x, w: x * w, rule, same_shape(2)).kind.startswith("gradient")


def test_a_rule_without_g_is_told_so_whatever_its_dtype_and_shape():
    matmul = failure_of(check_rule, lambda a, b: a @ b, lambda g, a, b: (b.T, a.T), matrices("nk", "km"))
    relu = failure_of(check_rule, lambda x: np.maximum(x, 0), lambda g, x: x > 0, [arrays(zero=False)])
    assert (matmul.hint, relu.hint) == ("upstream-ignored", "upstream-ignored")


def test_a_transpose_that_is_missing_is_right_for_square_matrices_only():
    failure = failure_of(check_rule, lambda a, b: a @ b, lambda g, a, b: (g @ b, a @ g), matrices("nk", "km"))
    assert failure.kind == "raises"
    square = failure_of(check_rule, lambda a, b: a @ b, lambda g, a, b: (g @ b, a @ g), matrices("NN", "NN"))
    assert square.hint in ("transposed", "wrong-product", "wrong-argument"), str(square)


def test_a_rule_that_is_right_for_positive_numbers_only_is_told_so():
    failure = failure_of(check_rule, np.abs, lambda g, x: g, [arrays((2,), zero=False)])
    assert failure.only == "positive numbers"


@pytest.mark.parametrize(("what", "hint"), [("g", "upstream-modified"), ("x", "input-modified")])
def test_a_rule_that_writes_to_what_it_was_given_is_told_so(what, hint):
    def rule(g, x):
        given = g if what == "g" else x
        result = g * 2 * x
        given *= 2
        return result

    assert failure_of(check_rule, np.square, rule, [arrays(zero=False)]).hint == hint


def test_a_rule_with_state_fails_though_its_first_gradient_is_right():
    latest = []

    def rule(g, x):
        latest.append(x.copy())
        return g * 2 * latest[0] if latest[0].shape == x.shape else g * 2 * x

    failure = failure_of(check_rule, np.square, rule, [arrays((2,))])
    assert failure.kind in ("gradient of x", "impure", "not-deterministic"), str(failure)


def test_elements_without_a_derivative_count_only_with_a_reference():
    loose = lambda g, x: g * (x >= 0)  # noqa: E731
    check_rule(lambda x: np.maximum(x, 0), loose, [arrays()])
    strict = failure_of(check_rule, lambda x: np.maximum(x, 0), loose, [arrays()], reference=lambda g, x: g * (x > 0))
    assert "x          = 0." in strict.shown


def test_a_rule_in_the_dialect_of_autograd_function_is_checked_as_well():
    class Cube:
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 3 * x * x

    class Wrong(Cube):
        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 3 * x

    check_rule(Cube, None, [arrays()])
    failure = failure_of(check_rule, Wrong, None, [arrays()])
    assert failure.what.startswith("Wrong.backward")
    assert failure.hint == "missing-factor"


def test_a_class_is_compared_with_the_right_function_too():
    class Times:
        @staticmethod
        def forward(ctx, x, w):
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(x, w)
            return x * w

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            return g * w, g * x

    class Plus(Times):
        @staticmethod
        def forward(ctx, x, w):
            return x + w

        @staticmethod
        def backward(ctx, g):
            return g, g

    class Half(Times):
        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[1], None

    check_rule(lambda x, w: x * w, Times, same_shape(2))
    plus = failure_of(check_rule, lambda x, w: x * w, Plus, same_shape(2))
    assert plus.what == "Plus.forward returns a wrong result."
    half = failure_of(check_rule, lambda x, w: x * w, Half, same_shape(2))
    assert half.what == "Half.backward returns None as the gradient of w."


def test_what_is_returned_in_place_of_a_tuple_is_named():
    for rule, kind in ((lambda g, x, w: [g * w, g * x], "list"), (lambda g, x, w: {"x": g}, "dict")):
        failure = failure_of(check_rule, lambda x, w: x * w, rule, same_shape(2))
        assert failure.what.endswith(f"but returns one value, of type {kind}.")


def test_a_cause_of_a_wrong_shape_holds_for_the_shapes_that_are_shown():
    def rule(g, a, b):
        return sum_to_shape(g @ b.swapaxes(0, 1), a.shape), sum_to_shape(a.swapaxes(0, 1) @ g, b.shape)

    small, large = st.tuples(arrays((1, 2)), arrays((1, 2, 1))), st.tuples(arrays((1, 1, 3)), arrays((1, 3, 1)))
    failure = failure_of(check_rule, np.matmul, rule, st.one_of(small, large), names=["a", "b"])
    assert failure.kind.startswith("shape")
    assert "shape of the output" not in failure.cause


def test_two_gradients_with_each_others_shape_are_told_so():
    rule = lambda g, x, y: (g.sum() * np.ones(y.shape), g.sum() * np.ones(x.shape))  # noqa: E731
    failure = failure_of(check_rule, np.add, rule, broadcastable(2), names=["x", "y"])
    assert failure.hint == "swapped"
    assert "the gradient of x has the shape of y" in failure.cause


def test_an_if_on_a_whole_array_is_told_though_it_runs_on_a_single_number():
    failure = failure_of(check_rule, lambda x: np.maximum(x, 0), lambda g, x: g if x > 0 else 0, [arrays(zero=False)])
    assert failure.hint == "array-truth"


def test_what_is_shown_fits_and_stands_in_line():
    class Value:
        pass

    upper, lower = (lambda n, f=f: f(np.ones((n, n), dtype=bool)) for f in (np.triu, np.tril))
    masks = failure_of(check_function, upper, lower, [st.just(2)])
    assert [line[:9] for line in masks.shown[1:]] == ["expected ", " " * 9, "got      ", " " * 9]
    words = failure_of(check_function, lambda n: [Value()] * 20, lambda n: ["a word"] * 20, [st.just(2)])
    assert max(map(len, words.shown)) <= 74
    assert "0x" not in "".join(words.shown)


def test_of_several_values_the_wrong_one_is_named():
    failure = failure_of(check_function, lambda x: (x, x), lambda x: (x, x + 1), [arrays()], name="step")
    assert failure.what == "step returns a wrong second value."


def test_a_formula_or_factor_that_holds_for_some_inputs_alone_is_not_told():
    inputs = st.tuples(arrays(), st.sampled_from([1, 2, 3]).map(lambda n: {"n": n}))
    power = failure_of(check_rule, lambda x, n: x**n, lambda g, x, n: g * (n - 1) * x**n, inputs)
    assert "2 * x" not in (power.cause or "")
    assert power.hint != "zero"
    bend = lambda x: x / 2 + x * np.tanh(x)  # noqa: E731 - at 0 every element is 0.8 times the right one
    factor = failure_of(check_rule, bend, lambda g, x: g * (0.4 + np.tanh(x) ** 3), [arrays((2,))])
    assert "every element" not in (factor.cause or "")


def test_a_check_that_could_never_fail_is_refused():
    with pytest.raises(TypeError, match="must raise CheckFailed"):
        check_property(lambda x: False, [arrays()])
    with pytest.raises(TypeError, match="by letters"):
        check_property(lambda *xs: None, matrices())


def test_check_op_names_the_element_and_the_cause():
    @tl.op
    def double(x, /):
        return 2 * x

    @double.backward
    def _(g):
        return 3 * g

    failure = failure_of(check_op, double, [arrays()])
    assert failure.hint == "constant-factor"
    check_op(tl.tanh, [arrays(shapes(max_dims=2))])


def test_check_module_checks_outputs_and_all_gradients():
    layer = nn.Linear(2, 3)
    inputs = st.integers(1, 3).flatmap(lambda n: st.tuples(arrays((n, 2))))
    check_module(layer, inputs, reference=lambda x, weight, bias: x @ weight.T + bias)
    wrong = failure_of(check_module, layer, inputs, reference=lambda x, weight, bias: x @ weight.T)
    assert wrong.what == "Linear returns a wrong output."

    @tl.op
    def halved(x, /):
        return x / 2

    @halved.backward
    def _(g):
        return g

    class Half(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(tl.ones(2))

        def forward(self, x):
            return x * halved(self.weight)

    failure = failure_of(check_module, Half(), inputs)
    assert failure.hint == "constant-factor", str(failure)
    assert "weight" in failure.what


def test_check_module_leaves_the_module_as_it_was():
    layer = nn.Linear(2, 2)
    before = layer.weight.detach().numpy().copy()
    check_module(layer, [arrays((1, 2))])
    assert layer.weight.dtype == tl.float32
    assert np.array_equal(layer.weight.detach().numpy(), before)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize(
    ("fn", "hint"),
    [
        (lambda x: -softmax(x), "wrong-sign"),
        (lambda x: 2 * softmax(x), "constant-factor"),
        (lambda x: softmax(x) + 1, "constant-term"),
        (lambda x: softmax(x) * 0, "zero"),
        (lambda x: x, "unchanged"),
        (lambda x: softmax(x)[None], "axis-kept"),
        (lambda x: softmax(x).sum(-1), "summed-too-far"),
        (lambda x: np.full(x.shape, np.nan), "not-finite"),
        (lambda x: softmax(x).astype(np.float32), "dtype"),
        (lambda x: (softmax(x) * 10).astype(int), "whole-numbers"),
    ],
)
def test_mistakes_that_any_function_can_have_are_named(fn, hint):
    failure = failure_of(check_function, fn, softmax, [arrays(shapes(min_dims=2, max_dims=2))])
    assert failure.hint == hint, str(failure)


def test_a_mistake_that_the_teacher_names_is_recognised():
    mistake = Mistake("wrong-axis", "the sum goes over axis 0", lambda x: np.exp(x) / np.exp(x).sum(0))
    inputs = [arrays(shapes(min_dims=2, max_dims=2))]
    failure = failure_of(
        check_function, lambda x: np.exp(x) / np.exp(x).sum(axis=0), softmax, inputs, mistakes=[mistake]
    )
    assert (failure.hint, failure.cause) == ("wrong-axis", "the sum goes over axis 0")
    other = failure_of(check_function, lambda x: np.exp(x), softmax, inputs, mistakes=[mistake])
    assert other.hint != "wrong-axis"


def test_an_exception_shows_the_smallest_input_and_the_frames_of_the_answer_alone():
    def answer(x):
        return x / (x.shape[0] - 2)[0]

    failure = failure_of(check_function, answer, softmax, [arrays((st.integers(1, 3),))])
    text = str(failure)
    assert failure.kind == "raises"
    assert "TypeError" in text
    assert "test_checks.py" in text
    assert "calls.py" not in text
    assert ">" in text


def test_pytest_shows_a_failure_without_the_checker(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "from tinygrad_lecture.testing import arrays, check_rule\n\n\n"
        "def test_cube():\n    check_rule(lambda x: x**3, lambda g, x: g * 3 * x, [arrays()])\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "test_mine.py"],
        cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [ROOT, *sys.path])), "PYTEST_ADDOPTS": ""},
    )  # fmt: skip
    assert "a factor is missing; multiply by x" in done.stdout
    assert len(done.stdout.splitlines()) < 25, done.stdout


def test_what_an_answer_is_right_for_is_said_only_if_it_holds():
    ones = failure_of(check_rule, lambda x, y: x + y, lambda g, x, y: (1.0, 1.0), same_shape(2), names=["x", "y"])
    assert ones.only is None  # right for a single number, if g is 1


def test_what_an_answer_prints_for_the_failing_input_is_kept():
    def answer(x):
        print("shape", x.shape)
        return x

    failure = failure_of(check_function, answer, softmax, [arrays((st.integers(2, 3),))])
    assert failure.printed.startswith("shape (2,)")


def test_an_answer_that_depends_on_chance_is_told_so_or_found_wrong():
    rng = np.random.default_rng(0)
    failure = failure_of(check_function, lambda x: x + rng.integers(0, 2), lambda x: x, [arrays((2,))])
    assert failure.kind in ("not-deterministic", "result")


def test_the_same_seed_gives_the_same_draws():
    def drawn(seed):
        seen = []
        check_property(lambda x: seen.append(x.tolist()), [arrays()], seed=seed)
        return seen

    assert drawn(1) == drawn(1) != drawn(2)


@pytest.mark.parametrize("strategy", [broadcastable(3), same_shape(3)])
def test_groups_of_arrays_fit_together(strategy):
    check_property(lambda *xs: np.broadcast_shapes(*(x.shape for x in xs)), strategy.map(tuple))


def test_matrices_share_the_sizes_of_their_letters():
    def check(a, b, c):
        assert a.shape[1] == b.shape[0]
        assert a.shape[0] == c.shape[0] >= 2

    check_property(check, matrices("Nk", "km", "N"))


def test_axes_are_valid():
    check_property(lambda x, settings: x.sum(**settings), with_axis(none=True))
