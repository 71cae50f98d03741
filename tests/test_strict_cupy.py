"""The strict stand-in for CuPy behaves as it says, and offers nothing that CuPy lacks."""

import inspect
import re
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np
import pytest

import strict_cupy as stand_in
from strict_cupy import StrictArray, Synchronised, count_synchronisations, no_synchronisation, strict

HOST = np.arange(12, dtype=np.float32).reshape(3, 4)


def device(values: Any = HOST, dtype: Any = None) -> Any:
    return strict.asarray(values, dtype=dtype)


def matches(array: Any, expected: Any) -> bool:
    """Whether a StrictArray has the expected values, shape and dtype."""
    host, expected = array.get(), np.asarray(expected)
    return host.dtype == expected.dtype and np.array_equal(host, expected, equal_nan=True)


# -- Host and device never mix.


@pytest.mark.parametrize(
    "mix",
    [
        lambda x: np.asarray(x),  # NumPy's functions
        lambda x: np.exp(x),
        lambda x: np.add.reduce(x),
        lambda x: np.concatenate([x, x]),
        lambda x: np.zeros(3) + x,  # host arrays as operands
        lambda x: x + np.zeros(()),
        lambda x: x < np.zeros(()),
        lambda x: x + [1, 2, 3, 4],
        lambda x: HOST @ x.T,
        lambda x: x.__iadd__(HOST),
        lambda x: x.__setitem__(0, HOST[0]),  # as values and indices
        lambda x: x[np.array([0, 1])],
        lambda x: x[np.array(0)],
        lambda x: strict.exp(x, out=HOST),  # as arguments
        lambda x: strict.sum(HOST),
        lambda x: strict.sum([x, x]),
        lambda x: strict.concatenate([x, HOST]),
        lambda x: strict.where(x > 0, HOST, 0),
        lambda x: strict.add.at(x, np.array([0]), 1),
        lambda x: strict.asarray([x, x]),
        lambda x: strict.zeros(x.size * device(1)),  # device arrays where the host must know
        lambda x: x.reshape(device(3), 4),
        lambda x: x.sum(axis=device(0)),
        lambda x: range(3)[device(0)],
    ],
)
def test_host_and_device_do_not_mix(mix: Callable[[Any], Any]) -> None:
    x = device()
    with pytest.raises(TypeError), no_synchronisation():
        mix(x)
    assert matches(x, HOST)


def test_copies_in_and_out_share_nothing_with_the_host() -> None:
    host = HOST.copy()
    x = device(host)
    host[0, 0] = 7
    x.get()[0, 1] = 7
    strict.asnumpy(x)[0, 2] = 7
    assert matches(x, HOST)
    assert strict.asarray(x) is x
    assert strict.array(x) is not x
    assert matches(strict.array(3, ndmin=2), np.array([[3]]))


def test_scalars_are_operands_python_ones_weak_numpy_ones_strong() -> None:
    x = device()
    assert matches(2 * x + 1, 2 * HOST + 1)
    assert (x * 2.5).dtype == (2.5**x).dtype == np.float32
    assert matches(np.float32(2) * x, 2 * HOST)
    assert (x * np.float64(2)).dtype == (np.float64(2) - x).dtype == np.float64
    assert matches(np.float32(2) < x, HOST > 2)
    assert matches(2 < x, HOST > 2)
    assert matches(strict.exp(0.0), np.exp(0.0))


# -- Arrays.


def test_results_are_arrays_never_scalars() -> None:
    x = device()
    for result in [x[1, 2], x[-1][0], x.sum(), x.max(axis=(0, 1)), x.ravel() @ x.ravel(), x.argmax(), x[0, 0] + 1]:
        assert isinstance(result, StrictArray) and result.shape == ()
        assert result.base is None or result.base is x


def test_views_share_memory_and_know_the_owner() -> None:
    x = device()
    views = [x[1:, ::2], x[0, 0], x.T, x[:2][:, 1], x.reshape(-1), x.transpose(1, 0), x.swapaxes(0, 1).swapaxes(0, 1)]
    views.append(strict.broadcast_to(x, (2, 3, 4)))
    assert all(view.base is x for view in views)
    copies = [x.copy(), x + 0, x[[0, 1]], x[device(0)], x.T.reshape(-1), x.astype(x.dtype)]
    assert all(copy.base is None for copy in copies)
    assert x.astype(x.dtype, copy=False) is x and strict.ascontiguousarray(x) is x

    views[0][...] = -1
    assert x.get()[1, 0] == x.get()[2, 2] == -1


# -- Indices.


def test_index_arrays_wrap_but_integers_do_not() -> None:
    x = device()
    assert matches(x[[3, -4]], HOST[[0, 2]])
    assert matches(x[:, device([5, -5])], HOST[:, [1, 3]])
    assert matches(x[..., device(4)], HOST[..., 0])
    assert matches(x[None, [4], 1:, None], HOST[None, [1], 1:, None])
    assert matches(strict.take_along_axis(x, device([[7]]), 1), HOST[:, 3:])
    assert matches(x[[]], HOST[[]])
    x[[3]] = -2
    expected = HOST.copy()
    expected[0] = -2
    assert matches(x, expected)
    for index in [3, (0, 4), (0, 0, 0), "a", 1.0, device(1.0)]:
        with pytest.raises(IndexError):
            x[index]


def test_racing_assignments_are_refused() -> None:
    x = device()
    x[[0, 0]] = 1  # the same value for both
    with pytest.raises(ValueError, match="undefined"):
        x[[0, 3]] = device(HOST[:2])


# -- Synchronisation.


@pytest.mark.parametrize(
    "wait",
    [
        lambda x: x.get(),
        lambda x: strict.asnumpy(x),
        lambda x: x.tolist(),
        lambda x: x[0, 0].item(),
        lambda x: float(x.sum()),
        lambda x: int(x.argmax()),
        lambda x: bool(x.any()),
        lambda x: repr(x),
        lambda x: f"{x.sum():.3f}",
        lambda x: x[x > 3],
        lambda x: x.__setitem__(x > 3, 0.0),
        lambda x: strict.argwhere(x),
        lambda x: strict.where(x > 3),
    ],
)
def test_each_of_these_waits_once(wait: Callable[[Any], Any]) -> None:
    with count_synchronisations() as count:
        wait(device())
    assert count() == 1
    with pytest.raises(Synchronised, match="wait for the device"), no_synchronisation():
        wait(device())


# -- What is there, and what is not.


@pytest.mark.parametrize(
    "call",
    [
        lambda x: strict.exp(x, where=x > 0),
        lambda x: strict.add(x, x, order="K"),
        lambda x: x.max(initial=0.0),
        lambda x: strict.clip(x, min=0, max=1),
        lambda x: strict.take_along_axis(x, device([[0]])),
        lambda x: x.astype(np.float64, casting="safe"),
        lambda x: strict.add(x),
    ],
)
def test_keywords_cupy_lacks_are_refused(call: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        call(device())


# -- The tables against the installed CuPy, which imports without a GPU.

FUNCTIONS = stand_in._signatures(stand_in.OFFERED["array_functions"] + stand_in.OFFERED["creation_functions"])
FUNCTIONS |= {name: inspect.signature(getattr(strict, name)) for name in ("asarray", "array")}
METHODS = stand_in._signatures(stand_in.OFFERED["methods"]) | {
    name: FUNCTIONS[name].replace(parameters=list(FUNCTIONS[name].parameters.values())[1:])
    for name in stand_in.OFFERED["methods_like_functions"].split()
}


@pytest.fixture(scope="module")
def cupy() -> Any:
    return pytest.importorskip("cupy", exc_type=ImportError)


def documented_signature(function: Any) -> inspect.Signature | None:
    """The signature of `function`; for a Cython function, from its docstring. None if unknown."""
    try:
        return inspect.signature(function)
    except ValueError:
        found = re.match(r"[\w.]+\((?:self, |self)?(.*)\)", function.__doc__ or "")
    if not found:
        return None
    parameters = re.sub(r"\b(int|Py_ssize_t|_ndarray_base) (?=\w)", "", found[1])
    try:
        return inspect.signature(eval(f"lambda {parameters}: None", {"numpy": np}))
    except SyntaxError:
        return None


def check_signature(ours: inspect.Signature, theirs: inspect.Signature, doc: str) -> None:
    """Assert that `theirs` accepts every call that `ours` accepts, with the same meaning."""
    by_name, in_order = theirs.parameters, list(theirs.parameters.values())
    kinds = [parameter.kind for parameter in in_order]
    for i, parameter in enumerate(ours.parameters.values()):
        if parameter.kind is parameter.VAR_POSITIONAL:
            assert parameter.kind in kinds
        elif parameter.kind is parameter.POSITIONAL_ONLY:
            assert kinds[0] is parameter.VAR_POSITIONAL or kinds[i] <= kinds[i].POSITIONAL_OR_KEYWORD
        elif parameter.name in by_name:
            there = by_name[parameter.name]
            assert there.kind in (there.POSITIONAL_OR_KEYWORD, there.KEYWORD_ONLY)
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                assert in_order[i] is there
            if isinstance(parameter.default, (bool, int, float, str)):
                assert there.default in (parameter.default, None, np._NoValue)
        else:
            assert parameter.VAR_KEYWORD in kinds and parameter.name in doc


@pytest.mark.parametrize("name", [*sorted(FUNCTIONS), *(f"ndarray.{name}" for name in sorted(METHODS))])
def test_functions_and_methods_exist_in_cupy(cupy: Any, name: str) -> None:
    theirs = attrgetter(name)(cupy)
    signature = documented_signature(theirs)
    assert signature is not None
    parameters = [p for p in signature.parameters.values() if p.name != "self"]
    ours = METHODS[name.removeprefix("ndarray.")] if name.startswith("ndarray.") else FUNCTIONS[name]
    check_signature(ours, signature.replace(parameters=parameters), theirs.__doc__)


@pytest.mark.parametrize("name", stand_in.OFFERED["ufuncs"].split())
def test_ufuncs_exist_in_cupy(cupy: Any, name: str) -> None:
    theirs = getattr(cupy, name)
    assert isinstance(theirs, cupy.ufunc)
    assert (theirs.nin, theirs.nout) == (getattr(strict, name).nin, 1)
    assert r"out=None, \*, casting='same_kind', dtype=None)" in theirs.__doc__


def test_the_rest_exists_in_cupy(cupy: Any) -> None:
    for attribute in vars(StrictArray):
        ours_alone = {"_array", "_host", "_index"}
        python = "getattr weakref annotations static_attributes firstlineno"
        if attribute not in ours_alone and attribute.strip("_") not in python.split():
            assert hasattr(cupy.ndarray, attribute), attribute
    assert cupy.ndarray.__weakrefoffset__ > 0
    assert not hasattr(cupy.ndarray, "__index__") and not hasattr(cupy, "errstate")
