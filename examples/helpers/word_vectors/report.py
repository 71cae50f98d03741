"""What 06_word_vectors.py prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np

from helpers.word_vectors.vectors import Pair, WordVectors


def listed(found: Sequence[tuple[str, float]]) -> str:
    """As "queen 0.93, throne 0.77"."""
    return ", ".join(f"{word} {cosine:.2f}" for word, cosine in found)


def learning(sentences: Sequence[Sequence[str]], words: Sequence[str], pairs: np.ndarray, steps: int) -> None:
    """What is learnt from."""
    print(f"A made text of {len(sentences):,} sentences with {len(words)} different words, such as")
    for sentence in sentences[:6]:
        print(f"  {' '.join(sentence)}")
    print(f"Words at most 4 places apart are a pair: {len(pairs):,} pairs. {steps:,} steps of 1,024 pairs:", flush=True)


def progress(step: int, steps: int, loss: float) -> None:
    """The loss, four times."""
    if step % max(1, steps // 4) == 0:
        print(f"  step {step:6,}: loss {loss:.3f}", flush=True)


def a_vector(word: str, vectors: WordVectors) -> None:
    """The first numbers of a vector."""
    row = vectors[word]
    print(
        f'\n"{word}" -> [{", ".join(f"{value:.2f}" for value in row[:6])}, ...], {len(row)} numbers (12,288 in GPT-3).'
    )
    print("A static lookup: always this row of the table. Attention (07) makes the vector depend on the sentence.")


def near(vectors: WordVectors, words: Sequence[str]) -> None:
    """The nearest words of some words."""
    print("\nSimilar words get similar vectors. The nearest words, with the cosine of the angle:\n")
    for word in words:
        if word in vectors:
            print(f"  {word:10} {listed(vectors.near(vectors[word], 5, [word]))}")


def clusters(vectors: WordVectors, kinds: Mapping[str, Sequence[str]]) -> None:
    """The mean cosine within a kind, and to the words of other kinds."""
    print(
        "\nSemantic clusters: the mean cosine of two words of one kind, and of a word with the words of other kinds:\n"
    )
    for name, words in kinds.items():
        inside = [vectors.cosine(a, b) for a, b in combinations([word for word in words if word in vectors], 2)]
        others = [word for kind, some in kinds.items() if kind != name for word in some if word in vectors]
        outside = [vectors.cosine(a, b) for a in words if a in vectors for b in others]
        if inside:
            text = f"{name}: {', '.join(words)}"
            print(f"  {text:42}{np.mean(inside):6.2f} within, {np.mean(outside):5.2f} to others")


def analogies(vectors: WordVectors, questions: Iterable[tuple[str, str, str]]) -> None:
    """The best answers to some analogies."""
    print("\nDirections. The words nearest to A - B + C, without the three themselves:\n")
    for a, b, c in questions:
        if all(word in vectors for word in (a, b, c)):
            print(
                f"  {f'{a} - {b} + {c}':26} {listed(vectors.near(vectors[a] - vectors[b] + vectors[c], 3, [a, b, c]))}"
            )


def germany_and_berlin(vectors: WordVectors, countries: Sequence[str]) -> None:
    """The lecture's example as it is written, and with its first two words swapped."""
    if not all(word in vectors for word in ("germany", "berlin", "france")):
        return
    g, b, f = (vectors[word] for word in ("germany", "berlin", "france"))
    own = ["germany", "berlin", "france"]
    literally, swapped = vectors.near(g - b + f, 3, own), vectors.near(b - g + f, 3, own)
    print('\n  The lecture writes "Germany - Berlin + France ≈ Paris". Computed literally:\n')
    kind = "another country" if literally[0][0] in countries else "not Paris" if literally[0][0] != "paris" else "Paris"
    print(f"  germany - berlin + france  {listed(literally)}   {kind}")
    print(f"  berlin - germany + france  {listed(swapped)}")
    print(
        "\n  Berlin - Germany is the way from a country to its capital. Added to France, it leads to France's capital."
    )
    print("  Germany - Berlin is the same way backwards: from France it leads away from all capitals.")


def plural(vectors: WordVectors, pairs: Sequence[Pair]) -> None:
    """ "cats" - "cat" is a direction that other plurals share."""
    known = [pair for pair in vectors.known(pairs) if "cat" not in pair]
    if not known or "cat" not in vectors or "cats" not in vectors:
        return
    direction = unit(vectors["cats"] - vectors["cat"])
    along = [float(unit(vectors[many] - vectors[one]) @ direction) for one, many in known]
    print('\nPlurality: the direction from "cat" to "cats", and its cosine with the same step of other words:\n')
    best = sorted(zip(known, along, strict=True), key=lambda item: -item[1])
    shown = [*best[:3], *best[-2:]]
    print("  " + ", ".join(f"{one} → {many} {value:.2f}" for (one, many), value in shown))
    print(f"  On average over {len(known)} words {np.mean(along):.2f}; two unrelated directions have about 0.")


def all_analogies(vectors: WordVectors, relations: Mapping[str, Sequence[Pair]]) -> None:
    """How many analogies of two pairs come out right."""
    print("\nAll analogies of two pairs of a relation:\n")
    print(f"  {'':10}{'asked':>8}{'right':>9}{'right, if the words of the question may be answers':>53}")
    for name, pairs in relations.items():
        asked, right, with_own = vectors.analogies_right(pairs)
        if asked:
            print(f"  {name:10}{asked:8,}{right / asked:9.0%}{with_own / asked:53.0%}")


def hierarchy(vectors: WordVectors) -> None:
    """Animal, mammal, dog."""
    if not all(word in vectors for word in ("animal", "mammal", "dog", "bird")):
        return
    print('\nHierarchy. "Mammal" might be between "animal" and "dog": the cosines\n')
    for a, b in (("animal", "mammal"), ("mammal", "dog"), ("animal", "dog"), ("mammal", "bird"), ("animal", "bird")):
        print(f"  {a:8} {b:8} {vectors.cosine(a, b):5.2f}")
    between = vectors.cosine("animal", "dog") < min(vectors.cosine("animal", "mammal"), vectors.cosine("mammal", "dog"))
    print(f"  Mammal is {'' if between else 'not '}nearer to both than they are to each other: ", end="")
    print("it is between them." if between else "here it is not between them.")


def occupations(
    vectors: WordVectors, jobs: Sequence[str], pairs: Sequence[Pair], shares: Mapping[str, float]
) -> dict[str, float]:
    """Where occupations are on the direction from male to female: job -> cosine."""
    known = vectors.known(pairs)
    if not known:
        return {}
    direction = unit(np.mean([unit(vectors[f] - vectors[m]) for m, f in known], axis=0))
    found = {job: float(vectors[job] @ direction) for job in jobs if job in vectors}
    print(
        "\nBias. Occupations on the direction from male to female words (the mean of man → woman, king → queen, ...):\n"
    )
    for job, cosine in found.items():
        share = f'   the text says "she" of {shares[job]:4.0%}' if job in shares else ""
        print(f"  {job:12} {cosine:+.2f}{share}")
    print("  Nothing but the text puts them there. What the text associates is in the vectors, and so in every program")
    print("  that uses them.")
    return found


def unit(vector: np.ndarray) -> np.ndarray:
    """The vector with length 1."""
    return vector / (np.linalg.norm(vector) or 1)
