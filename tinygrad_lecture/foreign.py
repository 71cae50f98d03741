"""A guard against foreign files: `nn` and `transformer` are names that a student's own file may well have.

Python looks for modules beside the running program first, so an `nn.py` there hides the project's package, and what
follows is a missing attribute three layers down. A program that says `require_own("nn")` before `import nn` gets an
ImportError instead that names the file.
"""

from __future__ import annotations

import importlib.util
import sys
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
            culprit = f"the folder {found.parent.name}" if found.name == "__init__.py" else found.name
            raise ImportError(
                f"`import {name}` would import {found}, not the package {name} that belongs to tinygrad_lecture: "
                f"rename {culprit}, or run from another folder",
                name=name,
                path=str(found),
            )


def _where(name: str) -> Path | None:
    """The file that `import name` takes or has taken; None if there is none."""
    module = sys.modules.get(name)
    if module is not None:
        file = getattr(module, "__file__", None)
    else:
        spec = importlib.util.find_spec(name)
        file = None if spec is None else spec.origin  # of a folder without an __init__.py None
    return None if file is None else Path(file)


def _same(a: Path, b: Path) -> bool:
    return a == b or a.resolve() == b.resolve()
