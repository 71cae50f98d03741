"""Ask a human: the lecture's safety exercise, with a spam filter that has to act for a company.

    python examples/20_ask_a_human.py
    python examples/20_ask_a_human.py --share 0.2

The filter gives each message a probability. Four questions decide whether it may act alone:

    calibration    of the messages that it gives 70%, is seven in ten spam?
    routing        if a person reads the messages of which it is least sure, how many mistakes are left?
    education      what does a user lose who trusts it, and one who is told how sure it is?
    kinds          is it equally good for all kinds of messages, and for all people who write them?

The messages are made (helpers/messages.py). About one in seven could be either spam or ham, and few people write in
shorthand, so that it has few examples of theirs.
"""

from helpers.messages import judge, make_inputs, make_messages, train
from helpers.program import Common, Measured, start
from show import ask_a_human as show

from random import Random

import numpy as np

import nn
import tinygrad_lecture as tl


def measure(settings: "Settings") -> Measured:
    """Train the filter, then ask whether it may act alone."""
    draw = Random(settings.seed)
    learn, test = make_messages(1500, draw), make_messages(3000, draw)
    inputs = make_inputs("TF-IDF", learn.texts)
    rows = inputs(learn.texts)
    m = Measured(learn=learn, test=test, bins={}, error={}, by_chance={}, loss={}, checked={})

    for name, epochs in (("short", settings.epochs), ("long", settings.long)):
        model = train(nn.MLP([len(inputs.words), 16, 1]), rows, learn.spam, epochs)
        p = judge(model, inputs, test.texts)  # (test,): the probability of spam
        wrong, confidence = (p >= 0.5) != test.spam, np.maximum(p, 1 - p)

        # Calibration: messages with about the same probability, and how many of them are spam
        m.bins[name], m.error[name] = calibration(p, test.spam), calibration_error(p, test.spam)
        # of forty draws by these probabilities, 39 are less
        m.by_chance[name] = max(calibration_error(p, tl.rand(len(p)).numpy() < p) for _ in range(40))

        # "User education", "over-reliance": a user checks an answer where that costs less than trusting it
        checks = {
            "nothing": np.full(len(p), False),
            "the mean": np.full(len(p), MISTAKE * wrong.mean() > CHECK),
            "each confidence": MISTAKE * (1 - confidence) > CHECK,
        }
        m.loss[name] = {told: 100 * np.where(some, CHECK, MISTAKE * wrong).mean() for told, some in checks.items()}
        m.checked[name] = {f"cost {cost}": (cost * (1 - confidence) > CHECK).mean() for cost in (MISTAKE, 100, 1000)}
        if name == "short":
            m.p, m.wrong, m.confidence = p, wrong, confidence

    # Routing: the least confident go to a person, who is taken to be right
    least_sure = np.argsort(m.confidence, kind="stable")  # the least confident first
    m.left = np.append(m.wrong.sum(), m.wrong.sum() - np.cumsum(m.wrong[least_sure]))  # mistakes, after 0, 1, ... read
    m.avoided = 1 - m.left[int(settings.share * len(test))] / m.left[0]
    m.routed = np.zeros(len(test), bool)
    m.routed[least_sure[: int(settings.share * len(test))]] = True

    # Errors by kind, and by group
    kinds = np.array(test.kinds)
    m.wrong_by_kind = {kind: m.wrong[kinds == kind].mean() for kind in sorted({*test.kinds})}
    m.lost, m.lost_by_chance = by_group(m.wrong[~test.spam], test.shorthand[~test.spam])
    m.missed, m.missed_by_chance = by_group(m.wrong[test.spam], test.shorthand[test.spam])
    return m


CHECK, MISTAKE = 1, 10  # what it costs a user to check an answer, and to act on a wrong one


def calibration(p: np.ndarray, spam: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For ten equal bins of p: the mean p, the share of spam, and how many messages; empty bins are left out."""
    place = np.minimum((10 * p).astype(int), 9)
    some = [place == k for k in range(10) if (place == k).any()]
    said, true = (np.array([x[here].mean() for here in some]) for x in (p, spam))
    return said, true, np.array([here.sum() for here in some])


def calibration_error(p: np.ndarray, spam: np.ndarray) -> float:
    """The expected calibration error: |said - true|, averaged over the messages (Guo et al., arXiv:1706.04599)."""
    said, true, n = calibration(p, spam)
    return float((n * np.abs(said - true)).sum() / n.sum())


def by_group(wrong: np.ndarray, shorthand: np.ndarray) -> tuple[dict[str, float], float]:
    """The share of mistakes in messages in shorthand and written out, and how far both differ by chance.

    By chance alone both are samples of one share, so the difference has this standard deviation.
    """
    share = wrong.mean()
    chance = (share * (1 - share) * (1 / shorthand.sum() + 1 / (~shorthand).sum())) ** 0.5
    return {"in shorthand": wrong[shorthand].mean(), "written out": wrong[~shorthand].mean()}, float(chance)


class Settings(Common, out="ask_a_human"):
    """What can be set on the command line."""

    share: float = 0.1  # of the messages that a person can read
    epochs: int = 6  # how often each message is seen
    long: int = 60  # epochs of a second network, which trains too long if this is many


if __name__ == "__main__":
    start(measure, Settings, show.report)
