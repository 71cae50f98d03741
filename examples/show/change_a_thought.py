"""For 25_change_a_thought.py: the two models and what they are asked; what it prints and draws."""

from collections.abc import Mapping, Sequence
from itertools import count
from random import Random
from typing import Any, NamedTuple

import numpy as np

import nn
from helpers.drawing import bars, by_sign, chart, heat_map, picture
from helpers.program import SHOW_MORE, data, detail, table
from helpers.real import DATA, first_token, largest, smollm2
from helpers.training import train
from transformer import Llama, LlamaConfig, WordTokenizer
from transformer.training import IGNORED

ASKED = data("thought.toml")
INDUCTION = 0.3  # of the weight, from where on a head is called an induction head
HURT = 0.5  # logits of its lead, from where on a kind of sentences is said to suffer


class Subject(NamedTuple):
    """A model, and what it is asked."""

    model: Any
    capitals: Mapping[str, str]
    sentences: Sequence[tuple[str, str, str]]  # ten: a text, the word that should follow, one that should not
    kinds: Sequence[str]  # of the sentences
    copies: Any  # the model in which heads that copy are sought; it may be the same
    pool: np.ndarray  # the tokens of which random texts are made
    shots: Mapping[str, tuple[list[str], list[str]]]  # by task: prompts, and the word that is right after each
    pairs: Sequence[tuple[str, str]]  # the same said formally and casually: 20 to learn from, 10 to test
    openings: Sequence[str]
    block: int  # whose output the direction is added to


# --- edits ------------------------------------------------------------------------------------------------------------


def put(value, place):
    """A change of a point: another value, such as vectors (texts, width), at one token of each text."""

    def change(x):
        x = x.clone()
        x[:, place] = value
        return x

    return change


# --- the models, and what they are asked ------------------------------------------------------------------------------


def real():
    """SmolLM2, and what it is asked."""
    asked, model, draw = ASKED["real"], smollm2("to go on with changed thoughts"), Random(0)
    tasks = {task: DATA["few_shot"][task].split() for task in ("opposite", "plural", "past")}
    shots = {task: shown(words, draw) for task, words in tasks.items()}
    coloured = zip(asked["made_up"].split(), asked["colours"].split(), strict=True)
    shots["made up"] = shown([word for pair in coloured for word in pair], draw, told=True)
    words = {first_token(model, word) for text in tasks.values() for word in text}
    capitals = dict(list(DATA["capitals"].items())[:10])  # their countries are one token each
    kinds, *sentences = zip(*asked["sentences"], strict=True)
    return Subject(model, capitals, [*zip(*sentences, strict=True)], kinds, model, np.array(sorted(words)), shots,
                   asked["formal_casual"], asked["openings"], block=12)  # fmt: skip


def shown(words, draw, told=False, form="{} -> {}\n"):
    """Ten prompts of a task, words and answers by turns: four worked lines and a question. told: it is one of them."""
    right = dict(zip(words[::2], words[1::2], strict=True))
    prompts, questions = [], [*right][:10]
    for question in questions:
        others = draw.sample([word for word in right if word != question], 4 - told)
        lines = draw.sample([*others, *[question] * told], 4)
        prompts.append("".join(form.format(word, right[word]) for word in lines) + form.format(question, "").rstrip())
    return prompts, [right[question] for question in questions]


def small(steps, seed):
    """Two small Llamas, one trained on made sentences, one on pairs of random words; and what they are asked."""
    asked, capitals, draw = ASKED["small"], data("next_word.toml")["capitals"], Random(seed)
    people, things, one, many = (asked[name].split() for name in ("people", "things", "singular", "plural"))

    def said(tone, name, thing):
        hello, please, goodbye = (draw.choice(some) for some in asked[tone])
        return f"{name} said: {hello} {please} {thing}. {goodbye}"

    facts = [f"The capital of {country} is {city}." for country, city in capitals.items()]
    numbers = [f"The {a} near the {b} {'is' if a in one else 'are'} here." for a in one + many for b in one + many]
    talk = [said(tone, name, thing) for name in people for thing in things for tone in ("formal", "casual")]
    sentences = [*facts * 20, *numbers * 2, *talk]
    model, copies = untrained(sentences), untrained(things)
    texts = nn.utils.rnn.pad_sequence(map(model.tokenizer.encode, sentences), True, IGNORED).numpy()
    random, done = np.random.default_rng(seed), count()
    print(f"Two small Llamas, of 2 blocks with 4 heads, learn: one sentences, such as {facts[0]}")

    def of_sentences():
        some = texts[random.integers(0, len(texts), 64)]
        return model.loss(np.maximum(some[:, :-1], 0), some[:, 1:])

    def of_pairs():
        n = int(random.integers(2, 3 + min(4, 8 * next(done) // steps)))  # pairs: at first 2, later up to 6
        once = [random.permutation(len(things))[: 2 * n].reshape(n, 2) for _ in range(64)]
        text = np.stack([np.concatenate([random.permutation(some) for _ in range(3)]).ravel() for some in once])
        known = np.full_like(text[:, 1:], IGNORED)
        known[:, 2 * n :: 2] = text[:, 2 * n + 1 :: 2]  # the second words, from when they can be known
        return copies.loss(text[:, :-1], known)

    for learner, loss, n in ((model, of_sentences, max(1, steps // 3)), (copies, of_pairs, steps)):
        optimizer = nn.optim.AdamW(learner.parameters(), lr=5e-3)
        schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, n // 10, 2 * n)
        train(loss, optimizer, n, schedule, clip=1.0, report=lambda n, loss: detail(f"  step {n:4}: loss {loss:.3f}"))
    pairs = [(said("formal", name, thing), said("casual", name, thing)) for name in people for thing in things[:3]]
    kinds, *rows = zip(*asked["sentences"], strict=True)
    shots = {"pairs": shown(things, draw, told=True, form="{} {} ")}
    pool, openings = np.arange(len(things)), [f"{name} said:" for name in people]
    return Subject(model, capitals, [*zip(*rows, strict=True)], kinds, copies, pool, shots, pairs, openings, block=0)


def untrained(texts):
    """A small Llama whose vocabulary are the words of some texts."""
    words = WordTokenizer.train(" ".join(texts))
    model = Llama(LlamaConfig(vocab_size=words.vocab_size, context=64, layers=2, heads=4, width=64, hidden=128))
    model.tokenizer = words
    return model


# --- what is printed --------------------------------------------------------------------------------------------------


def report(m, settings):
    """Print what was measured, and draw it."""

    # Where the country is: by how much the other's capital leads, if a vector is swapped after a block
    print('1. Italy for France. Ten texts, "The capital of France is" and so on: one vector is the next text\'s.')
    print(f"   By how many logits does the next text's capital lead, in how many texts? Before: {leads(m.before)}")
    n, turn = len(m.moved["the last token"]), max(m.decides_from) + 1
    at_blocks = sorted({0, 1, n // 2, *(k for k in (turn - 1, turn) if k < n), n - 1})
    columns = [f"block {k - 1}" if k else "embedding" for k in at_blocks]
    table(columns, {at: [leads(leading[k]) for k in at_blocks] for at, leading in m.moved.items()}, "", "swapped after")
    if turn < n:
        print(f"   From block {turn - 1} on the last token's vector alone decides in all ten.")

    # What attention and the FFNs do: who exchanges, who knows the capital, who adds to its logit
    attention, ffn = m.past_attention.max(), m.past_ffn.min()
    print(f"   Swapped, while attention adds to the last token what it did: by {attention:.1g}; the FFNs: {ffn:.1g}.")
    if len(m.quarters) > 1:
        names = ["-".join(dict.fromkeys(block.split(".")[1] for block in (some[0], some[-1]))) for some in m.quarters]
        print(f"   Right capitals: {m.right.sum()}; without what a part of blocks {', '.join(names)}", end=" ")
        print("adds to the country's vector:")
        print("   " + "; ".join(f"without {part} {', '.join(map(str, left))}" for part, left in m.without.items()))
    heads, ffns = m.shares.heads.size, m.shares.ffns.size
    detail(f"   A logit is the sum of what the embedding, {heads} heads and {ffns} FFNs add, but for {max(m.off):.0e}.")
    print(f"   To the lead of the right capital heads add {np.mean(m.heads):+.1f},", end=" ")
    print(f"FFNs {np.mean(m.ffns):+.1f}; FFNs more in {np.greater(m.ffns, m.heads).sum()} of {len(m.ffns)}.")

    # Which kinds of sentences suffer without a head, and whether gradients foretold it
    tried = f"{len(m.lost)} of {m.foretold[0].size} that gradients call strongest"
    print(f"\n2. One head silenced after another, {tried}. The lead of the right word loses, in logits:")
    strongest = sorted(m.lost, key=lambda head: -m.by_kind[head].max())
    shown = strongest if SHOW_MORE.get() else strongest[:3]
    table(dict.fromkeys(m.asked.kinds), {name(head): m.by_kind[head] for head in shown}, ".2f", "without head")
    one, several = m.kinds_hurt.count(1), sum(n > 1 for n in m.kinds_hurt)
    print(f"   {one} of these heads take more than {HURT} from one kind of sentences, {several} from several.")

    # The induction heads, and what is left of few-shot learning without them
    best = ", ".join(f"{name(head)} {m.share[head]:.2f}" for head in largest(m.share, 3))
    print(f"\n3. Induction: {len(m.found)} of {m.share.size} heads give the token after an earlier occurrence", end=" ")
    print(f"{INDUCTION:.0%} of their weight or more:\n   {best} most. Right few-shot answers, of ten to a task:")
    rows = zip(m.answered.items(), (m.p_all, m.p_without, m.p_without_others), strict=True)
    columns = *m.asked.shots, "P of the right word there"
    table(columns, {which: (*shares, f"{np.mean(p):.2f}") for (which, shares), p in rows}, ".0%")

    # What a direction does to other pairs of sentences, and to the text that follows
    print(f"\n4. A direction added after block {m.asked.block}: how much likelier a formal sentence is (nats); a text:")
    for strength, lead, texts in zip(settings.strengths, m.formal.T, m.texts, strict=True):
        for opening, text in zip(m.asked.openings, texts, strict=True):
            show = print if text is texts[0] else detail
            row = f"   {strength:+.1f}  {leads(lead):>15}" if text is texts[0] else " " * 24
            show(f"{row}   {' '.join(f'{opening} {text}'.split())}")
    likely = m.losses.mean((1, 2))
    print(f"   The price: sentences become less likely, by up to {likely.max() - likely.min():.2f} nats.")

    curves = {at: (range(-1, n - 1), [lead.mean() for lead in leading]) for at, leading in m.moved.items()}
    title = "Another country's vector, at one token, after one block"
    xlabel, ylabel = "block; -1 is the embedding", "lead of its capital (logits, mean of ten)"
    chart(settings.out / "swap.png", title, curves, xlabel, ylabel, levels={"no swap": m.before.mean()})
    title = "Italy's text, one vector of France's: Paris over Rome"
    draw_matrix(title, m.patched.scores, m.patched.points, m.labels, settings.out / "tokens.png")
    names, added = zip(*[*m.shares.by_part().items()][:20], strict=True)
    with picture(settings.out / "shares.png", f"What each part adds to the logit of {m.city}", 9, 6) as axes:
        bars(axes, names, added, by_sign(added))
    losses, sentences = np.stack([*m.lost.values()], 1), [sentence for sentence, *_ in m.asked.sentences]
    title = "What each sentence loses without a head (logits)"
    draw_matrix(title, losses, sentences, [*map(name, m.lost)], settings.out / "heads.png")
    title = "Weight of the token after an earlier occurrence, by block and head"
    draw_matrix(title, m.share, *map(range, m.share.shape), settings.out / "induction.png")


def name(head):
    """As "18.6"."""
    return f"{head[0]}.{head[1]}"


def leads(lead):
    """As "+8.96, 10 of 10"."""
    return f"{lead.mean():+.2f}, {(lead > 0).sum()} of {len(lead)}"


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_matrix(title, values, rows, columns, path):
    """A heat map, from orange through white, which is 0, to blue."""
    with picture(path, title, max(8, 3 + 0.4 * len(columns)), 2 + 0.26 * len(rows)) as axes:
        axes.figure.colorbar(heat_map(axes, values, rows), ax=axes)
        axes.set_xticks(range(len(columns)), columns, rotation=90 * (len(columns) > 12), fontsize=9)
