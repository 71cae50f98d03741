"""For 20_ask_a_human.py: what it prints and draws."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from helpers.drawing import BLUE, DARK, GREY, ORANGE, VERMILION, chart, new_figure, percent, plain, save
from helpers.program import detail

Bins = tuple[np.ndarray, np.ndarray, np.ndarray]  # mean probability, share of spam, number of messages


def calibration(bins: Mapping[str, Bins], errors: Mapping[str, float]) -> None:
    """Print the calibration of each network."""
    print("Calibration: does a probability of 70% mean that seven in ten are spam?")
    for show, (name, (said, true, n)) in zip((print, detail), bins.items(), strict=False):
        show(f"\n  {'it says':>10}{'are spam':>10}{'messages':>10}")
        for a, b, count in zip(said, true, n, strict=True):
            show(f"  {a:10.0%}{b:10.0%}{count:10,}")
        k = int(np.abs(said - 0.7).argmin())
        off, chance = true[k] - said[k], 1.96 * math.sqrt(said[k] * (1 - said[k]) / n[k])
        answer = "yes (this may differ by chance)" if abs(off) < chance else "no, more" if off > 0 else "no, fewer"
        print(f"  Trained for {name}: where it says {said[k]:.0%}, {true[k]:.0%} of {n[k]} are spam: {answer}.")
        print(f"  Over all messages both differ by {100 * errors[name]:.1f} points on average, the", end=" ")
        print("expected calibration error.")


def routing(left: np.ndarray, share: float) -> None:
    """Print the mistakes that are left when a person reads the least certain messages."""
    n = len(left) - 1
    print(f"\nConfidence thresholds. Of {n:,} messages a person reads those of which it is least sure.")
    print(f"  {'to a person':>12}{'mistakes left':>15}{'right':>9}")
    for part in sorted({0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, share}):
        print(f"  {part:12.0%}{left[int(part * n)]:15,}{1 - left[int(part * n)] / n:9.1%}")
    kept = left[int(share * n)]
    chance = left[0] * (1 - share)
    print(f"  With {share:.0%} to a person {left[0] - kept:,} of {left[0]:,} mistakes are avoided; ", end="")
    print(f"with as many chosen at random it would be {left[0] - chance:.0f}.")
    print("  Assumed: the person is always right. For messages that could be either nobody is: expect more mistakes.")


CHECK, MISTAKE = 1, 10  # what it costs a user to check an answer, and to act on a wrong one


def education(filters: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Print what mistakes and checks cost users who are told nothing, the mean, or each confidence.

    filters: of each the confidence in its answers, (test,), and whether they are wrong, (test,).
    """
    print(f"\nUser education. Assumed: to act on a mistake costs a user {MISTAKE}, to check an answer {CHECK}.")
    print("  Loss per 100 messages, in costs of one check, of a user who is told")
    print(f"  {'':32}{'nothing':>9}{'the mean':>11}{'each confidence':>18}")
    for name, (confidence, wrong) in filters.items():
        checked = [np.full(len(wrong), False), np.full(len(wrong), MISTAKE * wrong.mean() > CHECK),
                   MISTAKE * (1 - confidence) > CHECK]  # fmt: skip
        nothing, mean, each = (100 * np.where(checks, CHECK, MISTAKE * wrong).mean() for checks in checked)
        print(f"  {f'a filter trained for {name}':32}{nothing:9.0f}{mean:11.0f}{each:18.0f}", end="")
        print(f"   checks {checked[2].mean():.0%}" + (", and it pays" if each < min(nothing, mean) else ""))
    sure, _ = next(iter(filters.values()))
    parts = [f"{(cost * (1 - sure) > CHECK).mean():.0%} where it costs {cost}" for cost in (MISTAKE, 100, 1000)]
    detail(f"  High stakes: the more a mistake costs, the more of the first is to be checked: {', '.join(parts)}.")


def by_kind(kinds: Sequence[str], spam: np.ndarray, wrong: np.ndarray, routed: np.ndarray) -> None:
    """Print the mistakes for each kind of message. routed: which messages go to a person."""
    part = f"of the {routed.mean():.0%}"
    print(f"\nErrors by kind; a person reads the {routed.mean():.0%} of all messages of which it is least sure:")
    print(f"  {'':24}{'messages':>10}{'wrong':>8}{'share':>8}{part:>13}{'wrong left':>12}")
    names = np.array(kinds)
    for kind in sorted({*kinds}, key=lambda kind: (-wrong[names == kind].mean(), kind)):
        here = names == kind
        left = (wrong & ~routed)[here].sum()
        print(f"  {kind:24}{here.sum():10,}{wrong[here].sum():8}{wrong[here].mean():8.1%}", end="")
        print(f"{routed[here].sum():13,}{left:12}")
    lost = (wrong & ~spam).sum()
    print(f"  Of all {wrong.sum()} mistakes, {lost} lose a wanted message, {wrong.sum() - lost} let spam through.")


def by_group(learn: np.ndarray, group: np.ndarray, spam: np.ndarray, p: np.ndarray) -> None:
    """Print how good the filter is for messages in shorthand, and for others."""
    print(f"\nIs it fair? {learn.mean():.0%} of the messages to learn from are in shorthand (c u @ da pub).")
    print(f"  {'':16}{'ham':>8}{'lost':>7}{'share':>8}{'spam':>9}{'missed':>8}{'share':>8}")
    for name, here in (("in shorthand", group), ("written out", ~group)):
        ham, bad = here & ~spam, here & spam
        lost, missed = (p[ham] >= 0.5).sum(), (p[bad] < 0.5).sum()
        print(f"  {name:16}{ham.sum():8,}{lost:7}{lost / ham.sum():8.1%}", end="")
        print(f"{bad.sum():9,}{missed:8}{missed / bad.sum():8.1%}")
    print("  Shares that differ by more than twice what chance alone brings count as different:")
    for what, among in (("ham lost", ~spam), ("spam missed", spam)):
        differ, chance = difference((p >= 0.5)[among] != spam[among], group[among])
        verdict = "different" if differ > 2 * chance else "it may be chance"
        print(f"    {what:12}{100 * differ:5.1f} points; by chance alone about", end=" ")
        print(f"{100 * chance:.1f}: {verdict}")


def difference(wrong: np.ndarray, group: np.ndarray) -> tuple[float, float]:
    """How far the shares of mistakes in a group and outside differ; and one standard deviation of that by chance."""
    share = wrong.mean()  # of both together: by chance alone they are samples of it
    chance = math.sqrt(share * (1 - share) * (1 / group.sum() + 1 / (~group).sum()))
    return abs(float(wrong[group].mean() - wrong[~group].mean())), chance


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_calibration(bins: Mapping[str, Bins], path: Path) -> None:
    """The share of spam against the probability; calibrated probabilities lie on the diagonal."""
    figure = new_figure(7.5, 6, "Calibration: on the diagonal, a probability means what it says")
    axes = plain(figure.subplots())
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="calibrated")
    for (name, (said, true, n)), colour in zip(bins.items(), (BLUE, VERMILION), strict=False):
        axes.plot(said, true, color=colour, linewidth=2)
        axes.scatter(said, true, 20 + 2 * np.sqrt(n) * 4, color=colour, label=name)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel="probability of spam that the network gives")
    axes.set_ylabel("part of these messages that is spam")
    axes.annotate("larger dots: more messages", (1, 0), ha="right", color=DARK)
    axes.legend(edgecolor="none", loc="upper left")
    save(figure, path)


def draw_routing(left: np.ndarray, share: float, path: Path) -> None:
    """Accuracy against the share of the messages that a person reads."""
    n = len(left) - 1
    part = np.arange(n + 1) / n
    surest, random = (part, 1 - left / n), (part, 1 - left[0] * (1 - part) / n)
    right = {"the least certain go\nto a person": surest, "as many, chosen\nat random": random}
    title = "A person, taken to be always right, reads the least certain messages"
    axes = chart(title, right, (BLUE, ORANGE), "-", xlim=(0, 0.5), ylabel="right, by machine or person")
    axes.set_xlabel("part of the messages that a person reads")
    axes.axvline(share, color=GREY, linestyle=":")
    axes.annotate(f"{share:.0%} to a person", (share, 1 - left[0] / n), (6, 4), textcoords="offset points", color=DARK)
    axes.yaxis.set_major_formatter(lambda x, _: f"{x:.1%}")
    percent(axes.xaxis)
    save(axes.figure, path)
