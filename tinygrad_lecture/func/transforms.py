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

from .. import ops
from ..creation import zeros_like
from ..errors import kind_of
from ..tensor import Tensor
from .gradients import Argnums, Call, Function, leaves, must_be_callable, with_leaves


def grad(function: Function, argnums: Argnums = 0) -> Function:
    """The gradient of a function that returns one number, as a function of the same arguments.

        slope = tl.func.grad(lambda x: (x**3).sum())
        slope(tl.tensor([1.0, 2.0]))            # tensor([ 3., 12.])

    argnums: which arguments to differentiate with respect to: an int gives one gradient, a tuple gives a tuple. Each
    has its argument's form, shapes and dtypes.
    Raises TypeError, when called, unless the function returns one float and the arguments hold float Tensors.
    """
    return _gradient("grad", function, argnums)


def value_and_grad(function: Function, argnums: Argnums = 0) -> Function:
    """Like `grad`, but the function returns (value, gradient), for the cost of the gradient alone.

    both = tl.func.value_and_grad(lambda x: (x**3).sum())
    both(tl.tensor([1.0, 2.0]))             # (tensor(9.), tensor([ 3., 12.]))
    """
    return _value_and_gradient("value_and_grad", function, argnums)


def _gradient(name: str, function: Function, argnums: Argnums) -> Function:
    """`grad` for the transform `name`, which errors mention."""
    both = _value_and_gradient(name, function, argnums)

    @functools.wraps(function, updated=())
    def gradient(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return gradient


def _value_and_gradient(name: str, function: Function, argnums: Argnums) -> Function:
    """`value_and_grad` for the transform `name`, which errors mention."""
    _must_make(name, function, argnums)

    @functools.wraps(function, updated=())
    def both(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        call = Call(name, function, args, kwargs, argnums)
        value = call.number()
        found = call.vjps((value,), (None,))
        value = call.from_outside(value)
        return value, call.in_form(found, isinstance(argnums, int))

    return both


def _must_make(name: str, function: Any, argnums: Any) -> None:
    """Raise TypeError for a transform called with arguments meant for the function it makes: grad(f, x)."""
    must_be_callable(name, function)
    if not all(isinstance(n, int) for n in (argnums if isinstance(argnums, tuple) else (argnums,))):
        raise TypeError(f"{name} makes a function: write {name}(f)(x); argnums are ints, not {kind_of(argnums)}")


def vjp(function: Function, *primals: Any) -> tuple[Any, ...]:
    """(function(*primals), vjp_fn), where vjp_fn(v) returns the vector-Jacobian products v^T J, one per primal.

        value, vjp_fn = tl.func.vjp(lambda x: x * x, tl.tensor([1.0, 2.0]))
        vjp_fn(tl.tensor([1.0, 1.0]))           # (tensor([2., 4.]),)

    The cotangent v has the result's form and shapes. If the function returns a tuple, vjp_fn takes one cotangent per
    member, as a tuple or as separate arguments. It may be called any number of times.
    Raises ValueError for the wrong number of cotangents or a wrong shape.
    """
    call = Call("vjp", function, primals)
    outs = call.outs

    def vjp_fn(*cotangents: Any) -> tuple[Any, ...]:
        given = leaves(cotangents)
        if len(given) != len(outs):
            raise ValueError(f"vjp: the function has {len(outs)} results, but {len(given)} cotangents are given")
        return with_leaves(call.chosen, call.vjps(outs, given, retain_graph=True))  # type: ignore[no-any-return]

    return call.from_outside(call.out), vjp_fn


def jvp(function: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, ...]:
    """(function(*primals), J t): the result, and the Jacobian-vector product with the tangents.

        x, t = tl.tensor([1.0, 2.0]), tl.tensor([1.0, 0.0])
        tl.func.jvp(lambda x: x * x, (x,), (t,))        # (tensor([1., 4.]), tensor([2., 0.]))

    J t is the derivative of the result as the primals move along their tangents; it has the result's form and shapes. A
    tangent has its primal's. Computed with reverse mode twice: v^T J is linear in v, and its own vector-Jacobian
    product with t, with respect to v, is J t.
    Raises ValueError for tangents that do not fit their primals.
    """
    _must_pair("jvp", function, primals, tangents)
    call = Call("jvp", function, primals)
    moving = [o for o in call.outs if o.requires_grad]
    cotangents = [zeros_like(o, requires_grad=True) for o in moving]
    pairing = call.pairing(moving, cotangents, tangents)
    call.variables += cotangents
    products = iter(call.vjps((pairing,), (None,), cotangents))
    moves = with_leaves(call.out, [next(products) if o.requires_grad else zeros_like(o) for o in call.outs])
    return call.from_outside(call.out), moves


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


def jacobian(function: Function, argnums: Argnums = 0) -> Function:
    """The Jacobian of a function of Tensors, as a function of the same arguments.

        square = tl.func.jacobian(lambda x: x * x)
        square(tl.tensor([1.0, 2.0]))           # tensor([[2., 0.], [0., 4.]])

    Its shape is (*result's shape, *argument's shape). A tuple of argnums gives a tuple of Jacobians, and an argument
    that is a tree a tree of them; a function that returns a tree gives one with the Jacobians of each of its Tensors.
    Costs one backward pass per element of the result.
    """
    return _jacobian("jacobian", function, argnums)


def _jacobian(name: str, function: Function, argnums: Argnums) -> Function:
    """`jacobian` for the transform `name`, which errors mention."""
    _must_make(name, function, argnums)

    @functools.wraps(function, updated=())
    def matrix(*args: Any, **kwargs: Any) -> Any:
        call = Call(name, function, args, kwargs, argnums)
        blocks = [call.in_form(call.jacobians(o), isinstance(argnums, int)) for o in call.outs]
        return with_leaves(call.out, blocks)

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


# --- functions of batches -----------------------------------------------------------------------------------


def vmap(function: Function, in_dims: int | tuple[int | None, ...] = 0, out_dims: int = 0) -> Function:
    """The function applied to each slice of its arguments, with the results stacked, as in PyTorch.

        dots = tl.func.vmap(tl.dot)                         # (batch, n), (batch, n) -> (batch,)
        dots(tl.ones(2, 3), tl.ones(2, 3))                  # tensor([3., 3.])

    So the gradient of each example's loss is `vmap(grad(loss), in_dims=(None, 0, 0))(parameters, x, y)`.

    It is a loop: the function runs once for each slice, so it takes as long as the loop that it stands for, and each
    slice draws random numbers of its own. What is recorded can be differentiated, and calls nest.

    in_dims: the axis to slice of every argument, or one for each in a tuple; None for an argument that all slices get
    whole. Keyword arguments are sliced along axis 0.  out_dims: where the new axis goes in every result.
    Raises ValueError if there is nothing to slice or the sizes differ, TypeError for results that are no Tensors.
    """
    must_be_callable("vmap", function)

    @functools.wraps(function, updated=())
    def batched(*args: Any, **kwargs: Any) -> Any:
        of_each = in_dims if isinstance(in_dims, tuple) else (in_dims,) * len(args)
        if len(of_each) != len(args):
            raise ValueError(f"vmap: in_dims has {len(of_each)} axes for {len(args)} arguments; give one for each")
        axes = [axis for axis, x in zip((*of_each, 0), (*args, kwargs), strict=True) for _ in leaves(x)]
        values = leaves((args, kwargs))
        size = _size(values, axes)
        sliced = [x if axis is None else ops.moveaxis(x, axis, 0) for x, axis in zip(values, axes, strict=True)]
        results = []
        for i in range(size):
            slices = [x if axis is None else x[i] for x, axis in zip(sliced, axes, strict=True)]
            these, named = with_leaves((args, kwargs), slices)
            results.append(function(*these, **named))
        for x in leaves(results):
            if not isinstance(x, Tensor):
                raise TypeError(f"vmap: the function must return Tensors, or tuples or dicts of them, not {kind_of(x)}")
        columns = zip(*map(leaves, results), strict=True)
        return with_leaves(results[0], [ops.stack(x, out_dims) for x in columns])

    return batched


def _size(values: list[Any], axes: list[int | None]) -> int:
    """The number of slices, which must be the same for all that are sliced."""
    sizes: set[int] = set()
    for x, axis in zip(values, axes, strict=True):
        if axis is not None:
            if not isinstance(x, Tensor) or not x.ndim:
                raise ValueError(f"vmap: {kind_of(x)} has no axis {axis} to slice; to pass it whole, in_dims has None")
            sizes.add(x.shape[axis])
    if len(sizes) != 1 or sizes == {0}:
        said = f"the axes to slice have sizes {sorted(sizes)}" if sizes else "there is no axis to slice"
        raise ValueError(f"vmap: {said}; in_dims must name one axis of the same size of each argument, not 0, or None")
    return sizes.pop()
