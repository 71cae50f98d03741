"""For which inputs an answer is right: "square matrices only", "positive numbers only"."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .search import Args, Found


def _arrays(args: Args) -> list[np.ndarray]:
    return [a for a in args if isinstance(a, np.ndarray) and a.dtype.kind in "fi"]


def _floats(args: Args) -> list[np.ndarray]:
    return [a for a in args if isinstance(a, np.ndarray) and a.dtype.kind == "f"]


def _shapes_equal(args: Args) -> bool:
    return len({a.shape for a in _floats(args)}) <= 1


FEATURES: list[tuple[str, Callable[[Args], bool]]] = [
    ("0-d inputs", lambda args: all(a.ndim == 0 for a in _arrays(args))),
    ("inputs with one element", lambda args: all(a.size == 1 for a in _arrays(args))),
    ("inputs with one axis", lambda args: all(a.ndim <= 1 for a in _arrays(args))),
    ("inputs with two axes", lambda args: all(a.ndim == 2 for a in _floats(args))),
    ("inputs with at most two axes", lambda args: all(a.ndim <= 2 for a in _arrays(args))),
    ("square matrices", lambda args: all(a.ndim < 2 or a.shape[-1] == a.shape[-2] for a in _floats(args))),
    ("inputs of one shape, where nothing is broadcast", _shapes_equal),
    ("a batch of one", lambda args: all(a.ndim == 0 or a.shape[0] == 1 for a in _arrays(args))),
    ("positive numbers", lambda args: all((a > 0).all() for a in _floats(args))),
    ("numbers that are not negative", lambda args: all((a >= 0).all() for a in _floats(args))),
    ("numbers other than 0", lambda args: all((a != 0).all() for a in _floats(args))),
    ("inputs without repeats", lambda args: all(np.unique(a).size == a.size for a in _arrays(args))),
]


def right_only_for(found: Found, enough: int = 3, ignored: int = 0) -> str | None:
    """What all inputs have in common on which the answer is right, and none on which it fails; or None.

    ignored: how many arguments at the end do not count, as the upstream gradient.
    """
    count = len(found.args) - ignored
    failing: Sequence[Args] = [args[:count] for args in [*found.failing, *found.other, found.args]]
    passing = [args[:count] for args in found.passing]
    if len(passing) < enough:
        return None
    for name, has in FEATURES:
        if all(has(args) for args in passing) and not any(has(args) for args in failing):
            return name
    return None
