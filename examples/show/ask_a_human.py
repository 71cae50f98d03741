"""For 20_ask_a_human.py: what it prints and draws."""

import numpy as np

from helpers.drawing import chart
from helpers.program import counted, detail, elsewhere, holds, table


def report(m, settings):
    """Print what was measured, and draw it."""
    # How far each network's probabilities are from what is true
    trained = {"short": counted(settings.epochs, "epoch"), "long": counted(settings.long, "epoch")}
    print("Calibration: does a probability of 70% mean that seven in ten are spam?")
    print("  The expected calibration error: how far probability and share of spam differ, averaged over all messages")
    for name, epochs in trained.items():
        print(f"  trained for {epochs:10} {100 * m.error[name]:4.1f} points", end="")
        print(f"   (of probabilities that are right, by chance up to {100 * m.by_chance[name]:.1f})")
    if holds("calibrated", m):
        print(f"  So it is: they tell nearly what is true{elsewhere('calibrated', '.1%', m)}.")
    if holds("overconfident", m):
        print("  Trained longer it is too sure, and its probabilities say less.")
    rows = {f"{said:.0%}": (f"{true:.0%}", n) for said, true, n in zip(*m.bins["short"], strict=True)}
    table(("are spam", "messages"), rows, ",", "it says", say=detail)

    # The mistakes that are left when a person reads the least certain messages
    share = settings.share
    left, n = m.left, len(m.left) - 1
    print(f"\nConfidence thresholds. Of {n:,} messages a person reads those of which it is least sure.")
    after = {part: left[int(part * n)] for part in sorted({0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, share})}
    rows = {f"{part:.0%}": (f"{wrong:,}", 1 - wrong / n) for part, wrong in after.items()}
    table(("mistakes left", "right"), rows, ".1%", "to a person")
    print(f"  With {share:.0%} to a person {m.avoided * left[0]:.0f} of {left[0]:,} mistakes are avoided", end="")
    print(f"{elsewhere('routing', '.0%', m)}; with as many chosen at random it would be {left[0] * share:.0f}.")
    print("  Assumed: the person is always right. For messages that could be either nobody is: expect more mistakes.")

    # What mistakes and checks cost users who are told nothing, the mean, or each confidence
    detail("\nUser education. Assumed: to act on a mistake costs a user 10, to check an answer 1.")
    detail("  Loss per 100 messages, in costs of one check, of a user who is told")
    names = {"short": "the filter", "long": "a filter trained longer"}
    table(m.loss["short"], {name: m.loss[key].values() for key, name in names.items()}, ".0f", say=detail)
    parts = [f"{share:.0%} where it {cost.replace('cost', 'costs')}" for cost, share in m.checked["short"].items()]
    detail(f"  High stakes: the more a mistake costs, the more of the first is to be checked: {', '.join(parts)}.")

    # The mistakes for each kind of message
    kinds, part = np.array(m.test.kinds), f"of the {m.routed.mean():.0%}"
    detail(f"\nErrors by kind; a person reads the {m.routed.mean():.0%} of all messages of which it is least sure:")
    rows = {}
    for kind, share in sorted(m.wrong_by_kind.items(), key=lambda item: -item[1]):
        here, left = kinds == kind, m.wrong & ~m.routed
        rows[kind] = here.sum(), m.wrong[here].sum(), f"{share:.1%}", m.routed[here].sum(), left[here].sum()
    table(("messages", "wrong", "share", part, "wrong left"), rows, say=detail)

    # How good the filter is for messages in shorthand, and for others
    print(f"\nIs it fair? {m.learn.shorthand.mean():.0%} of what it learnt from is in shorthand (c u @ da pub).")
    table(("ham lost", "spam missed"), {name: (m.lost[name], m.missed[name]) for name in m.lost}, ".1%")
    print("  Shares that differ by more than twice what chance alone brings count as different:")
    both = ("unfair", "ham lost", m.lost_by_chance), ("spam missed", "spam missed", m.missed_by_chance)
    for claim, what, chance in both:
        verdict = "different" if holds(claim, m) else "it may be chance"
        print(f"    {what:12} by chance alone about {100 * chance:.1f} points: {verdict}")

    part, title = np.arange(n + 1) / n, "A person, taken to be always right, reads the least certain messages"
    right = {"the least certain go\nto a person": (part, 1 - m.left / n),
             "as many, chosen\nat random": (part, 1 - m.left[0] * (1 - part) / n)}  # fmt: skip
    xlabel, ylabel = "part of the messages that a person reads", "right, by machine or person"
    chart(settings.out / "routing.png", title, right, xlabel, ylabel, "-")
