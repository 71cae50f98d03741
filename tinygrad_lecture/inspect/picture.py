"""Pictures: how every figure starts, and how it is saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def require_matplotlib() -> None:
    """Raise ImportError, saying what to install, if matplotlib is missing."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError('pictures need matplotlib: pip install ".[examples]"') from error


def new_figure(width: float, height: float, title: str = "", size: float = 14) -> Figure:
    """An empty matplotlib figure, width by height in inches. Made without pyplot: no display, freed when unused.

    size: the title's, in points. Raises ImportError, saying what to install, if matplotlib is missing.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=size, weight="bold")
    return figure


def save_picture(figure: Figure, path: str | Path, dpi: int = 130) -> None:
    """Save a figure atomically. The ending chooses the format: .png, .svg, .pdf or another that matplotlib knows.

    Raises ValueError for another ending, FileNotFoundError if the folder does not exist.
    """
    kinds = figure.canvas.get_supported_filetypes()
    if Path(path).suffix[1:].lower() not in kinds:
        raise ValueError(f"cannot draw {path}: the ending says which kind of picture to save; use .png, .svg or .pdf")
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=dpi)
