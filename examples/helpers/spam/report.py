"""What 11_spam.py prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from helpers.spam.precision_recall import count
from helpers.spam.rules import ENOUGH, reasons
from helpers.spam.sms import Messages


def messages(learn: Messages, test: Messages) -> None:
    """Print how many messages there are, and some of them."""
    print(f"The messages: {learn.source}.")
    for name, part in (("to learn from", learn), ("for the test", test)):
        print(f"  {name:14} {len(part):5,}, {part.spam.mean():.0%} of them spam")
    print("Messages that differ only in numbers are in the same part. For example:")
    for is_spam in (False, True):
        texts = dict.fromkeys(test.texts[i] for i in np.flatnonzero(test.spam == is_spam) if len(test.texts[i]) < 90)
        for text in [*texts][:3]:
            print(f"  {'spam' if is_spam else 'ham':5} {text}")


def scores(called: Mapping[str, np.ndarray], by_rules: np.ndarray, spam: np.ndarray) -> None:
    """Print accuracy, precision and recall of each filter."""
    print("\nThe test. A probability of 0.5 or more is called spam:")
    print(f"  {'':20}{'accuracy':>10}{'precision':>11}{'recall':>9}{'spam missed':>13}{'ham lost':>10}")
    everything = {"all is ham": np.zeros(len(spam), bool), f"rules, {ENOUGH}+ points": by_rules, **called}
    for name, these in everything.items():
        c = count(these, spam)
        precision = "-" if np.isnan(c.precision) else f"{c.precision:.3f}"
        print(f"  {name:20}{c.accuracy:10.1%}{precision:>11}{c.recall:9.3f}{c.missed:13}{c.lost:10}")
    print("  Precision: what part of the messages called spam is spam. Recall: what part of the spam is found.")
    print(f"  Calling everything ham is right for {1 - spam.mean():.0%}: with unequal classes accuracy says little.")


def thresholds(p: np.ndarray, spam: np.ndarray) -> None:
    """Print what other thresholds do."""
    print("\nThe threshold, for TF-IDF: a lower one finds more spam and loses more ham")
    for t in (0.05, 0.2, 0.5, 0.8, 0.95):
        c = count(p >= t, spam)
        print(f"  {t:5.2f}   precision {c.precision:.3f}   recall {c.recall:.3f}")


def mistakes(p: np.ndarray, test: Messages) -> None:
    """Print the messages where the filter was surest of a wrong answer."""
    wrong = np.flatnonzero((p >= 0.5) != test.spam)
    worst = wrong[np.argsort(-np.abs(p[wrong] - test.spam[wrong]), kind="stable")][:4]
    print(f"\nThe {len(wrong)} mistakes of TF-IDF, the surest first:")
    for i in worst:
        print(f"  {'spam' if test.spam[i] else 'ham ':5} P(spam) = {p[i]:.2f}   {test.texts[i][:90]}")


def combinations(p: Mapping[str, np.ndarray], spam: np.ndarray) -> None:
    """Print how often a neuron that only adds is right, and how often a network that can combine."""
    print("\nCombinations of features. One neuron adds up its words; only hidden ones can combine them. Right:")
    for name, probabilities in p.items():
        right = (probabilities >= 0.5) == spam
        print(f"  {name:20} {right.sum():,} of {len(spam):,}, {right.mean():.1%}")
    print("  If combinations decided here, the hidden neurons would be far ahead.")


def pushes(words: Sequence[str], push: np.ndarray, in_spam: np.ndarray) -> None:
    """Print the words that push the output most. in_spam: whether a word occurs in the spam that was learnt from."""
    order = np.argsort(push, kind="stable")
    print("\nA black box, but its gradient tells which words push the output (mean of x * d output / dx):")
    for name, ids in (("to spam", order[::-1][:8]), ("to ham", order[:8])):
        print(f"  {name:8} " + ", ".join(f"{words[i]} {push[i]:+.1f}" for i in ids))
    if only := [words[i] for i in order[:8] if not in_spam[i]]:
        print(f"  In no spam that it has learnt from: {', '.join(only)}. Other spam may have them.")


def adversarial(
    disguises: Mapping[str, Sequence[str]], found: Mapping[str, Sequence[float]], lost: Mapping[str, float]
) -> None:
    """Print how much disguised spam each filter finds."""
    print("\nAdversarial examples. The part of the spam that is found:")
    print(f"  {'':14}" + "".join(f"{name:>19}" for name in disguises))
    for name, shares in found.items():
        print(f"  {name:14}" + "".join(f"{share:19.0%}" for share in shares))
    for name, texts in list(disguises.items())[1:]:
        print(f"  {name}: {texts[0][:110]}")
    told = ", ".join(f"{name} {share:.0%}" for name, share in lost.items())
    print("  A disguised word is unknown to a network, and what is left may look like spam or like ham. Another --seed")
    print("  makes other messages, and may turn it round.")
    print(f"  Ham may be written in leetspeak too. Share of such ham lost: {told}.")


def retraining(caught: Sequence[tuple[int, float, float]], by_rules: float) -> None:
    """Print what retraining with a few examples of a new kind of spam does."""
    print("\nSpam changes. A new kind, about parcels, comes up. TF-IDF is retrained with some labelled examples:")
    print("  examples   new spam found   right in the old test")
    for n, new, old in caught:
        print(f"  {n:8}{new:17.0%}{old:24.1%}")
    print(f"  The rules find {by_rules:.0%} of it, until a person writes the next rule.")


def judged(texts: Sequence[str], p: Mapping[str, np.ndarray]) -> None:
    """Print the verdicts on the user's messages."""
    for i, text in enumerate(texts):
        print(f"\n{text}")
        for name, probabilities in p.items():
            print(f"  {name:14} P(spam) = {probabilities[i]:.3f}")
        why = ", ".join(f"{rule.reason} {rule.points:+}" for rule in reasons(text)) or "none applies"
        print(f"  rules          {sum(rule.points for rule in reasons(text))} points ({ENOUGH} or more: spam): {why}")
