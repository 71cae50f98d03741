"""tl.testing: right answers pass, wrong ones fail on a small input, with the cause."""

import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from tinygrad_lecture.testing import (
    CheckFailed,
    Mistake,
    arrays,
    broadcastable,
    check_function,
    check_property,
    check_rule,
    matrices,
    same_shape,
    shapes,
    with_axis,
)

ROOT = Path(__file__).parents[3]
SIGNED = arrays(zero=False)


def failure_of(check, *args, **options):
    with pytest.raises(CheckFailed) as caught:
        check(*args, **options)
    return caught.value


def require(failure, told):
    """The fields of a failure: one of a set, a part of a text, or the value itself."""
    for field, says in told.items():
        value = getattr(failure, field)
        value = "\n".join(value) if field == "shown" else value
        inside = isinstance(says, str) and isinstance(value, str) and says in value
        assert inside or value == says or (isinstance(says, set) and value in says), (field, value, str(failure))


def relu(x):
    return np.maximum(x, 0)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def causal_attention(q, k, v):
    return softmax(np.where(np.tril(np.ones((len(q), len(k)))), q @ k.T, -1e9)) @ v


def attention_rule(g, q, k, v):
    p = softmax(q @ k.T)
    dp = g @ v.T
    ds = p * (dp - (p * dp).sum(-1, keepdims=True))
    return ds @ k, ds.T @ q, p.T @ g


def writes_to_g(g, x):
    result = g * 2 * x
    g *= 2
    return result


def test_a_right_rule_passes_for_every_shape():
    check_rule(lambda x: x * x * x, lambda g, x: g * 3 * x * x, [arrays()])
    check_rule(relu, lambda g, x: g * (x >= 0), [arrays()])  # without a reference, no kink counts


PRODUCT = partial(check_rule, np.multiply, inputs=same_shape(2), names=["x", "w"])
MATMUL = partial(check_rule, np.matmul, inputs=matrices("nk", "km"))
RELU = partial(check_rule, relu, inputs=[SIGNED])
POWERS = st.tuples(arrays(), st.sampled_from([1, 2, 3]).map(lambda n: {"n": n}))
ATTENTION = matrices("NN", "NN", "NN", low=-2, high=2)


def wrong_rules():
    """The rows of wrong_rules.txt: a check, a wrong rule, what is told about it."""
    check = ""
    text = Path(__file__).with_name("wrong_rules.txt").read_text(encoding="utf-8")
    for line in re.sub(r"\n {8}", "  ->  ", text).splitlines():
        if not line.startswith(" "):
            check = line or check
        elif not line.startswith("    #"):
            yield check, *line.strip().split("  ->  ")


@pytest.mark.parametrize(("check", "rule", "told"), [*wrong_rules()])
def test_a_wrong_rule_is_told_with_its_cause(check, rule, told):
    check, rule, told = (eval(compile(code, __file__, "eval"), globals()) for code in (check, rule, told))
    failure = failure_of(check, rule=rule)
    require(failure, told)
    if "shape" in failure.kind:
        assert "shape of the output" not in failure.cause
    if "was broadcast" in (failure.cause or ""):  # it holds for the shapes that are shown
        assert failure.hint == "broadcast-axes"
        shown = {line.split()[0]: line.partition("shape ")[2] for line in failure.shown}
        assert f"was broadcast from {shown['expected']} to {shown['got']};" in failure.cause


@pytest.mark.parametrize(
    ("forward", "rule", "inputs", "never"),
    [
        (lambda x, n: x**n, lambda g, x, n: g * (n - 1) * x**n, POWERS, "2 * x"),
        (lambda x: x / 2 + x * np.tanh(x), lambda g, x: g * (0.4 + np.tanh(x) ** 3), [arrays((2,))], "every element"),
    ],
)
def test_a_formula_or_factor_that_holds_for_some_inputs_alone_is_not_told(forward, rule, inputs, never):
    failure = failure_of(check_rule, forward, rule, inputs)
    assert never not in (failure.cause or "")
    assert failure.hint != "zero"


def test_a_rule_with_state_fails_though_its_first_gradient_is_right():
    latest = []
    rule = lambda g, x: latest.append(x.copy()) or g * 2 * latest[0]  # noqa: E731
    failure = failure_of(check_rule, np.square, rule, [arrays((2,))])
    assert failure.kind in ("gradient of x", "impure", "not-deterministic")


def layer_norm_rule(g, x, eps=1e-8):
    c = x - x.mean()
    d = np.sqrt((c * c).mean() + eps)
    return (g - g.mean() - c / d * (g * c / d).mean()) / d


SCALED = [
    (lambda x: x * 1.0, lambda g, x: g * 1.0, 1e6),
    (lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0), 1e-6),
    (lambda x: 1 / x, lambda g, x: -g / x**2, 1e-3),
    (lambda x: np.sin(1000 * x), lambda g, x: 1000 * g * np.cos(1000 * x), 1),
    (np.exp, lambda g, x: g * np.exp(x), 6),
    (lambda x: (x * x).sum(), lambda g, x: 2 * g * x, np.array([1, 1e6, 1e-3])),
    (lambda x: (x - x.mean()) / np.sqrt(x.var() + 1e-8), layer_norm_rule, 1),
]


@pytest.mark.parametrize(("forward", "rule", "scale"), SCALED)
def test_a_rule_is_judged_at_any_scale(forward, rule, scale):
    inputs = [arrays((3,), zero=rule is layer_norm_rule).map(lambda x: x * scale)]
    check_rule(forward, rule, inputs)
    assert "gradient" in failure_of(check_rule, forward, lambda g, x: 1.01 * rule(g, x), inputs).what


@pytest.mark.parametrize("forward", [np.floor, lambda x: x * np.nan])
def test_that_nothing_was_compared_is_said(forward):
    with pytest.warns(UserWarning, match="so nothing was compared"):
        check_rule(forward, lambda g, x: g * 7, [arrays((2,)).map(np.round)])


def test_inputs_may_be_filtered():
    inputs = [arrays((2,)).filter(lambda x: x.sum() > 4)]
    assert failure_of(check_rule, lambda x: x**3, lambda g, x: g * x * x, inputs).kind == "gradient of x"


def test_a_rule_is_not_checked_in_float32():
    with pytest.raises(TypeError, match="float32, with too few digits"):
        check_rule(np.square, lambda g, x: 2 * g * x, [arrays().map(np.float32)])


# --- functions ------------------------------------------------------------------------------------------------

MATRIX = [arrays(shapes(min_dims=2, max_dims=2))]
ALONG_ROWS = Mistake("wrong-axis", "the sum goes over axis 0", lambda x: np.exp(x) / np.exp(x).sum(0))
known = partial(check_function, mistakes=[ALONG_ROWS])


@pytest.mark.parametrize(
    ("check", "fn", "hint"),
    [
        (check_function, lambda x: -softmax(x), "wrong-sign"),
        (check_function, lambda x: 2 * softmax(x), "constant-factor"),
        (check_function, lambda x: softmax(x) * 0, "zero"),
        (check_function, lambda x: x, "unchanged"),
        (check_function, lambda x: softmax(x) + 1, "constant-term"),
        (check_function, lambda x: softmax(x)[None], "axis-kept"),
        (check_function, lambda x: softmax(x).sum(-1), "summed-too-far"),
        (check_function, lambda x: np.full(x.shape, np.nan), "not-finite"),
        (check_function, lambda x: softmax(x).astype(np.float32), "dtype"),
        (check_function, lambda x: (softmax(x) + 0.5).astype(int), "whole-numbers"),
        (check_function, lambda x: np.full(x.shape, 7), None),  # whole, but no fraction is cut off
        (known, lambda x: np.exp(x) / np.exp(x).sum(axis=0), "wrong-axis"),  # that the teacher names
        (known, lambda x: np.exp(x), None),
    ],
)
def test_mistakes_that_any_function_can_have_are_named(check, fn, hint):
    assert failure_of(check, fn, softmax, MATRIX).hint == hint


def test_an_exception_shows_the_smallest_input_and_the_frames_of_the_answer_alone():
    def answer(x):
        return x / (x.shape[0] - 2)[0]

    failure = failure_of(check_function, answer, softmax, [arrays((st.integers(1, 3),))])
    assert failure.kind == "raises"
    assert all(text in str(failure) for text in ("TypeError", "test_checks.py", ">"))
    assert "failures.py" not in str(failure)


def test_what_is_shown_fits_and_stands_in_line():
    class Value:
        pass

    upper, lower = (lambda n, f=f: f(np.ones((n, n), dtype=bool)) for f in (np.triu, np.tril))
    masks = failure_of(check_function, upper, lower, [st.just(2)])
    assert [line[:9] for line in masks.shown[1:]] == ["expected ", " " * 9, "got      ", " " * 9]
    words = failure_of(check_function, lambda n: [Value()] * 20, lambda n: ["a word"] * 20, [st.just(2)])
    assert max(map(len, words.shown)) <= 74
    assert "0x" not in "".join(words.shown)


def test_the_wrong_value_is_named_and_what_was_printed_for_it_is_kept():
    failure = failure_of(check_function, lambda x: (x, print(x.shape) or x), lambda x: (x, x + 1), [arrays((2,))])
    assert ("returns a wrong second value." in failure.what, failure.printed) == (True, "(2,)\n")


def test_a_check_that_could_never_fail_is_refused():
    with pytest.raises(CheckFailed, match="must raise CheckFailed"):
        check_property(lambda x: False, [arrays()])
    with pytest.raises(TypeError, match="by letters"):
        check_property(lambda *xs: None, matrices())


def test_all_get_the_same_draws():
    def drawn():
        seen = []
        check_property(lambda x: seen.append(x.tolist()), [arrays()])
        return seen

    assert len(drawn()) > 1 and drawn() == drawn()


def test_what_is_drawn_together_fits_together():
    together = lambda *xs: np.broadcast_shapes(*(x.shape for x in xs))  # noqa: E731
    check_property(together, broadcastable(3))
    check_property(together, same_shape(3))
    check_property(lambda a, b, c: (a @ b + c[:, None])[1], matrices("Nk", "km", "N"))
    check_property(lambda x, settings: x.sum(**settings), with_axis())


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
