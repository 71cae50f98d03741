"""What 21_valleys.py prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

import tinygrad_lecture as tl

LEARNT, STUCK = 0.05, 0.4  # costs of XOR below which it is learnt, and above which the descent is stuck


def ends(costs: np.ndarray, hidden: int) -> None:
    """Where the descents end."""
    learnt, stuck = (costs < LEARNT).sum(), (costs > STUCK).sum()
    print(f"XOR with 2-{hidden}-1 neurons, gradient descent from {len(costs)} random starts:")
    print(f"  {learnt} reach cost 0, the global minimum")
    heights = sorted({f"{cost:.2f}" for cost in costs[costs > STUCK]})
    print(f"  {stuck} end in valleys that are not the deepest, at a cost of {' or '.join(heights) or '-'}")
    if between := len(costs) - learnt - stuck:
        print(f"  {between} are still on the way")


def curvatures(at_start: np.ndarray, at_best: np.ndarray) -> None:
    """The signs of the Hessian's eigenvalues at the starts, and at the best end."""
    both = ((at_start.min(axis=1) < 0) & (at_start.max(axis=1) > 0)).sum()
    print(f"\nThe eigenvalues of the Hessian, {at_start.shape[1]} at each point:")
    print(f"  at {both} of {len(at_start)} random starts they have both signs, as at a saddle.", end=" ")
    print(f"{(at_start < 0).mean():.0%} of all are negative.")
    print(f"  in the deepest valley they lie from {at_best.min():.1e} to {at_best.max():.1e}: no direction leads down")


def left(courses: np.ndarray) -> int:
    """How many networks have come away from cost 1, where every answer is 0.5."""
    return int((courses[-1] < 0.9).sum())


def saddle(batch: np.ndarray, stochastic: np.ndarray) -> None:
    """How many descents leave the saddle point near weights of 0."""
    steps, n = batch.shape
    print("\nNear weights of 0 all hidden neurons are alike and every answer is 0.5: a saddle, with cost 1.")
    print(f"  After {steps:,} steps {left(batch)} of {n} batch descents have left it", end="")
    print(f" and {left(stochastic)} of {n} stochastic ones.")
    print("  The noise of single examples pushes them off.")


def valleys(again: np.ndarray, end: Sequence[tl.Tensor], stuck: np.ndarray) -> None:
    """Whether stochastic descent gets out of the valleys in which batch descent ended."""
    largest = np.max([np.abs(w[stuck].numpy()).max(axis=(1, 2)) for w in end], axis=0)
    print("\nThe descents that ended in other valleys go on, one example a step:")
    print(f"  {(again < LEARNT).sum()} of {len(again)} reach cost 0.", end=" ")
    if (again < LEARNT).sum() == 0:
        print("The lecture expects noise to help. Here it does not.")
        print("  These valleys have no lowest point: they go down for ever, ever more slowly, and the weights grow.")
        print(f"  The largest is {np.median(largest):.0f} (median). There a sigmoid is flat: no gradient is left.")
    else:
        print("The noise of single examples has helped.")


def wider(learnt: Mapping[int, float]) -> None:
    """The share of starts from which XOR is learnt, by the width of the hidden layer."""
    print("\nWith more hidden neurons, more starts lead to cost 0:")
    print("  hidden neurons " + "".join(f"{hidden:7}" for hidden in learnt))
    print("  learnt         " + "".join(f"{share:7.0%}" for share in learnt.values()))


def approximation(fits: Mapping[int, np.ndarray], y: np.ndarray) -> None:
    """How close networks of growing width come to a curve. fits: width -> outputs (n, 1)."""
    print("\nUniversal approximation: one hidden layer of tanh neurons learns a curve.")
    print("  hidden neurons   parameters   mean squared error   largest error")
    for width, outputs in fits.items():
        error = outputs - y
        print(f"  {width:14} {3 * width + 1:12} {(error**2).mean():20.6f} {np.abs(error).max():15.4f}")
    print("  The theorem says: a network that is wide enough comes as close as one likes.")
    print("  It does not say that training finds this network.")
