"""Names of PyTorch that are not here, in sentences: what was asked for, why it is missing, and what to use instead."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from tinygrad_lecture.errors import alike, written_out


@cache
def reasons(table: str) -> dict[str, str]:
    """A name -> why it is not here, from a table of missing_names.toml."""
    tables = tomllib.loads(Path(__file__).with_name("missing_names.toml").read_text("utf-8"))
    return {name: reason for reason, names in tables[table].items() for name in names.split()}


def sentence(name: str, known: Iterable[str] = ()) -> str:
    """Why `name`, such as "torch.fft", is not here and what to use; if there is no reason, names like it."""
    last = name.rpartition(".")[2]
    if (reason := reasons("names").get(last)) is not None:
        return f"{name} is not here, because {reason}"
    if (formula := written_out(last)) is not None:
        return f"{name} is not here, because few programs call it; use {formula.replace('tl.', 'torch.')}"
    words = re.split(r"[._]", name.lower())
    for part, reason in reasons("parts").items():
        key = part.lower()
        telling = len(key) > 2 or key[0].isdigit()  # a short key may end other names by chance
        if key in words or (telling and (last.lower().startswith(key) or last.lower().endswith(key))):
            return f"{name} is not here, because {reason}"
    names = alike(last, known)
    remedy = f"; names like it are {', '.join(names)}" if names else "; write it with those here, or use PyTorch"
    return f"{name} is not here{remedy}"


class Refused(str):
    """An attribute of this name that Tensors do not have: its AttributeError is a sentence."""

    def __get__(self, x: Any, owner: type) -> Any:
        raise AttributeError(sentence(f"torch.Tensor.{self}"), name=str(self), obj=x)


def getattr_of(module: str, names: Callable[[], Iterable[str]]) -> Callable[[str], Any]:
    """The `__getattr__` of a module: raises AttributeError with a sentence. names: gives what the module has."""

    def __getattr__(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        raise AttributeError(sentence(f"{module}.{name}", [n for n in names() if n[0] != "_"]))

    return __getattr__


class Namespace(ModuleType):
    """A module of PyTorch's name, with the public names of modules that are here and some more.

    refusing: a script may import any other name from it too; to call what has that name is refused then.
    """

    def __init__(self, name: str, *sources: Any, refusing: bool = False, **more: Any) -> None:
        super().__init__(name, sources[0].__doc__ if sources else None)
        self.__path__: list[str] = []  # so that `import torch.nn.x` asks the finder, which has a sentence
        for source in sources:
            public = getattr(source, "__all__", None) or [n for n in vars(source) if n[0] != "_" and n != "annotations"]
            vars(self).update({n: getattr(source, n) for n in public})
        vars(self).update(more)
        missing = getattr_of(name, lambda: vars(self))
        vars(self)["__getattr__"] = (lambda key: refused(f"{name}.{key}", key)) if refusing else missing


MODULES: dict[str, Namespace] = {}  # path below torch -> module; __init__.py shows those without a dot


# what a script may import for other machines or other uses: to call what is not here of it is refused then
REFUSING = (
    *("distributed", "hub", "fx", "jit", "multiprocessing", "onnx", "profiler", "export", "ao", "quantization"),
    *("nn.parallel", "_dynamo", "_inductor", "utils.cpp_extension", "utils.data.distributed", "utils.model_zoo"),
)


def add_module(path: str, *sources: Any, **more: Any) -> Namespace:
    """A new module at a dotted path below torch, "nn.utils.rnn", also as an attribute of the one it is in."""
    made = MODULES[path] = Namespace(f"torch.{path}", *sources, refusing=path in REFUSING, **more)
    parent, _, name = path.rpartition(".")
    if parent:
        setattr(MODULES[parent], name, made)
    return made


def members(source: Any, names: str) -> dict[str, Any]:
    """Some members of a module by name; names: with spaces between."""
    return {name: getattr(source, name) for name in names.split()}


def refused(name: str, key: str) -> Any:
    """A class of this name that raises NotImplementedError when it is called; nothing is its instance."""
    if key.startswith("__"):
        raise AttributeError(f"no attribute {key!r}")

    def __new__(cls: type, *args: Any, **settings: Any) -> Any:
        raise NotImplementedError(sentence(name))

    return type(key, (), {"__new__": __new__})
