"""gradcheck: right rules pass, wrong rules are found and explained, kinks are left out, and state is restored."""

import traceback
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import strict_device  # noqa: F401 - makes device="strict" known
import tinygrad_lecture as tl
from gradchecks import draw, failure, make, same_draws, tensor  # noqa: F401 - same_draws is a fixture
from tinygrad_lecture.autograd.modes import modes
from tinygrad_lecture.traced import wrap

# --- right gradients pass -----------------------------------------------------------------------------------


RIGHT = {
    "exp": (tl.exp, [draw(2, 3)]),
    "where": (lambda x, y: tl.where(tensor([True, False, True]), x * y, y), [draw(3), draw(3)]),
    "sigmoid": (tl.sigmoid, [tensor([-800.0, -1.0, 0.0, 30.0])]),
    "layer norm": (tl.layer_norm, [draw(2, 4), draw(4), draw(4)]),
    "matmul": (tl.matmul, [draw(2, 3), draw(3, 2)]),
    "cumsum and mean": (lambda x: tl.cumsum(x, 1).mean(0), [draw(3, 2)]),
    "softmax": (tl.softmax, [draw(2, 3)]),
    "gelu": (tl.gelu, [draw(3)]),
    "max": (lambda x: x.max(axis=1), [draw(2, 3)]),
    "many uses": (lambda x: x * x + x[[0, 0, 1]] * x.sum(), [draw(3)]),
    "0-d": (lambda x: x * x, [draw()]),
    "empty": (tl.exp, [tensor(np.zeros((0, 3)))]),
    "constant": (lambda x: x * 0 + 1, [draw(3)]),
    "no dependence at all": (lambda x: tensor([1.0, 2.0]), [draw(3)]),
    "identity": (lambda x: x, [draw(3)]),
}
ANALYTIC = ["exp", "where", "sigmoid", "layer norm", "matmul", "cumsum and mean", "many uses", "0-d"]


@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients_pass(name):
    fn, inputs = RIGHT[name]
    report = tl.gradcheck(fn, inputs)
    assert report
    assert report.error is None
    assert (report.checked, report.kinks) == (sum(x.numel() for x in inputs), 0)
    if name in ANALYTIC:
        assert report.method == "complex step"
        assert report.largest_error < 1e-13
    assert tl.gradgradcheck(fn, inputs)


@pytest.mark.parametrize("name", ["exp", "where", "layer norm", "many uses"])
def test_eps_asks_for_central_differences(name):
    report = tl.gradcheck(*RIGHT[name], eps=1e-5)
    assert report.method == "central differences"
    assert report.largest_error < 1e-8


def test_the_report_says_what_was_done():
    assert str(tl.gradcheck(tl.sin, draw(2, 3))).startswith("sin: 6 elements right, by complex step, largest error ")
    assert str(tl.gradcheck(tl.relu, tensor([0.0, 1.0]))).endswith("; 1 kink left out")


def test_inputs_that_require_grad_are_checked_or_else_all_floats():
    x, y, i = draw(3), draw(2), tl.tensor([0, 1])
    fn = lambda x, y, i: x.sum() * y[i]  # noqa: E731
    assert tl.gradcheck(fn, [x, y, i]).checked == 5
    assert tl.gradcheck(fn, [x, y.clone().requires_grad_(), i]).checked == 2
    assert tl.gradcheck(lambda x, axis: x.cumsum(axis), [draw(2, 2), 1]).checked == 4


def test_integer_outputs_are_ignored():
    assert tl.gradcheck(tl.sort, draw(4)).checked == 4
    assert tl.gradcheck(lambda x: [x.exp(), x.argmax()], draw(4)).checked == 4


def test_a_tensor_given_twice_is_two_inputs_and_a_broadcast_view_is_copied():
    x = draw(3)
    assert tl.gradcheck(tl.mul, [x, x]).checked == 6
    assert tl.gradcheck(tl.exp, x.broadcast_to(2, 3)).checked == 6
    assert tl.gradcheck(tl.exp, wrap(np.broadcast_to(1.5, (4,)))).checked == 4


def test_results_of_ops_and_parameters_in_a_closure_are_allowed():
    weight = draw(3, 2).requires_grad_()
    x = draw(4, 3).requires_grad_() * 2
    assert tl.gradcheck(lambda x: (x @ weight).tanh(), x).checked == 12
    assert weight.grad is None


def test_random_numbers_are_the_same_in_every_call():
    assert tl.gradcheck(lambda x: x * (tl.rand(*x.shape, dtype=tl.float64) > 0.5), draw(6)).checked == 6


def test_on_another_device():
    x = draw(2, 3).to("strict")
    assert tl.gradcheck(lambda x: (x.exp() * x).sum(1), x).method == "complex step"
    assert tl.gradcheck(lambda x: tl.softmax(x.relu()), x).method == "central differences"
    assert tl.gradgradcheck(lambda x: tl.softmax(x) * x, x)


# --- the error ----------------------------------------------------------------------------------------------


def cube(x, /):
    return x * x * x


def test_the_error_carries_the_facts():
    x = tensor([[0.5, 1.0, -2.0], [3.0, 0.1, 1.5]])
    error = failure(make(cube, "cube", x=lambda g, x: g * x * x), x)
    assert (error.fn_name, error.input_index, error.input_name, error.output_index) == ("cube", 0, "x", None)
    assert (error.shape, error.wrong, error.total, error.worst_index) == ((2, 3), 6, 6, (1, 0))
    assert error.expected == pytest.approx(error.expected_array[1, 0])
    assert error.got == error.got_array[1, 0]
    assert (error.hint, error.method, error.culprit) == ("constant-factor", "central differences", "cube")
    np.testing.assert_allclose(error.got_array * 3, error.expected_array, rtol=1e-7)
    assert error.kinks.shape == (2, 3)
    assert not error.kinks.any()


def test_the_error_reads_well():
    text = str(failure(make(cube, "cube", x=lambda g, x: g * x * x), tensor([[0.5, 1.0], [3.0, 0.1]])))
    lines = text.split("\n")
    assert lines[0] == (
        "gradcheck: the gradient of cube with respect to x (input 0), shape (2, 2), is wrong in 4 of 4 elements."
    )
    assert lines[1].startswith("  worst element (1, 0): expected ")
    assert lines[2].split() == ["element", "input", "upstream", "expected", "got"]
    assert len(lines) == 2 + 5 + 2
    assert lines[-1] == (
        "  likely cause: every element is 1/3 of the expected value: a constant factor is missing; multiply by 3"
    )


def test_large_arrays_are_not_listed_and_0d_has_no_element():
    text = str(failure(make(cube, x=lambda g, x: g * x * x), draw(13)))
    assert "upstream  expected" not in text
    assert "wrong.\n  expected " in str(failure(make(cube, x=lambda g, x: g * x * x), draw()))


def test_right_elements_are_right_in_the_list():
    error = failure(make(cube, x=lambda g, x: np.where(x > 1, g, 3 * g * x * x)), tensor([0.5, 2.0, 3.0, 0.7]))
    assert (error.wrong, error.total) == (2, 4)
    assert [line.endswith("wrong") for line in str(error).split("\n")[3:7]] == [False, True, True, False]


def test_the_wrong_input_and_the_wrong_output_are_named():
    bad = make(lambda a, b, /: a * b, a=lambda g, b: g * b, b=lambda g, a: 2 * g * a)
    error = failure(lambda x, y: (x.exp(), y.exp(), bad(x, y)), [draw(3), draw(3)])
    assert (error.input_index, error.input_name, error.output_index) == (1, "y", 2)
    assert "the gradient of output 2 of the function with respect to y (input 1)" in str(error)


def test_other_wrong_inputs_are_mentioned():
    bad = make(lambda a, b, /: a * b, a=lambda g, b: 3 * g * b, b=lambda g, a: 2 * g * a)
    assert "b (input 1) is wrong too, in 3 of 3" in str(failure(bad, [draw(3), draw(3)]))


def test_with_raise_exception_false_the_report_holds_the_error():
    report = tl.gradcheck(make(cube, x=lambda g, x: g * x * x), draw(3), raise_exception=False)
    assert not report
    assert report.error.hint == "constant-factor"
    assert str(report) == str(report.error)


# --- other failures -----------------------------------------------------------------------------------------


def test_an_exception_in_a_rule_names_op_and_arguments_and_keeps_its_traceback():
    op = make(lambda a, b, /: a @ b, "product", a=lambda g, b: g @ b, b=lambda g, a: a.T @ g)
    error = failure(lambda a, b: op(a, b).exp(), [draw(2, 3), draw(3, 4)])
    assert "the backward rule of product raised ValueError" in str(error)
    assert "it was given g (2, 4), b (3, 4)" in str(error)
    assert (error.hint, error.culprit) == ("transposed", "product")
    assert "transpose b: then the rule runs, and returns the shape of the input, (2, 3)" in str(error)
    assert "a=lambda g, b: g @ b" in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    ("rule", "hint", "said"),
    [
        (lambda g: g * undefined, "rule-raised", "raised NameError: name 'undefined' is not defined"),  # noqa: F821
        (lambda g: None, "returned-none", "is a return missing?"),
        (lambda g: 2.0, "no-array", "returned 2.0"),
        (lambda g: g.T, "transposed", "returned a gradient of shape (3, 2) for an input of shape (2, 3)"),
        (lambda g: g[0, :2], "wrong-shape", "returned a gradient of shape (2,) for an input of shape (2, 3)"),
        (lambda g, x: (2 * g * x).astype(np.float32), "dtype", "returns float32 for a float64 input"),
        (lambda g, x: np.multiply(g, 2 * x, out=g), "upstream-modified", "changes its upstream gradient g in place"),
        (lambda g, x: g * np.multiply(x, 2, out=x), "input-modified", "changes an array that it was given, in place"),
    ],
)
def test_rules_that_misbehave(rule, hint, said):
    error = failure(make(lambda x, /: x * x, x=rule), draw(2, 3))
    assert error.hint == hint
    assert said in str(error)
    assert "student_op" in str(error)


def test_a_gradient_left_in_the_shape_of_the_output():
    error = failure(make(lambda x, /: x.sum(1), x=lambda g: g), draw(2, 3))
    assert error.hint == "not-spread"


def test_a_rule_that_is_not_repeatable():
    calls = []
    error = failure(make(cube, x=lambda g, x: calls.append(0) or g * 3 * x * x * len(calls)), draw(2))
    assert error.hint == "not-repeatable"


def test_a_function_that_is_not_deterministic():
    rng = np.random.default_rng(0)
    error = failure(lambda x: x * tensor(rng.random(3)), draw(3))
    assert error.hint == "not-deterministic"
    assert "tl.rand" in str(error)


def test_a_function_that_changes_its_input():
    def in_place(x):
        with tl.no_grad():
            x += 1
        return x * x

    assert failure(in_place, draw(3)).hint == "input-modified"


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: x.detach().exp(),
        lambda x: tl.no_grad(tl.exp)(x),
        lambda x: tl.tensor(np.exp(x.numpy())),
        lambda x: tensor([float(x[0]) ** 2]),
    ],
    ids=["detach", "no_grad", "numpy", "float"],
)
def test_an_input_that_no_gradient_reaches(fn):
    error = failure(fn, draw(2))
    assert error.hint == "no-gradient"
    assert error.got == 0


@pytest.mark.parametrize(
    "fn", [lambda x: x * x.detach(), lambda x: x.exp() * x[0].item(), lambda x: x * tensor(np.abs(x.numpy()))]
)
def test_a_part_of_the_function_off_the_tape(fn):
    error = failure(fn, draw(3))
    assert error.hint == "outside-the-tape"
    assert error.culprit is None


def test_outputs_that_are_not_finite():
    assert failure(tl.log, tensor([1.0, 0.0])).hint == "not-finite"


def test_a_rule_is_not_blamed_for_values_with_too_few_digits():
    assert failure(lambda x: x.float().sin().double(), draw(3)).hint == "float32"
    jitter = lambda x: 1e-6 * np.modf(1e13 * np.sin(13 * x))[0]  # noqa: E731
    op = make(lambda x, /: np.sin(x) + jitter(x), x=lambda g, x: g * np.cos(x))
    assert failure(op, draw(3)).hint == "unsteady"


@pytest.mark.parametrize(
    ("fn", "inputs", "kind", "said"),
    [
        (tl.exp, tl.tensor([1.0]), TypeError, "dtype=tl.float64"),
        (tl.mul, [draw(2), tl.ones(2)], TypeError, "input 1 is float32"),
        (tl.exp, tl.tensor([1]), TypeError, "no input is a float Tensor (given a Tensor of shape (1,), int64)"),
        (tl.exp, [np.ones(2)], TypeError, "an array of shape (2,), float64"),
        (tl.exp, [], ValueError, "there are no inputs"),
        (tl.exp, 1.0, TypeError, "inputs must be a Tensor or a tuple of Tensors, not a float"),
        (tl.exp, None, TypeError, "must be a Tensor or a tuple of Tensors, not None; make one with tl.tensor"),
        (tl.exp, np.ones(2), TypeError, "must be a Tensor or a tuple of Tensors, not an array of shape (2,), float64"),
        (tl.exp, tensor([1.0, np.inf]), ValueError, "input 0 has inf at element 1"),
        (lambda x: x.numpy(), draw(2), TypeError, "returned an array of shape (2,), float64; it must return a Tensor"),
        (lambda x: None, draw(2), TypeError, "is a return missing?"),
        (lambda x: (x, 1.0), draw(2), TypeError, "returned a tuple of a Tensor of shape (2,), float64 and a float"),
        (lambda x: x > 0, draw(2), TypeError, "returned a Tensor of shape (2,), bool; only floats have gradients"),
        (lambda x: (), draw(2), TypeError, "an empty tuple"),
        (lambda x: x.float(), draw(2), TypeError, "returned a Tensor of shape (2,), float32"),
    ],
)
@pytest.mark.parametrize("check", [tl.gradcheck, tl.gradgradcheck])
def test_inputs_and_outputs_that_cannot_be_checked_are_refused(check, fn, inputs, kind, said):
    with pytest.raises(kind) as caught:
        check(fn, inputs)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{check.__name__}: ")


# --- state is restored --------------------------------------------------------------------------------------


def boom(x):
    tl.rand(3)
    raise ZeroDivisionError("the function's own")


@pytest.mark.parametrize("fn", [lambda x: x * tl.rand(3, dtype=tl.float64), boom, lambda x: x.detach() * 2])
@pytest.mark.parametrize("check", [tl.gradcheck, tl.gradgradcheck])
def test_inputs_grads_modes_and_random_streams_are_restored(check, fn):
    x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    (x * 2).sum().backward()
    grad, stream, legacy = x.grad, tl.get_rng_state(), np.random.get_state()[1].copy()
    with tl.no_grad():
        with suppress(tl.GradcheckError, ZeroDivisionError):
            check(fn, x)
        assert not tl.is_grad_enabled()
    assert (modes.observer, modes.reference) == (None, False)
    assert x.grad is grad
    np.testing.assert_array_equal(grad.numpy(), [2, 2, 2])
    np.testing.assert_array_equal(x.numpy(), [1, 2, 3])
    assert tl.get_rng_state() == stream
    np.testing.assert_array_equal(np.random.get_state()[1], legacy)


def test_the_same_seed_gives_the_same_check():
    bad = make(cube, x=lambda g, x: g * x * x)
    first, again, other = (failure(bad, tensor([1.0, 2.0]), seed=seed) for seed in (0, 0, 1))
    assert str(first) == str(again) != str(other)


# --- kinks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fn", "x", "kinks"),
    [
        (tl.relu, [0.0, 1.0, -2.0], 1),
        (tl.abs, [0.0, 0.0, 1e-3], 2),
        (lambda x: x.max(), [2.0, 2.0, 1.0], 2),
        (lambda x: tl.maximum(x, 1.0), [1.0, 0.5, 3.0], 1),
        (lambda x: tl.clip(x, -1, 1), [-1.0, 0.0, 1.0], 2),
        (lambda x: x.exp() * x.abs() * 1e3 + 1e4 * x * x, [0.0, 1.0], 1),
        (lambda x: tl.leaky_relu(x) + 100, [0.0, -1.0], 1),
        (lambda x: x.norm(), [0.0, 0.0], 2),
        (tl.sqrt, [0.0, 1.0], 1),
        (tl.floor, [1.0, 1.5, -3.0], 2),
        (lambda x: tl.where(x > 1, x * 2, x), [1.0, 2.0, 0.0], 1),
        (tl.sign, [0.0, 1.0], 1),
        (lambda x: x.std(), [1.0, 1.0], 2),
    ],
)
def test_kinks_are_left_out_and_counted(fn, x, kinks):
    if kinks == len(x):
        with pytest.warns(UserWarning, match="no derivative at any element"):
            report = tl.gradcheck(fn, tensor(x))
    else:
        report = tl.gradcheck(fn, tensor(x))
    assert (report.kinks, report.checked) == (kinks, len(x) - kinks)


@pytest.mark.parametrize(
    ("fn", "x"),
    [
        (lambda x: x * x.abs(), [0.0, 1e-7, 1e-3]),
        (lambda x: x.abs() ** 1.5, [1e-7, -1e-4]),
        (tl.relu, [1e-3, 1e-6, -1e-7, 1e-9]),
        (tl.floor, [1 + 1e-5, 1 - 1e-7]),
        (lambda x: x.max(), [1.0, 1.0 + 1e-7]),
        (lambda x: tl.maximum(x, 1.0) + 1e3, [1 + 1e-6, 1 - 1e-6]),
        (tl.sqrt, [1e-3, 1e-6, 1e-9]),
        (lambda x: x.log(), [1e-8, 1e-4]),
        (lambda x: x * x, [0.0, 1e-9]),
        (lambda x: x**3, [0.0, 1e5]),
    ],
)
def test_gradients_near_a_kink_are_checked(fn, x):
    report = tl.gradcheck(fn, tensor(x), eps=6e-6)
    assert (report.kinks, report.checked) == (0, len(x))


def test_kinks_are_marked_in_an_error():
    error = failure(make(lambda x, /: np.abs(x), "size", x=lambda g, x: 2 * g * np.sign(x)), tensor([0.0, 1.0, -1.0]))
    assert (error.wrong, error.total, error.hint) == (2, 2, "constant-factor")
    np.testing.assert_array_equal(error.kinks, [True, False, False])
    assert str(error).split("\n")[3].endswith("kink")
    assert "1 at kinks left out" in str(error)


def upward(low, high):
    """Numbers between 10**low and 10**high."""
    return st.floats(low, high).map(lambda e: 10**e)


SMOOTH = {
    "cubic": (lambda x: x**3, lambda x: 3 * x**2, st.floats(0.01, 1e3)),
    "exp": (np.exp, np.exp, st.floats(-5, 20)),
    "sin(50 x)": (lambda x: np.sin(50 * x), lambda x: 50 * np.cos(50 * x), st.floats(-3, 3)),
    "sin(1e4 x)": (lambda x: np.sin(1e4 * x), lambda x: 1e4 * np.cos(1e4 * x), st.floats(-3, 3)),
    "1/x": (lambda x: 1 / x, lambda x: -1 / x**2, upward(-6, -1)),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x), upward(-8, -1)),
    "log": (np.log, lambda x: 1 / x, upward(-8, 1)),
    "tanh(1e4 x)": (lambda x: np.tanh(1e4 * x), lambda x: 1e4 / np.cosh(1e4 * x) ** 2, st.floats(-2e-4, 2e-4)),
    "softplus": (lambda x: np.logaddexp(0, 1e4 * x), lambda x: 1e4 / (1 + np.exp(-1e4 * x)), st.floats(-5e-4, 5e-4)),
}


@pytest.mark.parametrize("name", SMOOTH)
@settings(max_examples=25)
@given(data=st.data())
def test_steep_or_strongly_curved_functions_have_no_kinks(name, data):
    function, derivative, numbers = SMOOTH[name]
    x = tensor([data.draw(numbers)])
    right = make(lambda x, /: function(x), x=lambda g, x: g * derivative(x))
    report = tl.gradcheck(right, x)
    assert (report.checked, report.kinks, report.method) == (1, 0, "central differences")
    slope = abs(float(derivative(x.numpy())[0]))
    if slope > 1e-3:  # a zero crossing of the slope has little to be wrong about
        off = data.draw(st.sampled_from([1.001, 0.99, 2.0, -1.0, 0.0]))
        wrong = make(lambda x, /: function(x), x=lambda g, x: off * g * derivative(x))
        assert failure(wrong, x).total == 1


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-5, 1e-2, 1.0]))
def test_a_wrong_element_is_found_wherever_it_is(seed, size):
    rng = np.random.default_rng(seed)
    x = tensor(rng.normal(size=(2, 3)))
    place = tuple(rng.integers(0, x.shape))

    def rule(g, out):
        gradient = g * out
        gradient[place] *= 1 + size
        return gradient

    error = failure(make(lambda x, /: np.exp(x), x=rule), x)
    assert (error.worst_index, error.wrong) == (place, 1)


# --- the complex step ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fn", "x"),
    [
        (tl.abs, [1.0, -2.0]),
        (lambda x: x.max() * x, [1.0, -2.0]),
        (lambda x: tl.where(x > 0, x * x, x), [1.0, -2.0]),
        (lambda x: x.double() + x.argmax().to(dtype=tl.float64), [1.0, -2.0]),
        (lambda x: x[x.argmax()] * x, [1.0, -2.0]),
        (make(lambda x, /: x * x, x=lambda g, x: 2 * g * x), [1.0, -2.0]),
    ],
)
def test_functions_that_are_not_analytic_fall_back_to_central_differences(fn, x):
    assert tl.gradcheck(fn, tensor(x)).method == "central differences"


@pytest.mark.parametrize(
    ("fn", "x", "kinks"),
    [
        (tl.sqrt, [0.0, 2.0], 1),
        (lambda x: x**0.5, [0.0, 2.0], 1),
        (lambda x: x[:2].std() + x[2], [1.0, 1.0, 5.0], 2),
    ],
)
def test_analytic_ops_fall_back_at_their_kinks(fn, x, kinks):
    report = tl.gradcheck(fn, tensor(x))
    assert (report.method, report.kinks) == ("central differences", kinks)


@pytest.mark.parametrize(
    "lossy",
    [
        lambda x: x.numpy().real.copy(),
        lambda x: np.abs(x.numpy()),
        lambda x: np.conj(x.numpy()),
        lambda x: np.array(x.tolist()).imag + np.array(x.tolist()).real,
    ],
    ids=["real part", "abs", "conjugate", "sum of parts"],
)
def test_imaginary_parts_lost_or_distorted_outside_the_tape_are_noticed(lossy):
    assert failure(lambda x: x * x + tl.tensor(lossy(x)) * tensor(3.0), tensor([1.0, 2.0])).hint == "outside-the-tape"


def test_an_op_wrongly_marked_analytic_is_noticed():
    liar = make(lambda x, /: x * abs(x), x=lambda g, x: g * abs(x))  # this "derivative" is what the complex step sees
    liar.analytic = True
    assert failure(liar, tensor([1.0, -2.0])).method == "central differences"


# --- second derivatives -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fn", "inputs"),
    [
        (tl.matmul, [draw(2, 3), draw(3, 2)]),
        (tl.softmax, [draw(2, 3)]),
        (lambda x, w: tl.layer_norm(x, w), [draw(2, 3), draw(3)]),
        (lambda x: tl.cross_entropy(x, tl.tensor([0, 2])), [draw(2, 3)]),
        (lambda x: (x.tanh(), x.sum()), [draw(3)]),
        (tl.relu, [tensor([1.0, -1.0, 0.0])]),
        (lambda x, y: x / y, [draw(3), draw(2, 3)]),
        (lambda x: x[[0, 0, 1]].prod(), [draw(2)]),
    ],
)
def test_right_second_derivatives_pass(fn, inputs):
    report = tl.gradgradcheck(fn, inputs)
    assert report
    assert report.method == "central differences"
    assert tl.gradgradcheck(fn, inputs, raise_exception=False)


def test_grad_outputs_can_be_given():
    assert tl.gradgradcheck(tl.exp, draw(2), tensor([1.0, -2.0]))
    with pytest.raises(ValueError, match=r"the shapes of the outputs, \(2,\)"):
        tl.gradgradcheck(tl.exp, draw(2), [tensor([1.0])])


def test_a_rule_that_detaches_is_found():
    hidden = make(
        lambda x, /: np.exp(x), "hidden", x=lambda g, x: g * tl.exp(x.detach() if hasattr(x, "detach") else x)
    )
    assert tl.gradcheck(hidden, draw(3))
    error = failure(hidden, draw(3), tl.gradgradcheck)
    assert str(error).startswith("gradgradcheck: the gradient of the gradient of hidden with respect to x (input 0)")
    assert error.hint == "no-gradient"


def test_a_rule_that_takes_arrays_only_is_found():
    arrays_only = make(lambda x, /: np.exp(x), "arrays_only", x=lambda g, x: g * np.exp(x))
    assert tl.gradcheck(arrays_only, draw(3))
    error = failure(arrays_only, draw(3), tl.gradgradcheck)
    assert (error.hint, error.culprit) == ("numpy-in-rule", "arrays_only")
    assert "write it with operators and tl functions, as tl.exp(x) for np.exp(x)" in error.hint_text


def test_a_wrong_rule_within_a_rule_is_named():
    sine = make(lambda x, /: np.sin(x), "sine", x=lambda g, x: g * cosine(x))
    cosine = make(lambda x, /: np.cos(x), "cosine", x=lambda g, x: g * sine(x))
    assert tl.gradcheck(sine, draw(3))
    error = failure(sine, draw(3), tl.gradgradcheck)
    assert (error.culprit, error.hint) == ("cosine", "wrong-sign")


def test_a_kernel_that_differs_from_its_definition_is_found():
    @tl.fused
    def doubled(x, /):
        return x * 2.0

    doubled.kernel(lambda x: x * 2, lambda g, needs, x: (g * 2.5,))
    error = failure(doubled, draw(3), tl.gradgradcheck)
    assert error.hint == "create-graph"
    assert failure(doubled, draw(3)).hint == "constant-factor"


def test_an_input_used_from_the_closure_is_refused():
    w = tl.tensor([0.5, 2.0], dtype=tl.float64, requires_grad=True)
    x = tl.tensor([1.0, 3.0], dtype=tl.float64, requires_grad=True)
    with pytest.raises(ValueError, match=r"does not use its argument w_ \(input 0\).*from outside.*arguments alone"):
        tl.gradcheck(lambda w_: w * w, (w,))
    with pytest.raises(ValueError, match=r"input 1\)"):
        tl.gradcheck(lambda x_, w_: x_ * w, (x, w))
    assert tl.gradcheck(lambda w_: w_ * w, (w,))  # by its argument; the other is a constant
    assert tl.gradcheck(lambda x_, w_: x_ * 2, (x, w))  # the output does not depend on w_ at all
