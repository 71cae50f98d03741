"""`python -m examples.site`: the pages one plays with, as files in out/site/ that need no server and no network.

    python -m examples.site                  # all of them; some minutes, as two networks are trained
    python -m examples.site --only play      # only these: index, play, digit, text, steps, notebooks, claims, ...

To put them on a static host, copy the folder there. They also open from a disk.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1])]
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from helpers.program import DataError, start  # noqa: E402

from examples.site.pages import PAGES, index_page  # noqa: E402


@dataclass
class Settings:
    """What can be set on the command line."""

    only: tuple[str, ...] = ()  # names of pages; all if none is given
    out: Path = Path("out", "site")  # folder for the pages
    epochs: int = 30  # of the network that reads digits
    steps: int = 1000  # of the GPT's training


def build(settings: Settings) -> None:
    """Write the pages, one after the other, and last the one that links to those that are there."""
    from rich.progress import track

    if unknown := {*settings.only} - {*PAGES, "index"}:
        raise DataError(f"--only: there is no page {', '.join(sorted(unknown))}; there are index, {', '.join(PAGES)}")
    wanted = [name for name in PAGES if not settings.only or name in settings.only]
    for name in track(wanted, "Pages"):
        print(f"  {name}: {', '.join(PAGES[name].files)}", flush=True)
        PAGES[name].write(settings.out, settings)
    index_page(settings.out / "index.html")
    print(f"{settings.out / 'index.html'}")


if __name__ == "__main__":
    start(build, Settings)
