"""For 24_fine_tune.py: made addresses, how they are asked for, what is printed and drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers.drawing import BLUE, VERMILION, chart, save
from helpers.program import by_chance
from helpers.real import DATA, answers, continued, loss_on
from helpers.tokens import read_text
from helpers.training import tokens_and_targets

ADDRESSES = DATA["addresses"]
TASK = {"role": "system", "content": "Addresses as labels."}
ANOTHER, KNOWN = "What is the capital of Germany?", "Berlin"  # of which the examples say nothing


class Address(NamedTuple):
    """What is told, in a sentence, and the label that is wanted."""

    told: str
    label: str


class Exam(NamedTuple):
    """The labels that a model writes; those after four worked ones in the prompt; and what else it can do still."""

    labels: list[str]
    with_examples: list[str]
    other_answer: str
    other_loss: float


def make(learnt: int, held_out: int, seed: int) -> tuple[list[Address], list[Address]]:
    """Return addresses to learn from, and others, whose names, streets and cities are none of those."""
    draw, lists = Random(seed), {key: ADDRESSES[key].split() for key in ("first", "last", "city")}
    lists["street"] = ADDRESSES["street"]

    def address(part: slice) -> Address:
        parts = {key: draw.choice(words[part]) for key, words in lists.items()}
        parts |= {"number": draw.randint(1, 99), "code": draw.randint(10000, 99999)}
        return Address(draw.choice(ADDRESSES["told"]).format(**parts), ADDRESSES["label"].format(**parts))

    return [address(slice(None, -6)) for _ in range(learnt)], [address(slice(-6, None)) for _ in range(held_out)]


def prompt(tokenizer: Any, told: str, worked: Sequence[Address] = ()) -> str:
    """The text of a chat up to where the label begins, after some worked ones."""
    turns = [({"role": "user", "content": a.told}, {"role": "assistant", "content": a.label}) for a in worked]
    messages = [TASK, *(message for turn in turns for message in turn), {"role": "user", "content": told}]
    return tokenizer.format_chat(messages)


def encoded(tokenizer: Any, some: Sequence[Address]) -> tuple[tl.Tensor, tl.Tensor]:
    """Tokens and targets, (n, longest) each; only the label's tokens, and the one that ends it, count."""
    questions = [tokenizer.encode(prompt(tokenizer, address.told), "all") for address in some]
    labels = [[*tokenizer.encode(address.label), tokenizer.ends[0]] for address in some]
    tokens, targets = tokens_and_targets(questions, labels)
    return tl.tensor(tokens), tl.tensor(targets)


def examine(model: Any, held_out: Sequence[Address], worked: Sequence[Address] = ()) -> Exam:
    """Let the model write the labels, at temperature 0; and see what it can do otherwise."""
    prompts, shown = ([prompt(model.tokenizer, a.told, some) for a in held_out] for some in ((), worked))
    labels = continued(model, prompts, 26)
    with_examples = continued(model, shown, 26) if worked else []
    stripped = ([label.strip() for label in some] for some in (labels, with_examples))
    return Exam(*stripped, answers(model, [ANOTHER], 12)[0], loss_on(model, read_text(None).learnt))


# --- what is printed and drawn ----------------------------------------------------------------------------------------


def examples(learnt: Sequence[Address], held_out: Sequence[Address]) -> None:
    """Print what is learnt from."""
    print(f"{len(learnt)} examples to learn from, {len(held_out)} held out, with other names, streets and cities:")
    for told, label in learnt[:3]:
        print(f"  {told}\n    {label}")
    print("Asked before it learns; that takes some seconds ...", flush=True)


def sizes(model: Any, adapted: nn.Module) -> None:
    """Print how many weights are learnt."""
    few, all_ = sum(p.numel() for p in adapted.parameters()), model.config.parameter_count()
    print(f"\nLoRA learns {few:,} weights, {few / all_:.2%} of the model's. The cross-entropy of the labels:")


def progress(trainer: nn.Trainer) -> None:
    """Print a row of the history."""
    row = trainer.history[-1]
    print(f"  step {row.step:4}: {row.train.loss:.4f}, held out {row.test.loss:.4f}   {row.seconds:.0f} s", flush=True)


def right(labels: Sequence[str], held_out: Sequence[Address]) -> tuple[float, float]:
    """The share of labels that are right to the letter, and of their three fields."""
    pairs = [(said.split(" | "), address.label.split(" | ")) for said, address in zip(labels, held_out, strict=True)]
    fields = [x == y for said, true in pairs for x, y in zip((*said, "", "", "")[:3], true, strict=True)]
    return float(np.mean([said == true for said, true in pairs])), float(np.mean(fields))


def compare(before: Exam, after: Exam, held_out: Sequence[Address]) -> None:
    """Print the labels before and after, and what else has changed."""
    worked = "untrained, four worked ones in the prompt"
    rows = {"before": before.labels, worked: before.with_examples, "after": after.labels}
    shares = {name: right(labels, held_out) for name, labels in rows.items()}
    print(f"\nLabels of the {len(held_out)} held out, right:{'':16}to the letter  fields")
    for name, (whole, fields) in shares.items():
        print(f"  {name:46}{whole:7.0%}{fields:8.0%}")
    print("\nFor example:")
    for i, address in enumerate(held_out[:3]):
        print(f"  {address.told}\n    before  {' '.join(before.labels[i].split())}\n    after   {after.labels[i]}")
    learnt = "It has learnt the format" if shares["after"][0] > 0.8 else "It has not learnt the format well"
    more = shares[worked][0] - shares["after"][0]  # of what the prompt alone brings
    alike = abs(more) <= by_chance(len(held_out), shares[worked][0], shares["after"][0])
    do = "do as well" if alike else "do better" if more > 0 else "do not reach that"
    print(f"\n{learnt}; worked lines in the prompt {do}.")
    print(f'Of what it knew: "{ANOTHER}"')
    for when, exam in (("before", before), ("after", after)):
        answer = " ".join(exam.other_answer.split())
        print(f"    {when:7} {answer}   cross-entropy on another text {exam.other_loss:.2f}")
    wrong = KNOWN in before.other_answer and KNOWN not in after.other_answer
    lost = wrong or after.other_loss > before.other_loss + 0.2
    print(f"  {'It has forgotten something: it learnt from labels alone' if lost else 'Hardly anything is forgotten'}.")


def draw(history: nn.History, path: Path) -> None:
    """The loss on the examples and on those held out, by step."""
    steps = [row.step for row in history]
    examples, held_out = ([getattr(row, which).loss for row in history] for which in ("train", "test"))
    curves = {"examples": (steps, examples), "held out": (steps, held_out)}
    axes = chart("Fine-tuning: the loss of the labels", curves, (BLUE, VERMILION), yscale="log")
    axes.set(xlabel="step of the optimiser", ylabel="cross-entropy of a token of the label")
    save(axes.figure, path)
