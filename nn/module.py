"""Module: a part of a network, with the parameters it learns; and Parameter, a tensor that is learnt.

    class Neuron(nn.Module):
        def __init__(self, n):
            self.weight = nn.Parameter(tl.randn(n))
            self.bias = nn.Parameter(tl.zeros(1))

        def forward(self, x):                                   # (batch, n)
            return tl.sigmoid(x @ self.weight + self.bias)      # (batch,)

A module's attributes are its register: a Parameter among them is learnt, a Module is a child. They are ordinary
attributes, so using one costs nothing, and a subclass need not call `super().__init__()` (it may).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import is_array, move, to_host

from .errors.place import locate


class Parameter(Tensor):
    """A tensor that a module learns: it requires grad, and the module that has it as an attribute lists it.

    Copies its data. Raises TypeError for integers, unless requires_grad=False.
    """

    __slots__ = ()

    def __new__(cls, data: Any, requires_grad: bool = True) -> Parameter:
        made: Parameter = super().__new__(cls, data, requires_grad=requires_grad)  # type: ignore[assignment]
        return made

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class LoadedKeys(NamedTuple):
    """What `load_state_dict(strict=False)` has let pass."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def _no_forward(self: Module, *inputs: Any, **settings: Any) -> Any:
    raise NotImplementedError(f"{type(self).__name__} computes nothing: give its class a method forward(self, x)")


# (module, inputs, output) -> what to return in place of the output, None to leave it
ForwardHook: TypeAlias = "Callable[[Module, tuple[Any, ...], Any], Any]"


class Handle:
    """A hook's registration: `remove()` ends it, and so does leaving a `with` block."""

    def __init__(self, module: Module, hook: ForwardHook) -> None:
        self._module = module
        self._key = object()
        module._forward_hooks = {**module._forward_hooks, self._key: hook}

    def remove(self) -> None:
        """Take the hook away; if it is gone already, nothing happens."""
        hooks = self._module._forward_hooks
        self._module._forward_hooks = {key: hook for key, hook in hooks.items() if key is not self._key}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


class Module:
    """The base of all layers and networks. A subclass has a `forward`, and calling the module calls it."""

    training: bool = True
    _buffers: Mapping[str, bool] = {}  # the names of the buffers, and whether they are saved; replaced, never changed
    _forward_hooks: Mapping[object, ForwardHook] = {}  # replaced, never changed

    forward: Callable[..., Any] = _no_forward

    def __call__(self, *inputs: Any, **settings: Any) -> Any:
        try:
            output = self.forward(*inputs, **settings)
        except Exception as error:
            locate(error, self)
            raise
        if self._forward_hooks:
            for hook in self._forward_hooks.values():
                replacement = hook(self, inputs, output)
                output = output if replacement is None else replacement
        return output

    def register_forward_hook(self, hook: ForwardHook) -> Handle:
        """Have hook(module, inputs, output) called after each `forward`; what it returns, unless None, is the output.

        Returns a handle, whose `remove()` takes the hook away.
        """
        return Handle(self, hook)

    def __setattr__(self, name: str, value: Any) -> None:
        if type(value) is Tensor and isinstance(self.__dict__.get(name), Parameter):
            raise TypeError(
                f"{type(self).__name__}.{name} is a Parameter, and a Tensor in its place would not be learnt: assign "
                f"nn.Parameter(...), or change the values with {name}.copy_(...) under tl.no_grad()"
            )
        object.__setattr__(self, name, value)

    # --- what is in it ----------------------------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules right below this one, by the names of the attributes that hold them."""
        return ((name, value) for name, value in self.__dict__.items() if isinstance(value, Module))

    def children(self) -> Iterator[Module]:
        """The modules right below this one."""
        return (child for _, child in self.named_children())

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """This module and all below it, from the top down, by their dotted names; each once."""
        return self._descend(prefix, set() if remove_duplicate else None)

    def _descend(self, name: str, seen: set[Module] | None) -> Iterator[tuple[str, Module]]:
        if seen is not None:
            if self in seen:
                return
            seen.add(self)
        yield name, self
        for child_name, child in self.named_children():
            yield from child._descend(_join(name, child_name), seen)

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters by their dotted names; a shared one comes once, under its first name."""
        return self._members(Module._own_parameters, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once; with recurse=False without those of the modules below."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers by their dotted names; see `register_buffer`."""
        return self._members(Module._own_buffers, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _own_parameters(self) -> Iterator[tuple[str, Any]]:
        return ((name, value) for name, value in self.__dict__.items() if isinstance(value, Parameter))

    def _own_buffers(self) -> Iterator[tuple[str, Any]]:
        return ((name, self.__dict__[name]) for name in self._buffers if self.__dict__.get(name) is not None)

    def _members(
        self, own: Callable[[Module], Iterator[tuple[str, Any]]], prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[Tensor] = set()
        for module_name, module in self.named_modules(prefix, remove_duplicate) if recurse else [(prefix, self)]:
            for name, member in own(module):
                if member not in seen:
                    yield _join(module_name, name), member
                if remove_duplicate:
                    seen.add(member)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Hold a tensor that is state but not learnt: it moves along with `to()`, and is saved unless
        persistent=False.

        Raises ValueError for a name that is taken or has a dot, TypeError for what is no Tensor.
        """
        if not name or "." in name:
            raise ValueError(f"register_buffer: {name!r} cannot be a name; it must not be empty or have a dot in it")
        if name not in self._buffers and hasattr(self, name):
            raise ValueError(f"register_buffer: {type(self).__name__} already has an attribute {name!r}")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"register_buffer: {name} must be a Tensor or None, not {type(tensor).__name__}")
        self._buffers = {**self._buffers, name: persistent}
        setattr(self, name, tensor)

    # --- its state --------------------------------------------------------------------------------------

    def state_dict(self, prefix: str = "") -> dict[str, Tensor]:
        """All parameters and saved buffers under PyTorch's keys, each with `prefix` before it; memory is shared."""
        state: dict[str, Tensor] = {}
        for module_name, module in self.named_modules(remove_duplicate=False):
            for name, parameter in module._own_parameters():
                state[prefix + _join(module_name, name)] = parameter.detach()
            for name, buffer in module._own_buffers():
                if module._buffers[name]:
                    state[prefix + _join(module_name, name)] = buffer.detach()
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> LoadedKeys:
        """Copy Tensors or arrays into the parameters and buffers of their keys, which keep their dtype and device.

        With strict=False missing and unexpected keys are let pass and returned; what does not fit never passes, nor do
        two different arrays for a parameter that is shared under two keys.
        Raises ValueError that lists all that is wrong, and then nothing has been changed.
        """
        own = self.state_dict()
        missing = [key for key in own if key not in state_dict]
        unexpected = [key for key in state_dict if key not in own]
        arrays = {key: array_of(state_dict[key]) for key in own if key in state_dict}
        complaints = [complaint for key, array in arrays.items() if (complaint := _misfit(key, own[key], array))]
        complaints += _quarrels(own, arrays)
        if strict:
            complaints += [f"missing: {', '.join(missing)}"] if missing else []
            complaints += [f"unexpected: {', '.join(unexpected)}"] if unexpected else []
        if complaints:
            lines = "".join(f"\n  {complaint}" for complaint in complaints)
            raise ValueError(
                f"load_state_dict: these are not the weights of this {type(self).__name__}, which is unchanged{lines}"
            )
        for key, array in arrays.items():
            own[key].inplace()[...] = move(array, own[key].device)
        return LoadedKeys(missing, unexpected)

    # --- all of it at once ------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Switch this module and all below to training or, with mode=False, to evaluation. In place."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch to evaluation: `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Learn, or no longer learn, all parameters. In place."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; with set_to_none=False overwrite them with 0."""
        for parameter in self.parameters():
            clear_grad(parameter, set_to_none)

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call a function with every module below and then with this one, as for a special initialisation."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def to(self, *target: Any, dtype: Any = None, device: str | None = None) -> Self:
        """Move parameters, gradients and buffers, in place: to("cuda"), to(tl.float64), to(other_tensor).

        The dtype is for floats; buffers of integers keep theirs. Raises TypeError for a dtype that is no float.
        """
        for wish in target:
            if isinstance(wish, Tensor):
                dtype, device = wish.dtype, wish.device
            elif isinstance(wish, str) and wish not in np.sctypeDict:
                device = wish
            else:
                dtype = wish
        if dtype is not None and np.dtype(dtype).kind != "f":
            raise TypeError(f"{type(self).__name__}.to: parameters are floats, and cannot become {np.dtype(dtype)}")
        for tensor in (*self.parameters(), *self.buffers()):
            wanted = dtype if tensor.dtype.kind == "f" else None
            tensor.data = tensor.detach().to(dtype=wanted, device=device)
            if tensor.grad is not None:
                tensor.grad = tensor.grad.detach().to(dtype=wanted, device=device)
        return self

    def cuda(self, index: int | None = None) -> Self:
        """Move to the GPU. Raises RuntimeError without CuPy or a GPU."""
        return self.to(device="cuda" if index is None else f"cuda:{index}")

    def cpu(self) -> Self:
        """Move to the CPU."""
        return self.to(device="cpu")

    def double(self) -> Self:
        """Make all floats float64."""
        return self.to(dtype=np.float64)

    def float(self) -> Self:
        """Make all floats float32."""
        return self.to(dtype=np.float32)

    def half(self) -> Self:
        """Make all floats float16."""
        return self.to(dtype=np.float16)

    # --- how it is shown --------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What `repr` shows between the parentheses; a layer gives its sizes."""
        return ""

    def __repr__(self) -> str:
        name = type(self).__name__
        children = [f"({child}): {module!r}".replace("\n", "\n  ") for child, module in self.named_children()]
        if not children:
            return f"{name}({self.extra_repr()})"
        inner = [line for line in (self.extra_repr(), *children) if line]
        return "\n  ".join([f"{name}(", *inner]) + "\n)"


def clear_grad(tensor: Tensor, set_to_none: bool = True) -> None:
    """Forget a tensor's gradient, or overwrite it with 0."""
    if set_to_none or tensor.grad is None:
        tensor.grad = None
    else:
        tensor.grad.detach().zero_()


def _join(module: str, name: str) -> str:
    return f"{module}.{name}" if module else name


def array_of(value: Any) -> Any:
    """The array of a Tensor, of PyTorch's too, which NumPy reads; what is none stays as it is."""
    if isinstance(value, Tensor):
        return value.array
    if hasattr(value, "__array__") and not is_array(value):
        try:
            return np.asarray(value)
        except (TypeError, RuntimeError, ValueError):  # NumPy has no such dtype, or may not look at it
            return value
    return value


def _quarrels(own: Mapping[str, Tensor], arrays: Mapping[str, Any]) -> list[str]:
    """About keys of one shared tensor that are to get different numbers."""
    complaints: list[str] = []
    first: dict[int, str] = {}
    for key, array in arrays.items():
        twin = first.setdefault(id(own[key].array), key)
        if twin != key and is_array(array) and is_array(arrays[twin]) and array is not arrays[twin]:
            a, b = to_host(array), to_host(arrays[twin])
            if a.shape == b.shape and not np.array_equal(a, b):
                complaints.append(f"{twin} and {key} are one parameter here, and differ in what is to be loaded")
    return complaints


def _misfit(key: str, own: Tensor, array: Any) -> str | None:
    """Why an array cannot be copied into a tensor, None if it can."""
    if not is_array(array):
        kind = f"{type(array).__module__}.{type(array).__name__}".removeprefix("builtins.")
        unread = " that NumPy cannot read" if hasattr(array, "__array__") else ""
        return f"{key} is of type {kind}{unread}, wanted a Tensor or an array"
    if array.shape != own.shape:
        return f"{key} has shape {array.shape}, wanted {own.shape}"
    if not np.can_cast(array.dtype, own.dtype, "same_kind"):
        return f"{key} is {array.dtype}, which does not fit into {own.dtype}"
    return None
