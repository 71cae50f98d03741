"""What 07_attention.py prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from helpers.attention import cars, senses
from helpers.program import DataError
from transformer.tokenizer.word import words

SHOWN = 8  # numbers of a vector
Pair = tuple[str, str, int, str]


def place(word: str, sentence: str) -> int:
    """Where a word is in a sentence. Raises DataError if it is not there."""
    found = words(sentence.lower())
    if word.lower() not in found:
        raise DataError(f'there is no "{word}" in "{sentence}"; name another with --word')
    return found.index(word.lower())


def progress(step: int, steps: int, loss: float) -> None:
    """The loss, five times during a training."""
    if step % max(1, steps // 5) == 0:
        print(f"  step {step:5,}: loss {loss:.3f}", flush=True)


def numbers(vector: np.ndarray) -> str:
    """The first numbers of a vector."""
    more = " ..." if len(vector) > SHOWN else ""
    return "".join(f"{value:6.2f}" for value in vector[:SHOWN]) + more


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """The cosine of the angle between two vectors."""
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


# --- one head -----------------------------------------------------------------------------------------------


def senses_begin(course: senses.Course) -> None:
    """What the single head learns from."""
    print("A single head learns what a word means, from made sentences such as\n")
    for name, some in (("bank", 4), ("tower", 1), ("model", 1)):
        for i in [i for i, text in enumerate(course.texts) if f" {name} " in text][:some]:
            print(f"  {course.texts[i]:45} {name}: {senses.SENSES[course.senses[i]]}")
    print("  Most words hint at the sense, more or less strongly, as in real text. Few settle it: now and then such a")
    print("  word goes with the other bank.")
    print("\n  The loss is the cross-entropy of the sense:")


def step_by_step(sentence: str, i: int, reading: Any, W_U: tl.Tensor) -> None:
    """Scores, softmax, weighted sum for one word; and what each word adds to the answer. W_U: (senses, width)."""
    found, (x, q, k, v, weights, after, logits) = words(sentence), (part.numpy() for part in reading)
    word, width = found[i], x.shape[1]
    print(f'\nThe attention process for "{word}" in "{sentence}"\n')
    print(f'  1. Attention scores: Q("{word}") · K(word) / sqrt({width}).  2. Softmax: weights that sum to 1.\n')
    for name, key, weight in zip(found, k, weights[i], strict=True):
        score = q[i] @ key
        print(f"     {name:10} score {score / width**0.5:6.2f}   weight {weight:.2f}   {'█' * round(40 * weight)}")
    ranked = np.argsort(-weights[i])
    terms = " + ".join(f'{weights[i, j]:.2f} × V("{found[j]}")' for j in ranked[:3])
    print(f"\n  3. Weighted sum: {terms}{' + ...' if len(found) > 3 else ''}\n")
    first, second = np.argsort(-logits[i])[:2]
    adds = weights[i] * (v @ (W_U.numpy()[first] - W_U.numpy()[second]))  # (n,): to what tells the two senses apart
    for j in ranked:
        row = f'     {weights[i, j]:.2f} × V("{found[j]}")'.ljust(28) + numbers(v[j])
        print(f"{row:82}{adds[j]:+6.2f}")
    print(f"     {'sum':23}" + numbers(weights[i] @ v))
    print(f"     {f'+ vector of {chr(34)}{word}{chr(34)}':23}" + numbers(x[i]))
    print(f"     {'= after attention':23}" + numbers(after[i]))
    print(
        f"     On the right, what it adds to the score of {senses.SENSES[first]} over that of {senses.SENSES[second]}."
    )
    print(
        "\n  It blends, it does not select: softmax gives every word a weight.", share_of_the_largest(found, weights[i])
    )
    print(
        "  The lecture's weights 0.6, 0.3 and 0.1 are an example. These are learnt, and with another --seed others are,"
    )
    print("  for many weights lead to the right answers: a word whose value adds little may have any weight.")
    idle = next((j for j in ranked if abs(adds[j]) < 0.1 * np.abs(adds).max() and weights[i, j] > 0.05), None)
    if idle is not None:
        print(f'  Here "{found[idle]}" has the weight {weights[i, idle]:.2f}, and adds only {adds[idle]:+.2f}.')
    p = tl.softmax(tl.tensor(logits[i])).numpy()
    print(f'  "{word}" now means: {likely(p)}')


def share_of_the_largest(found: Sequence[str], weights: np.ndarray) -> str:
    """How the largest weight compares with all others."""
    top = int(weights.argmax())
    return f'Here "{found[top]}" has {weights[top]:.2f}, all others {1 - weights[top]:.2f} together.'


def likely(p: np.ndarray) -> str:
    """The senses with a probability of at least 2%."""
    return ", ".join(f"{senses.SENSES[i]} {p[i]:.2f}" for i in np.argsort(-p) if p[i] >= 0.02)


def contexts(sentences: Sequence[tuple[str, str]], readings: Sequence[Any]) -> None:
    """What the same word looks at, and means, in other sentences; and its vectors before and after attention."""
    print("\nContext is everything: the same word in other sentences, none of which was learnt from.\n")
    vectors: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for (sentence, word), reading in zip(sentences, readings, strict=True):
        found, i = words(sentence), place(word, sentence)
        weights = reading.weights.numpy()[i]
        p = tl.softmax(reading.logits[i], -1).numpy()
        looks = ", ".join(f"{found[j]} {weights[j]:.2f}" for j in np.argsort(-weights)[:3] if weights[j] >= 0.02)
        print(f"  {sentence:36} {word} looks at {looks:36} {likely(p)}")
        vectors.setdefault(word, []).append((reading.x.numpy()[i], reading.after.numpy()[i]))
    print("\n  The cosine of two vectors of the same word (1.00: the same direction)\n")
    print(f"  {'':72}{'before':>8}{'after attention':>18}")
    for word, (a, b) in {"bank": (1, 2), "tower": (0, 1), "model": (0, 1)}.items():
        pair = [sentence for sentence, other in sentences if other == word]
        (x0, after0), (x1, after1) = vectors[word][a], vectors[word][b]
        print(f"  {f'{word}: {pair[a]} / {pair[b]}':72}{cosine(x0, x1):8.2f}{cosine(after0, after1):18.2f}")
    print(
        "  The embedding is static: a word always starts from the same vector. What differs after attention comes from"
    )
    print("  the words around it.")


def page(model: Any, tokens: np.ndarray, i: int, sentence: str, path: Path) -> None:
    """Write a page on which one steps through the head's forward and backward pass for word i."""
    with tl.Graph() as graph:  # it watches what is computed
        log_p = tl.log_softmax(model(tl.tensor(tokens)).logits[i], -1)  # (senses,): what the word means
        log_p.max().backward()
    print(f"\nA page to step through: {tl.page(graph, path, tokens=words(sentence), title='Attention')}")


# --- three heads --------------------------------------------------------------------------------------------


def cars_begin(course: cars.Course) -> None:
    """What the three heads learn from."""
    print('\n\nThe exercise: "The red car that John bought yesterday broke down on the highway."\n')
    print("  Three heads, each with questions of its own, learn from made sentences such as")
    for text in [text for text in course.texts if text.endswith(".")][:3]:
        print(f"    {text}")
    print("  head 1, grammatical: which thing did what, who did what, what was bought")
    print("  head 2, modification: which thing is red, when was it bought, where did it break down")
    print("  head 3, coreference and long range: what does that or it stand for, which thing broke down")
    print("  All three together describe the thing: its colour, its owner, when it was bought, whether it runs.")
    print("\n  The loss is the cross-entropy of all answers:")


def right_answers(course: cars.Course, model: Any) -> None:
    """How many answers are right in new sentences."""
    _, _, each, _ = model(tl.tensor(course.tokens))
    print("\n  Right answers in 1,000 other sentences:")
    for h, name in enumerate(cars.HEADS):
        asked = course.answers[:, h] != cars.IGNORED
        said = model.answer[h](each[:, h]).numpy().argmax(-1)
        print(f"    head {h + 1}, {name:24} {(said == course.answers[:, h])[asked].mean():7.1%}")


def pairs(wanted: Sequence[Pair], found: Sequence[str], weights: np.ndarray, answers: Sequence[Sequence[int]]) -> None:
    """The lecture's relationships, ticked off.  weights: (heads, n, n).  answers: for each head and word, a word."""
    print(
        "\n  Strong attention relationships: how much each head looks from the one word to the other, in brackets the"
    )
    print("  head whose question it is. A tick: this head answers the first word's question with the second.\n")
    print(f"    {'':24}{'head 1':>8}{'head 2':>8}{'head 3':>8}")
    ticks, largest = 0, 0
    for a, b, head, why in wanted:
        i, j = found.index(a), found.index(b)
        answer = cars.VOCABULARY[answers[head][i]]
        ticks += answer == b
        largest += weights[head, i].argmax() == j
        cells = "".join(f"{f'[{w[i, j]:.2f}]' if h == head else f'{w[i, j]:.2f} ':>8}" for h, w in enumerate(weights))
        print(f"    {f'{a} → {b}':24}{cells}  {'✓' if answer == b else f'no: {answer}'}  {why}")
    print(f"\n    {ticks} of {len(wanted)} are ticked. The last is none of the lecture's seven; head 3 has to find it.")
    print(
        f"    For {largest} of them the weight is also the largest of this word. It need not be: a head may also look"
    )
    print("    at a word whose value is near zero, which adds nothing. Where nobody asks, weights mean nothing.")


def car_as_it_is_read(model: Any, found: Sequence[str]) -> dict[str, np.ndarray]:
    """What the vector of "car" says after each part of the sentence: part -> p of the descriptions."""
    print('\n  How the embedding of "car" changes: the nearest description of each kind, as a probability\n')
    described = {}
    for part, until in (
        ("Initial: the car", None),
        ('After "red"', "car"),
        ('After "John bought"', "bought"),
        ('After "yesterday"', "yesterday"),
        ('After "broke"', "broke"),
        ("Final", "."),
    ):
        read = ["the", "car"] if until is None else found[: found.index(until) + 1]
        _, _, _, after = model(tl.tensor(cars.encode(read)[None]))
        logits = model.describe(after[0, read.index("car")]).numpy()  # (descriptions,): near is a large dot product
        p = np.zeros(len(logits))
        for group in cars.GROUPS:
            powers = np.exp(logits[group] - logits[group].max())
            p[group] = powers / powers.sum()
        described[part] = p
        best = [group[p[group].argmax()] for group in cars.GROUPS]
        print(f"    {part:21}" + "".join(f"{cars.DESCRIPTIONS[i]:>12} {p[i]:.2f}" for i in best))
    says = [cars.DESCRIPTIONS[group[p[group].argmax()]] for group in cars.GROUPS]
    end = "as in the lecture" if says == cars.FINAL else f"the lecture's car is {', '.join(cars.FINAL)}"
    print(f"    The final vector says: {', '.join(says)}; {end}.")
    return described


def without_a_head(course: cars.Course, model: Any) -> None:
    """What is lost when a head is silenced, or W_O is left out."""
    x, _, each, after = model(tl.tensor(course.tokens))
    silenced = {"all three heads": after}
    for h in range(model.heads):
        kept = each.numpy().copy()
        kept[:, h] = 0
        silenced[f"without head {h + 1}"] = x + model.W_O(model.concatenate(tl.tensor(kept)))
    silenced["without W_O"] = x + model.concatenate(each)
    print("\n  What is lost without a head or without W_O: right descriptions of the thing in the 1,000 sentences\n")
    print(f"    {'':18}" + "".join(f"{name:>12}" for name in ("colour", "owner", "bought", "runs")))
    for name, vectors in silenced.items():
        logits = model.describe(vectors[np.arange(len(course.thing)), course.thing]).numpy()
        right = [(logits[:, g].argmax(1) == course.right[:, i]).mean() for i, g in enumerate(cars.GROUPS)]
        print(f"    {name:18}" + "".join(f"{share:12.0%}" for share in right))
    print("    What only a silenced head looked at is lost. W_O has learnt to combine the heads and is needed as well.")
