"""Names: what to write for one that a module does not have, and PyTorch's names of arguments for NumPy's.

In every function alike, `dim` and `keepdim` mean `axis` and `keepdims`; `input` and `other` are the first and the
second argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NoReturn

__all__ = ["Elsewhere", "alike", "inputs_by_position", "numpy_names", "remedies", "tell_missing", "written_out"]

# --- of modules ---------------------------------------------------------------------------------------------

_modules: dict[str, dict[str, Any]] = {}  # as a program writes a module, such as "nn.optim" -> what it holds


@cache
def remedies() -> dict[str, dict[str, str]]:
    """The tables of names.toml, each from a name to what to write. They are read for the first mistake."""
    import tomllib  # here, to keep the import of the library light
    from pathlib import Path

    return tomllib.loads(Path(__file__).with_name("names.toml").read_text("utf-8"))


def written_out(name: str) -> str | None:
    """What to write for a function, layer or loss of PyTorch that few programs call; None for other names."""
    return remedies()["written_out"].get(name.lower().replace("_", ""))


def alike(name: str, names: Iterable[str], least: float = 0.8) -> list[str]:
    """The names spelt like this one, in upper or lower case, the most alike first.

    least: the part of the letters of both that must agree. 0.8 is one letter too few or too many in a name of three,
    and no more. Names of the same letters in another order come first.
    """
    import difflib  # here, to keep the import of the library light

    wanted = name.lower()
    spellings = {known.lower(): known for known in names}
    swapped = [known for known in spellings if sorted(known) == sorted(wanted)]
    return [spellings[x] for x in dict.fromkeys([*swapped, *difflib.get_close_matches(wanted, spellings, 3, least)])]


class Elsewhere:
    """An attribute that a class does not have: the AttributeError says what to write instead.

    For what many look for; by default as names.toml has it. A `__getattr__` would see every name, but slow all
    attributes down.
    """

    def __init__(self, remedy: str = "", name: str = "") -> None:
        self._remedy, self._name = remedy, name

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, x: Any, owner: type) -> NoReturn:
        remedy = self._remedy or written_out(self._name)
        raise AttributeError(f"{owner.__name__} has no attribute {self._name!r}; write {remedy}", name=self._name)


def tell_missing(modules: Mapping[str, dict[str, Any]], later: Mapping[str, str] | None = None) -> None:
    """Give modules a `__getattr__` whose AttributeError says what to write, and a `__dir__`.

    modules: what each holds, by the name under which a program writes it.  later: of the first of them, names that are
    imported when they are first used, with the module that has each.
    """
    _modules.update(modules)
    for written, held in modules.items():
        _tell(written, held, later or {})
        later = None


def _tell(written: str, held: dict[str, Any], later: Mapping[str, str]) -> None:
    def missing(name: str) -> Any:
        if name in later:
            module = import_module(later[name], held["__package__"])
            return held.setdefault(name, vars(module).get(name, module))
        remedy = "" if name.startswith("_") else _remedy(written, name, later)
        raise AttributeError(f"{written} has no attribute {name!r}{remedy}", name=name)  # no obj: Python adds nothing

    held["__getattr__"] = missing  # set here: in a module's text, it would define every name for type checkers
    held["__dir__"] = lambda: sorted(held.get("__all__", held))


def _remedy(written: str, name: str, later: Iterable[str]) -> str:
    own = _modules[written]["__name__"]
    if "__path__" in _modules[written] and find_spec(f"{own}.{name}") is not None:
        return f"; write import {own}.{name}"
    there = remedies()["elsewhere"].get(name) or written_out(name)
    if there is not None and there != written:
        return f"; write {there}"
    package = written.partition(".")[0]
    places = sorted(_modules, key=lambda place: (place.partition(".")[0] != package, place.count(".")))
    exact = next((place for place in places if name in _public(place)), None)
    if exact is not None:
        return f"; write {exact}.{name}"
    for place in (written, *places):
        least = 0.8 if place == written else 0.9  # elsewhere is a name more likely alike by chance
        if found := alike(name, {*_public(place), *(later if place == written else ())}, least):
            return f"; did you mean {' or '.join(f'{place}.{other}' for other in found)}?"
    return f"; dir({written}) lists what it has"


def _public(place: str) -> Iterable[str]:
    """The names that a module shows: those it lists, else those it defines."""
    held = _modules[place]
    home = held["__name__"]
    own = [name for name, x in held.items() if name[0] != "_" and str(getattr(x, "__module__", "")).startswith(home)]
    return held.get("__all__") or own


# --- of arguments -------------------------------------------------------------------------------------------

_NUMPY = {"dim": "axis", "dims": "axis", "keepdim": "keepdims", "dim0": "axis0", "dim1": "axis1", "dim2": "axis2"}
_OWN = {"permute": {"dims": "axes"}, "take": {"index": "indices"}}  # a function -> its own of these


def inputs_by_position(args: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call's arguments with `input` and `other` among those by position: f(input=x, other=y) is f(x, y)."""
    for position, name in enumerate(("input", "other")):
        if name in named and len(args) >= position:
            named = dict(named)
            args = (*args[:position], named.pop(name), *args[position:])
    return args, named


def numpy_names(function: str, settings: dict[str, Any]) -> dict[str, Any]:
    """A call's keyword arguments under NumPy's names, with a list of axes as a tuple.

    Raises TypeError if both names of one argument are given.
    """
    numpys = {**_NUMPY, **_OWN.get(function, {})}
    renamed: dict[str, Any] = {}
    for name, value in settings.items():
        numpy_name = numpys.get(name, name)
        if numpy_name in renamed:
            both = " and ".join(given for given in settings if numpys.get(given, given) == numpy_name)
            raise TypeError(f"{function} got {both}, which mean the same; give one of them")
        if numpy_name in ("axis", "axes") and type(value) is list:
            value = tuple(value)
        renamed[numpy_name] = value
    return renamed
