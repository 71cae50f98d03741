"""Parameter groups: what a user gives, checked and completed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import alike, brief, hide_frames, warn

Group: TypeAlias = dict[str, Any]  # "params": the parameters; and the settings by name

# PyTorch's arguments for its kernels -> (default, why True is refused; None if it changes nothing)
IGNORED: dict[str, tuple[Any, str | None]] = {
    "foreach": (None, None),
    "fused": (None, None),
    "capturable": (False, "there are no CUDA graphs here; leave it out"),
    "differentiable": (False, "a step is not recorded here; write the update with ops, as in w = w - lr * g"),
}


class _Required:
    def __repr__(self) -> str:
        return "<required>"


required = _Required()  # the default of a setting that has none: each group must give it


def make_group(optimizer: str, given: Any, defaults: Group, known: Iterable[Tensor]) -> Group:
    """A parameter group with all settings, of what the user gave; its "params" are a list.

    optimizer: its name, for errors.  known: the parameters of other groups.
    Raises TypeError or ValueError for anything but parameters that can be trained, each once.
    """
    if not isinstance(given, dict) or "params" not in given:
        raise TypeError(f'{optimizer}: a parameter group must be a dict such as {{"params": [...], "lr": 0.1}}')
    params = given["params"]
    params = [params] if isinstance(params, Tensor) else list(params)
    names = [p[0] for p in params if isinstance(p, tuple) and len(p) == 2]  # as named_parameters() gives them
    if names:
        if len(names) != len(params):
            raise ValueError(f"{optimizer}: give all parameters of a group with their names, or none")
        params = [p for _, p in params]
    seen = set(known)
    for p in params:
        if not isinstance(p, Tensor):
            raise TypeError(
                f"{optimizer}: parameters must be Tensors, as model.parameters() gives them, not {brief(p)}"
            )
        if not p.is_leaf or p.dtype.kind != "f":
            what = f"of dtype {p.dtype}" if p.is_leaf else "computed from others"
            raise ValueError(f"{optimizer}: cannot optimise a tensor {what}; pass the Parameters themselves")
        if p in seen:
            raise ValueError(f"{optimizer}: a parameter of shape {p.shape} is given twice; pass each once")
        seen.add(p)
    group = {**defaults, **given, "params": params, **({"param_names": names} if names else {})}
    for name, value in group.items():
        if value is required:
            raise ValueError(f'{optimizer}: {name} has no default; give it, as in {{"params": [...], "{name}": ...}}')
    for name in given.keys() - defaults.keys() - {"params"}:  # others are the user's, unless they look misspelt
        initials = "".join(word[:1] for word in name.split("_"))
        if meant := [initials] if initials in defaults else alike(name, defaults):
            hide_frames()
            warn(f"{optimizer} has no setting {name!r}, so it changes nothing; write {meant[0]!r}")
    return group
