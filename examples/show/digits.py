"""For 02_digits.py: what it counts, prints and draws.

`sure` is how sure the network is of each digit, (m, 10): a row for each test picture.
"""

from itertools import pairwise, product
from typing import NamedTuple

import numpy as np

from helpers.drawing import chart, picture, signed
from helpers.program import detail, elsewhere, holds, table

SURE = 0.8  # from this output on, the network is called sure


class Epoch(NamedTuple):
    """One pass through the training pictures."""

    costs: list[float]  # of its batches
    right: float  # share of the test pictures read right after it


# --- while it learns --------------------------------------------------------------------------------------------------


def epoch(done, number, settings):
    """Return what came of an epoch, and print it for the first, the last and every fifth.

    Raises FloatingPointError if the cost is not a number any more.
    """
    if not np.isfinite(done.costs[-1]):
        raise FloatingPointError(f"the cost became {done.costs[-1]}")
    if number in (1, settings.epochs) or number % 5 == 0:
        mean = f"mean {settings.loss.replace('mse', 'cost')} {np.mean(done.costs):.3f}"
        print(f"  epoch {number:3}   {mean}   test pictures read right {done.right:.1%}", flush=True)
    return done


def page(model, digits, path, home):
    """Write the page on which one draws a digit for the network, and print where it is."""
    from examples.site.pages import digit_page

    digit_page(path, model, digits, home)
    print(f"{path}: open it in a browser, and draw.")


# --- what is counted --------------------------------------------------------------------------------------------------


def share_right(sure, labels):
    """The share of pictures that are read right."""
    return float((sure.argmax(axis=1) == labels).mean())


def plateau(rights, patience=3):
    """When a training ends that stops once the accuracy has not risen for so many epochs, and what it is by then.

    One that goes on to the end counts as ended one epoch later.
    """
    ends = (n for n in range(patience + 1, len(rights) + 1)
            if max(rights[n - patience : n]) <= max(rights[: n - patience]))  # fmt: skip
    epoch = next(ends, len(rights) + 1)
    return epoch, rights[min(epoch, len(rights)) - 1]


def costs_by_answer(sure, labels):
    """The least, the most and the perfect squared-error cost; and how many pictures are read how, and their mean."""
    costs, perfect = squared_errors(sure, labels), squared_errors(np.eye(10), np.arange(10))
    right, is_sure = sure.argmax(axis=1) == labels, sure.max(axis=1) > SURE
    groups = {"sure and right": right & is_sure, "unsure": ~is_sure, "sure and wrong": ~right & is_sure}
    means = {name: (int(some.sum()), costs[some].mean() if some.any() else np.nan) for name, some in groups.items()}
    return {"least": costs.min(), "most": costs.max(), "perfect": perfect.max()}, means


def squared_errors(outputs, labels):
    """The cost of each row of outputs, (m, 10) -> (m,)."""
    return ((outputs - np.eye(10)[labels]) ** 2).sum(axis=1)


def first_layer(layers, digits):
    """How smooth the weights of a first layer are, and how like an edge or a stroke. layers: (neurons, 784) each."""
    ink = digits.train_images.std(axis=0) > 0.05  # (784,): the pixels that differ between pictures
    shapes = edges_and_strokes()[:, ink]
    like = {name: np.corrcoef(shapes, rows[:, ink])[: len(shapes), len(shapes) :] for name, rows in layers.items()}
    smooth = {name: neighbours(rows, ink) for name, rows in layers.items()}
    return smooth, {name: float((found**2).max(axis=0).mean()) for name, found in like.items()}


def patches(rows):
    """The same weights, (neurons, 784), blurred: smooth, but without a pattern."""
    maps = rows.reshape(-1, 28, 28)
    for axis in (1, 2):
        maps = maps + 0.42 * (np.roll(maps, 1, axis) + np.roll(maps, -1, axis))
    return maps.reshape(rows.shape)


def edges_and_strokes():
    """Short edges and strokes at many angles, places and widths, (n, 784)."""
    y, x = np.mgrid[:28, :28]
    found = []
    for angle, cy, cx, width in product(np.arange(8) * np.pi / 8, range(4, 25, 2), range(4, 25, 2), (1, 2)):
        across = np.cos(angle) * (x - cx) + np.sin(angle) * (y - cy)
        along = np.cos(angle) * (y - cy) - np.sin(angle) * (x - cx)
        spot = np.exp(-((across / width) ** 2 + (along / 4) ** 2) / 2)
        found += [spot * across, spot * (1 - (across / width) ** 2)]  # an edge, and a stroke
    return np.reshape(found, (-1, 784))


def neighbours(rows, ink):
    """The correlation between the weights of neighbouring pixels; the mean over neurons."""
    grid, maps = ink.reshape(28, 28), rows.reshape(-1, 28, 28)
    right, down = grid[:, :-1] & grid[:, 1:], grid[:-1] & grid[1:]
    first = np.concatenate([maps[:, :, :-1][:, right], maps[:, :-1][:, down]], axis=1)
    second = np.concatenate([maps[:, :, 1:][:, right], maps[:, 1:][:, down]], axis=1)
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(first, second, strict=True)]))


def separation(fires, labels, group):
    """By how much the best neuron's mean activation differs between a group of digits and the others."""
    means = np.stack([fires[labels == digit].mean(axis=0) for digit in range(10)], axis=1)  # (neurons, 10)
    inside = np.isin(np.arange(10), group)
    return float(np.abs(means[:, inside].mean(axis=1) - means[:, ~inside].mean(axis=1)).max())


# --- what is printed --------------------------------------------------------------------------------------------------


def report(m, settings):
    """Print what was measured, and draw it."""
    # How many are read right, and of the digit that is hardest
    right, n = m.counts.trace(), m.counts.sum()
    print(f"\nTest accuracy {m.read:.1%}: {n - right:,} of {n:,} pictures read wrong.")
    if len(np.flatnonzero(m.counts.sum(axis=0))) == 1:
        print("It gives the same answer for every picture: it has learnt nothing. Try more --epochs.")
    detail(f"The hardest digit is {m.by_digit.argmin()}: {m.worst:.0%} are read right. See confusion.png.")

    # The weights and biases, layer by layer, and together
    sizes = [784, *settings.hidden, 10]
    print(f"\nThe network, {'-'.join(map(str, sizes))}:")
    layers = zip(pairwise(sizes), m.weights, m.biases, strict=True)
    for number, ((before, here), weights, biases) in enumerate(layers, start=1):
        name = "output layer  " if number == len(m.weights) else f"hidden layer {number}"
        detail(f"  {name}   {before:3} × {here:2} = {weights:6,} weights   {biases:2} biases")
    print(f"  weights: {' + '.join(f'{n:,}' for n in m.weights)} = {sum(m.weights):,}")
    print(f"  biases: {' + '.join(map(str, m.biases))} = {sum(m.biases)}")
    print(f"  together {sum(m.weights) + sum(m.biases):,} adjustable parameters")
    cost_of_one("The untrained network sees a 3", m.untrained, settings.loss, print)
    luck = ", by luck" if holds("random guesses", m) else ""
    print(f"  It gives the same answer for {m.favourite:.0%} of all test pictures{elsewhere('one answer', '.0%', m)}.")
    print(f"  {m.guessed_right:.0%} of its answers are right{luck}. One in ten is chance.")
    cost_of_one("The trained network sees the same 3", m.trained, settings.loss, detail)

    # The mean cost of test pictures that are read right and surely, right but unsurely, and wrong
    what, note = ("cost", "") if settings.loss == "mse" else ("squared error", " (training lowered the cross-entropy)")
    print(f"\nThe {what} of test pictures{note}, a sum of squares (sure: the largest output is above {SURE}):")
    least, most, perfect = m.costs.values()
    print(f"  {perfect:g} for exactly the wanted outputs, from {least:.6f} to {most:.3f} for these:")
    for name, (n, mean) in m.groups.items():
        print(f"  {name:16} {n:5,} pictures   mean {what} {mean:.3f}" if n else f"  {name:16}  none")

    shares("Do pictures need 784 inputs? Networks trained alike", {"28 × 28 = 784 inputs": m.read, **m.others})
    shares("Lighting and size, as in no training picture", {"as they are": m.read, **m.varied})
    ends, right = m.plateau
    then = f"ends after epoch {ends}, with {right:.1%} right" if ends <= m.epochs else "does not yet"
    detail("\nTo stop when the performance plateaus: a training that ends once the accuracy has not risen for 3 epochs")
    detail(f"  {then}. To decide that, use separate pictures (validation data), never the final test.")
    if holds("ten probabilities", m):
        detail("\nThe ten outputs always sum to 1. Softmax makes them a probability distribution.")
    else:
        low, high = m.sums
        detail(f"\nFor nine of ten pictures the ten outputs sum to {low:.2f}-{high:.2f}. Each is a sigmoid by itself,")
        detail("  so they need not sum to 1: they are confidences, not probabilities.")

    # How like an edge or a stroke the first layer is, and whether a later neuron stands for loops
    detail("\nWhat the neurons of the first layer like to see: their weights")
    columns = "neighbouring pixels correlate", "the most similar edge or stroke explains of a neuron"
    table(columns, {name: (f"{m.smooth[name]:.2f}", share) for name, share in m.explained.items()}, ".0%", say=detail)
    if holds("more than random patches", m):
        rest = "" if holds("edges", m) else "; most of the weights is something else"
        detail(f"  So edges and strokes are learnt, more than random patches have{rest}: see first_layer.png.")
    if m.fires is not None:
        q = 'Does a neuron stand for a part, such as "loop at top"? It would fire for 8 and 9 and for no other digit:'
        apart = "a difference of 1 between its mean activations for these and for the others. Of these neurons the best"
        detail(f"\n{q}\n  {apart} differs by {m.loop:.2f}{elsewhere('loop at top', '.2f', m)}.")
        detail("  So one may stand for it." if holds("loop at top", m) else "  So no neuron stands for a loop at top.")

    title = 'Each "3" looks different, yet we recognise all of them at once'
    with picture(settings.out / "threes.png", title, 12, 3.8) as axes:
        tiles(axes, m.threes, [""] * len(m.threes), 12, cmap="gray_r")
    rights = [epoch.right for epoch in m.history]
    curves = {"test pictures,\nnone seen in training": (range(1, m.epochs + 1), rights)}
    title = f"The training, epoch by epoch: in the end {rights[-1]:.1%} of the test pictures are read right"
    xlabel = "epoch (one pass through all pictures)"
    chart(settings.out / "curves.png", title, curves, xlabel, "read right", shares=True)
    with picture(settings.out / "confusion.png", "Which digit is mistaken for which?", 7, 7.2) as axes:
        axes.imshow(np.log1p(m.counts), cmap="Blues")  # right answers on the diagonal; the bluer, the more
        for (digit, answer), n in np.ndenumerate(m.counts):
            axes.text(answer, digit, n, ha="center", va="center", fontsize=11)
        axes.set(xlabel="the network's answer", ylabel="the digit", xticks=range(10), yticks=range(10))
    draw_mistakes(m.digits.test_images, m.digits.test_labels, m.sure, settings.out / "mistakes.png")
    draw_first_layer(m.first, m.digits.train_images.std(axis=0) > 0.05, settings.out / "first_layer.png")


def cost_of_one(title, a, loss, say):
    """Print the ten outputs for one picture of a 3, the wanted ten, the ten squares, and their sum."""
    y = np.eye(10)[3]
    say(f"\n{title}:")
    table(range(10), {"output a_j": a, "wanted y_j": y, "(a_j - y_j)²": (a - y) ** 2}, ".4f", "digit j", say=say)
    say(f"  C = {((a - y) ** 2).sum():.4f}, the sum of the squares. The answer is {a.argmax()}, the largest output.")
    if loss == "cross-entropy":
        say(f"  Training lowers another cost, the cross-entropy: -ln a_3 = {-np.log(a[3]):.4f}.")


def shares(title, read):
    """Print how many pictures are read right, by name."""
    detail(f"\n{title}:")
    table(["test pictures read right"], {name: [share] for name, share in read.items()}, ".1%", say=detail)


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_mistakes(images, labels, sure, path):
    """The pictures where the network was surest of a wrong digit."""
    answers = sure.argmax(axis=1)
    lead = sure[np.arange(len(sure)), answers] - sure[np.arange(len(sure)), labels]  # 0 where it is right
    worst = [i for i in np.argsort(-lead, kind="stable")[:12] if answers[i] != labels[i]]
    names = [f"a {labels[i]}\nread as {answers[i]}" for i in worst]
    with picture(path, "The mistakes of which it was surest", 12.8, 4) as axes:
        tiles(axes, images[worst], names, 6, cmap="gray_r")


def tiles(axes, rows, titles, columns=8, **colours):
    """Pictures of 28 x 28 numbers in one image, with a title above each. colours: as imshow takes them."""
    pitch = 35 + 6 * titles[0].count("\n")  # pixels for a picture with its title
    mosaic = np.full((pitch * -(-len(rows) // columns), 30 * columns), np.nan)  # many small images are slow to draw
    for number, (row, title) in enumerate(zip(rows, titles, strict=True)):
        bottom, left = pitch * (number // columns + 1) - 1, 30 * (number % columns) + 1
        mosaic[bottom - 28 : bottom, left : left + 28] = row.reshape(28, 28)
        axes.text(left + 13.5, bottom - 29.5, title, fontsize=11, ha="center")
    axes.axis("off")
    return axes.imshow(mosaic, **colours)


def draw_first_layer(weights, ink, path, most=32):
    """The first layer's neurons as pictures of their weights; pixels that are always white are left out."""
    shown = np.where(ink, weights[:most], np.nan)
    title = f"First layer, the weights of {len(shown)} neurons: ink on blue makes a neuron fire, ink on orange stops it"
    limit = float(np.nanquantile(np.abs(shown), 0.995))  # symmetric, so that white is 0
    names = [f"neuron {i}" for i in range(len(shown))]
    with picture(path, title, 12, 1.5 * -(-len(shown) // 8) + 0.7) as axes:
        image = tiles(axes, shown, names, cmap=signed(), vmin=-limit, vmax=limit)
        axes.figure.colorbar(image, ax=axes, shrink=0.8, aspect=25, label="weight", extend="both")
