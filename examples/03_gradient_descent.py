"""Gradient descent: the cost as a landscape, ways down into its valley, and what a wider network can reach there.

    python examples/03_gradient_descent.py

Two numbers to learn, w and b of a line y = w x + b through noisy points, make a landscape that can be drawn: the cost
of each line is a height. Gradient descent walks down, each step against the gradient: p <- p - rate · dC/dp.

    landscape.png       every line is a point of the landscape, and the best line its lowest
    descents.png        batch, mini-batch and stochastic descent: a step after all points, after some, after one
    rates.png           learning rates too small, fitting, and too large
    approximation.png   universal approximation: the wider a network, the better it fits a curve

Where the rate becomes too large follows from the landscape's curvature: this one's is the same everywhere, the Hessian
H, and steps grow without end once the rate is above 2 / (H's largest eigenvalue).

    python examples/03_gradient_descent.py --rate 0.05 --batch 4
    python examples/03_gradient_descent.py --rates 0.01 0.1 0.5
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import helpers.first  # noqa: F401  before NumPy is imported

# isort: split

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers.lecture import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILION,
    carry_out,
    command_line,
    new_figure,
    plain,
    positive,
    save,
    short,
    whole,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

START = (-1.8, -0.6)  # where all descents begin: w, b

# --- the model and its cost ---------------------------------------------------------------------------------


def noisy_points(n: int = 40) -> nn.TensorDataset:
    """n points near a line: x and y, (n,) each."""
    x = -0.5 + 2.5 * tl.rand(n, dtype=tl.float64)
    y = 1.2 * x - 0.4 + 0.5 * tl.randn(n, dtype=tl.float64)
    return nn.TensorDataset(x, y)


def cost(w: tl.Tensor, b: tl.Tensor, x: tl.Tensor, y: tl.Tensor) -> tl.Tensor:
    """The mean squared distance of the line w x + b from points (n,); of many lines, if w and b are (..., 1)."""
    return ((w * x + b - y) ** 2).mean(axis=-1)


@dataclass(frozen=True)
class Descent:
    """A way down: where it went, how high it was there, and how many points it had looked at by then."""

    label: str
    rate: float
    path: np.ndarray  # (steps + 1, 2): w, b
    costs: np.ndarray  # (steps + 1,)
    seen: np.ndarray  # (steps + 1,)

    @property
    def climbed(self) -> bool:
        """Whether it ended higher than it began."""
        return not self.costs[-1] <= self.costs[0]  # also if it is nan

    @property
    def rises(self) -> float:
        """How much it trembled: all that it went up, in the logarithm of the cost."""
        return float(np.maximum(np.diff(np.log(self.costs)), 0).sum())

    @property
    def drawn(self) -> np.ndarray:
        """The costs where a picture can still have them, (steps + 1,)."""
        return np.nan_to_num(np.minimum(self.costs, 1e100), nan=1e100)

    def seen_until(self, height: float) -> float:
        """How many points it had looked at when it first was so low; inf if it never was."""
        low = np.flatnonzero(self.costs < height)
        return float(self.seen[low[0]]) if len(low) else math.inf


def descend(points: nn.TensorDataset, label: str, rate: float, batch: int, steps: int) -> Descent:
    """Gradient descent from START, each step after a batch of so many points in random order.

    Ends early where the cost has grown so much that nothing is to be hoped for.
    """
    w = tl.tensor(START[0], dtype=tl.float64, requires_grad=True)
    b = tl.tensor(START[1], dtype=tl.float64, requires_grad=True)
    optimizer = nn.optim.SGD([w, b], lr=rate)
    batches = endless(nn.DataLoader(points, batch, shuffle=True))
    path, heights = [START], [cost(w, b, *points.tensors).item()]
    with np.errstate(over="ignore", invalid="ignore"):  # a rate may be too large for any number
        for _ in range(steps):
            optimizer.zero_grad()
            cost(w, b, *next(batches)).backward()
            optimizer.step()  # p <- p - rate · dC/dp
            path.append((w.item(), b.item()))
            heights.append(cost(w, b, *points.tensors).item())
            if not heights[-1] < 1e6 * heights[0]:
                break
    return Descent(label, rate, np.array(path), np.array(heights), batch * np.arange(len(path)))


def endless(loader: nn.DataLoader) -> Iterator[tuple[tl.Tensor, tl.Tensor]]:
    """The loader's batches, epoch after epoch."""
    while True:
        yield from loader


@dataclass(frozen=True)
class Valley:
    """The lowest point of the landscape, its height, and how strongly the landscape is curved, most and least."""

    w: float
    b: float
    cost: float
    steepest: float
    flattest: float


def survey(points: nn.TensorDataset) -> Valley:
    """Find the valley by calculation, to compare with: where the Hessian H is the same everywhere, the lowest point is
    one step of Newton's away, p - H⁻¹ dC/dp, from anywhere."""

    def height(p: tl.Tensor) -> tl.Tensor:
        return cost(p[0], p[1], *points.tensors)

    start = tl.tensor(START, dtype=tl.float64)
    hessian = tl.func.hessian(height)(start).numpy()  # (2, 2)
    lowest = start.numpy() - np.linalg.solve(hessian, tl.func.grad(height)(start).numpy())
    flattest, steepest = np.linalg.eigvalsh(hessian).tolist()
    return Valley(*lowest.tolist(), height(tl.tensor(lowest)).item(), steepest, flattest)


# --- universal approximation --------------------------------------------------------------------------------


def wiggly(x: tl.Tensor) -> tl.Tensor:
    """A curve without a simple pattern."""
    return 0.6 * tl.sin(5 * x) * tl.exp(-0.4 * x) + 0.4 * tl.sin(11 * x + 1)


@dataclass(frozen=True)
class Fit:
    """A network of one hidden layer that has learnt the curve: how wide it is, how it fits, and its hidden neurons."""

    width: int
    parameters: int
    outputs: np.ndarray  # (n,)
    parts: np.ndarray  # (n, width): what each hidden neuron adds to the output
    error: float  # the mean squared error


def fit_curve(width: int, x: tl.Tensor, y: tl.Tensor, steps: int) -> Fit:
    """Train 1-width-1, tanh between, on a curve given by its points x, y, (n, 1)."""
    model = nn.MLP([1, width, 1], nn.Tanh)
    hidden, _, last = model
    nn.init.uniform_(hidden.weight, -6, 6)  # each neuron is a step, up or down, more or less steep
    with tl.no_grad():  # and where it is, -b/w, is drawn from all over the interval
        hidden.bias.copy_(hidden.weight[:, 0] * (2 * tl.rand(width) - 1))
    optimizer = nn.optim.Adam(model.parameters(), lr=0.03)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.015 * (1 + math.cos(math.pi * step / steps))  # down to 0 at the end
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
    with tl.no_grad():
        outputs = model(x)
        parts = tl.tanh(hidden(x)) * last.weight
        error = nn.functional.mse_loss(outputs, y).item()
    return Fit(width, sum(p.numel() for p in model.parameters()), outputs[:, 0].numpy(), parts.numpy(), error)


# --- the program --------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Run with command-line arguments. Where something is wrong with them, SystemExit says what."""
    parser = command_line("03_gradient_descent.py", __doc__, "out/gradient_descent")
    add = parser.add_argument_group("the descents").add_argument
    add("--steps", type=whole(1), default=60, metavar="N", help="of each descent (60)")
    add(
        "--rate",
        type=positive,
        metavar="R",
        help="of batch, mini-batch and stochastic descent (0.5 / largest curvature)",
    )
    add("--batch", type=whole(1), default=8, metavar="N", help="points in a mini-batch, of 40 (8)")
    add("--rates", type=positive, nargs=3, metavar="R", help="to compare (by the curvature: 0.02, 1 and 2.1 / largest)")
    add = parser.add_argument_group("universal approximation").add_argument
    add(
        "--widths",
        type=whole(1),
        nargs="+",
        default=[1, 2, 4, 16, 64],
        metavar="N",
        help="hidden neurons (1 2 4 16 64)",
    )
    add("--fit-steps", type=whole(1), default=1500, metavar="N", help="of training for each network (1500)")
    add("--tries", type=whole(1), default=3, metavar="N", help="random beginnings, of which the best counts (3)")
    options = parser.parse_args(arguments)
    if options.batch > 40:
        parser.error("there are 40 points, so a --batch has 40 at most")
    carry_out(run, parser, options)


def run(options: argparse.Namespace) -> None:
    """Survey the landscape, descend into it in several ways, fit a curve, and draw."""
    tl.manual_seed(options.seed)
    points = noisy_points()
    valley = survey(points)
    print(f"The landscape: the cost of every line y = w x + b, as its mean squared distance from {len(points)} points.")
    print(f"  lowest at w = {valley.w:.3f}, b = {valley.b:.3f}: cost {valley.cost:.4f}, for the points are noisy")
    print(
        f"  curvature {valley.flattest:.3f} to {valley.steepest:.3f}: rates above {2 / valley.steepest:.3f} diverge\n"
    )

    n, rate = len(points), options.rate or 0.5 / valley.steepest
    sizes = {"batch": n, "mini-batch": options.batch, "stochastic": 1}
    print(f"Batch, mini-batch and stochastic descent, {steps_of(options.steps)} each at rate {rate:.3g}:")
    print("               points per step   cost at the end   points seen until within 10% of the lowest cost")
    descents = []
    for label, size in sizes.items():
        descents.append(descent := descend(points, label, rate, size, options.steps))
        seen = descent.seen_until(1.1 * valley.cost)
        told = f"{seen:,.0f}" if math.isfinite(seen) else "not reached"
        print(f"  {label:12} {size:15} {short(descent.costs[-1], 4):>17}   {told:>14}")
    print(f"  {comparison(descents, valley)}\n")

    rates = options.rates or [factor / valley.steepest for factor in (0.02, 1, 2.1)]
    print(f"Learning rates, batch descent, {steps_of(options.steps)}:")
    trials = []
    for rate in rates:
        trials.append(trial := descend(points, f"rate {rate:.3g}", rate, n, options.steps))
        print(f"  {trial.label:12} cost {trial.costs[0]:.2f} -> {trial.costs[-1]:.4g}: {verdict(trial, valley)}")

    print("\nUniversal approximation: a hidden layer of tanh neurons learns a curve.")
    print("  width   parameters   mean squared error   largest error")
    x = tl.linspace(-1, 1, 200).reshape(-1, 1)
    y = wiggly(x)
    fits = []
    for width in sorted(set(options.widths)):
        tries = [fit_curve(width, x, y, options.fit_steps) for _ in range(options.tries)]
        fits.append(fit := min(tries, key=lambda fit: fit.error))
        largest = np.abs(fit.outputs - y[:, 0].numpy()).max()
        print(f"  {width:5} {fit.parameters:12,} {fit.error:20.6f} {largest:15.4f}", flush=True)
    beginnings = f"{options.fit_steps:,} steps of Adam, the best of {options.tries} beginnings"
    print(f"  {beginnings}, since narrow networks often get stuck.")
    print("  The theorem: a network wide enough can be as near as one likes. That training finds it, it does not say.")

    print("\nPictures:")
    save(draw_landscape(points, valley), options.out / "landscape.png")
    save(draw_descents(points, valley, descents), options.out / "descents.png")
    save(draw_rates(points, valley, trials), options.out / "rates.png")
    save(draw_approximation(x[:, 0].numpy(), y[:, 0].numpy(), fits), options.out / "approximation.png")


def lowest(values: dict[str, float]) -> str | None:
    """The name of the lowest value; None if several are as low."""
    names = [name for name, value in values.items() if value == min(values.values())]
    return names[0] if len(names) == 1 else None


def smoothest(descents: Sequence[Descent]) -> str | None:
    """The descent that trembled least, if there is one."""
    return lowest({descent.label: descent.rises for descent in descents})


def fastest(descents: Sequence[Descent], valley: Valley) -> str | None:
    """The descent that was down in the valley after the fewest points, if there is one."""
    return lowest({descent.label: descent.seen_until(1.1 * valley.cost) for descent in descents})


def climbs(descents: Sequence[Descent]) -> str:
    """A sentence about the descents that went up in the end; nothing if none did."""
    labels = " and ".join(descent.label for descent in descents if descent.climbed)
    return f"In {labels} descent the cost ends higher than it began" if labels else ""


def comparison(descents: Sequence[Descent], valley: Valley) -> str:
    """What is to be seen in descents side by side, in words."""
    if climbs(descents):
        return f"{climbs(descents)}: try a smaller --rate."
    smooth, fast = smoothest(descents), fastest(descents, valley)
    found = [f"{smooth} descent trembles least"] if smooth else []
    found += [f"{fast} descent is down after the fewest points"] if fast else []
    sentence = ", ".join(found) or "at this rate, and in so few steps, there is little between them"
    return f"{sentence[0].upper()}{sentence[1:]}."


def verdict(descent: Descent, valley: Valley) -> str:
    """How well a learning rate fits, in words."""
    if descent.climbed:
        return "too large, each step overshoots and climbs"
    if descent.costs[-1] <= 1.1 * valley.cost:
        return "fitting, down in the valley"
    if descent.rate > 1 / valley.steepest:  # further than to the lowest point on the steepest way
        return "large, each step crosses the valley"
    return f"too small for {steps_of(len(descent.path) - 1)}, still on the way"


def steps_of(n: int) -> str:
    """So many steps, in words."""
    return f"{n} step{'s' * (n > 1)}"


# --- the pictures -------------------------------------------------------------------------------------------


def grid_of(points: nn.TensorDataset, valley: Valley) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The landscape on a grid around the valley, wide enough for the start: w (n,), b (n,), cost (n, n)."""
    reach = 1.25 * max(abs(START[0] - valley.w), abs(START[1] - valley.b))
    w = tl.linspace(valley.w - reach, valley.w + reach, 161, dtype=tl.float64)
    b = tl.linspace(valley.b - reach, valley.b + reach, 161, dtype=tl.float64)
    heights = cost(w[:, None], b[:, None, None], *points.tensors)  # (b, w)
    return w.numpy(), b.numpy(), heights.numpy()


def draw_contours(axes: Axes, points: nn.TensorDataset, valley: Valley) -> None:
    """The landscape from above: the lighter, the lower; a cross at the lowest point."""
    w, b, heights = grid_of(points, valley)
    levels = np.geomspace(valley.cost, heights.max(), 16)
    axes.contourf(w, b, np.log(heights), np.log(levels), cmap="Greys", vmax=2.2 * np.log(levels[-1]))
    axes.contour(w, b, np.log(heights), np.log(levels), colors="white", linewidths=0.6)
    axes.plot(valley.w, valley.b, "+", color="black", markersize=14, markeredgewidth=2, zorder=5)
    axes.set(xlim=(w[0], w[-1]), ylim=(b[0], b[-1]), xlabel="w", ylabel="b", aspect="equal")


def draw_landscape(points: nn.TensorDataset, valley: Valley) -> Figure:
    """Three lines among the points, and where they are in the landscape: as a surface, and from above."""
    figure = new_figure(15, 5.2, "Every line is a point of the cost landscape, and the best line its lowest")
    left = plain(figure.add_subplot(1, 3, 1))
    middle = figure.add_subplot(1, 3, 2, projection="3d")
    right = figure.add_subplot(1, 3, 3)
    x, y = (t.numpy() for t in points.tensors)
    left.plot(x, y, "o", color=GREY, markersize=5)
    w, b, heights = grid_of(points, valley)
    rim = 1.4 * cost(tl.tensor(START[0]), tl.tensor(START[1]), *points.tensors).item()
    bowl = np.where(heights < rim, heights, np.nan)  # cut off where it would hide the valley
    mesh = {"rcount": 40, "ccount": 40, "edgecolor": "white", "linewidth": 0.4, "alpha": 0.8}
    middle.plot_surface(w, b[:, None], bowl, color="#b9c7d6", **mesh)
    middle.set(xlabel="w", zlabel="cost")
    middle.set_ylabel("b", labelpad=12)
    middle.set_zticks(range(0, int(rim) + 1, 5))
    middle.view_init(elev=45, azim=-75)  # w from left to right, b from the front to the back, as on the map
    draw_contours(right, points, valley)
    lines = (("start", *START, VERMILION), ("halfway", *_halfway(valley), ORANGE), ("best", valley.w, valley.b, BLUE))
    for name, slope, offset, colour in lines:
        height = cost(tl.tensor(slope), tl.tensor(offset), *points.tensors).item()
        formula = f"y = {slope:.1f} x {'−' if offset < 0 else '+'} {abs(offset):.1f}".replace("-", "−")
        left.axline((0, offset), slope=slope, color=colour, linewidth=2, label=f"{name}: {formula}, cost {height:.2f}")
        middle.plot([slope], [offset], [height], "o", color=colour, markersize=9, zorder=10)
        right.plot(slope, offset, "o", color=colour, markersize=9)
        right.annotate(name, (slope, offset), (9, 5), textcoords="offset points", color="black")
    left.set(xlabel="x", ylabel="y", xlim=(-0.7, 2.2), ylim=(y.min() - 1.5, y.max() + 2))
    left.set_title("the points and three lines")
    left.legend(frameon=False, fontsize=9, loc="upper center")
    middle.set_title("the cost of every line")
    right.set_title("the same from above: lighter is lower")
    return figure


def _halfway(valley: Valley) -> tuple[float, float]:
    return (START[0] + valley.w) / 2, (START[1] + valley.b) / 2


def draw_descents(points: nn.TensorDataset, valley: Valley, descents: Sequence[Descent]) -> Figure:
    """The three paths on one landscape; the cost by step, and by points looked at."""
    rises = [descent.rises for descent in descents]
    title = climbs(descents) or "Batch, mini-batch and stochastic descent"
    if rises == sorted(set(rises)) and not climbs(descents):
        title = "The fewer points a step looks at, the more it trembles, and the less it costs"
    figure = new_figure(14, 7, title)
    grid = figure.add_gridspec(2, 2, width_ratios=[1.35, 1])
    landscape = figure.add_subplot(grid[:, 0])
    draw_contours(landscape, points, valley)
    above, below = plain(figure.add_subplot(grid[0, 1])), plain(figure.add_subplot(grid[1, 1]))
    for descent, colour in zip(reversed(descents), (ORANGE, GREEN, BLUE), strict=True):
        landscape.plot(*descent.path.T, ".-", color=colour, linewidth=1.5, markersize=5, label=descent.label)
        above.plot(descent.drawn, color=colour, linewidth=2, label=descent.label)
        below.plot(descent.seen[1:], descent.drawn[1:], ".-", color=colour, linewidth=2, label=descent.label)
    for axes in (above, below):
        axes.set(yscale="log", ylabel="cost of all points")
        axes.axhline(valley.cost, color="black", linewidth=0.8, linestyle=":")
        plain_numbers(axes)
    landscape.annotate("start", START, (-8, 8), textcoords="offset points", ha="right")
    landscape.set_title(f"{steps_of(len(descents[0].path) - 1)} of each, rate {descents[0].rate:.3g}")
    landscape.legend(loc="lower right")
    smooth, fast = (None, None) if climbs(descents) else (smoothest(descents), fastest(descents, valley))
    above.set_title(f"step by step, {smooth} descent is the smoothest" if smooth else "step by step")
    above.set_xlabel("step")
    above.xaxis.get_major_locator().set_params(integer=True)
    below.set_title(f"point by point, {fast} descent is the fastest" if fast else "point by point")
    below.set(xscale="log", xlabel="points looked at")
    return figure


def plain_numbers(axes: Axes) -> None:
    """Marks such as 0.5, 1, 2, 5 on a short logarithmic y axis, where matplotlib would write powers of ten."""
    low, high = axes.get_ylim()
    if high > 1e3 * low:
        return
    axes.set_yticks([k * 10.0**e for e in range(-3, 4) for k in (1, 2, 3, 5) if low <= k * 10.0**e <= high])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()


EFFECTS = {  # of learning rates, by how the verdict on them begins
    "too small": "too small a rate creeps",
    "large": "a large rate crosses the valley",
    "too large": "too large a rate leaps out of the valley",
}


def draw_rates(points: nn.TensorDataset, valley: Valley, trials: Sequence[Descent]) -> Figure:
    """The paths of the learning rates on the landscape, and their costs."""
    verdicts = [verdict(trial, valley) for trial in trials]
    seen = [words for start, words in EFFECTS.items() if any(text.startswith(start) for text in verdicts)]
    title = ", ".join(seen) or "each of these rates leads into the valley"
    figure = new_figure(14, 6.5, f"{title[0].upper()}{title[1:]}")
    landscape, right = figure.subplots(1, 2, width_ratios=[1.2, 1])
    draw_contours(landscape, points, valley)
    plain(right)
    for trial, text, colour in zip(trials, verdicts, (BLUE, GREEN, VERMILION), strict=True):
        label = f"{trial.label}: {text.split(',')[0]}"
        landscape.plot(*trial.path.T, ".-", color=colour, linewidth=1.5, markersize=5, label=label)
        right.plot(trial.drawn, color=colour, linewidth=2.5, label=label)
    landscape.annotate("start", START, (-8, 8), textcoords="offset points", ha="right")
    landscape.set_title("batch descent")
    landscape.legend(loc="lower right")
    right.axhline(valley.cost, color="black", linewidth=0.8, linestyle=":")
    right.annotate("the lowest there is", (0, valley.cost), (0, -12), textcoords="offset points", fontsize=9)
    right.set(yscale="log", xlabel="step", ylabel="cost")
    right.xaxis.get_major_locator().set_params(integer=True)
    plain_numbers(right)
    right.set_title(f"above {2 / valley.steepest:.3g} = 2 / (largest curvature) the cost grows")
    return figure


def draw_approximation(x: np.ndarray, y: np.ndarray, fits: Sequence[Fit]) -> Figure:
    """A panel per width with the curve, the fit and the hidden neurons' shares in it; then error against width."""
    columns = min(3, len(fits) + 1)
    rows = -(-(len(fits) + 1) // columns)
    figure = new_figure(
        4.8 * columns, 3.5 * rows + 0.6, "Universal approximation: the more neurons, the closer the fit"
    )
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, fit in zip(panels, fits, strict=False):
        plain(axes)
        if fit.width <= 4:
            for k in range(fit.width):
                axes.plot(
                    x,
                    fit.parts[:, k],
                    color=ORANGE,
                    linewidth=1.2,
                    alpha=0.8,
                    label="each neuron's share" if k == 0 else None,
                )
        axes.plot(x, y, color=GREY, linewidth=5, alpha=0.5, label="the curve")
        axes.plot(x, fit.outputs, color=BLUE, linewidth=2, label="the network")
        margin = 0.35 * (y.max() - y.min())
        axes.set(xlim=(-1, 1), ylim=(y.min() - margin, y.max() + margin))
        axes.set_title(f"{fit.width} hidden neuron{'s' * (fit.width > 1)}: error {fit.error:.2g}")
        axes.set_xticks([-1, -0.5, 0, 0.5, 1])
        axes.legend(fontsize=8, loc="upper center", ncols=3, edgecolor="none", framealpha=0.85)
    last = plain(panels[len(fits)])
    last.plot([fit.width for fit in fits], [fit.error for fit in fits], "o-", color=VERMILION, linewidth=2)
    last.set(xscale="log", yscale="log", xlabel="hidden neurons", ylabel="mean squared error")
    last.set_xticks([fit.width for fit in fits], [str(fit.width) for fit in fits])
    last.minorticks_off()
    last.set_title("the error against the width")
    for axes in panels[len(fits) + 1 :]:
        axes.axis("off")
    return figure


if __name__ == "__main__":
    main()
