"""PyTorch's names for the steps of backward: mostly that of the function, as in MulBackward0, and here where not.

PyTorch composes some functions of others, and shows the last of these: `x.T` is a PermuteBackward0, and a matrix
product is a MmBackward0 or MvBackward0 by the number of axes. The digit counts the variants of a function; below it
stands behind a colon.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_lecture.autograd.core import Node, Record
from tinygrad_lecture.backend import is_array
from tinygrad_lecture.methods.pytorch import GradFn


def grad_fn_name(step: GradFn) -> str:
    """The name of a step, such as "MulBackward0", or "AccumulateGrad" for a leaf."""
    return node_name(step.node) if isinstance(step.node, Record) else "AccumulateGrad"


def node_name(record: Any) -> str:
    """The name of a record, such as "MulBackward0"."""
    called = record.name if record.name.isidentifier() else record.op.name
    if called[0].isupper():  # a `tl.func.Function`, a class
        return f"{called}Backward"
    name = NAMES.get(called, called)
    name = name if isinstance(name, str) else name(record)
    if name[0].isupper():  # a name in full
        return name
    name, _, variant = name.partition(":")
    return f"{''.join(part.capitalize() for part in name.split('_'))}Backward{variant or 0}"


def _reduction(record: Any) -> str:
    """sum over all elements, or sum:1 over given axes."""
    return f"{record.op.name}:{int(_setting(record, 'axis') is not None)}"


def _extreme(record: Any) -> str:
    """max of an axis, or max:1 of all elements."""
    return f"{record.name}:{int(record.op.name in ('amax', 'amin'))}"


def _power(record: Any) -> str:
    """pow of a tensor to a number, pow:2 of a number to a tensor, pow:1 of two tensors."""
    base, exponent = record.nodes
    if base is not None and exponent is None and not is_array(_saved(record, 0, 1)):
        return "pow"
    return "pow:2" if base is None and not is_array(_saved(record, 1, 0)) else "pow:1"


def _index(record: Any) -> str:
    """The last of the steps that PyTorch takes for an index: index for tensors, else select, slice or unsqueeze."""
    parts = _setting(record, "index") or ()
    if any(is_array(part) for part in parts):
        return "index"
    whole = Ellipsis, slice(None)
    steps = ["select" if isinstance(p, int) else "unsqueeze" if p is None else "slice" for p in parts if p not in whole]
    return steps[-1] if steps else "alias"


def _product(record: Any) -> str:
    """mm of two matrices, mv of a matrix and a vector, dot of two vectors."""
    a, b = (_ndim(record, i, other) for i, other in ((0, (1, 0)), (1, (0, 0))))
    return {(2, 2): "mm", (2, 1): "mv", (1, 1): "dot", (1, 2): "squeeze:4"}.get((a, b), "unsafe_view")


def _ndim(record: Any, position: int, other: tuple[int, int]) -> int:
    """The number of axes of an input, from its node or, of a constant, from what the other's rule saved of it."""
    node: Node | None = record.nodes[position]
    return len(node.shape) if node is not None else getattr(_saved(record, *other), "ndim", 2)


def _linear(record: Any) -> str:
    """addmm or mm of a matrix; of more axes a view of that."""
    matrix, bias = len(record.shape) == 2, _saved(record, 0, 2) is not None
    if matrix:
        return "addmm" if bias else "mm"
    return "view" if bias else "unsafe_view" if len(record.shape) > 2 else "squeeze:4"


def _setting(record: Any, name: str) -> Any:
    """A setting of the call, if a rule saved it and backward has not freed it yet; else None."""
    for asked, saved in zip(getattr(record.op, "asked", ()), record.saved or (), strict=False):
        for expression, value in zip(asked or (), saved, strict=False):
            if expression.startswith(f"settings.get({name!r}"):
                return value
    return None


def _saved(record: Any, *places: int) -> Any:
    """What the rule for an input saved in one place; None if backward has freed it."""
    value = record.saved
    for place in places:
        value = value[place] if value is not None and place < len(value) else None
    return value


NAMES: dict[str, str | Callable[[Any], str]] = {
    "sum": _reduction, "mean": _reduction, "max": _extreme, "min": _extreme, "pow": _power, "square": "pow",
    "clip": "clamp:1", "clip_to": "clamp:1", "log1p": "Log1PBackward0", "astype": "to_copy",
    "index_get": _index, "index_put": "CopySlices", "reshape": "view", "flatten": "view", "swapaxes": "transpose",
    "transpose": lambda record: "permute" if record.op.name == "permute" else "transpose",
    "narrow": "slice", "chunk": "split", "hstack": "cat", "vstack": "cat", "concatenate": "cat",
    "pad": "constant_pad_nd", "matmul": _product, "linear": _linear, "outer": "mul", "norm": "linalg_vector_norm",
    "inv": "linalg_inv_ex", "det": "linalg_det", "solve": "linalg_solve_ex", "cholesky": "linalg_cholesky_ex",
    "squared_error": "mse_loss", "cross_entropy": "nll_loss", "layer_norm": "native_layer_norm",
}  # fmt: skip
