"""PyTorch's own test data: its samples of ops and of modules give here what they give there, or are refused clearly.

Where they differ on purpose the reason stands below, and a reason that nothing needs fails too.
"""

from __future__ import annotations

import itertools
import re
import traceback
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")  # PyTorch's data need it

from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402
from torch.testing._internal.common_modules import module_db  # noqa: E402

import nn.torch as ours  # noqa: E402
import tinygrad_lecture as tl  # noqa: E402

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]


# --- the same call in both libraries, and in what the results differ ----------------------------------------------

TOLERANCE = {"float64": 1e-7, "float32": 1e-5, "float16": 2e-3}  # relative and absolute
LARGEST = 1000  # elements of a sample: what larger ones show, smaller ones show too
MOST = {"float64": 60, "float32": 6, "int64": 60, "bool": 20, "uint8": 20}  # samples of an op, the large ones counted
MOST_OF_A_FORM = {"float32": 6, "int64": 6}
OURS = Path(__file__).parents[3]

# words of NumPy and of Python, which an error of ours does not have
_BARE = re.compile(
    r"ufunc|operand type|NoneType|zero-size array|has no attribute|casting rule|array scalars|unhashable"
)


def counterpart(name: str, theirs: Callable[..., Any]) -> Callable[..., Any] | None:
    """Our function for an op of op_db; None if there is none of that name.

    PyTorch's tests call some ops by a function of their own, `lambda x: torch.f(x)`: then `torch` is ours in it.
    """
    found: Any = ours
    for part in name.split("."):
        found = getattr(found, part, None)
    found = found or getattr(ours.Tensor, name, None)
    if isinstance(found, property):
        return found.fget
    if found and isinstance(theirs, types.FunctionType) and theirs.__module__.startswith("torch.testing"):
        settings = theirs.__defaults__, theirs.__closure__
        return types.FunctionType(theirs.__code__, {**theirs.__globals__, "torch": ours}, None, *settings)
    return found


def forms(op: Any) -> Iterator[tuple[Callable[..., Any], Callable[..., Any], dict[str, int]]]:
    """Pairs of PyTorch's function and ours for an op: itself, its other names, its method, in place of a copy.

    With each the number of samples of a dtype. Forms that are not here are left out.
    """
    yield op.op, counterpart(op.name, op.op), MOST
    for alias in op.aliases:
        if (ours_too := counterpart(alias.name, alias.op)) is not None:
            yield alias.op, ours_too, MOST_OF_A_FORM
    for method in (op.method_variant, op.inplace_variant):
        name = getattr(method, "__name__", "")
        if name.isidentifier() and hasattr(ours.Tensor, name):
            yield of_a_copy(name), of_a_copy(name), MOST_OF_A_FORM


def of_a_copy(name: str) -> Callable[..., Any]:
    """A method of a copy of the first argument."""
    return lambda x, *args, **settings: getattr(x.clone(), name)(*args, **settings)


def samples(op: Any, dtype: str, most: int) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The arguments of an op's small samples: for floats also its reference inputs, with infinities and nans."""
    torch.manual_seed(0)
    floats = dtype.startswith("float")
    settings = {"device": "cpu", "dtype": getattr(torch, dtype), "requires_grad": floats and op.supports_autograd}
    try:
        made = list(itertools.islice((op.reference_inputs if floats else op.sample_inputs)(**settings), most))
    except ValueError:  # some reference inputs ask for a gradient of integers
        made = list(itertools.islice(op.sample_inputs(**settings), most))
    for sample in made:
        call = (sample.input, *sample.args), sample.kwargs
        if all(x.numel() <= LARGEST for x in leaves(call) if isinstance(x, torch.Tensor)):
            yield call


def leaves(value: Any) -> Iterator[Any]:
    """The tensors and other values in a nested argument or result, in order, without None."""
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, dict):
        yield from leaves(list(value.values()))
    elif value is not None:
        yield value


def copied(value: Any, leaf: Callable[[Any], Any], made: dict[int, Any]) -> Any:
    """A nested argument with leaf(x) for each x in it; one tensor that stands there twice stays one."""
    if isinstance(value, (list, tuple)):
        parts = [copied(part, leaf, made) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {key: copied(part, leaf, made) for key, part in value.items()}
    if id(value) not in made:
        made[id(value)] = leaf(value)
    return made[id(value)]


def fresh(x: Any) -> Any:
    """PyTorch's tensor as a leaf of its own: samples share tensors, and some are results of ops."""
    return x.detach().clone().requires_grad_(x.requires_grad) if isinstance(x, torch.Tensor) else x


def translated(x: Any) -> Any:
    """Our tensor, dtype or function for PyTorch's; anything else as it is. Raises Refused for what is not here."""
    if isinstance(x, torch.Tensor):
        if x.layout != torch.strided or x.dtype in (torch.bfloat16, torch.complex64, torch.complex128):
            raise Refused(f"tensors of {x.dtype}, {x.layout} are not here")
        return ours.tensor(x.numpy(force=True), requires_grad=x.requires_grad)
    if isinstance(x, (torch.dtype, torch.memory_format, torch.layout)):
        return getattr(ours, str(x).removeprefix("torch."))
    if isinstance(x, torch.nn.Module):
        raise Refused("a module of PyTorch's")
    if x is torch.nn.functional.gelu:
        return ours.nn.functional.gelu
    return str(x) if isinstance(x, torch.device) else x


class Refused(Exception):
    """Our library refuses the arguments, in a sentence."""


def differences(
    theirs: Callable[..., Any], mine: Callable[..., Any], args: Any, kwargs: Any, variables: Any = ((), ())
) -> Iterator[tuple[str, str]]:
    """What differs between two functions for these arguments: pairs of a word for the kind and a sentence.

    variables: our and PyTorch's parameters, whose gradients are compared too. Raises Refused if either refuses, as
    PyTorch does where a result in place would have another shape or dtype.
    """
    asked = copied((args, kwargs), fresh, {})
    try:
        wanted = list(leaves(theirs(*asked[0], **asked[1])))
    except (RuntimeError, TypeError) as error:
        raise Refused from error
    if any(y is NotImplemented for y in wanted):
        return
    try:
        given = copied((args, kwargs), translated, {})
        found = list(leaves(mine(*given[0], **given[1])))
        [x.detach().numpy() for x in found if isinstance(x, tl.Tensor)]  # they can be read
    except Refused:
        raise
    except Exception as error:
        if not said_clearly(error):
            yield "error", f"{type(error).__name__}: {error}"
            return
        raise Refused(str(error)) from error
    if len(found) != len(wanted):
        yield "value", f"{len(found)} results, PyTorch gives {len(wanted)}"
        return
    random = np.random.default_rng(0)
    totals: list[tuple[Any, Any]] = []
    for x, y in zip(found, wanted, strict=True):
        yield from difference("value", x, y)
        if not isinstance(y, torch.Tensor) or not isinstance(x, tl.Tensor):
            continue
        if x.shape == y.shape and (x.requires_grad or y.requires_grad):
            upstream = random.normal(size=y.shape)
            totals.append(((x * ours.tensor(upstream)).sum(), (y * torch.tensor(upstream)).sum()))
    if not totals:
        return
    try:
        for total in zip(*totals, strict=True):
            if sum(total).requires_grad:
                sum(total).backward()
    except (RuntimeError, NotImplementedError):  # one has no derivative for these arguments, and says so
        return
    for x, y in zip(leaves((given, variables[0])), leaves((asked, variables[1])), strict=True):
        if isinstance(y, torch.Tensor) and y.requires_grad:
            yield from difference("gradient", *(z.new_zeros(z.shape) if z.grad is None else z.grad for z in (x, y)))


def said_clearly(error: Exception) -> bool:
    """Whether an error was raised on purpose, in words of our own, or says that an argument does not exist."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    raised = (last.line or "").startswith("raise ") and Path(last.filename).is_relative_to(OURS)
    meant = raised or isinstance(error, (tl.TensorError, tl.DtypeError, NotImplementedError))
    meant = meant or bool(re.search("it has no argument|unexpected keyword argument", str(error)))
    return meant and not _BARE.search(str(error))


def difference(kind: str, found: Any, wanted: Any) -> Iterator[tuple[str, str]]:
    """In what one result of ours, a tensor or a Python value, differs from PyTorch's."""
    dtype = "float64"
    if isinstance(wanted, torch.Tensor) != isinstance(found, tl.Tensor):
        yield kind, f"a {type(found).__name__}, PyTorch gives a {type(wanted).__name__}"
        return
    if isinstance(wanted, torch.Tensor):
        dtype, theirs = str(found.dtype), str(wanted.dtype).removeprefix("torch.")
        if dtype != theirs:
            yield "dtype", f"the {kind} has dtype {dtype}, PyTorch's {theirs}"
        found, wanted = found.detach().numpy(), wanted.numpy(force=True)
        if found.shape != wanted.shape:
            yield "shape", f"the {kind} has shape {found.shape}, PyTorch's {wanted.shape}"
            return
    if isinstance(wanted, (str, torch.dtype)):
        if str(found) != str(wanted):
            yield kind, f"{found}, PyTorch's is {wanted}"
        return
    limit = TOLERANCE.get(dtype, 0)
    with np.errstate(all="ignore"):
        near = np.isclose(np.asarray(found, float), np.asarray(wanted, float), limit, limit, equal_nan=True)
    if not near.all():
        place = tuple(map(int, np.argwhere(~near)[0]))
        yield kind, f"the {kind} at {place} is {np.asarray(found)[place]}, PyTorch's {np.asarray(wanted)[place]}"


# --- what differs on purpose ----------------------------------------------------------------------------------------


def always(arguments: Any) -> bool:
    return True


def not_finite(arguments: Any) -> bool:
    tensors = [x for x in leaves(arguments) if isinstance(x, torch.Tensor) and x.is_floating_point()]
    return not all(bool(x.isfinite().all()) for x in tensors)


def of_integers(arguments: Any) -> bool:
    known = [x for x in leaves(arguments) if isinstance(x, (torch.dtype, torch.Tensor))]
    dtypes = [x.dtype if isinstance(x, torch.Tensor) else x for x in known]
    return not all(dtype.is_floating_point for dtype in dtypes)


def of_numbers(arguments: Any) -> bool:
    return not any(isinstance(x, torch.Tensor) for x in leaves(arguments))


# why, for which arguments, and for which ops what differs
DIFFERENT: list[tuple[str, Callable[[Any], bool], str]] = [
    (
        "a nan gets the gradient; PyTorch gives it to the last elements of a tensor alone",
        not_finite,
        "nn.functional.relu6:gradient",
    ),
    ("0, the limit, where a power of inf rounds to 0; float32's rounding", always, "pow:gradient __rpow__:gradient"),
    ("nan outside of where the function is defined", always, "acosh:gradient"),
    ("the limit at infinities, where PyTorch computes inf - inf or inf / inf", not_finite, "logaddexp:gradient"),
    (
        "scores near 100 magnify float32's rounding in both libraries alike",
        always,
        "nn.functional.scaled_dot_product_attention:gradient",
    ),
    ("the subgradient at 0 is 0, where PyTorch has nan", always, "hypot:gradient xlogy:gradient"),
    ("bounds and step are rounded to integers first; PyTorch does so for int64 alone", of_integers, "arange:shape"),
    ("the other triangle is not read, and gets no gradient", always, "cholesky_solve:gradient"),
    (
        "two Python numbers give a number",
        of_numbers,
        "add:value sub:value mul:value div.no_rounding_mode:value div.trunc_rounding:value div.floor_rounding:value "
        "true_divide:value floor_divide:value",
    ),
    ("answers are bools", of_integers, "all:dtype any:dtype"),
    ("of equal elements the first; PyTorch picks any", always, "topk:value"),
    ("a sum of bytes stays in bytes", of_integers, "einsum:dtype"),
]
EXCUSED = {(word, when) for _, when, words in DIFFERENT for word in words.split()}

RANDOM = {  # of these only shape and dtype are compared
    *("normal", "normal.in_place", "normal.number_mean", "randn", "randn_like", "rand_like", "randint"),
    *("multinomial", "bernoulli", "empty", "empty_like", "new_empty", "nn.functional.dropout"),
    *("nn.functional.dropout2d", "nn.functional.scaled_dot_product_attention"),
}
NOT_HERE = {"bfloat16", "unfold"}  # NumPy has no such dtype; F.unfold is another function
OPS = [op for op in op_db if counterpart(op.name, op.op) and op.name not in NOT_HERE]
MODULES = [info for info in module_db if hasattr(ours.nn, info.module_cls.__name__)]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.full_name)
def test_a_sample_gives_what_it_gives_in_pytorch(op: Any) -> None:
    found, used = [], set()
    for theirs, mine, most in forms(op):
        known = [dtype for dtype in most if getattr(torch, dtype) in op.dtypes]
        for arguments in itertools.chain.from_iterable(samples(op, dtype, most[dtype]) for dtype in known):
            for kind, text in unless_refused(theirs, mine, *arguments):
                reasons = {
                    excuse for excuse in EXCUSED if excuse[0] == f"{op.full_name}:{kind}" and excuse[1](arguments)
                }
                used |= reasons
                if not reasons and not (drawn(op, arguments[1]) and kind in ("value", "gradient")):
                    found.append(f"{kind}: {text}, for {arguments}")
    assert not found, f"{len(found)} samples differ, first: {found[0][:1000]}"
    assert used == {excuse for excuse in EXCUSED if excuse[0].split(":")[0] == op.full_name}, "a reason is not needed"


def drawn(op: Any, settings: dict[str, Any]) -> bool:
    """Whether a call's numbers are drawn at random, or any that were in memory."""
    return op.full_name in RANDOM and settings.get("training", True) and settings.get("dropout_p") != 0


def unless_refused(*arguments: Any) -> list[tuple[str, str]]:
    """`differences`; none where our library refuses the arguments."""
    try:
        return list(differences(*arguments))
    except Refused:
        return []


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("info", MODULES, ids=lambda info: info.name)
def test_a_module_gives_what_it_gives_in_pytorch(info: Any, training: bool) -> None:
    torch.manual_seed(0)
    kept = {"device": "cpu", "dtype": torch.float64, "requires_grad": True, "training": training}
    for given in info.module_inputs_func(info, **kept):
        made, asked = given.constructor_input, given.forward_input
        theirs = info.module_cls(*made.args, **made.kwargs).double().train(training)
        if "Lazy" in info.name:
            theirs(*asked.args)
        try:
            mine = like(theirs, info.module_cls, *copied((made.args, made.kwargs), translated, {})).train(training)
        except Refused:
            continue
        parameters = [[p for _, p in sorted(module.named_parameters())] for module in (mine, theirs)]
        found = unless_refused(theirs, mine, asked.args, asked.kwargs, parameters)
        assert not found, f"{made.args}, {made.kwargs}: {found}"


def like(theirs: Any, kind: type, args: Any, settings: dict[str, Any]) -> Any:
    """Our module of that name with PyTorch's weights. Raises Refused if our library refuses the settings."""
    try:
        mine = getattr(ours.nn, kind.__name__)(*args, **settings).double()
    except Exception as error:
        if said_clearly(error):
            raise Refused from error
        raise
    mine.load_state_dict({name: ours.tensor(x.numpy(force=True)) for name, x in theirs.state_dict().items()})
    return mine


def test_what_differs_is_found() -> None:
    """The comparison itself: a wrong value, gradient, shape and dtype, and NumPy's own error."""
    x = torch.tensor([1.0, 4.0], dtype=torch.float64, requires_grad=True)
    wrong = {
        "value": lambda x: x.sqrt() + 1e-6,
        "gradient": lambda x: x.sqrt() + (x - x.detach()) * 1e-5,
        "shape": lambda x: x.sqrt()[None],
        "dtype": lambda x: x.sqrt().float(),
        "error": lambda x: np.linalg.cholesky(x.tolist()),
    }
    for kind, function in wrong.items():
        assert kind in dict(differences(torch.sqrt, function, (x,), {}))
    assert not list(differences(torch.sqrt, ours.sqrt, (x,), {}))
    with pytest.raises(Refused):
        list(differences(torch.sqrt, lambda x: ours.sqrt(x, y=1), (x,), {}))
