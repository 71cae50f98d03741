"""Nothing drops a gradient without a word: not a setting, not an output. Every public function is called, by search.

A function gets arguments from a pool until it takes them. Then each argument that is a number or floats becomes a
Tensor that requires grad, alone: the call or its backward raises, or the derivative is what finite differences give.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product
from typing import Any

import numpy as np
import pytest

import nn.functional as F
import tinygrad_lecture as tl

MATRIX = np.array([[1.3, 0.4, 0.7], [0.5, 2.6, 0.1], [0.2, 0.9, 3.8]])
VECTOR = np.array([0.45, 0.3, 0.7])
POOL: Sequence[Callable[[int], Any]] = (  # of the position, so that no two arguments have equal elements
    lambda i: tl.tensor(MATRIX + 0.03 * i),
    lambda i: tl.tensor(VECTOR + 0.02 * i),
    lambda i: 1,
    lambda i: tl.tensor(np.array(0.45 + 0.1 * i)),
    lambda i: tl.tensor([[0, 2, 1], [1, 0, 0], [2, 2, 1]]),
    lambda i: tl.tensor([0, 2, 1]),
    lambda i: (3, 3),
    lambda i: 0.45,
    lambda i: tl.tensor([[True, False, True]] * 3),
    lambda i: [tl.tensor(MATRIX), tl.tensor(MATRIX + 0.05)],
    lambda i: tl.tensor(np.sin(np.arange(96.0) + i).reshape(2, 3, 4, 4)),
    lambda i: tl.tensor(np.sin(np.arange(12.0) + i).reshape(1, 3, 4)),
    lambda i: tl.tensor(np.sin(np.arange(18.0) + i).reshape(2, 3, 3)),
    lambda i: "ij,jk",
)
TRIES, CALLS = 4000, 3  # combinations of the pool to try, and calls that succeed, per function
SETTINGS = (np.array(0.45), np.array(1.0), VECTOR, MATRIX)  # for a parameter with a default
STEP = 1e-6

# what is no function of its arguments, copies, noise, and too few digits
LEFT_OUT = "page explain backward tensor new_tensor detach empty new_empty float half bfloat16 new"
LEFT_OUT += " detach_ detach_copy"
METHODS = [name for name in dir(tl.Tensor) if name[0] != "_" and name not in tl.__all__]  # not those that are functions
FUNCTIONS = {
    f"{space}.{name}": function
    for space, module, names in (
        ("tl", tl, tl.__all__),
        ("tl.linalg", tl.linalg, tl.linalg.__all__),
        ("F", F, F.__all__),
        ("Tensor", tl.Tensor, METHODS),
    )
    for name in names
    if callable(function := getattr(module, name, None)) and not inspect.isclass(function)
    if name not in LEFT_OUT.split() and not name.startswith("set_")
}
NOT_CALLED = {  # functions of functions, of text, of keywords, and of shapes and logarithms that the pool has not
    *("tl.checkpoint", "tl.from_numpy", "tl.fused", "tl.grad", "tl.gradcheck", "tl.gradgradcheck", "tl.overlap_add"),
    *("tl.dequantize", "tl.quantized_linear", "tl.scatter", "tl.transposed_convolution", "tl.linalg.solve_triangular"),
    *("F.conv_transpose1d", "F.interpolate", "Tensor.cuda", "Tensor.register_hook"),
    *("Tensor.retain_grad", "Tensor.register_post_accumulate_grad_hook", "Tensor.scatter_", "Tensor.scatter_add_"),
    *("Tensor.index_add_", "Tensor.unflatten", "tl.load", "tl.save"),
}


def parameters(function: Any) -> tuple[list[int], list[str]]:
    """How many arguments to call a function with, and the names of those that have defaults."""
    kinds = inspect.Parameter
    found = inspect.signature(getattr(function, "__wrapped__", function)).parameters.values()
    needed = [
        p for p in found if p.default is p.empty and p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    ]
    any_number = any(p.kind is kinds.VAR_POSITIONAL for p in found)
    counts = [len(needed) + more for more in range(3 if any_number else 1)]
    return counts, [p.name for p in found if p.default is not p.empty and p.kind is not kinds.POSITIONAL_ONLY]


def calls(function: Any, count: int) -> Iterator[list[Any]]:
    """Arguments from the pool that a function takes."""
    for makers in islice(product(POOL, repeat=count), TRIES):
        try:
            function(*(make(i) for i, make in enumerate(makers)))
        except Exception:
            continue
        yield [make(i) for i, make in enumerate(makers)]


def variants(args: list[Any], optional: list[str]) -> Iterator[tuple[list[Any], dict[str, Any], int | str]]:
    """The same calls, with a place (a position or a name) that can require grad."""
    for i, x in enumerate(args):
        if isinstance(x, float | int):
            yield [*args[:i], tl.tensor(float(x), dtype=tl.float64), *args[i + 1 :]], {}, i
        elif is_float(x) or isinstance(x, list):
            yield args, {}, i
    for name in optional:
        for value in SETTINGS:
            yield args, {name: tl.tensor(value)}, name


def is_float(x: Any) -> bool:
    return isinstance(x, tl.Tensor) and x.dtype.kind == "f"


def tensors(tree: Any) -> Iterator[tl.Tensor]:
    if isinstance(tree, tl.Tensor):
        yield tree
    elif isinstance(tree, list | tuple):
        for part in tree:
            yield from tensors(part)


def run(function: Any, args: list[Any], kwargs: dict[str, Any], place: int | str, scale: Any) -> tl.Tensor | None:
    """A weighted sum of the floats that a call returns, with the argument at a place multiplied by `scale`."""

    def copy(x: Any, by: Any = None) -> Any:
        if isinstance(x, list):
            return [copy(item, by) for item in x]
        return x if not isinstance(x, tl.Tensor) else x.clone() if by is None else x * by

    tl.manual_seed(0)
    made = function(
        *(copy(x, scale if place == i else None) for i, x in enumerate(args)),
        **{name: copy(x, scale if place == name else None) for name, x in kwargs.items()},
    )
    floats = [x.double() for x in tensors(made) if is_float(x)]
    weighted = [(x * tl.cos(tl.arange(x.numel(), dtype=tl.float64)).reshape(x.shape)).sum() for x in floats]
    return sum(weighted[1:], start=weighted[0]) if weighted else None


def lost(function: Any, args: list[Any], kwargs: dict[str, Any], place: int | str) -> str | None:
    """What the derivative by the scale of an argument is and should be; None if it is right, refused, or at a kink."""
    scale = tl.ones((), dtype=tl.float64, requires_grad=True)
    try:
        value = run(function, args, kwargs, place, scale)
        if value is None:
            return None
        (slope,) = tl.grad(value, scale, allow_unused=True) if value.requires_grad else (None,)
        below, above = (run(function, args, kwargs, place, 1 + step).item() for step in (-STEP, STEP))
    except Exception:
        return None
    here, got = value.item(), 0.0 if slope is None else slope.item()
    left, right = (here - below) / STEP, (above - here) / STEP
    unsure = 1e-4 * max(1.0, abs(left), abs(right))
    if not np.isfinite([left, right]).all() or abs(left - right) > unsure or abs(got - (left + right) / 2) <= unsure:
        return None
    return f"{(left + right) / 2:.6g} by differences, {got:.6g} by backward"


X, Y, CLASS = tl.tensor(VECTOR), tl.tensor(VECTOR[::-1]), tl.tensor([0, 2, 1])
SETTINGS_WITHOUT_A_GRADIENT = {
    "norm: ord": lambda t: tl.norm(X, t * 2),
    "normalize: p": lambda t: F.normalize(X[None], p=t * 2),
    "softplus: beta": lambda t: F.softplus(X, t),
    "elu: alpha": lambda t: F.elu(-X, alpha=t),
    "unbiased": lambda t: tl.std(X, unbiased=t),
    "softplus: threshold": lambda t: F.softplus(X, threshold=t),
    "nll_loss: ignore_index": lambda t: F.nll_loss(tl.tensor(-MATRIX), CLASS, ignore_index=t),
    "cross_entropy: ignore_index": lambda t: F.cross_entropy(tl.tensor(MATRIX), CLASS, None, t),
    "batch_norm: momentum": lambda t: F.batch_norm(tl.tensor(MATRIX), X.clone(), Y.clone(), training=True, momentum=t),
}


@pytest.mark.parametrize("setting", SETTINGS_WITHOUT_A_GRADIENT)
def test_a_setting_that_no_gradient_flows_to_does_not_require_grad(setting: str) -> None:
    call, t = SETTINGS_WITHOUT_A_GRADIENT[setting], tl.tensor(1.0, requires_grad=True)
    with pytest.raises(TypeError, match=rf"{setting} is a setting.*{setting.split()[-1]}.detach\(\)"):
        call(t)
    with tl.no_grad():
        call(t)


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    """Functions of integers compute in it too, so that differences are exact enough."""
    tl.set_default_dtype(tl.float64)
    yield
    tl.set_default_dtype(tl.float32)


@pytest.mark.filterwarnings("ignore")  # arguments from the pool deserve some
@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_argument_loses_its_gradient(name: str) -> None:
    function = FUNCTIONS[name]
    counts, optional = parameters(function)
    called = False
    for args in (args for count in counts for args in islice(calls(function, count), CALLS)):
        called = True
        for variant, kwargs, place in variants(args, optional):
            found = lost(function, variant, kwargs, place)
            assert found is None, f"{name}, argument {place} of {variant}, {kwargs}: {found}"
    assert called != (name in NOT_CALLED)
