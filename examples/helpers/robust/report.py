"""What 22_robust.py prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

Table = Mapping[str, Mapping[str, Mapping[float, float]]]  # kind -> method -> amount -> share read right


def threes(found_by: Mapping[str, np.ndarray], is_three: np.ndarray) -> None:
    """How many threes rules and network find, and how often they are wrong."""
    print("Is it a 3? Five if-then rules (three strokes, open to the left, closed to the right, ...) and the network:")
    for name, found in found_by.items():
        missed, wrong = (is_three & ~found).sum(), (found & ~is_three).sum()
        print(f"  {name:14} found {(found & is_three).sum():3} of {is_three.sum()}, missed {missed:2}, "
              f"and took {wrong:2} other digits for a 3")  # fmt: skip
    print("  More rules would find more threes, and each needs its exceptions. The network was given no rule.")


def robustness(table: Table) -> None:
    """The share of spoilt test pictures read right, by each method, and where the network is no longer ahead."""
    print("\nHow many of the test pictures are read right when they are spoilt?")
    for kind, methods in table.items():
        amounts = next(iter(methods.values()))
        print(f"\n  {kind:26}" + "".join(f"{amount:7g}" for amount in amounts))
        for name, right in methods.items():
            print(f"  {name:26}" + "".join(f"{share:7.1%}" for share in right.values()))
        print(f"  {verdict(methods)}")


def verdict(methods: Mapping[str, Mapping[float, float]]) -> str:
    """From which amount on nearest mean is right more often than the network, or that it never is."""
    simple, network = methods["nearest mean"], methods["network"]
    behind = [amount for amount in simple if network[amount] < simple[amount] and simple[amount] > 0.2]
    if not behind:
        always = all(network[amount] >= simple[amount] for amount in simple)
        where = "at each amount" if always else "wherever nearest mean is still right for a fifth of them"
        return f"The network is right at least as often as nearest mean {where}."
    noisy = methods["network that saw noise"]
    if all(noisy[amount] >= simple[amount] for amount in behind):
        helped = "stays ahead"
    else:
        helped = "falls less far behind" if all(noisy[a] > network[a] for a in behind) else "falls behind too"
    return f"From {behind[0]:g} on nearest mean is right more often than the network. The one that saw noise {helped}."


def wrong_labels(share: float, network: float, simple: float) -> None:
    """What wrong labels in the training data do."""
    print(f"\nTrained with {share:.0%} of the labels wrong:")
    print(f"  the network reads {network:.1%} right, nearest mean {simple:.1%}.")
    print("  Wrong labels have no pattern, so what is learnt is what most labels say.")


def more_data(by_size: Mapping[int, tuple[float, float]]) -> None:
    """The share read right by the number of training pictures."""
    print("\nMore data. Test pictures read right, by the number of training pictures:")
    print("training pictures   nearest mean   network")
    for n, (simple, network) in by_size.items():
        print(f"{n:17,} {simple:14.1%} {network:9.1%}")
    sizes = list(by_size)
    if len(sizes) > 2:
        (_, _), (a, b), (c, d) = (by_size[n] for n in (sizes[0], sizes[len(sizes) // 2], sizes[-1]))
        print(f"From {sizes[len(sizes) // 2]:,} pictures on, nearest mean gains {100 * (c - a):.1f} points", end="")
        print(f" and the network {100 * (d - b):.1f}.")


def retraining(rows: Sequence[tuple[int, float, float]]) -> None:
    """What retraining on turned pictures does for them, and for the pictures of before."""
    print("\nThe world changes: all pictures come turned by 90 degrees. The network's training goes on with these:")
    for steps, new, old in rows:
        print(f"  after {steps:5,} steps   turned pictures read right {new:6.1%}   upright ones {old:6.1%}")
    (_, new, old), (_, new_after, old_after) = rows[0], rows[-1]
    print(f"  Without a new program: turned pictures, its new data, {new:.0%} -> {new_after:.0%};", end=" ")
    print(f"upright ones, no longer shown, {old:.0%} -> {old_after:.0%}.")
