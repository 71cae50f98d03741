"""Function transforms: `tl.func.grad(f)` is the gradient of f as a function, as in `torch.func`.

All are built from reverse mode; forward-mode products and second derivatives differentiate the backward pass itself.
Transforms nest: `grad(grad(f))`. Functions take and return Tensors or trees of them: tuples, lists and dicts, such as a
model's parameters by name; a derivative has the form of the argument that it is with respect to. Tensors that functions
close over are constants to the transform, but its result can be differentiated with respect to them. The derivative
with respect to an argument that a function does not use is zero.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from ..autograd.modes import enable_grad
from ..creation import zeros_like
from ..tensor import Tensor
from .arguments import (
    Argnums,
    Function,
    as_asked,
    must_be_a_number,
    must_be_callable,
    must_make,
    must_pair,
    tensors_of,
    without_aux,
)
from .nesting import (
    all_seen_from_outside,
    depends_on_outside,
    inner_product,
    jacobians,
    run,
    seen_from_outside,
    variables,
    vjps,
    with_variables,
)
from .trees import leaves, with_leaves


def grad(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """The gradient of a function that returns one number, as a function of the same arguments.

        slope = tl.func.grad(lambda x: (x**3).sum())
        slope(tl.tensor([1.0, 2.0]))            # tensor([ 3., 12.])

    argnums: which arguments to differentiate with respect to: an int gives one gradient, a tuple gives a tuple. Each
    has its argument's form, shapes and dtypes.
    has_aux: the function returns (number, aux), and the transform (gradient, aux).
    Raises TypeError, when called, unless the function returns one float and the arguments hold float Tensors.
    """
    return _gradient("grad", function, argnums, has_aux)


def value_and_grad(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Like `grad`, but the function returns (value, gradient), for the cost of the gradient alone.

    With has_aux, it returns ((value, aux), gradient).

        both = tl.func.value_and_grad(lambda x: (x**3).sum())
        both(tl.tensor([1.0, 2.0]))             # (tensor(9.), tensor([ 3., 12.]))
    """
    return _value_and_gradient("value_and_grad", function, argnums, has_aux)


def _gradient(name: str, function: Function, argnums: Argnums, has_aux: bool = False) -> Function:
    """`grad` for the transform `name`, which errors mention."""
    both = _value_and_gradient(name, function, argnums, has_aux)

    @functools.wraps(function, updated=())
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, result = both(*args, **kwargs)
        return (result, value[1]) if has_aux else result

    return gradient


def _value_and_gradient(name: str, function: Function, argnums: Argnums, has_aux: bool) -> Function:
    """`value_and_grad` for the transform `name`, which errors mention."""
    must_make(name, function, argnums)

    @functools.wraps(function, updated=())
    def both(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        args, chosen = with_variables(name, argnums, args)
        inner = leaves(chosen)
        value, aux = without_aux(name, run(function, inner, *args, **kwargs), has_aux)
        must_be_a_number(name, value)
        aux = all_seen_from_outside(aux, inner)
        stays_recorded = any(isinstance(x, Tensor) and x.requires_grad for x in leaves(aux))
        found = vjps((value,), inner, (None,), retain_graph=stays_recorded)
        value = seen_from_outside(value, inner)
        return (value, aux) if has_aux else value, as_asked(chosen, found, argnums)

    return both


def vjp(function: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """(function(*primals), vjp_fn), where vjp_fn(v) returns the vector-Jacobian products v^T J, one per primal.

        value, vjp_fn = tl.func.vjp(lambda x: x * x, tl.tensor([1.0, 2.0]))
        vjp_fn(tl.tensor([1.0, 1.0]))           # (tensor([2., 4.]),)

    The cotangent v has the result's form and shapes. If the function returns a tuple, vjp_fn takes one cotangent per
    member, as a tuple or as separate arguments. It may be called any number of times.
    has_aux: the function returns (result, aux), and vjp (result, vjp_fn, aux).
    Raises ValueError for the wrong number of cotangents or a wrong shape.
    """
    must_be_callable("vjp", function)
    chosen = tuple(variables("vjp", x) for x in primals)
    inner = leaves(chosen)
    out, aux = without_aux("vjp", run(function, inner, *chosen), has_aux)
    outs = tensors_of("vjp", out)

    def vjp_fn(*cotangents: Any) -> tuple[Any, ...]:
        given = leaves(cotangents)
        if len(given) != len(outs):
            raise ValueError(f"vjp: the function has {len(outs)} results, but {len(given)} cotangents are given")
        return with_leaves(chosen, vjps(outs, inner, given, retain_graph=True))  # type: ignore[no-any-return]

    result = all_seen_from_outside(out, inner)
    return (result, vjp_fn, all_seen_from_outside(aux, inner)) if has_aux else (result, vjp_fn)


def jvp(
    function: Function, primals: Sequence[Any], tangents: Sequence[Any], *, has_aux: bool = False
) -> tuple[Any, ...]:
    """(function(*primals), J t): the result, and the Jacobian-vector product with the tangents.

        x, t = tl.tensor([1.0, 2.0]), tl.tensor([1.0, 0.0])
        tl.func.jvp(lambda x: x * x, (x,), (t,))        # (tensor([1., 4.]), tensor([2., 0.]))

    J t is the derivative of the result as the primals move along their tangents; it has the result's form and shapes. A
    tangent has its primal's. Computed with reverse mode twice: v^T J is linear in v, and its own vector-Jacobian
    product with t, with respect to v, is J t.
    has_aux: the function returns (result, aux), and jvp (result, J t, aux).
    """
    must_be_callable("jvp", function)
    must_pair("jvp", primals, tangents)
    chosen = tuple(variables("jvp", x) for x in primals)
    inner = leaves(chosen)
    out, aux = without_aux("jvp", run(function, inner, *chosen), has_aux)
    outs = tensors_of("jvp", out)
    with enable_grad():
        moving = [o for o in outs if o.requires_grad]
        cotangents = [zeros_like(o, requires_grad=True) for o in moving]
        pairing = inner_product(vjps(moving, inner, cotangents, create_graph=True), leaves(tangents))
    own = [*inner, *cotangents]
    products = iter(vjps((pairing,), cotangents, (None,), own=own))
    moves = with_leaves(out, [next(products) if o.requires_grad else zeros_like(o) for o in outs])
    result = all_seen_from_outside(out, own)
    return (result, moves, all_seen_from_outside(aux, own)) if has_aux else (result, moves)


def jacobian(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """The Jacobian of a function of Tensors, as a function of the same arguments.

        square = tl.func.jacobian(lambda x: x * x)
        square(tl.tensor([1.0, 2.0]))           # tensor([[2., 0.], [0., 4.]])

    Its shape is (*result's shape, *argument's shape). A tuple of argnums gives a tuple of Jacobians, and an argument
    that is a tree a tree of them; a function that returns a tree gives one with the Jacobians of each of its Tensors.
    has_aux: the function returns (result, aux), and the transform (Jacobian, aux).
    Costs one backward pass per element of the result.
    """
    return _jacobian("jacobian", function, argnums, has_aux)


def _jacobian(name: str, function: Function, argnums: Argnums, has_aux: bool = False) -> Function:
    """`jacobian` for the transform `name`, which errors mention."""
    must_make(name, function, argnums)

    @functools.wraps(function, updated=())
    def matrix(*args: Any, **kwargs: Any) -> Any:
        args, chosen = with_variables(name, argnums, args)
        inner = leaves(chosen)
        out, aux = without_aux(name, run(function, inner, *args, **kwargs), has_aux)
        blocks = [as_asked(chosen, jacobians(o, inner), argnums) for o in tensors_of(name, out)]
        result = with_leaves(out, blocks)
        return (result, all_seen_from_outside(aux, inner)) if has_aux else result

    return matrix


def hessian(function: Function, argnums: Argnums = 0) -> Function:
    """The Hessian, the matrix of second derivatives, of a function that returns one number, as a function.

        curvature = tl.func.hessian(lambda x: (x**3).sum())
        curvature(tl.tensor([1.0, 2.0]))        # tensor([[ 6., 0.], [0., 12.]])

    Its shape is (*argument's shape, *argument's shape). A tuple of argnums gives a tuple of tuples; block [i][j] has
    shape (*i-th argument's, *j-th argument's). So does a dict: block ["weight"]["bias"].
    """
    return _jacobian("hessian", _gradient("hessian", function, argnums), argnums)


def hvp(function: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Tensor, Any]:
    """(function(*primals), H t): the value, and the Hessian-vector product, computed without the Hessian.

        x, t = tl.tensor([1.0, 2.0]), tl.tensor([1.0, 0.0])
        tl.func.hvp(lambda x: (x**3).sum(), (x,), (t,))         # (tensor(9.), tensor([6., 0.]))

    H t is the gradient of the inner product of gradient and tangents. One product per primal, of its form and shapes:
    alone for one primal, otherwise in a tuple.
    """
    must_be_callable("hvp", function)
    must_pair("hvp", primals, tangents)
    chosen = tuple(variables("hvp", x) for x in primals)
    inner = leaves(chosen)
    value = run(function, inner, *chosen)
    must_be_a_number("hvp", value)
    with enable_grad():
        pairing = inner_product(vjps((value,), inner, (None,), create_graph=True), leaves(tangents))
    found = vjps((pairing,), inner, (None,), retain_graph=depends_on_outside(value, inner))
    return seen_from_outside(value, inner), as_asked(chosen, found, 0 if len(chosen) == 1 else ())
