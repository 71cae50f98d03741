"""Stateful: a module's parameters and persistent buffers by PyTorch's keys, and loading them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinygrad_lecture import Tensor, TensorError
from tinygrad_lecture.backend import is_array, move, to_host
from tinygrad_lecture.errors import brief, hide_frames

from .tree import Tree, UninitializedBuffer, join


class LoadedKeys(NamedTuple):
    """Keys that `load_state_dict(strict=False)` skipped."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Stateful(Tree):
    """The part of a module that saves and loads its tensors."""

    state_kind: type[dict[str, Any]] = dict

    def state_dict(
        self, *, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """All parameters and persistent buffers by PyTorch's keys; they share memory with the module.

        destination: a dict to add them to.  prefix: what stands in front of each key.  keep_vars: the parameters
        themselves, with their gradients, instead of constants.
        """
        state = self.state_kind() if destination is None else destination
        for module_name, module in self.named_modules(remove_duplicate=False):
            saved = [(name, buffer) for name, buffer in module._own_buffers() if module._persistent[name]]
            for name, tensor in (*module._own_parameters(), *saved):
                state[prefix + join(module_name, name)] = tensor if keep_vars else tensor.detach()
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
            if isinstance(own[key], UninitializedBuffer) and array.shape != (0,):  # of a layer that waits too
                own[key].initialize(Tensor(array, dtype=own[key].dtype, device=own[key].device))
            elif assign and isinstance(state_dict[key], Tensor):
                own[key].data = state_dict[key].detach()
            else:
                own[key].inplace()[...] = move(array, own[key].device)
        return LoadedKeys(missing, unexpected)


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
    if array.shape != own.shape and not isinstance(own, UninitializedBuffer):
        return f"{key} has shape {array.shape}, wanted {own.shape}"
    if not np.can_cast(array.dtype, own.dtype, "same_kind"):
        return f"{key} has dtype {array.dtype}, which cannot be converted to {own.dtype}"
    return None
