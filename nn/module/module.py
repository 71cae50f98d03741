"""Module, the base of layers and networks: the call, and what is done to all of it at once.

    class Neuron(nn.Module):
        def __init__(self, n):
            self.weight = nn.Parameter(tl.randn(n))
            self.bias = nn.Parameter(tl.zeros(1))

        def forward(self, x):                                   # (batch, n)
            return tl.sigmoid(x @ self.weight + self.bias)      # (batch,)

A module finds its parameters and child modules among its attributes. They are ordinary attributes, so reading one has
no overhead, and a subclass may call `super().__init__()` but need not.

A FunctionLayer is a module made of a function and its settings, such as nn.LeakyReLU of F.leaky_relu.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter as Argument, Signature, signature
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from tinygrad_lecture import Tensor, empty
from tinygrad_lecture.errors import Elsewhere, warn
from tinygrad_lecture.inspect.notebook import caption, folded, table

from ..errors import MadeFirst, locate
from .hooks import WithHooks
from .tree import clear_grad


def _no_forward(self: Module, *inputs: Any, **settings: Any) -> Any:
    raise NotImplementedError(f"{type(self).__name__} has no forward; define forward(self, x) in its class")


class Module(WithHooks):
    """Base class of layers and networks. A subclass defines `forward` and its shapes; calling the module calls it.

    Raises NotImplementedError when a module without a `forward` is called.
    """

    training: bool = True
    usage: ClassVar[str] = ""  # what an error says where `forward` is called with too few inputs

    save = Elsewhere("nn.weights.save_file(model.state_dict(), path)")
    load = Elsewhere("model.load_state_dict(nn.weights.load_file(path))")
    fit = Elsewhere("nn.fit(model, batches, loss, optimizer, epochs=...)")
    predict = Elsewhere("model.eval(), and then model(x) within tl.no_grad()")
    forward: Callable[..., Any] = _no_forward

    def _set_requires_grad(self, flag: bool) -> None:
        warn(f"to set requires_grad of a module changes nothing; write model.requires_grad_({flag})")

    requires_grad = property(None, _set_requires_grad)

    def __call__(self, *inputs: Any, **settings: Any) -> Any:
        hooks = self._hooks
        if "input" in settings and next(iter(signature(self.forward).parameters), "") == "x":
            inputs = (settings.pop("input"), *inputs)  # as PyTorch calls the x of a layer
        try:
            if hooks is None:
                return self.forward(*inputs, **settings)
            return self._forward_with_hooks(hooks, inputs, settings)
        except Exception as error:
            __tracebackhide__ = True  # see `hide_frames`
            locate(error, self, inputs, settings)
            raise

    @property
    def has_hooks(self) -> bool:
        """Whether a hook of any kind is registered."""
        return bool(self._hooks)

    # --- the whole module at once -----------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Set training mode, or with mode=False evaluation mode, in this module and all below. Returns self."""
        self.training = mode
        for child in self.children():
            child.train(mode)
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

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace the memory of parameters, gradients and buffers by that of fn(tensor): below first. Returns self."""
        for child in self.children() if recurse else ():
            child._apply(fn)
        for tensor in (*self._parameters.values(), *self._buffers.values()):
            grad = None if tensor.grad is None else fn(tensor.grad)
            tensor.data = fn(tensor.detach())
            tensor.grad = grad
        return self

    def to(self, *target: Any, dtype: Any = None, device: str | None = None, non_blocking: bool = False) -> Self:
        """Move parameters, gradients and buffers, in place: to("cuda"), to(tl.float64), to(other_tensor). Returns self.

        Arguments are those of `Tensor.to`; non_blocking has no effect. Integer buffers keep their dtype.
        Raises TypeError for a dtype that is not a float, ValueError for an unknown device.
        """

        def moved(tensor: Tensor) -> Tensor:
            there = tensor.to(*target, dtype=dtype, device=device)
            return there if tensor.dtype.kind == "f" else tensor.to(device=there.device)

        wanted = moved(empty(0)).dtype
        if wanted.kind != "f":
            raise TypeError(f"{type(self).__name__}.to: the dtype must be a float such as tl.float32, not {wanted}")
        return self._apply(moved)

    def cuda(self, index: int | None = None) -> Self:
        """Move to the GPU. Raises RuntimeError without CuPy or a GPU."""
        return Module.to(self, device="cuda" if index is None else f"cuda:{index}")

    def cpu(self) -> Self:
        """Move to the CPU."""
        return Module.to(self, device="cpu")

    def double(self) -> Self:
        """Convert all floats to float64."""
        return Module.to(self, dtype=np.float64)

    def float(self) -> Self:
        """Convert all floats to float32."""
        return Module.to(self, dtype=np.float32)

    def half(self) -> Self:
        """Convert all floats to float16."""
        return Module.to(self, dtype=np.float16)

    # --- repr -------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """Text that `repr` shows in the parentheses, such as a layer's sizes. A subclass defines it."""
        return ""

    def _repr_html_(self) -> str:
        """What a notebook shows: the modules as a tree that folds, with their parameters."""
        total, first = sum(p.numel() for p in self.parameters()), {p: name for name, p in self.named_parameters()}
        return caption(type(self).__name__, f"{total:,} parameters") + _folded_tree(self, "", first, open_below=2)

    def __repr__(self) -> str:
        name = type(self).__name__
        children = [f"({child}): {module!r}".replace("\n", "\n  ") for child, module in self._modules.items()]
        if not children:
            return f"{name}({self.extra_repr()})"
        inner = [line for line in (self.extra_repr(), *children) if line]
        return "\n  ".join([f"{name}(", *inner]) + "\n)"


def _folded_tree(module: Module, path: str, first: Mapping[Any, str], open_below: int) -> str:
    """The parameters and modules in a module. path: its name, with a dot.  first: the first name of each parameter.

    A tied parameter counts at its first place.
    """
    own = []
    for name, p in module.named_parameters(recurse=False):
        state = "learnt" if p.requires_grad else "frozen"
        counted = [f"{p.numel():,}", state] if first[p] == path + name else ["0", f"is {first[p]}"]
        own.append([name, str(p.shape), *counted])
    parts = [table(["parameter", "shape", "numbers", ""], own, right=[2])] if own else []
    for name, child in module.named_children():
        inside = f"{path}{name}."
        new = [p.numel() for n, p in child.named_parameters() if first[p] == inside + n]
        shared = "   shared parameters" if list(child.parameters()) else ""
        line = f"{name}: {type(child).__name__}({child.extra_repr()})"
        inner = _folded_tree(child, inside, first, open_below - 1)
        line += f"   {sum(new):,} parameters" if new else shared
        parts.append(folded(line, inner, unfolded=open_below > 1 and bool(inner)))
    return "".join(parts)


# --- modules made of functions ----------------------------------------------------------------------------------


class FunctionLayer(MadeFirst, Module):
    """A module that calls a function with its input and its settings.

        class LeakyReLU(FunctionLayer, function=F.leaky_relu):
            ...

    The settings are the function's arguments after its inputs: `__init__` takes them with the same names, order and
    defaults, and stores them as attributes. `axis` is `dim`, as in PyTorch, and `training` is the module's own.

    A subclass may say in `order` which settings `__init__` takes, and in which order; those left out are attributes of
    the class. It may check them in `__post_init__`, say in `in_repr` which of them `repr` shows, and take more inputs
    by a `forward` of its own. An `__init__` of its own calls this one, with the settings.
    """

    function: ClassVar[Callable[..., Any]]
    arguments: ClassVar[tuple[str, ...]] = ()  # attributes that the function gets after its inputs, by position
    named: ClassVar[tuple[str, ...]] = ()  # those that it gets by name, since it takes them by name alone
    settings: ClassVar[Mapping[str, Argument]] = {}  # the arguments of __init__
    order: ClassVar[tuple[str, ...]] = ()  # of the settings; (): the function's
    in_repr: ClassVar[tuple[str, ...] | None] = None  # None: all

    def __init_subclass__(cls, function: Callable[..., Any] | None = None) -> None:
        if function is not None:
            cls.function = staticmethod(function)
            n_inputs = len(signature(cls.forward).parameters) - 1
            given = list(signature(function).parameters.values())[n_inputs:]
            single = (p for p in given if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))
            taken = {"dim" if p.name == "axis" else p.name: p for p in single}
            cls.settings = {name: _argument(name, taken[name]) for name in cls.order or taken if name != "training"}
            cls.arguments = tuple(name for name, p in taken.items() if p.kind is not p.KEYWORD_ONLY)
            cls.named = tuple(name for name in cls.settings if name not in cls.arguments)
            cls.weights_allowed = int("weight" in cls.settings)
            if "__init__" not in vars(cls):
                cls.__init__ = _init([*cls.settings.values()])  # type: ignore[method-assign]
        super().__init_subclass__()

    def __init__(self, *settings: Any, **named: Any) -> None:
        given = Signature([*self.settings.values()]).bind(*settings, **named)
        given.apply_defaults()
        vars(self).update(given.arguments)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the settings, or derive others from them."""

    def forward(self, x: Tensor) -> Any:
        """The function of x, with the settings; shapes are the function's."""
        return self.call_function(x) if self.settings or self.arguments else self.function(x)

    def call_function(self, *inputs: Any) -> Any:
        """The function of the inputs, with the settings."""
        arguments = [getattr(self, name) for name in self.arguments]
        if not self.named:  # as of nearly all: without a dict the call is faster
            return self.function(*inputs, *arguments)
        return self.function(*inputs, *arguments, **{name: getattr(self, name) for name in self.named})

    def extra_repr(self) -> str:
        given = {name: getattr(self, name) for name in (self.settings if self.in_repr is None else self.in_repr)}
        return ", ".join(f"{name}={value!r}" for name, value in given.items() if (name, value) != ("inplace", False))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...  # the settings


def _argument(name: str, p: Argument) -> Argument:
    """A parameter of `__init__`; names in an annotation would be those of the function's own file."""
    return p.replace(name=name, kind=max(p.kind, p.POSITIONAL_OR_KEYWORD), annotation=p.empty)


def _init(settings: list[Argument]) -> Callable[..., None]:
    """An `__init__` that shows these settings as its arguments."""

    def init(self: FunctionLayer, *args: Any, **named: Any) -> None:
        FunctionLayer.__init__(self, *args, **named)

    vars(init)["__signature__"] = Signature([Argument("self", Argument.POSITIONAL_ONLY), *settings])
    return init
