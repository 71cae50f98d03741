"""Trees: a Tensor, or tuples, lists and dicts of trees, such as a model's parameters by name.

Transforms take and return trees. Inside, they work on the list of their leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any


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
