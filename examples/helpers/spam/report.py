"""The report on a spam filter: tables, reasons, mistakes. Used by 11_spam.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from helpers.spam.filter import SpamFilter
from helpers.spam.precision_recall import Counts, count, curve
from helpers.spam.rules import ENOUGH, reasons
from helpers.spam.sms import Messages
from helpers.spam.training import Trained


@dataclass
class Outcome:
    """A trained filter, its messages, those held out, and the scores of all methods for the latter."""

    learn: Messages
    test: Messages
    trained: Trained
    points: NDArray[np.int64]  # of the rules, (test,)

    @property
    def filter(self) -> SpamFilter:
        return self.trained.filter

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """The filter's probabilities for the held-out messages, (test,)."""
        return self.filter.probabilities(self.test.texts)

    @cached_property
    def weighted(self) -> NDArray[np.float64] | None:
        """The same of its twin for which spam counts more."""
        return None if self.trained.weighted is None else self.trained.weighted.probabilities(self.test.texts)

    @cached_property
    def validated(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | None:
        """The probabilities of the cross-validation, and the labels."""
        if self.trained.validation is None:
            return None
        found = self.trained.validation.probabilities
        judged = ~np.isnan(found)
        return found[judged], self.learn.spam[judged]

    def counts(self, called: NDArray[np.bool_]) -> Counts:
        return count(called, self.test.spam)

    @property
    def common(self) -> int:
        """The number of messages a word must occur in to be listed."""
        return max(2, min(20, len(self.learn) // 100))

    @cached_property
    def weighty(self) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
        """Words with their mean push in the training messages that have them: towards spam, towards ham."""
        rows = self.filter.rows(self.learn.texts)
        times = np.count_nonzero(rows, axis=0)
        push = self.filter.pushes(rows).sum(axis=0) / np.maximum(times, 1)
        push[times < self.common] = 0  # the mean says little for rare words
        ordered = [(self.filter.vectorizer.vocabulary[i], float(push[i])) for i in np.argsort(-push, kind="stable")]
        return [w for w in ordered if w[1] > 0], [w for w in reversed(ordered) if w[1] < 0]


# --- on the screen ------------------------------------------------------------------------------------------


def print_messages(messages: Messages, keys: Sequence[str], held_out: NDArray[np.bool_]) -> None:
    """Print the number of messages of each kind, to learn from and held out."""
    spam = messages.spam
    print(f"The messages: {messages.source}; {len(messages):,} of them.\n")
    rows = [
        [name, f"{len(kind):,}", f"{(~kind).sum():,}", f"{kind.sum():,}", f"{kind.mean():.1%}"]
        for name, kind in (("to learn from", spam[~held_out]), ("held out", spam[held_out]))
    ]
    print_table(["", "messages", "ham", "spam", "spam share"], rows)
    print(
        f"{len(messages) - len(set(messages.texts)):,} messages repeat another to the letter, "
        f"{len(messages) - len(set(keys)):,} but for numbers and punctuation.\n"
        "Such copies are on the same side, so that nothing held out has been learnt by heart."
    )


def print_scores(outcome: Outcome) -> None:
    """Print the scores of each method on the held-out messages."""
    probabilities, threshold = outcome.probabilities, outcome.filter.threshold
    methods = [
        ("everything is ham", np.zeros(len(outcome.test), dtype=bool)),
        (f"rules, {ENOUGH} points", outcome.points >= ENOUGH),
        ("network at 0.5", probabilities >= 0.5),
    ]
    if outcome.weighted is not None:
        methods.append(("its twin at 0.5", outcome.weighted >= 0.5))
    if threshold != 0.5:
        methods.append((f"network at {in_short(threshold)}", probabilities >= threshold))
    print("\nOn the messages held out:\n")
    print_table(
        ["", "accuracy", "precision", "recall", "spam missed", "ham lost"],
        [[name, *_scores(outcome.counts(called))] for name, called in methods],
    )
    found, goal = curve(probabilities, outcome.test.spam), outcome.filter.precision
    if outcome.validated is not None:
        scores, spam = outcome.validated
        judged, why = count(scores >= threshold, spam), ""
        if goal is not None:
            reached = judged.precision >= goal
            why = ", where it was chosen for" if reached else ", where no other comes nearer to"
            why = f"{why} a precision of {goal:g}"
        print(
            f"In the validation{why}, the threshold of {in_short(threshold)} had\n"
            f"precision {judged.precision:.3f} and recall {judged.recall:.3f}, on {len(spam):,} messages."
        )
    if goal is not None:
        best = found.best(goal)
        print(
            f"With hindsight, {in_short(found.thresholds[best])} would be best for the messages held out: "
            f"precision {found.precision[best]:.3f}, recall {found.recall[best]:.3f}."
        )
    if outcome.weighted is not None:
        twin = curve(outcome.weighted, outcome.test.spam)
        print(
            "Minding spam more is much like lowering the threshold. Over all thresholds, the average precision is\n"
            f"{twin.average_precision:.4f} for the twin and {found.average_precision:.4f} for the network."
        )


def in_short(p: float) -> str:
    """Format a probability with three decimals, or with more where three would show 0 or 1."""
    return f"{p:.3f}" if 0.0005 <= p < 0.9995 or p in (0, 1) else f"{p:.6g}"


def _scores(counts: Counts) -> list[str]:
    shares = [f"{counts.accuracy:.1%}", f"{counts.precision:.3f}", f"{counts.recall:.3f}"]
    return [*("-" if share == "nan" else share for share in shares), f"{counts.missed:,}", f"{counts.lost:,}"]


def print_thresholds(outcome: Outcome) -> None:
    """Print the scores at other thresholds."""
    used = outcome.filter.threshold
    others = {0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99}
    thresholds = sorted({used} | {t for t in others if abs(t - used) > 0.01 * min(t, 1 - t)})
    print("\nThe network with other thresholds (*: the one it uses):\n")
    print_table(
        ["threshold", "accuracy", "precision", "recall", "spam missed", "ham lost"],
        [
            [f"{'* ' if t == used else ''}{in_short(t)}", *_scores(outcome.counts(outcome.probabilities >= t))]
            for t in thresholds
        ],
    )


def print_words(outcome: Outcome, most: int = 12) -> None:
    """Print the words that push most towards spam and towards ham."""
    print(
        "\nThe words that push furthest towards spam (+) or ham (-), on average over the messages that have them,\n"
        f"of those in {outcome.common} messages or more; [money] is any sum of money, and so on:\n"
    )
    for name, words in zip(("spam", "ham"), outcome.weighty, strict=True):
        print(f"  {name + ':':5} {', '.join(f'{token} {push:+.1f}' for token, push in words[:most])}")


def print_mistakes(outcome: Outcome, most: int = 5) -> None:
    """Print the messages where the filter was surest of a wrong answer, with the words that misled it."""
    probabilities, spam = outcome.probabilities, outcome.test.spam
    wrong = np.flatnonzero((probabilities >= outcome.filter.threshold) != spam)
    wrong = wrong[np.argsort(-np.abs(spam[wrong] - probabilities[wrong]), kind="stable")]
    for name, kind in (("Spam that it let through", True), ("Ham that it called spam", False)):
        these = [i for i in wrong if spam[i] == kind]
        which = f"the {most} worst of {len(these)}" if len(these) > most else f"all {len(these)}"
        told = f"{which}, with the probability of spam and the words that pushed most:"
        print(f"\n{name}, {told}" if these else f"\n{name}: none.")
        for i in these[:most]:
            _print_reasons(outcome.filter, outcome.test.texts[i], probabilities[i])


def print_verdict(spam_filter: SpamFilter, text: str) -> None:
    """Print the filter's verdict on a message, its reasons, and the rules' verdict."""
    probability = float(spam_filter.probabilities([text])[0])
    verdict = "Spam" if probability >= spam_filter.threshold else "Ham"
    print(f"\n{verdict}, as the threshold is {in_short(spam_filter.threshold)}:")
    _print_reasons(spam_filter, text, probability, most=10)
    rules = reasons(text)
    total = sum(rule.points for rule in rules)
    why = ", ".join(f"{rule.reason} {rule.points:+}" for rule in rules) or "none applies"
    print(f"      rules: {total} points ({why}); spam is from {ENOUGH} on")


def _print_reasons(spam_filter: SpamFilter, text: str, probability: float, most: int = 6) -> None:
    """Print a message, its probability of spam, and the tokens that push most."""
    pushes = spam_filter.reasons(text)[:most]
    pieces = [(f"{push:+.1f} {token}", "red" if push > 0 else "green") for token, push in pushes]
    if not pieces:
        pieces = [("no word of it is known", "dim")]
    quoted = " ".join(text.split())
    quoted = quoted if len(quoted) <= 160 else quoted[:157] + "..."
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        print(f"{probability:5.3f} {quoted}\n      {'   '.join(piece for piece, _ in pieces)}")
        return
    line = Text(f"{probability:5.3f} {quoted}\n      ")
    line.append_text(Text("   ").join(Text(piece, style) for piece, style in pieces))
    Console(highlight=False, soft_wrap=True).print(line)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: its first column is left-aligned, the others are numbers."""
    try:
        from rich import box
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
        for row in (header, *rows):
            numbers = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            print("  ".join([row[0].ljust(widths[0]), *numbers]).rstrip())
        print()
        return
    table = Table(box=box.SIMPLE_HEAD)
    for i, name in enumerate(header):
        table.add_column(name, justify="right" if i else "left")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False, markup=False).print(table)
