"""`x.grad_fn`: the record that a tensor is the result of, with a name and what follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..autograd.core import Leaf, Node, Record
from ..traced import Traced


@dataclass(frozen=True, repr=False)
class GradFn:
    """A step of the backward pass: of the result of an op, or of a leaf, whose gradient it accumulates.

    node: the record or leaf. It is `x.grad_fn` that makes this object, so recording costs nothing more.
    """

    node: Node

    def name(self) -> str:
        """The function that made the result, such as "mul"; "leaf" for a leaf."""
        return self.node.name if isinstance(self.node, Record) else "leaf"

    def __repr__(self) -> str:
        return f"<{self.name()}>"

    @property
    def next_functions(self) -> tuple[tuple[GradFn | None, int], ...]:
        """For each input of the op the next step, with 0; None for a constant. () once backward freed the record."""
        if self.node.saved is None:
            return ()
        return tuple((None if node is None else GradFn(node), 0) for node in self.node.nodes)

    @property
    def variable(self) -> Traced | None:
        """The leaf; None for the result of an op."""
        return self.node.tensor() if isinstance(self.node, Leaf) and self.node.tensor is not None else None


def grad_fn(tensor: Any) -> GradFn | None:
    """The step that backward starts with at a tensor; None for a leaf."""
    return GradFn(tensor._node) if isinstance(tensor._node, Record) else None
