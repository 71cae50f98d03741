"""`python -m examples.site`: the pages one plays with, as files in out/site/ that need no server and no network.

    python -m examples.site                  # all of them; some minutes, as two networks are trained
    python -m examples.site --only play      # only this one, and index.html, which links to all that are there

To put them on a static host, copy the folder there. They also open from a disk.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from helpers.program import start  # noqa: E402

from examples.site.pages import PAGES, index_page  # noqa: E402


@dataclass
class Settings:
    """What can be set on the command line."""

    only: tuple[Literal["index", *PAGES], ...] = ()  # these pages; all if none is given
    out: Path = Path("out", "site")  # folder for the pages
    epochs: int = 30  # of the network that reads digits
    steps: int = 1000  # of the GPT's training


def build(settings: Settings) -> None:
    """Write the pages, one after the other, and last the first page, which links to those that are there."""
    wanted = [name for name in PAGES if not settings.only or name in settings.only]
    try:
        for number, name in enumerate(wanted, 1):
            print(f"{number} of {len(wanted)}, {name}: {', '.join(PAGES[name].files)}", flush=True)
            PAGES[name].write(settings.out, settings)
    finally:  # after Ctrl-C or an error too
        index_page(settings.out / "index.html")
    print(f"{settings.out / 'index.html'}: open it in a browser.")


if __name__ == "__main__":
    start(build, Settings)
