"""For 22_robust.py: if-then rules for one digit, spoilt pictures, what is printed and drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, lines, logarithmic, new_figure, percent, save
from helpers.program import by_chance, detail

METHODS = "nearest mean", "nearest neighbour", "network"
BySize = Mapping[int, Sequence[float]]  # training pictures -> shares read right by each of these methods


# A picture is a 3 if it has more than all of this, as shares: columns in the middle that meet three strokes, paper at
# the left of the upper and the lower half, rows with ink at the right of both. Each row is for threes missed before.
RULES = {
    "if-then rules": (0.4, 0.65, 0.65, 0.8, 0.8),
    "or short middle": (0.0, 0.65, 0.65, 0.8, 0.8),
    "or curl below": (0.4, 0.65, 0.4, 0.8, 0.8),
    "or curl above": (0.4, 0.5, 0.65, 0.5, 0.8),
    "or a bit of all": (0.2, 0.5, 0.5, 0.5, 0.5),
}


def is_a_three(picture: np.ndarray, rules: int = 1) -> bool:
    """Whether a picture (28, 28) shows a 3, by the first of the rules: three strokes, open to the left, closed to the
    right."""
    ink = picture > 0.5
    ys, xs = np.nonzero(ink)
    if len(ys) == 0:
        return False
    box = ink[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]  # what is written, without its margins
    height, width = box.shape
    if height < 8 or width < 6:
        return False
    middle = box[:, width // 3 : 2 * width // 3 + 1]
    starts = (np.diff(middle.astype(int), axis=0, prepend=0) == 1).sum(axis=0)  # strokes met from top to bottom
    halves = slice(height // 5, 2 * height // 5), slice(3 * height // 5, 4 * height // 5)
    left = [1 - box[half, : width // 3].mean() for half in halves]
    right = [box[half, width // 2 :].any(axis=1).mean() for half in halves]
    shares = np.array([(starts == 3).mean(), *left, *right])
    return any((shares > limits).all() for limits in [*RULES.values()][:rules])


@dataclass
class Rule:
    """If a square of the picture has more ink than this, or not more, then this answer; and the rules asked next."""

    square: int
    than: float
    more: bool
    answer: int
    case: np.ndarray  # (49,): the picture that it was written for
    exception: Rule | None = None  # asked next where it holds
    otherwise: Rule | None = None  # asked next where it does not

    def judge(self, ink: np.ndarray) -> tuple[Rule, Rule, bool]:
        """For a picture (49,): the last rule that holds, which answers; the last one asked; whether that one holds."""
        answers, asked, follower = self, self, self
        while follower:
            asked = follower
            holds = (ink[asked.square] > asked.than) == asked.more
            answers, follower = (asked, asked.exception) if holds else (answers, asked.otherwise)
        return answers, asked, holds


def write_rules(pictures: np.ndarray, labels: np.ndarray) -> Iterator[list[Rule]]:
    """Yield all rules after each one that is written: for each picture (49,) read wrong, an exception to the rule
    that answered.

    It asks for the square that most sets the picture apart from the one that rule was written for, so this one stays
    right: ripple-down rules (Compton and Jansen, A philosophical basis for knowledge acquisition, 1990).
    """
    rules = [Rule(0, -1.0, True, int(labels[0]), pictures[0])]  # always holds
    for _ in range(3):  # in the third pass hardly a picture is read wrong
        for ink, label in zip(pictures, labels.tolist(), strict=True):
            wrong, asked, holds = rules[0].judge(ink)
            if wrong.answer != label:
                square = int(np.abs(ink - wrong.case).argmax())
                than, more = (ink[square] + wrong.case[square]) / 2, bool(ink[square] > wrong.case[square])
                rules.append(Rule(square, than, more, label, ink))
                setattr(asked, "exception" if holds else "otherwise", rules[-1])
                yield rules


# --- ways to spoil pictures, rows of 784 numbers from 0 for paper to 1 for ink ----------------------------------------


def add_noise(images: np.ndarray, sigma: float | np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Add to every pixel a normal random number of standard deviation sigma: a bad camera."""
    return (images + sigma * random.standard_normal(images.shape)).astype(np.float32)


def drop_pixels(images: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """Set a share of the pixels to 0: missing values."""
    return np.where(random.random(images.shape) < share, np.float32(0), images)


def wrong_pixels(images: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """Set a share of the pixels to 0 or 1 at random: measurement errors and outliers."""
    noise = random.integers(0, 2, images.shape).astype(np.float32)
    return np.where(random.random(images.shape) < share, noise, images)


def shift(images: np.ndarray, pixels: float, random: np.random.Generator) -> np.ndarray:
    """Move every picture to the right."""
    return np.roll(images.reshape(-1, 28, 28), int(pixels), axis=2).reshape(-1, 784)


def turn(images: np.ndarray) -> np.ndarray:
    """Turn every picture by 90 degrees."""
    return np.rot90(images.reshape(-1, 28, 28), axes=(1, 2)).reshape(-1, 784).copy()


Change = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
KINDS: dict[str, tuple[tuple[float, ...], Change]] = {
    "noise, standard deviation": ((0, 0.1, 0.2, 0.3, 0.5, 0.7), add_noise),
    "missing pixels, share": ((0, 0.1, 0.2, 0.3, 0.5, 0.7), drop_pixels),
    "wrong pixels, share": ((0, 0.02, 0.05, 0.1, 0.2, 0.3), wrong_pixels),
    "shift, pixels": ((0, 1, 2, 3, 4, 5), shift),
}


# --- what is printed --------------------------------------------------------------------------------------------------


Table = Mapping[str, Mapping[str, Mapping[float, float]]]  # kind -> method -> amount -> share read right


def threes(found_by: Mapping[str, np.ndarray], is_three: np.ndarray) -> None:
    """How many threes rules and network find, and how often they are wrong."""
    print("Is it a 3? If-then rules (three strokes, open to the left, closed to the right), then more:")
    counts = []
    for name, found in found_by.items():
        right, wrong = int((found & is_three).sum()), int((found & ~is_three).sum())
        counts.append((right, wrong))
        print(f"  {name:15} found {right:3} of {is_three.sum()}, missed {is_three.sum() - right:2}, "
              f"and took {wrong:2} other digits for a 3")  # fmt: skip
    (first, taken), *_, (most, more_taken), (network, _) = counts
    gained, more_taken = most - first, more_taken - taken
    print(f"  {len(counts) - 2} more rules find {gained} more threes, and take {more_taken} more other digits", end=" ")
    print(f"for one. The network was given no rule, and finds {network}.")


def rules_and_exceptions(right: Mapping[int, float], known: float, rules: Sequence[Rule], network: float) -> None:
    """How many digits are read right by the number of rules; known: share of the training pictures, by all of them."""
    print("\nRules for all ten digits. Each training picture that they read wrong gets a new rule, an exception:")
    print(f"  {'rules':26}" + "".join(f"{n:7,}" for n in right) + "   the network")
    print(f"  {'test pictures read right':26}" + "".join(f"{share:7.1%}" for share in right.values()), end="")
    print(f"{network:14.1%}")
    n, exceptions = len(rules), sum(rule.exception is not None for rule in rules)
    print(f"  {exceptions:,} of the {n:,} rules need exceptions. The rules read {known:.0%} of the training pictures")
    fewer = "fewer than" if right[n] < network else "at least as many as"
    print(f"  right, {right[n]:.1%} of new ones: of new ones {fewer} the network.")


def incomplete(sure: Mapping[float, np.ndarray], labels: np.ndarray) -> None:
    """How often the network is sure, and right where it is. sure: share of missing pixels -> its outputs, (m, 10)."""
    print("\nIncomplete information. How often is the network sure (largest output above 0.8), and is it right then?")
    print(f"  {'missing pixels, share':26}" + "".join(f"{amount:7g}" for amount in sure))
    counts = {}
    for amount, outputs in sure.items():
        chosen, right = outputs.max(axis=1) > 0.8, outputs.argmax(axis=1) == labels
        counts[amount] = int(chosen.sum()), float((chosen & right).sum() / max(chosen.sum(), 1))
    print(f"  {'sure of':26}" + "".join(f"{n / len(labels):7.1%}" for n, _ in counts.values()))
    shares = (f"{share:7.1%}" if n else f"{'-':>7}" for n, share in counts.values())
    print(f"  {'of these read right':26}" + "".join(shares))
    whole, share = counts[0]
    alike = [a for a, (n, s) in counts.items() if a and n and share - s <= by_chance(n, share, s)]
    if alike:
        most = max(alike)
        some, whole = counts[most][0] / len(labels), whole / len(labels)
        print(f"  Up to {most:g}, where it is sure it is right about as often; but it is sure of {some:.0%}", end=" ")
        print(f"of the pictures, not of {whole:.0%}.")


def robustness(table: Table) -> None:
    """The share of spoilt test pictures read right, by each method, and where the network is no longer ahead."""
    print("\nHow many of the test pictures are read right when they are spoilt?")
    for kind, methods in table.items():
        show = detail if kind.startswith("shift") else print
        amounts = next(iter(methods.values()))
        show(f"  {kind:26}" + "".join(f"{amount:7g}" for amount in amounts))
        for name, right in methods.items():
            show(f"  {name:26}" + "".join(f"{share:7.1%}" for share in right.values()))
        show(f"  {verdict(methods)}")


def verdict(methods: Mapping[str, Mapping[float, float]]) -> str:
    """From which amount on nearest mean is right more often than the network, or that it never is."""
    simple, network = methods["nearest mean"], methods["network"]
    behind = [amount for amount in simple if network[amount] < simple[amount] and simple[amount] > 0.2]
    if behind:
        return f"From {behind[0]:g} on nearest mean is right more often than the network."
    always = all(network[amount] >= simple[amount] for amount in simple)
    where = "at each amount" if always else "wherever nearest mean is still right for a fifth of them"
    return f"The network is right at least as often as nearest mean {where}."


def wrong_labels(share: float, network: float, simple: float) -> None:
    """What wrong labels in the training data do."""
    print(f"\nTrained with {share:.0%} of the labels wrong, so {1 - share:.1%} right:")
    print(f"  the network reads {network:.1%} right, nearest mean {simple:.1%}.")
    above = [name for name, right in (("network", network), ("nearest mean", simple)) if right > 1 - share]
    if above:
        print(f"  More often right than its labels: {' and '.join(above)}, since wrong labels have no pattern.")


def silenced(right: Sequence[float], whole: float) -> None:
    """The share read right without one of the hidden neurons, for each of them, and with all."""
    detail(f"\nOne of the {len(right)} hidden neurons is silenced: {np.mean(right):.1%} are read right", end=" ")
    detail(f"on average over which, {min(right):.1%} at worst; with all {whole:.1%}.")


def more_data(by_size: BySize) -> None:
    """The share read right by the number of training pictures."""
    print("\nMore data. Test pictures read right, by the number of training pictures (each network is trained anew):")
    print(f"{'training pictures':17} " + "".join(f"{name:>20}" for name in METHODS))
    for n, shares in by_size.items():
        print(f"{n:17,} " + "".join(f"{share:20.1%}" for share in shares))
    least = sorted(by_size)[len(by_size) // 2]
    points = 100 * (np.array(by_size[max(by_size)]) - np.array(by_size[least]))
    gained = ", ".join(f"{name} {gain:.1f}" for name, gain in zip(METHODS, points, strict=True))
    print(f"Points gained from {least:,} pictures on: {gained}.")
    ahead = sum(neighbour > network for _, neighbour, network in by_size.values())
    print(f"Nearest neighbour, which learns nothing, is ahead of the network in {ahead} of {len(by_size)} rows.")


def retraining(rows: Sequence[tuple[int, float, float]]) -> None:
    """What retraining on turned pictures does for them, and for the pictures of before."""
    print("\nThe world changes: all pictures come turned by 90 degrees. The network's training goes on with these:")
    for steps, new, old in rows:
        detail(f"  after {steps:5,} steps   turned pictures read right {new:6.1%}   upright ones {old:6.1%}")
    (_, new, old), (_, new_after, old_after) = rows[0], rows[-1]
    print(f"  Without a new program: turned pictures, its new data, {new:.0%} -> {new_after:.0%};", end=" ")
    print(f"upright ones, no longer shown, {old:.0%} -> {old_after:.0%}.")


# --- the pictures -----------------------------------------------------------------------------------------------------


COLOURS = ORANGE, BLUE, GREEN  # of nearest mean, network, network that saw noise


def draw_spoilt(picture: np.ndarray, random: np.random.Generator, path: Path) -> None:
    """One picture, spoilt in every way and amount. picture: (1, 784)."""
    figure = new_figure(11, 7.2, "One 3, spoilt more and more: until where can you read it?")
    grid = figure.subplots(len(KINDS), 6)
    for row, (kind, (amounts, change)) in zip(grid, KINDS.items(), strict=True):
        for axes, amount in zip(row, amounts, strict=True):
            axes.imshow(change(picture, amount, random).reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.set_title(f"{amount:g}", fontsize=11)
        row[0].set_ylabel(kind.replace(", ", ",\n"), rotation=0, ha="right", va="center", fontsize=12)
    save(figure, path)


def draw_robustness(table: Table, path: Path) -> None:
    """The share read right against the amount, a panel for each way of spoiling."""
    figure = new_figure(13, 8, "Test pictures spoilt more and more: how long does each method read them?")
    for axes, (kind, methods) in zip(figure.subplots(2, 2, sharey=True).flat, table.items(), strict=True):
        curves = {name: ([*right], [*right.values()]) for name, right in methods.items()}
        lines(axes, curves, COLOURS, "o-", xlabel=kind, ylabel="test pictures read right", ylim=(0, 1))
        axes.axhline(0.1, color=GREY, linestyle=":", label="guessing")
        percent(axes.yaxis)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, edgecolor="none")
    save(figure, path)


def draw_more_data(by_size: BySize, retraining: Sequence[tuple[int, float, float]], path: Path) -> None:
    """Left: accuracy by number of training pictures. Right: accuracy while it is retrained on turned pictures."""
    title = "More data, and new data: does the network get better, and what does it forget?"
    left, right = new_figure(13, 4.8, title).subplots(1, 2)
    shares = zip(*by_size.values(), strict=True)
    curves = {name: ([*by_size], right) for name, right in zip(METHODS, shares, strict=True)}
    lines(left, curves, (ORANGE, PURPLE, BLUE), "o-", "lower right", title="more data")
    logarithmic(left.xaxis, [*by_size])
    left.set_xlabel("training pictures (logarithmic)")
    steps, turned, upright = zip(*retraining, strict=True)
    curves = {"turned pictures, the new data": (steps, turned), "upright pictures, no longer shown": (steps, upright)}
    lines(right, curves, (VERMILION, GREY), "o-", "upper center", title="retraining", ylim=(0, 1.25))
    right.set_xlabel("steps of training on turned pictures")
    for axes in (left, right):
        axes.set_ylabel("test pictures read right")
        percent(axes.yaxis)
    save(left.figure, path)
