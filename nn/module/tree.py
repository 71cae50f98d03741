"""Parameter, a tensor that is trained, and Tree: what a module holds by name, and how it is saved and loaded.

A class may override what is asked here, as in PyTorch. What a method asks, of itself and of the modules below:

    train, eval             each child's `train`
    apply, repr             each child's method of that name
    to, float, cuda, ...    each child's `_apply`, not its `to`
    state_dict              its own `_save_to_state_dict` and `get_extra_state`, and each child's `state_dict`
    load_state_dict         each module's `_load_from_state_dict` and `set_extra_state`, not its `load_state_dict`
    children                `named_children`
    named_modules           each child's `named_modules`; modules, named_parameters and named_buffers ask it, too
    parameters, buffers     `named_parameters` and `named_buffers` of itself; the children's are not asked
    zero_grad, requires_grad_, optimisers   `parameters` of itself; the children's methods are not asked
    get_submodule, get_parameter            nobody: they follow the names
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from tinygrad_lecture import Tensor, TensorError, empty
from tinygrad_lecture.backend import is_array, move, to_host
from tinygrad_lecture.errors import brief, hide_frames, warn
from tinygrad_lecture.tensor_base import tensor_of
from tinygrad_lecture.weights import array_of, check_state

from ..errors import ExplainsArguments


class Parameter(Tensor):
    """A trainable tensor: it requires grad, and a module that has it as an attribute lists it in `parameters()`.

    Copies `data`. Raises TypeError for integers, unless requires_grad=False.
    """

    __slots__ = ()

    def __new__(cls, data: Any, requires_grad: bool = True) -> Parameter:
        data = data.detach() if isinstance(data, Tensor) else data  # a leaf of its own
        made: Parameter = super().__new__(cls, data, requires_grad=requires_grad)  # type: ignore[assignment]
        return made

    @classmethod
    def empty(cls, *size: Any, dtype: Any = None, device: str | None = None) -> Parameter:
        """A Parameter of uninitialised memory, as `tl.empty` has it. Nothing is copied: no memory is touched."""
        made: Parameter = tensor_of(cls, empty(*size, dtype=dtype, device=device)._array)
        made.requires_grad_()
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        twin: Parameter = super().__deepcopy__(memo)
        twin.grad = None  # as in PyTorch: the gradient is that of another loss than the copy's next one
        return twin

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """A tensor that is state but not trained: `self.mean = nn.Buffer(tl.zeros(3))` registers it, as `register_buffer`.

    Shares the memory of `data`.  persistent: whether `state_dict` has it.
    """

    persistent: bool

    def __new__(cls, data: Tensor, *, persistent: bool = True) -> Buffer:
        made: Buffer = tensor_of(cls, data._array)
        made.persistent = persistent
        return made


def clear_grad(tensor: Tensor, set_to_none: bool = True) -> None:
    """Set a tensor's gradient to None, or with set_to_none=False to 0."""
    if set_to_none or tensor.grad is None:
        tensor.grad = None
    else:
        tensor.grad.detach().zero_()


class LoadedKeys(NamedTuple):
    """Keys that `load_state_dict(strict=False)` skipped."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Tree(ExplainsArguments):
    """The part of a module that knows what it holds. Children, parameters and buffers are ordinary attributes."""

    state_kind: type[dict[str, Any]] = dict  # of a state_dict
    get_extra_state: Callable[[], Any] | None = None  # what a class saves beside its tensors, if it defines both
    set_extra_state: Callable[[Any], None] | None = None
    _persistent: Mapping[str, bool] = {}  # name of a buffer -> whether it is saved; replaced, never changed in place

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Buffer):
            self._persistent = {**self._persistent, name: value.persistent}
        if type(value) is Tensor and isinstance(self.__dict__.get(name), Parameter):
            raise TypeError(
                f"{type(self).__name__}.{name} is a Parameter, and a Tensor would not be trained; assign "
                f"nn.Parameter(...), or change the values with {name}.copy_(...) under tl.no_grad()"
            )
        if type(value) is Tensor and value.requires_grad and value.is_leaf:
            warn(
                f"{type(self).__name__}.{name} requires grad but is no nn.Parameter, so the model does not list it in "
                "parameters() and no optimiser trains it; assign nn.Parameter(...)"
            )
        if type(value) in (list, tuple) and any(isinstance(item, Tree | Parameter) for item in value):
            warn(
                f"{type(self).__name__}.{name} is a {type(value).__name__}, in which a model does not find modules and "
                "parameters, so no optimiser trains them; write nn.ModuleList([...]) or nn.ParameterList([...])"
            )
        object.__setattr__(self, name, value)

    # --- registering ------------------------------------------------------------------------------------

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Register a tensor that is state but not trained: `to()` moves it, `state_dict` has it if persistent.

        Raises ValueError for a name that is empty, has a dot or is another attribute's, TypeError unless `tensor` is a
        Tensor or None.
        """
        self._check_member("register_buffer", name, tensor, Tensor, self._persistent)
        self._persistent = {**self._persistent, name: persistent}
        setattr(self, name, tensor)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Register a parameter under a name, `self.name = param`; None for one that this module goes without.

        Raises as `register_buffer` does, TypeError unless `param` is a Parameter or None.
        """
        self._check_member("register_parameter", name, param, Parameter, self._parameters)
        setattr(self, name, param)

    def add_module(self, name: str, module: Any) -> None:
        """Register a child module under a name, `self.name = module`, or None. Raises as `register_buffer` does."""
        self._check_member("add_module", name, module, Tree, self._modules)
        setattr(self, name, module)

    def _check_member(self, function: str, name: str, value: Any, kind: type, known: Mapping[str, Any]) -> None:
        if value is not None and not isinstance(value, kind):
            wanted = "Module" if kind is Tree else kind.__name__
            raise TypeError(f"{function}: {name} must be a {wanted} or None, not {brief(value)}")
        if not name or "." in name:
            raise ValueError(f"{function}: the name {name!r} must not be empty or have a dot")
        if name not in known and getattr(self, name, None) is not None:
            raise ValueError(f"{function}: {type(self).__name__} already has an attribute {name!r}")

    # --- children, parameters, buffers ------------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """(attribute name, module) for each direct child; one with two names once, under the first."""
        first: dict[Any, str] = {}
        for name, child in self._modules.items():
            first.setdefault(child, name)
        return ((name, child) for child, name in first.items())

    def children(self) -> Iterator[Any]:
        """The direct children, each once."""
        return iter([child for _, child in self.named_children()])  # now: a loop may set attributes

    def named_modules(self, memo: Any = None, prefix: str = "", remove_duplicate: bool = True) -> Iterator[Any]:
        """(dotted name, module) for this module and all below it, parents first; a shared module once.

        memo: a set of modules to leave out, to which those that are listed are added.  prefix: the name of this module.
        """
        memo = set() if memo is None else memo
        if self not in memo:
            if remove_duplicate:
                memo.add(self)
            yield prefix, self
            for name, child in self._modules.items():
                yield from child.named_modules(memo, join(prefix, name), remove_duplicate)

    def modules(self) -> Iterator[Any]:
        """This module and all below it, parents first, each once."""
        return iter([module for _, module in self.named_modules()])

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter) for all parameters; a shared one once, under its first name."""
        return self._members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once; with recurse=False only this module's own."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """(dotted name, buffer) for all buffers; see `register_buffer`."""
        return self._members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _members(self, kind: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[Tensor] = set()
        for module_name, module in self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]:
            for name, member in getattr(module, kind).items():
                if member not in seen:
                    yield join(module_name, name), member
                if remove_duplicate:
                    seen.add(member)

    @property
    def _modules(self) -> Mapping[str, Any]:
        """The direct children by all of their names, to read."""
        return MappingProxyType(self._held(Tree))

    @property
    def _parameters(self) -> Mapping[str, Parameter]:
        """The own parameters by name, to read."""
        return MappingProxyType(self._held(Parameter))

    @property
    def _buffers(self) -> Mapping[str, Tensor]:
        """The own buffers by name, to read."""
        held = {name: self.__dict__.get(name) for name in self._persistent}
        return MappingProxyType({name: x for name, x in held.items() if x is not None and not isinstance(x, Parameter)})

    def _held(self, kind: Any) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if isinstance(value, kind)}

    # --- saved and loaded -------------------------------------------------------------------------------

    def state_dict(self, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> dict[str, Any]:
        """All parameters and persistent buffers by PyTorch's keys; they share memory with the module.

        keep_vars: the parameters themselves, with their gradients, instead of constants.
        destination, prefix: the dict that gets them, and what their keys begin with, as each child is told.
        """
        state: dict[str, Any] = self.state_kind() if destination is None else destination
        self._save_to_state_dict(state, prefix, keep_vars)
        for name, child in self._modules.items():
            child.state_dict(destination=state, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        return state

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        """Put what is this module's own, not its children's, into a state."""
        for key, tensor in self._own_state(prefix).items():
            destination[key] = tensor if keep_vars else tensor.detach()
        if self.get_extra_state is not None:
            destination[f"{prefix}_extra_state"] = self.get_extra_state()

    def _own_state(self, prefix: str) -> dict[str, Any]:
        """The own parameters and persistent buffers by key."""
        own = (*self._parameters.items(), *self._buffers.items())
        return {prefix + name: x for name, x in own if isinstance(x, Parameter) or self._persistent[name]}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> LoadedKeys:
        """Copy Tensors or arrays into the parameters and buffers with the same keys, which keep their dtype and device.

        strict: raise for keys that are missing or unexpected.  assign: take the given Tensors' memory, dtype and device
        instead of copying.
        Returns (missing keys, unexpected keys), which must be empty unless strict=False.
        Raises TypeError for anything but a dict; ValueError for wrong keys, shapes or dtypes, or two different arrays
        for one shared parameter. The error lists everything that is wrong; nothing is changed then, except in modules
        that have a `_load_from_state_dict` of their own, which load at once.
        """
        check_state("load_state_dict", state_dict, "read the file first, with nn.weights.load_file")
        lists: tuple[list[str], list[str], list[str]] = ([], [], [])
        missing, unexpected, complaints = lists
        found: list[Found] = []

        def load(module: Tree, state: dict[str, Any], prefix: str) -> None:
            later = {"found": found} if module._loads_plainly() else {}
            module._load_from_state_dict(state, prefix, {"assign_to_params_buffers": assign, **later}, True, *lists)
            for name, child in module._modules.items():
                below = f"{prefix}{name}."
                load(child, {key: value for key, value in state.items() if key.startswith(below)}, below)

        load(self, {str(key): value for key, value in state_dict.items()}, "")
        complaints += _conflicts(found)
        complaints += [f"missing: {', '.join(missing)}"] if missing and strict else []
        complaints += [f"unexpected: {', '.join(unexpected)}"] if unexpected and strict else []
        if complaints:
            unchanged = "; nothing changed" if all(module._loads_plainly() for module in self.modules()) else ""
            lines = "".join(f"\n  {complaint}" for complaint in complaints)
            raise TensorError(f"load_state_dict: the state does not fit {type(self).__name__}{unchanged}{lines}")
        _take(found, assign)
        return LoadedKeys(missing, unexpected)

    def _loads_plainly(self) -> bool:
        return type(self)._load_from_state_dict is Tree._load_from_state_dict

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: Mapping[str, Any], strict: bool,
        missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:  # fmt: skip
        """Load what is this module's own, not its children's, from a state whose keys begin with a prefix.

        An override may change the state first, as to rename old keys; the children get what is in it then.
        strict: whether to list missing and unexpected keys.  error_msgs: gets a sentence for each that does not fit.
        """
        own, below = self._own_state(prefix), tuple(f"{prefix}{name}." for name in self._modules)
        if self.set_extra_state is not None:
            own[f"{prefix}_extra_state"] = self.set_extra_state
        if strict:
            missing_keys += [key for key in own if key not in state_dict]
            mine = (key for key in state_dict if key.startswith(prefix) and not key.startswith(below))
            unexpected_keys += [key for key in mine if key not in own]
        found = []
        for key, target in own.items():
            value = state_dict.get(key)
            if isinstance(target, Tensor) and key in state_dict and (complaint := misfit(key, target, array_of(value))):
                error_msgs.append(complaint)
            elif key in state_dict:
                found.append((key, target, value))
        if "found" in local_metadata:  # the whole state is looked through first
            local_metadata["found"].extend(found)
        else:
            _take(found, local_metadata.get("assign_to_params_buffers", False))

    # --- by name ----------------------------------------------------------------------------------------

    def get_submodule(self, target: str) -> Any:
        """The module with a dotted name, as "encoder.0"; "" is this one. Raises AttributeError for an unknown name."""
        module: Any = self
        for position, name in enumerate(parts := target.split(".") if target else []):
            held = vars(module).get(name)
            if not isinstance(held, Tree):
                where = type(self).__name__ + "".join(f".{part}" for part in parts[:position])
                known = ", ".join(module._modules) or "none"
                hide_frames()
                raise AttributeError(f"get_submodule: {where} has no module {name!r}; its modules are {known}")
            module = held
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with a dotted name, such as "encoder.0.weight". Raises AttributeError if there is none."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if name not in module._parameters:
            known = ", ".join(module._parameters) or "none"
            hide_frames()
            raise AttributeError(f"get_parameter: {type(module).__name__} has no parameter {name!r}; it has {known}")
        return module._parameters[name]  # type: ignore[no-any-return]


def join(module: str, name: str) -> str:
    """The dotted name of something in a module."""
    return f"{module}.{name}" if module else name


# --- states -------------------------------------------------------------------------------------------------


Found: TypeAlias = tuple[str, Any, Any]  # a key, the tensor or setter that gets its value, and the value


def _take(found: list[Found], assign: bool) -> None:
    """Copy values into what gets them or, with assign, let it take over their memory."""
    for _, own, value in found:
        array = array_of(value)
        if not isinstance(own, Tensor):
            own(value)
        elif hasattr(own, "initialize") and array.shape != (0,):  # it waits for its layer's first input
            own.initialize(Tensor(array, dtype=own.dtype, device=own.device))
        elif assign and isinstance(value, Tensor):
            own.data = value.detach()
        else:
            own.inplace()[...] = move(array, own.device)


def _conflicts(found: list[Found]) -> list[str]:
    """A message for each key of a shared tensor that would get other numbers than an earlier key."""
    complaints: list[str] = []
    first: dict[Any, tuple[str, Any]] = {}
    for key, own, value in found:
        twin, other = first.setdefault(own.data_ptr() if isinstance(own, Tensor) else key, (key, value))
        if value is not other and not np.array_equal(to_host(array_of(value)), to_host(array_of(other))):
            complaints.append(f"{twin} and {key} are one shared parameter, but have different values in the state")
    return complaints


def misfit(key: str, own: Tensor, array: Any) -> str | None:
    """Why an array cannot be copied into a tensor; None if it can."""
    if not is_array(array):
        kind = f"{type(array).__module__}.{type(array).__name__}".removeprefix("builtins.")
        unread = " that NumPy cannot read" if hasattr(array, "__array__") else ""
        return f"{key} is of type {kind}{unread}, wanted a Tensor or an array"
    if array.shape != own.shape and not hasattr(own, "initialize"):
        return f"{key} has shape {array.shape}, wanted {own.shape}"
    if not np.can_cast(array.dtype, own.dtype, "same_kind"):
        return f"{key} has dtype {array.dtype}, which cannot be converted to {own.dtype}"
    return None
