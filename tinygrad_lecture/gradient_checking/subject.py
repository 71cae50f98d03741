"""`Subject`: the function and the inputs to check, prepared to be run again at nearby points."""

from __future__ import annotations

import functools
import inspect
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..autograd.core import Leaf
from ..backend import FLOAT64, Array, is_array, move, to_host
from ..errors import call_message, kind_of
from ..random import generator
from ..tensor import Tensor
from ..tensor_base import TENSORS, TensorBase, wrap
from .report import GradcheckError, index_text, sentence

said = functools.partial(sentence, tomllib.loads(Path(__file__).with_name("faults.toml").read_text("utf-8")))


class Subject:
    """A function and its inputs.

    args: all inputs.  checked: the positions of those whose gradients are checked.  xs: these as NumPy arrays, copied.
    input_names: a name or None for each input.  name: the function's.
    check: the name of the check, "gradcheck" or "gradgradcheck", with which messages begin.

    Raises TypeError or ValueError, saying what to do, for inputs that cannot be checked.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        inputs: Any,
        name: str | None = None,
        input_names: Sequence[str | None] | None = None,
        check: str = "gradcheck",
    ) -> None:
        self.fn, self.check = fn, check
        if is_array(inputs) or not isinstance(inputs, Iterable):
            raise TypeError(said("inputs", check=check, given=kind_of(inputs)))
        self.args: list[Any] = [inputs] if isinstance(inputs, TensorBase) else list(inputs)
        self.name = _name_of(fn) if name is None else name
        if not callable(fn):
            raise TypeError(f"{check}: the first argument must be the function to check, not {kind_of(fn)}")
        if self.args and (complaint := call_message(self.name, fn, self.args, {})):
            raise TypeError(said("arguments", check=check, complaint=complaint))
        self.input_names = names_of(fn, len(self.args)) if input_names is None else list(input_names)
        if len(self.input_names) != len(self.args):
            raise ValueError(f"{check}: {len(self.input_names)} input_names for {len(self.args)} inputs; give as many")
        self.checked = _positions_to_check(self.args, check)
        self.devices = [self.args[position].device for position in self.checked]
        self.on_host = {*self.devices} == {"cpu"}
        self.random = generator().bit_generator
        self.random_state = self.random.state
        self.xs: list[Array] = [self._checkable(i) for i in self.checked]

    def _checkable(self, position: int) -> Array:
        """A copy of an input as a NumPy array. Raises TypeError if it is not float64, ValueError if it is not finite.

        A broadcast view gets memory for each element, and a tensor given twice becomes two inputs.
        """
        array = np.array(to_host(self.args[position]._array), copy=True, order="K")
        if array.dtype != FLOAT64:
            raise TypeError(said("too-narrow", check=self.check, position=position, dtype=array.dtype))
        for index in map(tuple, np.argwhere(~np.isfinite(array)).tolist()):
            where = f"{array[index]} at element {index_text(index)}"
            raise ValueError(f"{self.check}: input {position} has {where}; inputs must be finite")
        return array

    def leaves(self, xs: Sequence[Array] | None = None) -> list[Tensor]:
        """The inputs to check, or others in their place, copied, as new leaf Tensors that require grad."""
        made, xs = [], self.xs if xs is None else xs
        for x in xs if self.on_host else self.moved(xs):
            tensor = wrap(np.array(x, copy=True, order="K") if self.on_host else x.copy())
            tensor._node = Leaf(tensor)
            made.append(tensor)
        return made

    def moved(self, xs: Sequence[Array]) -> Sequence[Array]:
        """Arrays of the host on the devices of the inputs to check."""
        return [move(x, device) for x, device in zip(xs, self.devices, strict=True)]

    def run(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The floating-point outputs for other values of the checked inputs.

        Every run draws the same numbers from the engine's random stream.
        Raises TypeError if fn returns anything but Tensors, no floats, or floats of less than 64 bits.
        """
        self.random.state = self.random_state
        given = dict(zip(self.checked, tensors, strict=True))
        returned = self.fn(*map(given.get, range(len(self.args)), self.args))
        outs = [returned] if isinstance(returned, TensorBase) else returned
        if not isinstance(outs, (tuple, list)) or not TENSORS.issuperset(map(type, outs)):
            remedy = "is a return missing?" if returned is None else "it must return a Tensor or a tuple of Tensors"
            raise TypeError(f"{self.check}: {self.name} returned {kind_of(returned)}; {remedy}")
        floats = []
        for out in outs:
            dtype = out._array.dtype
            if dtype.kind in "fc":
                floats.append(out)
                if dtype.itemsize < FLOAT64.itemsize:
                    few = "for float64 inputs, too few digits; look for a float32 constant or .float() inside"
                    raise TypeError(f"{self.check}: {self.name} returned {kind_of(returned)} {few}")
        if not floats:
            raise TypeError(f"{self.check}: {self.name} returned {kind_of(returned)}; only floats have gradients")
        return floats

    def values(self, xs: Sequence[Array]) -> Array:
        """The elements of all outputs at other inputs, one flat vector."""
        return flat(self.run(self.leaves(xs)))

    def called(self, k: int) -> str:
        """The k-th checked input as messages name it: "x (input 0)"."""
        position = self.checked[k]
        name = self.input_names[position]
        return f"input {position}" if name is None else f"{name} (input {position})"

    def fault(
        self, what: str, k: int | None = None, culprit: str | None = None, hint_text: str | None = None, **words: Any
    ) -> GradcheckError:
        """The error of a fault in faults.toml. words: what its sentence is filled in with."""
        words |= {"name": self.name, "check": self.check, "input": "" if k is None else self.called(k)}
        words["rule"] = f"a backward rule of {self.name}" if culprit is None else f"the backward rule of {culprit}"
        hint = what.partition(".")[0]
        facts = {"hint": hint, "hint_text": hint_text, "culprit": culprit, "shape": words.get("shape")}
        return self.failure(said(what, **words), k, **facts)

    def failure(self, message: str, k: int | None = None, **fields: Any) -> GradcheckError:
        """The error that the check has failed. k: the checked input that it is about.  fields: of GradcheckError."""
        if k is not None:
            position = self.checked[k]
            fields |= {"input_index": position, "input_name": self.input_names[position], "shape": self.xs[k].shape}
        return GradcheckError(f"{self.check}: {message}", fn_name=self.name, **fields)


def flat(outs: Sequence[TensorBase]) -> Array:
    """The elements of all outputs as one vector on the host."""
    parts = []
    for out in outs:
        array = out._array
        parts.append(np.ravel(array if type(array) is np.ndarray else to_host(array)))
    return np.concatenate(parts)


def _positions_to_check(args: Sequence[Any], check: str) -> list[int]:
    """The positions of the Tensors that require grad or, if none does, of all float Tensors."""
    tensors = [i for i, x in enumerate(args) if isinstance(x, TensorBase)]
    chosen = [i for i in tensors if args[i].requires_grad] or [i for i in tensors if args[i].dtype.kind == "f"]
    if chosen:
        return chosen
    if not args:
        raise ValueError(f"{check}: there are no inputs, so there is nothing to check")
    raise TypeError(said("no-floats", check=check, given=", ".join(kind_of(x) for x in args)))


def _name_of(fn: Any) -> str:
    if isinstance(fn, functools.partial):
        return _name_of(fn.func)
    name = str(getattr(fn, "__name__", type(fn).__name__))
    return "the function" if name == "<lambda>" else name


def names_of(fn: Any, count: int) -> list[str | None]:
    """The names of fn's first `count` parameters; None where its signature has none."""
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):
        return [None] * count
    names: list[str | None] = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}[{i}]" for i in range(count - len(names))]
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
    return (names + [None] * count)[:count]
