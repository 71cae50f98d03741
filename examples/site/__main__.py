"""`python -m examples.site`: the pages one plays with, as files in out/site/ that need no server and no network."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1])]
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from helpers.program import start  # noqa: E402

from examples.site.pages import digit_page, play_page  # noqa: E402


@dataclass
class Settings:
    """What can be set on the command line."""

    out: Path = Path("out", "site")  # folder for the pages
    epochs: int = 30  # of the training of the network that reads digits


def build(settings: Settings) -> None:
    """Write the pages, one after the other."""
    play_page(settings.out / "play.html")
    digit_page(settings.out / "digit.html", settings.epochs)


if __name__ == "__main__":
    start(build, Settings)
