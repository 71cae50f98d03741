"""How the pictures of all programs look: colours, axes, and how a picture is saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_lecture.inspect.figures import BOX, save_picture
from tinygrad_lecture.inspect.figures import new_figure as new_figure  # for all programs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours that colour-blind readers can tell apart (Okabe & Ito, 2008); vermilion is a red (Tol's), and is called red.
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#CC3311"
PURPLE, SKY, GREY, DARK = "#AA4499", "#56B4E9", "#808080", "#404040"


def plain(axes: Axes, grid: bool = True) -> Axes:
    """Hide the upper and right line of the frame, add a faint grid, and return the axes."""
    axes.spines[["top", "right"]].set_visible(False)
    if grid:
        axes.grid(alpha=0.25)
    return axes


def principal_axes(rows: np.ndarray) -> tuple[np.ndarray, float]:
    """Project rows (n, dim) onto their first two principal components: (n, 2), and the share of the variance kept.

    By singular value decomposition of the centred rows.
    """
    centred = rows - rows.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    return centred @ axes[:2].T, float((sizes[:2] ** 2).sum() / ((sizes**2).sum() or 1))


def save(figure: Figure, path: Path) -> None:
    """Write a figure to a file, atomically, and print its path, with a note if no font has some of its characters."""
    from matplotlib.text import Text

    save_picture(figure, path)
    boxes = any(BOX in text.get_text() for text in figure.findobj(Text))
    print(f"  {path}{', where a box is a character that no font of this machine can draw' if boxes else ''}")
