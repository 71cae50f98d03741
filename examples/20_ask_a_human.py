"""Ask a human: the lecture's safety exercise, with a spam filter that has to act for a company.

    python examples/20_ask_a_human.py
    python examples/20_ask_a_human.py --share 0.2

The filter gives each message a probability. Four questions decide whether it may act alone:

    calibration    of the messages that it gives 70%, is seven in ten spam?
    routing        if a person reads the messages of which it is least sure, how many mistakes are left?
    education      what does a user lose who trusts it, and one who is told how sure it is?
    kinds          is it equally good for all kinds of messages, and for all people who write them?

The messages are made (helpers/emails.py). About one in seven could be either spam or ham, and few people write in
shorthand, so that it has few examples of theirs.
"""

from helpers import human as show
from helpers.emails import make_messages
from helpers.program import Common, check, counted, start
from helpers.spam import judge, make_inputs, train

from random import Random

import numpy as np

import nn
import tinygrad_lecture as tl


def main(settings: "Settings") -> None:
    """Train the filter, then ask whether it may act alone."""
    tl.manual_seed(settings.seed)
    draw = Random(settings.seed)
    learn, test = make_messages(1500, draw), make_messages(3000, draw)
    inputs = make_inputs("TF-IDF", learn.texts)
    rows = inputs(learn.texts)

    probabilities: dict[str, np.ndarray] = {}  # (test,) each
    for epochs in (settings.epochs, settings.long):
        model = train(nn.MLP([len(inputs.words), 16, 1]), rows, learn.spam, epochs)
        probabilities[counted(epochs, "epoch")] = judge(model, inputs, test.texts)

    # Calibration: messages with about the same probability, and how many of them are spam
    bins = {name: calibration(p, test.spam) for name, p in probabilities.items()}
    show.calibration(bins, {name: error(*rows) for name, rows in bins.items()})

    # Routing: confidence is max(p, 1 - p); the least confident go to a person, who is taken to be right
    p = probabilities[counted(settings.epochs, "epoch")]
    wrong = (p >= 0.5) != test.spam
    least_sure = np.argsort(np.maximum(p, 1 - p), kind="stable")  # the least confident first
    left = np.append(wrong.sum(), wrong.sum() - np.cumsum(wrong[least_sure]))  # mistakes left after 0, 1, ... read
    show.routing(left, settings.share)

    # "User education", "over-reliance": a user checks an answer where that costs less than trusting it
    show.education({name: (np.maximum(p, 1 - p), (p >= 0.5) != test.spam) for name, p in probabilities.items()})

    # Errors by kind, and by group
    routed = np.zeros(len(test), bool)
    routed[least_sure[: int(settings.share * len(test))]] = True
    show.by_kind(test.kinds, test.spam, wrong, routed)
    show.by_group(learn.shorthand, test.shorthand, test.spam, p)

    print("\nPictures:")
    show.draw_calibration(bins, settings.out / "calibration.png")
    show.draw_routing(left, settings.share, settings.out / "routing.png")


def calibration(p: np.ndarray, spam: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For ten equal bins of p: the mean p, the share of spam, and how many messages; empty bins are left out."""
    place = np.minimum((10 * p).astype(int), 9)
    some = [place == k for k in range(10) if (place == k).any()]
    said, true = (np.array([x[here].mean() for here in some]) for x in (p, spam))
    return said, true, np.array([here.sum() for here in some])


def error(said: np.ndarray, true: np.ndarray, n: np.ndarray) -> float:
    """The expected calibration error: |said - true|, averaged over the messages (Guo et al., arXiv:1706.04599)."""
    return float((n * np.abs(said - true)).sum() / n.sum())


class Settings(Common, out="ask_a_human"):
    """What can be set on the command line."""

    share: float = 0.1  # of the messages that a person can read
    epochs: int = 6  # how often each message is seen
    long: int = 60  # epochs of a second network, which trains too long if this is many

    def __post_init__(self) -> None:
        check(self, share=(0, 1))


if __name__ == "__main__":
    start(main, Settings)
