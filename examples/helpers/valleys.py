"""For 21_valleys.py: what it prints and draws."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import tinygrad_lecture as tl
from helpers.drawing import BLUE, GREY, ORANGE, lines, new_figure, plain, save
from helpers.program import counted, detail

LEARNT, STUCK = 0.05, 0.4  # costs of XOR below which it is learnt, and above which the descent is stuck


def are_stuck(courses: np.ndarray) -> np.ndarray:
    """Which descents have ended above cost 0: high up, and no lower than halfway. courses: (steps, starts)."""
    halfway, end = courses[len(courses) // 2], courses[-1]
    return (end > STUCK) & (halfway - end < 0.02)


def ends(courses: np.ndarray, hidden: int) -> None:
    """Where the descents end."""
    end, stuck = courses[-1], are_stuck(courses)
    learnt = (end < LEARNT).sum()
    print(f"XOR with 2-{hidden}-1 neurons, gradient descent from {len(end)} random starts:")
    print(f"  {learnt} reach cost 0, the global minimum")
    if stuck.any():
        heights = sorted({f"{cost:.2f}" for cost in end[stuck]})
        print(f"  {stuck.sum()} end in valleys that are not the deepest, at a cost of {' or '.join(heights)}")
    if between := len(end) - learnt - stuck.sum():
        print(f"  {between} are still on the way")


def curvatures(at_start: np.ndarray, at_best: np.ndarray) -> None:
    """The signs of the Hessian's eigenvalues at the starts, and at the best end."""
    both = ((at_start.min(axis=1) < 0) & (at_start.max(axis=1) > 0)).sum()
    print(f"\nThe eigenvalues of the Hessian, {at_start.shape[1]} at each point:")
    print(f"  at {both} of {len(at_start)} random starts they have both signs, as at a saddle.", end=" ")
    print(f"{(at_start < 0).mean():.0%} of all are negative.")
    print(f"  where the best descent ended they lie from {at_best.min():.1e} to {at_best.max():.1e}:", end=" ")
    down = (at_best < 0).sum()
    print(f"{down} of {len(at_best)} still curve down, so it was still on the way" if down else "none curves down")


def on_the_way(points: Sequence[tuple[float, np.ndarray]]) -> None:
    """The share of negative eigenvalues at points of a descent: the cost, and the eigenvalues, (parameters,)."""
    print(f"\nIn {len(points[0][1])} dimensions, a 16-6-10 network that learns 200 digits, on its way down:")
    for cost, eigenvalues in points:
        print(f"  cost {cost:.2f}: {(eigenvalues < -1e-9).mean():.0%} of the curvatures are negative")


def critical(curvatures: Sequence[np.ndarray]) -> None:
    """How many of the points with gradient 0 are saddles; the first is the lowest. curvatures: (parameters,) each."""
    lowest, *others = (int((eigenvalues < -1e-9 * eigenvalues.max()).sum()) for eigenvalues in curvatures)
    print(f"  Where the gradient is 0: a linear 16-5-10 network has {math.comb(10, 5)} such points of full rank.")
    print(f"  Of {len(others)} drawn from them {sum(n > 0 for n in others)} are saddles:", end=" ")
    print(f"{min(others)} to {max(others)} of {len(curvatures[0])} directions curve down.", end=" ")
    print(f"At the lowest {lowest} do." if lowest else "None does at the lowest.")


def critical_point(x: np.ndarray, y: np.ndarray, kind: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Weights W1, W2 of a linear network x @ W1 @ W2 at which its gradient is 0. x: (n, inputs); y: (n, outputs).

    It is the least-squares fit, seen through some of the principal components of what it says: those of `kind`.
    """
    fit = np.linalg.lstsq(x, y, rcond=None)[0]  # (inputs, outputs)
    components = np.linalg.svd(x @ fit, full_matrices=False)[2][list(kind)]  # (neurons, outputs)
    return fit @ components.T, components


def have_holes(images: np.ndarray) -> np.ndarray:
    """Whether ink encloses paper, as in 0 or 8: (n, 784) -> (n,)."""
    paper = images.reshape(-1, 28, 28) < 0.5
    outside, last = paper.copy(), None
    outside[:, 1:-1, 1:-1] = False  # it comes in from the edges
    while last is None or (outside != last).any():
        last = outside.copy()
        for axis, step in ((1, 1), (1, -1), (2, 1), (2, -1)):  # what leaves at an edge comes in where all is outside
            outside |= paper & np.roll(last, step, axis)
    return (paper & ~outside).any(axis=(1, 2))


def explained(learnt: np.ndarray, new: np.ndarray, wanted: np.ndarray, truth: np.ndarray) -> float:
    """The share of the variance of `truth` (m, k) that a linear probe explains, given a layer's `new` (m, neurons).

    It is fitted by least squares to `wanted` (n, k) from `learnt` (n, neurons).
    """
    rows, new_rows = (np.c_[a, np.ones(len(a))].astype(float) for a in (learnt, new))
    normal = rows.T @ rows, rows.T @ wanted  # equations with the same solution, and as many rows as neurons
    said = new_rows @ np.linalg.lstsq(*normal, rcond=None)[0]
    return float(1 - ((said - truth) ** 2).sum() / ((truth - truth.mean(axis=0)) ** 2).sum())


def read_from_layers(scores: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """What a linear probe explains, given each layer. scores: pattern -> of the trained and the untrained network."""
    trained, random = (np.array(rows) for rows in zip(*scores.values(), strict=True))  # (patterns, layers) each
    n = counted(trained.shape[1] - 1, "hidden layer")
    print(f"\nDepth. A network with {n} learns to read digits. What a linear probe explains, given a layer:")
    print(f"  {'':32}{'pixels':>8}" + "".join(f"{f'layer {i}':>9}" for i in range(1, trained.shape[1])))
    for pattern, row, other in zip(scores, trained, random, strict=True):
        print(f"  {pattern:32}{row[0]:8.0%}" + "".join(f"{score:9.0%}" for score in row[1:]))
        detail(f"  {'  with random weights':32}{other[0]:8.0%}" + "".join(f"{score:9.0%}" for score in other[1:]))
    gained, kept = trained[:, -1] - trained[:, 1], random[:, -1] - random[:, 0]
    if gained[0] < 0 < min(gained[1:]):
        lost = "; with random weights all of it fades" if max(kept) < 0 else ""
        print(f"  From layer to layer less of the ink is left, and more of what it depicts comes out{lost}.")


def have_left(courses: np.ndarray) -> int:
    """How many networks have come away from cost 1, where every answer is 0.5."""
    return int((courses[-1] < 0.9).sum())


def saddle(batch: np.ndarray, stochastic: np.ndarray, near: np.ndarray) -> None:
    """How many descents leave the saddle point near weights of 0. near: the Hessian's eigenvalues at their starts."""
    both = ((near.min(axis=1) < 0) & (near.max(axis=1) > 0)).sum()
    steps, n = min(len(batch), len(stochastic)), batch.shape[1]  # after Ctrl-C one may have fewer
    of_batch, of_single = have_left(batch[:steps]), have_left(stochastic[:steps])
    print("\nNear weights of 0 all hidden neurons are alike and every answer is 0.5, with cost 1. The curvatures have")
    print(f"both signs at {both} of {n} starts{', so this is a saddle' if both == n else ''}.")
    print(f"  After {steps:,} steps {of_batch} of {n} batch descents have left it, {of_single} of {n} stochastic ones.")
    if of_single > of_batch:
        print("  The noise of single examples pushes them off.")
    else:
        print(f"  {'No noise was needed to leave it' if of_batch else 'None has left it: these are too few steps'}.")


def valleys(again: np.ndarray, costs: np.ndarray, end: Sequence[tl.Tensor], further: Sequence[tl.Tensor]) -> None:
    """What comes of the descents that ended in other valleys: by noise, and by as many steps of batch descent more.

    again: their costs after stochastic descent. Of batch descent: costs, (steps, descents), weights before and after.
    """
    print("\nThe descents that ended in other valleys go on, one example a step:")
    print(f"  {(again < LEARNT).sum()} of {len(again)} reach cost 0.", end=" ")
    if (again < LEARNT).any():
        print("The noise of single examples has helped.")
        return
    print("The lecture expects noise to help. Here it does not.")
    (before, after), (small, large) = np.median(costs[[0, -1]], axis=1), map(largest, (end, further))
    print(f"  With all examples a step the cost goes from {before:.4f} to {after:.4f}, and the largest weight", end=" ")
    print(f"from {small:.1f} to {large:.1f}.")
    if after < before and large > 1.02 * small:
        print("  So these valleys are slopes that flatten: a sigmoid is flat where its weights are large.")


def largest(weights: Sequence[tl.Tensor]) -> float:
    """The largest weight of a network; the median of several networks."""
    return float(np.median(np.max([np.abs(w.numpy()).max(axis=(1, 2)) for w in weights], axis=0)))


def wider(learnt: Mapping[int, float]) -> None:
    """The share of starts from which XOR is learnt, by the width of the hidden layer."""
    print("\nDo more hidden neurons help? From other random starts, those that lead to cost 0:")
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


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_courses(costs: np.ndarray, path: Path) -> None:
    """The cost of every descent by step."""
    stuck = are_stuck(costs)
    learnt, n = (costs[-1] < LEARNT).sum(), costs.shape[1]
    title = f"XOR from {n} starts: {learnt} descents reach cost 0, {stuck.sum()} (orange) end in other valleys"
    axes = plain(new_figure(9, 5, title).subplots())
    steps = np.arange(1, len(costs) + 1)
    axes.plot(steps, costs[:, ~stuck], color=BLUE, linewidth=1, alpha=0.7)
    axes.plot(steps, costs[:, stuck], color=ORANGE, linewidth=1.5, alpha=0.9)
    axes.set(xscale="log", ylim=(0, None), ylabel="cost C", xlabel="step of gradient descent (logarithmic)")
    save(axes.figure, path)


def draw_saddle(batch: np.ndarray, stochastic: np.ndarray, path: Path) -> None:
    """The cost near a saddle, batch descent beside stochastic descent, from one start."""
    n = batch.shape[1]
    left, others = have_left(batch), have_left(stochastic)
    title = f"Who leaves a saddle? {left} of {n} batch descents, {others} of {n} stochastic ones"
    axes = plain(new_figure(11, 5, title).subplots())
    so_far = np.cumsum(stochastic, axis=0)
    smooth = (so_far[25:] - so_far[:-25]) / 25
    for costs, colour, name in ((smooth, ORANGE, "stochastic: one example a step, the mean of 25 steps"),
                                (batch, BLUE, "batch: all four examples a step")):  # fmt: skip
        axes.plot(costs, color=colour, alpha=0.5, label=[name, *[""] * (n - 1)])
    axes.axhline(1, color=GREY, linestyle=":", label="the saddle: cost 1, every answer is 0.5")
    axes.set(xlabel=f"step, from each of {n} starts", ylabel="cost of all four examples", ylim=(0, 1.7))
    axes.text(0, 1.48, " above it: a step moves all answers towards one example's")
    axes.legend(edgecolor="none", loc="upper right", ncols=3, fontsize=9)
    save(axes.figure, path)


def draw_approximation(x: np.ndarray, y: np.ndarray, fits: Mapping[int, np.ndarray], path: Path) -> None:
    """A panel for each width with the curve and the fit."""
    errors = {width: float(((outputs[:, 0] - y) ** 2).mean()) for width, outputs in fits.items()}
    closer = [*errors.values()] == sorted(errors.values(), reverse=True)
    title = f"Universal approximation: {'the wider the network, the closer the fit' if closer else 'fits by width'}"
    rows = -(-len(fits) // 3)
    figure = new_figure(14.4, 3.4 * rows + 0.6, title)
    panels = figure.subplots(rows, 3, squeeze=False).flat
    for axes, (width, outputs) in zip(panels, fits.items(), strict=False):
        curves = {"the curve": (x, y), "the network": (x, outputs[:, 0])}
        lines(axes, curves, (GREY, BLUE), xlabel="input x", ylabel="output", ylim=(y.min() - 0.3, y.max() + 0.3))
        axes.set_title(f"{counted(width, 'hidden neuron')}: mean squared error {errors[width]:.2g}", fontsize=12)
    for axes in panels[len(fits) :]:
        axes.axis("off")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, edgecolor="none")
    save(figure, path)
