"""For 02_digits.py: what it prints and draws.

`sure` is how sure the network is of each digit, (m, 10): a row for each test picture.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers.drawing import BLUE, GREEN, GREY, SKY, VERMILION, Axes, bars, lines, new_figure, percent, save, signed
from helpers.mnist import Digits
from helpers.program import counted, detail

COSTS = {"mse": "cost", "cross-entropy": "cross-entropy"}  # what falls in training, by --loss
SURE = 0.8  # from this output on, the network is called sure


class Epoch(NamedTuple):
    """One pass through the training pictures."""

    costs: list[float]  # of its batches
    right: float  # share of the test pictures read right after it


def data(digits: Digits) -> None:
    """Where the pictures come from, and how many there are."""
    print(f"{digits.source}: {len(digits.train_labels):,} to learn from, {len(digits.test_labels):,} to be tested on.")


# --- the network and its cost -----------------------------------------------------------------------------------------


def parameters(model: nn.MLP) -> None:
    """The weights and biases, layer by layer, and together."""
    layers = [layer for layer in model if isinstance(layer, nn.Linear)]
    sizes = [layers[0].in_features, *(layer.out_features for layer in layers)]
    weights = [layer.weight.numel() for layer in layers]
    biases = [layer.bias.numel() for layer in layers]
    print(f"\nThe network, {'-'.join(map(str, sizes))}:")
    for number, (layer, weight, bias) in enumerate(zip(layers, weights, biases, strict=True), start=1):
        name = "output layer  " if number == len(layers) else f"hidden layer {number}"
        print(f"  {name}   {layer.in_features:3} × {layer.out_features:2} = {weight:6,} weights   {bias:2} biases")
    print(f"  weights: {' + '.join(f'{n:,}' for n in weights)} = {sum(weights):,}")
    print(f"  biases: {' + '.join(map(str, biases))} = {sum(biases)}")
    print(f"  together {sum(weights) + sum(biases):,} adjustable parameters")


def cost_of_one(title: str, a: np.ndarray, k: int, loss: str) -> None:
    """The ten outputs for one picture of the digit k, the wanted ten, the ten squares, and their sum."""
    y = np.eye(10)[k]
    print(f"\n{title}:")
    for name, row in (("digit j", range(10)), ("output a_j", a), ("wanted y_j", y), ("(a_j - y_j)²", (a - y) ** 2)):
        print(f"  {name:14}" + "".join(f"{x:8d}" if isinstance(x, int) else f"{x:8.4f}" for x in row))
    print(f"  C = {((a - y) ** 2).sum():.4f}, the sum of the squares. The answer is {a.argmax()}, the largest output.")
    if loss == "cross-entropy":
        print(f"  Training lowers another cost, the cross-entropy: -ln a_{k} = {-np.log(a[k]):.4f}.")


def untrained(sure: np.ndarray, labels: np.ndarray) -> None:
    """Print that a right answer of an untrained network is luck: it has one favourite digit, whatever it sees."""
    said = np.bincount(sure.argmax(axis=1), minlength=10)
    print(f"  It calls {said.max() / said.sum():.0%} of all test pictures a {said.argmax()}, and", end=" ")
    print(f"{share_right(sure, labels):.0%} of its answers are right, by luck. One in ten is chance.")


def share_right(sure: np.ndarray, labels: np.ndarray) -> float:
    """The share of pictures that are read right."""
    return float((sure.argmax(axis=1) == labels).mean())


def training(optimizer: str, rate: float, size: int, seed: int) -> None:
    """What is about to happen."""
    print(f"\nTraining: {optimizer}, learning rate {rate:g}, {size:,} pictures a step, seed {seed}.")


def epoch(number: int, epochs: int, done: Epoch, loss: str) -> Epoch:
    """Return what came of an epoch, and print it for the first, the last and every fifth.

    Raises FloatingPointError if the cost is not a number any more.
    """
    if not np.isfinite(done.costs[-1]):
        raise FloatingPointError(f"the cost became {done.costs[-1]}; try a smaller learning rate, --lr")
    if number in (1, epochs) or number % 5 == 0:
        mean = f"mean {COSTS[loss]} {np.mean(done.costs):.3f}"
        print(f"  epoch {number:3}   {mean}   test pictures read right {done.right:.1%}", flush=True)
    return done


def plateau(history: Sequence[Epoch]) -> None:
    """Print when the training would have ended if it stopped once the accuracy no longer rises."""
    rights = [done.right for done in history]
    detail("\nTo stop when the performance plateaus: the training ends if the accuracy has not risen for")
    for patience in (1, 3, 5):
        ends = next((n for n in range(patience + 1, len(rights) + 1)
                     if max(rights[n - patience : n]) <= max(rights[: n - patience])), None)  # fmt: skip
        then = f"after epoch {ends}, with {rights[ends - 1]:.1%} right" if ends else f"not within these {len(rights)}"
        detail(f"  {counted(patience, 'epoch')}: {then}")
    detail("  To decide when to stop, use separate pictures (validation data), never the final test.")


# --- how good it is ---------------------------------------------------------------------------------------------------


def costs_by_answer(sure: np.ndarray, labels: np.ndarray, loss: str) -> None:
    """The mean squared-error cost of test pictures that are read right and surely, right but unsurely, and wrong."""
    costs = squared_errors(sure, labels)
    right, is_sure = sure.argmax(axis=1) == labels, sure.max(axis=1) > SURE
    what, note = ("cost", "") if loss == "mse" else ("squared error", " (training lowered the cross-entropy)")
    perfect = float(squared_errors(np.eye(10), np.arange(10)).max())
    print(f"\nThe {what} of test pictures{note}, a sum of squares:")
    print(f"  {perfect:g} for exactly the wanted outputs, from {costs.min():.6f} to {costs.max():.3f} for these:")
    groups = ("sure and right", right & is_sure), ("unsure", ~is_sure), ("sure and wrong", ~right & is_sure)
    for name, chosen in groups:
        if chosen.any():
            print(f"  {name:16} {chosen.sum():5,} pictures   mean {what} {costs[chosen].mean():.3f}")
    print(f"  sure: the largest output is above {SURE}")


def squared_errors(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The cost of each row of outputs, (m, 10) -> (m,)."""
    return ((outputs - np.eye(10)[labels]) ** 2).sum(axis=1)


def confidences(sure: np.ndarray, loss: str) -> None:
    """Whether the ten outputs are a probability distribution."""
    sums = sure.sum(axis=1)
    low, high = np.quantile(sums, [0.05, 0.95])
    if loss == "mse":
        print(f"\nFor nine of ten pictures the ten outputs sum to {low:.2f}-{high:.2f}.")
        print("Each sigmoid is computed by itself, so they need not sum to 1: they are confidences, not probabilities.")
        print("With --loss cross-entropy a softmax makes a probability distribution of them.")
    else:
        print("\nThe ten outputs always sum to 1. Softmax makes them a probability distribution.")


def count_answers(sure: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The confusion matrix, (10, 10): [digit, answer]."""
    return np.bincount(10 * labels + sure.argmax(axis=1), minlength=100).reshape(10, 10)


def accuracy(sure: np.ndarray, labels: np.ndarray) -> None:
    """How many of each digit are read right, and which digit it is most often mistaken for."""
    counts = count_answers(sure, labels)
    detail("\n  digit   right     of   accuracy   most often mistaken for")
    for digit, row in enumerate(counts):
        wrong = np.where(np.arange(10) == digit, 0, row)
        share = f"{row[digit] / row.sum():.1%}" if row.sum() else "-"
        times = "once" if wrong.max() == 1 else f"{wrong.max()} times"
        mistaken = f"{wrong.argmax()} ({times})" if wrong.any() else ""
        detail(f"  {digit:5} {row[digit]:7,} {row.sum():6,} {share:>10}   {mistaken}")
    right, n = counts.trace(), counts.sum()
    print(f"\nTest accuracy {right / n:.2%}: {n - right:,} of {n:,} pictures read wrong.")
    if len(np.flatnonzero(counts.sum(axis=0))) == 1:
        print("It gives the same answer for every picture: it has learnt nothing. Try another --lr or more --epochs.")


# --- what it has learnt -----------------------------------------------------------------------------------------------


def first_layer(layers: Mapping[str, np.ndarray], images: np.ndarray) -> None:
    """How smooth the weights of a first layer are, and how like an edge or a stroke. layers: (neurons, 784) each."""
    ink = images.std(axis=0) > 0.05  # (784,): the pixels that differ between pictures
    shapes = edges_and_strokes()[:, ink]
    detail("\nWhat the neurons of the first layer like to see: their weights")
    detail("                    neighbouring pixels correlate   the most similar edge or stroke explains of a neuron")
    share = {}
    for name, rows in layers.items():
        share[name] = float((np.corrcoef(shapes, rows[:, ink])[: len(shapes), len(shapes) :] ** 2).max(axis=0).mean())
        detail(f"  {name:16} {neighbours(rows, ink):30.2f} {share[name]:53.0%}")
    chance, learnt = share["random patches"], share["after training"]
    if learnt > 1.3 * chance:
        rest = "" if learnt > 0.5 else "; most of the weights is something else"
        detail(f"  So edges and strokes are learnt, more than random patches have{rest}: see first_layer.png.")


def patches(rows: np.ndarray) -> np.ndarray:
    """The same weights, (neurons, 784), blurred: smooth, but without a pattern."""
    maps = rows.reshape(-1, 28, 28)
    for axis in (1, 2):
        maps = maps + 0.42 * (np.roll(maps, 1, axis) + np.roll(maps, -1, axis))
    return maps.reshape(rows.shape)


def edges_and_strokes() -> np.ndarray:
    """Short edges and strokes at many angles, places and widths, (n, 784)."""
    y, x = np.mgrid[:28, :28]
    found = []
    for angle, cy, cx, width in product(np.arange(8) * np.pi / 8, range(4, 25, 2), range(4, 25, 2), (1, 2)):
        across = np.cos(angle) * (x - cx) + np.sin(angle) * (y - cy)
        along = np.cos(angle) * (y - cy) - np.sin(angle) * (x - cx)
        spot = np.exp(-((across / width) ** 2 + (along / 4) ** 2) / 2)
        found += [spot * across, spot * (1 - (across / width) ** 2)]  # an edge, and a stroke
    return np.reshape(found, (-1, 784))


def neighbours(rows: np.ndarray, ink: np.ndarray) -> float:
    """The correlation between the weights of neighbouring pixels; the mean over neurons."""
    grid, maps = ink.reshape(28, 28), rows.reshape(-1, 28, 28)
    right, down = grid[:, :-1] & grid[:, 1:], grid[:-1] & grid[1:]
    first = np.concatenate([maps[:, :, :-1][:, right], maps[:, :-1][:, down]], axis=1)
    second = np.concatenate([maps[:, :, 1:][:, right], maps[:, 1:][:, down]], axis=1)
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(first, second, strict=True)]))


def last_hidden_layer(fires: np.ndarray, labels: np.ndarray) -> None:
    """For which digits each neuron fires, and whether one of them stands for loops. fires: (m, neurons)."""
    means = mean_activations(fires, labels)  # (neurons, 10)
    groups = list(combinations(range(10), 2))
    scores = [separation(means, group) for group in groups]
    loops = separation(means, (8, 9))
    place = 1 + sum(score > loops for score in scores)
    best = groups[int(np.argmax(scores))]
    print('\nDoes a neuron stand for a part, such as "loop at top"? It would tell 8 and 9 from all other digits.')
    print("For each pair of digits: how well does the best single neuron separate them from the other eight?")
    print(f"Its mean activation differs most for {best[0]} and {best[1]}, by {max(scores):.2f};", end=" ")
    print(f"for 8 and 9 by {loops:.2f}: place {place} of {len(groups)} pairs.")
    if place > len(groups) // 10:
        print("Other pairs are separated better, so no single neuron stands for a loop at top.")
    else:
        print("So a neuron may stand for a loop at top here; another --seed groups digits in another way.")


def mean_activations(fires: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean activation of each neuron for each digit: (neurons, 10)."""
    return np.stack([fires[labels == digit].mean(axis=0) for digit in range(10)], axis=1)


def fires_for(row: np.ndarray) -> str:
    """The digits for which a neuron's mean activation is above 0.5."""
    return " ".join(str(digit) for digit in np.flatnonzero(row > 0.5)) or "none"


def separation(means: np.ndarray, group: Sequence[int]) -> float:
    """By how much the best neuron's mean activation differs between a group of digits and the others."""
    inside = np.isin(np.arange(10), group)
    return float(np.abs(means[:, inside].mean(axis=1) - means[:, ~inside].mean(axis=1)).max())


def pixels_needed(read: Mapping[int, float], epochs: int) -> None:
    """How many pictures are read right with fewer pixels. read: pixels along a side -> share."""
    print(f"\nDo pictures need 784 inputs? The same network, trained for {counted(epochs, 'epoch')} on coarser ones:")
    for side, share in read.items():
        print(f"  {side:2} × {side:2} = {side * side:3} inputs   test pictures read right {share:.1%}")


def hidden_layers(model: nn.MLP, pictures: np.ndarray) -> list[np.ndarray]:
    """The pictures (n, inputs), and what each hidden layer makes of them: (n, neurons)."""
    found, x = [pictures], tl.tensor(pictures)
    with tl.no_grad():
        for module in list(model)[:-1]:
            x = module(x)
            if not isinstance(module, nn.Linear):
                found.append(x.numpy())
    return found


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_threes(digits: Digits, path: Path) -> None:
    """Many pictures of one digit."""
    figure = new_figure(12, 3.8, 'Each "3" looks different, yet we recognise all of them at once')
    tiles(figure.subplots(), digits.train_images[digits.train_labels == 3][:36], [""] * 36, 12, cmap="gray_r")
    save(figure, path)


def draw_curves(history: Sequence[Epoch], cost: str, path: Path) -> None:
    """The cost of every batch, the mean of each epoch, and the share of test pictures read right."""
    read = f": in the end {history[-1].right:.1%} of the test pictures are read right" if history else ""
    left, right = new_figure(11, 4.4, f"The training, epoch by epoch{read}").subplots(1, 2)
    numbers = np.arange(1, len(history) + 1)
    for number, epoch in zip(numbers, history, strict=True):
        batches = np.linspace(number - 1, number, len(epoch.costs))
        left.plot(batches, epoch.costs, ".", color=SKY, markersize=1.5)
    means = {f"mean {cost} of an epoch; light: of its batches": (numbers - 0.5, [np.mean(e.costs) for e in history])}
    lines(left, means, (BLUE,), "o-", "upper right", ylim=(0, None), xlabel="epoch (one pass through all pictures)")
    rights = {"test pictures read right, none seen in training": (numbers, [epoch.right for epoch in history])}
    lines(right, rights, (GREEN,), "o-", "lower right", xlabel="epoch")
    percent(right.yaxis)
    save(left.figure, path)


def draw_confusion(counts: np.ndarray, path: Path) -> None:
    """The confusion matrix: right answers green, wrong ones redder the more there are."""
    axes = new_figure(7, 7.2, "Which digit is mistaken for which?").subplots()
    right = np.eye(10, dtype=bool)
    most_right, most_wrong = max(counts[right].max(), 1), max(counts[~right].max(), 1)
    axes.imshow(np.ma.masked_where(~right, counts), cmap="Greens", vmin=0, vmax=2 * most_right)
    axes.imshow(np.ma.masked_where(right | (counts == 0), counts), cmap="Reds", vmin=0, vmax=1.5 * most_wrong)
    for digit, answer in zip(*counts.nonzero(), strict=True):
        axes.text(answer, digit, f"{counts[digit, answer]:,}", ha="center", va="center", fontsize=11)
    axes.set_title(f"{counts.trace():,} of {counts.sum():,} test pictures are read right (green)")
    axes.set(xlabel="the network's answer", ylabel="the digit", xticks=range(10), yticks=range(10))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    save(axes.figure, path)


def draw_mistakes(images: np.ndarray, labels: np.ndarray, sure: np.ndarray, path: Path) -> None:
    """The pictures where the network was surest of a wrong digit, each with its ten outputs."""
    answers = sure.argmax(axis=1)
    lead = sure[np.arange(len(sure)), answers] - sure[np.arange(len(sure)), labels]  # 0 where it is right
    worst = [i for i in np.argsort(-lead, kind="stable")[:12] if answers[i] != labels[i]]
    title = "The mistakes of which it was surest, and its outputs (red: its answer; green: the right digit)"
    figure = new_figure(12.8, 7.5, title, size=12)
    grid = figure.subplots(3, 8, width_ratios=[1.2, 1] * 4)
    for axes in grid.flat:
        axes.axis("off")
    for (picture, outputs), i in zip(grid.reshape(-1, 2), worst, strict=False):
        picture.imshow(images[i].reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
        picture.set_title(f"a {labels[i]}, read as {answers[i]}", fontsize=11)
        colours = [VERMILION if j == answers[i] else GREEN if j == labels[i] else GREY for j in range(10)]
        outputs.axis("on")
        bars(outputs, [*map(str, range(10))], sure[i], colours, [""] * 10)
        outputs.set(xlim=(0, 1), xticks=[0, 1])
        outputs.tick_params(labelsize=8, length=0)
        right = outputs.get_yticklabels()[labels[i]]
        right.set(color=GREEN, weight="bold", fontsize=11)  # its bar may be too short to be seen
    save(figure, path)


def tiles(axes: Axes, rows: np.ndarray, titles: Sequence[str], columns: int = 8, **colours: Any) -> Any:
    """Pictures of 28 x 28 numbers in one image, with a title above each. colours: as imshow takes them."""
    pitch = 35 + 6 * titles[0].count("\n")  # pixels for a picture with its title
    mosaic = np.full((pitch * -(-len(rows) // columns), 30 * columns), np.nan)  # many small images are slow to draw
    for number, (row, title) in enumerate(zip(rows, titles, strict=True)):
        bottom, left = pitch * (number // columns + 1) - 1, 30 * (number % columns) + 1
        mosaic[bottom - 28 : bottom, left : left + 28] = row.reshape(28, 28)
        axes.text(left + 13.5, bottom - 29.5, title, fontsize=11, ha="center")
    axes.axis("off")
    return axes.imshow(mosaic, **colours)


def draw_first_layer(weights: np.ndarray, ink: np.ndarray, path: Path, most: int = 32) -> None:
    """The first layer's neurons as pictures of their weights; pixels that are always white are left out."""
    shown = np.where(ink, weights[:most], np.nan)
    which = "each neuron" if len(weights) <= most else f"the first {most} of {len(weights)} neurons"
    title = f"First layer, the weights of {which}: ink on blue makes a neuron fire, ink on orange stops it"
    axes = new_figure(12, 1.5 * -(-len(shown) // 8) + 0.7, title).subplots()
    limit = float(np.nanquantile(np.abs(shown), 0.995))  # symmetric, so that white is 0
    names = [f"neuron {i}" for i in range(len(shown))]
    image = tiles(axes, shown, names, cmap=signed(), vmin=-limit, vmax=limit)
    axes.figure.colorbar(image, ax=axes, shrink=0.8, aspect=25, label="weight", extend="both")
    save(axes.figure, path)


def draw_last_hidden_layer(fires: np.ndarray, digits: Digits, path: Path, most: int = 16) -> None:
    """For each neuron the mean of the test pictures that excite it most."""
    means = mean_activations(fires, digits.test_labels)[:most]
    top = np.argsort(-fires[:, :most], axis=0)[:40]  # (40, neurons): the pictures that excite each most
    average = digits.test_images[top].mean(axis=0)  # (neurons, 784)
    title = "Last hidden layer: the mean of the 40 pictures that excite each neuron most, and the digits it fires for"
    figure = new_figure(13, 1.7 * -(-len(means) // 8) + 0.7, title)
    names = [f"neuron {i}: fires\nfor {fires_for(row)}" for i, row in enumerate(means)]
    tiles(figure.subplots(), average, names, cmap="gray_r", vmin=0, vmax=1)
    save(figure, path)
