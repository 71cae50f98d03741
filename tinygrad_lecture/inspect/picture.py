"""Pictures: how everything that is drawn begins and ends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def require_matplotlib() -> None:
    """Raises ImportError that says how to get matplotlib, if it is not there."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError('pictures need matplotlib: pip install "tinygrad-lecture[examples]"') from error


def new_figure(width: float, height: float, title: str = "", size: float = 14) -> Figure:
    """An empty figure of so many inches; without pyplot, so it needs no screen and is gone when nobody holds it.

    size: of the title, in points. Raises ImportError that says what to install if there is no matplotlib.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=size, weight="bold")
    return figure


def save_picture(figure: Figure, path: str | Path, dpi: int = 130) -> None:
    """Write a figure to a file, whole or not at all; the ending says which kind it is: .png, .svg, .pdf and others.

    Raises ValueError for another ending, FileNotFoundError if there is no folder to write to.
    """
    kinds = figure.canvas.get_supported_filetypes()
    if Path(path).suffix[1:].lower() not in kinds:
        raise ValueError(f"cannot draw {path}: the ending says which kind of picture it is, .png, .svg or .pdf")
    with atomic_write(path) as beside:
        figure.savefig(beside, dpi=dpi)
