"""gradgradcheck: right second derivatives pass, rules that break the second order are found."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from gradchecks import draw, failure, make, same_draws, tensor  # noqa: F401 - same_draws is a fixture


def test_a_kink_is_left_out_and_grad_outputs_can_be_given():
    assert tl.gradgradcheck(tl.relu, tensor([1.0, -1.0, 0.0]))
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


RNG = np.random.default_rng(0)


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
