"""Optimizer: what all optimisers share: groups of parameters with their settings, a state per parameter, the step.

    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    optimizer.zero_grad()
    loss(model(x), y).backward()
    optimizer.step()

A subclass writes `update`: how one parameter changes, given its gradient. It goes through the arrays in `blocks` that
fit the processor's cache, and computes in their own memory and in a scratch array of a block's size. So a step needs no
memory to speak of, and a formula of ten passes reads a large parameter from memory once, not ten times.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array, move, xp

from ..module import clear_grad

BLOCK = 65_536  # elements; five arrays of this many float32 fit the cache that a core has to itself


class Optimizer:
    """The base of all optimisers.

    params: the parameters to learn; or groups of them, dicts with "params" and settings that differ from the rest,
    as in [{"params": head}, {"params": body, "lr": 1e-4}].  defaults: the settings, by name.
    Raises ValueError if there are none or one comes twice, TypeError for what is no Tensor of floats.
    """

    def __init__(self, params: Iterable[Tensor] | Iterable[dict[str, Any]], defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[Tensor, dict[str, Any]] = {}  # parameter -> name -> array or number
        if isinstance(params, Tensor):
            raise TypeError(f"{self._name}: parameters come in a list, as of model.parameters(), not as one Tensor")
        given: list[Any] = list(params)
        if not given:
            raise ValueError(f"{self._name}: there is nothing to optimise; the list of parameters is empty")
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    @property
    def _name(self) -> str:
        return type(self).__name__

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """One more group of parameters: {"params": [...], "lr": ...}; settings it lacks are the defaults."""
        params = param_group["params"]
        params = [params] if isinstance(params, Tensor) else list(params)
        known = {id(p) for group in self.param_groups for p in group["params"]}
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"{self._name}: parameters must be Tensors, not {type(p).__name__}")
            if not p.is_leaf or p.dtype.kind != "f":
                what = f"of {p.dtype}" if p.is_leaf else "computed from others"
                raise ValueError(f"{self._name}: a tensor {what} cannot be learnt; give the Parameters themselves")
            if id(p) in known:
                raise ValueError(f"{self._name}: a parameter of shape {p.shape} is given twice; give each once")
            known.add(id(p))
        unknown = param_group.keys() - self.defaults.keys() - {"params"}
        if unknown:
            names = ", ".join(map(repr, sorted(unknown)))
            raise ValueError(f"{self._name} has no setting {names}; its settings are {', '.join(self.defaults)}")
        group = {**self.defaults, **param_group, "params": params}
        self.check(group)
        self.param_groups.append(group)

    def check(self, group: dict[str, Any]) -> None:
        """Raise ValueError for settings that make no sense; a subclass adds its own."""
        for name in ("lr", "weight_decay", "eps"):
            if name in group and not group[name] >= 0:
                raise ValueError(f"{self._name}: {name} must not be negative, but is {group[name]}")

    # --- learning ---------------------------------------------------------------------------------------

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; with set_to_none=False overwrite them with 0."""
        for group in self.param_groups:
            for p in group["params"]:
                clear_grad(p, set_to_none)

    def step(self) -> None:
        """Change every parameter that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    state = self.state.get(p)
                    if state is None:
                        state = self.state[p] = self.initial_state(p.array, group)
                    self.update(p.inplace(), p.grad.array, state, group)

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        """What is remembered of a parameter between steps, before the first."""
        return {}

    def update(self, param: Array, grad: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Change one parameter, in place, given its gradient, which stays as it is."""
        raise NotImplementedError(f"{self._name} does not say how a parameter changes: give its class a method update")

    # --- saving -----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Copies of the state and the groups' settings, with numbers for the parameters, in PyTorch's layout.

        {"state": {0: {name: Tensor or number}, ...}, "param_groups": [{"lr": ..., "params": [0, ...]}, ...]}
        """
        number = {p: i for i, p in enumerate(self._all_parameters())}
        groups = [{**group, "params": [number[p] for p in group["params"]]} for group in self.param_groups]
        state = {
            number[p]: {name: Tensor(v) if hasattr(v, "shape") else v for name, v in held.items()}
            for p, held in self.state.items()
        }
        return {"state": state, "param_groups": copy.deepcopy(groups)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` of an optimiser with the same groups returned; all is copied.

        Raises ValueError if the groups or shapes do not fit, and then nothing has been changed.
        """
        groups, state = state_dict["param_groups"], state_dict["state"]
        sizes, own_sizes = ([len(group["params"]) for group in some] for some in (groups, self.param_groups))
        if sizes != own_sizes:
            raise ValueError(
                f"{self._name}.load_state_dict: the state is for groups of {sizes} parameters, and here are {own_sizes}"
            )
        params = self._all_parameters()
        loaded = {params[int(number)]: self._loaded(params[int(number)], held) for number, held in state.items()}
        settings = [{name: copy.deepcopy(group[name]) for name in self.defaults if name in group} for group in groups]
        for own, new in zip(self.param_groups, settings, strict=True):
            self.check({**own, **new})
        for own, new in zip(self.param_groups, settings, strict=True):
            own.update(new)
        self.state = loaded

    def _loaded(self, p: Tensor, held: Mapping[str, Any]) -> dict[str, Any]:
        """A parameter's state with its arrays in the parameter's dtype and on its device."""
        state: dict[str, Any] = {}
        for name, value in held.items():
            if name == "step":
                state[name] = int(value)  # in PyTorch's own states a tensor
            elif not isinstance(value, Tensor):
                state[name] = value
            elif value.shape != p.shape:
                raise ValueError(
                    f"{self._name}.load_state_dict: {name} has shape {value.shape}, its parameter {p.shape}"
                )
            else:
                state[name] = move(value.array, p.device).astype(p.dtype)
        return state

    def _all_parameters(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def __repr__(self) -> str:
        lines = [f"{self._name}("]
        for group in self.param_groups:
            settings = ", ".join(f"{name}={value}" for name, value in group.items() if name != "params")
            lines.append(f"  {sum(p.numel() for p in group['params']):,} parameters: {settings}")
        return "\n".join([*lines, ")"])


def blocks(p: Array, *others: Array) -> Iterable[tuple[Array, ...]]:
    """Tuples (p, *others, scratch) of one shape: a large p on the CPU block by block, any other as it is.

    The blocks of p, and of others that lie in memory as p does, are views, to write to.
    """
    if p.size <= BLOCK or xp(p) is not np or not p.flags.c_contiguous:
        return ((p, *others, xp(p).empty_like(p)),)
    return _cut(p, *others)


def _cut(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    flat = [array.reshape(-1) for array in arrays]  # a view; of a gradient laid out otherwise a copy
    scratch = np.empty(BLOCK, arrays[0].dtype)
    for start in range(0, arrays[0].size, BLOCK):
        parts = [array[start : start + BLOCK] for array in flat]
        yield *parts, scratch[: parts[0].size]
