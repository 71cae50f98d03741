"""gradcheck: right rules pass, wrong rules are found and explained, kinks are left out, and state is restored."""

from contextlib import suppress

import numpy as np
import pytest

import tinygrad_lecture as tl
from gradchecks import draw, failure, make, same_draws, tensor  # noqa: F401 - same_draws is a fixture
from tinygrad_lecture.autograd.modes import modes

# --- right gradients pass -----------------------------------------------------------------------------------


RIGHT = {
    "exp": (tl.exp, [draw(2, 3)]),
    "where": (lambda x, y: tl.where(tl.tensor([True, False, True]), x * y, y), [draw(3), draw(3)]),
    "sigmoid": (tl.sigmoid, [tensor([-800.0, -1.0, 0.0, 30.0])]),
    "layer norm": (tl.layer_norm, [draw(2, 4), draw(4), draw(4)]),
    "matmul": (tl.matmul, [draw(2, 3), draw(3, 2)]),
    "max": (lambda x: x.amax(axis=1), [draw(2, 3)]),
    "many uses": (lambda x: x * x + x[[0, 0, 1]] * x.sum(), [draw(3)]),
    "0-d": (lambda x: x * x, [draw()]),
    "empty": (tl.exp, [tensor(np.zeros((0, 3)))]),
    "constant": (lambda x: x * 0 + 1, [draw(3)]),
    "two outputs": (lambda x: (x.tanh(), x.sum()), [draw(3)]),
    "broadcasting": (lambda x, y: x / y, [draw(3), draw(2, 3)]),
    "no dependence at all": (lambda x: tensor([1.0, 2.0]), [draw(3)]),
    "identity": (lambda x: x, [draw(3)]),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients_pass(name):
    fn, inputs = RIGHT[name]
    report = tl.gradcheck(fn, inputs)
    assert report
    assert report.error is None
    assert (report.checked, report.kinks) == (sum(x.numel() for x in inputs), 0)
    assert tl.gradgradcheck(fn, inputs)


def test_the_report_says_what_was_done():
    assert str(tl.gradcheck(tl.sin, draw(2, 3))).startswith("sin: 6 elements right, by complex step, largest error ")
    assert str(tl.gradcheck(tl.relu, tensor([0.0, 1.0]))).endswith("; 1 kink left out")


WEIGHT = draw(3, 2).requires_grad_()
COUNTED = {  # a function, its inputs, and how many elements are checked
    "all floats": (lambda x, y, i: x.sum() * y[i], [draw(3), draw(2), tl.tensor([0, 1])], 5),
    "what requires grad": (lambda x, y, i: x.sum() * y[i], [draw(3), draw(2).requires_grad_(), tl.tensor([0, 1])], 2),
    "beside a setting": (lambda x, axis: x.cumsum(axis), [draw(2, 2), 1], 4),
    "not integer outputs": (tl.sort, draw(4), 4),
    "a tensor given twice": (tl.mul, [draw(3)] * 2, 6),
    "a broadcast view": (tl.exp, draw(3).broadcast_to(2, 3), 6),
    "the result of an op, beside a parameter": (lambda x: (x @ WEIGHT).tanh(), draw(4, 3).requires_grad_() * 2, 12),
    "the same random numbers in every call": (lambda x: x * (tl.rand(6, dtype=tl.float64) > 0.5), draw(6), 6),
}


@pytest.mark.parametrize("name", COUNTED)
def test_what_is_checked(name):
    fn, inputs, count = COUNTED[name]
    assert tl.gradcheck(fn, inputs).checked == count
    assert WEIGHT.grad is None


def test_on_another_device():
    x = draw(2, 3).to("strict")
    assert tl.gradcheck(lambda x: (x.exp() * x).sum(1), x).method == "complex step"
    assert tl.gradcheck(lambda x: tl.softmax(x.relu()), x)
    assert tl.gradgradcheck(lambda x: tl.softmax(x) * x, x)


# --- the error ----------------------------------------------------------------------------------------------


def cube(x, /):
    return x * x * x


def test_the_error_carries_the_facts():
    x = tensor([[0.5, 1.0, -2.0], [3.0, 0.1, 1.5]])
    error = failure(make(cube, "cube", x=lambda g, x: g * x * x), x)
    assert (error.fn_name, error.input_index, error.input_name) == ("cube", 0, "x")
    assert (error.shape, error.wrong, error.total, error.worst_index) == ((2, 3), 6, 6, (1, 0))
    assert error.expected == pytest.approx(error.expected_array[1, 0])
    assert error.got == error.got_array[1, 0]
    assert (error.hint, error.method, error.culprit) == ("constant-factor", "central differences", "cube")
    np.testing.assert_allclose(error.got_array * 3, error.expected_array, rtol=1e-7)
    assert error.kinks.shape == (2, 3)
    assert not error.kinks.any()


def test_of_large_arrays_the_worst_elements_are_listed_and_where_they_lie():
    x = draw(4, 5)

    def rule(g, x):
        gradient = 3 * g * x * x
        gradient[1:3, 2] *= [1.01, 2]
        return gradient

    lines = str(failure(make(cube, x=rule), x)).split("\n")
    assert [line.split()[:2] for line in lines[3:5]] == [["(2,", "2)"], ["(1,", "2)"]]
    assert len(lines[3:15]) == 12
    assert "12 worst of 20; wrong: elements (1, 2), (2, 2)" in lines[15]


def test_0d_has_no_element():
    assert "wrong.\n  expected " in str(failure(make(cube, x=lambda g, x: g * x * x), draw()))


def test_right_elements_are_right_in_the_list():
    error = failure(make(cube, x=lambda g, x: np.where(x > 1, g, 3 * g * x * x)), tensor([0.5, 2.0, 3.0, 0.7]))
    assert (error.wrong, error.total) == (2, 4)
    assert [line.endswith("wrong") for line in str(error).split("\n")[3:7]] == [False, True, True, False]


def test_the_wrong_input_is_named():
    bad = make(lambda a, b, /: a * b, a=lambda g, b: g * b, b=lambda g, a: 2 * g * a)
    error = failure(lambda x, y: (x.exp(), y.exp(), bad(x, y)), [draw(3), draw(3)])
    assert (error.input_index, error.input_name) == (1, "y")
    assert "the gradient of the function with respect to y (input 1)" in str(error)


def test_other_wrong_inputs_are_mentioned():
    bad = make(lambda a, b, /: a * b, a=lambda g, b: 3 * g * b, b=lambda g, a: 2 * g * a)
    assert "b (input 1) is wrong too, in 3 of 3" in str(failure(bad, [draw(3), draw(3)]))


def test_with_raise_exception_false_the_report_holds_the_error():
    report = tl.gradcheck(make(cube, x=lambda g, x: g * x * x), draw(3), raise_exception=False)
    assert not report
    assert report.error.hint == "constant-factor"
    assert str(report) == str(report.error)


# --- other failures -----------------------------------------------------------------------------------------


RNG = np.random.default_rng(0)


def in_place(x):
    with tl.no_grad():
        x += 1
    return x * x


@pytest.mark.parametrize(
    ("fn", "hint"),
    [
        (lambda x: x * tensor(RNG.random(3)), "not-deterministic"),
        (in_place, "input-modified"),
        (lambda x: x.detach().exp(), "no-gradient"),
        (lambda x: tl.tensor(np.exp(x.detach().numpy())), "no-gradient"),
        (lambda x: x * x.detach(), "outside-the-tape"),
        (lambda x: x * tensor(np.abs(x.detach().numpy())), "outside-the-tape"),
        (lambda x: tl.relu(x + 2) * x[0].item(), "outside-the-tape"),
        (lambda x: (0 * x).log(), "not-finite"),
        (lambda x: x.float().sin().double(), "float32"),
    ],
)
def test_functions_that_no_rule_makes_wrong(fn, hint):
    error = failure(fn, draw(3))
    assert (error.hint, error.culprit) == (hint, None)
    assert hint != "not-deterministic" or "tl.rand" in str(error)
    assert hint != "no-gradient" or error.got == 0


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        (lambda g, x: g * x, "constant-factor"),
        (lambda g, x: None, "zero"),
        (lambda g, x: tl.where(x > 0, 2 * g * x, 0 * g), "partly-zero"),
    ],
)
@pytest.mark.parametrize("within", [lambda f: f, lambda f: lambda x: f(x * 2).exp()], ids=["alone", "within"])
@pytest.mark.parametrize("seed", range(4))
def test_a_wrong_function_is_not_put_down_to_the_tape(rule, hint, within, seed):
    class Square(tl.func.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return rule(g, *ctx.saved_tensors)

    assert failure(within(Square.apply), tensor([0.5, -0.7]), seed=seed).hint == hint


def test_a_rule_is_not_blamed_for_values_with_too_few_digits():
    noisy = make(lambda x, /: np.sin(x) + 1e-6 * np.modf(1e13 * np.sin(13 * x))[0], x=lambda g, x: g * np.cos(x))
    assert tl.gradcheck(noisy, draw(3)).cannot_tell == 0
    noise = make(lambda x, /: np.sin(x) + 0.1 * np.modf(1e13 * np.sin(13 * x))[0], x=lambda g, x: g * np.cos(x))
    assert failure(noise, draw(3)).hint == "cannot-tell"


def test_an_input_used_from_the_closure_is_refused():
    w = tl.tensor([0.5, 2.0], dtype=tl.float64, requires_grad=True)
    x = tl.tensor([1.0, 3.0], dtype=tl.float64, requires_grad=True)
    with pytest.raises(ValueError, match=r"does not use its argument w_ \(input 0\).*from outside.*arguments alone"):
        tl.gradcheck(lambda w_: w * w, (w,))
    with pytest.raises(ValueError, match=r"input 1\)"):
        tl.gradcheck(lambda x_, w_: x_ * w, (x, w))
    assert tl.gradcheck(lambda w_: w_ * w, (w,))  # by its argument; the other is a constant
    assert tl.gradcheck(lambda x_, w_: x_ * 2, (x, w))  # the output does not depend on w_ at all


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
    np.testing.assert_array_equal(x.detach().numpy(), [1, 2, 3])
    assert tl.get_rng_state() == stream
    np.testing.assert_array_equal(np.random.get_state()[1], legacy)


def test_the_same_seed_gives_the_same_check():
    bad = make(cube, x=lambda g, x: g * x * x)
    first, again, other = (failure(bad, tensor([1.0, 2.0]), seed=seed) for seed in (0, 0, 1))
    assert str(first) == str(again) != str(other)


# --- second derivatives: right ones pass, rules that break the second order are found -----------------------


def test_a_kink_is_left_out_of_second_derivatives():
    assert tl.gradgradcheck(tl.relu, tensor([1.0, -1.0, 0.0]))


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
    assert "write it with operators and tl functions, such as tl.exp(x) for np.exp(x)" in error.hint_text


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


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: x * tensor(RNG.random(2)),
        lambda x: (x - 1).sqrt(),
        lambda x: x * x.detach(),
        make(lambda x, /: x * x, x=lambda g, x: g.T @ x @ x),
        make(lambda x, /: x * x, x=lambda g, x: np.multiply(g, 2 * x, out=g)),
    ],
    ids=["random", "infinite", "detached", "raising", "in place"],
)
def test_its_errors_are_said_of_gradgradcheck(fn):
    message = str(failure(fn, tensor([1.0, 2.0]), tl.gradgradcheck))
    assert message.startswith("gradgradcheck: ")
    assert "gradcheck" not in message.replace("gradgradcheck", "")
