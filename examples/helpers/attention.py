"""For 07_attention.py: sentences in which words around "bank" tell what it means; what is printed and drawn.

    course = make_sentences(4000, random, without=["Was the bank flooded?"])
    course.tokens, course.at, course.senses     # (4000, longest), (4000,), (4000,)

The evidence is gradual, as in real text: "flooded" nearly always means the river, "was" means it in seven of
ten sentences, "the" says nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers import cars, drawing
from helpers.drawing import BLUE, DARK, GREEN, GREY, ORANGE, VERMILION, Axes, arrow, bars, new_figure, plain, save
from helpers.program import DataError, data, detail
from helpers.real import DATA, largest, minilm, smollm2
from transformer.tokenizer.word import words

MADE = data("senses.toml")
SENSES, SENTENCES, WHO = MADE["senses"], MADE["sentences"], MADE["who"]
EITHER, BANKS, MODELS = MADE["either"], MADE["banks"], MADE["models"]
PAD = "<pad>"  # fills up shorter sentences
Sentences = Sequence[tuple[str, str]]  # each with the word that is looked at
Said = dict[str, list[tuple[str, float]]]  # part of the sentence -> the nearest description of each kind, and its p


@dataclass(frozen=True)
class Course:
    """Sentences as numbers, each with a word that has a sense."""

    vocabulary: list[str]
    texts: list[str]
    tokens: np.ndarray  # (sentences, longest), filled up with 0
    at: np.ndarray  # (sentences,): where the word is
    senses: np.ndarray  # (sentences,): its sense

    def encode(self, sentence: str) -> np.ndarray:
        """The tokens of a sentence, (n,). Raises DataError for words that the made sentences do not have."""
        found = words(sentence.lower())
        if unknown := [word for word in found if word not in self.vocabulary]:
            known = " ".join(self.vocabulary[1:])
            raise DataError(f"the made sentences do not have {', '.join(unknown)}; their words are: {known}")
        return np.array([self.vocabulary.index(word) for word in found])


def make_sentences(sentences: int, draw: Random, without: Sequence[str]) -> Course:
    """Make sentences, none of them among `without`."""
    left_out = {" ".join(words(sentence.lower())) for sentence in without}
    made: list[tuple[str, str, str]] = []
    while len(made) < sentences:
        text, word, sense = draw.choice((about_bank, about_tower, about_model))(draw)
        if text not in left_out:
            made.append((text, word, sense))
    texts = [text.split() for text, _, _ in made]
    vocabulary = [PAD, *sorted({word for text in texts for word in text})]
    tokens = nn.utils.rnn.pad_sequence(
        [[vocabulary.index(word) for word in text] for text in texts], batch_first=True
    ).numpy()
    at = np.array([text.index(word) for text, (_, word, _) in zip(texts, made, strict=True)])
    senses = np.array([SENSES.index(sense) for _, _, sense in made])
    return Course(vocabulary, [text for text, _, _ in made], tokens, at, senses)


def about_bank(draw: Random) -> tuple[str, str, str]:
    """As "was the bank flooded ?"; now and then the word that tells the bank is said of the other one."""
    sense, other = draw.sample([*BANKS], 2)
    states, deeds = BANKS[sense if draw.random() < 0.92 else other]
    state = draw.choice(states if draw.random() < 0.7 else EITHER)
    river = sense == "river bank"
    verb = "was" if draw.random() < (0.69 if river else 0.31) else "is"
    went = draw.random() < (0.3 if river else 0.7)  # who goes to a bank goes to a money bank, mostly
    visit = f"{draw.choice(WHO)} {'went to' if went else draw.choice(deeds) + ' at'} the bank ."
    questions = f"{verb} the bank {state} ?", f"the bank {verb} {state} .", f"{verb} the bank very {state} ?"
    return draw.choice((*questions, visit)), "bank", sense


def about_tower(draw: Random) -> tuple[str, str, str]:
    """As "the eiffel tower was very tall ."; without a name it is some tower."""
    sense = draw.choice(("landmark in Paris", "landmark in Pisa", "a tower", "a tower"))
    names = {"landmark in Paris": "eiffel ", "landmark in Pisa": "leaning "}
    name, verb = names.get(sense, draw.choice(("", "old ", "big "))), draw.choice(("was", "is"))
    looks = f"the {name}tower {verb} very {draw.choice(('tall', 'old', 'big'))} ."
    visit = f"{draw.choice(WHO)} went to the {name}tower ."
    return draw.choice((looks, f"{verb} the {name}tower tall ?", visit)), "tower", sense


def about_model(draw: Random) -> tuple[str, str, str]:
    """As "the fashion model was tired ."; in some sentences nothing tells which."""
    sense = draw.choice(("program", "person"))
    kind, states = MODELS[sense]
    kind = kind if draw.random() < 0.6 else draw.choice(("", "new ", "big "))
    state = draw.choice(states if draw.random() < 0.6 else EITHER)
    verb = draw.choice(("was", "is"))
    return draw.choice((f"the {kind}model {verb} {state} .", f"{verb} the {kind}model {state} ?")), "model", sense


# --- what is printed --------------------------------------------------------------------------------------------------


SHOWN = 8  # numbers of a vector
Pair = tuple[str, str, int, str]


def place(word: str, sentence: str) -> int:
    """Where a word is in a sentence. Raises DataError if it is not there."""
    found = words(sentence.lower())
    if word.lower() not in found:
        raise DataError(f'there is no "{word}" in "{sentence}"; name another with --word')
    return found.index(word.lower())


def numbers(vector: np.ndarray) -> str:
    """The first numbers of a vector."""
    more = " ..." if len(vector) > SHOWN else ""
    return "".join(f"{value:6.2f}" for value in vector[:SHOWN]) + more


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """The cosine of the angle between two vectors."""
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


# --- one head ---------------------------------------------------------------------------------------------------------


def senses_begin(course: Course) -> None:
    """What the single head learns from."""
    print("A single head learns what a word means, from made sentences such as")
    for text, at, sense in [*zip(course.texts, course.at, course.senses, strict=True)][:2]:
        print(f"  {text:45} {text.split()[at]}: {SENSES[sense]}")
    detail("  Most words hint at the sense. Few decide it alone; now and then one occurs with the other bank.")
    detail("  The loss is the cross-entropy of the sense:")


def step_by_step(sentence: str, i: int, reading: Any, W_U: tl.Tensor) -> None:
    """Scores, softmax, weighted sum for one word; and what each word adds to the answer. W_U: (senses, width)."""
    found, (x, q, k, v, weights, after, logits) = words(sentence), (part.numpy() for part in reading)
    word, width = found[i], x.shape[1]
    print(f'\nThe attention process for "{word}" in "{sentence}"')
    print(f'  1. Attention scores: Q("{word}") · K(word) / sqrt({width}).  2. Softmax: weights that sum to 1.')
    for name, key, weight in zip(found, k, weights[i], strict=True):
        score = q[i] @ key
        print(f"     {name:10} score {score / width**0.5:6.2f}   weight {weight:.2f}   {'█' * round(40 * weight)}")
    ranked = np.argsort(-weights[i])
    terms = " + ".join(f'{weights[i, j]:.2f} × V("{found[j]}")' for j in ranked[:3])
    print(f"  3. Weighted sum: {terms}{' + ...' if len(found) > 3 else ''}")
    first, second = np.argsort(-logits[i])[:2]
    adds = weights[i] * (v @ (W_U.numpy()[first] - W_U.numpy()[second]))  # (n,): to what tells the two senses apart
    for j in ranked:
        row = f'     {weights[i, j]:.2f} × V("{found[j]}")'.ljust(28) + numbers(v[j])
        detail(f"{row:82}{adds[j]:+6.2f}")
    for name, row in (("sum", weights[i] @ v), (f'+ vector of "{word}"', x[i]), ("= after attention", after[i])):
        detail(f"     {name:23}{numbers(row)}")
    detail(f"     On the right, what it adds to the score of {SENSES[first]} over that of {SENSES[second]}.")
    largest = f'Here "{found[ranked[0]]}" has {weights[i].max():.2f}, all others {1 - weights[i].max():.2f} together.'
    blends = "It blends, it does not select" if weights[i].max() < 0.9 else "Here it nearly selects"
    print(f"  {blends}: softmax gives every word a weight. {largest}")
    detail("  The lecture's weights 0.6, 0.3 and 0.1 are an example; another --seed learns others.")
    p = tl.softmax(tl.tensor(logits[i])).numpy()
    print(f'  "{word}" now means: {likely(p)}')


def likely(p: np.ndarray) -> str:
    """The senses with a probability of at least 2%."""
    return ", ".join(f"{SENSES[i]} {p[i]:.2f}" for i in np.argsort(-p) if p[i] >= 0.02)


def contexts(sentences: Sentences, readings: Sequence[Any]) -> None:
    """What the same word looks at, and means, in other sentences; and its vectors before and after attention."""
    print("\nContext is everything: the same word in other sentences, none of which was learnt from.")
    for (sentence, word), reading in zip(sentences, readings, strict=True):
        found, i = words(sentence), place(word, sentence)
        weights = reading.weights.numpy()[i]
        p = tl.softmax(reading.logits[i], -1).numpy()
        looks = ", ".join(f"{found[j]} {weights[j]:.2f}" for j in np.argsort(-weights)[:3] if weights[j] >= 0.02)
        print(f"  {sentence:36} {word} looks at {looks:36} {likely(p)}")
    detail("\n  The cosine of two vectors of the same word (1.00: the same direction)\n")
    detail(f"  {'':72}{'before':>8}{'after attention':>18}")
    for pair in ((1, 2), (3, 4), (5, 6)):
        (one, word), (other, _) = (sentences[k] for k in pair)
        both = [(readings[k], place(word, sentences[k][0])) for k in pair]
        before, after = (cosine(*(getattr(r, part).numpy()[i] for r, i in both)) for part in ("x", "after"))
        detail(f"  {f'{word}: {one} / {other}':72}{before:8.2f}{after:18.2f}")
    detail("  The embedding is static: a word starts from the same vector. What differs after it, attention brought.")


def page(model: Any, tokens: np.ndarray, i: int, sentence: str, path: Path) -> None:
    """Write a page on which one steps through the head's forward and backward pass for word i."""
    with tl.Graph() as graph:  # it watches what is computed
        log_p = tl.log_softmax(model(tl.tensor(tokens)).logits[i], -1)  # (senses,): what the word means
        log_p.max().backward()
    print(f"\nA page to step through: {tl.page(graph, path, tokens=words(sentence), title='Attention')}")


# --- three heads ------------------------------------------------------------------------------------------------------


def progress(step: int, loss: float) -> None:
    """Print the loss of a training that is not the program's first."""
    detail(f"  step {step:5,}: loss {loss:.3f}")


def cars_begin(course: cars.Course) -> None:
    """What the three heads learn from."""
    print('\nThe exercise: "The red car that John bought yesterday broke down on the highway."')
    print("  Three heads learn from made sentences. Head 1, grammatical, is asked who or what did what; head 2, for")
    print("  modification, what is red, and when and where; head 3, for coreference, what that and it stand for.")
    for text in [text for text in course.texts if text.endswith(".")][:3]:
        detail(f"    {text}")
    detail("  All three together describe the thing: its colour, its owner, when it was bought, whether it runs.")
    print("  So each head's work is imposed, by the answers to these.")
    detail("  The loss is the cross-entropy of all answers:")


def right_answers(course: cars.Course, model: Any) -> None:
    """How many answers are right in new sentences."""
    _, _, each, _ = model(tl.tensor(course.tokens))
    detail("\n  Right answers in 1,000 other sentences:")
    for h, name in enumerate(cars.HEADS):
        asked = course.answers[:, h] != cars.IGNORED
        said = model.answer[h](each[:, h]).numpy().argmax(-1)
        detail(f"    head {h + 1}, {name:24} {(said == course.answers[:, h])[asked].mean():7.1%}")


def pairs(wanted: Sequence[Pair], found: Sequence[str], weights: np.ndarray, answers: Sequence[Sequence[int]]) -> None:
    """The lecture's relationships, ticked off.  weights: (heads, n, n).  answers: for each head and word, a word."""
    print("  How much each head looks from one word to the other; [whose question it is], and ✓ if it answers right.")
    print(f"    {'':24}{'head 1':>8}{'head 2':>8}{'head 3':>8}")
    ticks, largest = 0, 0
    for a, b, head, why in wanted:
        i, j = found.index(a), found.index(b)
        answer = cars.VOCABULARY[answers[head][i]]
        ticks += answer == b
        largest += weights[head, i].argmax() == j
        cells = "".join(f"{f'[{w[i, j]:.2f}]' if h == head else f'{w[i, j]:.2f} ':>8}" for h, w in enumerate(weights))
        print(f"    {f'{a} → {b}':24}{cells}  {'✓' if answer == b else f'no: {answer}'}  {why}")
    print(f"    {ticks} of {len(wanted)} are ticked. Seven are the lecture's list; the last is in its third head.")
    detail(f"    For {largest} it is the word's largest weight; a head may also look where the value is near zero.")


def car_as_it_is_read(model: Any, found: Sequence[str]) -> Said:
    """What the vector of "car" says after each part of the sentence."""
    print('  How the embedding of "car" changes: the nearest description of each kind, as a probability')
    said = {}
    for part, until in cars.PARTS.items():
        read = found[: found.index(until) + 1] if until else ["the", "car"]
        *_, after = model(tl.tensor(cars.encode(read)[None]))
        scores = model.describe(after[0, read.index("car")])  # (descriptions,): near is a large dot product
        shares = [tl.softmax(scores[group], -1).numpy() for group in cars.GROUPS]
        said[part] = [(words[p.argmax()], p.max()) for words, p in zip(cars.KINDS.values(), shares, strict=True)]
        print(f"    {part:21}" + "".join(f"{description:>12} {p:.2f}" for description, p in said[part]))
    says = [description for description, _ in said["Final"]]
    end = "as in the lecture" if says == cars.FINAL else f"the lecture's car is {', '.join(cars.FINAL)}"
    print(f"    The final vector says: {', '.join(says)}; {end}.")
    return said


def with_silent_heads(course: cars.Course, model: Any) -> dict[str, tl.Tensor]:
    """The vectors after attention, (sentences, n, width), with all heads and with one of them silenced."""
    x, _, each, after = model(tl.tensor(course.tokens))
    silenced = {"all three heads": after}
    for h in range(model.heads):
        others = tl.arange(model.heads) != h
        silenced[f"without head {h + 1}"] = x + model.W_O(model.concatenate(each * others[:, None, None]))
    return silenced


def without_a_head(course: cars.Course, model: Any) -> None:
    """What is lost when a head is silenced, or W_O is left out."""
    silenced = with_silent_heads(course, model)
    x, _, each, _ = model(tl.tensor(course.tokens))
    silenced["without W_O"] = x + model.concatenate(each)
    detail("\n  What is lost without a head or without W_O: right descriptions of the thing in the 1,000 sentences\n")
    detail(f"    {'':18}" + "".join(f"{kind:>12}" for kind in cars.KINDS))
    means = []
    for name, vectors in silenced.items():
        logits = model.describe(vectors[np.arange(len(course.thing)), course.thing]).numpy()
        right = [(logits[:, g].argmax(1) == course.right[:, i]).mean() for i, g in enumerate(cars.GROUPS)]
        detail(f"    {name:18}" + "".join(f"{share:12.0%}" for share in right))
        means.append(f"{name} {np.mean(right):.0%}")
    print(f"    Right descriptions: {', '.join(means)}.")


def who_serves_what(course: cars.Course, model: Any) -> None:
    """Which kinds of answers get worse without each head of a model whose heads answer together."""
    print("  Nobody divides the work among three other heads: each answer comes from what all have found together.")
    detail(f"    {'':18}" + "".join(f"{name:>28}" for name in cars.HEADS))
    right = []  # for each row the share of right answers by kind
    for name, vectors in with_silent_heads(course, model).items():
        said = np.stack([answer(vectors).numpy().argmax(-1) for answer in model.answer], axis=1)
        asked = course.answers != cars.IGNORED  # (sentences, kinds, n)
        right.append(((said == course.answers) & asked).sum((0, 2)) / asked.sum((0, 2)))
        detail(f"    {name:18}" + "".join(f"{share:28.0%}" for share in right[-1]))
    worse = [tuple(np.flatnonzero(right[0] - row > 0.05)) for row in right[1:]]  # kinds that lose more than 5 points
    counts = [len(kinds) for kinds in worse]
    print(f"    Without head 1, 2, 3 answers of {', '.join(map(str, counts))} of the 3 kinds get worse:", end=" ")
    if right[0].min() < 0.9:
        print("they have not learnt enough to tell.")
    else:
        one_each = sorted(worse) == [(0,), (1,), (2,)]
        print("each has taken one kind." if one_each else "so it is not one kind a head.")


# --- the pictures -----------------------------------------------------------------------------------------------------


FAINT = 0.04  # smaller weights are not drawn as arcs


def draw_steps(sentence: str, i: int, reading: Any, path: Path) -> None:
    """One head for one word: scores, weights, and the weighted sum of the values."""
    found, (x, q, k, v, weights, after, _) = words(sentence), (part.numpy() for part in reading)
    n, width = x.shape
    figure = new_figure(13, max(4.5, 0.42 * n + 3), f'One head for "{found[i]}": scores, softmax, weighted sum')
    left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 1.5])
    scores = k @ q[i] / width**0.5
    for axes, row, title, colour in (
        (left, scores, f'1. scores: Q("{found[i]}") · K / √{width}', GREY),
        (middle, weights[i], "2. softmax: weights that sum to 1", BLUE),
    ):
        bars(axes, found, row, colour)
        axes.set(title=title, xticks=[])
        axes.margins(x=0.35)
        axes.axvline(0, color=DARK, linewidth=0.8)
    rows = np.concatenate([weights[i][:, None] * v, [weights[i] @ v, x[i], after[i]]])
    most = np.abs(rows).max()
    image = right.imshow(rows, cmap=drawing.signed(), vmin=-most, vmax=most, aspect="auto", interpolation="nearest")
    labels = [f"{weight:.2f} × V({word})" for weight, word in zip(weights[i], found, strict=True)]
    right.set_yticks(range(n + 3), [*labels, "weighted sum", f"vector of {found[i]}", "after attention"], fontsize=11)
    right.hlines([n - 0.5, n + 1.5], -0.5, width - 0.5, color=DARK)
    right.set(title="3. the weighted sum of the values is added", xticks=[], xlabel=f"{width} numbers in each vector")
    figure.colorbar(image, shrink=0.8, label="value")
    save(figure, path)


def arcs(axes: Axes, found: Sequence[str], lookers: Mapping[int, np.ndarray], colours: Mapping[int, str]) -> None:
    """Words in a row, and arcs from each looker to what it looks at, as thick as the weight."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

    axes.axis("off")
    highest = 0.6
    for i, weights in lookers.items():
        for j, weight in enumerate(weights):
            if weight < FAINT:
                continue
            shift = 0.12 if j >= i else -0.12
            height = 0.45 + 0.3 * abs(i - j)
            highest = max(highest, height)
            x0, x1, top = i + shift, j - shift, 0.25 + 4 / 3 * height
            curve = Curve([(x0, 0.25), (x0, top), (x1, top), (x1, 0.25)], [Curve.MOVETO, *[Curve.CURVE4] * 3])
            axes.add_patch(FancyArrowPatch(path=curve, color=colours[i], linewidth=0.8 + 4.5 * weight, alpha=0.85,
                                           arrowstyle="-|>", mutation_scale=8 + 12 * weight))  # fmt: skip
    for j, word in enumerate(found):
        bold = {"weight": "bold", "color": colours[j]} if j in lookers else {}
        axes.text(j, 0, word, ha="center", va="center", fontsize=13, **bold)
    axes.set(xlim=(-0.6, len(found) - 0.4), ylim=(-0.5, highest + 0.5))


def draw_bank(sentences: Sentences, readings: Sequence[Any], model: Any, course: Course, path: Path) -> None:
    """What "bank" looks at in two sentences; right, its vectors before and after attention. Colours: P(river)."""
    from matplotlib.colors import LinearSegmentedColormap

    figure = new_figure(14, 6.4, 'The same word, two sentences: what "bank" looks at, and where its vector goes')
    grid = figure.add_gridspec(2, 2, width_ratios=[1, 1.15])
    axes = plain(figure.add_subplot(grid[:, 1]))
    by_river = LinearSegmentedColormap.from_list("", [ORANGE, BLUE])
    different = [*{text: i for i, text in enumerate(course.texts) if " bank " in text}.values()]
    with tl.no_grad():
        made, at = model(tl.tensor(course.tokens[different])), (np.arange(len(different)), course.at[different])
    ends = []
    for row, ((sentence, word), reading) in enumerate(zip(sentences, readings, strict=True)):
        panel, i = figure.add_subplot(grid[row, 0]), place(word, sentence)
        river = p_river(reading)[i]
        arcs(panel, words(sentence), {i: reading.weights.numpy()[i]}, {i: by_river(river)})
        for j, weight in enumerate(reading.weights.numpy()[i]):
            panel.text(j, -0.3, f"{weight:.2f}", ha="center", va="center", fontsize=11, color=DARK)
        panel.set_title(f"{sentence}   P(river bank) = {river:.2f}", fontsize=13)
        ends.append((sentence, by_river(river), reading.after.numpy()[i]))
    rows = [*made.after.numpy()[at], *(after for *_, after in ends), reading.x.numpy()[i]]
    points, kept = drawing.principal_axes(np.stack(rows))
    start = points[-1]
    dots = axes.scatter(*points[: len(different)].T, c=p_river(made)[at], cmap=by_river, vmin=0, vmax=1,
                        s=36, alpha=0.6, linewidths=0, label="after attention, in the made sentences")  # fmt: skip
    figure.colorbar(dots, ax=axes, ticks=[0, 0.5, 1], pad=0.01, label="P(river bank)")
    for (sentence, colour, _), end in zip(ends, points[len(different) :], strict=False):
        arrow(axes, start, end, colour)
        axes.plot(*end, "D", color=colour, markersize=10, markeredgecolor="black", label=f"after: {sentence}")
    axes.plot(*start, "*", color="black", markersize=18, label="before attention, in every sentence")
    axes.legend(fontsize=10, loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=2, frameon=False)
    axes.set(xlabel=f"first principal component (the two keep {kept:.0%} of the variance)", xticks=[], yticks=[],
             ylabel="second principal component")  # fmt: skip
    save(figure, path)


def p_river(reading: Any) -> np.ndarray:
    """The probability that a word means the bank of a river, for each word of a reading."""
    return tl.softmax(reading.logits, -1).numpy()[..., SENSES.index("river bank")]


def draw_red_car(wanted: Sequence[Pair], found: Sequence[str], weights: np.ndarray, path: Path) -> None:
    """For each head an arc diagram of the words whose question it answers."""
    figure = new_figure(13, 9.5, "The red car: where three heads look, each with questions of its own")
    palette = (BLUE, VERMILION, GREEN, ORANGE)
    for h, (axes, name) in enumerate(zip(figure.subplots(3, 1), cars.HEADS, strict=True)):
        lookers = list(dict.fromkeys(found.index(a) for a, _, head, _ in wanted if head == h))
        colours = {i: palette[n % len(palette)] for n, i in enumerate(lookers)}
        arcs(axes, found, {i: weights[h, i] for i in lookers}, colours)
        axes.set_title(f"head {h + 1}: {name}", fontsize=13, loc="left")
    figure.supxlabel("coloured: words that have a question for this head; the thicker an arc, the larger the weight",
                     fontsize=11, color=DARK)  # fmt: skip
    save(figure, path)


def draw_car(said: Said, path: Path) -> None:
    """What the vector of "car" says, part by part of the sentence: the nearest description of each kind."""
    axes = new_figure(10, 4.8, 'What the vector of "car" says after each part of the sentence').subplots()
    texts = [[f"{description}  {p:.2f}" for description, p in row] for row in said.values()]
    words = np.array([[description for description, _ in row] for row in said.values()])  # (parts, kinds)
    drawing.table(axes, texts, words != words[[0, *range(len(words) - 1)]], [*said], [*cars.KINDS])
    axes.set_xlabel("blue: what has changed; the number: its probability among the descriptions of its kind")
    save(axes.figure, path)


# --- real models ------------------------------------------------------------------------------------------------------


ASKED = DATA["bank"]["asked"]  # a sentence with "bank", and the word that is looked at


def real(settings: Any) -> None:
    """The same question to MiniLM, whose words see all words, and SmolLM2, whose words see those before them."""
    bert, llama = minilm(), smollm2()
    print("Two real models read about banks: MiniLM, a BERT, whose words see all words, and SmolLM2, a decoder.")
    bank_by_layer({"MiniLM": bert, "SmolLM2": llama})
    nearest_sentences(bert, settings.sentence)
    to_flooded = heads_to(bert)
    to_bank = heads_back(llama)
    print("\nPicture:")
    shown = {"MiniLM: from bank to flooded": to_flooded, "SmolLM2: from flooded to bank": to_bank}
    draw_heads(shown, settings.out / "real_heads.png")


def traced(model: Any, sentence: str, *found: str) -> tuple[Any, list[int]]:
    """The trace of a sentence, and where some words are in it, by their first tokens."""
    tokens = model.tokenizer.encode(sentence)
    texts = [model.tokenizer.decode([token]).strip().lower() for token in tokens]
    return model.trace(tokens), [next(i for i, text in enumerate(texts) if word.startswith(text)) for word in found]


def looks(model: Any, sentence: str, a: str, b: str) -> np.ndarray:
    """How much each head looks from word a to word b: (layers, heads)."""
    trace, (i, j) = traced(model, sentence, a, b)
    return np.stack([weights[:, i, j] for weights in trace.attention])


def bank_by_layer(models: Mapping[str, Any]) -> None:
    """In which layers the nearest of the other vectors of "bank" has the same sense."""
    bank = DATA["bank"]
    river = np.repeat([True, False], (len(bank["river"]), len(bank["money"])))
    n = len(river)
    print(f'\n"bank" in {n} sentences, half of rivers, half of money. Is the nearest vector of the same sense?')
    print(f"  A guess is right for {(n / 2 - 1) / (n - 1):.0%}.", end=" ")
    print('The embedding of "bank" is static. Columns: after 1/6, 2/6 ... of the blocks:')
    print(f"  {'':10}{'embedding':>10}" + "".join(f"{k}/6".rjust(8) for k in range(1, 7)))
    for name, model in models.items():
        vectors = []
        for sentence, _ in (*bank["river"], *bank["money"]):
            trace, (i,) = traced(model, sentence, "bank")
            vectors.append([trace.residual[trace.layers * k // 6][i] for k in range(7)])
        shares = []
        for rows in np.stack(vectors, 1):  # (sentences, width) after each sixth of the blocks
            rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
            cosines = rows @ rows.T - 2 * np.eye(n)
            near = cosines > cosines.max(axis=1, keepdims=True) - 1e-5  # several, where they are equal
            shares.append(np.mean((near & (river == river[:, None])).sum(axis=1) / near.sum(axis=1)))
        changed = "changed by the words around it" if shares[-1] > 0.8 > shares[0] else "hardly changed"
        print(f"  {name:10}{shares[0]:10.0%}" + "".join(f"{share:8.0%}" for share in shares[1:]) + f"   {changed}")


def nearest_sentences(bert: Any, sentence: str) -> None:
    """The sentences whose vectors are nearest to that of a sentence, and to others like it."""
    print("\nNearest sentences, by MiniLM's vectors (cosine), of five about water, five about money and two others:")
    others = DATA["bank"]["others"]
    vectors = bert.embed(others).numpy()
    for asked in dict.fromkeys((sentence, "Was the bank robbed?", "I went to the bank.")):
        cosines = vectors @ bert.embed([asked]).numpy()[0]
        means = f"water {cosines[:5].mean():.2f}, money {cosines[5:10].mean():.2f}"
        print(f"  {asked:24} on average {means}; nearest:")
        for i in np.argsort(-cosines)[:2]:
            print(f"    {cosines[i]:.2f}  {others[i]}")


def heads_to(bert: Any) -> np.ndarray:
    """Search all heads of MiniLM for those that look from "bank" to "flooded": (layers, heads)."""
    weights = np.stack([looks(bert, sentence, "bank", word) for sentence, word in ASKED])  # (asked, layers, heads)
    told = [s for some in ("river", "money") for s in DATA["bank"][some]]
    n, found, guess = len(told), np.zeros(weights.shape[1:]), 0.0
    for sentence, word in told:  # is the word that tells which the one that a head looks at most?
        trace, (i, j) = traced(bert, sentence, "bank", word)
        found += np.stack([(layer[:, i, 1:-1].argmax(-1) == j - 1) for layer in trace.attention])  # without the ends
        guess += 1 / (trace.attention[0].shape[-1] - 2)
    first = weights[0]
    print(f'\nWhich of MiniLM\'s {first.size} heads look from "bank" to another word? Sought by the first column:')
    print(f"{'':20}{'flooded':>10}{'painted':>10}{'robbed':>10}   flooded, before   most at the word that tells")
    for layer, head in largest(first, 5):
        flooded, painted, robbed, before = weights[:, layer, head]
        cells = f"{flooded:10.2f}{painted:10.2f}{robbed:10.2f}{before:18.2f}{found[layer, head]:12.0f} of {n}"
        print(f"  layer {layer + 1}, head {head + 1:2}  {cells}   {by_what(found[layer, head], guess, n)}")
    print(f'  The last column: of {n} sentences, where that word stands before "bank"; a guess finds {guess:.0f}.')
    half, fifth, little = (first >= 0.5).sum(), (first >= 0.2).sum(), (first < 0.05).sum()
    print(f'  {half} of them give "flooded" half of their weight, {fifth} a fifth; {little} less than a twentieth.')
    return first


def by_what(found: float, guess: float, n: int) -> str:
    """Whether a head looks at the words that tell a sense: it found so many of n, a guess finds so many."""
    return "by meaning" if found > n / 2 else "in part" if found > 2 * guess else "not by meaning"


def heads_back(llama: Any) -> np.ndarray:
    """Search all heads of SmolLM2 for those that look from "flooded" back to "bank": (layers, heads)."""
    first, second = (looks(llama, sentence, word, "bank") for sentence, word in ASKED[:2])
    forward = looks(llama, ASKED[0][0], "bank", "flooded").max()
    print('\nSmolLM2 reads "bank" first: it gives "flooded", which comes later, a weight of', end=" ")
    print(f"{forward:.2f} in all {first.size} heads.")
    print('  "flooded" can look back to "bank". For what it means? Beside it the weight from "painted":')
    print(f"{'':20}{'flooded':>10}{'painted':>10}")
    for layer, head in largest(first, 4):
        print(f"  block {layer + 1:2}, head {head + 1}  {first[layer, head]:10.2f}{second[layer, head]:10.2f}")
    print(f'  {(first >= 0.5).sum()} heads give "bank" half or more of their weight.')
    return first


def draw_heads(weights: Mapping[str, np.ndarray], path: Path) -> None:
    """Every head as a dot: its layer, and how much it looks at the word."""
    many = sum(int((heads >= 0.5).sum()) for heads in weights.values())
    title = f"{many} of {sum(heads.size for heads in weights.values())} heads give the other word half of their weight"
    figure = new_figure(11, 4.6, title)
    for axes, (title, heads) in zip(figure.subplots(1, 2, sharey=True), weights.items(), strict=True):
        layers = np.repeat(np.arange(1, len(heads) + 1), heads.shape[1])
        plain(axes).scatter(layers, heads.ravel(), color=np.where(heads.ravel() >= 0.5, VERMILION, BLUE), s=22)
        for (layer, head), down in zip(largest(heads, 3), (3, -3, -9), strict=True):
            axes.annotate(f"head {head + 1}", (layer + 1, heads[layer, head]), (6, down), textcoords="offset points")
        axes.set(title=title, xlabel="layer", ylim=(0, 1), xlim=(0.5, len(heads) * 1.12))
    figure.supylabel("attention weight", color=DARK)
    save(figure, path)
