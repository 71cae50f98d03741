"""Parameter, a tensor that is trained, and Tree: what a module holds by name, and how it is saved and loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from tinygrad_lecture import Tensor, TensorError, empty
from tinygrad_lecture.backend import is_array, move, to_host
from tinygrad_lecture.errors import brief, hide_frames, warn
from tinygrad_lecture.tensor_base import tensor_of

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
    _persistent: Mapping[str, bool] = {}  # name of a buffer -> whether it is saved; replaced, never changed in place

    def __setattr__(self, name: str, value: Any) -> None:
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
        """(attribute name, module) for each direct child."""
        return ((name, value) for name, value in self.__dict__.items() if isinstance(value, Tree))

    def children(self) -> Iterator[Any]:
        """The direct children."""
        return iter([value for value in self.__dict__.values() if isinstance(value, Tree)])

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Any]]:
        """(dotted name, module) for this module and all below it, parents first; a shared module once."""
        return self._descend(prefix, set() if remove_duplicate else None)

    def _descend(self, name: str, seen: set[Tree] | None) -> Iterator[tuple[str, Any]]:
        if seen is not None:
            if self in seen:
                return
            seen.add(self)
        yield name, self
        for child_name, child in self.named_children():
            yield from child._descend(join(name, child_name), seen)

    def modules(self) -> Iterator[Any]:
        """This module and all below it, parents first, each once."""
        return iter([module for _, module in self.named_modules()])  # now: a loop may set attributes

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter) for all parameters; a shared one once, under its first name."""
        return self._members(Tree._own_parameters, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once; with recurse=False only this module's own."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """(dotted name, buffer) for all buffers; see `register_buffer`."""
        return self._members(Tree._own_buffers, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _own_parameters(self) -> Iterator[tuple[str, Any]]:
        return ((name, value) for name, value in self.__dict__.items() if isinstance(value, Parameter))

    def _own_buffers(self) -> Iterator[tuple[str, Any]]:
        held = ((name, self.__dict__.get(name)) for name in self._persistent)
        return ((name, value) for name, value in held if value is not None and not isinstance(value, Parameter))

    def _members(
        self, own: Callable[[Tree], Iterator[tuple[str, Any]]], prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[Tensor] = set()
        for module_name, module in self.named_modules(prefix, remove_duplicate) if recurse else [(prefix, self)]:
            for name, member in own(module):
                if member not in seen:
                    yield join(module_name, name), member
                if remove_duplicate:
                    seen.add(member)

    @property
    def _modules(self) -> Mapping[str, Any]:
        """The direct children by name, to read: PyTorch's name for `named_children`."""
        return MappingProxyType(dict(self.named_children()))

    @property
    def _parameters(self) -> Mapping[str, Parameter]:
        """The own parameters by name, to read."""
        return MappingProxyType(dict(self._own_parameters()))

    # --- saved and loaded -------------------------------------------------------------------------------

    def state_dict(self, *, keep_vars: bool = False) -> dict[str, Any]:
        """All parameters and persistent buffers by PyTorch's keys; they share memory with the module.

        keep_vars: the parameters themselves, with their gradients, instead of constants.
        """
        state = self.state_kind()
        for module_name, module in self.named_modules(remove_duplicate=False):
            saved = [(name, buffer) for name, buffer in module._own_buffers() if module._persistent[name]]
            for name, tensor in (*module._own_parameters(), *saved):
                state[join(module_name, name)] = tensor if keep_vars else tensor.detach()
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> LoadedKeys:
        """Copy Tensors or arrays into the parameters and buffers with the same keys, which keep their dtype and device.

        strict: raise for keys that are missing or unexpected.  assign: take the given Tensors' memory, dtype and device
        instead of copying.
        Returns (missing keys, unexpected keys), which must be empty unless strict=False.
        Raises TypeError for anything but a dict; ValueError for wrong keys, shapes or dtypes, or two different arrays
        for one shared parameter. The error lists everything that is wrong; nothing is changed then.
        """
        check_state("load_state_dict", state_dict, "read the file first, with nn.weights.load_file")
        own = self.state_dict(keep_vars=True)
        missing = [key for key in own if key not in state_dict]
        unexpected = [key for key in state_dict if key not in own]
        arrays = {key: array_of(state_dict[key]) for key in own if key in state_dict}
        complaints = [complaint for key, array in arrays.items() if (complaint := misfit(key, own[key], array))]
        complaints += _conflicts(own, arrays)
        if strict:
            complaints += [f"missing: {', '.join(missing)}"] if missing else []
            complaints += [f"unexpected: {', '.join(unexpected)}"] if unexpected else []
        if complaints:
            lines = "".join(f"\n  {complaint}" for complaint in complaints)
            raise TensorError(f"load_state_dict: the state does not fit {type(self).__name__}; nothing changed{lines}")
        for key, array in arrays.items():
            if hasattr(own[key], "initialize") and array.shape != (0,):  # it waits for its layer's first input
                own[key].initialize(Tensor(array, dtype=own[key].dtype, device=own[key].device))
            elif assign and isinstance(state_dict[key], Tensor):
                own[key].data = state_dict[key].detach()
            else:
                own[key].inplace()[...] = move(array, own[key].device)
        return LoadedKeys(missing, unexpected)

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
        held = dict(module._own_parameters())
        if name not in held:
            known = ", ".join(held) or "none"
            hide_frames()
            raise AttributeError(f"get_parameter: {type(module).__name__} has no parameter {name!r}; it has {known}")
        return held[name]  # type: ignore[no-any-return]


def join(module: str, name: str) -> str:
    """The dotted name of something in a module."""
    return f"{module}.{name}" if module else name


# --- states -------------------------------------------------------------------------------------------------


def check_state(name: str, state: Any, of_text: str) -> None:
    """Raises TypeError unless a state is a dict of tensors by name. of_text: what to do if it is a path."""
    if not isinstance(state, Mapping):
        remedy = of_text if isinstance(state, (str, Path)) else "write model.state_dict()"
        hide_frames()
        raise TypeError(f"{name}: the state must be a dict of tensors by name, not {brief(state)}; {remedy}")


def array_of(value: Any) -> Any:
    """The array of a Tensor, or of an object that NumPy can read, such as PyTorch's; any other value unchanged."""
    if isinstance(value, Tensor):
        return value.array
    if hasattr(value, "__array__") and not is_array(value):
        try:
            return np.asarray(value)
        except (TypeError, RuntimeError, ValueError):  # NumPy lacks the dtype, or must not read the memory
            return value
    return value


def _conflicts(own: Mapping[str, Tensor], arrays: Mapping[str, Any]) -> list[str]:
    """A message for each key of a shared tensor that would get other numbers than an earlier key."""
    complaints: list[str] = []
    first: dict[int, str] = {}
    for key, array in arrays.items():
        twin = first.setdefault(own[key].data_ptr(), key)
        if twin != key and is_array(array) and is_array(arrays[twin]) and array is not arrays[twin]:
            a, b = to_host(array), to_host(arrays[twin])
            if a.shape == b.shape and not np.array_equal(a, b):
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
