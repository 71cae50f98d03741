"""The path from outputs to the inputs that `tl.grad` asks about: backward visits only that part of the graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..traced import Node, Traced


class Path:
    """The part of a graph that leads from roots down to targets, and the gradients found at the targets."""

    def __init__(self, targets: set[Node], roots: Iterable[Node]) -> None:
        self.targets = targets
        self.records = _leading_to(targets, roots)
        self.found: dict[Node, Any] = {}

    def inputs_of(self, record: Node) -> list[Node | None]:
        """The nodes of a record's inputs, None for those whose gradient is not needed."""
        return [node if node in self.records or node in self.targets else None for node in record.nodes]

    def collect(self, node: Node, gradient: Any, owned: bool = False) -> None:
        """Store the gradient of a node if it is a target. owned: nobody else holds this array, so it is not copied."""
        if node in self.targets:
            self.found[node] = gradient if owned or isinstance(gradient, Traced) else gradient.copy()


def _leading_to(targets: set[Node], roots: Iterable[Node]) -> set[Node]:
    """The records on a path from the roots to a target. A target is one of them only if it leads to another target.

    A freed record counts, so that the pass reaches it and raises, unless it is known not to lead to a target. All that
    is known of it are the leaves reached by the pass that freed it.
    """
    only_leaves = not any(node.nodes or node.saved is None for node in targets)
    oldest = min((node.age for node in targets), default=0)
    seen: set[Node] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in seen and node.age >= oldest:
            seen.add(node)
            stack.extend(parent for parent in node.nodes if parent is not None)
    records: set[Node] = set()
    for node in sorted(seen, key=lambda node: node.age):
        unknown = node.saved is None and not (only_leaves and node.nodes)
        if unknown or any(parent in records or parent in targets for parent in node.nodes):
            records.add(node)
    return records
