"""What skipped tests wait for, in one line at the end of a run: which extras, and how many tests each."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]


def extra_of(reason: str) -> str | None:
    """The first extra that brings a package which the reason of a skip names; None if there is none."""
    for extra, packages in PROJECT["optional-dependencies"].items():
        for package in packages:
            name = re.split(r"[\[>=]|-cuda", package)[0]
            if name not in ("pytest", PROJECT["name"]) and re.search(rf"\b{name}\b", reason, re.IGNORECASE):
                return extra
    return None


def waiting(reasons: Iterable[str]) -> str:
    """The line, of the reasons of all skips. A file that is skipped as a whole counts as one test."""
    extras = Counter(map(extra_of, reasons))
    others = extras.pop(None, 0)
    parts = [f"the extra {extra} {count:,}" for extra, count in extras.most_common()]
    parts += [f"other reasons {others:,}"] * bool(others)
    return f"Skipped tests, by what they wait for (-rs lists them): {', '.join(parts)}"
