"""For 24_fine_tune.py: made addresses, how they are asked for, what is printed and drawn."""

from random import Random
from typing import NamedTuple

import numpy as np

import tinygrad_lecture as tl
from helpers.corpora import read_text
from helpers.drawing import chart
from helpers.real import DATA, answers, continued, loss_on
from helpers.training import tokens_and_targets

ADDRESSES = DATA["addresses"]
TASK = {"role": "system", "content": "Addresses as labels."}
CAPITALS = dict([*DATA["capitals"].items()][:10])  # of which the examples say nothing


class Address(NamedTuple):
    """What is told, in a sentence, and the label that is wanted."""

    told: str
    label: str


class Exam(NamedTuple):
    """The labels that a model writes; those after four worked ones in the prompt; and what else it can do still."""

    labels: list[str]
    with_examples: list[str]
    capitals: list[str]
    other_loss: float


def make(learnt, held_out, seed):
    """Return addresses to learn from, and others, whose names, streets and cities are none of those."""
    draw, lists = Random(seed), {key: ADDRESSES[key].split() for key in ("first", "last", "city")}
    lists["street"] = ADDRESSES["street"]

    def address(part):
        parts = {key: draw.choice(words[part]) for key, words in lists.items()}
        parts |= {"number": draw.randint(1, 99), "code": draw.randint(10000, 99999)}
        return Address(draw.choice(ADDRESSES["told"]).format(**parts), ADDRESSES["label"].format(**parts))

    return [address(slice(None, -6)) for _ in range(learnt)], [address(slice(-6, None)) for _ in range(held_out)]


def prompt(tokenizer, told, worked=()):
    """The text of a chat up to where the label begins, after some worked ones."""
    turns = [({"role": "user", "content": a.told}, {"role": "assistant", "content": a.label}) for a in worked]
    messages = [TASK, *(message for turn in turns for message in turn), {"role": "user", "content": told}]
    return tokenizer.format_chat(messages)


def encoded(tokenizer, some):
    """Tokens and targets, (n, longest) each; only the label's tokens, and the one that ends it, count."""
    questions = [tokenizer.encode(prompt(tokenizer, address.told), "all") for address in some]
    labels = [[*tokenizer.encode(address.label), tokenizer.ends[0]] for address in some]
    tokens, targets = tokens_and_targets(questions, labels)
    return tl.tensor(tokens), tl.tensor(targets)


def examine(model, held_out, worked=()):
    """Let the model write the labels, at temperature 0; and see what it can do otherwise."""
    prompts, shown = ([prompt(model.tokenizer, a.told, some) for a in held_out] for some in ((), worked))
    labels = continued(model, prompts, 26)
    with_examples = continued(model, shown, 26) if worked else []
    stripped = ([label.strip() for label in some] for some in (labels, with_examples))
    capitals = answers(model, [f"What is the capital of {country}?" for country in CAPITALS], 12)
    return Exam(*stripped, capitals, loss_on(model, read_text(None).learnt))


def right(labels, held_out):
    """Which labels are right to the letter."""
    return [said == address.label for said, address in zip(labels, held_out, strict=True)]


# --- what is printed and drawn ----------------------------------------------------------------------------------------


def progress(trainer):
    """Print a row of the history."""
    row = trainer.history[-1]
    print(f"  step {row.step:4}: {row.train.loss:.4f}, held out {row.test.loss:.4f}   {row.seconds:.0f} s", flush=True)


def report(m, settings):
    """Print what was learnt from, the labels before and after, and what else has changed; draw the loss."""
    print(f"\n{len(m.learnt)} examples to learn from, {len(m.held_out)} held out, with other names, streets, cities:")
    for told, label in m.learnt[:3]:
        print(f"  {told}\n    {label}")
    print(f"\nLabels of the {len(m.held_out)} held out, right to the letter:")
    shown = "untrained, four worked ones in the prompt"
    for name, whole in (("before", m.right_before), (shown, m.right_shown), ("after", m.right_after)):
        print(f"  {name:46}{np.mean(whole):7.0%}")
    print("\nFor example:")
    for i, address in enumerate(m.held_out[:3]):
        before, after = (" ".join(exam.labels[i].split()) for exam in (m.before, m.after))
        print(f"  {address.told}\n    before  {before}\n    after   {after}")
    print(f"\nWhat it knew: the capitals of ten countries, such as {next(iter(CAPITALS))}")
    for when, knows, exam in (("before", m.knew, m.before), ("after", m.knows, m.after)):
        print(f"  {when:7} {sum(knows)} right: {' '.join(exam.capitals[0].split())}", end=" ")
        print(f"  (cross-entropy on another text {exam.other_loss:.2f})")
    print("  The examples are labels alone: nothing holds the rest in its place.")

    steps, learnt, held_out = zip(*((row.step, row.train.loss, row.test.loss) for row in m.history), strict=True)
    curves = {"examples": (steps, learnt), "held out": (steps, held_out)}
    title, ylabel = "Fine-tuning: the loss of the labels", "cross-entropy of a token of the label"
    chart(settings.out / "loss.png", title, curves, "step of the optimiser", ylabel, yscale="log")
