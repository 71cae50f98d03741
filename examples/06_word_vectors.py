"""Word vectors: words become points, and directions between them have a meaning: king - man + woman is near queen.

    python examples/06_word_vectors.py                                      # vectors it trains itself, in seconds
    python examples/06_word_vectors.py --vectors glove.6B.50d.txt           # vectors of others, in GloVe's format
    python examples/06_word_vectors.py --analogy king man woman --near paris dogs

"You shall know a word by the company it keeps" (J. R. Firth, 1957). Without --vectors the program makes a small corpus
and trains on it: each word has a vector, and from it the words around have to be guessed.

    skip-gram             score of a word beside another = u · v, where u is the vector of the one, and v, of another
                          table, that of the other
    negative sampling     for each pair that does occur, some are drawn that do not; cost: -log sigmoid(u · v) for the
                          pair, and -log(1 - sigmoid(u · v)) for the others   (Mikolov et al., arXiv:1310.4546)
    an analogy            "man is to king as woman is to ...": the word nearest to king - man + woman by cosine. The
                          three words of the question are no answers; the table also says how many are right if they are

    analogy.png       the plane of king, man and woman, the way through it, and the nearest words
    directions.png    from male to female and from one to several, as arrows: the first two principal components
    cosines.png       who is near to whom

What a made corpus shows, and what not: nothing but who stands beside whom is needed for directions to come out. But
its words differ in just the ways its patterns have (made_corpus.py), so that nearly all analogies come out right. Of
real text fewer do: with GloVe's 50 numbers a word, learnt from 6 billion words, 71% of the same questions about gender,
38% about plurals, 80% about capitals, and 38%, 27% and 77% if the question's words may be answers. And whatever a text
says of men and women is in its vectors too, here that he trims a moustache, elsewhere what one would not want.

The vectors that were trained are saved in vectors.txt, which --vectors reads.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import helpers.first  # noqa: F401  before NumPy is imported

# isort: split

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers import made_corpus
from helpers.lecture import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    SKY,
    VERMILION,
    DataError,
    carry_out,
    command_line,
    given,
    new_figure,
    plain,
    positive,
    principal_axes,
    refuse_idle,
    save,
    tell_leftover,
    whole,
)
from helpers.word_vectors import WordVectors, read
from helpers.word_vectors import save as save_vectors
from tinygrad_lecture import random as rng
from tinygrad_lecture.inspect.fonts import as_written, drawable
from tinygrad_lecture.inspect.picture import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Pair = tuple[str, str]
RELATIONS: dict[str, list[Pair]] = {
    "gender": made_corpus.GENDER,
    "plural": made_corpus.PLURAL,
    "capital": made_corpus.CAPITAL,
}
ANALOGIES = [("king", "man", "woman"), ("prince", "boy", "girl"), ("cats", "cat", "dog"), ("paris", "france", "italy")]
NEAR = ["queen", "boys", "paris", "cat"]
SHOWN = ["man", "king", "prince", "boy", "woman", "queen", "princess", "girl", "kings", "queens", "dog", "dogs", "cat",
         "cats", "apple", "apples", "france", "italy", "paris", "rome"]  # fmt: skip
TRAINING = ["sentences", "dim", "window", "negatives", "epochs", "batch", "rate"]  # options
DRAWN_PEOPLE = {"man", "woman", "men", "women", "king", "queen", "kings", "queens", "boy", "girl", "boys", "girls",
                "prince", "princess", "princes", "princesses"}  # fmt: skip
DRAWN_OTHERS = {word for one, many, _ in made_corpus.OTHERS for word in (one, many)}

# --- the model ----------------------------------------------------------------------------------------------


class SkipGram(nn.Module):
    """Two tables of vectors: of a word in the middle, which are what is wanted, and of a word beside it."""

    def __init__(self, words: int, dim: int) -> None:
        self.middle = nn.Embedding(words, dim)
        self.beside = nn.Embedding(words, dim)
        nn.init.uniform_(self.middle.weight, -1 / dim, 1 / dim)
        nn.init.zeros_(self.beside.weight)

    def forward(self, middle: tl.Tensor, beside: tl.Tensor) -> tl.Tensor:
        """The scores u · v, of words by their numbers.  middle: (batch,), beside: (batch, n).  Returns (batch, n)."""
        u = tl.unsqueeze(self.middle(middle), 1)  # (batch, 1, dim)
        v = self.beside(beside)  # (batch, n, dim)
        return (u * v).sum(axis=-1)


class Pairs(nn.data.Dataset[tuple[tl.Tensor, tl.Tensor, tl.Tensor]]):
    """Words that stand beside each other, with others drawn to be told apart from them: a data set for a DataLoader.

    sentences: lists of numbers of words.  window: up to how many words away is beside.  negatives: others per pair,
    drawn by how often a word occurs to the power of 3/4, as in word2vec.
    """

    takes_many = True

    def __init__(self, sentences: list[list[int]], words: int, window: int, negatives: int) -> None:
        pairs = [
            (sentence[i], sentence[j])
            for sentence in sentences
            for i in range(len(sentence))
            for j in range(max(0, i - window), min(len(sentence), i + window + 1))
            if i != j
        ]
        self.middle, self.beside = np.array(pairs).T  # (pairs,)
        often = np.bincount(self.middle, minlength=words) ** 0.75
        self.sums = np.cumsum(often / often.sum())
        self.negatives = negatives

    def __len__(self) -> int:
        return len(self.middle)

    def __getitem__(self, rows: Any) -> tuple[tl.Tensor, tl.Tensor, tl.Tensor]:
        """middle (n,), beside (n, 1 + negatives), the right one first, and targets (n, 1 + negatives), 1 and 0."""
        middle = self.middle[rows]
        others = np.searchsorted(self.sums, rng.generator().random((len(middle), self.negatives)))
        beside = np.concatenate([self.beside[rows][:, None], others], axis=1)
        targets = np.zeros(beside.shape, np.float32)
        targets[:, 0] = 1
        return tl.tensor(middle), tl.tensor(beside), tl.tensor(targets)


def train(options: argparse.Namespace, asked: set[str]) -> WordVectors:
    """Make the corpus, train on it, save the vectors. Ctrl-C ends the training, and what was learnt is kept.

    asked: words that are to be in the corpus; raises DataError if they are not.
    """
    tl.manual_seed(options.seed)
    sentences = made_corpus.make(options.sentences, Random(options.seed))
    words = [word for word, _ in Counter(word for sentence in sentences for word in sentence).most_common()]
    place = {word: i for i, word in enumerate(words)}
    refuse_unknown(asked, place)
    pairs = Pairs([[place[w] for w in s] for s in sentences], len(words), options.window, options.negatives)
    print(f"A made corpus of {len(sentences):,} sentences with {len(words)} different words, such as")
    for sentence in sentences[:5]:
        print(f"  {' '.join(sentence)}")
    print(f"Two words up to {options.window} places apart make a pair: {len(pairs):,} pairs.\n")

    model = SkipGram(len(words), options.dim)
    batches = nn.DataLoader(pairs, options.batch, shuffle=True)
    optimizer = nn.optim.Adam(model.parameters(), options.rate)
    down = nn.optim.lr_scheduler.LinearLR(optimizer, 1, 0.02, total_iters=options.epochs * len(batches))
    loss = nn.BCEWithLogitsLoss()
    trainer = nn.Trainer(model, batches, loss, optimizer, epochs=options.epochs, schedule=down)
    if trainer.fit().interrupted:
        print("Ended by Ctrl-C; what follows is of what was learnt so far.")
    rows = model.middle.weight.detach().numpy()
    save_vectors(options.out / "vectors.txt", words, rows)
    print(f"Saved in {options.out / 'vectors.txt'}.\n")
    return WordVectors(words, rows)


def refuse_unknown(asked: set[str], known: Container[str]) -> None:
    """Raises DataError for words that were asked for and are not known."""
    if unknown := sorted(word for word in asked if word not in known):
        listed = ", ".join(map(repr, unknown))
        raise DataError(f"there is no vector for {listed}; words are mostly in small letters")


# --- the questions ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Score:
    """How a relation's analogies come out."""

    name: str
    pairs: list[Pair]  # whose words are there
    missing: int  # pairs with a word that is not
    asked: int
    right: int
    right_with_own: int  # if the question's words may be answers
    parallel: float  # the mean cosine of the differences of two pairs


def scored(vectors: WordVectors, name: str, pairs: Sequence[Pair]) -> Score:
    """Ask "a is to b as c is to ..." for every two pairs (a, b) and (c, d) of a relation, in both orders."""
    there = [pair for pair in pairs if all(word in vectors for word in pair)]
    questions = [(a, b, c, d) for (a, b), (c, d) in permutations(there, 2) if len({a, b, c, d}) == 4]
    right = []
    for own_words in (False, True):
        answers = vectors.solve([question[:3] for question in questions], own_words)
        right.append(sum(answer == d for answer, (*_, d) in zip(answers, questions, strict=True)))
    differences = [unit(vectors[b] - vectors[a]) for a, b in there]
    cosines = [float(p @ q) for p, q in combinations(differences, 2)]
    parallel = sum(cosines) / len(cosines) if cosines else float("nan")
    return Score(name, there, len(pairs) - len(there), len(questions), *right, parallel)


def unit(vector: np.ndarray) -> np.ndarray:
    """The vector with length 1."""
    return vector / (np.linalg.norm(vector) or 1)


def scores(vectors: WordVectors) -> Iterator[Score]:
    """Of the relations with at least two pairs in the vocabulary."""
    for name, pairs in RELATIONS.items():
        if (score := scored(vectors, name, pairs)).asked:
            yield score


# --- the program --------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Run with command-line arguments. Where something is wrong with them, SystemExit says what."""
    parser = command_line("06_word_vectors.py", __doc__, "out/word_vectors")
    add = parser.add_argument_group("the vectors").add_argument
    add("--vectors", type=Path, metavar="FILE", help="a text file in GloVe's format, in place of training")
    add("--limit", type=whole(1), metavar="N", help="read its first N words only; they are the most frequent")
    add = parser.add_argument_group("the questions").add_argument
    add(
        "--analogy",
        nargs=3,
        action="append",
        metavar=("A", "B", "C"),
        help="what is near to A - B + C; may be given repeatedly (king man woman, and three more)",
    )
    add("--near", nargs="+", metavar="WORD", help=f"whose neighbours to show ({' '.join(NEAR)})")
    add = parser.add_argument_group("the training").add_argument
    add("--sentences", type=whole(100), default=20_000, metavar="N", help="of the made corpus (20000)")
    add("--dim", type=whole(2), default=32, metavar="N", help="numbers in each vector (32)")
    add("--window", type=whole(1), default=4, metavar="N", help="how far away a word may be to be beside (4)")
    add("--negatives", type=whole(1), default=5, metavar="N", help="words drawn against each pair (5)")
    add("--epochs", type=whole(1), default=3, metavar="N", help="passes over all pairs (3)")
    add("--batch", type=whole(1), default=1024, metavar="N", help="pairs in a mini-batch (1024)")
    add("--rate", type=positive, default=0.01, metavar="R", help="learning rate of Adam, going down to 0 (0.01)")
    options = parser.parse_args(arguments)
    if options.vectors is None:
        refuse_idle(parser, given(parser, arguments), ["limit"], "without --vectors")
    else:
        refuse_idle(parser, given(parser, arguments), TRAINING, "with --vectors")
    carry_out(run, parser, options)


def run(options: argparse.Namespace) -> None:
    """Get the vectors, ask them, draw."""
    require_matplotlib()  # better to know before the learning than after it
    asked = {word for analogy in options.analogy or () for word in analogy} | {*(options.near or ())}
    if options.vectors is None:
        vectors = train(options, asked)
    else:
        print(f"Reading {options.vectors} ...", flush=True)
        try:
            vectors = read(options.vectors, options.limit)
        except OSError as error:
            why = f"cannot read {options.vectors}: {error.strerror}"
            raise DataError(f"{why}; name a text file in GloVe's format with --vectors") from error
        print(f"{len(vectors):,} words, {vectors.rows.shape[1]} numbers each.\n")
        refuse_unknown(asked, vectors)
    analogies = options.analogy or [a for a in ANALOGIES if all(word in vectors for word in a)]
    print_near(vectors, options.near or [word for word in NEAR if word in vectors])
    print_analogies(vectors, analogies)
    found = list(scores(vectors))
    print_scores(found)

    pictures: dict[str, Figure] = {}
    if analogies and len(vectors) > 3:
        pictures["analogy.png"] = draw_analogy(vectors, *analogies[0])
    if found:
        pictures["directions.png"] = draw_directions(vectors, found)
    if shown := [word for word in SHOWN if word in vectors]:
        pictures["cosines.png"] = draw_cosines(vectors, shown)
    print("\nPictures:" if pictures else "\nNo pictures: the words that would be drawn are not in the vocabulary.")
    for name, figure in pictures.items():
        save(figure, options.out / name)
    for name in ("analogy.png", "directions.png", "cosines.png"):
        tell_leftover(options.out / name, [options.out / written for written in pictures])


def print_near(vectors: WordVectors, words: Sequence[str]) -> None:
    """The neighbours of some words."""
    if words:
        print("Nearest by cosine:")
    for word in words:
        print(f"  {word:12} {listed(vectors.near(vectors[word], 5, [word]))}")


def listed(found: Sequence[tuple[str, float]]) -> str:
    """As "queen 0.93, throne 0.77"."""
    return ", ".join(f"{word} {cosine:.2f}" for word, cosine in found)


def print_analogies(vectors: WordVectors, analogies: Sequence[Sequence[str]]) -> None:
    """The best answers to some analogies."""
    if analogies:
        print("\nAnalogies, the nearest words but for the question's own:")
    for a, b, c in analogies:
        found = vectors.near(vectors[a] - vectors[b] + vectors[c], 3, [a, b, c])
        print(f"  {f'{a} - {b} + {c}':28} {listed(found)}")


def print_scores(found: Sequence[Score]) -> None:
    """How many analogies come out right."""
    if not found:
        print("\nToo few words of the analogies are in the vocabulary to ask them.")
        return
    print("\nAll analogies of two pairs of a relation:")
    print("  relation   pairs   asked    right          with the question's words   how parallel")
    for s in found:
        pairs = f"  {s.name:8} {len(s.pairs):7} {s.asked:7,}"
        print(f"{pairs} {s.right:8,} {s.right / s.asked:6.1%} {s.right_with_own / s.asked:20.1%} {s.parallel:22.2f}")
    print("  How parallel: the mean cosine of two pairs' differences; between unrelated directions it is near 0.")
    if missing := sum(s.missing for s in found):
        print(f"  Not asked: {missing} pairs, of which a word is not in the vocabulary.")


# --- the pictures -------------------------------------------------------------------------------------------


def draw_analogy(vectors: WordVectors, a: str, b: str, c: str) -> Figure:
    """The way a - b + c in the plane of the three, with the nearest word; beside it the nearest words as bars."""
    target = vectors[a] - vectors[b] + vectors[c]
    found = vectors.near(target, 6, [a, b, c])
    answer, cosine = found[0]
    way = drawable(f"{a} − {b} + {c}")
    figure = new_figure(13, 5.6)
    title = f"{way} is nearest to {drawable(answer)}: cosine {cosine:.2f}"
    figure.suptitle(title, fontsize=14, weight="bold", **as_written())
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    across, up = vectors[c] - vectors[b], vectors[a] - vectors[b]
    x = unit(across)
    y = unit(up - (up @ x) * x)

    def spot(vector: np.ndarray) -> np.ndarray:
        return np.array([(vector - vectors[b]) @ x, (vector - vectors[b]) @ y])

    places = {word: spot(vectors[word]) for word in (a, b, c, answer)}
    goal = spot(target)
    plain(left).set_aspect("equal", adjustable="datalim")
    for start, end, colour in ((places[b], places[a], GREY), (places[b], places[c], BLUE), (places[a], goal, BLUE)):
        arrow(left, start, end, colour)
    left.plot(*goal, "x", color=VERMILION, markersize=12, markeredgewidth=3)
    style = {"ha": "center", "color": VERMILION, **as_written()}
    left.annotate(way, goal, (0, 14), textcoords="offset points", **style)
    for word, place in places.items():
        colour = GREEN if word == answer else "black"
        left.plot(*place, "o", color=colour, markersize=9)
        below = -18 if word in (b, c, answer) else 10
        style = {"fontsize": 13, "color": colour, "weight": "bold", **as_written()}
        left.annotate(drawable(word), place, (6, below), textcoords="offset points", **style)
    away = np.linalg.norm(vectors[answer] - vectors[b] - places[answer][0] * x - places[answer][1] * y)
    title = drawable(f"the plane of {a}, {b} and {c}; {answer} is {away:.2f} off it, and every word 1 from the origin")
    left.set_title(title, fontsize=10, **as_written())
    left.margins(0.25)
    own = [(word, float(unit(target) @ vectors[word])) for word in (a, b, c)]
    bars = sorted([*found, *own], key=lambda item: item[1])
    colours = [GREEN if word == answer else "#d0d0d0" if word in (a, b, c) else SKY for word, _ in bars]
    plain(right, grid=False).barh(range(len(bars)), [cosine for _, cosine in bars], color=colours)
    right.set_yticks(range(len(bars)), [drawable(word) for word, _ in bars], **as_written())
    for row, (_, value) in enumerate(bars):
        right.annotate(f"{value:.2f}", (max(value, 0), row), (5, 0), textcoords="offset points", va="center")
    right.set(xlabel="cosine", xlim=(min(0, *(value for _, value in bars)), 1.12))
    right.set_title("the nearest words; grey: the question's own, which do not count")
    right.title.set_fontsize(10)
    return figure


def arrow(axes: Axes, start: np.ndarray, end: np.ndarray, colour: str) -> None:
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.8, "shrinkA": 4, "shrinkB": 4, "mutation_scale": 14}
    axes.annotate("", tuple(end), tuple(start), arrowprops=style)


def draw_directions(vectors: WordVectors, found: Sequence[Score]) -> Figure:
    """People in the plane of their first two principal components, an arrow from each male word to its female one, and
    from each singular to its plural; beside it the same for things and animals alone."""
    parallel = {score.name: score.parallel for score in found}
    figure = new_figure(15, 7, "Directions: from male to female, and from one to several")
    for axes, words in zip(figure.subplots(1, 2, width_ratios=[1.4, 1]), (DRAWN_PEOPLE, DRAWN_OTHERS), strict=True):
        arrows = {
            name: [pair for pair in RELATIONS[name] if {*pair} <= words and all(w in vectors for w in pair)]
            for name in ("gender", "plural")
        }
        shown = sorted({word for pairs in arrows.values() for pair in pairs for word in pair})
        if not shown:
            axes.axis("off")
            continue
        points, share = principal_axes(np.array([vectors[word] for word in shown]))
        places = dict(zip(shown, points, strict=True))
        plain(axes).margins(0.12)
        for (name, pairs), colour in zip(arrows.items(), (ORANGE, BLUE), strict=True):
            for a, b in pairs:
                arrow(axes, places[a], places[b], colour)
            if pairs:
                label = f"{name}: mean cosine of two arrows {parallel[name]:.2f}, all dimensions"
                axes.plot([], [], color=colour, linewidth=2, label=label)
        axes.plot(*points.T, "o", color="black", markersize=4)
        label_points(axes, places, [pair for pairs in arrows.values() for pair in pairs])
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False)
        axes.set(xlabel=f"first two principal components, {share:.0%} of the variance", xticklabels=[], yticklabels=[])
    return figure


def label_points(axes: Axes, places: dict[str, np.ndarray], arrows: Sequence[Pair]) -> None:
    """Write words near their points, (2,) each, with a line from each: of some spots the one that hides the least."""
    size = np.ptp([*places.values()], axis=0)
    steps = np.linspace(0, 1, 50)[:, None]
    ways = [(1 - steps) * places[a] + steps * places[b] for a, b in arrows]
    dots = np.concatenate([[*places.values()], *ways])
    weights = np.where(np.arange(len(dots)) < len(places), 10, 1)  # a hidden point is worse than a bit of an arrow
    written: list[tuple[np.ndarray, np.ndarray]] = []
    for word, place in places.items():
        half = size * (0.009 * len(word), 0.02)  # the word's, about

        def hidden(centre: np.ndarray, half: np.ndarray = half) -> float:
            words = sum(bool((abs(centre - other) < half + other_half).all()) for other, other_half in written)
            return 100 * words + float(weights[(abs(dots - centre) < half).all(axis=1)].sum())

        spots = [
            place + (half + size * 0.012 * far) * (across, up)
            for far in (1, 2, 3)
            for up in (0, 0.7, -0.7, 1.4, -1.4)
            for across in (1, -1)
        ]
        best = min(spots, key=hidden)
        written.append((best, half))
        thin = {"arrowstyle": "-", "color": GREY, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 2}
        axes.annotate(word, tuple(place), tuple(best), fontsize=10, ha="center", va="center", arrowprops=thin)


def draw_cosines(vectors: WordVectors, words: Sequence[str]) -> Figure:
    """The cosine of every two words, as colours."""
    rows = np.array([vectors[word] for word in words])
    figure = new_figure(9, 7.8, "Who is near to whom: the cosine of every two words")
    axes = figure.subplots()
    image = axes.imshow(rows @ rows.T, cmap="RdBu_r", vmin=-1, vmax=1)
    axes.set_xticks(range(len(words)), words, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(words)), words)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, shrink=0.8)
    return figure


if __name__ == "__main__":
    main()
