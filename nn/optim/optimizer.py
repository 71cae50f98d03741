"""Optimizer, the base of all optimisers: parameter groups with settings, state per parameter.

    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    optimizer.zero_grad()
    loss(model(x), y).backward()
    optimizer.step()

A subclass has its own `__init__` and `step`, as in PyTorch, and keeps what it needs in the dict `self.state[p]`:

    class Signs(nn.optim.Optimizer):
        def __init__(self, params, lr=0.1):
            super().__init__(params, {"lr": lr})

        @tl.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p.sub_(p.grad.sign(), alpha=group["lr"])

The optimisers of this package go through `trained` and `in_pieces` instead, and compute on arrays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial, wraps
from typing import Any, ClassVar, TypeAlias

import numpy as np

from tinygrad_lecture import Tensor, enable_grad
from tinygrad_lecture.autograd.memory import announce_write
from tinygrad_lecture.backend import Array, is_array, move, xp
from tinygrad_lecture.errors import alike, brief, warn
from tinygrad_lecture.func.gradients import map_leaves
from tinygrad_lecture.inspect.profile import Measured
from tinygrad_lecture.kernels.threads import pieces
from tinygrad_lecture.tensor_base import wrap
from tinygrad_lecture.weights import array_of

from ..errors import ExplainsArguments, as_parameters
from ..module import clear_grad, misfit

Params: TypeAlias = Iterable[Any]  # of Tensors, or of groups of them
Group: TypeAlias = dict[str, Any]  # "params": the parameters; and the settings by name
Limit: TypeAlias = Callable[[Any], str | None]  # value of a setting -> what is wrong with it, "must be ..., not ..."
State: TypeAlias = dict[str, Any]  # of one parameter: tensors, numbers, and lists of them, by name
MISSING = {  # PyTorch's settings that are none here -> why True is refused, if it is
    "foreach": "",
    "fused": "",
    "capturable": "there are no CUDA graphs here; leave it out",
    "differentiable": "a step is not recorded here; write the update with ops, as in w = w - lr * g",
    "amsgrad": "few programs use it; leave it out",
    "centered": "few programs use it; leave it out",
}


# --- settings, and their limits -----------------------------------------------------------------------------


def floats(group: Group, *names: str) -> list[float]:
    """Settings of a group as Python numbers: NumPy's would turn float32 arrays into float64."""
    return [float(group[name]) for name in names]


def broken(settings: Mapping[str, Any], limits: Mapping[str, Limit]) -> Iterator[str]:
    """A message about each setting that breaks its limit."""
    for name, limit in limits.items():
        if name in settings and (complaint := limit(settings[name])):
            yield f"{name} {complaint}"


def number(wanted: str, holds: Callable[[Any], bool]) -> Limit:
    """The limit of a number, such as number("in [0, 1)", lambda x: 0 <= x < 1)."""
    return lambda value: None if is_number(value) and holds(value) else f"must be {wanted}, not {brief(value)}"


not_negative = number("a number from 0 on", lambda x: x >= 0)
at_least_1 = number("at least 1", lambda x: x >= 1)
below_1 = number("below 1", lambda x: x < 1)
from_0_below_1 = number("in [0, 1)", lambda x: 0 <= x < 1)
from_0_to_1 = number("in [0, 1]", lambda x: 0 <= x <= 1)
above_0_to_1 = number("in (0, 1]", lambda x: 0 < x <= 1)


def two_below_1(value: Any) -> str | None:
    if isinstance(value, tuple | list) and len(value) == 2 and not any(map(from_0_below_1, value)):
        return None
    return f"must be two numbers in [0, 1), as in (0.9, 0.999), not {brief(value)}"


# of the settings that optimisers have in common
LIMITS: dict[str, Limit] = {
    **dict.fromkeys(("lr", "weight_decay", "eps", "momentum"), not_negative),
    "betas": two_below_1,
}


def one_of(*choices: str) -> Limit:
    """The limit of a setting that is one of some strings."""
    told = " or ".join(map(repr, choices))
    return lambda value: None if value in choices else f"must be {told}, not {brief(value)}"


def is_number(value: Any) -> bool:
    """Whether a setting can be computed with: numbers, also NumPy's and 0-d Tensors."""
    return isinstance(value, int | float | np.number) or getattr(value, "shape", None) == ()


# --- the base -----------------------------------------------------------------------------------------------


class Optimizer(ExplainsArguments, Measured):
    """Base class of all optimisers.

    - `params`: the parameters to train, of any shapes; or groups of them: dicts with "params" and settings of their
      own, as in [{"params": head}, {"params": body, "lr": 1e-4}].
    - `defaults`: the settings by name, for groups that do not set them.

    With maximize=True a step uses -g in place of the gradient g, and climbs. PyTorch's arguments foreach and fused are
    accepted by all optimisers and change nothing.
    State is kept on the parameters' device: move a model first, then make its optimiser.
    Raises ValueError for no parameters, one given twice, one that is not a float leaf, or invalid settings; TypeError
    for a parameter that is not a Tensor. Warns of a setting that looks misspelt.
    """

    limits: ClassVar[Mapping[str, Limit]] = {}  # of the settings that it knows
    measured: ClassVar[tuple[str, ...]] = ("step", "zero_grad")
    settings_in_groups: ClassVar[bool] = False  # whether to refuse optimizer.lr = 0.1, which would change nothing

    def __init_subclass__(cls, settings_in_groups: bool = False, **others: Any) -> None:
        super().__init_subclass__(**others)
        cls.settings_in_groups = settings_in_groups  # a user's subclass has the attributes that it likes
        if settings_in_groups:
            cls.__init__ = _without_machine(cls.__init__)  # type: ignore[method-assign]

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups: list[Group] = []
        # parameter -> {"step": number of its steps, name: Tensor, ...}, or what a subclass puts there
        self.state: defaultdict[Any, State] = defaultdict(dict)
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

    @property
    def stepped(self) -> bool:
        """Whether `step` was called. A user's own `step` is not observed, so it counts as called."""
        return bool(self.state) or not self.settings_in_groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a parameter group {"params": [...], "lr": ..., ...}; settings that it lacks are the defaults.

        Raises ValueError for invalid settings, and for parameters that it has already; nothing is added then.
        """
        group = make_group(self._name, param_group, self.defaults, self._all_parameters())
        complaints = list(self.complaints(group))
        if complaints:
            raise ValueError(f"{self._name}: {'; '.join(complaints)}")
        self.param_groups.append(group)

    def __getattr__(self, name: str) -> Any:
        remedy = ""
        if name in vars(self).get("defaults", ()):
            remedy = f'; write for group in optimizer.param_groups: group["{name}"] = ...'
        raise AttributeError(f"{self._name} has no attribute {name!r}{remedy}", name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        if self.settings_in_groups and name in vars(self).get("defaults", ()):
            getattr(self, name)  # raises, and says where settings are
        object.__setattr__(self, name, value)

    # --- a step -----------------------------------------------------------------------------------------

    def complaints(self, group: Group) -> Iterator[str]:
        """Messages about invalid settings of a group; a subclass adds its own `limits`, or messages."""
        return broken(group, self.limits)

    def memory(self, group: Group) -> Mapping[str, float] | None:
        """What a step keeps for each parameter: the name of an array like the parameter -> its first value everywhere.

        None: `step` puts into the state what it likes.
        """
        return None

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient, in place. Returns the closure's loss, if there is one.

        closure: called first; it computes the loss again, with its gradients, and returns it.
        Ctrl-C in the middle of it may leave some parameters as they were, and others with their step. `nn.Trainer`
        waits for its end; after a loop of your own, load what you saved last.

        Warns if no parameter has a gradient, and none ever had. Raises NotImplementedError unless a class defines it,
        or `update`.
        """
        loss = self.begin(closure)
        for group in self.param_groups:
            self.update(group)
        return loss

    def update(self, group: Group) -> None:
        """Update the parameters of a group: those of `pieces`. Raises NotImplementedError unless a class defines it."""
        raise NotImplementedError(f"{self._name} has no step; define step(self, closure=None) in its class")

    def pieces(self, group: Group) -> Iterator[tuple[Any, ...]]:
        """(t, p, g, *memory) of each parameter that has a gradient, in pieces, as `trained`; g with weight decay."""
        decay = float(group["weight_decay"])
        for t, arrays in self.trained(group):
            for p, g, *memory in in_pieces(arrays):
                yield t, p, g + decay * p if decay else g, *memory

    def begin(self, closure: Callable[[], Any] | None) -> Any:
        """The loss that a step begins with: what the closure returns, which computes the gradients again; or None.

        Warns if no parameter has a gradient, and none ever had.
        """
        loss = None if closure is None else enable_grad()(closure)()
        if not self.state and all(p.grad is None for p in self._all_parameters()):
            warn(f"{self._name}.step: no parameter has a gradient, so none changes; call loss.backward() first")
        return loss

    def trained(self, group: Group) -> Iterator[tuple[int, tuple[Array, ...]]]:
        """(t, arrays) of each parameter of a group that has a gradient: arrays to be updated by `in_pieces`.

        t: the number of this step for the parameter, from 1.
        arrays: the parameter p, its gradient g, or -g to maximize, and the arrays of `memory`.
        """
        memory = self.memory(group) or {}
        parameters = [p for p in group["params"] if p._grad is not None]
        announce_write(*[p._array for p in parameters])
        for p in parameters:
            if p not in self.state or (memory and not memory.keys() <= self.state[p].keys()):
                self._add_memory(p, memory)
            state = self.state[p]
            state["step"] += 1
            g = -p._grad._array if group["maximize"] else p._grad._array
            yield state["step"], (p._array, g, *([state[name]._array for name in memory] if memory else ()))

    def _add_memory(self, p: Tensor, memory: Mapping[str, float]) -> None:
        """Add to the state of a parameter what it lacks."""
        state = self.state[p]
        state.setdefault("step", 0)
        for name, value in memory.items():
            if name not in state:
                state[name] = wrap(xp(p.array).full_like(p.array, value))

    # --- gradients and saving ---------------------------------------------------------------------------

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradients of all parameters to None, or with set_to_none=False to 0."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p._grad = None
                else:
                    clear_grad(p, set_to_none=False)

    def state_dict(self) -> dict[str, Any]:
        """A copy of the state and settings, in PyTorch's layout. Parameters are numbered:

            {"state": {0: {"step": int, name: Tensor, ...}, ...},
             "param_groups": [{"lr": ..., "params": [0, ...]}, ...]}

        Tensors share no memory with the optimiser.
        """
        number = {p: i for i, p in enumerate(self._all_parameters())}
        copied = partial(map_leaves, lambda x: x.detach().clone() if isinstance(x, Tensor) else x)
        state = {number[p]: copied(self.state[p]) for p in number if p in self.state}
        groups = [{**group, "params": [number[p] for p in group["params"]]} for group in self.param_groups]
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Copy the `state_dict` of an optimiser with the same groups, PyTorch's included.

        Keys may be strings, arrays NumPy's and tuples lists, as after JSON. Settings that the state lacks keep their
        values. Raises ValueError that lists everything that does not fit; nothing is changed then.
        """
        groups, state = state_dict["param_groups"], {int(i): held for i, held in state_dict["state"].items()}
        sizes, own_sizes = ([len(group["params"]) for group in some] for some in (groups, self.param_groups))
        complaints: list[str] = []
        if sizes != own_sizes:
            complaints.append(f"the state is for groups of {sizes} parameters, but the groups here have {own_sizes}")
            groups, state = [], {}
        settings: list[Group] = []
        loaded: dict[Tensor, State] = {}
        for index, (own, saved) in enumerate(zip(self.param_groups, groups, strict=False)):
            changed = {name: tuple(v) if isinstance(v, list) else v for name, v in saved.items() if name not in MISSING}
            settings.append(new := {**own, **changed, "params": own["params"]})
            complaints += [f"group {index}: {complaint}" for complaint in self.complaints(new)]
            for i, p in zip(map(int, saved["params"]), own["params"], strict=True):
                if not (held := state.pop(i, {})):
                    continue
                if (memory := self.memory(new)) is not None:
                    held = {name: value for name, value in held.items() if value is not None}
                    complaints += [f"parameter {i}: {complaint}" for complaint in _misfits(p, held, memory)]
                    held["step"] = int(held.get("step", 1))  # PyTorch's SGD saves none
                loaded[p] = held
        if state:
            complaints.append(f"there is state for parameters in no group: {', '.join(map(str, state))}")
        if complaints:
            lines = "".join(f"\n  {complaint}" for complaint in complaints)
            raise ValueError(f"load_state_dict: the state does not fit this {self._name}; nothing was changed{lines}")
        self.state = defaultdict(dict, {p: _placed(p, held) for p, held in loaded.items()})
        for own, new in zip(self.param_groups, settings, strict=True):
            own.update(new)

    def _all_parameters(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def __repr__(self) -> str:
        lines = [f"{self._name}("]
        for group in self.param_groups:
            settings = ", ".join(f"{name}={value}" for name, value in group.items() if name != "params")
            lines.append(f"  {sum(p.numel() for p in group['params']):,} parameters: {settings}")
        return "\n".join([*lines, ")"])


def in_pieces(arrays: tuple[Array, ...]) -> Iterable[tuple[Array, ...]]:
    """(p, g, *memory) to be updated in place, but for g; of large arrays one piece after another, all elementwise.

    Pieces fit the processor's cache, so a formula of many operations reads main memory once. Two threads that share
    them gain nothing: 1.0 to 1.1 of the time for the parameters of a GPT of 10 million on two cores.
    """
    return pieces(*arrays, read=(1,))


def _misfits(p: Tensor, state: State, memory: Mapping[str, float]) -> Iterator[str]:
    """Messages about why a saved state does not fit a parameter."""
    for name, value in state.items():
        if name != "step" and name not in memory:
            yield f"{name} is not part of this optimiser's state"
        elif name != "step" and (complaint := misfit(name, p, array_of(value))):
            yield complaint
    yield from (f"{name} is missing" for name in memory if name not in state)


def _placed(p: Tensor, state: State) -> State:
    """A copy of a saved state, in its parameter's dtype and on its device."""

    def place(value: Any) -> Any:
        array = array_of(value)
        if not is_array(array):
            return value
        array = move(array, p.device)
        return wrap(array.astype(p.dtype) if array.dtype.kind == "f" else array.copy())

    return {name: value if name == "step" else map_leaves(place, value) for name, value in state.items()}


def _without_machine(init: Callable[..., None]) -> Callable[..., None]:
    """An `__init__` that takes PyTorch's other settings too. Raises NotImplementedError where they would matter."""

    @wraps(init)
    def made(self: Any, *args: Any, **settings: Any) -> None:
        for name, reason in MISSING.items():
            if settings.pop(name, False) and reason:
                raise NotImplementedError(f"{self._name}: {name}=True is not here, since {reason}")
        init(self, *args, **settings)

    return made


# --- parameter groups ---------------------------------------------------------------------------------------


def make_group(optimizer: str, given: Any, defaults: Group, known: Iterable[Tensor]) -> Group:
    """A parameter group with all settings, of what the user gave; its "params" are a list.

    optimizer: its name, for errors.  known: the parameters of other groups.
    Raises TypeError or ValueError for anything but parameters that can be trained, each once.
    """
    if not isinstance(given, dict) or "params" not in given:
        raise TypeError(f'{optimizer}: a parameter group must be a dict such as {{"params": [...], "lr": 0.1}}')
    params = given["params"]
    params = [params] if isinstance(params, Tensor) else list(params)
    seen = set(known)
    for p in params:
        if not isinstance(p, Tensor):
            raise TypeError(f"{optimizer}: parameters must be Tensors, as of model.parameters(), not {brief(p)}")
        if not p.is_leaf or p.dtype.kind != "f":
            what = f"of dtype {p.dtype}" if p.is_leaf else "computed from others"
            raise ValueError(f"{optimizer}: cannot optimise a tensor {what}; pass the Parameters themselves")
        if p in seen:
            raise ValueError(f"{optimizer}: a parameter of shape {p.shape} is given twice; pass each once")
        seen.add(p)
    for name in given.keys() - defaults.keys() - {"params"}:  # others are the user's, unless they look misspelt
        initials = "".join(word[:1] for word in name.split("_"))
        if meant := [initials] if initials in defaults else alike(name, defaults):
            warn(f"{optimizer} has no setting {name!r}, so it changes nothing; write {meant[0]!r}")
    return {**defaults, **given, "params": params}
