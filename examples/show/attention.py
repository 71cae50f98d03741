"""For 07_attention.py: sentences in which words around "bank" tell what it means; what is printed and drawn.

    course = make_sentences(4000, random, without=["Was the bank flooded?"])
    course.tokens, course.at, course.senses     # (4000, longest), (4000,), (4000,)

The evidence is gradual, as in real text: "flooded" nearly always means the river, "was" means it in seven of
ten sentences, "the" says nothing.
"""

from dataclasses import dataclass

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers import cars
from helpers.drawing import BLUE, ORANGE, arrow, attention_maps, picture, plain, principal_axes, signed
from helpers.program import DataError, Measured, data, detail, elsewhere, holds, table
from helpers.real import DATA, largest, minilm, smollm2
from transformer.tokenizer.word import words

MADE = data("senses.toml")
SENSES, SENTENCES, WHO = MADE["senses"], MADE["sentences"], MADE["who"]
EITHER, BANKS, MODELS = MADE["either"], MADE["banks"], MADE["models"]


@dataclass(frozen=True)
class Course:
    """Sentences as numbers, each with a word that has a sense."""

    vocabulary: list[str]
    texts: list[str]
    tokens: np.ndarray  # (sentences, longest), filled up with 0
    at: np.ndarray  # (sentences,): where the word is
    senses: np.ndarray  # (sentences,): its sense

    def encode(self, sentence):
        """The tokens of a sentence, (n,). Raises DataError for words that the made sentences do not have."""
        found = words(sentence.lower())
        if unknown := [word for word in found if word not in self.vocabulary]:
            known = " ".join(self.vocabulary[1:])
            raise DataError(f"the made sentences do not have {', '.join(unknown)}; their words are: {known}")
        return np.array([self.vocabulary.index(word) for word in found])


def make_sentences(sentences, draw, without):
    """Make sentences, none of them among `without`."""
    left_out = {" ".join(words(sentence.lower())) for sentence in without}
    made = []
    while len(made) < sentences:
        text, word, sense = draw.choice((about_bank, about_tower, about_model))(draw)
        if text not in left_out:
            made.append((text, word, sense))
    texts = [text.split() for text, _, _ in made]
    vocabulary = ["<pad>", *sorted({word for text in texts for word in text})]
    rows = [[vocabulary.index(word) for word in text] for text in texts]
    tokens = nn.utils.rnn.pad_sequence(rows, batch_first=True).numpy()
    at = np.array([text.index(word) for text, (_, word, _) in zip(texts, made, strict=True)])
    senses = np.array([SENSES.index(sense) for _, _, sense in made])
    return Course(vocabulary, [text for text, _, _ in made], tokens, at, senses)


def about_bank(draw):
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


def about_tower(draw):
    """As "the eiffel tower was very tall ."; without a name it is some tower."""
    sense = draw.choice(("landmark in Paris", "landmark in Pisa", "a tower", "a tower"))
    names = {"landmark in Paris": "eiffel ", "landmark in Pisa": "leaning "}
    name, verb = names.get(sense, draw.choice(("", "old ", "big "))), draw.choice(("was", "is"))
    looks = f"the {name}tower {verb} very {draw.choice(('tall', 'old', 'big'))} ."
    visit = f"{draw.choice(WHO)} went to the {name}tower ."
    return draw.choice((looks, f"{verb} the {name}tower tall ?", visit)), "tower", sense


def about_model(draw):
    """As "the fashion model was tired ."; in some sentences nothing tells which."""
    sense = draw.choice(("program", "person"))
    kind, states = MODELS[sense]
    kind = kind if draw.random() < 0.6 else draw.choice(("", "new ", "big "))
    state = draw.choice(states if draw.random() < 0.6 else EITHER)
    verb = draw.choice(("was", "is"))
    return draw.choice((f"the {kind}model {verb} {state} .", f"{verb} the {kind}model {state} ?")), "model", sense


# --- one head: what is measured ---------------------------------------------------------------------------------------


def place(word, sentence):
    """Where a word is in a sentence. Raises DataError if it is not there."""
    found = words(sentence.lower())
    if word.lower() not in found:
        raise DataError(f'there is no "{word}" in "{sentence}"; name another with --word')
    return found.index(word.lower())


def looks_at(word, sentence, reading):
    """How much a word looks at each word of a sentence."""
    return dict(zip(words(sentence), reading.weights[place(word, sentence)].tolist(), strict=True))


def alike(readings, part):
    """The cosine of the vectors that a word has in two of the sentences, for each word. part: before or after."""
    found = {}
    for pair in ((1, 2), (3, 4), (5, 6)):  # sentences in which a word has two senses
        word = SENTENCES[pair[0]][1]
        one, other = (getattr(readings[k], part).numpy()[place(word, SENTENCES[k][0])] for k in pair)
        found[word] = float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))
    return found


# --- three heads: what is measured ------------------------------------------------------------------------------------


def right_answers(course, model):
    """The share of right answers to each head's questions."""
    _, _, each, _ = model(tl.tensor(course.tokens))
    return shares_right(course, [answer(each[:, h]) for h, answer in enumerate(model.answer)])


def shares_right(course, logits):
    """The share of right answers of each kind. logits: of the answers (sentences, n, words), for each kind."""
    asked = course.answers != cars.IGNORED  # (sentences, kinds, n)
    said = np.stack([some.numpy().argmax(-1) for some in logits], axis=1)
    return dict(zip(cars.HEADS, ((said == course.answers) & asked).sum((0, 2)) / asked.sum((0, 2)), strict=True))


def strongest(weights):
    """Of the lecture's seven pairs, for how many the head that is asked looks most at the second. (heads, n, n)."""
    at = cars.RED_CAR.index
    return sum(weights[head, at(a)].argmax() == at(b) for a, b, head, _ in cars.PAIRS[:7])


def car_as_it_is_read(model, found):
    """What the vector of "car" says after each part of the sentence."""
    said = {}
    for part, until in cars.PARTS.items():
        read = found[: found.index(until) + 1] if until else ["the", "car"]
        *_, after = model(tl.tensor(cars.encode(read)[None]))
        scores = model.describe(after[0, read.index("car")])  # (descriptions,): near is a large dot product
        shares = [tl.softmax(scores[group], -1).numpy() for group in cars.GROUPS]
        said[part] = [(words[p.argmax()], p.max()) for words, p in zip(cars.KINDS.values(), shares, strict=True)]
    return said


def as_in_the_lecture(said):
    """How many descriptions are right: the lecture's of what was read, and of the rest that nothing is said."""
    unknown = [kind[0] for kind in cars.KINDS.values()]
    wanted = [cars.FINAL[:known] + unknown[known:] for known in range(len(said))]
    found = [[description for description, _ in row] for row in said.values()]
    return int((np.array(found) == np.array(wanted)).sum())


def with_silent_heads(course, model):
    """The vectors after attention, (sentences, n, width), with all heads and with one of them silenced."""
    x, _, each, after = model(tl.tensor(course.tokens))
    silenced = {"all three heads": after}
    for h in range(model.heads):
        others = tl.arange(model.heads) != h
        silenced[f"without head {h + 1}"] = x + model.W_O(model.concatenate(each * others[:, None, None]))
    return silenced


def without_a_head(course, model):
    """The share of right descriptions of each kind when a head is silenced, or W_O is left out."""
    silenced = with_silent_heads(course, model)
    x, _, each, _ = model(tl.tensor(course.tokens))
    silenced["without W_O"] = x + model.concatenate(each)
    right = {}
    for name, vectors in silenced.items():
        logits = model.describe(vectors[np.arange(len(course.thing)), course.thing]).numpy()
        shares = [(logits[:, g].argmax(1) == course.right[:, i]).mean() for i, g in enumerate(cars.GROUPS)]
        right[name] = dict(zip(cars.KINDS, shares, strict=True))
    return right


def who_serves_what(course, model):
    """The share of right answers of each kind without each head of a model whose heads answer together."""
    silenced = with_silent_heads(course, model).items()
    return {name: shares_right(course, [answer(vectors) for answer in model.answer]) for name, vectors in silenced}


# --- what is printed --------------------------------------------------------------------------------------------------


def report(m, settings):
    """Print what was measured, and draw it."""
    # Scores, softmax, weighted sum for one word, and what it means then
    sentence = settings.sentence
    found, i = words(sentence), m.i
    q, k, weights = m.reading.q.numpy(), m.reading.k.numpy(), m.reading.weights.numpy()
    word, width = found[i], q.shape[1]
    print(f'\nThe attention process for "{word}" in "{sentence}"')
    print(f'  1. Attention scores: Q("{word}") · K(word) / sqrt({width}).  2. Softmax: weights that sum to 1.')
    for name, key, weight in zip(found, k, weights[i], strict=True):
        score = q[i] @ key
        print(f"     {name:10} score {score / width**0.5:6.2f}   weight {weight:.2f}   {'█' * round(40 * weight)}")
    ranked = np.argsort(-weights[i])
    largest_terms = " + ".join(f'{weights[i, j]:.2f} × V("{found[j]}")' for j in ranked[:3])
    print(f"  3. Weighted sum: {largest_terms}{' + ...' if len(found) > 3 else ''}")
    detail("  The lecture's weights 0.6, 0.3 and 0.1 are an example; another --seed learns others.")
    others = f'Here "{found[ranked[0]]}" has {m.largest:.2f}{elsewhere("blends", ".2f", m)}.'
    blends = "It blends, it does not select" if holds("blends", m) else "Here it nearly selects"
    print(f"  {blends}: softmax gives every word a weight. {others}")
    print(f'  "{word}" now means: {likely(tl.softmax(m.reading.logits[i], -1).numpy())}')

    # What the same word looks at, and means, in other sentences; and its vectors before and after attention
    print("\nContext is everything: the same word in other sentences, none of which was learnt from.")
    for (sentence, word, _), reading in zip(SENTENCES[1:], m.readings[1:], strict=True):
        weights = sorted(looks_at(word, sentence, reading).items(), key=lambda item: -item[1])[:2]
        at_words = ", ".join(f"{name} {weight:.2f}" for name, weight in weights if weight >= 0.02)
        p = tl.softmax(reading.logits[place(word, sentence)], -1).numpy()
        print(f"  {sentence:36} {word} looks at {at_words:26} {likely(p)}")
    detail("  The cosine of two vectors of the same word, before attention and after it:")
    detail("    " + ", ".join(f"{word} {m.before[word]:.2f} and {m.after[word]:.2f}" for word in m.before))
    detail("  The embedding is static: a word starts from the same vector. What differs after it, attention brought.")

    # The exercise: what three heads look at, what they say of the car, and what is lost without one
    print('\nThe exercise: "The red car that John bought yesterday broke down on the highway."')
    print("  Three heads learn from made sentences. Each head's work is imposed, by questions; right in 1,000 others:")
    print("    " + "; ".join(f"head {h}, {name}: {share:.0%}" for h, (name, share) in enumerate(m.right.items(), 1)))

    # The lecture's relationships, ticked off
    detail("\n  How much each head looks from one word to the other, and what the head answers that is asked:")
    rows = {}
    for a, b, head, why in cars.PAIRS:
        i, j = cars.RED_CAR.index(a), cars.RED_CAR.index(b)
        rows[f"{a} → {b}"] = *m.pairs[:, i, j], f"{head + 1}: {cars.VOCABULARY[m.answers[head][i]]}", why
    table(("head 1", "head 2", "head 3", "asked", ""), rows, ".2f", say=detail)
    print(f"  In {m.strongest} of the lecture's seven pairs the head that is asked looks most at the other word.")
    print(f'  Cause and effect, across 6 words: head 3 looks from "bought" to "because it broke" with {m.cause:.2f}.')

    # What the vector of "car" says after each part of the sentence
    detail('  How the embedding of "car" changes: the nearest description of each kind, as a probability')
    for part, row in m.said.items():
        detail(f"    {part:21}" + "".join(f"{description:>12} {p:.2f}" for description, p in row))
    says = [description for description, _ in m.said["Final"]]
    end = "as in the lecture" if says == cars.FINAL else f"the lecture's car is {', '.join(cars.FINAL)}"
    print(f"  The final vector says: {', '.join(says)}; {end}.")
    print(f"  Right descriptions: {', '.join(f'{name} {share:.0%}' for name, share in m.described_of_all.items())}.")
    shares("What is lost without a head or without W_O: right descriptions of the thing", m.described)
    print("  Nobody divides the work among three other heads: each answer comes from what all have found together.")
    shares("Right answers, by kind of question", m.served)
    print(f"    Without head 1, 2, 3 answers of {', '.join(map(str, m.kinds_lost))} of the 3 kinds get worse:", end=" ")
    one = "each has taken one kind" if holds("one kind a head", m) else "so it is not one kind a head"
    print(f"{one}{elsewhere('one kind a head', 'd', m)}.")
    if settings.page:
        with tl.Graph() as graph:  # it watches what is computed
            log_p = tl.log_softmax(m.one(tl.tensor(m.tokens)).logits[m.i], -1)  # (senses,): what the word means
            log_p.max().backward()
        path = tl.page(graph, settings.out / "attention.html", tokens=found, title="Attention")
        print(f"\nA page to step through: {path}")

    draw_bank(SENTENCES[1:3], m.readings[1:3], m.one, m.course, settings.out / "bank.png")
    path, title = settings.out / "red_car.png", "The red car: where three heads look, each with questions of its own"
    attention_maps(path, title, dict(zip(cars.HEADS, m.pairs, strict=True)), cars.RED_CAR, 5.8)


def likely(p):
    """The two likeliest senses, if they have a probability of at least 2%."""
    return ", ".join(f"{SENSES[i]} {p[i]:.2f}" for i in np.argsort(-p)[:2] if p[i] >= 0.02)


def shares(what, rows):
    """Print shares, a row for each thing that is left out, a column for each kind."""
    detail(f"\n  {what}")
    table(next(iter(rows.values())), {name: row.values() for name, row in rows.items()}, ".0%", say=detail)


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_bank(sentences, readings, model, course, path):
    """The vectors of "bank" before and after attention, in the made sentences and in two others."""
    different = [*{text: i for i, text in enumerate(course.texts) if " bank " in text}.values()]
    with tl.no_grad():
        made, at = model(tl.tensor(course.tokens[different])), (np.arange(len(different)), course.at[different])
    i = [place(word, sentence) for sentence, word, _ in sentences]
    ends = [reading.after.numpy()[k] for reading, k in zip(readings, i, strict=True)]
    points, _ = principal_axes(np.stack([*made.after.numpy()[at], *ends, readings[0].x.numpy()[i[0]]]))
    river = tl.softmax(made.logits, -1).numpy()[..., SENSES.index("river bank")][at]
    with picture(path, 'The same word, two sentences: where the vector of "bank" goes', 9, 7) as axes:
        dots = axes.scatter(*points[: len(different)].T, c=river, cmap=signed(), vmin=0, vmax=1, s=36, alpha=0.6)
        axes.figure.colorbar(dots, ax=axes, label="P(river bank), after attention, in the made sentences")
        for (sentence, *_), end, colour in zip(sentences, points[len(different) :], (BLUE, ORANGE), strict=False):
            arrow(axes, points[-1], end, colour)
            axes.plot(*end, "D", color=colour, markersize=10, label=f"after: {sentence}")
        axes.plot(*points[-1], "*", color="black", markersize=18, label="before attention, in every sentence")
        axes.legend(edgecolor="none")
        plain(axes).set(xlabel="first principal component", ylabel="second", xticks=[], yticks=[])


# --- real models ------------------------------------------------------------------------------------------------------


ASKED = DATA["bank"]["asked"]  # a sentence with "bank", and the word that is looked at


def measure_real(settings):
    """The same question to MiniLM, whose words see all words, and SmolLM2, whose words see those before them."""
    bert, llama = minilm(), smollm2()
    m = Measured(same={"MiniLM": same_sense(bert), "SmolLM2": same_sense(llama)})  # (7, 24) each
    m.embedding = m.same["SmolLM2"][0]  # MiniLM's also says where the word stands
    m.last, m.last_of_smollm2 = (rows[-1] for rows in m.same.values())

    # Which heads look from "bank" to the word that tells which? Sought in fourteen sentences, asked in ten others
    m.asked = np.stack([looks(bert, sentence, "bank", word) for sentence, word in ASKED])  # (2, layers, heads)
    m.tells = np.stack([looks(bert, sentence, "bank", word) for sentence, word, _ in TOLD])  # (24, layers, heads)
    m.others = np.stack([looks(bert, text.replace(word, other), "bank", other) for text, word, other in TOLD])
    asked = np.arange(len(TOLD)) % 12 > 6
    m.head = largest((m.tells - m.others)[~asked].mean(axis=0), 1)[0]
    m.told, m.neutral = (weights[asked][:, *m.head] for weights in (m.tells, m.others))

    m.forward = looks(llama, ASKED[0][0], "bank", "flooded")  # which comes after it
    return m


def report_real(m, settings):
    """Print what was measured, and draw it."""
    print("Two real models read about banks: MiniLM, a BERT, whose words see all words, and SmolLM2, a decoder.")

    # In which layers the nearest of the other vectors of "bank" has the same sense
    n = len(TOLD)
    print(f'\n"bank" in {n} sentences, half of rivers, half of money. Is the nearest vector of the same sense?')
    print(f"  A guess is right for {(n / 2 - 1) / (n - 1):.0%}.", end=" ")
    print('The embedding of "bank" is static. Columns: after 1/6, 2/6 ... of the blocks:')
    columns = "embedding", *(f"{k}/6" for k in range(1, 7))
    table(columns, {name: shares.mean(axis=1) for name, shares in m.same.items()}, ".0%")

    # The heads of MiniLM that look from "bank" to "flooded", and whether by meaning
    first = m.asked[0]
    print(f'\nWhich of MiniLM\'s {first.size} heads look from "bank" to another word? Sought by the first column:')
    rows = {}
    for at in largest(first, 5):
        tells, others = m.tells[:, *at], m.others[:, *at]
        more, means = (tells > others).sum(), (tells.mean(), others.mean())
        rows[place_of(at)] = *m.asked[:, *at], *means, f"{more} of {n}", by_what(*means, more, n)
    table(("flooded", "painted", "a word that tells", "a neutral word", "more", ""), rows, ".2f")
    print(f'  Mean weights in {n} sentences: before "bank" stands a word that tells, or a neutral one in its place.')
    print("  By meaning: the first has half as much again, and more in more sentences than by chance.")
    print(f"  Sought in 14 sentences, where the two differ most: {place_of(m.head)}. In the ten others it gives")
    more = f"more in {(m.told > m.neutral).sum()} of them"
    print(f"  the word that tells {m.told.mean():.2f}, a neutral one {m.neutral.mean():.2f}; {more}.")
    print('\nSmolLM2 reads "bank" first: it gives "flooded", which comes later, a weight of', end=" ")
    print(f"{m.forward.max():.2f} in all {m.forward.size} heads.")


TOLD = [*DATA["bank"]["river"], *DATA["bank"]["money"]]  # a sentence, the word that tells, and one that tells nothing


def traced(model, sentence, *found):
    """The trace of a sentence, and where some words are in it, by their first tokens."""
    tokens = model.tokenizer.encode(sentence)
    texts = [model.tokenizer.decode([token]).strip().lower() for token in tokens]
    return model.trace(tokens), [next(i for i, text in enumerate(texts) if word.startswith(text)) for word in found]


def looks(model, sentence, a, b):
    """How much each head looks from word a to word b: (layers, heads)."""
    trace, (i, j) = traced(model, sentence, a, b)
    return np.stack([weights[:, i, j] for weights in trace.attention])


def same_sense(model):
    """After each sixth of the blocks, whether the nearest of the other vectors of "bank" has the same sense.

    (7, sentences), the share of the nearest where several are equally near; first in the embedding.
    """
    river = np.arange(len(TOLD)) < len(DATA["bank"]["river"])
    vectors = []
    for sentence, *_ in TOLD:
        trace, (i,) = traced(model, sentence, "bank")
        vectors.append([trace.residual[trace.layers * k // 6][i] for k in range(7)])
    shares = []
    for rows in np.stack(vectors, 1):  # (sentences, width) after each sixth of the blocks
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        cosines = rows @ rows.T - 2 * np.eye(len(TOLD))
        near = cosines > cosines.max(axis=1, keepdims=True) - 1e-5  # several, where they are equal
        shares.append((near & (river == river[:, None])).sum(axis=1) / near.sum(axis=1))
    return np.stack(shares)


def place_of(head):
    """As "layer 1, head 4"."""
    return f"layer {head[0] + 1}, head {head[1] + 1}"


def by_what(tells, neutral, more, n):
    """Whether a head looks at a word that tells the sense by its meaning: more than at a neutral word in its place, in
    so many of n sentences, where chance alone brings n / 2 (± 2 standard deviations)."""
    return "by meaning" if tells > 1.5 * neutral and more > n / 2 + n**0.5 else "not by meaning"
