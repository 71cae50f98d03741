"""Optimizer, the base of all optimisers: parameter groups with settings, state per parameter, the step.

    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    optimizer.zero_grad()
    loss(model(x), y).backward()
    optimizer.step()

A subclass declares its settings, and defines the update in `rule`; what it keeps between steps is in `memory`:

    class Signs(nn.optim.Optimizer):
        lr: float = 0.1

        def rule(self, group, t, number):
            lr = number(group["lr"])

            def update(p, g):                   # arrays: the parameter and its gradient
                p -= lr * xp(g).sign(g)

            return update

So it is called as Signs(params, lr=0.1), and takes `maximize` too. Or it has its own `__init__` and `step`, as in
PyTorch, and keeps what it needs in the dict `self.state[p]`.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from inspect import Parameter
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from tinygrad_lecture import Tensor, enable_grad
from tinygrad_lecture.autograd.versions import announce_write
from tinygrad_lecture.backend import Array, xp
from tinygrad_lecture.errors import hide_frames, warn
from tinygrad_lecture.func.trees import map_leaves
from tinygrad_lecture.inspect.profile import Measured
from tinygrad_lecture.kernels.threads import in_pieces
from tinygrad_lecture.tensor_base import wrap

from ..errors import as_parameters
from ..module import clear_grad
from .settings import IGNORED, Declared, Group, Limit, State, broken, make_group, misfits, not_negative, placed

Params: TypeAlias = Iterable[Any]  # of Tensors, of pairs (name, Tensor), or of groups of them
Number: TypeAlias = Callable[[float], Any]
Update: TypeAlias = Callable[..., None]


class Optimizer(Declared, Measured):
    """Base class of all optimisers.

    - `params`: the parameters to train, also with their names as from `named_parameters()`; or groups of them: dicts
      with "params" and settings of their own, as in [{"params": head}, {"params": body, "lr": 1e-4}].
    - `defaults`: the settings by name, for groups that do not set them.

    With maximize=True a step uses -g in place of the gradient g, and climbs. PyTorch's arguments foreach and fused are
    accepted by all optimisers and change nothing.
    State is kept on the parameters' device: move a model first, then make its optimiser.
    Raises ValueError for no parameters, one given twice, one that is not a float leaf, or invalid settings; TypeError
    for a parameter that is not a Tensor. Warns of a setting that looks misspelt.
    """

    if TYPE_CHECKING:  # the arguments that a subclass has beside its settings
        params: Params
        maximize: bool = field(default=False, kw_only=True)

    _first, _in_groups = "params", True
    _last = tuple(
        Parameter(name, Parameter.KEYWORD_ONLY, default=default)
        for name, default in {"maximize": False, **{name: default for name, (default, _) in IGNORED.items()}}.items()
    )
    limits: ClassVar[dict[str, Limit]] = dict.fromkeys(("lr", "weight_decay", "eps"), not_negative)
    zeros: ClassVar[tuple[str, ...]] = ()  # the names of arrays to keep that begin with 0
    decoupled: ClassVar[bool] = False  # whether weight decay acts on the parameter directly, not through its gradient
    by_parameter: ClassVar[bool] = True  # whether a step looks at one parameter at a time
    measured: ClassVar[tuple[str, ...]] = ("step", "zero_grad")
    stepped = False  # whether `step` was called

    def __init_subclass__(cls, **options: Any) -> None:
        if "step" in vars(cls):
            cls.stepped = True  # nobody sees whether it is called
        super().__init_subclass__(**options)

    def initialise(self, first: Params, settings: Group) -> None:
        for name, (_, reason) in IGNORED.items():
            if settings.pop(name, None) and reason is not None:
                hide_frames()
                raise NotImplementedError(f"{self._name}: {name}=True is not here, since {reason}")
        Optimizer.__init__(self, first, settings)

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        hide_frames()  # should something below raise
        self.defaults = defaults
        self.param_groups: list[Group] = []
        # parameter -> {"step": number of its steps, name: Tensor, ...}, or what a subclass puts there
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        given = as_parameters(self._name, params)
        if not given:
            raise ValueError(
                f"{self._name}: params is empty, so there is nothing to optimise: a model finds each nn.Parameter and "
                "module in its attributes and in nn.ModuleList, not in plain lists; parameters() can be read only once"
            )
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a parameter group {"params": [...], "lr": ..., ...}; settings that it lacks are the defaults.

        Raises ValueError for invalid settings, and for parameters that the optimiser has already.
        """
        group = make_group(self._name, param_group, self.defaults, self._all_parameters())
        complaints = list(self.complaints(group))
        if complaints:
            raise ValueError(f"{self._name}: {'; '.join(complaints)}")
        self.param_groups.append(group)

    def __setattr__(self, name: str, value: Any) -> None:
        if self._declares and name in self.settings:
            getattr(self, name)  # raises, and says where settings are
        object.__setattr__(self, name, value)

    # --- for subclasses ---------------------------------------------------------------------------------

    def complaints(self, group: Group) -> Iterator[str]:
        """Messages about invalid settings of a group; a subclass adds its own `limits`, or messages."""
        return broken(group, self.limits) if self.settings or self._has_rule else iter(())

    def memory(self, group: Group) -> Mapping[str, float]:
        """The arrays to keep for each parameter, name -> initial value of all elements: 0 for those in `zeros`."""
        return dict.fromkeys(self.zeros, 0.0)

    def numbers(self, group: Group) -> Mapping[str, float]:
        """The numbers to keep for each parameter: name -> initial value. `rule` finds and changes them in its group."""
        return {}

    def rule(self, group: Group, t: int, number: Number) -> Update:
        """The update of a group's parameters at their t-th step (from 1): a function update(p, g, *memory).

        It gets arrays: the parameter p and those of `memory`, which it changes in place, and the gradient g, which it
        must not change. Large arrays come in pieces, so the update must be elementwise. The settings "maximize" and
        "weight_decay" are not its business: g has them already.

        `number` converts a Python number to the arrays' dtype, which halves the time of a multiplication. Compute with
        settings first, in full precision, and convert the result. Raises NotImplementedError unless a class defines it.
        """
        raise NotImplementedError(f"{self._name} has no rule; define rule(self, group, t, number) in its class")

    def whole_rule(self, group: Group, t: int, number: Number) -> Update:
        """The `rule`, after g ← -g to maximize, and weight decay: g ← g + λ·p or, decoupled, p ← (1 - lr·λ)·p.

        The update that is returned takes whole arrays, and gives the rule large ones in pieces.
        """
        update, maximize, decay = self.rule(group, t, number), group.get("maximize"), group.get("weight_decay")
        if not (maximize or decay):
            return functools.partial(in_pieces, update, read=(1,))
        decoupled = self.decoupled or group.get("decoupled_weight_decay")
        pull, keep = number(decay or 0), number(1 - group["lr"] * (decay or 0))

        def whole(p: Array, g: Array, *memory: Array) -> None:
            if maximize:
                g = -g
            if decay and decoupled:
                p *= keep
            elif decay:
                g = g + pull * p
            update(p, g, *memory)

        return functools.partial(in_pieces, whole, read=(1,))

    @property
    def _has_rule(self) -> bool:
        return type(self).rule is not Optimizer.rule

    # --- training ---------------------------------------------------------------------------------------

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradients of all parameters to None, or with set_to_none=False to 0."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p._grad = None
                else:
                    clear_grad(p, set_to_none=False)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient, in place. Warns if none has one, and none ever had.

        closure: called first; it computes the loss again, with its gradients, and returns it. So does this method.
        """
        if not self.stepped:
            self.stepped = True
        loss = None if closure is None else enable_grad()(closure)()
        if not self.state and all(p.grad is None for p in self._all_parameters()):
            warn(f"{self._name}.step: no parameter has a gradient, so none changes; call loss.backward() first")
        for group in self.param_groups:
            names, numbers = self.memory(group), self.numbers(group)
            kept = {**names, **numbers} if numbers else names
            made_for: Any = None
            trained = [p for p in group["params"] if p._grad is not None]
            announce_write(*(p._array for p in trained))
            for p in trained:
                state = self.state.get(p)
                if not state or (kept and not kept.keys() <= state.keys()):
                    state = self._ensure_state(p, names, numbers)
                state["step"] = t = state["step"] + 1
                array = p._array
                held = [state[name]._array for name in names] if names else ()
                needed = t, array.dtype, type(array)
                if numbers:
                    own = {**group, **{name: state[name] for name in numbers}}
                    update = self.whole_rule(own, t, _number(array))
                    state.update({name: own[name] for name in numbers})
                elif made_for != needed:  # else the previous parameter's update fits this one too
                    made_for, update = needed, self.whole_rule(group, t, _number(array))
                update(array, p._grad._array, *held)
        return loss

    def _ensure_state(self, p: Tensor, names: Mapping[str, float], numbers: Mapping[str, float]) -> dict[str, Any]:
        """The state of a parameter, after adding the arrays and numbers that it lacks."""
        if p.grad is not None and p.grad.shape != p.shape:
            raise ValueError(f"{self._name}: a parameter of shape {p.shape} has a gradient of shape {p.grad.shape}")
        state = self.state[p]
        for name, value in {"step": 0, **numbers}.items():
            state.setdefault(name, value)
        for name, value in names.items():
            if name not in state:
                state[name] = wrap(xp(p.array).full_like(p.array, value))
        return state

    # --- saving -----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """A copy of the state and settings, in PyTorch's layout. Parameters are numbered:

            {"state": {0: {"step": int, name: Tensor, ...}, ...},
             "param_groups": [{"lr": ..., "params": [0, ...]}, ...]}

        Tensors share no memory with the optimiser.
        """
        number = {p: i for i, p in enumerate(self._all_parameters())}
        copied = functools.partial(map_leaves, lambda x: x.detach().clone() if isinstance(x, Tensor) else x)
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
            changed = {name: tuple(v) if isinstance(v, list) else v for name, v in saved.items() if name not in IGNORED}
            settings.append(new := {**own, **changed, "params": own["params"]})
            complaints += [f"group {index}: {complaint}" for complaint in self.complaints(new)]
            for i, p in zip(map(int, saved["params"]), own["params"], strict=True):
                if not (held := state.pop(i, {})):
                    continue
                if self._has_rule:
                    arrays, numbers = self.memory(new), self.numbers(new)
                    held = {name: value for name, value in held.items() if value is not None}
                    problems = [f"parameter {i}: {complaint}" for complaint in misfits(p, held, arrays, numbers)]
                    complaints += problems
                    if not problems:  # PyTorch's SGD saves no "step"
                        held |= {"step": int(held.get("step", 1)), **{name: float(held[name]) for name in numbers}}
                loaded[p] = held
        if state:
            complaints.append(f"there is state for parameters in no group: {', '.join(map(str, state))}")
        if complaints:
            lines = "".join(f"\n  {complaint}" for complaint in complaints)
            raise ValueError(
                f"load_state_dict: the state does not fit this {self._name}, and nothing was changed{lines}"
            )
        self.state = defaultdict(dict, {p: placed(p, held) for p, held in loaded.items()})
        for own, new in zip(self.param_groups, settings, strict=True):
            own.update(new)

    def _needed(self, state: State, group: Group) -> State:
        """Of the state of a parameter what a rule needs with these settings; all, if there is no rule."""
        if not self._has_rule:
            return state
        names = ("step", *self.memory(group), *self.numbers(group))
        return {name: state[name] for name in names if name in state}

    def _all_parameters(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def __repr__(self) -> str:
        lines = [f"{self._name}("]
        for group in self.param_groups:
            hidden = ("params", "param_names")
            settings = ", ".join(f"{name}={value}" for name, value in group.items() if name not in hidden)
            lines.append(f"  {sum(p.numel() for p in group['params']):,} parameters: {settings}")
        return "\n".join([*lines, ")"])


def _number(like: Array) -> Number:
    """A function that converts Python numbers for arithmetic with `like`; for NumPy to 0-d arrays of its dtype."""
    if xp(like) is not np:
        return float
    dtype = like.dtype
    return lambda value: np.array(value, dtype)
