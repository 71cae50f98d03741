"""Hooks on tensors against PyTorch: in random graphs the same hooks run on the same numbers.

Those of results run in the same order. Those of leaves run at the end of the pass, those of each leaf in order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_lecture as tl

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.parity

OPS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "exp": lambda a, b: (a * 0.1).exp(),
    "sum": lambda a, b: a.sum() + b,
}
names = st.integers(0, 30)
steps = st.lists(st.tuples(st.sampled_from(sorted(OPS)), names, names), min_size=1, max_size=10)
kinds = st.sampled_from(["note", "double", "halve", "retain", "after"])
hooks = st.lists(st.tuples(names, kinds), max_size=12)


def run(library: Any, steps: Any, hooks: Any, wanted: list[int], create_graph: bool) -> list[Any]:
    """What the hooks saw, those of results in order, then those of each leaf in order; and then all gradients."""
    tensors = [library.tensor([1.0 + i, -0.5 * i], dtype=library.float64, requires_grad=True) for i in range(3)]
    for op, i, j in steps:
        tensors.append(OPS[op](tensors[i % len(tensors)], tensors[j % len(tensors)]))
    seen: list[Any] = []
    for i, kind in hooks:
        x, name = tensors[i % len(tensors)], i % len(tensors)
        if kind == "retain":
            x.retain_grad()
        elif kind == "after":
            if x.is_leaf:
                x.register_post_accumulate_grad_hook(
                    lambda p, name=name: seen.append((name, "after", p.grad.detach().sum().item()))
                )
        else:
            x.register_hook(lambda g, kind=kind, name=name: hook(seen, kind, name, g))
    if wanted and not create_graph:
        targets = [tensors[i] for i in wanted]
        gradients = library_grad(library)(tensors[-1].sum(), targets, allow_unused=True)
        return [*sorted(seen, key=leaves_last), *gradients]
    tensors[-1].sum().backward(create_graph=create_graph)
    kept = [x for x in tensors if x.is_leaf or x.retains_grad]
    return [*sorted(seen, key=leaves_last), *(x.grad for x in kept)]


def leaves_last(seen: Any) -> int:
    """0 for a result, and for the three leaves 1 to 3."""
    return seen[0] + 1 if seen[0] < 3 else 0


def hook(seen: list[Any], kind: str, name: int, g: Any) -> Any:
    seen.append((name, kind, g.detach().sum().item()))
    return {"note": None, "double": 2 * g, "halve": g / 2}[kind]


def library_grad(library: Any) -> Any:
    return tl.grad if library is tl else torch.autograd.grad


@settings(max_examples=300)
@given(steps, hooks, st.lists(st.integers(0, 2), max_size=3, unique=True), st.booleans())
@pytest.mark.filterwarnings("ignore")
def test_the_same_hooks_run_on_the_same_numbers(steps: Any, hooks: Any, wanted: list[int], create_graph: bool) -> None:
    ours, theirs = (run(library, steps, hooks, wanted, create_graph) for library in (tl, torch))
    plain = [[x if isinstance(x, tuple) or x is None else x.tolist() for x in found] for found in (ours, theirs)]
    assert len(plain[0]) == len(plain[1])
    for got, expected in zip(*plain, strict=True):
        if isinstance(expected, tuple):
            assert got[:2] == expected[:2]
            assert got[2] == pytest.approx(expected[2], rel=1e-9, abs=1e-9)
        else:
            assert got == (expected if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-9))
