"""A strict stand-in for CuPy: shows without a GPU that code would run on one. Its device is `device="strict"`.

`strict` is used as CuPy is (`import cupy as cp` becomes `cp = strict`). Its arrays, `StrictArray`, wrap a private NumPy
array that only `.get()` and `strict.asnumpy` copy out. The stand-in refuses what CuPy 14 refuses or lacks. Where CuPy
silently differs from NumPy, or leaves a result undefined, it raises. Its rules:

- no implicit conversion to the host: `__array__` raises, and so do NumPy's functions on a StrictArray;
- no host arrays as operands, values or indices; Python and NumPy scalars are allowed (NEP 50 holds);
- results are StrictArrays, also 0-d ones, never Python or NumPy scalars;
- each synchronisation, where the host waits for the device, is counted, and raises inside `no_synchronisation()`;
- out-of-range entries of an index *array* wrap silently; duplicate indices in an assignment, whose outcome CuPy leaves
  undefined, raise ValueError;
- floating-point warnings are never raised and cannot be turned on: there is no `errstate`.

The tables of `cupy.toml` list what is offered: what this project uses, and its nearest relatives. Their signatures hold
for CuPy and NumPy alike; `test_strict_cupy.py` compares them with the installed CuPy. Add missing names there.
"""

import inspect
import tomllib
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_lecture.backend import Library, register

# What CuPy offers: tables of names, with the parameters that work on CuPy and NumPy alike.
OFFERED = tomllib.loads(Path(__file__).with_name("cupy.toml").read_text(encoding="utf-8"))

_COMPARISONS = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}

# -- Synchronisation: the host waits for the device.


class Synchronised(AssertionError):
    """The host waited for the device inside `no_synchronisation()`."""


_synchronisations = 0
_refuse_waiting: ContextVar[bool] = ContextVar("_refuse_waiting", default=False)


def _synchronise(what: str) -> None:
    global _synchronisations
    if _refuse_waiting.get():
        raise Synchronised(f"{what} makes the host wait for the device")
    _synchronisations += 1


@contextmanager
def no_synchronisation() -> Iterator[None]:
    """Raise Synchronised, in this thread, if the code inside makes the host wait."""
    token = _refuse_waiting.set(True)
    try:
        yield
    finally:
        _refuse_waiting.reset(token)


@contextmanager
def count_synchronisations() -> Iterator[Callable[[], int]]:
    """Yield a function that returns how often the host has waited for the device since entry."""
    before = _synchronisations
    yield lambda: _synchronisations - before


# -- In and out of the wrapper.


def _unwrap(value: Any, operands: list["StrictArray"]) -> Any:
    """`value` with NumPy arrays in place of its StrictArrays, which are appended to `operands`."""
    if isinstance(value, StrictArray):
        operands.append(value)
        return value._array
    if isinstance(value, (list, tuple)):
        return type(value)(_unwrap(item, operands) for item in value)
    if hasattr(type(value), "__array__") and not isinstance(value, np.generic):
        raise TypeError(f"Unsupported type {type(value)}")
    return value


def _wrap(value: Any, operands: Iterable["StrictArray"]) -> Any:
    """`value` with StrictArrays in place of arrays and scalars; a view of an operand keeps its owner as `base`."""
    if isinstance(value, (list, tuple)):
        return type(value)(_wrap(item, operands) for item in value)
    if not isinstance(value, (np.ndarray, np.generic, bool, int, float)):
        return value
    array = np.asarray(value)
    base = None
    for operand in operands:
        if array is operand._array:
            return operand
        if _memory(array) is _memory(operand._array):
            base = operand if operand.base is None else operand.base
    return StrictArray(array, base)


def _memory(array: np.ndarray) -> Any:
    owner: Any = array
    while getattr(owner, "base", None) is not None:
        owner = owner.base
    return owner


def _operand(value: Any) -> Any:
    """The operand of a ufunc, unwrapped. Raises TypeError, in CuPy's words, as CuPy does."""
    if isinstance(value, StrictArray):
        return value._array
    if type(value) in (bool, int, float, complex) or isinstance(value, np.generic):
        return value
    raise TypeError(f"Unsupported type {type(value)}")


def _defers_to(other: Any) -> bool:
    """Whether an operator returns NotImplemented, so that `other`'s runs: CuPy's rule, NEP 13."""
    if hasattr(other, "__array_ufunc__"):
        return other.__array_ufunc__ is None
    return getattr(other, "__array_priority__", 0) > StrictArray.__array_priority__


# -- The array.


def _operators(name: str) -> tuple[Any, Any, Any]:
    """The forward, reflected and in-place operator that is the function `name`."""

    def forward(self: Any, other: Any) -> Any:
        return NotImplemented if _defers_to(other) else getattr(strict, name)(self, other)

    def reflected(self: Any, other: Any) -> Any:
        return getattr(strict, name)(other, self)

    def in_place(self: Any, other: Any) -> Any:  # never defers, in CuPy either
        return getattr(strict, name)(self, other, out=self)

    return forward, reflected, in_place


def _calls(name: str) -> Any:
    """The method that is the function `name`."""
    return lambda self, *args, **kwargs: getattr(strict, name)(self, *args, **kwargs)


def _to_host(what: str, convert: Callable[..., Any]) -> Any:
    return lambda self, *args: convert(self._host(what), *args)


class StrictArray:
    """An array that behaves as CuPy's does. Made by `strict.asarray` and the other functions of `strict`.

    base: None, or the StrictArray that owns the memory of this view.
    """

    __slots__ = ("__weakref__", "_array", "base")
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, array: np.ndarray, base: "StrictArray | None" = None) -> None:
        if array.dtype.char not in "?bBhHiIlLqQefdFD":
            raise ValueError(f"Unsupported dtype {array.dtype}")
        self._array = array
        self.base = base

    def __getattr__(self, name: str) -> Any:  # only reached when there is no such attribute
        raise AttributeError(_missing(f"ndarray.{name}"))

    ndim = property(lambda self: self._array.ndim)
    shape = property(lambda self: self._array.shape)
    size = property(lambda self: self._array.size)
    dtype = property(lambda self: self._array.dtype)
    flags = property(lambda self: types.SimpleNamespace(c_contiguous=self._array.flags.c_contiguous))
    strides = property(lambda self: self._array.strides)
    data = property(lambda self: types.SimpleNamespace(ptr=self._array.ctypes.data))
    T = property(lambda self: _wrap(self._array.T, [self]))

    # Conversions to the host: each synchronises.

    def _host(self, what: str) -> np.ndarray:
        _synchronise(what)
        return self._array.copy()

    def get(self) -> np.ndarray:
        """A copy on the host."""
        return self._host("get")

    def __bool__(self) -> bool:
        if self.size > 1:
            raise ValueError("The truth value of an array with more than one element is ambiguous")
        return bool(self._host("bool"))

    item = _to_host("item", lambda array: array.item())
    tolist = _to_host("tolist", lambda array: array.tolist())
    __int__, __float__ = _to_host("int", int), _to_host("float", float)
    __format__, __repr__, __str__ = _to_host("format", format), _to_host("repr", repr), _to_host("str", str)

    # NumPy's protocols refuse.

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        # NumPy calls this for `np.float32(2) * x`, and for `np.float32(2) < x` with the scalar as a 0-d array. CuPy
        # accepts both. It also accepts `np.exp(x)`, which this project must not use.
        if method == "__call__" and not kwargs and isinstance(inputs[0], (np.generic, np.ndarray)):
            left = inputs[0]
            if isinstance(left, np.ndarray) and left.ndim == 0 and ufunc.__name__ in _COMPARISONS:
                left = left.item()
            return getattr(strict, ufunc.__name__)(left, *inputs[1:])
        raise TypeError(f"numpy.{ufunc.__name__} called on a device array: call the device library")

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        raise TypeError(f"numpy.{func.__name__} called on a device array: call the device library")

    # Operators.

    __add__, __radd__, __iadd__ = _operators("add")
    __sub__, __rsub__, __isub__ = _operators("subtract")
    __mul__, __rmul__, __imul__ = _operators("multiply")
    __truediv__, __rtruediv__, __itruediv__ = _operators("true_divide")
    __floordiv__, __rfloordiv__, __ifloordiv__ = _operators("floor_divide")
    __mod__, __rmod__, __imod__ = _operators("remainder")
    __pow__, __rpow__, __ipow__ = _operators("power")
    __and__, __rand__, __iand__ = _operators("bitwise_and")
    __or__, __ror__, __ior__ = _operators("bitwise_or")
    __xor__, __rxor__, __ixor__ = _operators("bitwise_xor")
    __matmul__, __rmatmul__ = _operators("matmul")[:2]
    __eq__, __ne__ = _operators("equal")[0], _operators("not_equal")[0]
    __lt__, __le__ = _operators("less")[0], _operators("less_equal")[0]
    __gt__, __ge__ = _operators("greater")[0], _operators("greater_equal")[0]
    __neg__, __abs__, __invert__ = _calls("negative"), _calls("absolute"), _calls("invert")

    # Indexing.

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of unsized object")
        return self._array.shape[0]

    def __iter__(self) -> Iterator[Any]:  # over views, so without synchronisation
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        return _wrap(self._array[self._index(index)], [self])

    def __setitem__(self, index: Any, value: Any) -> None:
        key = self._index(index)
        value = _operand(value)
        if np.size(value) > 1 and any(isinstance(part, np.ndarray) and part.dtype != bool for part in key):
            targets = np.arange(self.size).reshape(self.shape)[key]
            if np.unique(targets).size < targets.size:
                raise ValueError("duplicate indices: which of the values is assigned is undefined in CuPy")
        with np.errstate(all="ignore"):
            self._array[key] = value

    def _index(self, index: Any) -> tuple[Any, ...]:
        """`index` for the wrapped NumPy array: integer arrays wrapped, an Ellipsis always present.

        Raises TypeError for a host array, IndexError for anything else that CuPy does not accept as an index.
        """
        parts = [_index_part(part) for part in (index if isinstance(index, tuple) else (index,))]
        if not any(part is Ellipsis for part in parts):
            parts.append(Ellipsis)  # makes NumPy, too, return 0-d arrays and views
        axes = [_axes_taken(part) for part in parts]
        if sum(axes) > self.ndim:
            raise IndexError(f"too many indices for array: {self.ndim}-d, {sum(axes)} were indexed")
        axis = 0
        for i, part in enumerate(parts):
            if part is Ellipsis:
                axis += self.ndim - sum(axes)
            elif isinstance(part, np.ndarray) and part.dtype != bool and self.shape[axis]:
                parts[i] = np.asarray(np.remainder(part, self.shape[axis]))
            axis += axes[i]
        return tuple(parts)


def _index_part(part: Any) -> Any:
    """One element of an index, unwrapped and checked. A boolean mask synchronises."""
    if part is None or part is Ellipsis or isinstance(part, slice):
        return part
    if isinstance(part, (int, np.integer)) and not isinstance(part, bool):
        return part
    if isinstance(part, StrictArray):
        array = part._array
    elif isinstance(part, np.ndarray):
        raise TypeError(f"Unsupported type {type(part)}: a host array as an index")
    elif isinstance(part, (bool, np.bool_, list)):
        array = np.asarray(part)
        if array.size == 0:
            array = array.astype(int)
    else:
        raise IndexError("only integers, slices, `...`, None, lists and device arrays are indices")
    if array.dtype.kind not in "iub":
        raise IndexError(f"arrays used as indices must be of integer or boolean type: {array.dtype}")
    if array.dtype == bool:
        _synchronise("indexing by a boolean mask")
    return array


def _axes_taken(part: Any) -> int:
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else 1


# -- The functions.


class StrictUfunc:
    """A ufunc: positional operands; by name `out`, `casting`, `dtype`; no `where`, no `order`."""

    def __init__(self, name: str) -> None:
        self.__name__ = name
        self._ufunc = getattr(np, name)
        self.nin, self.nout = self._ufunc.nin, self._ufunc.nout

    def __call__(self, *args: Any, out: Any = None, casting: Any = "same_kind", dtype: Any = None) -> Any:
        if len(args) != self.nin:
            raise TypeError(f"Wrong number of arguments for {self.__name__!r}: {len(args)}")
        if out is not None and not isinstance(out, StrictArray):
            raise TypeError(f"Unsupported type {type(out)}")
        values = [_operand(arg) for arg in args]
        with np.errstate(all="ignore"):
            target = None if out is None else out._array
            result = self._ufunc(*values, out=target, casting=casting, dtype=dtype)
        return _wrap(result, [] if out is None else [out])

    def at(self, a: StrictArray, indices: Any, b: Any) -> None:
        """Add `b` to `a` at `indices`, duplicates included."""
        if self.__name__ != "add":
            raise NotImplementedError(f"`cupy_{self.__name__}.at` is not supported yet")
        if a.dtype.name not in (supported := OFFERED["add_at_dtypes"]).split():
            raise TypeError(f"cupy.add.at only supports {supported}")
        with np.errstate(all="ignore"):
            value = np.asarray(_operand(b)).astype(a.dtype)
            self._ufunc.at(a._array, a._index(indices), value)


def _signatures(table: str) -> dict[str, inspect.Signature]:
    """{name: signature} of a table."""
    signatures = {}
    for line in table.strip().splitlines():
        names, _, parameters = line.rstrip(")").partition("(")
        signature = inspect.signature(eval(f"lambda {parameters}: None", {"np": np}))
        signatures.update(dict.fromkeys(names.split(), signature))
    return signatures


def _adapt(name: str, function: Callable[..., Any], signature: inspect.Signature, kind: str) -> Callable[..., Any]:
    """A function of NumPy's that behaves as CuPy's does.

    kind: "array" if its first parameter takes device arrays, "creation" if it takes none.
    """

    def adapted(*args: Any, **kwargs: Any) -> Any:
        try:
            arguments = signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"cupy.{name}: {error}") from None
        operands: list[StrictArray] = []
        values = _unwrap(args, operands)
        named = {key: _unwrap(value, operands) for key, value in kwargs.items()}
        _check_places(name, arguments, kind, operands)
        if name == "argwhere" or (name == "where" and arguments.get("x") is None):
            _synchronise(name)
        with np.errstate(all="ignore"):
            result = function(*values, **named)
        return _wrap(result, operands)

    adapted.__name__ = name
    return adapted


def _check_places(name: str, arguments: dict[str, Any], kind: str, operands: list[StrictArray]) -> None:
    """Raise TypeError for a device array where CuPy takes none, or for anything else where it takes only those."""
    for i, (parameter, value) in enumerate(arguments.items()):
        inside: list[StrictArray] = []
        _unwrap(value, inside)
        if parameter in OFFERED["host_parameters"].split() and inside:
            raise TypeError(f"cupy.{name}: {parameter} takes no device array")
        if kind == "array" and (i == 0 or parameter in ("a", "b", "x1", "x2")):
            several = parameter in ("tup", "operands")
            for item in value if several else [value]:
                if not isinstance(item, StrictArray) and not (several and isinstance(item, str)):
                    raise TypeError(f"cupy.{name}: {parameter} takes device arrays: {type(item)}")
    if kind == "creation" and operands and name != "full":
        raise TypeError(f"cupy.{name} takes no device array")


# Where NumPy's function differs from CuPy's.


_OWN: dict[str, Callable[..., Any]] = {
    "take_along_axis": lambda a, i, axis: np.take_along_axis(a, np.remainder(i, a.shape[axis]), axis),
    "sort": partial(np.sort, kind="stable"),
    "argsort": partial(np.argsort, kind="stable"),
    "slogdet": lambda a: tuple(np.linalg.slogdet(a)),
}


def _adapt_all(table: str, kind: str, library: Any = np) -> dict[str, Callable[..., Any]]:
    return {
        name: _adapt(name, _OWN.get(name) or getattr(library, name), signature, kind)
        for name, signature in _signatures(table).items()
    }


def _method(name: str, signature: inspect.Signature) -> Callable[..., Any]:
    def call(array: np.ndarray, *args: Any, **kwargs: Any) -> Any:
        return getattr(array, name)(*args, **kwargs)

    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    signature = signature.replace(parameters=[this, *signature.parameters.values()])
    return _adapt(f"ndarray.{name}", call, signature, "array")


# -- The namespace.


def _missing(name: str) -> str:
    return (
        f"cupy.{name} does not exist in CuPy, or tests/helpers/cupy.toml does not list it yet "
        "(add it to the table if CuPy has it)"
    )


class _Namespace(types.ModuleType):
    """A module that says what to do about a missing name."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(_missing(name))


# -- Conversions, the only functions that take host arrays.


def _asarray(a: Any, dtype: Any = None, order: Any = None) -> StrictArray:
    """`a` on the device: itself if it is a StrictArray of that dtype, otherwise a copy."""
    if isinstance(a, StrictArray):
        return _wrap(np.asarray(a._array, dtype=dtype, order=order), [a])
    return StrictArray(np.array(a, dtype=dtype, order=order or "K", copy=True))


def _array(obj: Any, dtype: Any = None, *, copy: bool = True, ndmin: int = 0) -> StrictArray:
    array = _asarray(obj, dtype)
    if copy and array is obj:
        array = array.copy()
    return array.reshape((1,) * max(0, ndmin - array.ndim) + array.shape)


def _asnumpy(a: Any) -> np.ndarray:
    return a.get() if isinstance(a, StrictArray) else np.asarray(a)


for _name, _parameters in _signatures(OFFERED["methods"]).items():
    setattr(StrictArray, _name, _method(_name, _parameters))
for _name in OFFERED["methods_like_functions"].split():
    setattr(StrictArray, _name, _calls(_name))

strict = _Namespace("strict_cupy")
linalg = _Namespace("strict_cupy.linalg")
vars(linalg).update(_adapt_all(OFFERED["linalg_functions"], "array", np.linalg))
vars(strict).update(
    linalg=linalg,
    asarray=_asarray,
    array=_array,
    asnumpy=_asnumpy,
    **{name: StrictUfunc(name) for name in OFFERED["ufuncs"].split()},
    **_adapt_all(OFFERED["array_functions"], "array"),
    **_adapt_all(OFFERED["creation_functions"], "creation"),
)

register(StrictArray, Library("strict", strict, from_host=lambda array, index: _asarray(array), to_host=_asnumpy))
