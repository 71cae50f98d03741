"""Pictures on disk: how everything that is drawn is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_picture(figure: Figure, path: str | Path, dpi: int = 130) -> None:
    """Write a figure to a file, whole or not at all; the ending says which kind it is: .png, .svg, .pdf and others.

    Raises ValueError for another ending, FileNotFoundError if there is no folder to write to.
    """
    kinds = figure.canvas.get_supported_filetypes()
    if Path(path).suffix[1:].lower() not in kinds:
        raise ValueError(f"cannot draw {path}: the ending says which kind of picture it is, .png, .svg or .pdf")
    with replacing(path) as beside:
        figure.savefig(beside, dpi=dpi)
