"""`tl.grad`; `Call`, a call of a function by a transform, which nests: each has its own variables; trees of Tensors.

A transform differentiates with respect to new nodes, its variables. What depends on them alone is a constant to the
caller. What also depends on a Tensor from outside, such as one closed over or an outer transform's variable, stays
recorded, so that the caller can differentiate it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from .. import ops
from ..autograd.backward import backward_pass, seed_for
from ..autograd.core import Leaf
from ..autograd.graph import ancestors, unshare
from ..autograd.modes import enable_grad, is_grad_enabled
from ..creation import zeros, zeros_like
from ..errors import kind_of
from ..tensor import Tensor
from ..tensor_base import TensorBase, wrap

Function: TypeAlias = Callable[..., Any]
Argnums: TypeAlias = int | tuple[int, ...]


def grad(
    outputs: Tensor | Iterable[Tensor],
    inputs: Tensor | Iterable[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the sum of outputs with respect to inputs: a tuple of one Tensor per input, as in PyTorch.

        (slope,) = tl.grad((x**3).sum(), x)

    Unlike `backward`, it leaves every `.grad` as it is, and inputs may be results of ops. Each gradient has its input's
    shape and dtype, and memory of its own.

    grad_outputs: the upstream gradient of each output (the vector of the vector-Jacobian product), of the output's
    shape; by default 1, for outputs of one element.
    retain_graph: keep the graph between outputs and inputs for another backward pass; by default only with
    create_graph.
    create_graph: record the gradients' own computation, so that they can be differentiated.
    only_inputs: has no effect, as in PyTorch.
    allow_unused: give None, instead of an error, for an input that no output depends on.

    Raises TypeError for inputs or outputs that are not Tensors; ValueError for the wrong number of grad_outputs or a
    wrong shape; RuntimeError for an input that does not require grad or that no output depends on, and for a graph that
    is freed already.
    """
    outs, wanted = _tensors("outputs", outputs), _tensors("inputs", inputs)
    upstreams = tuple(grad_outputs) if isinstance(grad_outputs, (tuple, list)) else (grad_outputs,)
    if grad_outputs is None:
        upstreams *= len(outs)
    if not outs:
        raise ValueError("grad: there are no outputs; give at least one")
    if len(upstreams) != len(outs):
        raise ValueError(f"grad: {len(outs)} outputs, but {len(upstreams)} grad_outputs; give one for each")
    seeds = [seed_for(o, g, create_graph) for o, g in zip(outs, upstreams, strict=True)]
    nodes = [x._node for x in wanted]
    if None in nodes:
        position = nodes.index(None)
        raise RuntimeError(
            f"grad: input {position}, of shape {wanted[position].shape}, does not require grad; make it with "
            "requires_grad=True, before the outputs are computed from it"
        )
    found = backward_pass(
        [(o._node, seed) for o, seed in zip(outs, seeds, strict=True) if o._node is not None],
        targets=nodes,
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
    )
    for position, node in enumerate(nodes):
        if node not in found and not allow_unused:
            raise RuntimeError(f"grad: no output depends on input {position}, {node.shape}; pass allow_unused=True")
    gradients = unshare(map(found.get, nodes), seeds, views=True)  # under create_graph they are Tensors already
    return tuple(g if g is None or isinstance(g, Tensor) else wrap(g) for g in gradients)


def _tensors(what: str, given: Any) -> tuple[Tensor, ...]:
    """One Tensor or several, as a tuple. Raises TypeError for anything else."""
    many = tuple(given) if not isinstance(given, TensorBase) and hasattr(given, "__iter__") else (given,)
    for position, x in enumerate(many):
        if not isinstance(x, TensorBase):
            remedy = "; for the gradient of a function write tl.func.grad(f)(x)" if callable(x) else ""
            raise TypeError(f"grad: {what} must be Tensors, but number {position} is {kind_of(x)}{remedy}")
    return many


# --- calls by a transform -----------------------------------------------------------------------------------


class Call:
    """What a function returns, recorded, for arguments with new variables at the positions `argnums`, by default all.

    name: of the transform, for errors.
    chosen: the arguments with variables, Tensors or trees of them.  variables: all that results are differentiated with
    respect to: at first the leaves of `chosen`.
    Raises TypeError for a function that is none, and for an argument with anything but float Tensors; ValueError for a
    position out of range.
    """

    def __init__(
        self,
        name: str,
        function: Function,
        args: Sequence[Any],
        kwargs: Mapping[str, Any] | None = None,
        argnums: Argnums | None = None,
    ) -> None:
        must_be_callable(name, function)
        self.name = name
        inner, positions = list(args), range(len(args)) if argnums is None else argnums
        positions = (positions,) if isinstance(positions, int) else positions
        for position in positions:
            if not -len(args) <= position < len(args):
                raise ValueError(f"{name}: argnums {argnums} does not fit {len(args)} arguments; count from 0")
            inner[position] = map_leaves(self._variable, args[position])
        self.chosen = tuple(inner[position] for position in positions)
        self.variables = leaves(self.chosen)
        with enable_grad():
            self.out = function(*inner, **(kwargs or {}))

    def _variable(self, x: Any) -> Tensor:
        """x as a new node: an alias if x is in an outer graph, so that transforms nest; otherwise a new leaf."""
        can = f"{self.name}: can differentiate only with respect to"
        if not isinstance(x, Tensor):
            raise TypeError(f"{can} Tensors, not {kind_of(x)}; use tl.tensor(data)")
        if x.dtype.kind != "f":
            raise TypeError(f"{can} floats, not {x.dtype}; convert with .float()")
        if x.requires_grad:
            with enable_grad():  # under no_grad too: what `vjp_fn` makes later may be differentiated with respect to x
                return ops.composite.alias(x)
        return x.detach().requires_grad_()

    # --- results ----------------------------------------------------------------------------------------

    @property
    def outs(self) -> list[Tensor]:
        """The Tensors that the function returned, one or a tree of them. Raises TypeError for anything else."""
        outs = leaves(self.out)
        for o in outs or [self.out]:
            if not isinstance(o, Tensor):
                must = "the function must return a Tensor, or tuples or dicts of them"
                raise TypeError(f"{self.name}: {must}, not {kind_of(o)}")
        return outs

    def number(self) -> Tensor:
        """The float Tensor of one element that the function returned. Raises TypeError for anything else."""
        value = self.out
        if not isinstance(value, Tensor) or value.numel() != 1 or value.dtype.kind != "f":
            several = isinstance(value, Tensor) and value.numel() != 1
            hint = "; reduce it, as with .sum(), or use jacobian" if several else ""
            raise TypeError(f"{self.name}: the function must return one float as a Tensor, not {kind_of(value)}{hint}")
        return value

    def from_outside(self, tree: Any) -> Any:
        """Results as the caller sees them: still recorded if they depend on anything from outside, else constants."""

        def seen(x: Any) -> Any:
            inside = isinstance(x, Tensor) and x._node is not None and not self.depends_on_outside(x)
            return x.detach() if inside else x

        return map_leaves(seen, tree)

    def depends_on_outside(self, x: Any) -> bool:
        """Whether x depends on more than the variables: on a leaf, or on a node older than they are.

        False under no_grad, where the caller wants no graph.
        """
        if not is_grad_enabled():
            return False
        nodes = [variable._node for variable in self.variables if variable._node is not None]
        born = min((node.age for node in nodes), default=0)
        own = {node for node in nodes if isinstance(node, Leaf)}
        return any(isinstance(node, Leaf) or node.age < born for node in ancestors([x._node], known=own))

    # --- derivatives ------------------------------------------------------------------------------------

    def vjps(
        self,
        outs: Sequence[Tensor],
        cotangents: Sequence[Any],
        inputs: Sequence[Tensor] | None = None,
        *,
        retain_graph: bool = False,
        create_graph: bool = False,
    ) -> tuple[Tensor, ...]:
        """The vector-Jacobian products, one per input, by default per variable; zeros where no output depends on it.

        They are recorded if they depend on anything else than the variables or, with create_graph, always.
        """
        inputs = self.variables if inputs is None else inputs
        live = [(o, v) for o, v in zip(outs, cotangents, strict=True) if o.requires_grad]
        if not live:
            return tuple(zeros_like(x) for x in inputs)
        given = [x for pair in live for x in pair if isinstance(x, Tensor)]
        record = create_graph or any(map(self.depends_on_outside, given))
        live_outs, upstreams = zip(*live, strict=True)
        found = grad(live_outs, inputs, upstreams, retain_graph or record, create_graph=record, allow_unused=True)
        products = tuple(zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True))
        return products if create_graph else self.from_outside(products)

    def jacobians(self, out: Tensor) -> list[Tensor]:
        """The Jacobian of one result with respect to each variable. Its rows are the vjps with the unit vectors."""
        rows = []
        for element in range(out.numel()):
            unit = zeros(out.numel(), dtype=out.dtype, device=out.device)
            unit[element] = 1
            rows.append(self.vjps((out,), (unit.reshape(out.shape),), retain_graph=True))
        if not rows:
            return [zeros(*out.shape, *x.shape, dtype=x.dtype, device=x.device) for x in self.variables]
        return [
            ops.stack(column).reshape(*out.shape, *x.shape)  # (elements, *x.shape) -> (*out.shape, *x.shape)
            for x, column in zip(self.variables, zip(*rows, strict=True), strict=True)
        ]

    def pairing(self, outs: Sequence[Tensor], cotangents: Sequence[Any], tangents: Sequence[Any]) -> Tensor:
        """The inner product of the vector-Jacobian products with tangents, as one number, recorded."""
        with enable_grad():
            products = self.vjps(outs, cotangents, create_graph=True)
            first, *rest = ((p * t).sum() for p, t in zip(products, leaves(tangents), strict=True))
            total: Tensor = sum(rest, start=first)
            return total

    def in_form(self, found: Iterable[Any], alone: bool) -> Any:
        """A derivative for each variable in the form of the arguments, in a tuple or, of one argument, alone."""
        formed = with_leaves(self.chosen, found)
        return formed[0] if alone else formed


def must_be_callable(name: str, function: Any) -> None:
    """Raise TypeError unless the first argument of a transform is a function."""
    if not callable(function):
        raise TypeError(f"{name}: the function to differentiate comes first; {kind_of(function)} is not callable")


# --- trees --------------------------------------------------------------------------------------------------
# A Tensor, or tuples, lists and dicts of trees, such as a model's parameters by name. Transforms take and return trees.
# Inside, they work on the list of their leaves.


def leaves(tree: Any) -> list[Any]:
    """The leaves of a tree from left to right: whatever is no tuple, list or dict."""
    if not isinstance(tree, (tuple, list, dict)):
        return [tree]
    parts: Iterable[Any] = tree.values() if isinstance(tree, dict) else tree
    return [leaf for part in parts for leaf in leaves(part)]


def with_leaves(tree: Any, new: Iterable[Any]) -> Any:
    """A tree of the same form with other leaves, as many as it has."""
    return _filled(tree, iter(new))


def map_leaves(change: Callable[[Any], Any], tree: Any) -> Any:
    """The tree with each leaf changed."""
    return with_leaves(tree, map(change, leaves(tree)))


def _filled(tree: Any, new: Iterator[Any]) -> Any:
    if isinstance(tree, dict):
        return {key: _filled(part, new) for key, part in tree.items()}
    if isinstance(tree, (tuple, list)):
        parts = [_filled(part, new) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)  # a named tuple has fields
    return next(new)
