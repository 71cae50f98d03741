"""The settings of an optimiser and its schedule, as a file can keep them, to be compared with those of another run."""

from __future__ import annotations

from typing import Any

from ..optim import Optimizer
from ..optim.lr_scheduler import LRScheduler

_NEITHER = object()


def read_settings(optimizer: Optimizer, schedule: LRScheduler | None) -> dict[str, Any]:
    """The settings by name, {"lr": 0.1, "gamma of the schedule": 0.5, ...}, as far as they are numbers and words.

    Of what is neither, such as a function, nothing is said.
    """
    found: dict[str, Any] = {}
    for i, group in enumerate(optimizer.param_groups):
        where = f" of group {i}" if i else ""
        found |= {f"{name}{where}": value for name, value in group.items() if name not in ("params", "initial_lr")}
    if schedule is not None:
        found |= {f"{name} of the schedule": value for name, value in _own(schedule).items()}
    plain: dict[str, Any] = {name: _as_in_json(value) for name, value in found.items()}
    return {name: value for name, value in plain.items() if value is not _NEITHER}


def _own(schedule: LRScheduler) -> dict[str, Any]:
    return {name: value for name, value in vars(schedule).items() if name[0] != "_" and name != "last_epoch"}


def _as_in_json(value: Any) -> Any:
    """Numbers, words and lists of them as JSON gives them back, schedules as their settings; else `_NEITHER`."""
    if isinstance(value, LRScheduler):
        settings = {name: _as_in_json(setting) for name, setting in _own(value).items()}
        return [type(value).__name__, *([k, v] for k, v in settings.items() if v is not _NEITHER)]
    if isinstance(value, list | tuple):
        items = [_as_in_json(item) for item in value]
        return _NEITHER if _NEITHER in items else items
    return value if value is None or isinstance(value, str | int | float) else _NEITHER
