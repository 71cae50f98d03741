"""Function transforms: `tl.func.grad(f)` is the gradient of f as a function, as in `torch.func`.

All are built from reverse mode; forward-mode products and second derivatives differentiate the backward pass itself.
Transforms nest: `grad(grad(f))`. Functions take Tensors and return Tensors. Tensors that they close over are constants
to the transform, but its result can be differentiated with respect to them. The derivative with respect to an argument
that a function does not use is zero.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..autograd.modes import enable_grad
from ..creation import zeros_like
from ..errors.words import kind_of
from ..tensor import Tensor
from .arguments import (
    Argnums,
    Function,
    as_asked,
    as_tuple,
    must_be_a_number,
    must_be_callable,
    must_make,
    must_pair,
)
from .nesting import (
    depends_on_outside,
    inner_product,
    jacobians,
    map_tensors,
    seen_from_outside,
    variable,
    vjps,
    with_variables,
)


def grad(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """The gradient of a function that returns one number, as a function of the same arguments.

        slope = tl.func.grad(lambda x: (x**3).sum())
        slope(tl.tensor([1.0, 2.0]))            # tensor([ 3., 12.])

    argnums: which arguments to differentiate with respect to: an int gives one gradient, a tuple gives a tuple. Each
    has its argument's shape and dtype.
    has_aux: the function returns (number, aux), and the transform (gradient, aux).
    Raises TypeError, when called, unless the function returns one float and the arguments are float Tensors.
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
        args, inner = with_variables(name, argnums, args)
        with enable_grad():
            returned = function(*args, **kwargs)
        if has_aux and not (isinstance(returned, tuple) and len(returned) == 2):
            raise TypeError(
                f"{name}: with has_aux the function must return a pair, (number, aux), not {kind_of(returned)}"
            )
        value, aux = returned if has_aux else (returned, None)
        must_be_a_number(name, value)
        stays_recorded: list[bool] = []

        def leave(x: Tensor) -> Tensor:
            stays_recorded.append(depends_on_outside(x, inner))
            return x if stays_recorded[-1] else x.detach()

        aux = map_tensors(leave, aux)
        found = vjps((value,), inner, (None,), retain_graph=any(stays_recorded))
        value = seen_from_outside(value, inner)
        return (value, aux) if has_aux else value, as_asked(found, argnums)

    return both


def vjp(function: Function, *primals: Tensor) -> tuple[Any, Callable[..., tuple[Tensor, ...]]]:
    """(function(*primals), vjp_fn), where vjp_fn(v) returns the vector-Jacobian products v^T J, one per primal.

        value, vjp_fn = tl.func.vjp(lambda x: x * x, tl.tensor([1.0, 2.0]))
        vjp_fn(tl.tensor([1.0, 1.0]))           # (tensor([2., 4.]),)

    The cotangent v has the result's shape. If the function returns a tuple, vjp_fn takes one cotangent per member, as a
    tuple or as separate arguments. It may be called any number of times.
    Raises ValueError for the wrong number of cotangents or a wrong shape.
    """
    must_be_callable("vjp", function)
    inner = [variable("vjp", x) for x in primals]
    with enable_grad():
        out = function(*inner)
    outs = as_tuple("vjp", out)

    def vjp_fn(*cotangents: Any) -> tuple[Tensor, ...]:
        given = cotangents[0] if len(cotangents) == 1 and isinstance(cotangents[0], tuple) else cotangents
        if len(given) != len(outs):
            raise ValueError(f"vjp: the function has {len(outs)} results, but {len(given)} cotangents are given")
        return vjps(outs, inner, given, retain_graph=True)

    results = tuple(seen_from_outside(o, inner) for o in outs)
    return (results if isinstance(out, tuple) else results[0]), vjp_fn


def jvp(function: Function, primals: Sequence[Tensor], tangents: Sequence[Tensor]) -> tuple[Any, Any]:
    """(function(*primals), J t): the result, and the Jacobian-vector product with the tangents.

        x, t = tl.tensor([1.0, 2.0]), tl.tensor([1.0, 0.0])
        tl.func.jvp(lambda x: x * x, (x,), (t,))        # (tensor([1., 4.]), tensor([2., 0.]))

    J t is the derivative of the result as the primals move along their tangents; it has the result's shape. A tangent
    has its primal's shape. Computed with reverse mode twice: v^T J is linear in v, and its own vector-Jacobian product
    with t, with respect to v, is J t.
    """
    must_be_callable("jvp", function)
    must_pair("jvp", primals, tangents)
    inner = [variable("jvp", x) for x in primals]
    with enable_grad():
        out = function(*inner)
        outs = as_tuple("jvp", out)
        moving = [o for o in outs if o.requires_grad]
        cotangents = [zeros_like(o, requires_grad=True) for o in moving]
        pairing = inner_product(vjps(moving, inner, cotangents, create_graph=True), tangents)
    own = [*inner, *cotangents]
    products = iter(vjps((pairing,), cotangents, (None,), own=own))
    moves = tuple(next(products) if o.requires_grad else zeros_like(o) for o in outs)
    results = tuple(seen_from_outside(o, own) for o in outs)
    return (results, moves) if isinstance(out, tuple) else (results[0], moves[0])


def jacobian(function: Function, argnums: Argnums = 0) -> Function:
    """The Jacobian of a function of Tensors, as a function of the same arguments.

        square = tl.func.jacobian(lambda x: x * x)
        square(tl.tensor([1.0, 2.0]))           # tensor([[2., 0.], [0., 4.]])

    Its shape is (*result's shape, *argument's shape). A tuple of argnums gives a tuple of Jacobians; a function that
    returns a tuple gives a tuple with the Jacobians of each member. Costs one backward pass per element of the result.
    """
    return _jacobian("jacobian", function, argnums)


def _jacobian(name: str, function: Function, argnums: Argnums) -> Function:
    """`jacobian` for the transform `name`, which errors mention."""
    must_make(name, function, argnums)

    @functools.wraps(function, updated=())
    def matrix(*args: Any, **kwargs: Any) -> Any:
        args, inner = with_variables(name, argnums, args)
        with enable_grad():
            out = function(*args, **kwargs)
        blocks = tuple(as_asked(jacobians(o, inner), argnums) for o in as_tuple(name, out))
        return blocks if isinstance(out, tuple) else blocks[0]

    return matrix


def hessian(function: Function, argnums: Argnums = 0) -> Function:
    """The Hessian, the matrix of second derivatives, of a function that returns one number, as a function.

        curvature = tl.func.hessian(lambda x: (x**3).sum())
        curvature(tl.tensor([1.0, 2.0]))        # tensor([[ 6., 0.], [0., 12.]])

    Its shape is (*argument's shape, *argument's shape). A tuple of argnums gives a tuple of tuples; block [i][j] has
    shape (*i-th argument's, *j-th argument's).
    """
    return _jacobian("hessian", _gradient("hessian", function, argnums), argnums)


def hvp(function: Function, primals: Sequence[Tensor], tangents: Sequence[Tensor]) -> tuple[Tensor, Any]:
    """(function(*primals), H t): the value, and the Hessian-vector product, computed without the Hessian.

        x, t = tl.tensor([1.0, 2.0]), tl.tensor([1.0, 0.0])
        tl.func.hvp(lambda x: (x**3).sum(), (x,), (t,))         # (tensor(9.), tensor([6., 0.]))

    H t is the gradient of the inner product of gradient and tangents. One product per primal, of its shape: a Tensor
    for one primal, otherwise a tuple.
    """
    must_be_callable("hvp", function)
    must_pair("hvp", primals, tangents)
    inner = [variable("hvp", x) for x in primals]
    with enable_grad():
        value = function(*inner)
        must_be_a_number("hvp", value)
        pairing = inner_product(vjps((value,), inner, (None,), create_graph=True), tangents)
    products = vjps((pairing,), inner, (None,), retain_graph=depends_on_outside(value, inner))
    return seen_from_outside(value, inner), products[0] if len(products) == 1 else products
