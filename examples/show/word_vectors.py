"""For 06_word_vectors.py: words with their vectors, what is printed and drawn."""

import re
from itertools import combinations, permutations

import numpy as np

from helpers import real
from helpers.drawing import BLUE, GREEN, ORANGE, arrow, attention_map, picture, plain, principal_axes
from helpers.program import detail, holds, table
from tinygrad_lecture.inspect.drawing import as_written, drawable

THREES = [three.split() for three in real.DATA["between"]["threes"]]


class WordVectors:
    """Words, each with a vector of length 1: the dot product of two is the cosine of the angle between them."""

    def __init__(self, words, rows):
        """rows: (words, dim), of any length."""
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        self.words, self.rows = list(words), rows / np.where(lengths > 0, lengths, 1)
        self.place = {word: i for i, word in reversed([*enumerate(words)])}  # the first of words that occur twice

    def __len__(self):
        return len(self.words)

    def __contains__(self, word):
        return word in self.place

    def __getitem__(self, word):
        """(dim,)."""
        return self.rows[self.place[word]]

    def known(self, pairs):
        """The pairs of which both words have a vector."""
        return [(a, b) for a, b in pairs if a in self and b in self]

    def cosine(self, a, b):
        return float(self[a] @ self[b])

    def near(self, vector, n=1, without=()):
        """The n words nearest to a vector by cosine, best first; none of those in `without`."""
        cosines = self.rows @ (vector / (np.linalg.norm(vector) or 1))
        cosines[[self.place[word] for word in without]] = -np.inf
        best = np.argsort(-cosines, kind="stable")[:n]
        return [(self.words[i], float(cosines[i])) for i in best if cosines[i] > -np.inf]

    def rank(self, a, b, c, answer):
        """1 if the answer is the word nearest to A - B + C, the three themselves left out; 2 if it is the second ..."""
        near = self.rows @ (self[a] - self[b] + self[c])
        nearer = near > near[self.place[answer]]
        nearer[[self.place[word] for word in (a, b, c)]] = False
        return 1 + int(nearer.sum())

    def analogies(self, pairs):
        """Of each two pairs (a, b) and (c, d) the rank of d near b - a + c."""
        asked = [(b, a, c, d) for (a, b), (c, d) in permutations(self.known(pairs), 2) if len({a, b, c, d}) == 4]
        return [self.rank(*question) for question in asked]

    def mean_cosine(self):
        """The mean cosine of any two different words."""
        n = len(self)
        return float((np.square(np.linalg.norm(self.rows.sum(axis=0))) - n) / (n * (n - 1)))


def of_smollm2():
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


def cluster_cosines(vectors, kinds):
    """For each kind the mean cosine of its words, and with the words of other kinds."""
    within, others = {}, {}
    for name, words in kinds.items():
        within[name] = np.mean([vectors.cosine(a, b) for a, b in combinations(words, 2)])
        rest = [b for kind, some in kinds.items() if kind != name for b in some]
        others[name] = np.mean([vectors.cosine(a, b) for a in words for b in rest] or [np.nan])
    return within, others


def direction(vectors, pairs):
    """The mean step from the first word of a pair to the second, of length 1; 0 where no pair is known."""
    known = vectors.known(pairs)
    return unit(np.sum([unit(vectors[b] - vectors[a]) for a, b in known], axis=0)) if known else 0 * vectors.rows[0]


def other_plurals(vectors, pairs):
    """For each pair but cat and cats the cosine of its step with the step from cat to cats."""
    known = vectors.known(pairs)
    if ("cat", "cats") not in known:
        return {}
    step = unit(vectors["cats"] - vectors["cat"])
    return {(a, b): float(unit(vectors[b] - vectors[a]) @ step) for a, b in known if a != "cat"}


# --- what is printed --------------------------------------------------------------------------------------------------


def report(m, settings):
    """Print what was measured, and draw it."""
    vectors = m.vectors
    word = "bank" if "bank" in vectors else "king"
    row = ", ".join(f"{value:.2f}" for value in vectors[word][:6])
    print(f'"{word}" -> [{row}, ...], {len(vectors[word])} numbers (12,288 in GPT-3). A static lookup.')

    # The best answers to some analogies, and what the directions are
    print("\nDirections. The words nearest to A - B + C, without the three themselves:")
    for question in m.rank:
        a, b, c = re.split(" [-+] ", question)
        print(f"  {question:26} {real.listed(vectors.near(vectors[a] - vectors[b] + vectors[c], 3, [a, b, c]))}")
    if "germany - berlin + france" in m.rank:
        ends = "to Paris all the same" if holds("literally", m) else "to another word"
        print(f"  Germany - Berlin is the way from a capital back to its country: from France it leads {ends}.")
    if m.plural_steps:
        detail('\nPlurality: the direction from "cat" to "cats", and its cosine with the same step of other words:')
        detail(f"  On average over {len(m.plural_steps)} words {m.along:.2f}; two unrelated directions have about 0.")
    largest = ", ".join(f"{name} {share:.0%}" for name, share in m.position.items())
    print(f"  No number has a meaning of its own. The largest of each direction has, squared: {largest}.")

    # The nearest words of some words; the mean cosine within a kind, and to the words of other kinds
    print("\nSimilar words get similar vectors. The nearest words, with the cosine of the angle:")
    for word in ("queen", "dog"):
        if word in m.vectors:
            print(f"  {word:10} {real.listed(m.vectors.near(m.vectors[word], 5, [word]))}")
    print(f"  A word and its plural have on average {m.similar:.2f}, any two words {m.all_pairs:.2f}.")
    kinds = {name: words for name, words in m.clusters.items() if "men" not in name}  # the picture has all
    rows = {f"{name}: {', '.join(words)}": (m.within[name], m.others[name]) for name, words in kinds.items()}
    table(("within the group", "to other groups"), rows, ".2f", "Semantic clusters: mean cosine")
    if len(m.cosine) == 3:
        cosines = ", ".join(f"{pair} {value:.2f}" for pair, value in m.cosine.items())
        print(f'Hierarchy. "Mammal" might be between "animal" and "dog": {cosines}')
        print(f"  Mammal is {'' if holds('between', m) else 'not '}nearer to both than they are to each other.")
    if len(m.between) > 1:
        print(f"  Of {len(m.between)} such threes the middle one is between the others in {sum(m.between)}.")

    # Occupations on the direction from male to female
    if m.female:
        print("\nBias. Occupations on the direction from male to female words, the mean of man → woman and the like:")
        for job, cosine in m.female.items():
            print(f"  {job:12} {cosine:+.2f}" + (f'   the text says "she" of {m.jobs[job]:4.0%}' if m.made else ""))
        print(f"  Their correlation with the stereotype is {m.bias:.2f}.", end=" ")
        print("Nothing but the text puts them there." if holds("bias", m) else "Chance brings as much.")

    draw_directions(vectors, m.relations, settings.out / "directions.png")
    if words := [word for some in m.clusters.values() for word in some]:
        rows = np.stack([vectors[word] for word in words])
        title = "The cosine of every two words: a kind whose words are alike is a block"
        with picture(settings.out / "clusters.png", title, 9.5, 8) as axes:
            image = attention_map(axes, rows @ rows.T, words, words)
            axes.figure.colorbar(image, shrink=0.8, label="cosine: 1 same direction, 0 unrelated")


def unit(vector):
    """The vector with length 1."""
    return vector / (np.linalg.norm(vector) or 1)


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_directions(vectors, relations, path):
    """A panel for each relation: arrows from the first word of a pair to the second, in their plane."""
    titles = {"gender": "male → female", "plural": "one → several", "capital": "country → capital"}
    with picture(path, "The step from each word to its partner", 15, 5.8, 3) as panels:
        for axes, (name, pairs), colour in zip(panels, relations.items(), (ORANGE, BLUE, GREEN), strict=True):
            known = vectors.known(pairs)[:6]
            if not known:
                continue
            words = list(dict.fromkeys(word for pair in known for word in pair))
            points, _ = principal_axes(np.stack([vectors[word] for word in words]))
            at = dict(zip(words, points, strict=True))
            for a, b in known:
                arrow(axes, at[a], at[b], colour)
            for word, place in at.items():
                axes.annotate(drawable(word), place, (4, 4), textcoords="offset points", fontsize=11, **as_written())
            plain(axes).set(title=titles[name], xlabel="first principal component", ylabel="second")
            axes.margins(0.2)
