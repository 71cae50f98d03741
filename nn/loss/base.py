"""Loss, the base of all losses."""

from __future__ import annotations

from typing import Any

from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.users_line import hide_frames
from tinygrad_lecture.errors.words import shown

from ..errors.made_first import MadeFirst
from ..module import Module


class Loss(MadeFirst, Module):
    """Base of all losses; `reduction` is "mean", "sum" or "none". Raises ValueError for another one."""

    called_with = "input, target"
    reductions: tuple[str, ...] = ("mean", "sum", "none")

    def __init__(self, reduction: str = "mean") -> None:
        if reduction not in self.reductions:
            *most, last = (f'"{word}"' for word in self.reductions)
            hide_frames()
            raise ValueError(
                f"{type(self).__name__}: reduction must be {', '.join(most)} or {last}, not {shown(reduction)}"
            )
        self.reduction = reduction

    def count(self, target: Tensor) -> Any:
        """The weight of a mini-batch in a mean over several, a number or a 0-d Tensor; `nn.Trainer` uses it."""
        return len(target)
