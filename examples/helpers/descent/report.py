"""What 03_gradient_descent.py prints, and what a descent is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from helpers.descent.batches import Trained

SEARCHES = {  # what is random in them
    "random changes": "all weights changed a little, kept if the cost falls",
    "random weights": "all weights drawn anew each time",
}


@dataclass(frozen=True)
class Valley:
    """The lowest point of the landscape, its cost, and the largest and smallest eigenvalue of the Hessian."""

    w: float
    b: float
    cost: float
    steepest: float
    flattest: float


@dataclass(frozen=True)
class Descent:
    """A way down: where it went, and the cost of all points there. batch: points per step."""

    label: str
    rate: float
    batch: int
    path: np.ndarray  # (steps + 1, 2): w, b
    costs: np.ndarray  # (steps + 1,)

    @property
    def looked_at(self) -> np.ndarray:
        """How many points it had looked at by each step, (steps + 1,)."""
        return self.batch * np.arange(len(self.path))

    @property
    def rises(self) -> int:
        """In how many steps the cost rose."""
        return int((np.diff(self.costs) > 0).sum())

    def crossings(self, valley: Valley) -> int:
        """How often it crossed the valley in the first 20 steps: changes of the side, along the steepest axis."""
        offset = self.path - (valley.w, valley.b)
        moves = np.diff(offset, axis=0)[:20]
        return int(((moves[1:] * moves[:-1]).sum(axis=1) < 0).sum())

    def steps_until(self, cost: float) -> int | None:
        """How many steps it took to come below a cost; None if it never did."""
        below = np.flatnonzero(self.costs < cost)
        return int(below[0]) if len(below) else None


def valley(valley: Valley, n: int) -> None:
    """The landscape's lowest point and its curvature."""
    print(f"The landscape: for every line y = w x + b, the mean squared distance from {n} points.")
    print(f"  lowest at w = {valley.w:.3f}, b = {valley.b:.3f}: cost {valley.cost:.4f}; not 0, as the points are noisy")
    print(f"  curvature from {valley.flattest:.3f} to {valley.steepest:.3f}, the eigenvalues of the Hessian")
    print(f"  so rates above 2 / {valley.steepest:.3f} = {2 / valley.steepest:.3f} diverge")


def verdict(descent: Descent, valley: Valley) -> str:
    """What a learning rate does, in words."""
    if not descent.costs[-1] <= descent.costs[0]:
        return "diverges: too large, every step overshoots by more"
    if descent.crossings(valley) > 5:
        return "oscillates: too large, it overshoots the minimum again and again"
    if descent.costs[-1] <= 1.1 * valley.cost:
        return "just right: steady progress to the minimum"
    return "too small: very slow, still on the way"


def rates(trials: Sequence[Descent], valley: Valley) -> None:
    """What each learning rate does."""
    print(f"\nLearning rates, batch gradient descent, {len(trials[0].path) - 1} steps:")
    for trial in trials:
        print(f"  {trial.label:12} cost {trial.costs[0]:.2f} -> {trial.costs[-1]:9.4f}   {verdict(trial, valley)}")


def stuck(rate: float, w: float) -> None:
    """That a rate can be too small to change a weight at all."""
    print(f"  rate {rate:<7.0e} too small: stuck, as 32-bit numbers round such a step away: w stays at {w:g}")


def ways(descents: Sequence[Descent], valley: Valley) -> None:
    """Batch, mini-batch and stochastic descent side by side."""
    print(f"\nThree ways, {len(descents[0].path) - 1} steps each at rate {descents[0].rate:.3g}:")
    print("                points     cost at    steps in which   to come within 10% of the lowest cost")
    print("              per step     the end     the cost rose   steps   points looked at")
    for descent in descents:
        steps = descent.steps_until(1.1 * valley.cost)
        taken = f"{steps:7} {steps * descent.batch:18}" if steps is not None else "   not reached"
        print(f"  {descent.label:12} {descent.batch:7} {descent.costs[-1]:11.4f} {descent.rises:17} {taken}")
    print("  Fewer points per step: cheaper steps, of a noisier gradient.")


def batch_sizes(trained: Sequence[Trained], wanted: float, epochs: int) -> None:
    """How long the digit network trains with mini-batches of each size, and how good it is then."""
    print(f"\nThe size of a mini-batch, for the digit network, trained until it reads {wanted:.0%} of 8,500 pictures")
    print(f"right, for {epochs} epoch{'s' * (epochs > 1)} at most:")
    print("  pictures per step   epochs    steps   training pictures right   test pictures right")
    for t in trained:
        print(f"  {t.size:17} {t.epochs:8} {t.steps:8,} {t.learnt:25.1%} {t.test:21.1%}")
    if min(t.learnt for t in trained) < wanted:
        print(f"  Not all have come to {wanted:.0%}, so they cannot be compared: --epochs lets them train longer.")
        return
    small, large = trained[0], trained[-1]
    print(
        f"  It took {small.epochs} passes through the pictures with {small.size} per step, and {large.epochs} with",
        end=" ",
    )
    print(f"{large.size}; but {small.steps:,} steps against {large.steps:,}.")
    gain, mean = small.test - large.test, (small.test + large.test) / 2
    chance = 1.96 * math.sqrt(2 * mean * (1 - mean) / small.tested)  # of two shares, in 95 of 100 cases
    effect = "a" if gain > chance else "the opposite of a" if gain < -chance else "no"
    more = "more" if gain >= 0 else "less"
    print(
        f"  With {small.size} per step it reads {100 * abs(gain):.1f} points {more} of the new pictures right", end=" "
    )
    print(f"than with {large.size}. By chance alone two such")
    print(f"  shares differ by up to {100 * chance:.1f} points, in 95 of 100 cases.")
    print(f"  So {effect} regularization effect is seen.")


def directions(falls: Mapping[float, Sequence[float]], cosines: np.ndarray) -> None:
    """How far the cost falls along the negative gradient and along random directions, by the length of the step."""
    n = len(cosines)
    print(f"\nThe digit network, 13,002 dimensions. A step against the gradient, and in {n:,} random directions:")
    print("  step length    the cost falls by    best random direction    random directions that lead down")
    for length, (gradient, *others) in falls.items():
        share = np.mean(np.array(others) > 0)
        print(f"  {length:11g} {gradient:20.6f} {max(others):24.6f} {share:28.0%}")
    print("  Half of all directions lead down, but only just: their cosine with the gradient is", end="")
    print(f" {np.abs(cosines).max():.3f} at most.")


def searches(histories: Mapping[str, Sequence[float]], weights: int) -> None:
    """Gradient descent against random search, with the same number of costs computed."""
    n = len(next(iter(histories.values())))
    print(f"\nThe same network on 500 pictures, with {n} evaluations of the cost each:")
    for name, costs in histories.items():
        print(f"  {name:17} cost {costs[0]:.3f} -> {costs[-1]:.3f}   {SEARCHES.get(name, '')}".rstrip())
    tries = weights * math.log10(2)
    print(f"  To try two values for each of {weights:,} parameters: 2^{weights:,} = 10^{tries:,.0f} networks.")
    years = tries - 9 - math.log10(3.15e7)
    print(f"  At a billion a second that takes 10^{years:,.0f} years; the universe is 10^10 years old.")
