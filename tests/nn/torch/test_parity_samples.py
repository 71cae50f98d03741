"""PyTorch's own test data: its samples of ops and of modules give here what they give there, or are refused clearly.

Where they differ on purpose the reason stands below, and a reason that nothing needs fails too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")  # PyTorch's data need it

from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402
from torch.testing._internal.common_modules import module_db  # noqa: E402

import nn.torch as ours  # noqa: E402
from torch_samples import Refused, copied, counterpart, differences, leaves, said_clearly, samples, translated  # noqa: E402

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]


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
        "a nan stays nan and gets the gradient; PyTorch has 0 there, in some functions only for some places in memory",
        not_finite,
        "abs:gradient sign:value sgn:value clamp_min:gradient clamp_max:gradient nn.functional.hardsigmoid:gradient "
        "nn.functional.hardtanh:gradient nn.functional.relu6:gradient nn.functional.hardshrink:gradient "
        "nn.functional.softshrink:gradient",
    ),
    ("nan outside of where the function is defined", always, "acosh:gradient"),
    (
        "the limit at infinities, where PyTorch computes inf - inf or inf / inf",
        not_finite,
        "logaddexp:gradient",
    ),
    ("inf at a pole; PyTorch's sine of pi is not 0, and it gives a large number", always, "digamma:gradient"),
    (
        "0 where the power rounds to 0, also of a negative number, whose logarithm is nan",
        always,
        "pow:gradient __rpow__:gradient float_power:gradient",
    ),
    ("of a repeated index the last write counts, and gets the gradient alone", always, "index_copy:gradient"),
    (
        "the other triangle is not read, and gets no gradient",
        always,
        "cholesky_inverse:gradient cholesky_solve:gradient",
    ),
    ("with n=0 prepend and append are joined all the same", always, "diff:shape"),
    (
        "two Python numbers give a number",
        of_numbers,
        "add:value sub:value mul:value div.no_rounding_mode:value div.trunc_rounding:value div.floor_rounding:value "
        "true_divide:value floor_divide:value",
    ),
    (
        "the numbers are computed as floats and then rounded; PyTorch rounds their ends and steps first",
        of_integers,
        "arange:shape arange:value linspace:value logspace:value",
    ),
    (
        "a float factor of integers gives floats; PyTorch rounds it first, to 0 or True",
        of_integers,
        "addmv:dtype addmv:value addr:dtype addr:value",
    ),
    (
        "integers are converted first; PyTorch's bytes wrap around",
        of_integers,
        "nn.functional.softmin.with_dtype:value nn.functional.pairwise_distance:value",
    ),
    (
        "the mean of squares is of floats; PyTorch divides integers",
        of_integers,
        "nn.functional.local_response_norm:value nn.functional.local_response_norm:dtype",
    ),
    ("answers are bools", of_integers, "all:dtype any:dtype"),
]
EXCUSED = {(word, when) for _, when, words in DIFFERENT for word in words.split()}

RANDOM = {  # of these only shape and dtype are compared
    *("normal", "normal.in_place", "normal.number_mean", "randn", "randn_like", "rand_like", "randint", "randint_like"),
    *("multinomial", "bernoulli", "empty", "empty_like", "new_empty", "nn.functional.dropout"),
    *("nn.functional.dropout2d", "nn.functional.alpha_dropout", "nn.functional.scaled_dot_product_attention"),
}
NOT_HERE = {"bfloat16"}  # NumPy has no such dtype
OPS = [op for op in op_db if counterpart(op.name, op.op) and op.name not in NOT_HERE]
MODULES = [info for info in module_db if hasattr(ours.nn, info.module_cls.__name__)]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.full_name)
def test_a_sample_gives_what_it_gives_in_pytorch(op: Any) -> None:
    mine, found, used = counterpart(op.name, op.op), [], set()
    for dtype in ("float64", "int64", "bool", "uint8"):
        if getattr(torch, dtype) not in op.dtypes:
            continue
        for arguments in samples(op, dtype):
            for kind, text in unless_refused(op.op, mine, *arguments):
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
        try:
            mine = like(theirs, *copied((made.args, made.kwargs), translated, {})).train(training)
        except Refused:
            continue
        parameters = [[p for _, p in sorted(module.named_parameters())] for module in (mine, theirs)]
        found = unless_refused(theirs, mine, asked.args, asked.kwargs, parameters)
        assert not found, f"{made.args}, {made.kwargs}: {found}"


def like(theirs: Any, args: Any, settings: dict[str, Any]) -> Any:
    """Our module of the same name with PyTorch's weights. Raises Refused if our library refuses the settings."""
    try:
        mine = getattr(ours.nn, type(theirs).__name__)(*args, **settings).double()
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
