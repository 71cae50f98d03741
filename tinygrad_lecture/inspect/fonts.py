"""Letters in pictures: what matplotlib's own font lacks, such as 漢 or ह, another font of the machine may have.

axes.text(x, y, drawable(text), **as_written())
"""

from __future__ import annotations

from functools import cache
from typing import Any

from .picture import require_matplotlib

BOX = "□"


def drawable(text: str) -> str:
    """The text with a box for each character that no font of the machine has, or that is no letter at all."""
    return "".join(c if c.isprintable() and _family_with(c) else BOX for c in text)


def as_written() -> dict[str, Any]:
    """What makes matplotlib draw texts made by `drawable` so far as they are: their fonts, and no $...$ as mathematics.

    For axes.text, annotate, set_title, set_xticks with labels, and whatever else takes properties of a text.
    """
    return {"fontfamily": families(), "parse_math": False}


def families() -> list[str]:
    """The fonts that texts made by `drawable` so far need, matplotlib's own first."""
    return list(_needed)


_needed = ["sans-serif"]


@cache
def _family_with(character: str) -> str | None:
    """The font that has a character: its family's name. Raises ImportError without matplotlib."""
    require_matplotlib()
    for family in dict.fromkeys([*_needed, *_upright()]):
        if _has(family, character):
            if family not in _needed:
                _needed.append(family)
            return family
    return None


@cache
def _upright() -> list[str]:
    """The families of which there is an ordinary font. The last resort's has nothing but boxes."""
    from matplotlib.font_manager import fontManager

    fonts = (
        font for font in fontManager.ttflist if (font.style, font.weight, font.stretch) == ("normal", 400, "normal")
    )
    return sorted({font.name for font in fonts if "Last Resort" not in font.name})


def _has(family: str, character: str) -> bool:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    try:
        font: Any = get_font(findfont(FontProperties(family=[family])))
    except (OSError, RuntimeError):  # a font of coloured pictures, which matplotlib cannot draw
        return False
    return bool(font.get_char_index(ord(character)))
