"""Settings that must match to resume: those of the optimiser and schedule as JSON values, and the comparison."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..optim import Optimizer
from ..optim.lr_scheduler import LRScheduler


def read_settings(optimizer: Optimizer, schedule: LRScheduler | None) -> dict[str, Any]:
    """The settings by name, {"lr": 0.1, "gamma of the schedule": 0.5, ...}, as JSON returns them."""
    found: dict[str, Any] = {}
    for i, group in enumerate(optimizer.param_groups):
        where = f" of group {i}" if i else ""
        found |= {f"{name}{where}": value for name, value in group.items() if name not in ("params", "initial_lr")}
    if schedule is not None:
        found |= {f"{name} of the schedule": value for name, value in _attributes(schedule).items()}
    plain: dict[str, Any] = json.loads(json.dumps(found, default=_plain))
    return plain


def _plain(value: Any) -> Any:
    """A schedule within a schedule as its settings, a number as Python's, and of anything else its kind."""
    if isinstance(value, LRScheduler):
        return {"kind": type(value).__name__, **_attributes(value)}
    return value.item() if getattr(value, "shape", None) == () else type(value).__name__


def _attributes(schedule: LRScheduler) -> dict[str, Any]:
    hidden = ("last_epoch", "optimizer")
    return {name: value for name, value in vars(schedule).items() if name[0] != "_" and name not in hidden}


def check_own_settings(path: str | Path, saved: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raises ValueError if a run's own settings (`Trainer(settings=...)`) differ from those saved in the file `path`.

    They are checked first, so that the error does not also list an optimiser that differs because of them.
    """
    if saved.keys() != own.keys():
        names, wanted = (", ".join(settings) or "none" for settings in (saved, own))
        raise ValueError(
            f"{path} was saved by another kind of run: its settings are {names}, not {wanted}; start a new run in "
            "another folder"
        )
    if differing := [f"{name} {saved[name]}, not {own[name]}" for name in own if saved[name] != own[name]]:
        raise ValueError(
            f"{path} was saved with {'; '.join(differing)}: use the same settings to resume, or start a new run in "
            "another folder"
        )


def check_run(path: str | Path, saved: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raises ValueError that lists the settings that differ from those saved in the file `path`."""
    differing = [f"{name} was {saved.get(name)!r}, is {v!r}" for name, v in own.items() if saved.get(name) != v]
    if differing:
        raise ValueError(f"{path} is the saved state of another run: {'; '.join(differing)}")
