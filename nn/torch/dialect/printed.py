"""How modules, states and named results print in PyTorch, for a process that runs a PyTorch script."""

from __future__ import annotations

import functools
from collections import OrderedDict
from typing import Any

from tinygrad_lecture.ops.linalg import QR, SignAndLog

from ...container import ParameterList
from ...layers.attention import MultiheadAttention
from ...layers.normalization import Channels, GroupNorm, LayerNorm
from ...linear import Linear
from ...module import Module
from ..functions.products import Histogram, MinMax

RESULTS = {MinMax: "aminmax", Histogram: "histogram", QR: "linalg_qr", SignAndLog: "linalg_slogdet"}


class NonDynamicallyQuantizableLinear(Linear):
    """PyTorch's name of the last layer of an attention."""


def print_as_pytorch() -> None:
    """Let modules, states and named results print as PyTorch's from now on."""
    for kind, name in RESULTS.items():
        kind.__repr__ = functools.partialmethod(_result, name)  # type: ignore[method-assign, assignment]
    for norm in (Channels, GroupNorm, LayerNorm):
        norm.extra_repr = _with_bias(norm.extra_repr)  # type: ignore[method-assign]
    ParameterList.__repr__ = _parameters  # type: ignore[method-assign]
    Module.state_dict = _ordered(Module.state_dict)  # type: ignore[method-assign]
    Module._get_name = lambda self: type(self).__name__  # type: ignore[attr-defined]
    MultiheadAttention.__init__ = _with_its_linear(MultiheadAttention.__init__)  # type: ignore[method-assign]


def _result(result: Any, name: str) -> str:
    fields = ",\n".join(f"{field}={value!r}" for field, value in result._asdict().items())
    return f"torch.return_types.{name}(\n{fields})"


def _with_bias(extra_repr: Any) -> Any:
    """A normalisation's settings, with whether it has a bias after whether it has weights."""

    def text(self: Any) -> str:
        words = extra_repr(self).split(", ")
        place = next((n for n, word in enumerate(words) if "affine=" in word), len(words) - 1)
        return ", ".join([*words[: place + 1], f"bias={self.bias is not None}", *words[place + 1 :]])

    return text


def _parameters(parameters: Any) -> str:
    lines = [
        f"    ({n}): Parameter containing: [{p.dtype!r} of size {'x'.join(map(str, p.shape))}]"
        for n, p in enumerate(parameters)
    ]
    return "\n".join([f"{type(parameters).__name__}(", *lines, ")"])


def _ordered(state_dict: Any) -> Any:
    @functools.wraps(state_dict)
    def ordered(self: Any, *args: Any, **settings: Any) -> Any:
        return OrderedDict(state_dict(self, *args, **settings))

    return ordered


def _with_its_linear(init: Any) -> Any:
    @functools.wraps(init)
    def made(self: Any, *args: Any, **settings: Any) -> None:
        init(self, *args, **settings)
        self.out_proj.__class__ = NonDynamicallyQuantizableLinear

    return made
