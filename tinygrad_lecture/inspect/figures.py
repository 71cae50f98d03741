"""Pictures by matplotlib: how every figure starts, how it is saved, and fonts for any text.

    axes.text(x, y, drawable(text), **as_written())

draws letters that matplotlib's own font lacks, such as 漢 or ह, by installed fonts; □ where none has a letter.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


BOX = "□"


def drawable(text: str) -> str:
    """The text with □ for each character that is not printable or that no installed font has."""
    return "".join(c if c.isprintable() and _family_with(c) else BOX for c in text)


def as_written() -> dict[str, Any]:
    """Matplotlib text properties for texts made by `drawable`: their fonts, and `$` as an ordinary character.

    For axes.text, annotate, set_title, set_xticks with labels, and other methods that take text properties. Call it
    after `drawable`, which finds the fonts.
    """
    return {"fontfamily": list(_needed), "parse_math": False}


_needed = ["sans-serif"]  # font families needed so far; matplotlib's own first


@cache
def _family_with(character: str) -> str | None:
    """The name of a font family that has a character, or None. Raises ImportError without matplotlib."""
    require_matplotlib()
    from matplotlib.font_manager import FontProperties, findfont, get_font

    for family in dict.fromkeys([*_needed, *_upright()]):
        with suppress(OSError, RuntimeError):  # a colour-bitmap font, which matplotlib cannot draw
            font: Any = get_font(findfont(FontProperties(family=[family])))
            if font.get_char_index(ord(character)):
                if family not in _needed:
                    _needed.append(family)
                return family
    return None


@cache
def _upright() -> list[str]:
    """The installed font families with an upright regular font, without Last Resort, which has only boxes."""
    from matplotlib.font_manager import fontManager

    upright = "normal", 400, "normal"
    names = {font.name for font in fontManager.ttflist if (font.style, font.weight, font.stretch) == upright}
    return sorted(name for name in names if "Last Resort" not in name)
