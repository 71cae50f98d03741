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

from tinygrad_lecture import Tensor, enable_grad
from tinygrad_lecture.autograd.memory import announce_write
from tinygrad_lecture.backend import Array, is_array, move, xp
from tinygrad_lecture.errors import warn
from tinygrad_lecture.func.trees import map_leaves
from tinygrad_lecture.inspect.profile import Measured
from tinygrad_lecture.kernels.threads import pieces
from tinygrad_lecture.tensor_base import wrap

from ..errors import ExplainsArguments, as_parameters
from ..module import array_of, clear_grad, misfit
from .settings import Group, Limit, broken, make_group

Params: TypeAlias = Iterable[Any]  # of Tensors, of pairs (name, Tensor), or of groups of them
State: TypeAlias = dict[str, Any]  # of one parameter: tensors, numbers, and lists of them, by name
MACHINE = ("foreach", "fused", "capturable", "differentiable")  # PyTorch's settings for its kernels: no settings here


class Optimizer(ExplainsArguments, Measured):
    """Base class of all optimisers.

    - `params`: the parameters to train, of any shapes, also with their names as from `named_parameters()`; or groups of
      them: dicts with "params" and settings of their own, as in [{"params": head}, {"params": body, "lr": 1e-4}].
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
        """Update the parameters by their gradients, in place. Returns what the closure returns, if there is one.

        Raises NotImplementedError unless a class defines it.
        """
        raise NotImplementedError(f"{self._name} has no step; define step(self, closure=None) in its class")

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
        state = {
            number[p]: copied(self._needed(self.state[p], group))
            for group in self.param_groups
            for p in group["params"]
            if p in self.state
        }
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
            changed = {name: tuple(v) if isinstance(v, list) else v for name, v in saved.items() if name not in MACHINE}
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

    def _needed(self, state: State, group: Group) -> State:
        """Of the state of a parameter what `memory` names with these settings."""
        memory = self.memory(group)
        return state if memory is None else {name: state[name] for name in ("step", *memory) if name in state}

    def _all_parameters(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def __repr__(self) -> str:
        lines = [f"{self._name}("]
        for group in self.param_groups:
            hidden = ("params", "param_names")
            settings = ", ".join(f"{name}={value}" for name, value in group.items() if name not in hidden)
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
    """An `__init__` that takes PyTorch's settings for its kernels too. Raises NotImplementedError for two of them."""

    @wraps(init)
    def made(
        self: Any, *args: Any, foreach: Any = None, fused: Any = None, capturable: bool = False,
        differentiable: bool = False, **settings: Any,
    ) -> None:  # fmt: skip
        if capturable:
            reason = "there are no CUDA graphs here; leave it out"
            raise NotImplementedError(f"{self._name}: capturable=True is not here, since {reason}")
        if differentiable:
            reason = "a step is not recorded here; write the update with ops, as in w = w - lr * g"
            raise NotImplementedError(f"{self._name}: differentiable=True is not here, since {reason}")
        init(self, *args, **settings)

    return made
