"""Temperature: the same logits, drawn from boldly or timidly.

    python examples/13_temperature.py

The lecture's exercise: a language model has read "The weather today is" and gives five words a score each, its logits:
2.0, 1.8, 1.2, 0.8 and 0.6. Which word comes next is drawn with the probabilities

    p = softmax(logits / T)         p_i = exp(logit_i / T) / sum_j exp(logit_j / T)

    T below 1     what was probable becomes more probable; T = 0 is greedy, always the word with the largest logit
    T above 1     the words come closer to each other; the larger T, the more all are alike
    top-k         only the k most probable words may be drawn
    top-p         only the fewest words that together have at least probability p

The numbers come from transformer.probabilities and the draws from the sampler that text is generated with, which are
counted, and should be as many as the probabilities say, give or take chance.

    temperature.png   a panel for each temperature: the probabilities as bars, and how often each word was drawn
    continuum.png     how the probabilities change on the way from greedy to all alike
    cuts.png          what top-k and top-p leave

    python examples/13_temperature.py --temperatures 0 0.7 1 5
    python examples/13_temperature.py --prompt "To be or not to" --words be see do --logits 5 1 0.5 --top-p 0.95
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import helpers.first  # noqa: F401  before NumPy is imported

# isort: split

import numpy as np

import tinygrad_lecture as tl
from helpers.lecture import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    carry_out,
    command_line,
    new_figure,
    not_negative,
    number,
    plain,
    save,
    some_share,
    whole,
)
from tinygrad_lecture.inspect.fonts import as_written, drawable
from tinygrad_lecture.inspect.picture import require_matplotlib
from transformer import probabilities
from transformer.generation.sampling import draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PROMPT = "The weather today is"
LECTURE = {"sunny": 2.0, "nice": 1.8, "warm": 1.2, "cold": 0.8, "rainy": 0.6}
COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY)
STYLES = [{"linestyle": dashes, "color": colour} for dashes in ("-", "--") for colour in COLOURS]


@dataclass(frozen=True)
class Scores:
    """What a language model says of the words that could follow a text."""

    prompt: str
    words: list[str]
    logits: np.ndarray  # (words,), float64

    def p(self, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None) -> np.ndarray:
        """The probability of each word: (words,)."""
        with np.errstate(over="ignore"):  # at temperatures next to 0 the difference to the best word is infinite
            return probabilities(self.logits, temperature, top_k, top_p).numpy()

    @property
    def width(self) -> int:
        """Of a column of words."""
        return max(map(len, [*self.words, "as many as"]))


def counts(p: np.ndarray, samples: int, random: np.random.Generator) -> np.ndarray:
    """How often each word comes in so many draws: (words,)."""
    rows = tl.broadcast_to(tl.tensor(p), (samples, len(p)))  # a row for each draw
    return np.bincount(draw(rows, random), minlength=len(p))


def choices(p: np.ndarray) -> float:
    """As many equally probable words would be as uncertain: exp of the entropy, -sum p log p."""
    some = p[p > 0]
    return math.exp(-(some * np.log(some)).sum())


# --- the program --------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Run with command-line arguments. Where something is wrong with them, SystemExit says what."""
    parser = command_line("13_temperature.py", __doc__, "out/temperature")
    add = parser.add_argument_group("what the model says").add_argument
    add("--prompt", default=PROMPT, metavar="TEXT", help=f"what it has read ({PROMPT})")
    add("--words", nargs="+", metavar="WORD", help=f"that could follow ({' '.join(LECTURE)})")
    add("--logits", nargs="+", type=number, metavar="X", help="a score for each (2 1.8 1.2 0.8 0.6)")
    add = parser.add_argument_group("how a word is chosen").add_argument
    add(
        "--temperatures",
        nargs="+",
        type=not_negative,
        default=[0.5, 1.0, 2.0],
        metavar="T",
        help="to compare; 0 is greedy (0.5 1 2)",
    )
    add("--top-k", type=whole(1), default=3, metavar="K", help="how many words top-k leaves (3)")
    add("--top-p", type=some_share, default=0.6, metavar="P", help="how much probability top-p leaves at least (0.6)")
    add("--samples", type=whole(1), default=1000, metavar="N", help="draws at each temperature (1000)")
    options = parser.parse_args(arguments)
    complete(parser, options)
    carry_out(run, parser, options)


def complete(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Fill in words or logits that were not given, and end with a message if they are not as many."""
    if options.logits is None:
        options.logits = list(LECTURE.values())
    if options.words is None:
        own = options.logits != list(LECTURE.values())
        options.words = [f"word {i}" for i, _ in enumerate(options.logits, 1)] if own else list(LECTURE)
    if len(options.words) != len(options.logits):
        parser.error(f"{len(options.words)} words and {len(options.logits)} logits: give a logit for each word")


def run(options: argparse.Namespace) -> None:
    """Print the table, how its first number comes about, the draws, the cuts; and draw."""
    require_matplotlib()  # better to know before the table than after it
    scores = Scores(options.prompt, options.words, np.array(options.logits))
    temperatures = list(dict.fromkeys(options.temperatures))
    random = np.random.default_rng(options.seed)
    drawn = {T: counts(scores.p(T), options.samples, random) for T in temperatures}
    print_table(scores, temperatures)
    print_by_hand(scores, next((T for T in temperatures if T), 1.0))
    print_greedy(scores)
    print_draws(scores, drawn, options.samples)
    print_cuts(scores, options.top_k, options.top_p)
    print("\nPictures:")
    save(draw_temperatures(scores, drawn, options.samples), options.out / "temperature.png")
    save(draw_continuum(scores, temperatures), options.out / "continuum.png")
    save(draw_cuts(scores, options.top_k, options.top_p), options.out / "cuts.png")


def print_table(scores: Scores, temperatures: Sequence[float]) -> None:
    """The exercise's answer."""
    width = scores.width
    print(f'"{scores.prompt} ..."  What comes next? p = softmax(logits / T)\n')
    print(f"  {'':{width}}   logit" + "".join(f"{f'T = {T:.4g}':>12}" for T in temperatures))
    table = np.stack([scores.p(T) for T in temperatures], axis=1)  # (words, temperatures)
    for word, logit, row in zip(scores.words, scores.logits, table, strict=True):
        print(f"  {word:{width}} {logit:7.2f}" + "".join(f"{p:12.4f}" for p in row))
    print(f"\n  {'as many as':{width}}        " + "".join(f"{choices(p):12.2f}" for p in table.T))
    print("  equally probable words would be as uncertain: exp(entropy).")


def print_by_hand(scores: Scores, T: float) -> None:
    """How the probability of the best word comes about at a temperature, in steps to follow with a calculator."""
    best = int(scores.logits.argmax())
    print(f'\nBy hand, "{scores.words[best]}" at T = {T:g}:')
    largest = float(scores.logits[best]) / T
    if abs(largest) > 200:  # where a calculator gives up
        print(f"  exp({scores.logits[best]:g} / {T:g}) is no number to write down. It is enough to know how far the")
        print("  logits are apart: taking the largest off all of them changes no probability, and keeps exp small.")
        return
    powers = np.exp(scores.logits / T)
    print(f"  exp({scores.logits[best]:g} / {T:g}) = exp({largest:.4g}) = {powers[best]:.4g}")
    print(f"  the sum over all words: {' + '.join(f'{x:.4g}' for x in powers[:8])}", end="")
    print(f"{' + ...' if len(powers) > 8 else ''} = {powers.sum():.4g}")
    print(f"  {powers[best]:.4g} / {powers.sum():.4g} = {powers[best] / powers.sum():.4f}")


def print_greedy(scores: Scores) -> None:
    """What temperature 0 does."""
    p = scores.p(0)
    print(f'\nT = 0 is greedy: always "{scores.words[int(p.argmax())]}". Close to 0 it is nearly so:')
    for T in (0.2, 0.1, 0.05):
        print(f"  T = {T:<4g} p = {scores.p(T).max():.6f}")
    if (scores.logits == scores.logits.max()).sum() > 1:
        print("  But here several words have the largest logit: greedy takes the first, a small T any of them.")


def print_draws(scores: Scores, drawn: dict[float, np.ndarray], samples: int) -> None:
    """Counts beside what was to be expected; the standard deviation of a count is sqrt(n p (1 - p))."""
    print(f"\nDrawn {samples:,} times at each temperature: how often, and how often to be expected, give or take")
    print(f"  {'':{scores.width}}" + "".join(f"{f'T = {T:g}':>26}" for T in drawn))
    for i, word in enumerate(scores.words):
        cells = []
        for T, count in drawn.items():
            p = scores.p(T)[i]
            cells.append(f"{count[i]:12,} {samples * p:8,.0f} ±{math.sqrt(samples * p * (1 - p)):4.0f}")
        print(f"  {word:{scores.width}}" + "".join(cells))
    print("  ±: one standard deviation; about three counts in ten lie farther away from what is expected.")


def print_cuts(scores: Scores, top_k: int, top_p: float) -> None:
    """What top-k and top-p leave at temperature 1."""
    full, by_k, by_p = scores.p(), scores.p(top_k=top_k), scores.p(top_p=top_p)
    print("\nWhat may be drawn at T = 1, the most probable first, with what probability:")
    print(f"  {'':{scores.width}}      p   together{f'top-k {top_k}':>12}{f'top-p {top_p:g}':>13}")
    order = np.argsort(-full, kind="stable")
    for i, together in zip(order, np.cumsum(full[order]), strict=True):
        left = f"{cell(by_k[i]):>11} {cell(by_p[i]):>12}"
        print(f"  {scores.words[i]:{scores.width}} {full[i]:6.4f} {together:10.4f} {left}")
    kept = int((by_p > 0).sum())
    always = f"Top-k always leaves {top_k}" if top_k < len(full) else f"Top-k {top_k} leaves all, for there are no more"
    print(f"  {always}; top-p here {kept}, fewer where the model is sure, more where it is not.")


def cell(p: float) -> str:
    """A probability, or that there is none."""
    return f"{p:.4f}" if p else "none"


# --- the pictures -------------------------------------------------------------------------------------------


def bars(axes: Axes, words: list[str], p: np.ndarray, colour: str) -> None:
    """Probabilities as bars, the first word on top."""
    rows = np.arange(len(p))
    plain(axes, grid=False).barh(rows, p, color=colour, height=0.7)
    axes.set_yticks(rows, [drawable(word) for word in words], **as_written())
    axes.set(ylim=(len(p) - 0.4, -0.6), xlabel="probability")


def write(axes: Axes, p: np.ndarray, reach: np.ndarray) -> None:
    """The probability in numbers behind each bar, where what is drawn reaches to; fainter if there is none."""
    for row, (value, x) in enumerate(zip(p, reach, strict=True)):
        style = {"va": "center", "fontsize": 9, "color": "black" if value else "#606060"}
        axes.annotate(cell(value), (x, row), (8, 0), textcoords="offset points", **style)


def draw_temperatures(scores: Scores, drawn: dict[float, np.ndarray], samples: int) -> Figure:
    """A panel for each temperature, from cold to hot."""
    from matplotlib.ticker import FixedLocator

    n = len(drawn)
    figure = new_figure(1.6 + 3.3 * n, 1.8 + 0.45 * len(scores.words))
    figure.suptitle(f'"{drawable(scores.prompt)} ..."', fontsize=14, weight="bold", **as_written())
    panels = figure.subplots(1, n, sharey=True, squeeze=False)[0]
    for axes, T in zip(panels, sorted(drawn), strict=True):
        p, share = scores.p(T), drawn[T] / samples
        bars(axes, scores.words, p, heat(T))
        write(axes, p, np.maximum(p, share))
        axes.plot(share, np.arange(len(share)), "|", color="black", markersize=13, markeredgewidth=1.6)
        axes.set_title(f"T = {T:g}{', greedy' if T == 0 else ''}")
        most = max(scores.p(T).max() for T in drawn)
        axes.set_xlim(0, 1.35 * most)  # with room for the numbers
        axes.xaxis.set_major_locator(FixedLocator([x for x in axes.get_xticks() if x <= min(1, 1.2 * most)]))
    note = f"black marks: how often each word came in {samples:,} draws"
    figure.supxlabel(note, fontsize=10, color="#404040")
    return figure


def heat(T: float) -> str:
    """Blue for cold, orange for hot."""
    return BLUE if T < 1 else ORANGE if T > 1 else GREEN


def draw_continuum(scores: Scores, temperatures: Sequence[float]) -> Figure:
    """Each word's probability against the temperature, on a logarithmic axis."""
    marked = sorted({T for T in temperatures if 0.001 <= T <= 1000})  # beyond that all is greedy, or alike
    hottest, coldest = max([10.0, *(1.5 * T for T in marked)]), min([0.05, *(T / 1.5 for T in marked)])
    rows = label_rows(marked, apart=(hottest / coldest) ** 0.068)  # the factor between temperatures that a label takes
    top = 1.1 + 0.055 * max(rows, default=0)
    figure = new_figure(9, max(5.0, 4 * top), "From greedy to all alike")
    axes = plain(figure.subplots())
    for T, row in zip(marked, rows, strict=True):
        axes.axvline(T, color=GREY, linewidth=1, linestyle=":")
        style = {"fontsize": 9, "color": "#404040", "bbox": {"color": "white", "pad": 0.5}}
        axes.annotate(f"T = {T:g}", (T, 1.03 + 0.055 * row), ha="center", **style)
    Ts = np.geomspace(coldest, hottest, 200)
    curves = np.stack([scores.p(T) for T in Ts])  # (temperatures, words)
    best = np.argsort(-scores.logits, kind="stable")
    named, others = np.sort(best[: len(STYLES)]), best[len(STYLES) :]  # there are no more styles to tell apart
    for i, curve_style in zip(named, STYLES, strict=False):
        label = drawable(f"{scores.words[i]}, logit {scores.logits[i]:g}")
        axes.plot(Ts, curves[:, i], **curve_style, linewidth=2.5, label=label)
    if len(others):
        lines = axes.plot(Ts, curves[:, others], color=GREY, linewidth=0.8, zorder=1.5)
        lines[0].set_label(f"the others, {len(others)}")
    axes.axhline(1 / len(scores.words), color=GREY, linewidth=1, linestyle="--")
    alike = f"all alike: 1/{len(scores.words)}"
    axes.annotate(alike, (coldest, 1 / len(scores.words)), (4, 4), textcoords="offset points", color="#404040")
    axes.set(xscale="log", xlim=(coldest, hottest), ylim=(0, top), yticks=np.linspace(0, 1, 6))
    axes.set(xlabel="temperature", ylabel="probability")
    axes.xaxis.set_major_formatter("{x:g}")
    below = {"bbox_to_anchor": (1, 1), "bbox_transform": axes.get_yaxis_transform()}  # the temperatures
    legend = axes.legend(edgecolor="none", framealpha=1, loc="upper right", **below)
    for text in legend.get_texts():
        text.set(**as_written())
    return figure


def label_rows(temperatures: Sequence[float], apart: float) -> list[int]:
    """For each of the sorted temperatures the row of its label: the lowest in which it does not lie on another.

    apart: the factor between two temperatures that have room in the same row.
    """
    ends: list[float] = []  # where the last label ends, in each row of them
    rows = []
    for T in temperatures:
        row = next((row for row, end in enumerate(ends) if end <= T), len(ends))
        ends[row : row + 1] = [apart * T]
        rows.append(row)
    return rows


def draw_cuts(scores: Scores, top_k: int, top_p: float) -> Figure:
    """All words, what top-k leaves, what top-p leaves; best first."""
    order = np.argsort(-scores.logits, kind="stable")
    ranked = Scores(scores.prompt, [scores.words[i] for i in order], scores.logits[order])
    figure = new_figure(12, 1.8 + 0.45 * len(order), "Who may be drawn at all: top-k counts words, top-p probability")
    everything, *both = figure.subplots(1, 3, sharey=True)
    full = ranked.p()
    bars(everything, ranked.words, full, GREY)
    write(everything, full, full)
    sums = np.cumsum(full)
    everything.plot(sums, np.arange(len(sums)), "o-", color=VERMILION, linewidth=1.2, label="together with those above")
    everything.axvline(top_p, color=VERMILION, linestyle=":", linewidth=1.2)
    everything.legend(edgecolor="none", framealpha=1, fontsize=8, loc="lower center")
    everything.set_xlim(0, 1.1)
    everything.set_title("all words, T = 1")
    left = [ranked.p(top_k=top_k), ranked.p(top_p=top_p)]
    best = f"the {top_k} best" if top_k < len(order) else f"all {len(order)}"
    titles = [f"top-k {top_k}: {best}", f"top-p {top_p:g}: the fewest with {top_p:.0%}"]
    for axes, p, title, colour in zip(both, left, titles, (BLUE, VERMILION), strict=True):
        bars(axes, ranked.words, p, colour)
        axes.barh(np.arange(len(full)), full, color="none", edgecolor="#404040", linestyle="--", height=0.7)
        write(axes, p, np.maximum(p, full))
        axes.set(title=title, xlim=(0, 1.25 * max(q.max() for q in left)))
    figure.supxlabel("dashed: before the cut; what is left is scaled to sum to 1", fontsize=10, color="#404040")
    return figure


if __name__ == "__main__":
    main()
