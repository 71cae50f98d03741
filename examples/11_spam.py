"""Spam or not: the exercise, with four ways to turn a message into numbers, and rules written by hand.

    python examples/11_spam.py
    python examples/11_spam.py --data messages.tsv              # a file of yours: label, tab, text in each line
    python examples/11_spam.py --message "WIN a FREE phone! Txt PRIZE to 80086"
    python examples/11_spam.py --real                           # word vectors of a real model instead of learnt ones

The messages are made, unless the file SMSSpamCollection lies in the current folder: 5,574 real ones, collected by
Almeida and Hidalgo (https://archive.ics.uci.edu/dataset/228, CC BY 4.0). Of those in the test TF-IDF judges 99.5%
right, loses no ham, and finds 96% of the spam. The rules were written for them; they judge 98.7% right, and find 91%.

    bag of words     how often each word occurs             (words,)
    TF-IDF           the same; rare words count more        (words,)
    embeddings       the mean of the words' vectors         (16,)
    characters       patterns of 5 characters               (32,)
    output           one neuron, sigmoid: the probability of spam; 0.5 or more is called spam
    loss             -log P(what was right)
"""

from helpers import messages
from helpers.messages import ENOUGH_POINTS
from helpers.program import Measured, RealToo, by_chance, start
from helpers.real import minilm
from show import spam as show

from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np

import nn
import tinygrad_lecture as tl

NETWORKS = ("bag of words", "TF-IDF", "embeddings", "characters")
DISGUISES = {"as it is": str, "leetspeak": messages.leetspeak, "good words added": messages.good_words}


def measure(settings: "Settings") -> Measured:
    """Test four networks and the rules; then what fools them, and what retraining does."""
    learn, test = messages.split(messages.load_messages(settings.data, settings.seed), settings.seed)
    m = Measured(learn=learn, test=test)

    # A network for each input representation
    filters = {name: learnt_from(learn, name, settings.epochs) for name in NETWORKS}
    m.p = {name: messages.judge(model, inputs, test.texts) for name, (inputs, model) in filters.items()}
    m.points = messages.rule_points(test.texts)  # (test,)
    called = {"all is ham": np.zeros(len(test), bool), f"rules, {ENOUGH_POINTS}+ points": m.points >= ENOUGH_POINTS}
    m.tested = {name: show.count(these, test.spam) for name, these in called.items()}
    m.all_ham, m.by_rules = (counts.accuracy for counts in m.tested.values())
    m.tested |= {name: show.count(p >= 0.5, test.spam) for name, p in m.p.items()}
    m.right = {name: m.tested[name].accuracy for name in NETWORKS}
    m.missed = np.mean([m.tested[name].missed / test.spam.sum() for name in NETWORKS])
    m.lost = np.mean([m.tested[name].lost / (~test.spam).sum() for name in NETWORKS])
    m.by_chance = by_chance(len(test), m.right["TF-IDF"])  # how far two filters as good as that differ by chance

    # "Use threshold (e.g., 0.5)", and "value close to 1 = spam, close to 0 = not spam"
    p = m.p["TF-IDF"]
    m.thresholds = {f"at {t}": show.count(p >= t, test.spam) for t in (0.05, 0.2, 0.5, 0.8, 0.95)}
    m.right_at = {name: counts.accuracy for name, counts in m.thresholds.items()}
    near_1, near_0 = show.count(p >= 0.9, test.spam), show.count(p <= 0.1, ~test.spam)
    m.spam_where = {"near 1": near_1.precision, "near 0": 1 - near_0.precision}

    # "Requires large labeled datasets": the fewer messages there are, the more often each is seen
    m.after = {}
    for n in (*(n for n in (30, 100, 300, 1000) if n < len(learn)), len(learn)):
        inputs, model = learnt_from(learn.first(n), "TF-IDF", settings.epochs * min(20, len(learn) // n))
        m.after[f"{n} messages" if n < len(learn) else "all"] = right(model, inputs, test)

    # "Can detect subtle combinations of features": one neuron alone can only add up what it is given
    bag, _ = filters["bag of words"]
    neuron = messages.train(nn.MLP([len(bag.words), 1]), bag(learn.texts), learn.spam, settings.epochs)
    m.added = right(neuron, bag, test)

    # "Black box": the gradient at the input says which words pushed the output up or down
    inputs, model = filters["TF-IDF"]
    rows = inputs(learn.texts)  # (learn, words)
    have = np.count_nonzero(rows, axis=0)
    m.push = np.where(have < 10, 0, pushes(model, rows).sum(axis=0) / np.maximum(have, 1))  # (words,)
    m.words = inputs.words
    rows = inputs(test.texts)[p >= 0.5]  # called spam; what if the word that pushes most were not there?
    rows[np.arange(len(rows)), pushes(model, rows).argmax(axis=1)] = 0
    with tl.no_grad():
        m.turned = (model(tl.tensor(rows)).numpy() < 0).sum() / max(1, len(rows))

    # Adversarial examples: the same spam, disguised
    m.found = {name: {} for name in (*NETWORKS, "rules")}
    for disguise, disguised in DISGUISES.items():
        texts = [disguised(text) for text, is_spam in zip(test.texts, test.spam, strict=True) if is_spam]
        for name, (inputs, model) in filters.items():
            m.found[name][disguise] = (messages.judge(model, inputs, texts) >= 0.5).mean()
        m.found["rules"][disguise] = (messages.rule_points(texts) >= ENOUGH_POINTS).mean()
    m.found_by_chance = by_chance(test.spam.sum(), 0.5)  # how far two of these shares differ by chance, at most

    # "Regular updates as spam techniques evolve": a new kind of spam, and retraining with some labelled examples
    draw = Random(settings.seed)
    new = [messages.one(draw, messages.NEW)[0] for _ in range(500)]
    m.new, m.old, m.new_by_rules = {}, {}, (messages.rule_points(new[100:]) >= ENOUGH_POINTS).mean()
    for n in (0, 5, 20, 100):
        more = messages.Messages(learn.texts + new[:n], np.append(learn.spam, np.ones(n, bool)))
        inputs, model = learnt_from(more, "TF-IDF", settings.epochs)
        m.new[f"{n} examples"] = (messages.judge(model, inputs, new[100:]) >= 0.5).mean()
        m.old[f"{n} examples"] = right(model, inputs, test)

    if settings.message:
        m.asked = {name: messages.judge(model, inputs, settings.message) for name, (inputs, model) in filters.items()}
    return m


def learnt_from(learn: messages.Messages, name: str, epochs: int) -> tuple[messages.Inputs, nn.Module]:
    """A network for an input representation, and what makes its inputs."""
    inputs = messages.make_inputs(name, learn.texts)  # learns the vocabulary
    return inputs, messages.train(messages.build(name, len(inputs.words)), inputs(learn.texts), learn.spam, epochs)


def right(model: nn.Module, inputs: messages.Inputs, test: messages.Messages) -> float:
    """The share of messages that are judged right."""
    return float(((messages.judge(model, inputs, test.texts) >= 0.5) == test.spam).mean())


def pushes(model: nn.Module, rows: np.ndarray) -> np.ndarray:
    """x times d output / d x for each word of each message: (messages, words)."""
    x = tl.tensor(rows, requires_grad=True)
    model(x).sum().backward()
    return x.grad.numpy() * rows


def measure_real(settings: "Settings") -> Measured:
    """Vectors that MiniLM has for a message, against vectors of words learnt here: ten splits of the messages."""
    all_ = messages.load_messages(settings.data, settings.seed).first(1500)
    vectors = dict(zip(all_.texts, minilm().embed(all_.texts).numpy(), strict=True))  # (384,) each

    def read(texts: Sequence[str]) -> np.ndarray:
        return np.stack([vectors[text] for text in texts])

    m = Measured(messages=len(all_), few=100, learnt=[], pretrained=[], learnt_from_few=[], pretrained_from_few=[])
    for seed in range(10):
        tl.manual_seed(seed)
        learn, test = messages.split(all_, seed)
        few, often = learn.first(m.few), settings.epochs * 10  # the fewer, the more often each is seen
        for some, epochs, learnt, pretrained in (
            (learn, settings.epochs, m.learnt, m.pretrained),
            (few, often, m.learnt_from_few, m.pretrained_from_few),
        ):
            inputs, model = learnt_from(some, "embeddings", epochs)
            learnt.append(right(model, inputs, test))
            model = messages.train(nn.MLP([384, 16, 1]), read(some.texts), some.spam, epochs)
            pretrained.append(right(model, read, test))
    return m


class Settings(RealToo, out="spam", ask_real=(measure_real, show.real)):
    """What can be set on the command line."""

    data: Path | None = next(Path().glob("SMSSpamCollection"), None)  # a file; without one, messages are made
    message: tuple[str, ...] = ()  # messages of your own to judge
    epochs: int = 6  # how often each message is seen


if __name__ == "__main__":
    start(measure, Settings, show.report)
