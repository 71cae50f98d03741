"""For 17_few_shot.py: what it prints, and its picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from helpers.drawing import BLUE, DARK, GREY, VERMILION, chart, percent, save

GUESS = 0.1  # one digit of ten


def texts(some: Sequence[str], known: np.ndarray, new: np.ndarray) -> None:
    """Print the tasks and some texts."""
    print(f"It learns the shifts {', '.join(map(str, known))}. Kept back: {', '.join(map(str, new))}. For example:")
    for text in some:
        print(f"  {text}")
    print("\nRight answers by line, of the tasks that it learns from:")
    print(f"  {'':8}{'loss':>8}" + "".join(f"{f'line {i}':>8}" for i in range(1, 6)))


def progress(step: int, loss: float, right: np.ndarray) -> None:
    """Print the loss and the share of right answers by line."""
    print(f"  {step:8}{loss:8.3f}" + "".join(f"{share:8.0%}" for share in right), flush=True)


def exam(shares: Mapping[str, np.ndarray]) -> None:
    """Print the share of right answers after 0 to 4 worked lines."""
    print("\nRight answers after so many worked lines (a guess is right in 10%):")
    print(f"  {'':26}" + "".join(f"{i:>8}" for i in range(5)))
    for name, right in shares.items():
        print(f"  {name:26}" + "".join(f"{share:8.1%}" for share in right))
    known, new = shares.values()
    print(f"  After two worked lines the third is right for {known[2]:.0%} of known and {new[2]:.0%} of new tasks.")
    print("  No weight has changed.")
    if new[2] > 2 * GUESS:
        print("  What it knows of a new task, it knows from the lines before the question.\n")
    else:
        print("  For new tasks that is hardly better than a guess: it has not learnt to find a shift from the lines.\n")


def third_line(text: str, answer: int, p: np.ndarray) -> None:
    """Print what it says after two worked lines."""
    said = int(p.argmax())
    verdict = "right" if said == answer else f"wrong, {answer} is right"
    print(f"  {text} {said}   P = {p[said]:.2f}, {verdict}")


def draw(shares: Mapping[str, np.ndarray], path: Path) -> None:
    """Draw the share of right answers against the number of worked lines."""
    axes = chart(
        "Few-shot learning: do worked lines before the question tell the task?",
        {name: (range(5), right) for name, right in shares.items()}, (BLUE, VERMILION), ylim=(0, 1.05),
        xticks=range(5), xlabel="worked lines before the question", ylabel="right answers",
    )  # fmt: skip
    percent(axes.yaxis)
    axes.axhline(GUESS, color=GREY, linestyle="--")
    axes.annotate("a guess: 10%", (4, GUESS), (0, 5), textcoords="offset points", ha="right", color=DARK)
    print()
    save(axes.figure, path)
