"""For 25_change_a_thought.py and 23_chat.py: edits of points; the two models and what they are asked; what is printed.

with model.edit(without(model, [(18, 6)])): ...                 # head 6 of block 18 sends nothing
with model.edit({"blocks.12": lambda x: x + direction(model, pairs, "blocks.12")}): ...
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers.drawing import BLUE, GREY, VERMILION, chart, new_figure, save, signed
from helpers.program import by_chance, data, detail
from helpers.real import DATA, first_token, largest, smollm2
from helpers.training import train
from transformer import Llama, LlamaConfig, Shares, WordTokenizer
from transformer.training import IGNORED

Shots = tuple[list[str], list[str]]  # prompts, and the word that is right after each
Head = tuple[int, int]  # block, head
Answered = Mapping[str, Sequence[float]]  # which heads are silent -> right answers, for each task
Told = Mapping[float, tuple[np.ndarray, Sequence[str]]]  # by strength: losses (10, 2) of ten pairs, ten texts
ASKED = data("thought.toml")
INDUCTION = 0.3  # of the weight, from where on a head is called an induction head


class Subject(NamedTuple):
    """A model, and what it is asked."""

    model: Any
    capitals: Mapping[str, str]
    sentences: Sequence[tuple[str, str, str]]  # ten: a text, the word that should follow, one that should not
    kinds: Sequence[str]  # of the sentences
    copies: Any  # the model in which heads that copy are sought; it may be the same
    pool: np.ndarray  # the tokens of which random texts are made
    shots: Mapping[str, Shots]  # by task
    pairs: Sequence[tuple[str, str]]  # the same said formally and casually: 20 to learn from, 10 to test
    openings: Sequence[str]
    block: int  # whose output the direction is added to


# --- edits ------------------------------------------------------------------------------------------------------------


def put(value: Any, place: int) -> Callable[[tl.Tensor], tl.Tensor]:
    """A change of a point: another value, such as vectors (texts, width), at one token of each text."""

    def change(x: tl.Tensor) -> tl.Tensor:
        x = x.clone()
        x[:, place] = value
        return x

    return change


def without(model: Any, heads: Iterable[Head]) -> dict[str, Any]:
    """The changes that silence some heads: what they send, (..., heads, tokens, head_dim), becomes 0."""
    kept = defaultdict(lambda: tl.ones(model.config.heads, 1, 1))
    for block, head in heads:
        kept[f"blocks.{block}.attention.heads"][head] = 0
    return {point: lambda x, keep=keep: x * keep for point, keep in kept.items()}


def direction(model: Any, pairs: Sequence[tuple[str, str]], point: str) -> tl.Tensor:
    """From the second texts of some pairs to the first: the mean difference of their mean vectors, (width,).

    It is made as long as the vectors there are on average. The first token is left out: its vector is much longer, and
    nearly the same in all texts.
    """

    def vectors(text: str) -> np.ndarray:
        return model.trace(model.tokenizer.encode(f"\n{text}"), points=point)[point][1:]  # (tokens - 1, width)

    found = [[vectors(text) for text in pair] for pair in pairs]
    towards = np.mean([one.mean(axis=0) - other.mean(axis=0) for one, other in found], axis=0)
    length = np.mean([np.linalg.norm(x, axis=-1).mean() for pair in found for x in pair])
    return tl.tensor(towards * length / np.linalg.norm(towards))


# --- the models, and what they are asked ------------------------------------------------------------------------------


def real() -> Subject:
    """SmolLM2, and what it is asked."""
    asked, model, draw = ASKED["real"], smollm2("to go on with changed thoughts"), Random(0)
    tasks = {task: DATA["few_shot"][task].split() for task in ("opposite", "plural", "past")}
    shots = {task: shown(words, draw) for task, words in tasks.items()}
    shots["made up"] = shown(asked["made_up"].split(), draw, told=True)
    words = {first_token(model, word) for text in tasks.values() for word in text}
    capitals = dict(list(DATA["capitals"].items())[:10])  # their countries are one token each
    kinds, *sentences = zip(*asked["sentences"], strict=True)
    return Subject(model, capitals, [*zip(*sentences, strict=True)], kinds, model, np.array(sorted(words)), shots,
                   asked["formal_casual"], asked["openings"], block=12)  # fmt: skip


def shown(words: Sequence[str], draw: Random, told: bool = False, form: str = "{} -> {}\n") -> Shots:
    """Ten prompts of a task, words and answers by turns: four worked lines and a question. told: it is one of them."""
    right = dict(zip(words[::2], words[1::2], strict=True))
    prompts, questions = [], [*right][:10]
    for question in questions:
        others = draw.sample([word for word in right if word != question], 4 - told)
        lines = draw.sample([*others, *[question] * told], 4)
        prompts.append("".join(form.format(word, right[word]) for word in lines) + form.format(question, "").rstrip())
    return prompts, [right[question] for question in questions]


def small(steps: int, seed: int) -> Subject:
    """Two small Llamas, one trained on made sentences, one on pairs of random words; and what they are asked."""
    tl.manual_seed(seed)
    asked, capitals, draw = ASKED["small"], data("next_word.toml")["capitals"], Random(seed)
    people, things, one, many = (asked[name].split() for name in ("people", "things", "singular", "plural"))

    def said(tone: str, name: str, thing: str) -> str:
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
    detail("The other learns from random pairs of words, said three times in changing order.", flush=True)

    def of_sentences() -> tl.Tensor:
        some = texts[random.integers(0, len(texts), 64)]
        return model.loss(np.maximum(some[:, :-1], 0), some[:, 1:])

    def of_pairs() -> tl.Tensor:
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
    kinds, *asked_for = zip(*asked["sentences"], strict=True)
    shots = {"pairs": shown(things, draw, told=True, form="{} {} ")}
    pool, openings = np.arange(len(things)), [f"{name} said:" for name in people]
    return Subject(
        model, capitals, [*zip(*asked_for, strict=True)], kinds, copies, pool, shots, pairs, openings, block=0
    )


def untrained(texts: Sequence[str]) -> Llama:
    """A small Llama whose vocabulary are the words of some texts."""
    words = WordTokenizer.train(" ".join(texts))
    model = Llama(LlamaConfig(vocab_size=words.vocab_size, context=64, layers=2, heads=4, width=64, hidden=128))
    model.tokenizer = words
    return model


# --- what is printed --------------------------------------------------------------------------------------------------


def name(head: Head) -> str:
    """As "18.6"."""
    return f"{head[0]}.{head[1]}"


def quarters(blocks: Sequence[str]) -> list[list[str]]:
    """The blocks in four parts, or fewer."""
    return [part.tolist() for part in np.array_split(blocks, min(4, len(blocks)))]


def leads(lead: np.ndarray) -> str:
    """As "+8.96, 10 of 10"."""
    return f"{lead.mean():+.2f}, {(lead > 0).sum()} of {len(lead)}"


def moved(before: np.ndarray, swapped: Mapping[str, Sequence[np.ndarray]]) -> None:
    """Print where the country is: by how much the other's capital leads. swapped: after the embedding, each block."""
    print('\n1. Italy for France. Ten texts, "The capital of France is" and so on: one vector is the next text\'s.')
    print(f"   By how many logits does the next text's capital lead, in how many texts? Before: {leads(before)}")
    country, last = ([int((lead > 0).sum()) for lead in leading] for leading in swapped.values())
    n = len(last)
    turn = next((k for k in range(n) if min(last[k:]) >= 9), n)
    shown = sorted({0, 1, n // 2, *(k for k in (turn - 1, turn) if k < n), n - 1})
    print(f"   {'swapped after':20}" + "".join(f"{f'block {k - 1}' if k else 'embedding':>17}" for k in shown))
    for at, leading in swapped.items():
        print(f"   {at:20}" + "".join(f"{leads(leading[k]):>17}" for k in shown))
    if turn < n and min(country[:turn], default=0) >= 9 > max(country[turn:]):
        print(f"   From block {turn - 1} on the last token's vector holds what was read, before that the country's.")
    else:
        print("   There is no block from which on the last token's vector holds what was read.")


def kept(before: np.ndarray, after: Mapping[str, np.ndarray]) -> None:
    """Print what of another country reaches the last token, where one part adds to it what it added before."""
    attention, ffn = after.values()
    passes = float(np.abs(attention - before).max())
    detail(f"   Swapped, while attention adds to the last token what it did: {leads(attention)}; FFN: {leads(ffn)}.")
    only, alone = ("Only", "each token alone") if passes < 1e-3 else ("Not only", "several tokens")
    print(f"   {only} attention exchanges between tokens: past it come {passes:.1g} logits. The FFN works on {alone}.")


def silent(quarters: Sequence[Sequence[str]], right: int, left: Mapping[str, Sequence[int]]) -> None:
    """Print which part knows the capitals, by what is lost without it."""
    if len(quarters) < 2:
        return
    parts = ["-".join(dict.fromkeys(block.split(".")[1] for block in (some[0], some[-1]))) for some in quarters]
    attention, ffn = left.values()
    print(f"   Right capitals: {right}; without what a part of blocks {', '.join(parts)} adds to the country's vector:")
    print(f"   without attention {', '.join(map(str, attention))}; without FFN {', '.join(map(str, ffn))}.", end=" ")
    most = int(np.argmax(np.subtract(attention, ffn)))
    recalls = attention[most] - ffn[most] >= 3
    print(f"So the FFNs of {parts[most]} recall patterns." if recalls else "So no FFNs are seen to recall patterns.")


def updates(shares: Sequence[tuple[Shares, Shares]]) -> None:
    """Print how logits add up, and what decides which capital it is. shares: of the right one, of the next text's."""
    off = max(abs(share.biases) for pair in shares for share in pair)
    heads = np.array([(a.heads - b.heads).sum() for a, b in shares])
    ffns = np.array([(a.ffns - b.ffns).sum() for a, b in shares])
    parts = f"{shares[0][0].heads.size} heads and {shares[0][0].ffns.size} FFNs"
    print(f"   A logit is the sum of what the embedding, {parts} add, but for {off:.0e}.", end=" ")
    more = int((ffns > heads).sum())
    verdict = "borne out" if more >= 8 else "not borne out" if more <= 2 else "borne out in part"
    print(f"To the right capital's lead\n   heads add {heads.mean():+.1f}, FFNs {ffns.mean():+.1f}", end="")
    print(f'; FFNs more in {more} of {len(shares)}: "the FFN decides what it means" is {verdict}.')


def strongest(foretold: np.ndarray, n: int = 3) -> list[Head]:
    """The n heads with the largest losses foretold for each sentence. foretold: (sentences, layers, heads)."""
    return sorted({(block, head) for row in foretold for block, head in largest(row, n)})


def heads(asked: Subject, whole: np.ndarray, foretold: np.ndarray, lost: Mapping[Head, np.ndarray]) -> None:
    """Print which kinds of sentences suffer without a head, and whether gradients foretold it."""
    kinds = list(dict.fromkeys(asked.kinds))
    of_kind = np.array([[kind == other for other in asked.kinds] for kind in kinds], float)  # (kinds, sentences)
    by_kind = {head: of_kind @ loss / of_kind.sum(axis=1) for head, loss in lost.items()}
    tried, right = f"the {len(lost)} of {foretold[0].size} that gradients call strongest", (whole > 0).sum()
    print(f"\n2. One head silenced after another: {tried}. The right word leads")
    print(f"   the wrong one in {right} of ten sentences. What silence takes from its lead, in logits:")
    print(f"   {'without head':14}" + "".join(f"{kind:>12}" for kind in kinds))
    for place, head in enumerate(sorted(lost, key=lambda head: -by_kind[head].max())):
        (print if place < 3 else detail)(f"   {name(head):14}" + "".join(f"{loss:12.2f}" for loss in by_kind[head]))
    hurt = [(losses > 0.5).sum() for losses in by_kind.values()]
    one, several = hurt.count(1), sum(n > 1 for n in hurt)
    said = np.array([foretold[:, block, head] for block, head in lost])
    agree = float(np.corrcoef(np.array([*lost.values()]).ravel(), said.ravel())[0, 1])
    detail(f"   Gradients foretell these losses with a correlation of {agree:.2f}.")
    print(f"   One kind loses more than 0.5 by {one} of them, several kinds by {several}:", end=" ")
    verdict = "borne out" if one > max(4 * several, 1) else "not borne out" if one < several else "borne out in part"
    print(f'"one head, one type of relationship" is {verdict}.')


def induction(asked: Subject, share: np.ndarray, found: Sequence[Head], answered: Answered) -> None:
    """Print the induction heads, and what is left of few-shot learning without them."""
    best = ", ".join(f"{name(head)} {share[head]:.2f}" for head in largest(share, 3))
    print(f"\n3. Induction: {len(found)} of {share.size} heads give the token after an earlier occurrence", end=" ")
    print(f"{INDUCTION:.0%} of their weight or more:\n   {best} most. Right few-shot answers, of ten to a task:")
    print(f"   {'':26}" + "".join(f"{task:>12}" for task in asked.shots))
    for which, shares in answered.items():
        show = detail if "alone" in which else print
        show(f"   {which:26}" + "".join(f"{right:12.0%}" for right in shares))
    whole, _, none, others = (dict(zip(asked.shots, row, strict=True)) for row in answered.values())
    breaks = [task for task in asked.shots if whole[task] - none[task] > by_chance(10, whole[task], none[task])]
    alone = [task for task in breaks if others[task] - none[task] > by_chance(10, others[task], none[task])]
    print(f"   Without them few-shot learning breaks for {', '.join(breaks) or 'none'};", end=" ")
    print(f"without others it does not for {', '.join(alone) or 'none'} of these.")


def tone(asked: Subject, told: Told) -> None:
    """Print what a direction does to other pairs of sentences, and to the text that follows."""
    print(f"\n4. A direction added after block {asked.block}: how much likelier a formal sentence is (nats); a text:")
    for strength, (losses, texts) in told.items():
        for opening, text in zip(asked.openings, texts, strict=True):
            show = print if text is texts[0] else detail
            row = f"   {strength:+.1f}  {leads(losses[:, 1] - losses[:, 0]):>15}" if text is texts[0] else " " * 24
            show(f"{row}   {' '.join(f'{opening} {text}'.split())}")
    moves = [float((losses[:, 1] - losses[:, 0]).mean()) for losses, _ in told.values()]
    price = max(losses.mean() for losses, _ in told.values()) - told[min(told, key=abs)][0].mean()
    steady = "moves" if moves == sorted(moves) else "does not move"
    print(f"   It {steady} the tone step by step. The price: sentences become less likely, by up to {price:.2f} nats.")


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_moved(moved: Mapping[str, Sequence[np.ndarray]], before: np.ndarray, path: Path) -> None:
    """A curve for each token: by how much the other country's capital leads, if its vector is swapped there."""
    curves = {at: (range(-1, len(leads) - 1), [lead.mean() for lead in leads]) for at, leads in moved.items()}
    axes = chart("Another country's vector, at one token, after one block", curves, (BLUE, VERMILION))
    axes.axhline(before.mean(), color=GREY, linestyle="--")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(xlabel="block; -1 is the embedding", ylabel="lead of its capital (logits, mean of ten)")
    save(axes.figure, path)


def draw_matrix(title: str, values: np.ndarray, rows: Sequence[Any], columns: Sequence[Any], path: Path) -> None:
    """A heat map, from orange through white, which is 0, to blue."""
    figure = new_figure(max(8, 3 + 0.4 * len(columns)), 2 + 0.26 * len(rows), title)
    axes, most = figure.subplots(), np.abs(values).max()
    image = axes.imshow(values, cmap=signed(), vmin=-most, vmax=most, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=90 * (len(columns) > 12), fontsize=9)
    axes.set_yticks(range(len(rows)), rows, fontsize=9)
    axes.set(xlabel="head")
    figure.colorbar(image, ax=axes)
    save(figure, path)
