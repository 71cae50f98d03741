"""For 09_architectures.py: what it prints and draws."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from helpers import dates
from helpers.drawing import BLUE, ORANGE, attention_map, bars, new_figure, save
from helpers.program import Measured, detail

Words = Sequence[str]
Seen = Mapping[str, tuple[np.ndarray, Words, Words]]  # (outputs, tokens) of bools, and the names of outputs and tokens
Guesses = Sequence[tuple[str, float]]


def report(m: Measured, settings: Any) -> None:
    """Print what was measured, and draw it."""
    print('\nWho sees whom, measured. "Previous" includes the token itself.')
    for name, (grid, _, inputs) in m.seen.items():
        print(f"  {name}: {what_is_seen(grid)} ({' '.join(inputs)})")
    print("\nThe decoder writes, word by word:")
    written(m, "decoder")
    print("Is BERT a generator? To write, the encoder fills a mask at the end of the text, then the next:")
    written(m, "encoder")
    detail("  Nothing in its training asked which word comes next, or where a text ends.")
    print(f"  Of words hidden in the middle it says {m.hidden['encoder']:.0%} right, from both sides;", end=" ")
    print(f"the decoder {m.hidden['decoder']:.0%}, from the left alone.")
    print(f"\nClassification: about one or several? A linear layer, from {settings.labelled} labelled sentences:")
    print(f"  with an untrained encoder {m.told['untrained']:.0%} right, with this one {m.told['trained']:.0%}")
    print("\nThe encoder-decoder translates dates into ISO format:")
    translated(m, settings.date, dates.iso_of(settings.date))
    print(f"\nInference: a prompt of 200 tokens, all tokens in parallel: {m.at_once:.0f} ms, by a decoder of 4 blocks;")
    print(f"  token by token, as an answer is generated, it takes {m.longer:.1f} times as long")
    detail(f"  The scores after the last token differ by {m.differ:.0e}.")
    print("\nPictures:")
    draw_masks(m.seen, settings.out / "masks.png")
    draw_gaps(m.gaps, settings.out / "gaps.png")
    draw_cross_attention(m.cross, dates.signs(dates.encode(settings.date)), [*m.mine, "end"], settings.out / "date.png")


def what_is_seen(grid: np.ndarray) -> str:
    """What the outputs depend on, of (outputs, tokens)."""
    only_previous = (grid == np.tri(*grid.shape, dtype=bool)).all()
    return "all tokens" if grid.all() else "only previous tokens" if only_previous else "some tokens"


def written(m: Measured, who: str) -> None:
    """Print some texts that a model wrote, and how many are sentences of the corpus."""
    print(f"  {m.texts[who][0]}")
    for text in m.texts[who][1:3]:
        detail(f"  {text}")
    print(f"  Of {len(m.texts[who])} texts that the {who} wrote, {m.wrote[who]:.0%}", end=" ")
    print("follow one of the corpus's patterns.")


def translated(m: Measured, date: str, right: str | None) -> None:
    """Print some translations, and how many are right; then that of the date that was asked for."""
    for text, true, said in [*zip(m.dates[:2], m.iso, m.said, strict=False), (date, right, m.mine)]:
        mark = "right" if true == said else f"wrong, it is {true}"
        print(f"  {text:22} -> {said:12} {mark if true else 'no such day, or a form that is not learnt'}")
    print(f"  Of {len(m.iso)} dates in years that end in 9, none of which it has learnt from,", end=" ")
    print(f"{m.translated:.0%} are right.")


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_masks(seen: Seen, path: Path) -> None:
    """A map for each model: a row for each output, coloured where it depends on the token."""
    figure = new_figure(15, 5.4, "What a token sees: blue where an output depends on a token")
    panels = figure.subplots(1, 4)
    what = "text", "text", "source", "target"
    for axes, (name, (grid, rows, columns)), kind in zip(panels, seen.items(), what, strict=True):
        attention_map(axes, 0.6 * grid, rows, columns)
        axes.set_title(f"{name}:\n{what_is_seen(grid)}", fontsize=12, pad=10)
        axes.set_xlabel(f"seen: token of the {kind}")
    panels[0].set_ylabel("output at each token")
    panels[2].set_ylabel("output at each token of the target")
    save(figure, path)


def draw_gaps(found: Sequence[tuple[str, Guesses, Guesses]], path: Path) -> None:
    """The best guesses for each gap: of the decoder above, of the encoder below."""
    figure = new_figure(4.4 * len(found), 6, "The same gap, seen from the left alone and from both sides")
    grid = figure.subplots(2, len(found), squeeze=False)
    for column, (text, *both) in enumerate(found):
        left, right = text.split("<mask>")
        titles = f"{left}___", f"{left}___{right}"
        for axes, guesses, title, colour in zip(grid[:, column], both, titles, (ORANGE, BLUE), strict=True):
            bars(axes, *zip(*guesses, strict=True), colour)
            axes.set_xlim(0, 1.15)
            axes.set_title(title, fontsize=10)
    grid[0][0].set_ylabel("decoder", color=ORANGE, weight="bold")
    grid[1][0].set_ylabel("encoder", color=BLUE, weight="bold")
    for axes in grid[1]:
        axes.set_xlabel("probability")
    save(figure, path)


def draw_cross_attention(weights: np.ndarray, source: Sequence[str], target: Sequence[str], path: Path) -> None:
    """Cross-attention, the mean over the heads: at which characters the decoder looks for each that it writes."""
    title = "Translating a date: where it looks in the source for each character it writes"
    axes = new_figure(8.5, 6.5, title).subplots()
    image = attention_map(axes, weights.mean(axis=0), target, source)
    axes.set(xlabel="source (attended to; each vector also holds what stands around it)", ylabel="target (written)")
    axes.figure.colorbar(image, label="attention weight, mean of the heads")
    save(axes.figure, path)
