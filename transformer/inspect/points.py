"""Points: places in a model with a name, where one can look at what it computes, and change it.

    model.points()                                          # name -> shape, in the order in which a text passes them
    with model.edit({"blocks.3": lambda x: x + 4 * direction}):
        model.generate(...)                                 # goes on with the changed residual stream
    with model.edit({"blocks.*.ffn": 0}): ...               # without any FFN

In a block, with the lecture's names, for a text of n tokens:

    attention.queries       (heads, n, head_dim)            after W_Q, and rotated where positions are rotary
    attention.keys          (kv_heads, keys, head_dim)      the same after W_K; those in a cache are among them
    attention.values        (kv_heads, keys, head_dim)
    attention.scores        (heads, n, keys)                q k^T / sqrt(head_dim); -inf where a query may not attend
    attention.weights       (heads, n, keys)                softmax of the scores
    attention.heads         (heads, n, head_dim)            what each head sends, before W_O
    attention               (n, width)                      what attention adds to the residual stream
    after_attention         (n, width)                      the residual stream
    ffn.units               (n, hidden)                     what FFN's neurons send
    ffn                     (n, width)                      what FFN adds to the residual stream

and the block's own name is the residual stream after it. A decoder's block with cross-attention has the points of
`cross` and `after_cross` too.

Points are inputs and outputs of modules, so all of this is done by forward hooks. Scores and weights exist only where
somebody looks: in that block alone attention is computed by its formula, see `Attend`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any, NamedTuple

import nn
import tinygrad_lecture as tl
from nn.module.tree import join
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import alike

from ..attention import Attend, MultiHeadAttention
from ..block import Block, ResidualStream
from ..embedding import Embedding, Unembedding
from ..ffn import FeedForward

OUTPUT = -1
STREAM = "(tokens, {config.width})"
INSIDE: dict[type, dict[str, tuple[str, int, str]]] = {  # point -> a part of that module, where there, shape by config
    MultiHeadAttention: {
        "queries": ("attend", 0, "({config.heads}, tokens, {config.head_width})"),
        "keys": ("attend", 1, "({config.kv_heads}, keys, {config.head_width})"),
        "values": ("attend", 2, "({config.kv_heads}, keys, {config.head_width})"),
        "scores": ("attend.softmax", 0, "({config.heads}, tokens, keys)"),
        "weights": ("attend.softmax", OUTPUT, "({config.heads}, tokens, keys)"),
        "heads": ("attend", OUTPUT, "({config.heads}, tokens, {config.head_width})"),
        "": ("", OUTPUT, STREAM),
    },
    FeedForward: {"units": ("down", 0, "(tokens, {config.hidden})"), "": ("", OUTPUT, STREAM)},
    Block: {"": ("", OUTPUT, STREAM)},
    Embedding: {"": ("", OUTPUT, STREAM)},
    ResidualStream: {"": ("", OUTPUT, STREAM)},
}
Visit = Callable[[str, Tensor], Any]  # a point's name, its value -> another value instead, or None


class Point(NamedTuple):
    """Where a value is: the output of a module, or its input of that number. `shape`: of one text, in words."""

    module: nn.Module
    which: int
    shape: str


def points_of(module: nn.Module, path: str = "") -> dict[str, Point]:
    """All points in a module, by name; the points of its parts come before its own."""
    if isinstance(module, Unembedding):
        return {"logits": Point(module, OUTPUT, "(tokens, {config.vocab_size})")}
    found: dict[str, Point] = {}
    for name, child in module.named_children():
        found |= points_of(child, join(path, name))
    inside = next((points for kind, points in INSIDE.items() if isinstance(module, kind)), {})
    for name, (part, which, shape) in inside.items():
        found[join(path, name) if name else path] = Point(module.get_submodule(part), which, shape)
    return found


@contextmanager
def changing(model: nn.Module, changes: Mapping[str, Any]) -> Iterator[None]:
    """Context manager: some points have other values. See `Inspectable.edit`."""
    with ExitStack() as edits:
        for pattern, change in changes.items():
            edits.enter_context(visiting(model, matching(model, pattern), partial(_changed, change)))
        yield


def _changed(change: Any, name: str, x: Tensor) -> Tensor:
    """The value of a point after a change: see `Inspectable.edit`."""
    try:
        made = change(x.clone()) if callable(change) else change  # a cache may own x's memory
    except Exception as error:
        error.add_note(f'in the edit of "{name}", which was given {x.shape} {x.dtype}')
        raise
    if made is None:
        raise TypeError(f'edit: the function for "{name}" returned None; return the new value')
    value = tl.as_tensor(made, device=x.device).to(dtype=x.dtype)
    try:
        return value if value.shape == x.shape else tl.broadcast_to(value, x.shape)
    except ValueError:
        raise ValueError(
            f'edit: "{name}" has shape {x.shape} in this call, to which {value.shape} does not broadcast; with a cache '
            "only the new tokens pass, so give a function of them"
        ) from None


def matching(model: nn.Module, patterns: str | Iterable[str]) -> list[str]:
    """The points with these names, in which * stands for one part. Raises KeyError for a name without a point."""
    known, found = list(points_of(model)), []
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        form = re.compile(re.escape(pattern).replace(r"\*", r"[^.]+"))
        matches = list(filter(form.fullmatch, known))
        if not matches:
            raise KeyError(f'there is no point "{pattern}"; {_nearest(pattern, known)}; model.points() lists all')
        found += matches
    return found


def _nearest(pattern: str, known: list[str]) -> str:
    """What there is instead of a point that is not there: one spelt alike, or the parts of where its name leads."""
    near, parts, names = alike(pattern, known), pattern.split("."), [name.split(".") for name in known]
    for n in reversed(range(len(parts))):  # the longest beginning that some points have
        if held := list(dict.fromkeys(name[n] for name in names if name[:n] == parts[:n] and len(name) > n)):
            break
    if held[-1].isdecimal():
        return f"{'.'.join(parts[:n])} has 0 to {held[-1]}"
    return f'is it "{near[0]}"?' if near else f"{'.'.join(parts[:n]) or 'the model'} has {', '.join(held)}"


@contextmanager
def visiting(model: nn.Module, names: Collection[str], visit: Visit) -> Iterator[None]:
    """Context manager: visit(name, value) is called whenever the model passes one of these points.

    What it returns, unless None, is the value from there on.
    """
    visited = {name: point for name, point in points_of(model).items() if name in names}
    seen = {point.module for point in visited.values()}
    with ExitStack() as stack:
        for attend in model.modules():
            if isinstance(attend, Attend) and attend.softmax in seen:
                stack.callback(setattr, attend, "watched", attend.watched)
                attend.watched = True
        for name, point in visited.items():
            stack.enter_context(_hook(point.module, point.which, partial(visit, name)))
        yield


def _hook(module: nn.Module, which: int, changed: Callable[[Tensor], Any]) -> AbstractContextManager[Any]:
    """A hook that calls `changed` with the module's output, or with its input of that number."""
    if which == OUTPUT:
        return module.register_forward_hook(lambda module, inputs, output: changed(output))

    def before(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        new = changed(inputs[which])
        return None if new is None else (*inputs[:which], new, *inputs[which + 1 :])

    return module.register_forward_pre_hook(before)
