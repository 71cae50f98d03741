"""Layers, losses and functions of torch.nn that nn leaves out, or that take more there, composed of ops."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from inspect import signature
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, empty
from tinygrad_lecture.backend import to_host
from tinygrad_lecture.errors import TensorError, warn

from .. import activation, functional as F, init, loss
from ..errors import check_tensor, of_tensors
from ..layers import images, normalization
from ..linear import Linear
from ..loss import Loss
from ..module import Module, Parameter


def _along_dim(name: str, function: Callable[[Tensor, int], Tensor]) -> Callable[..., Any]:
    """A softmax that converts to a dtype first, and takes PyTorch's old default of `dim`, with a warning."""

    def called(input: Tensor, dim: int | None = None, *, _stacklevel: int = 3, dtype: Any = None) -> Any:
        if dim is None:
            dim = 0 if input.ndim in (0, 1, 3) else 1
            warn(f"{name}: dim is not given: axis {dim} is taken, as in PyTorch; write dim={dim}, or -1 for the last")
        return function(input if dtype is None else input.to(dtype), dim)

    called.__name__ = name
    called.__doc__ = f"F.{name} along an axis; without `dim` along the one that old programs mean, with a warning."
    return called


softmax, log_softmax = _along_dim("softmax", tl.softmax), _along_dim("log_softmax", tl.log_softmax)


FUNCTIONS: dict[str, Callable[..., Any]] = {f.__name__: of_tensors(f) for f in (softmax, log_softmax)}

# --- layers -------------------------------------------------------------------------------------------------


class Softmax(activation.Softmax, function=FUNCTIONS["softmax"]):
    """`softmax` along axis `dim`; without it along the one that old programs mean, with a warning."""


class LogSoftmax(activation.LogSoftmax, function=FUNCTIONS["log_softmax"]):
    """`log_softmax` along axis `dim`; without it along the one that old programs mean, with a warning."""


class NonDynamicallyQuantizableLinear(Linear):
    """PyTorch's name of the last layer of an attention."""


# --- lazy layers --------------------------------------------------------------------------------------------
# They take the number of their input's features from the first input, as nn.LazyLinear(10) does.
# Weights are drawn at the first input. The parameters stay the same objects, so an optimiser may be made before.


class UninitializedBuffer(Tensor):
    """A tensor of a layer that waits for its first input: of shape (0,), and nothing can be written to it."""

    __slots__ = ()

    def initialize(self, values: Tensor) -> None:
        """Be an ordinary tensor or parameter, with the memory of these values."""
        self.__class__ = Parameter if isinstance(self, Parameter) else Tensor  # type: ignore[assignment]
        self.data = values

    def inplace(self) -> Any:
        raise TensorError(f"{self} has no numbers before its layer's first input; call the model once first")

    numel = inplace

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(UninitializedBuffer, Parameter):
    """The same, for a parameter."""

    __slots__ = ()


class Lazy(Module):
    """A layer without its first argument, the number of its input's features, until its first input tells it.

    becomes: the class of layers that it becomes, which it derives from as well.  axis: of the features in the input.
    """

    becomes: ClassVar[Any]
    axis: ClassVar[int]

    def __init__(self, *args: Any, **settings: Any) -> None:
        given = signature(self.becomes).bind(1, *args, **settings).arguments
        features = next(iter(given))
        with init.skip():
            self.becomes.__init__(self, **{**given, features: given.get("groups", 1)})
        self.lazy = {**given, features: 0}
        setattr(self, features, 0)
        for tensor in (*self._parameters.values(), *self._buffers.values()):
            if tensor.ndim:  # all but a number, the count of batches
                kind = UninitializedParameter if isinstance(tensor, Parameter) else UninitializedBuffer
                tensor.__class__, tensor.data = kind, empty(0, dtype=tensor.dtype, device=tensor.device)

    def forward(self, x: Tensor) -> Any:
        """The layer's output, in the shape of the class that it becomes from now on."""
        held = {**self._parameters, **self._buffers}
        features, place = next(iter(self.lazy)), next(iter(held.values()), x)
        self.lazy |= {features: x.shape[self.axis], "dtype": place.dtype, "device": place.device}
        made = self.becomes(**self.lazy)
        for name, tensor in held.items():
            if isinstance(tensor, UninitializedBuffer):  # else it was loaded
                tensor.initialize(getattr(made, name).detach())
        del self.lazy
        vars(self).update({**vars(made), **held})
        self.__class__ = self.becomes
        return self.forward(x)


def _lazy(axis: int, *kinds: Any) -> Iterator[Any]:
    """The lazy class of each layer, with this axis of features in its input."""
    for layer in kinds:
        name, first = f"Lazy{layer.__name__}", next(iter(signature(layer).parameters))
        doc = f"`{layer.__name__}` that takes {first} from its first input; the other arguments are the same."
        yield type(name, (Lazy, layer), {"becomes": layer, "axis": axis, "__doc__": doc, "__module__": __name__})


LAZY = (
    *_lazy(-1, Linear),
    *_lazy(-2, images.Conv1d, images.ConvTranspose1d),
    *_lazy(-3, images.Conv2d, images.ConvTranspose2d),
    *_lazy(1, normalization.BatchNorm1d, normalization.BatchNorm2d),
)


# --- packed sequences: of different lengths, step after step, without padding ---------------------------------


class PackedSequence(NamedTuple):
    """Sequences without padding, step after step: first the first step of every sequence, then the second, and so on.

    - `data`: (all steps of all sequences, ...).
    - `batch_sizes`: how many sequences reach each step, integers on the CPU. The longest sequence comes first.
    - `sorted_indices`: for each sequence here its number in the batch; None if the batch was sorted already.
    - `unsorted_indices`: for each sequence of the batch its number here, or None.

    The sequences a b c, d and e f are packed as a e d, b f, c: `data` is aedbfc, and `batch_sizes` 3, 2, 1.
    """

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None = None
    unsorted_indices: Tensor | None = None

    def to(self, *target: Any, **settings: Any) -> Self:
        """With `data` moved or converted, as by `Tensor.to`."""
        return self._replace(data=self.data.to(*target, **settings))


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """A padded batch as a PackedSequence.

    - `input`: (steps, batch, ...), or (batch, steps, ...) with batch_first.
    - `lengths`: of each sequence, a Tensor, array or list; at least 1.
    - `enforce_sorted`: whether to refuse lengths that are not sorted, the longest first. With False they are sorted
      here, and an RNN puts its results back in order.

    Raises ValueError if the lengths do not fit.
    """
    check_tensor("pack_padded_sequence", "input", input)
    counts = _on_host(lengths)
    if input.ndim < 2:
        raise TensorError(f"pack_padded_sequence: input must have shape (steps, batch, ...), not {input.shape}")
    batch, steps = input.shape[:2] if batch_first else input.shape[1::-1]
    if counts.shape != (batch,) or batch == 0 or counts.min() < 1 or counts.max() > steps:
        swapped = "; is batch_first right?" if counts.shape == (steps,) else ""
        raise TensorError(
            f"pack_padded_sequence: for input {input.shape} with batch_first={batch_first} there must be {batch} "
            f"lengths, one or more, from 1 to {steps}, not {counts.tolist()}{swapped}"
        )
    order = np.argsort(-counts, kind="stable")
    if enforce_sorted and (np.diff(counts) > 0).any():
        raise TensorError(f"pack_padded_sequence: lengths {counts.tolist()} are not sorted; write enforce_sorted=False")
    step = np.arange(counts.max())[:, None]  # (longest, 1)
    reached = step < counts[order]  # (longest, batch)
    place = order * steps + step if batch_first else step * batch + order  # in the rows of input
    rows = input.reshape(-1, *input.shape[2:])  # (steps * batch, ...)
    sizes = tl.tensor(reached.sum(axis=1))
    indices = () if enforce_sorted else (tl.tensor(order), tl.tensor(np.argsort(order)))
    return PackedSequence(rows[place[reached]], sizes, *indices)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """A PackedSequence as a padded batch, (longest, batch, ...), and the lengths, in the order of the original batch.

    With batch_first the batch is (batch, longest, ...).
    - `total_length`: pad to this length instead of the longest. Raises ValueError if it is shorter.
    """
    sizes = _on_host(sequence.batch_sizes)
    steps = len(sizes) if total_length is None else total_length
    if steps < len(sizes):
        raise TensorError(f"pad_packed_sequence: total_length {total_length} is below the longest length, {len(sizes)}")
    row = np.arange(sizes[0])
    lengths = (sizes[:, None] > row).sum(axis=0)  # (batch,)
    starts = np.concatenate([np.cumsum(sizes) - sizes, np.zeros(steps - len(sizes), sizes.dtype)])
    order = slice(None) if sequence.unsorted_indices is None else _on_host(sequence.unsorted_indices)
    lengths = lengths[order]
    reached = np.arange(steps)[:, None] < lengths  # (steps, batch)
    place = np.where(reached, starts[:, None] + row[order], 0)
    if batch_first:
        reached, place = reached.T, place.T
    batch: Tensor = sequence.data[place]
    if not reached.all():
        mask = tl.tensor(reached.reshape(*reached.shape, *[1] * (batch.ndim - 2)), device=batch.device)
        batch = tl.where(mask, batch, padding_value)
    return batch, tl.tensor(lengths)


def _on_host(numbers: Any) -> NDArray[np.int64]:
    return np.asarray(to_host(numbers.array) if isinstance(numbers, Tensor) else numbers, np.int64)


# --- losses: with the old arguments size_average and reduce, and of shapes that broadcast -------------------

_FIRST = ("weight", "size_average", "ignore_index", "reduce", "reduction")  # their order by position


def _order(function: Callable[..., Any]) -> list[str]:
    """The settings of a loss as PyTorch has them by position, with the old ones; those of Huber's loss are none."""
    own = list(signature(function).parameters)[2:]
    old = () if "delta" in own else ("size_average", "reduce")
    return [*(name for name in _FIRST if name in own or name in old), *(name for name in own if name not in _FIRST)]


def _loss_function(function: Callable[..., Any]) -> Callable[..., Any]:
    name, order = function.__name__, _order(function)

    @functools.wraps(function)
    def called(*args: Any, **settings: Any) -> Any:
        return function(*_broadcast(name, order, args[:2]), **_by_name(name, order, args[2:], settings))

    return called


def _loss_class(kind: Any) -> type:
    order = _order(kind.function)

    def __init__(self: Any, *args: Any, **settings: Any) -> None:
        kind.__init__(self, **_by_name(kind.__name__, order, args, settings))

    def forward(self: Any, input: Any, target: Any) -> Any:
        return kind.forward(self, *_broadcast(kind.__name__, order, (input, target)))

    members = {"__init__": __init__, "forward": forward, "__doc__": kind.__doc__, "__module__": kind.__module__}
    return type(kind.__name__, (kind,), members)


def _broadcast(name: str, settings: Sequence[str], inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Input and target of a loss of numbers with one shape, and a warning if they had two; else as they are."""
    shapes = [x.shape for x in inputs if isinstance(x, Tensor)]
    if "weight" in settings or "log_target" in settings or len(shapes) < 2 or shapes[0] == shapes[1]:
        return inputs
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        return inputs
    remedy = f"; write target.reshape{tuple(shapes[0])}" if inputs[0].numel() == inputs[1].numel() else ""
    warn(f"{name}: input {tuple(shapes[0])} and target {tuple(shapes[1])} are broadcast, rarely meant so{remedy}")
    return tuple(x.broadcast_to(shape) for x in inputs)


def _by_name(name: str, order: Sequence[str], args: tuple[Any, ...], settings: dict[str, Any]) -> dict[str, Any]:
    """All settings of a loss by name, with `reduction` for the old arguments: size_average=False is a sum.

    Raises TypeError for a reduction in the place of size_average, and for more arguments than there are.
    """
    if len(args) > len(order):
        raise TypeError(f"{name}: its settings are {', '.join(order)}, not {len(args)}")
    settings = {**dict(zip(order, args, strict=False)), **settings}
    size_average, reduce = (settings.pop(old, None) for old in ("size_average", "reduce"))
    if isinstance(size_average, str):
        raise TypeError(f"{name}: size_average and reduce come first; write reduction={size_average!r}, by name")
    if size_average is None and reduce is None:
        return settings
    reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
    warn(f"size_average and reduce are old arguments of losses; write reduction={reduction!r}")
    return {**settings, "reduction": reduction}


LOSSES = {name: _loss_function(getattr(F, name)) for name in F.loss.__all__}
LAYERS: dict[str, Any] = {
    **{name: _loss_class(getattr(loss, name)) for name in loss.__all__},
    **dict.fromkeys(("_Loss", "_WeightedLoss"), _loss_class(Loss)),
    **{kind.__name__: kind for kind in (LogSoftmax, NonDynamicallyQuantizableLinear, Softmax, *LAZY)},
}
PACKED: dict[str, Any] = {f.__name__: f for f in (PackedSequence, pack_padded_sequence, pad_packed_sequence)}
