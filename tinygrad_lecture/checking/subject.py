"""What gradcheck checks: a function and its inputs, made fit to be run again and again at nearby points."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..autograd.modes import set_grad_enabled
from ..backend import FLOAT64, Array, is_array, move, to_host
from ..random import get_rng_state, set_rng_state
from ..tensor import Tensor
from ..traced import Traced, wrap
from .report import place


class Subject:
    """A function and its inputs; `xs` are those to be checked, copied to the host, `checked` their positions.

    Raises TypeError or ValueError, with what to do, for inputs that cannot be checked.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        inputs: Any,
        name: str | None = None,
        input_names: Sequence[str | None] | None = None,
    ) -> None:
        self.fn = fn
        if is_array(inputs) or not isinstance(inputs, Iterable):
            given = "None" if inputs is None else _kind(inputs)
            raise TypeError(
                f"gradcheck: the inputs are a tensor or a tuple of them, not {given}; make one with tl.tensor(data, "
                "dtype=tl.float64)"
            )
        self.args: list[Any] = [inputs] if isinstance(inputs, Traced) else list(inputs)
        self.name = _name_of(fn) if name is None else name
        if self.args:
            _must_take(fn, self.name, len(self.args))
        self.input_names = names_of(fn, len(self.args)) if input_names is None else list(input_names)
        if len(self.input_names) != len(self.args):
            raise ValueError(f"gradcheck: {len(self.input_names)} input_names for {len(self.args)} inputs")
        self.checked = _choose(self.args)
        self.random_state = get_rng_state()
        # A broadcast view becomes an array with memory for each element, and a tensor given twice becomes two.
        self.xs: list[Array] = [np.array(self._checkable(i), copy=True, order="K") for i in self.checked]

    def _checkable(self, position: int) -> Array:
        array = to_host(self.args[position]._array)
        if array.dtype != FLOAT64:
            raise TypeError(
                f"gradcheck: input {position} is {array.dtype}, and differences need float64, since they lose half of "
                "the digits: make it with tl.tensor(data, dtype=tl.float64), or pass x.double()"
            )
        strange = np.argwhere(~np.isfinite(array))
        if len(strange):
            index = tuple(int(i) for i in strange[0])
            raise ValueError(
                f"gradcheck: input {position} has {array[index]} at element {place(index)}, where differences mean "
                "nothing; choose finite inputs"
            )
        return array

    def leaves(self) -> list[Tensor]:
        """The inputs to be checked as fresh Tensors that require grad."""
        return [self._tensor(x, i).requires_grad_() for x, i in zip(self.xs, self.checked, strict=True)]

    def _tensor(self, x: Array, position: int) -> Tensor:
        return wrap(move(np.array(x, copy=True, order="K"), self.args[position].device))  # type: ignore[no-any-return]

    def run(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The floating outputs. Each run draws the same numbers from the engine's random stream.

        Raises TypeError if there are none, or what fn returned is no Tensor or has fewer digits than float64.
        """
        args = list(self.args)
        for position, x in zip(self.checked, tensors, strict=True):
            args[position] = x
        set_rng_state(self.random_state)
        returned = self.fn(*args)
        outs = [returned] if isinstance(returned, Traced) else returned
        if not isinstance(outs, (tuple, list)) or not all(isinstance(out, Traced) for out in outs):
            raise TypeError(f"gradcheck: {self.name} returned {_kind(returned)}, not a Tensor or a tuple of Tensors")
        floats = [out for out in outs if out._array.dtype.kind in "fc"]
        if not floats:
            raise TypeError(f"gradcheck: {self.name} returned {_kind(returned)}; only floats have gradients")
        for out in floats:
            if out._array.dtype.itemsize < FLOAT64.itemsize:
                raise TypeError(
                    f"gradcheck: {self.name} returned {_kind(out)} for float64 inputs, which is too few digits for "
                    "differences; something inside of it is not float64"
                )
        return floats

    def values(self, xs: Sequence[Array]) -> Array:
        """All outputs at other inputs, as one flat vector. Records as in the check itself; complex inputs cannot."""
        tensors = [self._tensor(x, position) for x, position in zip(xs, self.checked, strict=True)]
        if any(x.dtype.kind == "c" for x in xs):
            return flat(self.run(tensors))
        with set_grad_enabled(True):
            return flat(self.run([x.requires_grad_() for x in tensors]))

    def called(self, k: int) -> str:
        """The k-th checked input, as a message names it: `x (input 0)`."""
        position = self.checked[k]
        name = self.input_names[position]
        return f"input {position}" if name is None else f"{name} (input {position})"


def flat(outs: Sequence[Traced]) -> Array:
    """The elements of all outputs as one vector on the host."""
    return np.concatenate([to_host(out._array).ravel() for out in outs])


def _must_take(fn: Any, name: str, count: int) -> None:
    """Raise TypeError unless a function can be called with so many inputs."""
    if not callable(fn):
        raise TypeError(
            f"gradcheck: the function to check comes first, and then its inputs; {_kind(fn)} is no function"
        )
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):  # of some built-in functions nothing is known
        return
    try:
        signature.bind(*[None] * count)
    except TypeError as error:
        takes, given = ", ".join(signature.parameters), f"{count} input" if count == 1 else f"{count} inputs"
        raise TypeError(
            f"gradcheck: {name}({takes}) cannot be called with {given} ({error}); put all of them in a tuple, as in "
            "gradcheck(f, (a, b)), and settings into a lambda"
        ) from None


def _choose(args: Sequence[Any]) -> list[int]:
    """The positions of the inputs to check."""
    tensors = [i for i, x in enumerate(args) if isinstance(x, Traced)]
    wanted = [i for i in tensors if args[i].requires_grad] or [i for i in tensors if args[i].dtype.kind == "f"]
    if wanted:
        return wanted
    if not args:
        raise ValueError("gradcheck: there are no inputs, so there is nothing to check")
    given = ", ".join(_kind(x) for x in args)
    raise TypeError(f"gradcheck: no input is a float tensor ({given}); make one with tl.tensor(data, dtype=tl.float64)")


def _kind(value: Any) -> str:
    """What a value is, in a few words."""
    if isinstance(value, Traced):
        return f"a tensor of {value._array.dtype}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {', '.join(_kind(v) for v in value) or 'nothing'}"
    if is_array(value):
        return f"an array of {value.dtype}"
    return "None (is a return missing?)" if value is None else f"a {type(value).__name__}"


def _name_of(fn: Any) -> str:
    if isinstance(fn, functools.partial):
        return _name_of(fn.func)
    name = str(getattr(fn, "__name__", type(fn).__name__))
    return "the function" if name == "<lambda>" else name


def names_of(fn: Any, count: int) -> list[str | None]:
    """The names that fn's signature has for its first inputs; None where it has none."""
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
