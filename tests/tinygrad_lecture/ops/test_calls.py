"""How ops are called, named and documented: names, spellings, settings, examples of help()."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_lecture as tl
from op_table import DEFINED
from tinygrad_lecture import ops

# --- names ----------------------------------------------------------------------------------------------------


def test_the_ops_of_tl_are_those_that_the_files_of_ops_list():
    assert set(ops.__all__) <= set(tl.__all__)
    assert all(hasattr(tl, name) for name in tl.__all__)
    assert len(set(ops.__all__)) == len(ops.__all__)
    assert all(getattr(tl, name) is DEFINED[name] for name in ops.__all__)


def test_internal_ops_are_not_public():
    internal = set(DEFINED) - set(ops.__all__) - set(tl.linalg.__all__)
    assert {"alias", "astype", "getitem", "expand_copy", "concatenate"} <= internal
    assert not [name for name in internal if hasattr(tl, name)]


def test_modules_are_not_listed_except_func_and_linalg():
    assert [name for name in tl.__all__ if type(getattr(tl, name)) is type(tl)] == ["func", "linalg"]


def test_type_checkers_know_every_name(tmp_path):
    pytest.importorskip("mypy")
    script = tmp_path / "script.py"
    script.write_text(
        "import nn\n"
        "import tinygrad_lecture as tl\n"
        "x: tl.Tensor = tl.exp(tl.ones(2, 3, dtype=tl.float64))\n"
        "y: tl.Tensor = tl.where(x > 0, tl.sum(x, axis=0, keepdims=True), tl.randn(3))\n"
        "z: tl.Tensor = nn.Linear(3, 2)(y)\n"
        f"names = [{', '.join(f'tl.{name}' for name in tl.__all__)}]\n"
        "tl.alias\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(script)], capture_output=True, text=True
    )
    assert 'script.py:7: error: Module has no attribute "alias"' in done.stdout, done.stdout + done.stderr
    assert "Found 1 error in 1 file" in done.stdout, done.stdout + done.stderr


# --- help -----------------------------------------------------------------------------------------------------


PUBLIC = {name: getattr(ops, name) for name in ops.__all__}


def example_of(op):
    """The indented lines of a docstring."""
    return [line.strip() for line in inspect.getdoc(op).split("\n") if line.startswith("    ")]


@pytest.mark.parametrize("name", PUBLIC)
def test_every_setting_is_explained(name):
    op = PUBLIC[name]
    parameters = inspect.signature(op).parameters.values()
    words = {p.name for p in parameters if p.default is not p.empty}
    if any(p.name == "axis" for p in parameters):
        words |= {"axis", "dim"}
    missing = sorted(word for word in words if word not in op.__doc__)
    assert not missing, f"help(tl.{name}) does not mention {', '.join(missing)}"


@pytest.mark.parametrize("name", [name for name, op in PUBLIC.items() if example_of(op)])
def test_examples_give_the_results_they_show(name):
    names = {"tl": tl}
    for line in example_of(PUBLIC[name]):
        code, _, expected = (part.strip() for part in line.partition("  #"))
        if expected:
            found = repr(eval(code, names))
            assert found.replace("\n", "").replace(" ", "") == expected.replace(" ", ""), code
        else:
            exec(code, names)


# --- spellings ------------------------------------------------------------------------------------------------


X = tl.tensor([[1.0, 5.0, 3.0], [4.0, 2.0, 2.0]])


@pytest.mark.parametrize("name", ["max", "min", "median", "sort"])
def test_values_and_indices_under_every_spelling(name):
    free, method = getattr(tl, name), getattr(X, name)
    expected = free(X, 1)
    values, indices = expected
    assert (expected.values is values, expected.indices is indices) == (True, True)
    assert values.equal(X.gather(1, indices.view(2, -1)).view(values.shape))
    for result in (free(X, dim=1), free(X, axis=-1), method(1), method(dim=-1), method(axis=1)):
        assert result.values.equal(values)
        assert result[1].equal(indices)
    if name != "sort":
        for result in (free(X, 1, True), method(1, keepdim=True), method(dim=1, keepdims=True)):
            assert result[0].equal(values[:, None])
            assert result[1].equal(indices[:, None])


def test_inputs_may_have_pytorchs_names():
    y = X * 2
    assert tl.add(input=X, other=y).equal(tl.add(X, other=y)) is X.add(other=y).equal(X + y) is True
    assert tl.sub(input=X, other=y, alpha=2).equal(X - 2 * y)
    assert tl.sum(input=X, dim=1).equal(X.sum(1))
    assert tl.softmax(input=X, dim=1).equal(tl.softmax(X, 1))
    assert tl.unsqueeze(input=X, dim=0).equal(X[None])
    assert tl.matmul(input=X, other=y.T).equal(X @ y.T)


def test_max_and_min_of_two_tensors_are_elementwise():
    y = X.flip(1)
    assert tl.max(X, y).equal(X.max(y)) is tl.max(X, y).equal(tl.maximum(X, y)) is True
    assert tl.min(X, y).equal(X.min(y)) is tl.min(X, y).equal(tl.minimum(X, y)) is True
    assert tl.max(X, X.numpy() * 2).equal(X * 2)


def test_amax_and_amin_return_values_alone():
    assert X.amax(1).equal(tl.amax(X, dim=1)) is X.amax((0, 1)).equal(X.max()) is True
    assert X.amin(0, keepdims=True).tolist() == [[1, 2, 2]]


def test_a_bool_after_the_axis_of_std_and_var_is_unbiased():
    x = X.numpy()
    for name in ("std", "var"):
        ours, reference = getattr(X, name), getattr(np, name)
        np.testing.assert_allclose(ours(0, False).numpy(), reference(x, 0))
        np.testing.assert_allclose(ours(0, True).numpy(), reference(x, 0, ddof=1))
        np.testing.assert_allclose(ours(False).numpy(), reference(x), rtol=1e-6)
        np.testing.assert_allclose(ours(1, keepdim=True).numpy(), reference(x, 1, ddof=1, keepdims=True))
        np.testing.assert_allclose(ours(dim=1, correction=0).numpy(), reference(x, 1))
        np.testing.assert_allclose(ours(0, False, True).numpy(), reference(x, 0, keepdims=True))


def test_unique_along_an_axis_returns_slices():
    x = tl.tensor([[1, 2], [3, 4], [1, 2]])
    rows, inverse, counts = tl.unique(x, dim=0, return_inverse=True, return_counts=True)
    assert (rows.tolist(), inverse.tolist(), counts.tolist()) == ([[1, 2], [3, 4]], [0, 1, 0], [2, 1])
    assert x.unique(return_inverse=True)[1].tolist() == [[0, 1], [2, 3], [0, 1]]


# --- settings -------------------------------------------------------------------------------------------------


SIGNED = tl.tensor([[1.5, -2.5], [3.0, 4.0]], requires_grad=True)


def test_alpha_multiplies_what_is_added():
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    assert x.add(x, alpha=2).tolist() == tl.add(x, x, alpha=2).tolist() == [3, 6]
    assert x.sub(1, alpha=3).tolist() == [-2, -1]
    (gradient,) = tl.grad(tl.sub(x, x * x, alpha=0.5).sum(), x)
    assert gradient.tolist() == [0, -1]
    assert tl.add(tl.tensor([1]), 2, alpha=3).dtype == tl.int64


@pytest.mark.parametrize(("mode", "wanted"), [("floor", [3, -4, 9, -10]), ("trunc", [3, -3, 10, -10])])
def test_quotients_are_rounded_down_or_towards_zero(mode, wanted):
    a, b = tl.tensor([7.0, -7.0, 1.0, -1.0], requires_grad=True), tl.tensor([2.0, 2.0, 0.1, 0.1], dtype=tl.float64)
    quotient = tl.div(a, b, rounding_mode=mode)
    assert quotient.tolist() == wanted
    quotient.sum().backward()
    assert a.grad.tolist() == [0, 0, 0, 0]
    whole = tl.tensor([7, -7]).div(2, rounding_mode=mode)
    assert whole.dtype == tl.int64 and whole.tolist() == wanted[:2]
    assert tl.div(a, 2.0, rounding_mode=None).tolist() == (a / 2.0).tolist()


@pytest.mark.parametrize(
    "call",
    [
        lambda dtype: SIGNED.sum(dtype=dtype),
        lambda dtype: tl.sum(SIGNED, 1, dtype=dtype),
        lambda dtype: SIGNED.mean(dim=0, keepdim=True, dtype=dtype),
        lambda dtype: SIGNED.prod(dtype=dtype),
        lambda dtype: SIGNED.cumsum(0, dtype=dtype),
        lambda dtype: SIGNED.cumprod(0, dtype=dtype),
        lambda dtype: SIGNED.norm(dtype=dtype),
        lambda dtype: tl.softmax(SIGNED, 1, dtype=dtype),
        lambda dtype: SIGNED.log_softmax(dim=-1, dtype=dtype),
    ],
)
def test_dtype_converts_first(call):
    assert call(None).dtype == tl.float32
    y = call(tl.float64)
    assert y.dtype == tl.float64
    np.testing.assert_allclose(y.detach().numpy(), call(None).detach().numpy(), rtol=1e-5)
    (gradient,) = tl.grad(y.sum(), SIGNED)
    assert gradient.dtype == tl.float32


def test_integers_take_a_float_dtype():
    x = tl.tensor([1, 2, 3])
    assert x.mean(dtype=tl.float64).item() == 2
    assert x.softmax(0, dtype=tl.float32).dtype == tl.float32
    assert tl.tensor([0.5, 1.7]).sum(dtype=tl.int64).item() == 1


def test_norm_knows_pytorchs_name_of_its_order():
    assert SIGNED.norm(p="fro").item() == SIGNED.norm(p=2).item() == SIGNED.norm().item()
    assert tl.norm(SIGNED, p=1, dim=0).tolist() == [4.5, 6.5]


def test_einsum_takes_its_operands_in_a_list():
    assert tl.einsum("ij,kj->ik", [SIGNED, SIGNED]).tolist() == (SIGNED @ SIGNED.T).tolist()


@pytest.mark.parametrize("dtypes", [(tl.float32, tl.float64), (tl.int32, tl.int64)])
def test_an_operand_of_einsum_that_is_summed_away_still_promotes(dtypes):
    for one, other in (dtypes, dtypes[::-1]):
        assert tl.einsum("ij,k->ij", tl.ones(2, 3, dtype=one), tl.ones(4, dtype=other)).dtype == dtypes[1]


def test_memory_format_changes_nothing():
    for name in ["to", "float", "double", "half", "long", "int", "bool", "byte", "char", "short", "clone"]:
        copy = getattr(SIGNED, name)
        assert copy(memory_format=None).equal(copy())


def test_allclose_is_one_bool():
    assert tl.allclose(SIGNED, SIGNED + 1e-7) is True
    assert SIGNED.allclose(SIGNED + 1) is False
    assert tl.allclose(np.array([np.nan]), np.array([np.nan]), equal_nan=True) is True
    assert tl.allclose(tl.tensor([np.inf]), tl.tensor([1.0])) is False
