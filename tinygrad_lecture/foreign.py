"""A guard against foreign files: `nn` and `transformer` are names that a student's own file may well have.

Python looks for modules beside the running program first, so an `nn.py` there hides the project's package, and what
follows would be a missing attribute three layers down. Once the engine is imported, importing such a file, or having
imported it, is an ImportError that names it.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec
from typing import Any

OURS = ("nn", "transformer")
_HOME = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120 - pathlib is slow to import


def guard() -> None:
    """From now on `import nn` finds the project's package, or an ImportError says what is in its way.

    Raises that error at once where a foreign one has been imported already.
    """
    for name in OURS:
        module = sys.modules.get(name)
        if module is not None:
            folders = list(getattr(module, "__path__", ()))
            _check(name, getattr(module, "__file__", None) or (folders[0] if folders else None))
    if Guard not in sys.meta_path:
        sys.meta_path.insert(0, Guard)


class Guard:
    """What Python asks first where to find a module (importlib calls it a meta path finder)."""

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Where the project's own package is, by Python's other finders; nothing for other names.

        A folder without an `__init__.py` is passed over if one of them knows better. A foreign file is not run.
        """
        if name not in OURS:
            return None
        folder: str | None = None
        for finder in sys.meta_path:
            spec = None if finder is cls else finder.find_spec(name, path, target)
            if spec is not None and spec.origin is not None:
                _check(name, spec.origin)
                return spec
            if spec is not None:
                folder = next(iter(spec.submodule_search_locations or ()), None)
        _check(name, folder)
        return None


def _check(name: str, found: str | None) -> None:
    """Raises ImportError if the file or folder found is not the project's package."""
    if found is None or os.path.realpath(found) == os.path.join(_HOME, name, "__init__.py"):  # noqa: PTH118
        return
    folder, file = os.path.split(found)
    culprit = f"the folder {os.path.basename(folder)}" if file == "__init__.py" else file  # noqa: PTH119
    culprit = culprit if "." in file else f"the folder {file}"
    raise ImportError(
        f"`import {name}` finds {found}, not the package {name} that belongs to tinygrad_lecture: rename {culprit}, or "
        "run from another folder",
        name=name,
        path=found,
    )
