"""Fonts for any text in pictures: letters that matplotlib's own font lacks, such as 漢 or ह, from installed fonts.

    axes.text(x, y, drawable(text), **as_written())

Without a font for a letter, □ is drawn.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from .picture import require_matplotlib

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
    for family in dict.fromkeys([*_needed, *_upright()]):
        if _has(family, character):
            if family not in _needed:
                _needed.append(family)
            return family
    return None


@cache
def _upright() -> list[str]:
    """The installed font families with an upright regular font, without Last Resort, which has only boxes."""
    from matplotlib.font_manager import fontManager

    fonts = (
        font for font in fontManager.ttflist if (font.style, font.weight, font.stretch) == ("normal", 400, "normal")
    )
    return sorted({font.name for font in fonts if "Last Resort" not in font.name})


def _has(family: str, character: str) -> bool:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    try:
        font: Any = get_font(findfont(FontProperties(family=[family])))
    except (OSError, RuntimeError):  # a colour-bitmap font, which matplotlib cannot draw
        return False
    return bool(font.get_char_index(ord(character)))
