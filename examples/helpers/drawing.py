"""How the pictures of all programs look: colours, axes, bars, curves, and how a picture is saved."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_lecture.inspect.drawing import as_written, drawable, new_figure, save_picture

Axes = Any  # matplotlib's, which is imported where a picture is drawn
Curves = Mapping[str, tuple[Any, Any]]  # name -> x, y

# Colours that colour-blind readers can tell apart (Okabe & Ito, 2008); vermilion is a red (Tol's), and is called red.
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#CC3311"
PURPLE, SKY, GREY, DARK = "#AA4499", "#56B4E9", "#808080", "#404040"
COLOURS = BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY
POSITIVE, NEGATIVE, GRADIENT = BLUE, ORANGE, VERMILION  # of numbers above 0 and below, and of slopes, in every picture


def signed() -> Any:
    """A colour map from the negative through white, which is 0, to the positive."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", [NEGATIVE, "white", POSITIVE])


def by_sign(values: Any) -> list[str]:
    """The colour of each number."""
    return [POSITIVE if value >= 0 else NEGATIVE for value in values]


def plain(axes: Axes, grid: bool = True) -> Axes:
    """Hide the upper and right line of the frame, add a faint grid, and return the axes."""
    axes.spines[["top", "right"]].set_visible(False)
    if grid:
        axes.grid(alpha=0.25)
    return axes


@contextmanager
def picture(
    path: Path, title: str, width: float = 9, height: float = 5, panels: int = 0, rows: int = 1, **shared: Any
) -> Iterator[Any]:
    """The axes of a picture; in the end it is written, atomically, and said to be there.

    width, height: in inches.  panels: for so many side by side, in so many rows, a list of axes.  shared: by them, as
    sharey=True.
    """
    figure = new_figure(width, height, title)
    axes = figure.subplots(rows, panels or 1, squeeze=False, **shared).ravel()
    yield axes if panels else axes[0]
    save_picture(figure, path)
    tell(path, title)


def tell(path: Path, title: str) -> None:
    """Print where a picture is."""
    print(f"Picture {path}: {title}")


def lines(axes: Axes, curves: Curves, colours: Any, style: str = "-", legend: str = "", **settings: Any) -> Axes:
    """Draw each of the curves (x, y), and return the axes. legend: where their names are. settings: of the axes."""
    for (name, (x, y)), colour in zip(curves.items(), cycle(colours), strict=False):
        axes.plot(x, y, style, color=colour, linewidth=2.5, label=name)
    plain(axes).set(**settings)
    if legend:
        axes.legend(edgecolor="none", loc=legend)
    return axes


def chart(
    path: Path,
    title: str,
    curves: Curves,
    xlabel: str,
    ylabel: str,
    style: str = "o-",
    shares: bool = False,
    levels: Mapping[str, float] | None = None,
    **settings: Any,
) -> None:
    """Write a picture with a line for each of the curves (x, y), and their names beside it.

    shares: y is from 0 to 1, written in percent.  levels: dashed lines across, at this y.  settings: of the axes.
    """
    with picture(path, title) as axes:
        lines(axes, curves, COLOURS, style, xlabel=xlabel, ylabel=ylabel, **settings)
        for name, y in (levels or {}).items():
            axes.axhline(y, color=GREY, linestyle="--", label=name)
        if shares:
            axes.set_ylim(0, 1.05)
            axes.yaxis.set_major_formatter("{x:.0%}")
        axes.legend(edgecolor="none", loc="upper left", bbox_to_anchor=(1, 1))  # to the right of the axes


def arrow(axes: Axes, start: Any, end: Any, colour: str = "black") -> None:
    """An arrow between two points."""
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 2, "shrinkA": 5, "shrinkB": 5, "mutation_scale": 16}
    axes.annotate("", tuple(end), tuple(start), arrowprops=style)


def bars(axes: Axes, names: Sequence[str], values: Sequence[float], colours: Any, form: str = ".2f") -> None:
    """Horizontal bars, the first on top, with its value behind each."""
    drawn = plain(axes, grid=False).barh(range(len(values)), values, color=colours, height=0.7)
    axes.set_yticks(range(len(values)), [*map(drawable, names)], **as_written())
    axes.set_ylim(len(values) - 0.4, -0.6)
    axes.bar_label(drawn, fmt=f"%{form}", padding=6)


def attention_map(axes: Axes, weights: np.ndarray, queries: Sequence[str], keys: Sequence[str]) -> Any:
    """The image of one head's weights (queries, keys), from 0, white, to 1, dark blue, with the text of each token."""
    image = axes.imshow(weights, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    axes.set_xticks(range(len(keys)), keys, fontsize=11, rotation=90 * (max(map(len, keys)) > 2), **as_written())
    axes.set_yticks(range(len(queries)), queries, fontsize=11, **as_written())
    axes.tick_params(length=0)
    return image


def attention_maps(path: Path, title: str, heads: Mapping[str, np.ndarray], tokens: Sequence[str], size: float) -> None:
    """Write a picture of what tokens look at. heads: weights (tokens, tokens) by name.  size: of each, in inches."""
    with picture(path, title, size * len(heads), size + 0.6, len(heads)) as panels:
        for axes, (name, weights) in zip(panels, heads.items(), strict=True):
            attention_map(axes, weights, tokens, tokens)
            axes.set(title=name, xlabel="looked at", ylabel="looks" * (axes is panels[0]))


def heat_map(axes: Axes, rows: np.ndarray, names: Sequence[Any]) -> Any:
    """The image of some rows of numbers, from orange through white, which is 0, to blue; names: of the rows."""
    most = np.abs(rows).max()
    image = axes.imshow(rows, cmap=signed(), vmin=-most, vmax=most, aspect="auto", interpolation="nearest")
    axes.set_yticks(range(len(names)), names, fontsize=11)
    return image


def principal_axes(rows: np.ndarray) -> tuple[np.ndarray, float]:
    """Project rows (n, dim) onto their first two principal components: (n, 2), and the share of the variance kept.

    By singular value decomposition of the centred rows.
    """
    centred = rows - rows.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    return centred @ axes[:2].T, float((sizes[:2] ** 2).sum() / ((sizes**2).sum() or 1))
