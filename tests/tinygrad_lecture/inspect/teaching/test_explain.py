"""tl.explain: backpropagation as a worked example, whose numbers are the engine's own."""

import re
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lecture as tl
from tinygrad_lecture.inspect.explain.formulas import DERIVATIVES, FORMULAS, Formula, dot, equation
from tinygrad_lecture.inspect.explain.walkthrough import walkthrough_of


def network():
    """A 2-2-1 network after backward: (its cost, its leaves by name)."""
    x, y = tl.tensor([1.0, 0.5]), tl.tensor([1.0])
    W1, b1 = tl.tensor([[0.5, -1.0], [1.0, 2.0]], requires_grad=True), tl.tensor([0.1, -0.3], requires_grad=True)
    W2, b2 = tl.tensor([[1.5, -0.5]], requires_grad=True), tl.tensor([0.2], requires_grad=True)
    with tl.Graph():
        h = tl.sigmoid(W1 @ x + b1)
        a = tl.sigmoid(W2 @ h + b2)
        C = ((a - y) ** 2).sum()
        C.backward()
        text = tl.explain(C)
    return text, {"W1": W1, "b1": b1, "W2": W2, "b2": b2}


def test_it_reads_as_on_a_board():
    text, _ = network()
    for line in (
        "  #3 = W1 @ x",
        "      #3[0] = 0.5 · 1 + (-1) · 0.5 = 0",
        "  h = sigmoid(#5)",
        "  1.  C = sum(#14)",
        "      Backward starts here, with dC/dC = 1",
        "      ∂#14/∂#13 = 2 · #13 = 2 · (-0.3625) = [-0.7249]",
        "      ∂a/∂#10 = a · (1 - a) = 0.6375 · (1 - 0.6375) = [0.2311]",
        "      dC/d#10 = dC/da · ∂a/∂#10 = (-0.7249) · 0.2311 = -0.1675",
        "      dC/dW1 = dC/d#3 @ xᵀ",
        "          dC/dW1[0, 1] = (-0.06266) · 0.5 = -0.03133",
        "  dC/dW1  = [[-0.06266, -0.03133], [0.01094, 0.00547]]",
    ):
        assert line in text.split("\n"), line


def test_negative_numbers_are_in_parentheses_only_between_signs():
    x = tl.tensor(-2.0, requires_grad=True)
    with tl.Graph():
        lines = tl.explain(tl.sigmoid(x - 3.0)).split("\n")
    assert "     = (-2) - 3" in lines
    assert "    = sigmoid(-5)" in lines


def test_it_prints_at_the_prompt_as_it_is():
    text, _ = network()
    assert repr(text) == str(text)
    assert text.startswith("Forward:")


def test_a_value_used_twice_has_the_running_sum():
    x = tl.tensor(3.0, requires_grad=True)
    y = x * 2
    z = y * y + y
    text = tl.explain(z)
    assert "dz/dy = 1  so far, use 1 of 3" in text
    assert "dz/dy = 1 + 6 = 7  (use 2 of 3; they add up)" in text
    assert "dz/dy = 7 + 6 = 13  (use 3 of 3; they add up)" in text
    assert x.grad is None  # it went backward itself, and left .grad alone
    z.backward()  # and the graph stands
    assert x.grad == 26


def test_a_gradient_is_the_sum_over_the_copies_that_broadcasting_made():
    b = tl.tensor([2.0], requires_grad=True)
    for op, sums in ((lambda x: x + b, "1 + 1 = 2"), (lambda x: x * b, "1 · 3 + 1 · 4 = 7")):
        text = tl.explain(op(tl.tensor([[3.0], [4.0]])).sum(), {"b": b})
        assert ", summed over the copies that broadcasting made\n" in text
        assert f"          dC/db[0] = {sums}\n" in text


def test_every_element_of_a_small_array_is_worked_out():
    z, y = tl.tensor([0.5, -1.0], requires_grad=True), tl.tensor([1.0, 0.0])
    with tl.Graph():
        h = tl.sigmoid(z)
        C = tl.squared_error(h, y)
        text = tl.explain(C)
    for line in (
        "      h[1] = sigmoid(-1) = 1 / (1 + exp(1)) = 0.2689",
        "          dC/dh[0] = 1 · 2 · (0.6225 - 1) / 2 = -0.3775",
        "          ∂h[0]/∂z[0] = 0.6225 · (1 - 0.6225) = 0.235",
        "          dC/dz[1] = 0.2689 · 0.1966 = 0.05288",
    ):
        assert line in text.split("\n"), line


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda x: x[0] - 1.0, "= 1.00001 - 1"),
        (lambda x: x[1:].sum(), "1000.01 + (-1000) + 3 = 3.01"),
        (lambda x: tl.sigmoid(x[3] * 3.0), "0.999877 · (1 - 0.999877)"),
    ],
)
def test_a_line_has_the_digits_that_its_arithmetic_needs(call, line):
    with tl.Graph():
        assert line in tl.explain(call(tl.tensor([1.00001, 1000.01, -1000.0, 3.0], requires_grad=True)))


@pytest.mark.parametrize(
    ("formula", "text", "value"),
    [
        ("a * (1 - a)", "0.5 · (1 - 0.5)", 0.25),
        ("-b / a**2", "2 / 0.5²", 8.0),
        ("(a + b) - (a - b)", "0.5 + (-2) - (0.5 - (-2))", -4.0),
        ("a / (a * b)", "0.5 / (0.5 · (-2))", -0.5),
        ("1 / (1 + exp(-a))", "1 / (1 + exp(-0.5))", 1 / (1 + np.exp(-0.5))),
        ("a * b + -1", "0.5 · (-2) + (-1)", -2.0),
        ("(a - 1)**2", "(0.5 - 1)²", 0.25),
        ("a**b + a**-1 + a**20", "0.5^(-2) + 0.5^(-1) + 0.5^20", 6.0),
        ("t * 2, where t = tanh(a)", "t · 2, where t = tanh(0.5)", 2 * np.tanh(0.5)),
        (dot([1.0, 2.0], [3.0, -1.0]), "1 · 3 + 2 · (-1)", 1.0),
        (f"({dot(np.ones(9))}) / 9", "(1 + 1 + 1 + 1 + ... 5 more) / 9", 1.0),
    ],
)
def test_a_formula_has_the_value_that_it_says(formula, text, value):
    assert str(Formula(formula, {"a": 0.5, "b": -2.0})) == text
    assert Formula(formula, {"a": 0.5, "b": -2.0}).value() == pytest.approx(value)


def test_a_name_may_hold_any_sign():
    assert str(Formula("a**2 * b", {"a": "half * b", "b": "a ** 2"})) == "half * b² · a ** 2"
    assert np.isnan(Formula("a * b", {"a": "x", "b": 2.0}).value())


@pytest.mark.parametrize(
    ("work", "result", "line"),
    [
        ("1.00001 - 1", 1e-5, "x = 1.00001 - 1 = 1e-05"),
        ("0.1 + 0.2 + -0.3", 5.551e-17, "x = 0.1 + 0.2 + (-0.3) = 5.551e-17, which is rounding"),
        ("4.0 * 3", 13.0, "x = 4 · 3 = 13, which is rounding"),
        ("0.5", 0.5, "x = 0.5"),
    ],
)
def test_the_numbers_of_a_line_give_its_result_or_it_says_why_not(work, result, line):
    assert equation("x", [Formula(work)], result) == line


def test_a_line_says_nothing_twice():
    a = tl.tensor([0.5, -0.25], requires_grad=True)
    with tl.Graph():
        z = a.cumsum(axis=0)
        text = tl.explain((tl.gelu(z)[:1] * 2.0).mean(), {"a": a, "z": z})
    assert "      z[0] = 0.5\n      z[1] = 0.5 + (-0.25) = 0.25\n" in text
    assert "dC/dC / 1" not in text
    assert text.count("where phi is the bell curve") == 1


def test_the_derivative_of_a_step_and_that_of_the_result_have_two_signs():
    v = tl.tensor(3.0, requires_grad=True)
    w = v * v + v
    text = tl.explain(w)
    assert "∂ is the derivative of one step alone" in text
    assert "∂w/∂v = 1\n" in text
    assert "dw/d#2 = dw/dw · ∂w/∂#2 = 1 · 1 = 1" in text
    assert "∂#2/∂v (the second v) = v = 3\n" in text
    assert "dw/dv = 4 + 3 = 7" in text


def test_a_name_that_d_would_change_is_in_parentheses():
    d, weight = (tl.tensor(3.0, requires_grad=True) for _ in range(2))
    text = tl.explain(d * weight, {"d": d, "2.weight": weight})
    assert "dC/d(d) = dC/dC · ∂C/∂(d)" in text
    assert "∂C/∂(2.weight) = d = 3" in text


def test_a_pass_of_its_own_leaves_no_trace_in_the_graph():
    x = tl.tensor(3.0, requires_grad=True)
    with tl.Graph() as graph:
        y = x * x
        tl.explain(y)
        assert (graph[x].grad, graph.visited, graph.steps) == (None, [], [])
        y.backward()
        assert "dy/dx = 3 + 3 = 6" in tl.explain(y)
    assert graph[x].grad == x.grad == 6


def test_without_a_watching_graph_it_recovers_what_the_tape_kept():
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    y = tl.exp(x) * tl.tensor([3.0, 4.0])
    text = tl.explain(y.sum())
    assert "exp(x)" in text
    assert "[2.718, 7.389] * [3, 4]" in text
    assert "[8.155, 29.56]" in text  # the product, which nothing kept, computed again


def test_what_the_tape_did_not_keep_is_said_to_be_unknown():
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    assert "? (the tape did not keep it)" in tl.explain((x + tl.tensor([3.0, 4.0])).sum())


def test_of_several_passes_the_last_is_told_and_said_to_be():
    x = tl.tensor(3.0, requires_grad=True)
    with tl.Graph() as graph:
        y = x * x
        y.backward(retain_graph=True)
        y.backward()
        for text in (tl.explain(y), tl.explain(graph)):
            assert "Backward ran 2 times; this is the last pass" in text
            assert "dy/dx  = 6" in text
            assert "x.grad now holds 12: other passes have added to it, or it was changed since." in text
    assert [term.after for step in walkthrough_of(y).steps for term in step.terms] == [3, 6]


@pytest.mark.parametrize("first", ["a", "b"])
def test_two_results_of_a_graph_are_never_mixed(first):
    x = tl.tensor(3.0, requires_grad=True)
    with tl.Graph() as graph:
        losses = {"a": x * 2, "b": x * 7}
        (second,) = set(losses) - {first}
        losses[first].backward()
        losses[second].backward()
        walk = walkthrough_of(graph, losses | {"x": x})
    assert (str(walk.result), walk.passes) == (second, 2)
    assert walk.gradients[graph[x]] == {"a": 2, "b": 7}[second]
    assert walkthrough_of(losses[first]).gradients[graph[x]] == {"a": 2, "b": 7}[first]


def test_a_pass_from_two_results_is_told_as_that_of_their_sum():
    x = tl.tensor(3.0, requires_grad=True)
    with tl.Graph() as graph:
        s = x * x
        y, z = s * 2, s * 5
        (gradient,) = tl.grad([y, z], [x], [tl.tensor(1.0), tl.tensor(-4.0)])
        text = tl.explain(graph, {"x": x, "y": y, "z": z})
    assert f"d((-4) · z + y)/dx  = {gradient.item():.4g}" in text
    assert "with the upstream -4 that it was given" in text
    assert "Backward starts here, with d((-4) · z + y)/dy = 1" in text


def test_a_value_on_the_way_is_told_with_its_own_pass_or_refused():
    x = tl.tensor(2.0, requires_grad=True)
    with tl.Graph():
        h = x * x
        L = h * 3
        L.backward(retain_graph=True)
        text = tl.explain(h)
        assert "dh/dx  = 4" in text
        assert "x.grad now holds 12: that is from other passes; this one has left it alone." in text
        L.backward()
        with pytest.raises(RuntimeError, match="explain: backward did not start from this tensor"):
            tl.explain(h)
        assert "dL/dx  = 12" in tl.explain(L)


def test_an_upstream_that_was_given_is_named():
    x = tl.tensor(3.0, requires_grad=True)
    with tl.Graph():
        y = x * x
        y.backward(tl.tensor(5.0))
        text = tl.explain(y)
    assert "Backward starts here, with the upstream 5 that it was given: d(5 · y)/dy = 5" in text
    assert "d(5 · y)/dx  = 30" in text
    v = tl.tensor([1.0, 2.0], requires_grad=True)
    with tl.Graph():
        z = v * v
        z.backward(tl.tensor([1.0, 10.0]))
        text = tl.explain(z)
    assert "with the upstream g = [1, 10] that it was given; g · z is the sum" in text
    assert "d(g · z)/dv  = [2, 40]" in text


def test_an_earlier_gradient_is_mentioned():
    x = tl.tensor(3.0, requires_grad=True)
    (x * 5).backward()
    with tl.Graph():
        y = x * x
        y.backward()
        text = tl.explain(y)
    assert "dy/dx  = 6" in text
    assert "x.grad now holds 11: other passes have added to it, or it was changed since." in text


def test_a_gradient_that_was_changed_since_is_mentioned():
    x = tl.tensor(3.0, requires_grad=True)
    with tl.Graph():
        y = x * x
        y.backward()
        x.grad = tl.tensor(0.0)
        assert "x.grad now holds 0: other passes have added to it, or it was changed since." in tl.explain(y)


def test_a_hook_that_changes_a_gradient_is_mentioned():
    x = tl.tensor(3.0, requires_grad=True)
    with tl.Graph():
        y = x * 2
        y.register_hook(lambda g: g * 10)
        z = y * 3
        z.backward()
        text = tl.explain(z)
    assert "as a hook has changed it" in text
    assert "dz/dx  = 60" in text


def test_only_what_leads_to_the_result_is_told():
    x = tl.tensor(3.0, requires_grad=True)
    with tl.Graph():
        y, other = x * 2, x * 7
        y.backward()
        other.backward()
        text = tl.explain(y)
    assert "other = " not in text
    assert "dy/dx  = 2" in text


def test_names_are_given_or_those_of_the_caller():
    x = tl.tensor(3.0, requires_grad=True)
    y = x * x
    assert "dcost/dweight" in tl.explain(y, {"weight": x, "cost": y})
    assert "dy/dx" in tl.explain(y)


def test_what_cannot_be_told_is_refused():
    x = tl.ones(2, requires_grad=True)
    y = x * x
    with pytest.raises(TypeError, match="explain: give the tensor that backward starts from, or a Graph, not"):
        tl.explain(3.0)
    with pytest.raises(ValueError, match="explain: the graph is empty"):
        tl.explain(tl.Graph())
    with pytest.raises(RuntimeError, match="needs an upstream gradient"):
        tl.explain(y)
    loss = y.sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="backward has freed this graph"):
        tl.explain(loss)
    with pytest.raises(RuntimeError, match="does not require grad"):
        tl.explain(tl.ones(2).sum())


def test_after_the_block_the_graph_is_still_found_by_its_result():
    x = tl.tensor(3.0, requires_grad=True)
    with tl.Graph() as graph:
        y = x * x
        y.backward()
    assert "dy/dx  = 6" in tl.explain(y)
    assert len(graph) == 2


# --- the formulas are those of the rules -------------------------------------------------------------------

IN_WORDS = {name for name, formulas in DERIVATIVES.items() if "where {" in formulas[-1]}
WITHOUT_NUMBERS = IN_WORDS | {"to_device", "alias", "astype", "clone", "root"}


@pytest.mark.parametrize("op", sorted(set(DERIVATIVES) - WITHOUT_NUMBERS - {"gelu tanh"}))
@given(a=st.floats(0.2, 0.9), b=st.floats(0.2, 0.9))
def test_each_formula_is_what_the_op_and_its_rule_compute(op, a, b):
    formulas = DERIVATIVES[op]
    inputs = [tl.tensor(v, dtype=tl.float64, requires_grad=True) for v in (a, b)[: len(formulas)]]
    y = getattr(tl, op)(*inputs)
    letters = {"a": a, "b": b, "y": y.item()}
    for formula, gradient in zip(formulas, tl.grad(y, inputs), strict=True):
        np.testing.assert_allclose(Formula(formula, letters).value(), gradient.item(), rtol=1e-6)
    if (forward := FORMULAS[op].get("value", FORMULAS[op].get("definition"))) is not None:
        np.testing.assert_allclose(Formula(forward, letters).value(), y.item(), rtol=1e-6)


@given(a=st.floats(-3, 3))
def test_the_formulas_of_gelus_approximation_are_what_it_computes(a):
    x = tl.tensor(a, dtype=tl.float64, requires_grad=True)
    y = tl.gelu(x, approximate="tanh")
    (gradient,) = tl.grad(y, x)
    entry = FORMULAS["gelu tanh"]
    for formula, expected in ((entry["derivatives"][0], gradient), (entry["definition"], y)):
        np.testing.assert_allclose(Formula(formula, {"a": a}).value(), expected.item(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("watched", [True, False])
def test_a_call_is_explained_by_its_settings(watched):
    x = tl.tensor([0.3, -2.0], requires_grad=True)
    with tl.Graph() if watched else nullcontext():
        smooth = tl.gelu(x, approximate="tanh").sum()
        normal = tl.layer_norm(x, None, None, axes=1)
        scaled = tl.layer_norm(x, tl.ones(2), None, axes=1)
        error = tl.squared_error(x, tl.ones(2), average=False)
        assert "t = tanh(sqrt(2 / pi)" in tl.explain(smooth)
        assert "where g' = dC/dnormal and x' is" in tl.explain(normal.sum(), {"normal": normal})
        assert "where g' = dC/dscaled · " in tl.explain(scaled.sum(), {"scaled": scaled})
        assert "/ 2" not in tl.explain(error)


def test_every_formula_names_an_op_of_the_engine():
    from tinygrad_lecture import ops

    rooms = [
        ops.copying,
        ops.elementwise,
        ops.reduction,
        ops.shape,
        ops.indexing,
        ops.linalg.products,
        ops.linalg.matrices,
        ops.arrangement,
    ]
    known = {name for room in rooms for name in dir(room)} | set(dir(tl))
    assert {name.split()[0] for name in FORMULAS} <= known


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.booleans(), st.booleans(), st.booleans())
def test_the_sums_of_a_product_have_the_results_of_the_engine(n, k, m, flat_a, flat_b, fused):
    if fused:
        a, b = tl.randn(n, k, requires_grad=True), tl.randn(m, k, requires_grad=True)
        bias = tl.randn(m, requires_grad=True)
        C = (tl.linear(a, b, bias) * tl.randn(n, m)).sum()
    else:
        a = tl.randn(*(() if flat_a else (n,)), k, requires_grad=True)
        b = tl.randn(k, *(() if flat_b else (m,)), requires_grad=True)
        product = a @ b
        C = (product * tl.randn(*product.shape)).sum()
    with np.errstate(all="raise"):
        text = tl.explain(C)
    for name, leaf in {"a": a, "b": b}.items():
        (gradient,) = tl.grad(C, leaf, retain_graph=True)
        for index in re.findall(rf"^ +dC/d{name}(\[[\d, ]+\]) = (?:.* = )?(\S+)$", text, flags=re.M):
            place = tuple(map(int, index[0].strip("[]").split(",")))
            assert float(index[1]) == pytest.approx(gradient[place].item(), rel=1e-3)
    for line in re.findall(r"^ +dC/d\w+\[[\d, ]+\] = (.*) = (\S+)$", text, flags=re.M):
        if "more" not in line[0]:
            assert eval(line[0].replace("·", "*")) == pytest.approx(float(line[1]), rel=1e-2)


def test_the_result_that_is_asked_about_has_its_value():
    """The tape keeps no array for a mean, but the tensor is at hand."""
    x = tl.tensor([1.0, 4.0], requires_grad=True)
    assert "C = mean(#2)\n    = mean([1, 16])\n    = 8.5\n" in tl.explain((x * x).mean())


def test_names_that_are_gone_with_their_graph_are_told_how_to_keep():
    def told(keep):
        x, w = tl.tensor([1.0]), tl.tensor([2.0], requires_grad=True)
        with tl.Graph() as graph:
            y = (w * x).sum()
        graph = graph if keep else None
        return tl.explain(y)

    assert "= w * constant" in told(False)
    assert "(Names of parameters and constants are there while their graph is kept" in told(False)
    assert "= w * x" in told(True)
    assert "Names of" not in told(True)
