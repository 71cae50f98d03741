"""For 11_spam.py: what it counts, prints and draws."""

import math
from typing import NamedTuple

import numpy as np

from helpers.drawing import bars, by_sign, chart, picture
from helpers.messages import ENOUGH_POINTS, leetspeak, reasons, rule_points
from helpers.program import detail, elsewhere, holds, table

# --- precision and recall ---------------------------------------------------------------------------------------------


class Counts(NamedTuple):
    """How well a filter judges.  precision, recall: nan if nothing is called spam, or nothing is."""

    accuracy: float  # the share of all messages that went the right way
    precision: float  # the share of spam among the messages called spam
    recall: float  # the share of the spam that was found
    missed: int  # spam let through
    lost: int  # ham called spam


def count(called, spam):
    """Count the messages called spam, (n,), against those that are spam, (n,)."""
    shares = [float(right.mean()) if right.size else math.nan for right in (called == spam, spam[called], called[spam])]
    return Counts(*shares, int((spam & ~called).sum()), int((called & ~spam).sum()))


# --- what is printed --------------------------------------------------------------------------------------------------


def report(m, settings):
    """Print what was measured, and draw it."""
    # Some messages, and how well each filter judges those of the test
    learn, test = m.learn, m.test
    print(f"{len(learn):,} messages to learn from, {len(test):,} for the test, {learn.source}. For example:")
    for is_spam in (False, True):
        some = [test.texts[i] for i in np.flatnonzero(test.spam == is_spam) if len(test.texts[i]) < 90]
        print("\n".join(f"  {'spam' if is_spam else 'ham':5} {text}" for text in some[:1]))
    print("\nThe test. A probability of 0.5 or more is called spam:")
    rows = {}
    for name, c in m.tested.items():
        rows[name] = *(f"{share:.3f}".replace("nan", "-") for share in c[:3]), c.missed, c.lost
    table(("accuracy", "precision", "recall", "spam missed", "ham lost"), rows)
    detail("  Precision: what part of the messages called spam is spam. Recall: what part of the spam is found.")
    print(f"  Calling everything ham is right for {m.all_ham:.0%}: with unequal classes accuracy says little.")
    detail("\nThe threshold, for TF-IDF: a lower one finds more spam and loses more ham")
    table(("accuracy", "precision", "recall"), {name: c[:3] for name, c in m.thresholds.items()}, ".3f", say=detail)
    one, zero = m.spam_where.values()
    detail(f"  Of messages with 0.9 or more {one:.0%} are spam, of those with 0.1 or less {zero:.0%}.")

    # How often a filter is right that has learnt from so many messages, and how many are as good as all
    print("\nHow many examples does TF-IDF need? Trained anew each time, it is right in the test after")
    print("  " + "   ".join(f"{n} {share:.1%}" for n, share in m.after.items()))
    if "1000 messages" in m.after and not holds("thousands", m):
        print(f"  1,000 are about as good as {len(m.learn):,}: the difference may be chance.")

    # How much disguised spam each filter finds
    print("\nAdversarial examples. The part of the spam that is found:")
    table(m.found["rules"], {name: shares.values() for name, shares in m.found.items()}, ".0%")
    hides = ["hide" if holds(claim, m) else "do not hide" for claim in ("good words", "leetspeak")]
    print(f"  Good words {hides[0]} spam from TF-IDF{elsewhere('good words', '.0%', m)}.", end=" ")
    print(f"Signs for letters {hides[1]} it{elsewhere('leetspeak', '.0%', m)}.")
    detail(f"  In leetspeak: {leetspeak(m.test.texts[int(m.test.spam.argmax())])[:110]}")

    # What retraining with a few examples of a new kind of spam does
    print("\nSpam changes. A new kind, about parcels, comes up. TF-IDF is trained anew with some of it, labelled:")
    table(m.new, {"new spam found": m.new.values(), "right in the old test": m.old.values()}, ".1%")
    detail(f"  The rules find {m.new_by_rules:.0%} of it, until a person writes the next rule.")

    # The words that push the output most, and what the one that pushes most decides
    order = np.argsort(m.push, kind="stable")
    print("\nA black box, but its gradient tells which words push the output (mean of x * d output / dx):")
    for name, ids in (("to spam", order[::-1][:8]), ("to ham", order[:8])):
        print(f"  {name:8} " + ", ".join(f"{m.words[i]} {m.push[i]:+.1f}" for i in ids))
    detail(f"  Without the word that pushes most, {m.turned:.0%} of what it calls spam would be ham.")

    # How often a neuron that only adds is right, and how often a network that can combine
    combined = m.right["bag of words"]
    detail("\nCombinations of features. One neuron adds up its words; only hidden ones can combine them. Right:")
    detail(f"  one neuron {m.added:.1%}, with 16 hidden ones {combined:.1%}")
    helps = "help" if holds("combinations", m) else "decide little"
    detail(f"  So combinations {helps} here: {100 * (combined - m.added):+.1f} points.")
    for i, text in enumerate(settings.message):
        print(f"\n{text}")
        for name, probabilities in m.asked.items():
            print(f"  {name:14} P(spam) = {probabilities[i]:.3f}")
        why = ", ".join(f"{reason} {points:+}" for points, reason in reasons(text)) or "none applies"
        print(f"  rules          {rule_points([text])[0]} points ({ENOUGH_POINTS} or more: spam): {why}")

    curves = {name: ([*shares], [*shares.values()]) for name, shares in m.found.items()}
    path, title = settings.out / "adversarial.png", "Disguised spam: how much of it does each filter find?"
    chart(path, title, curves, "the spam", "part of it that is found", shares=True)
    chosen = [*order[::-1][:12], *order[11::-1]]  # the words that push most towards spam, and towards ham
    title = f"Which words push messages towards spam, and which towards ham? {learn.source.capitalize()}"
    with picture(settings.out / "words.png", title, 8.5, 7) as axes:
        bars(axes, [m.words[i] for i in chosen], m.push[chosen], by_sign(m.push[chosen]))
        axes.axvline(0, color="black", linewidth=1)
        axes.set(xlabel="mean push on the output: left to ham, right to spam", xmargin=0.12)


def real(m, settings):
    """Print how often filters are right with learnt embeddings and with those of MiniLM."""
    print(f"MiniLM, a real model of 23 million weights, gives each of {m.messages:,} messages the mean of its words'")
    print("vectors. A small network reads them. Right in the test, over ten splits, the mean, the least and the most:")
    few = m.learnt_from_few, m.pretrained_from_few
    found = {"four fifths": (m.learnt, m.pretrained), f"{m.few} messages": few}
    rows = {name: [f"{np.mean(x):.1%} ({min(x):.1%}-{max(x):.1%})" for x in both] for name, both in found.items()}
    table(("embeddings learnt here", "pre-trained"), rows, corner="learnt from")
