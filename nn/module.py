"""Module, the base of layers and networks, and Parameter, a tensor that is trained.

    class Neuron(nn.Module):
        def __init__(self, n):
            self.weight = nn.Parameter(tl.randn(n))
            self.bias = nn.Parameter(tl.zeros(1))

        def forward(self, x):                                   # (batch, n)
            return tl.sigmoid(x @ self.weight + self.bias)      # (batch,)

A module finds its parameters and child modules among its attributes. They are ordinary attributes, so reading one has
no overhead, and a subclass may call `super().__init__()` but need not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np

from tinygrad_lecture import Tensor, TensorError, empty
from tinygrad_lecture.backend import is_array, move, to_host
from tinygrad_lecture.errors.users_line import hide_frames, warn
from tinygrad_lecture.errors.words import shown

from .errors.arguments import ExplainsArguments
from .errors.place import locate


class Parameter(Tensor):
    """A trainable tensor: it requires grad, and a module that has it as an attribute lists it in `parameters()`.

    Copies `data`. Raises TypeError for integers, unless requires_grad=False.
    """

    __slots__ = ()

    def __new__(cls, data: Any, requires_grad: bool = True) -> Parameter:
        made: Parameter = super().__new__(cls, data, requires_grad=requires_grad)  # type: ignore[assignment]
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        twin: Parameter = super().__deepcopy__(memo)  # type: ignore[assignment]
        twin.grad = None  # as in PyTorch: the gradient is that of another loss than the copy's next one
        return twin

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class LoadedKeys(NamedTuple):
    """Keys that `load_state_dict(strict=False)` skipped."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def _no_forward(self: Module, *inputs: Any, **settings: Any) -> Any:
    raise NotImplementedError(f"{type(self).__name__} has no forward; define forward(self, x) in its class")


# (module, inputs, output) -> a replacement of the output, or None to keep it
ForwardHook: TypeAlias = "Callable[[Module, tuple[Any, ...], Any], Any]"


class Handle:
    """A registered hook; `remove()`, or leaving a `with` block, removes it."""

    def __init__(self, module: Module, hook: ForwardHook) -> None:
        self._module = module
        self._key = object()
        module._forward_hooks = {**module._forward_hooks, self._key: hook}

    def remove(self) -> None:
        """Remove the hook; a second call does nothing."""
        hooks = self._module._forward_hooks
        self._module._forward_hooks = {key: hook for key, hook in hooks.items() if key is not self._key}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


class Module(ExplainsArguments):
    """Base class of layers and networks. A subclass defines `forward`; calling the module calls it."""

    training: bool = True
    _buffers: Mapping[str, bool] = {}  # name -> whether it is saved; replaced, never changed in place
    _forward_hooks: Mapping[object, ForwardHook] = {}  # replaced, never changed in place

    forward: Callable[..., Any] = _no_forward

    def __call__(self, *inputs: Any, **settings: Any) -> Any:
        try:
            output = self.forward(*inputs, **settings)
        except Exception as error:
            __tracebackhide__ = True  # see `hide_frames`
            locate(error, self)
            raise
        if self._forward_hooks:
            for hook in self._forward_hooks.values():
                replacement = hook(self, inputs, output)
                output = output if replacement is None else replacement
        return output

    def register_forward_hook(self, hook: ForwardHook) -> Handle:
        """Call hook(module, inputs, output) after each `forward`. If it returns a value, that replaces the output.

        Returns a handle with a method `remove()`.
        """
        return Handle(self, hook)

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
        if type(value) in (list, tuple) and any(isinstance(item, Module | Parameter) for item in value):
            warn(
                f"{type(self).__name__}.{name} is a {type(value).__name__}, in which a model does not find modules and "
                "parameters, so no optimiser trains them; write nn.ModuleList([...]) or nn.ParameterList([...])"
            )
        object.__setattr__(self, name, value)

    # --- children, parameters, buffers ------------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(attribute name, module) for each direct child."""
        return ((name, value) for name, value in self.__dict__.items() if isinstance(value, Module))

    def children(self) -> Iterator[Module]:
        """The direct children."""
        return (child for _, child in self.named_children())

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """(dotted name, module) for this module and all below it, parents first; a shared module once."""
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
        """(dotted name, parameter) for all parameters; a shared one once, under its first name."""
        return self._members(Module._own_parameters, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once; with recurse=False only this module's own."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """(dotted name, buffer) for all buffers; see `register_buffer`."""
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
        """Register a tensor that is state but not trained: `to()` moves it, `state_dict` has it if persistent.

        Raises ValueError for a name that is empty, has a dot or is another attribute's, TypeError unless `tensor` is a
        Tensor or None.
        """
        if not name or "." in name:
            raise ValueError(f"register_buffer: the name {name!r} must not be empty or have a dot")
        if name not in self._buffers and hasattr(self, name):
            raise ValueError(f"register_buffer: {type(self).__name__} already has an attribute {name!r}")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"register_buffer: {name} must be a Tensor or None, not {type(tensor).__name__}")
        self._buffers = {**self._buffers, name: persistent}
        setattr(self, name, tensor)

    # --- state ------------------------------------------------------------------------------------------

    def state_dict(self, prefix: str = "") -> dict[str, Tensor]:
        """All parameters and persistent buffers by PyTorch's keys, with `prefix` in front; they share memory."""
        state: dict[str, Tensor] = {}
        for module_name, module in self.named_modules(remove_duplicate=False):
            for name, parameter in module._own_parameters():
                state[prefix + _join(module_name, name)] = parameter.detach()
            for name, buffer in module._own_buffers():
                if module._buffers[name]:
                    state[prefix + _join(module_name, name)] = buffer.detach()
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> LoadedKeys:
        """Copy Tensors or arrays into the parameters and buffers with the same keys, which keep their dtype and device.

        Returns (missing keys, unexpected keys), which must be empty unless strict=False.
        Raises TypeError for anything but a dict; ValueError for wrong keys, shapes or dtypes, or two different arrays
        for one shared parameter. The error lists everything that is wrong; nothing is changed then.
        """
        check_state("load_state_dict", state_dict, "read the file first, with nn.weights.load_file")
        own = self.state_dict()
        missing = [key for key in own if key not in state_dict]
        unexpected = [key for key in state_dict if key not in own]
        arrays = {key: array_of(state_dict[key]) for key in own if key in state_dict}
        complaints = [complaint for key, array in arrays.items() if (complaint := _misfit(key, own[key], array))]
        complaints += _conflicts(own, arrays)
        if strict:
            complaints += [f"missing: {', '.join(missing)}"] if missing else []
            complaints += [f"unexpected: {', '.join(unexpected)}"] if unexpected else []
        if complaints:
            lines = "".join(f"\n  {complaint}" for complaint in complaints)
            raise TensorError(
                f"load_state_dict: the state does not fit this {type(self).__name__}, and nothing was changed{lines}"
            )
        for key, array in arrays.items():
            own[key].inplace()[...] = move(array, own[key].device)
        return LoadedKeys(missing, unexpected)

    # --- the whole module at once -----------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Set training mode, or with mode=False evaluation mode, in this module and all below. Returns self."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Set evaluation mode: `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Train all parameters or, with False, freeze them. Returns self."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradients of all parameters to None, or with set_to_none=False to 0."""
        for parameter in self.parameters():
            clear_grad(parameter, set_to_none)

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call function(module) for every module below and then for this one, as for initialisation. Returns self."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def to(self, *target: Any, dtype: Any = None, device: str | None = None) -> Self:
        """Move parameters, gradients and buffers, in place: to("cuda"), to(tl.float64), to(other_tensor). Returns self.

        Arguments are those of `Tensor.to`. Integer buffers keep their dtype. Raises TypeError for a dtype that is not
        a float, ValueError for an unknown device.
        """

        def moved(tensor: Tensor) -> Tensor:
            there = tensor.detach().to(*target, dtype=dtype, device=device)
            return there if tensor.dtype.kind == "f" else tensor.detach().to(device=there.device)

        wanted = moved(empty(0)).dtype
        if wanted.kind != "f":
            raise TypeError(f"{type(self).__name__}.to: the dtype must be a float such as tl.float32, not {wanted}")
        for tensor in (*self.parameters(), *self.buffers()):
            tensor.data = moved(tensor)
            if tensor.grad is not None:
                tensor.grad = moved(tensor.grad)
        return self

    def cuda(self, index: int | None = None) -> Self:
        """Move to the GPU. Raises RuntimeError without CuPy or a GPU."""
        return self.to(device="cuda" if index is None else f"cuda:{index}")

    def cpu(self) -> Self:
        """Move to the CPU."""
        return self.to(device="cpu")

    def double(self) -> Self:
        """Convert all floats to float64."""
        return self.to(dtype=np.float64)

    def float(self) -> Self:
        """Convert all floats to float32."""
        return self.to(dtype=np.float32)

    def half(self) -> Self:
        """Convert all floats to float16."""
        return self.to(dtype=np.float16)

    # --- repr -------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """Text that `repr` shows in the parentheses, such as a layer's sizes. A subclass defines it."""
        return ""

    def __repr__(self) -> str:
        name = type(self).__name__
        children = [f"({child}): {module!r}".replace("\n", "\n  ") for child, module in self.named_children()]
        if not children:
            return f"{name}({self.extra_repr()})"
        inner = [line for line in (self.extra_repr(), *children) if line]
        return "\n  ".join([f"{name}(", *inner]) + "\n)"


def check_state(name: str, state: Any, of_text: str) -> None:
    """Raises TypeError unless a state is a dict of tensors by name. of_text: what to do if it is a path."""
    if not isinstance(state, Mapping):
        remedy = of_text if isinstance(state, (str, Path)) else "write model.state_dict()"
        hide_frames()
        raise TypeError(f"{name}: the state must be a dict of tensors by name, not {shown(state)}; {remedy}")


def clear_grad(tensor: Tensor, set_to_none: bool = True) -> None:
    """Set a tensor's gradient to None, or with set_to_none=False to 0."""
    if set_to_none or tensor.grad is None:
        tensor.grad = None
    else:
        tensor.grad.detach().zero_()


def _join(module: str, name: str) -> str:
    return f"{module}.{name}" if module else name


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


def _misfit(key: str, own: Tensor, array: Any) -> str | None:
    """Why an array cannot be copied into a tensor; None if it can."""
    if not is_array(array):
        kind = f"{type(array).__module__}.{type(array).__name__}".removeprefix("builtins.")
        unread = " that NumPy cannot read" if hasattr(array, "__array__") else ""
        return f"{key} is of type {kind}{unread}, wanted a Tensor or an array"
    if array.shape != own.shape:
        return f"{key} has shape {array.shape}, wanted {own.shape}"
    if not np.can_cast(array.dtype, own.dtype, "same_kind"):
        return f"{key} has dtype {array.dtype}, which cannot be converted to {own.dtype}"
    return None
