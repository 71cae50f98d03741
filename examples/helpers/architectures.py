"""For 09_architectures.py: what it prints and draws."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from helpers.drawing import BLUE, ORANGE, attention_map, bars, new_figure, save

Words = Sequence[str]
Seen = Mapping[str, tuple[np.ndarray, Words, Words]]  # (outputs, tokens) of bools, and the names of outputs and tokens
Guesses = Sequence[tuple[str, float]]


def what_is_seen(grid: np.ndarray) -> str:
    """What the outputs depend on, of (outputs, tokens)."""
    only_previous = (grid == np.tri(*grid.shape, dtype=bool)).all()
    return "all tokens" if grid.all() else "only previous tokens" if only_previous else "some tokens"


def who_sees_whom(seen: Seen) -> None:
    """Print what each output depends on."""
    print('Who sees whom, measured. "Previous" includes the token itself.')
    for name, (grid, _, inputs) in seen.items():
        print(f"  {name}: {what_is_seen(grid)} ({' '.join(inputs)})")


def written(who: str, texts: Sequence[str], possible: Collection[str]) -> None:
    """Print some texts that a model wrote, and how many are sentences of the corpus."""
    if who == "the encoder":
        print("\nIs BERT a generator? To write, the encoder fills a mask at the end of the text, then the next:")
    else:
        print("It writes, word by word:")
    for text in texts[:3]:
        print(f"  {text}")
    whole = np.mean([text in possible for text in texts])
    print(f"  Of {len(texts)} texts that {who} wrote, {whole:.0%} follow one of the corpus's patterns.")
    if who == "the encoder":
        print("  Nothing in its training asked which word comes next, or where a text ends.")


def hidden(around: float, before: float) -> None:
    """Print how many hidden words each says right."""
    print(f"  Of the words hidden in the test the encoder says {around:.0%} right, from both sides;")
    print(f"  the decoder says {before:.0%}, from the left alone.")


def few_labels(n: int, untrained: float, trained: float) -> None:
    """Print how well one linear layer tells sentences apart, from an untrained and from this encoder's vectors."""
    print(f"\nClassification: about one or several? A linear layer learns it from {n} labelled sentences, eight times:")
    print(f"  with an untrained encoder {untrained:.0%} right, with this one {trained:.0%}")


def translated(wrote: Words, iso: Words, said: Words, mine: str, answer: str, right: str | None) -> None:
    """Print some translations, and how many are right; then that of the date that was asked for."""
    for text, true, translation in [*zip(wrote[:4], iso, said, strict=False), (mine, right, answer)]:
        mark = "right" if true == translation else f"wrong, it is {true}"
        print(f"  {text:22} -> {translation:12} {mark if true else 'no such day, or a form that is not learnt'}")
    share = np.mean([a == b for a, b in zip(iso, said, strict=True)])
    print(f"  Of {len(iso)} dates in years that end in 9, none of which it has learnt from, {share:.0%} are right.")


def parallel(at_once: float, one_by_one: float, difference: float) -> None:
    """Print how long a prompt takes."""
    print("\nInference: a prompt of 200 tokens, read by a decoder of 4 blocks")
    print(f"  all tokens in parallel {at_once:7.0f} ms")
    longer = f"{one_by_one / at_once:.1f} times as long: as an answer is generated"
    print(f"  token by token         {one_by_one:7.0f} ms, {longer}")
    print(f"  The scores after the last token differ by {difference:.0e}.")


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
    figure = new_figure(8.5, 6.5, "Translating a date: where it looks in the source for each character it writes")
    axes = figure.subplots()
    image = attention_map(axes, weights.mean(axis=0), target, source)
    axes.set(xlabel="source (attended to; each vector also holds what stands around it)", ylabel="target (written)")
    figure.colorbar(image, label="attention weight, mean of the heads")
    save(figure, path)
