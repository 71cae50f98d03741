"""A guard against foreign files: `nn` and `transformer` are names that a student's own file may well have.

Python looks for modules beside the running program first, so an `nn.py` there hides the project's package, and what
follows is a missing attribute three layers down. A program that says `require_own("nn")` before `import nn` gets an
ImportError instead that names the file.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

_HOME = Path(__file__).parent.parent  # the three packages lie side by side, in a clone as in site-packages


def require_own(*packages: str) -> None:
    """Make sure that `import nn` (or another of the project's packages) finds the project's.

    Looks without importing, so nothing of a foreign file is run, unless it has been imported already.
    Raises ImportError that names the file in the way and says to rename it. Where there is nothing at all by that
    name it says nothing; the import itself does.
    """
    for name in packages:
        found = _where(name)
        if found is not None and not _same(found, _HOME / name / "__init__.py"):
            raise ImportError(
                f"`import {name}` would import {found}, not the package {name} that belongs to tinygrad_lecture: "
                f"rename {found.name}, or run from another folder",
                name=name,
                path=str(found),
            )


def _where(name: str) -> Path | None:
    """The file, or the folder without an `__init__.py`, that `import name` takes or has taken."""
    module = sys.modules.get(name)
    if module is not None:
        file = getattr(module, "__file__", None)
        if file is not None:
            return Path(file)
        spec: ModuleSpec | None = getattr(module, "__spec__", None)
    else:
        spec = importlib.util.find_spec(name)
    if spec is None:
        return None
    if spec.origin is not None:
        return Path(spec.origin)
    folders = list(spec.submodule_search_locations or ())
    return Path(folders[0]) if folders else None


def _same(a: Path, b: Path) -> bool:
    return a == b or a.resolve() == b.resolve()
