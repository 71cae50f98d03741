"""For 06_word_vectors.py: words with their vectors, files in GloVe's format, what is printed and drawn."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, islice, permutations
from pathlib import Path

import numpy as np

from helpers import drawing, real
from helpers.drawing import BLUE, DARK, GREEN, GREY, ORANGE, SKY, VERMILION, Axes, bars, new_figure, plain, save
from helpers.program import DataError, detail
from tinygrad_lecture.inspect.figures import as_written, drawable

Shares = Mapping[str, float]
Pair = tuple[str, str]


class WordVectors:
    """Words, each with a vector of length 1: the dot product of two is the cosine of the angle between them."""

    def __init__(self, words: Sequence[str], rows: np.ndarray) -> None:
        """rows: (words, dim), of any length."""
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        self.words, self.rows = list(words), rows / np.where(lengths > 0, lengths, 1)
        self.place = {word: i for i, word in reversed([*enumerate(words)])}  # the first of words that occur twice

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self.place

    def __getitem__(self, word: str) -> np.ndarray:
        """(dim,)."""
        return self.rows[self.place[word]]

    def check(self, words: Iterable[str]) -> None:
        """Raises DataError for words that have no vector."""
        if unknown := [word for word in words if word not in self]:
            raise DataError(f"there is no vector for {', '.join(unknown)}; words are in small letters")

    def known(self, pairs: Iterable[Pair]) -> list[Pair]:
        """The pairs of which both words have a vector."""
        return [(a, b) for a, b in pairs if a in self and b in self]

    def cosine(self, a: str, b: str) -> float:
        return float(self[a] @ self[b])

    def near(self, vector: np.ndarray, n: int = 1, without: Iterable[str] = ()) -> list[tuple[str, float]]:
        """The n words nearest to a vector by cosine, best first; none of those in `without`."""
        cosines = self.rows @ (vector / (np.linalg.norm(vector) or 1))
        cosines[[self.place[word] for word in without]] = -np.inf
        best = np.argsort(-cosines, kind="stable")[:n]
        return [(self.words[i], float(cosines[i])) for i in best if cosines[i] > -np.inf]

    def analogies_right(self, pairs: Sequence[Pair]) -> tuple[int, int, int]:
        """How many analogies of two pairs are asked; how many come out right; how many if the question's words count.

        Of pairs (a, b) and (c, d): is d the word nearest to b - a + c?
        """
        asked = [(a, b, c, d) for (a, b), (c, d) in permutations(self.known(pairs), 2) if len({a, b, c, d}) == 4]
        right = with_own = 0
        for a, b, c, d in asked:
            first, *_ = found = self.near(self[b] - self[a] + self[c], 4)
            with_own += first[0] == d
            right += next(word for word, _ in found if word not in (a, b, c)) == d
        return len(asked), right, with_own


def read(path: Path, limit: int | None = None) -> WordVectors:
    """Read vectors from a text file in GloVe's format: a word and its numbers in each line.

    limit: how many lines to read. Raises DataError that names the line if the file is of another kind.
    """
    print(f"Reading {path} ...", flush=True)
    words: list[str] = []
    numbers: list[str] = []
    dim = 0
    try:
        with path.open(encoding="utf-8") as file:
            for line in islice(file, limit):
                word, _, rest = line.rstrip("\n").partition(" ")
                dim = dim or rest.count(" ") + 1
                if rest.count(" ") + 1 != dim:  # a few words of GloVe's largest file have spaces in them
                    word, *some = line.rstrip("\n").rsplit(" ", dim)
                    rest = " ".join(some)
                words.append(word)
                numbers.append(rest)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    rows = parse(" ".join(numbers))
    if dim < 2 or len(rows) != len(words) * dim:
        line = next((i for i, text in enumerate(numbers) if len(parse(text)) != dim or dim < 2), 0)
        raise DataError(f"{path}, line {line + 1}: wanted a word and its numbers, as in GloVe's files")
    print(f"{len(words):,} words, {dim} numbers each.")
    return WordVectors(words, rows.reshape(len(words), dim))


def of_smollm2() -> WordVectors:
    """The embedding table of SmolLM2: the rows of tokens that are whole words, in small letters where there are two."""
    model = real.smollm2()
    table, words = model.embedding.W_E.weight.detach().numpy(), {}
    for token in range(len(table)):
        text = model.tokenizer.decode([token])
        word = text[1:].lower()
        whole = text[:1] == " " and len(word) > 1 and word.isalpha() and word.isascii()
        if whole and (word not in words or text.islower()):
            words[word] = token
    print(f"The table W_E of SmolLM2, a real language model: {len(table):,} tokens, of which {len(words):,} are words.")
    return WordVectors(list(words), table[list(words.values())])


def parse(text: str) -> np.ndarray:
    """The numbers in a text, up to the first that is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # NumPy's, where a text has something else than numbers
        try:
            return np.fromstring(text, dtype=np.float32, sep=" ")
        except ValueError:
            return np.empty(0, np.float32)


# --- what is printed --------------------------------------------------------------------------------------------------


def listed(found: Sequence[tuple[str, float]]) -> str:
    """As "queen 0.93, throne 0.77"."""
    return ", ".join(f"{word} {cosine:.2f}" for word, cosine in found)


def learning(sentences: Sequence[Sequence[str]], words: Sequence[str], pairs: np.ndarray, steps: int) -> None:
    """What is learnt from."""
    print(f"A made text of {len(sentences):,} sentences with {len(words)} different words, such as")
    for sentence in sentences[:2]:
        print(f"  {' '.join(sentence)}")
    print(f"Words at most 4 places apart are a pair: {len(pairs):,} pairs. {steps:,} steps of 1,024 pairs:", flush=True)


def a_vector(word: str, vectors: WordVectors) -> None:
    """The first numbers of a vector."""
    row = vectors[word]
    numbers = ", ".join(f"{value:.2f}" for value in row[:6])
    print(f'\n"{word}" -> [{numbers}, ...], {len(row)} numbers (12,288 in GPT-3).')
    print("A static lookup: always this row of the table. Attention (07) makes the vector depend on the sentence.")


def near(vectors: WordVectors, words: Sequence[str]) -> None:
    """The nearest words of some words."""
    print("\nSimilar words get similar vectors. The nearest words, with the cosine of the angle:")
    for word in words:
        if word in vectors:
            print(f"  {word:10} {listed(vectors.near(vectors[word], 5, [word]))}")


def clusters(vectors: WordVectors, kinds: Mapping[str, Sequence[str]]) -> None:
    """The mean cosine within a kind, and to the words of other kinds."""
    print("\nSemantic clusters: mean cosine within a group, and to words of other groups:")
    for name, words in kinds.items():
        inside = [vectors.cosine(a, b) for a, b in combinations([word for word in words if word in vectors], 2)]
        others = [word for kind, some in kinds.items() if kind != name for word in some if word in vectors]
        outside = [vectors.cosine(a, b) for a in words if a in vectors for b in others]
        if inside:
            text = f"{name}: {', '.join(words)}"
            print(f"  {text:42}{np.mean(inside):6.2f} within, {np.mean(outside):5.2f} to others")


def analogies(vectors: WordVectors, questions: Iterable[tuple[str, str, str]]) -> None:
    """The best answers to some analogies."""
    print("\nDirections. The words nearest to A - B + C, without the three themselves:")
    for a, b, c in questions:
        if all(word in vectors for word in (a, b, c)):
            found = vectors.near(vectors[a] - vectors[b] + vectors[c], 3, [a, b, c])
            print(f"  {f'{a} - {b} + {c}':26} {listed(found)}")


def germany_and_berlin(vectors: WordVectors, countries: Sequence[str]) -> None:
    """The lecture's example as it is written, and with its first two words swapped."""
    if not all(word in vectors for word in ("germany", "berlin", "france")):
        return
    g, b, f = (vectors[word] for word in ("germany", "berlin", "france"))
    own = ["germany", "berlin", "france"]
    literally, swapped = vectors.near(g - b + f, 3, own), vectors.near(b - g + f, 3, own)
    print('\n  The lecture writes "Germany - Berlin + France ≈ Paris". Computed literally:')
    kind = "another country" if literally[0][0] in countries else "not Paris" if literally[0][0] != "paris" else "Paris"
    print(f"  germany - berlin + france  {listed(literally)}   {kind}")
    print(f"  berlin - germany + france  {listed(swapped)}")
    (first, near), (_, next_near) = swapped[:2]
    clear = "clearly" if near - next_near > 0.05 else "barely"
    print(f"\n  Berlin - Germany is the way from a country to its capital; from France it leads {clear} to {first}.")
    print(f"  Germany - Berlin is the same way backwards: from France it leads to {literally[0][0]}.")


def plural(vectors: WordVectors, pairs: Sequence[Pair]) -> None:
    """ "cats" - "cat" is a direction that other plurals share."""
    known = [pair for pair in vectors.known(pairs) if "cat" not in pair]
    if not known or "cat" not in vectors or "cats" not in vectors:
        return
    direction = unit(vectors["cats"] - vectors["cat"])
    along = [float(unit(vectors[many] - vectors[one]) @ direction) for one, many in known]
    detail('\nPlurality: the direction from "cat" to "cats", and its cosine with the same step of other words:\n')
    best = sorted(zip(known, along, strict=True), key=lambda item: -item[1])
    shown = [*best[:3], *best[-2:]]
    detail("  " + ", ".join(f"{one} → {many} {value:.2f}" for (one, many), value in shown))
    detail(f"  On average over {len(known)} words {np.mean(along):.2f}; two unrelated directions have about 0.")


def all_analogies(vectors: WordVectors, relations: Mapping[str, Sequence[Pair]]) -> None:
    """How many analogies of two pairs come out right."""
    detail("\nAll analogies of two pairs of a relation:\n")
    detail(f"  {'':10}{'asked':>8}{'right':>9}{'right, if the words of the question may be answers':>53}")
    for name, pairs in relations.items():
        asked, right, with_own = vectors.analogies_right(pairs)
        if asked:
            detail(f"  {name:10}{asked:8,}{right / asked:9.0%}{with_own / asked:53.0%}")


def hierarchy(vectors: WordVectors) -> None:
    """Animal, mammal, dog."""
    if not all(word in vectors for word in ("animal", "mammal", "dog", "bird")):
        return
    print('\nHierarchy. "Mammal" might be between "animal" and "dog": the cosines')
    shown = (("animal", "mammal"), ("mammal", "dog"), ("animal", "dog"), ("mammal", "bird"), ("animal", "bird"))
    print("  " + ", ".join(f"{a} and {b} {vectors.cosine(a, b):.2f}" for a, b in shown))
    between = vectors.cosine("animal", "dog") < min(vectors.cosine("animal", "mammal"), vectors.cosine("mammal", "dog"))
    print(f"  Mammal is {'' if between else 'not '}nearer to both than they are to each other: ", end="")
    print("it is between them." if between else "here it is not between them.")


def occupations(vectors: WordVectors, jobs: Shares, pairs: Sequence[Pair], shares: Shares) -> dict[str, float]:
    """Where occupations are on the direction from male to female: job -> cosine, and the mean of all words.

    jobs: of each the share of women that the stereotype has, here that of the made text.
    """
    known = vectors.known(pairs)
    if not known:
        return {}
    direction = unit(np.mean([unit(vectors[f] - vectors[m]) for m, f in known], axis=0))
    found = {job: float(vectors[job] @ direction) for job in jobs if job in vectors}
    print("\nBias. Occupations on the direction from male to female words, the mean of man → woman and the like:")
    for job, cosine in found.items():
        share = f'   the text says "she" of {shares[job]:4.0%}' if job in shares else ""
        print(f"  {job:12} {cosine:+.2f}{share}")
    mean = found["all words"] = float((vectors.rows @ direction).mean())
    print(f"  {'all words':12} {mean:+.2f}   the mean, with which to compare them")
    other = [job for job, share in jobs.items() if job in found and (found[job] > mean) != (share > 0.5)]
    print(f"  Not on the side of the stereotype: {', '.join(other) or 'none'}.")
    print("  Nothing but the text puts them there. What the text associates is in the vectors, and so in every program")
    print("  that uses them.")
    return found


def unit(vector: np.ndarray) -> np.ndarray:
    """The vector with length 1."""
    return vector / (np.linalg.norm(vector) or 1)


# --- the pictures -----------------------------------------------------------------------------------------------------


def arrow(axes: Axes, start: np.ndarray, end: np.ndarray, colour: str) -> None:
    """An arrow between two points."""
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 2, "shrinkA": 5, "shrinkB": 5, "mutation_scale": 16}
    axes.annotate("", tuple(end), tuple(start), arrowprops=style)


def draw_analogy(vectors: WordVectors, a: str, b: str, c: str, path: Path) -> None:
    """Left, A - B + C as a way in a plane; right, the nearest words as bars."""
    target = vectors[a] - vectors[b] + vectors[c]
    found = vectors.near(target, 6, [a, b, c])
    answer, cosine = found[0]
    sum_ = f"{a} − {b} + {c}"
    figure = new_figure(13, 5.6)
    figure.suptitle(drawable(f"The step from {b} to {a}, taken from {c}, leads near {answer} (cosine {cosine:.2f})"),
                    fontsize=14, weight="bold", **as_written())  # fmt: skip
    left, right = figure.subplots(1, 2, width_ratios=[1.2, 1])
    points, _ = drawing.principal_axes(np.stack([vectors[word] for word in (a, b, c, answer)] + [target]))
    at = dict(zip((a, b, c, answer, sum_), points, strict=True))
    middle = points.mean(axis=0)
    right_of = 1 if at[answer][0] >= at[sum_][0] else -1
    arrow(left, at[b], at[a], BLUE)
    arrow(left, at[c], at[sum_], BLUE)
    for word, place in at.items():
        colour = GREEN if word == answer else VERMILION if word == sum_ else "black"
        left.plot(*place, "X" if word == sum_ else "o", color=colour, markersize=11)
        beside = {"xytext": (0, 14 if place[1] > middle[1] else -22), "ha": "center"}
        if word == answer:  # on the side away from the cross
            beside = {"xytext": (12 * right_of, -5), "ha": "left" if right_of > 0 else "right"}
        elif word == sum_:  # on the other side, and off the arrow
            rises = at[sum_][1] >= at[c][1]
            beside = {"xytext": (-8 * right_of, 12 if rises else -22), "ha": "right" if right_of > 0 else "left"}
        left.annotate(drawable(word), place, textcoords="offset points", fontsize=13, color=colour, weight="bold",
                      **beside, **as_written())  # fmt: skip
    plain(left).margins(0.3)
    low, high = left.get_xlim()
    wider = 0.3 * (high - low)  # for the label of the sum
    left.set_xlim((low - wider, high) if right_of > 0 else (low, high + wider))
    left.set(xlabel="first principal component of these words", ylabel="second", xticks=[], yticks=[])
    own = [(word, float(unit(target) @ vectors[word])) for word in (a, b, c)]
    names, cosines = zip(*sorted([*found, *own], key=lambda item: -item[1]), strict=True)
    colours = [GREEN if word == answer else "#d0d0d0" if word in (a, b, c) else SKY for word in names]
    bars(right, names, cosines, colours, at=np.maximum(cosines, 0))
    right.set_yticks(range(len(names)), [*map(drawable, names)], fontsize=12, **as_written())
    right.set(xlabel="cosine with A − B + C", xlim=(min(0, *cosines), 1.15))
    right.set_title("nearest words (grey: those of the question)", fontsize=12)
    save(figure, path)


def draw_directions(vectors: WordVectors, relations: Mapping[str, Sequence[Pair]], path: Path) -> None:
    """A panel for each relation: arrows from the first word of a pair to the second. Across: the mean of all steps; up:
    the first principal component of what is left."""
    titles = {"gender": "male → female", "plural": "one → several", "capital": "country → capital"}
    known = {name: vectors.known(pairs) for name, pairs in relations.items()}
    known = {name: pairs for name, pairs in known.items() if len(pairs) > 1}
    if not known:
        return
    steps = [[unit(vectors[b] - vectors[a]) for a, b in pairs] for pairs in known.values()]
    alike = np.mean([np.mean(some @ unit(np.mean(some, axis=0))) for some in map(np.stack, steps)])
    title = f"The step from each word to its partner: mean cosine {alike:.2f} with the relation's mean step"
    figure = new_figure(5 * len(known), 5.8, title)
    panels = figure.subplots(1, len(known), squeeze=False)[0]
    for axes, (name, pairs), colour in zip(panels, known.items(), (ORANGE, BLUE, GREEN), strict=False):
        words = list(dict.fromkeys(word for pair in pairs for word in pair))
        rows = np.stack([vectors[word] for word in words])
        step = unit(np.mean([vectors[b] - vectors[a] for a, b in pairs], axis=0))
        across = rows @ step
        up = drawing.principal_axes(rows - across[:, None] * step)[0][:, 0]
        at = dict(zip(words, np.stack([across, up / (np.ptp(up) or 1)], axis=1), strict=True))
        for a, b in apart(pairs, at):
            arrow(axes, at[a], at[b], colour)
            for word, side in ((a, "right"), (b, "left")):
                axes.plot(*at[word], "o", color="black", markersize=5)
                axes.annotate(drawable(word), at[word], (9 if side == "left" else -9, -4), textcoords="offset points",
                              fontsize=11, ha=side, **as_written())  # fmt: skip
        plain(axes).margins(0.35, 0.08)
        alike = np.mean([unit(vectors[b] - vectors[a]) @ step for a, b in pairs])
        axes.set(title=f"{titles[name]}: cosine with the mean step {alike:.2f}", xticks=[], yticks=[])
        axes.set_xlabel("along the mean step")
        axes.set_ylabel("what else differs most")
    save(figure, path)


def apart(pairs: Sequence[Pair], at: Mapping[str, np.ndarray]) -> list[Pair]:
    """Some of the pairs, far enough above each other that their words can be read."""
    found: list[Pair] = []
    for pair in pairs:
        heights = [at[word][1] for other in found for word in other]
        if all(abs(at[word][1] - height) > 0.045 for word in pair for height in heights):
            found.append(pair)
    return found


def draw_clusters(vectors: WordVectors, kinds: Mapping[str, Sequence[str]], path: Path) -> None:
    """The cosine of every two words, as colours: kinds are blocks."""
    kinds = {name: [word for word in words if word in vectors] for name, words in kinds.items()}
    words = [word for some in kinds.values() for word in some]
    if not words:
        return
    rows = np.stack([vectors[word] for word in words])
    figure = new_figure(9.5, 8, "The cosine of every two words: a kind whose words are alike is a block")
    axes = figure.subplots()
    image = axes.imshow(rows @ rows.T, cmap=drawing.signed(), vmin=-1, vmax=1)
    axes.set_xticks(range(len(words)), words, rotation=60, ha="right", rotation_mode="anchor", fontsize=11)
    axes.set_yticks(range(len(words)), words, fontsize=11)
    edge = 0
    for some in kinds.values():
        edge += len(some)
        axes.axhline(edge - 0.5, color="white", linewidth=3)
        axes.axvline(edge - 0.5, color="white", linewidth=3)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, shrink=0.8, label="cosine: 1 same direction, 0 unrelated")
    save(figure, path)


def draw_occupations(bias: Mapping[str, float], shares: Mapping[str, float], path: Path) -> None:
    """Occupations on the direction from male to female."""
    if not bias:
        return
    title = "Bias: where the text puts occupations between male and female words"
    figure = new_figure(9.5, 1.8 + 0.5 * len(bias), title)
    axes = figure.subplots()
    jobs = sorted(bias, key=lambda job: bias[job])
    colours = drawing.by_sign([bias[job] for job in jobs])
    said = {job: f', "she" in {share:.0%} of its sentences' for job, share in shares.items()}
    bars(axes, jobs, [bias[job] for job in jobs], colours, [f"{bias[job]:+.2f}{said.get(job, '')}" for job in jobs])
    axes.axvline(0, color=GREY)
    axes.margins(x=0.75)
    axes.set_xlabel("cosine with the direction from male (left) to female words (right)", color=DARK)
    save(figure, path)
