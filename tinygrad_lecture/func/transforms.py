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

from ..creation import zeros_like
from ..errors import kind_of
from ..tensor import Tensor
from .nesting import Argnums, Call, Function, must_be_callable
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
    _must_make(name, function, argnums)

    @functools.wraps(function, updated=())
    def both(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        call = Call(name, function, args, kwargs, argnums, has_aux)
        value, aux = call.number(), call.from_outside(call.aux)
        stays_recorded = any(isinstance(x, Tensor) and x.requires_grad for x in leaves(aux))
        found = call.vjps((value,), (None,), retain_graph=stays_recorded)
        value = call.from_outside(value)
        return (value, aux) if has_aux else value, call.in_form(found, isinstance(argnums, int))

    return both


def _must_make(name: str, function: Any, argnums: Any) -> None:
    """Raise TypeError for a transform called with arguments meant for the function it makes: grad(f, x)."""
    must_be_callable(name, function)
    if not all(isinstance(n, int) for n in (argnums if isinstance(argnums, tuple) else (argnums,))):
        raise TypeError(
            f"{name} makes a function: write {name}(f)(x), not {name}(f, x); argnums are ints, not {kind_of(argnums)}"
        )


def vjp(function: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """(function(*primals), vjp_fn), where vjp_fn(v) returns the vector-Jacobian products v^T J, one per primal.

        value, vjp_fn = tl.func.vjp(lambda x: x * x, tl.tensor([1.0, 2.0]))
        vjp_fn(tl.tensor([1.0, 1.0]))           # (tensor([2., 4.]),)

    The cotangent v has the result's form and shapes. If the function returns a tuple, vjp_fn takes one cotangent per
    member, as a tuple or as separate arguments. It may be called any number of times.
    has_aux: the function returns (result, aux), and vjp (result, vjp_fn, aux).
    Raises ValueError for the wrong number of cotangents or a wrong shape.
    """
    call = Call("vjp", function, primals, has_aux=has_aux)
    outs = call.outs

    def vjp_fn(*cotangents: Any) -> tuple[Any, ...]:
        given = leaves(cotangents)
        if len(given) != len(outs):
            raise ValueError(f"vjp: the function has {len(outs)} results, but {len(given)} cotangents are given")
        return with_leaves(call.chosen, call.vjps(outs, given, retain_graph=True))  # type: ignore[no-any-return]

    result = call.from_outside(call.out)
    return (result, vjp_fn, call.from_outside(call.aux)) if has_aux else (result, vjp_fn)


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
    Raises ValueError for tangents that do not fit their primals.
    """
    _must_pair("jvp", function, primals, tangents)
    call = Call("jvp", function, primals, has_aux=has_aux)
    moving = [o for o in call.outs if o.requires_grad]
    cotangents = [zeros_like(o, requires_grad=True) for o in moving]
    pairing = call.pairing(moving, cotangents, tangents)
    call.variables += cotangents
    products = iter(call.vjps((pairing,), (None,), cotangents))
    moves = with_leaves(call.out, [next(products) if o.requires_grad else zeros_like(o) for o in call.outs])
    result = call.from_outside(call.out)
    return (result, moves, call.from_outside(call.aux)) if has_aux else (result, moves)


def _must_pair(name: str, function: Any, primals: Any, tangents: Any) -> None:
    """Raise TypeError unless both are tuples, ValueError unless each primal has a tangent of its shape."""
    must_be_callable(name, function)
    if not (isinstance(primals, (tuple, list)) and isinstance(tangents, (tuple, list))):
        raise TypeError(f"{name}: primals and tangents must be tuples of Tensors, as in {name}(f, (x,), (t,))")
    given, moving = leaves(primals), leaves(tangents)
    if not given or len(given) != len(moving):
        raise ValueError(f"{name}: {len(given)} primals, but {len(moving)} tangents; give one for each, at least one")
    for position, (x, t) in enumerate(zip(given, moving, strict=True)):
        if getattr(x, "shape", None) != getattr(t, "shape", None):
            raise ValueError(f"{name}: primal {position} is {kind_of(x)}, its tangent {kind_of(t)}; shapes must agree")


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
    _must_make(name, function, argnums)

    @functools.wraps(function, updated=())
    def matrix(*args: Any, **kwargs: Any) -> Any:
        call = Call(name, function, args, kwargs, argnums, has_aux)
        blocks = [call.in_form(call.jacobians(o), isinstance(argnums, int)) for o in call.outs]
        result = with_leaves(call.out, blocks)
        return (result, call.from_outside(call.aux)) if has_aux else result

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
    alone for one primal, otherwise in a tuple. Raises ValueError for tangents that do not fit their primals.
    """
    _must_pair("hvp", function, primals, tangents)
    call = Call("hvp", function, primals)
    value = call.number()
    pairing = call.pairing((value,), (None,), tangents)
    found = call.vjps((pairing,), (None,), retain_graph=call.depends_on_outside(value))
    return call.from_outside(value), call.in_form(found, len(call.chosen) == 1)
