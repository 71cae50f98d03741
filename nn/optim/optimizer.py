"""Optimizer, the base of all optimisers: parameter groups with settings, state per parameter, the step.

    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    optimizer.zero_grad()
    loss(model(x), y).backward()
    optimizer.step()

A subclass defines the update in `rule`, and the arrays that it keeps between steps in `memory`:

    class Signs(nn.optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        def rule(self, group, t, number):
            lr = number(group["lr"])

            def update(p, g):                   # arrays: the parameter and its gradient
                p -= lr * xp(g).sign(g)

            return update
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array, is_array, move, xp
from tinygrad_lecture.errors.users_line import hide_frames, warn
from tinygrad_lecture.errors.words import shown
from tinygrad_lecture.pieces import in_pieces

from ..errors.arguments import ExplainsArguments
from ..errors.checks import as_parameters
from ..module import array_of, clear_grad

Params: TypeAlias = Iterable[Tensor] | Iterable[dict[str, Any]]
Group: TypeAlias = dict[str, Any]  # "params": the parameters; and the settings by name
Number: TypeAlias = Callable[[float], Any]
Update: TypeAlias = Callable[..., None]


class Optimizer(ExplainsArguments):
    """Base class of all optimisers.

    - `params`: the parameters to train, or groups of them: dicts with "params" and settings of their own, as in
      [{"params": head}, {"params": body, "lr": 1e-4}].
    - `defaults`: the settings by name, for groups that do not set them.

    State is kept on the parameters' device: move a model first, then make its optimiser.
    Raises ValueError for no parameters, one given twice, one that is not a float leaf, or invalid settings; TypeError
    for a parameter that is not a Tensor.
    """

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        hide_frames()  # should something below raise
        self.defaults = defaults
        self.param_groups: list[Group] = []
        self.state: dict[Tensor, dict[str, Any]] = {}  # parameter -> {"step": number of its steps, name: array, ...}
        given = as_parameters(self._name, params)
        if not given:
            raise ValueError(
                f"{self._name}: params is empty, so there is nothing to optimise: a model finds each nn.Parameter and "
                "module in its attributes and in nn.ModuleList, not in plain lists; parameters() can be read only once"
            )
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    @property
    def _name(self) -> str:
        return type(self).__name__

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a parameter group {"params": [...], "lr": ..., ...}; settings that it lacks are the defaults."""
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise TypeError(f'{self._name}: a parameter group must be a dict such as {{"params": [...], "lr": 0.1}}')
        params = param_group["params"]
        params = [params] if isinstance(params, Tensor) else list(params)
        known = set(self._all_parameters())
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(
                    f"{self._name}: parameters must be Tensors, as model.parameters() gives them, not {shown(p)}"
                )
            if not p.is_leaf or p.dtype.kind != "f":
                what = f"of dtype {p.dtype}" if p.is_leaf else "computed from others"
                raise ValueError(f"{self._name}: cannot optimise a tensor {what}; pass the Parameters themselves")
            if p in known:
                raise ValueError(f"{self._name}: a parameter of shape {p.shape} is given twice; pass each once")
            known.add(p)
        unknown = param_group.keys() - self.defaults.keys() - {"params", "initial_lr"}
        if unknown:
            names = ", ".join(map(repr, sorted(unknown)))
            raise ValueError(f"{self._name} has no setting {names}; its settings are {', '.join(self.defaults)}")
        group = {**self.defaults, **param_group, "params": params}
        complaints = list(self.complaints(group))
        if complaints:
            raise ValueError(f"{self._name}: {'; '.join(complaints)}")
        self.param_groups.append(group)

    # --- for subclasses ---------------------------------------------------------------------------------

    def complaints(self, group: Group) -> Iterator[str]:
        """Messages about invalid settings of a group; a subclass adds its own."""
        return not_negative(group, "lr", "weight_decay", "eps")

    def memory(self, group: Group) -> Mapping[str, float]:
        """The arrays to keep for each parameter: name -> initial value of all elements."""
        return {}

    def rule(self, group: Group, t: int, number: Number) -> Update:
        """The update of a group's parameters at their t-th step (from 1): a function update(p, g, *memory).

        It gets arrays: the parameter p and those of `memory`, which it changes in place, and the gradient g, which it
        must not change. Large arrays come in pieces, so the update must be elementwise.

        `number` converts a Python number to the arrays' dtype, which halves the time of a multiplication. Compute with
        settings first, in full precision, and convert the result.
        """
        raise NotImplementedError(f"{self._name} has no rule; define rule(self, group, t, number) in its class")

    # --- training ---------------------------------------------------------------------------------------

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradients of all parameters to None, or with set_to_none=False to 0."""
        for group in self.param_groups:
            for p in group["params"]:
                clear_grad(p, set_to_none)

    def step(self) -> None:
        """Update every parameter that has a gradient, in place. Warns if none has one, and none ever had."""
        if not self.state and all(p.grad is None for p in self._all_parameters()):
            warn(f"{self._name}.step: no parameter has a gradient, so none changes; call loss.backward() first")
        for group in self.param_groups:
            names = self.memory(group)
            made_for: Any = None
            for p in group["params"]:
                gradient = p.grad
                if gradient is None:
                    continue
                state = self.state.get(p)
                if state is None or (names and not names.keys() <= state.keys()):
                    state = self._ensure_state(p, names)
                state["step"] = t = state["step"] + 1
                array = p.inplace()
                held = [state[name] for name in names] if names else ()
                needed = t, array.dtype, type(array)
                if made_for != needed:  # else the previous parameter's update fits this one too
                    made_for, update = needed, self.rule(group, t, _number(array))
                in_pieces(update, array, gradient._array, *held, read=(1,))

    def _ensure_state(self, p: Tensor, names: Mapping[str, float]) -> dict[str, Any]:
        """The state of a parameter, after adding the arrays that it lacks."""
        if p.grad is not None and p.grad.shape != p.shape:
            raise ValueError(f"{self._name}: a parameter of shape {p.shape} has a gradient of shape {p.grad.shape}")
        state = self.state.setdefault(p, {"step": 0})
        for name, value in names.items():
            if name not in state:
                state[name] = xp(p.array).full_like(p.array, value)
        return state

    # --- saving -----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """A copy of the state and settings, in PyTorch's layout. Parameters are numbered:

            {"state": {0: {"step": int, name: Tensor, ...}, ...},
             "param_groups": [{"lr": ..., "params": [0, ...]}, ...]}

        Tensors share no memory with the optimiser.
        """
        number = {p: i for i, p in enumerate(self._all_parameters())}
        state: dict[int, dict[str, Any]] = {}
        for group in self.param_groups:
            for p in group["params"]:
                if p in self.state:
                    held = self.state[p]
                    arrays = {name: Tensor(held[name]) for name in self.memory(group) if name in held}
                    state[number[p]] = {"step": held["step"], **arrays}
        groups = [{**group, "params": [number[p] for p in group["params"]]} for group in self.param_groups]
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Copy the `state_dict` of an optimiser with the same groups, PyTorch's included.

        Keys may be strings, arrays NumPy's and tuples lists, as after JSON. Settings that this optimiser does not have
        are ignored; those that the state lacks keep their values.
        Raises ValueError that lists everything that does not fit; nothing is changed then.
        """
        groups, state = state_dict["param_groups"], {int(i): held for i, held in state_dict["state"].items()}
        complaints: list[str] = []
        sizes, own_sizes = ([len(group["params"]) for group in some] for some in (groups, self.param_groups))
        if sizes != own_sizes:
            complaints.append(f"the state is for groups of {sizes} parameters, but the groups here have {own_sizes}")
        settings: list[Group] = []
        loaded: dict[Tensor, dict[str, Any]] = {}
        for index, (own, saved) in enumerate(zip(self.param_groups, groups, strict=False)):
            kept = {name: _as_saved(saved[name]) for name in (*self.defaults, "initial_lr") if name in saved}
            settings.append(kept)
            complaints += [f"group {index}: {complaint}" for complaint in self.complaints({**own, **kept})]
            names = self.memory({**own, **kept})
            for i, p in zip(map(int, saved["params"]), own["params"], strict=False):
                held = {name: value for name, value in state.pop(i, {}).items() if value is not None}
                complaints += [f"parameter {i}: {complaint}" for complaint in _misfits(p, held, names)]
                if held:
                    loaded[p] = held
        if state and sizes == own_sizes:
            complaints.append(f"there is state for parameters in no group: {', '.join(map(str, state))}")
        if complaints:
            lines = "".join(f"\n  {complaint}" for complaint in complaints)
            raise ValueError(
                f"load_state_dict: the state does not fit this {self._name}, and nothing was changed{lines}"
            )
        self.state = {p: _copied_state(p, held) for p, held in loaded.items()}
        for own, kept in zip(self.param_groups, settings, strict=True):
            own.update(kept)

    def _all_parameters(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def __repr__(self) -> str:
        lines = [f"{self._name}("]
        for group in self.param_groups:
            settings = ", ".join(f"{name}={value}" for name, value in group.items() if name != "params")
            lines.append(f"  {sum(p.numel() for p in group['params']):,} parameters: {settings}")
        return "\n".join([*lines, ")"])


def not_negative(group: Group, *names: str) -> Iterator[str]:
    """A message about each setting that is no number, or is below 0 or NaN."""
    for name in names:
        if name not in group:
            continue
        if not is_number(group[name]):
            yield f"{name} must be a number, not {shown(group[name])}"
        elif not group[name] >= 0:
            yield f"{name} must not be negative, but is {group[name]}"


def is_number(value: Any) -> bool:
    """Whether a setting can be computed with: numbers, also NumPy's and 0-d Tensors."""
    return isinstance(value, int | float | np.number) or getattr(value, "shape", None) == ()


def _number(like: Array) -> Number:
    """A function that converts Python numbers for arithmetic with `like`; for NumPy to 0-d arrays of its dtype."""
    if xp(like) is not np:
        return float
    dtype = like.dtype
    return lambda value: np.array(value, dtype) if value else 0.0  # rules test for 0, as in `if decay`


def _as_saved(setting: Any) -> Any:
    """A setting as it was before JSON made a list of a tuple."""
    return tuple(setting) if isinstance(setting, list) else setting


def _misfits(p: Tensor, held: Mapping[str, Any], names: Mapping[str, float]) -> Iterator[str]:
    """Messages about why a saved state does not fit a parameter that needs arrays of these names."""
    arrays = {name: array_of(value) for name, value in held.items() if name != "step"}
    for name, array in arrays.items():
        if name not in names:
            yield f"{name} is not part of this optimiser's state"
        elif not is_array(array):
            yield f"{name} is of type {type(array).__name__}, wanted a Tensor or an array"
        elif array.shape != p.shape:
            yield f"{name} has shape {array.shape}, wanted {p.shape}"
        elif array.dtype.kind != "f":
            yield f"{name} has dtype {array.dtype}, wanted a float dtype"
    if held:
        yield from (f"{name} is missing" for name in names if name not in arrays)
        if not _is_count(step := held.get("step", 1)):
            yield f"step is {step!r}, wanted a number of steps"


def _is_count(value: Any) -> bool:
    """Whether this is a whole number, 0 or more: an int or, as PyTorch saves it, a tensor of one float."""
    try:
        return float(value) >= 0 and float(value).is_integer()
    except (TypeError, ValueError):
        return False


def _copied_state(p: Tensor, held: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a saved state in its parameter's dtype and on its device. PyTorch's SGD saves no "step"."""
    arrays = {name: array_of(value) for name, value in held.items() if name != "step"}
    return {
        "step": int(held.get("step", 1)),
        **{name: move(array, p.device).astype(p.dtype) for name, array in arrays.items()},
    }
