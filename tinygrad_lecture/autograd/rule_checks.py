"""Checks around a backward rule: what it saved is unchanged, and it returned a gradient."""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

import numpy as np

from ..backend import is_array
from ..errors import WITH_TL, numpy_refused
from ..tensor_base import TensorBase
from .memory import arrays_in, written_since
from .modes import modes


class RuleError(NamedTuple):
    """What is known about a rule that raised; the exception carries it as its attribute `rule_error`.

    record: the record whose rule it was.  index: which input.  upstream: the gradient that it was given.
    """

    record: Any
    index: int  # type: ignore[assignment]
    upstream: Any


def add_facts(error: Exception, record: Any, index: int, upstream: Any) -> None:
    """Add to an exception that a rule raised: a note that says whose rule it was, and the facts in `rule_error`."""
    with_tl = f"; {WITH_TL}" if isinstance(upstream, TensorBase) and numpy_refused(error) else ""
    error.add_note(f"raised by the backward rule of {record.name}{with_tl}")
    if not hasattr(error, "rule_error"):  # else a rule within this one raised it
        error.rule_error = RuleError(record, index, upstream)  # type: ignore[attr-defined]


def checked_gradient(returned: Any, node: Any, record: Any) -> Any:
    """What a rule of a record returned for an input, validated: a gradient of the node's shape or broadcast from it.

    Raises TypeError unless it is an array or, while the pass is recorded, a Tensor; RuntimeError for a shape that
    broadcasting does not explain.
    """
    if node.dtype is None:  # a record of several outputs, which has one gradient for each
        return returned
    shape, rule = node.shape, f"the backward rule of {record.name} returned"
    if isinstance(returned, np.generic) and not modes.recording:
        returned = np.asarray(returned)  # NumPy returns scalars for 0-d results
    if isinstance(returned, TensorBase) is not modes.recording or not (modes.recording or is_array(returned)):
        _refuse(returned, rule)
    extra = returned.ndim - len(shape)
    if extra < 0 or any(n not in (1, m) for n, m in zip(shape, returned.shape[extra:], strict=True)):
        raise RuntimeError(
            f"{rule} a gradient of shape {returned.shape} for an input of shape {shape}; a gradient has the shape of "
            "its input (or one that the input broadcasts to)"
        )
    return returned


def _refuse(returned: Any, rule: str) -> NoReturn:
    if returned is None:
        raise TypeError(f"{rule} None: is a return missing?")
    if isinstance(returned, (tuple, list)):
        raise TypeError(
            f"{rule} a {type(returned).__name__} of {len(returned)}: a rule returns one gradient, for the input it is "
            "called for; write one rule for each input"
        )
    if isinstance(returned, TensorBase):
        raise TypeError(
            f"{rule} a Tensor, but it was given arrays and must return one: remove tl.tensor(), since operators and tl "
            "functions take arrays too"
        )
    if is_array(returned) or isinstance(returned, np.generic):
        raise TypeError(
            f"{rule} an array under create_graph=True, so its computation is not recorded: write it with operators and "
            "tl functions, which take the Tensors that it is given"
        )
    raise TypeError(f"{rule} a {type(returned).__name__}; a gradient is an array of its input's shape")


def check_saved(record: Any) -> None:
    """Raise RuntimeError if what a record saved was freed, or written to in place since."""
    if record.saved is None:
        raise RuntimeError(
            f"backward has been through this graph already and freed what {record.name} saved: pass retain_graph=True "
            "to the first backward (or tl.grad), or compute the result again; if a loop carries it on, as the state of "
            "an RNN, cut it off before the next step: state = state.detach()"
        )
    for array in arrays_in(record.saved):
        if written_since(array, record.age):
            raise RuntimeError(
                f"a tensor of shape {array.shape} that {record.name} saved for backward was changed in place "
                "afterwards, so its gradient would be wrong (PyTorch lets a change of x.data pass, with a wrong "
                "gradient): compute the result again after the change, or change a clone() instead"
            )
