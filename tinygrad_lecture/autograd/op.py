"""Op: a forward function with its backward rules, and the call that records.

    @op
    def mul(a, b, /):
        return xp(a, b).multiply(a, b)

    @mul.backward("a")
    def _(g, b):
        return g * b

    @mul.backward("b")
    def _(g, a):
        return g * a

Parameters before the slash are the inputs, arrays that gradients flow to; those after it are settings. A rule
takes the upstream gradient `g` and asks by name for what else it needs, and just that is kept until backward:

    an input's name, or `out`       the array itself (under create_graph: the Tensor)
    a setting's name                its value
    `x_shape`, `x_dtype`, `x_device`  of the input called x; these keep no array alive
    `index`, `shapes`, `arrays`     of an op with any number of inputs (`def concatenate(*arrays, axis=0)`): which
                                    input the rule is asked about, all their shapes, or, by the name that the
                                    op gives them, all of them

An op called with arrays returns an array and records nothing; called with a Tensor it returns a Tensor, and
records if one of them requires grad. Rules are written with the same ops and operators, so they run at array
speed, and are recorded themselves when higher derivatives are wanted.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeAlias, TypeVar, overload

import numpy as np

from .. import traced as traced_module
from ..backend import FLOAT32, FLOAT64, Array, device_of, get_default_dtype, is_array, move, narrow, xp
from ..errors.argument_names import numpy_names
from ..errors.messages import EXPLAINED, WITH_TL, explain, numpy_refused
from ..traced import Traced, wrap
from . import modes as modes_module
from . import versions
from .modes import modes
from .tape import Gradient, Node, Record

if TYPE_CHECKING:
    from ..tensor import Tensor

P = ParamSpec("P")
R = TypeVar("R", bound=Callable[..., Any])

Value: TypeAlias = Any  # what ops and rules compute with: an array or, where recorded, a Tensor

# (arrays, result, settings, which input) -> what a rule asked for
Getter: TypeAlias = Callable[[Sequence[Any], Array, dict[str, Any], int], Any]

_ndarray = np.ndarray
_new = object.__new__
_tick = versions.tick
_SCALARS = frozenset({bool, int, float, complex, type(None)})  # operands that need no conversion


# What a rule may ask of an input without keeping it.
_FIELDS: dict[str, Callable[[Any], Any]] = {
    "shape": lambda array: getattr(array, "shape", ()),
    "dtype": lambda array: array.dtype if is_array(array) else get_default_dtype(),
    "device": device_of,
}


class Rule:
    """A backward rule and how to fetch, at the time of the call, what its parameters ask for."""

    __slots__ = ("asks", "function", "sources")

    def __init__(self, function: Callable[..., Gradient], op: Op[Any]) -> None:
        self.function = function
        names = list(inspect.signature(function).parameters)[1:]  # the first is the upstream gradient
        self.asks: list[Getter] = [op.getter(name) for name in names]
        # Which node a saved array belongs to, so that higher orders can wrap it again: an input's position,
        # "out", "all" inputs or, for what is no array, None.
        self.sources = [op.source(name) for name in names]

    def rewrap(self, record: Record, saved: Sequence[Any]) -> list[Any]:
        """The saved values as Tensors, each tied to the node it came from."""
        nodes = record.nodes
        values: list[Any] = []
        for value, source in zip(saved, self.sources, strict=True):
            if source == "out":
                value = wrap(value, record)
            elif source == "all":
                value = [wrap(v, n) if is_array(v) else v for v, n in zip(value, nodes, strict=True)]
            elif source is not None and is_array(value):
                value = wrap(value, nodes[source])
            values.append(value)
        return values


class Op(Generic[P]):
    """A differentiable function of arrays; see the module's docstring. Made by the decorator `op`."""

    def __init__(self, forward: Callable[P, Any], differentiable: bool = True) -> None:
        self.forward: Callable[..., Any] = forward
        self.name = forward.__name__
        self.differentiable = differentiable
        parameters = inspect.signature(forward).parameters.values()
        kinds = inspect.Parameter
        self.variadic = next((p.name for p in parameters if p.kind is kinds.VAR_POSITIONAL), None)
        self.inputs = [p.name for p in parameters if p.kind is kinds.POSITIONAL_ONLY]
        self.settings = {
            p.name: p.default for p in parameters if p.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
        }
        if not (self.inputs or self.variadic):
            raise TypeError(
                f"op {self.name} has no inputs: put a slash after them, as in def {self.name}(x, /, axis=None)"
            )
        self.rules: list[Rule | None] = [None] * (1 if self.variadic else len(self.inputs))
        self._arity = 1_000_000 if self.variadic else len(self.inputs)
        self._asks = True  # whether some rule asks for something, or is missing still
        self._nothing: Sequence[Sequence[Any]] = ((),) * len(self.inputs)  # what is saved if not
        self.complaint: Callable[..., str | None] | None = None
        self.analytic = False  # whether it is complex differentiable, as the complex step needs
        self.casts = False  # whether it may return a wider float than it was given
        self.__doc__ = forward.__doc__
        self.__name__ = self.__qualname__ = forward.__name__
        self.__module__ = forward.__module__
        self.__wrapped__ = forward

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    # --- declaring --------------------------------------------------------------------------------------

    @overload
    def backward(self, rule: R, /) -> R: ...
    @overload
    def backward(self, *inputs: str) -> Callable[[R], R]: ...
    def backward(self, *inputs: Any) -> Any:
        """Declare the backward rule for the named inputs; without a name, for the only one.

        Raises TypeError for an input that the op does not have, none where it has several, or a rule that asks for an
        unknown name.
        """
        if len(inputs) == 1 and callable(inputs[0]):
            return self.backward()(inputs[0])
        if not inputs and len(self.inputs) > 1:
            raise TypeError(
                f"op {self.name} has the inputs {', '.join(self.inputs)}: say whose gradient the rule returns, as in "
                f'@{self.name}.backward("{self.inputs[0]}")'
            )
        positions = [0] if self.variadic or not inputs else [self._position(name) for name in inputs]

        def declare(function: R) -> R:
            for position in positions:
                self.rules[position] = Rule(function, self)
            self._asks = self.variadic is not None or any(rule is None or rule.asks for rule in self.rules)
            return function

        return declare

    def explains(self, function: R) -> R:
        """Declare what to say of bad inputs: a function of the op's arguments that returns a sentence or None."""
        self.complaint = function
        return function

    def _position(self, name: str) -> int:
        if name not in self.inputs:
            raise TypeError(f"op {self.name} has no input called {name!r}; its inputs are {self.inputs}")
        return self.inputs.index(name)

    def getter(self, name: str) -> Getter:
        """How to fetch, when the op is called, what a rule's parameter `name` asks for."""
        if name == "out":
            return lambda arrays, out, settings, index: out
        if name in self.inputs:
            position = self.inputs.index(name)
            return lambda arrays, out, settings, index: arrays[position]
        if name in self.settings:
            default = self.settings[name]
            return lambda arrays, out, settings, index: settings.get(name, default)
        if self.variadic and name == "index":
            return lambda arrays, out, settings, index: index
        if name == self.variadic:
            return lambda arrays, out, settings, index: arrays
        if self.variadic and name == "shapes":
            return lambda arrays, out, settings, index: [getattr(array, "shape", ()) for array in arrays]
        stem, _, field = name.rpartition("_")
        if stem in self.inputs and field in _FIELDS:
            position = self.inputs.index(stem)
            look_up = _FIELDS[field]
            return lambda arrays, out, settings, index: look_up(arrays[position])
        offered = [*self.inputs, *(f"{name}_{field}" for name in self.inputs for field in _FIELDS), *self.settings]
        offered += ["index", "shapes", self.variadic, "out"] if self.variadic else ["out"]
        raise TypeError(f"a backward rule of {self.name} asks for {name!r}; it may ask for {', '.join(offered)}")

    def source(self, name: str) -> Any:
        """The node that belongs to what `name` asks for: an input's position, "out", "all" or None."""
        if name in self.inputs:
            return self.inputs.index(name)
        return "all" if name == self.variadic else "out" if name == "out" else None

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self, instance: Tensor, owner: type | None = None) -> Callable[..., Tensor]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> Any: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """As a class's attribute an op is a method: `Tensor.exp = ops.exp` makes x.exp()."""
        return self if instance is None else MethodType(self, instance)

    # --- calling ----------------------------------------------------------------------------------------

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        inputs: tuple[Any, ...] = args
        settings: dict[str, Any] = kwargs
        if settings or len(inputs) > self._arity:
            inputs, settings = self._bind(inputs, settings)
        arrays: list[Any] = []
        nodes: list[Node | None] = []
        traced = tracked = foreign = False
        for value in inputs:
            if isinstance(value, Traced):
                traced = True
                arrays.append(value._array)
                node = value._node
                if node is not None:
                    tracked = True
                nodes.append(node)
            else:
                if type(value) not in _SCALARS:
                    foreign = True
                arrays.append(value)
                nodes.append(None)
        if not traced:
            try:
                return self.forward(*inputs, **settings)  # type: ignore[no-any-return]
            except EXPLAINED as error:
                raise explain(self, inputs, settings, error) from error
        tracked = tracked and self.differentiable and modes.recording
        if foreign:
            like = next(v._array for v in inputs if isinstance(v, Traced))
            arrays = [v._array if isinstance(v, Traced) else constant(v, like, copy=tracked) for v in inputs]

        try:
            out = self.forward(*arrays, **settings)
        except EXPLAINED as error:
            raise explain(self, arrays, settings, error) from error
        if type(out) is not _ndarray and not is_array(out):  # NumPy makes scalars of 0-d results
            out = xp(*arrays).asarray(out)
        dtype = out.dtype
        if dtype is not FLOAT32:
            if dtype.kind == "f" and not self.casts:
                out = narrow(out, arrays)
                dtype = out.dtype
            elif dtype.kind == "c" and not any(isinstance(v, Traced) and v._array.dtype.kind == "c" for v in inputs):
                raise TypeError(
                    f"{self.name}: complex numbers are not for tensors; take .real and .imag apart, or abs()"
                )

        result: Tensor = _new(traced_module.tensor_type)
        result._array = out
        result._grad = None
        if tracked:
            result._node = record = _new(Record)
            record.op = self
            record.nodes = nodes
            record.saved = self._save(arrays, nodes, out, settings) if self._asks else self._nothing
            record.shape = out.shape
            record.dtype = dtype
            record.tensor = None
            record.age = _tick()
        else:
            result._node = None
        if modes_module.observers and modes.observer is not None:
            modes.observer.saw_forward(self, arrays, settings, out, result._node)
        return result

    def _save(
        self, arrays: Sequence[Any], nodes: Sequence[Node | None], out: Array, settings: dict[str, Any]
    ) -> Sequence[Sequence[Any]]:
        """Per input that wants a gradient, what its rule asks for."""
        saved: list[Sequence[Any]] = []
        for index, node in enumerate(nodes):
            if node is None:
                saved.append(())
                continue
            rule = self.rules[0 if self.variadic else index]
            if rule is None:
                name = "x" if self.variadic else self.inputs[index]
                raise NotImplementedError(
                    f"op {self.name} has no backward rule for its input {name}; declare one with "
                    f'@{self.name}.backward("{name}"), or pass {name}.detach()'
                )
            saved.append([get(arrays, out, settings, index) for get in rule.asks])
        return saved

    def pull_back(
        self, record: Record, nodes: Sequence[Node | None], upstream: Gradient, create_graph: bool
    ) -> Sequence[Gradient]:
        """The vector-Jacobian products: for each input with a node, the gradient that its rule returns."""
        assert record.saved is not None
        gradients: list[Gradient] = []
        rules, saved_for, variadic = self.rules, record.saved, self.variadic
        index = 0  # counted by hand, which costs less than enumerate: this loop is the tape's own cost
        for node in nodes:
            if node is None:
                gradients.append(None)
            else:
                rule: Rule = rules[0 if variadic else index]  # type: ignore[assignment]
                saved = saved_for[index]
                try:
                    gradients.append(rule.function(upstream, *(rule.rewrap(record, saved) if create_graph else saved)))
                except Exception as error:
                    with_tl = f"; {WITH_TL}" if create_graph and numpy_refused(error) else ""
                    error.add_note(f"raised by the backward rule of {record.name}{with_tl}")
                    raise
            index += 1  # noqa: SIM113
        return gradients

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Sort the arguments of a call into inputs and settings by name, PyTorch's names turned into NumPy's."""
        settings = numpy_names(self.name, kwargs) if kwargs else {}
        if len(args) <= self._arity:
            return args, settings
        inputs, extra = args[: self._arity], args[self._arity :]
        if len(extra) > len(self.settings):
            raise TypeError(
                f"{self.name} takes at most {self._arity + len(self.settings)} arguments, not {len(args)}: "
                f"{self.name}{inspect.signature(self.forward)}"
            )
        given = numpy_names(self.name, dict(zip(self.settings, extra, strict=False)))
        twice = given.keys() & settings.keys()
        if twice:
            raise TypeError(f"{self.name} got {', '.join(sorted(twice))} twice")
        return inputs, {**given, **settings}


def constant(value: Any, like: Array, copy: bool) -> Any:
    """An operand that is no Tensor, as an op takes it beside the array `like`.

    Arrays that a record may keep are copied, since their owner may change them unseen. NumPy's scalars count as
    Python's and never promote, and neither do floats in lists. Raises TypeError for an array of what is no number.
    """
    if isinstance(value, np.generic):
        return value.item()
    if is_array(value):
        if value.dtype == object:  # which NumPy would compute with, one Python object at a time
            raise TypeError("an operand must be numbers, not an array of object")
        return value.copy() if copy else value
    if isinstance(value, (list, tuple)):
        array = np.array(value)
        if array.dtype == FLOAT64:
            array = array.astype(like.dtype if like.dtype.kind == "f" else get_default_dtype())
        return move(array, device_of(like))
    return value


@overload
def op(forward: Callable[P, Any], /) -> Op[P]: ...
@overload
def op(*, differentiable: bool) -> Callable[[Callable[P, Any]], Op[P]]: ...
def op(forward: Any = None, /, *, differentiable: bool = True) -> Any:
    """Make an op of a forward function on arrays; its inputs stand before the slash.

    With `differentiable=False` results never require grad (comparisons, argmax).
    """
    if forward is None:
        return lambda function: Op(function, differentiable)
    return Op(forward)
