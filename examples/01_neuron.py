"""A neuron: it receives, weighs, sums, adds its bias and activates. And how it learns which weights to blame.

    python examples/01_neuron.py

A neuron decides whether to go for a walk. What it receives are numbers: how sunny it is, how windy, whether there is
company. Its weights say how much each of them matters, its bias how willing it is at all. Printed with numbers, and
drawn in neuron.png:

    receives     x1, x2, x3
    weighs       w1 x1, w2 x2, w3 x3
    sums         z = w1 x1 + w2 x2 + w3 x3 + b      with its bias b
    activates    a = sigma(z)                       sigma: the activation function
    costs        C = (a - y)²                       where y would have been right

Then backward() finds how the cost depends on each weight, and the chain rule says why: three factors, link by link,
dC/dw = x · sigma'(z) · 2(a - y).

activations.png shows activation functions and their slopes, which are the engine's gradients, not formulas;
weight_and_bias.png what weight and bias do to a neuron's answer.

    python examples/01_neuron.py --activation relu
    python examples/01_neuron.py --names tired late --inputs 0.8 0.3 --weights 2 -1 --bias 0.5 --target 1
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import helpers.first  # noqa: F401  before NumPy is imported

# isort: split

import numpy as np

import tinygrad_lecture as tl
from helpers.lecture import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    carry_out,
    command_line,
    new_figure,
    number,
    plain,
    positive,
    save,
    short,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Activation = Callable[[tl.Tensor], tl.Tensor]
ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": tl.sigmoid,
    "tanh": tl.tanh,
    "relu": tl.relu,
    "leaky-relu": tl.leaky_relu,
    "gelu": tl.gelu,
    "silu": tl.silu,
}


def neuron(x: tl.Tensor, w: tl.Tensor, b: tl.Tensor, activation: Activation) -> tuple[tl.Tensor, tl.Tensor]:
    """The weighted sum z and the activation a = sigma(z).  x, w: (n,), b: ()."""
    z = (w * x).sum() + b
    return z, activation(z)


@dataclass(frozen=True)
class Answer:
    """A neuron with what it received, and what came of it.  names: of the inputs.  sigma: the activation's name."""

    names: list[str]
    sigma: str
    x: tl.Tensor  # (n,)
    w: tl.Tensor  # (n,)
    b: tl.Tensor
    z: tl.Tensor
    a: tl.Tensor
    y: float
    cost: tl.Tensor

    def rows(self) -> list[tuple[str, float, float, float]]:
        """Name, input, weight and the weight's gradient; last the bias, a weight whose input is always 1."""
        inputs = zip(self.names, self.x.tolist(), self.w.tolist(), self.w.grad.tolist(), strict=True)
        return [*inputs, ("bias", 1.0, self.b.item(), self.b.grad.item())]


# --- the program --------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Run with command-line arguments. Where something is wrong with them, SystemExit says what."""
    parser = command_line("01_neuron.py", __doc__, "out/neuron")
    add = parser.add_argument_group("the neuron").add_argument
    add("--names", nargs="+", metavar="NAME", help="of the inputs (sunshine wind company)")
    add("--inputs", nargs="+", type=number, metavar="X", help="what it receives (0.9 0.6 0.4)")
    add("--weights", nargs="+", type=number, metavar="W", help="one for each input (3 -2 1.5)")
    add("--bias", type=number, default=-1.0, metavar="B", help="added to the sum (-1)")
    add("--activation", choices=ACTIVATIONS, default="sigmoid", help="sigma (sigmoid)")
    add("--target", type=number, default=0.0, metavar="Y", help="the answer that would have been right (0)")
    add("--rate", type=positive, default=1.0, metavar="R", help="how large a step it learns with (1)")
    options = parser.parse_args(arguments)
    complete(parser, options)
    carry_out(run, parser, options)


def complete(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Fill in what was not given, and end with a message if names, inputs and weights are not as many."""
    if options.names is None and options.inputs is None and options.weights is None:
        options.names, options.inputs = ["sunshine", "wind", "company"], [0.9, 0.6, 0.4]
        options.weights = [3.0, -2.0, 1.5]
    given = [values for values in (options.names, options.inputs, options.weights) if values is not None]
    n = len(given[0])
    if any(len(values) != n for values in given):
        parser.error("give as many --weights as --inputs, and as many --names, if any")
    draw = np.random.default_rng(options.seed)
    if options.inputs is None:
        options.inputs = draw.uniform(0, 1, n).round(2).tolist()
    if options.weights is None:
        options.weights = draw.uniform(-3, 3, n).round(2).tolist()
    if options.names is None:
        options.names = [f"x{i}" for i in range(1, n + 1)]


def run(options: argparse.Namespace) -> None:
    """Let the neuron answer, find out what its cost depends on, learn from it once, and draw."""
    activation = ACTIVATIONS[options.activation]
    x = tl.tensor(options.inputs, dtype=tl.float64)
    w = tl.tensor(options.weights, dtype=tl.float64, requires_grad=True)
    b = tl.tensor(options.bias, dtype=tl.float64, requires_grad=True)
    z, a = neuron(x, w, b, activation)
    cost = (a - options.target) ** 2
    answer = Answer(options.names, options.activation, x, w, b, z, a, options.target, cost)
    explain_forward(answer)

    (slope,) = tl.grad(a, z, retain_graph=True)  # sigma'(z), by the engine
    (blame,) = tl.grad(cost, a, retain_graph=True)  # 2(a - y)
    cost.backward()  # from here on w.grad and b.grad hold the gradients
    explain_backward(answer, slope.item(), blame.item())

    with tl.no_grad():  # a step against the gradient, so that the cost falls
        new_a = neuron(x, w - options.rate * w.grad, b - options.rate * b.grad, activation)[1]
        new_cost = (new_a - options.target) ** 2
    print(f"\nLearning: each weight goes against its slope, w - {options.rate:g} · dC/dw, and so does the bias.")
    answers = f"answer {short(a.item(), 4)} -> {short(new_a.item(), 4)}"
    print(f"  {answers}    cost {short(cost.item(), 4)} -> {short(new_cost.item(), 4)}")
    if new_cost.item() > cost.item():
        print("  The cost has risen: the step was too large. Try a smaller --rate.")

    print("\nPictures:")
    save(draw_neuron(answer), options.out / "neuron.png")
    save(draw_activations(), options.out / "activations.png")
    save(draw_weight_and_bias(), options.out / "weight_and_bias.png")


def explain_forward(answer: Answer) -> None:
    """Print how the answer comes about."""
    width = max(map(len, [*answer.names, "receives"]))
    print(f"A neuron\n\n  {'receives':{width + 8}} weighs         and sums")
    total = 0.0
    for name, x, w in zip(answer.names, answer.x.tolist(), answer.w.tolist(), strict=True):
        total += w * x
        print(f"  {name:{width}} {short(x, 2):>7} · {short(w, 2):>7} = {short(w * x):>8}   together {short(total):>8}")
    z, a = answer.z.item(), answer.a.item()
    print(f"  {'adds its bias':{width + 20}} {short(answer.b.item()):>8}          z = {short(z):>8}")
    print(f"  and activates: a = {answer.sigma}({short(z)}) = {short(a, 4)}")


def explain_backward(answer: Answer, slope: float, blame: float) -> None:
    """Print the cost, and how it depends on each weight: the chain rule beside what backward() found.

    slope: sigma'(z).  blame: how the cost changes with the answer, dC/da.
    """
    print(
        f"\nWhat would have been right: y = {answer.y:g}. So the cost is C = (a - y)² = {short(answer.cost.item(), 4)}."
    )
    print("\nHow much does the cost change with a weight? The chain rule goes back from the cost, link by link:\n")
    print(f"  cost with answer    dC/da = 2(a - y)        = {short(blame, 4):>8}")
    print(f"  answer with sum     da/dz = sigma'(z)       = {short(slope, 4):>8}")
    print("  sum with a weight   dz/dw = x               what the weight was multiplied with; 1 for the bias")
    width = max(map(len, [*answer.names, "bias"]))
    print(f"\n  {'':{width}}        x  · sigma'(z) · 2(a - y)  =    dC/dw    backward() says")
    for name, x, _, found in answer.rows():
        factors = f"{short(x, 2):>6}  ·  {short(slope, 4):>7}  · {short(blame, 4):>8}"
        print(f"  {name:{width}}   {factors}  = {short(x * slope * blame, 4):>8}   {short(found, 4):>8}")
    print("\n  A large input makes its weight matter more; where sigma is flat, no weight matters.")


# --- the pictures -------------------------------------------------------------------------------------------


def draw_neuron(answer: Answer) -> Figure:
    """The neuron with its numbers: forward in black, and what each weight does to the cost in orange."""
    rows = answer.rows()
    n = len(rows)
    figure = new_figure(11, max(3.8, n + 1.4), "A neuron: receives, weighs, sums, activates")
    axes = figure.subplots()
    axes.axis("off")
    axes.set(xlim=(-1.9, 9.4), ylim=(-1.0, n - 0.4), aspect="equal")
    middle = (n - 1) / 2
    largest = max(abs(w_i * x_i) for _, x_i, w_i, _ in rows) or 1.0
    for i, (name, x_i, w_i, gradient) in enumerate(rows):
        y = n - 1 - i
        up = w_i * x_i >= 0
        thickness = 1 + 6 * abs(w_i * x_i) / largest
        axes.plot([0.4, 3.5], [y, middle], color=BLUE if up else ORANGE, linewidth=thickness, alpha=0.7, zorder=1)
        _circle(axes, (0, y), 0.4, f"{x_i:.3g}")
        axes.text(-0.55, y, name, ha="right", va="center", fontsize=12)
        on_the_line = y + 0.25 * (middle - y)
        letter = "w" if i < n - 1 else "b"
        colour = BLUE if up else "#9A6B00"
        _label(axes, (1.25, on_the_line + 0.03), f"{letter} = {w_i:g}", va="bottom", color=colour, weight="bold")
        _label(axes, (1.25, on_the_line - 0.03), f"dC/d{letter} = {short(gradient)}", va="top", color=VERMILION)
    _circle(axes, (4, middle), 0.5, "Σ")
    axes.text(4, middle - 0.62, f"z = {short(answer.z.item())}", ha="center", va="top", fontsize=12)
    _arrow(axes, (4.5, middle), (5.3, middle))
    _arrow(axes, (6.9, middle), (7.6, middle))
    axes.text(7.7, middle, f"a = {short(answer.a.item())}", ha="left", va="center", fontsize=15, weight="bold")
    cost = f"cost (a − {answer.y:g})² = {short(answer.cost.item())}"
    axes.text(7.7, middle - 0.35, cost, ha="left", va="center", color=VERMILION)

    inset = axes.inset_axes((5.3, middle - 0.8, 1.6, 1.6), transform=axes.transData)
    reach = max(4.0, 1.4 * abs(answer.z.item()))
    zs = tl.linspace(-reach, reach, 200, dtype=tl.float64)
    inset.plot(zs.numpy(), ACTIVATIONS[answer.sigma](zs).numpy(), color=GREEN, linewidth=2)
    inset.plot([answer.z.item()], [answer.a.item()], "o", color=VERMILION, markersize=8)
    inset.set(xticks=[0], yticks=[0], title=answer.sigma)
    inset.tick_params(labelsize=8)
    inset.axhline(0, color=GREY, linewidth=0.5)
    inset.axvline(0, color=GREY, linewidth=0.5)
    note = (
        "Blue lines push the sum up, yellow ones down; the thicker, the more. Orange: how the cost changes with them."
    )
    axes.text(3.75, -0.95, note, ha="center", va="bottom", fontsize=9.5)
    return figure


def _label(axes: Axes, spot: tuple[float, float], text: str, **style: str) -> None:
    box = {"boxstyle": "square,pad=0.22", "facecolor": "white", "edgecolor": "none"}
    axes.text(*spot, text.replace("-", "−"), ha="center", fontsize=11, bbox=box, zorder=2, **style)


def _circle(axes: Axes, centre: tuple[float, float], radius: float, text: str) -> None:
    from matplotlib.patches import Circle

    axes.add_patch(Circle(centre, radius, facecolor="white", edgecolor="black", linewidth=1.5, zorder=2))
    axes.text(*centre, text, ha="center", va="center", fontsize=12 if len(text) < 6 else 9, zorder=3)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.5})


def curve(activation: Activation, reach: float = 5.0, points: int = 1000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(z, activation, slope) from -reach to reach, the slope as the engine's backward() finds it.

    One backward() finds the slopes at all points: each element of the sum depends on its own z alone.
    """
    z = tl.linspace(-reach, reach, points, dtype=tl.float64, requires_grad=True)
    a = activation(z)
    a.sum().backward()
    return z.detach().numpy(), a.detach().numpy(), z.grad.detach().numpy()


def softmax_of_two(z: tl.Tensor) -> tl.Tensor:
    """The first share of a softmax over the pair (z, 0)."""
    return tl.softmax(tl.stack([z, tl.zeros_like(z)], axis=-1), axis=-1)[:, 0]


def draw_activations() -> Figure:
    """Every activation with its slope, and all slopes in one."""
    figure = new_figure(14, 7, "Activation functions, and the slopes that backward() finds")
    panels: list[tuple[str, Activation, str]] = [
        ("sigmoid", tl.sigmoid, "between 0 and 1; its slope is ¼ at most"),
        ("tanh", tl.tanh, "between −1 and 1; slope 1 in the middle"),
        ("softmax of (z, 0)", softmax_of_two, "two outputs that sum to 1: a sigmoid"),
        ("ReLU", tl.relu, "slope 0 or 1, nothing between"),
        ("leaky ReLU, 0.1", lambda z: tl.leaky_relu(z, 0.1), "a negative sum still has a slope"),
        ("GELU", tl.gelu, "a ReLU with a soft corner"),
        ("SiLU", tl.silu, "softer still: z · sigmoid(z)"),
    ]
    grid = figure.subplots(2, 4).flat
    for axes, (name, activation, remark) in zip(grid, panels, strict=False):
        z, a, slope = curve(activation)
        plain(axes).axhline(0, color=GREY, linewidth=0.8)
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.plot(z, a, color=BLUE, linewidth=2.5, label="activation")
        if activation is softmax_of_two:
            axes.plot(z, 1 - a, color=SKY, linewidth=2, label="the other")
        axes.plot(z, _broken(slope), color=VERMILION, linewidth=2, linestyle="--", label="slope")
        axes.set(xlim=(-5, 5), ylim=(-1.25, 1.6) if a.max() < 1.5 else (-1.25, 3.2), xlabel="z")
        axes.set_title(f"{name}\n", weight="bold")
        axes.text(0.5, 1.03, remark, transform=axes.transAxes, ha="center", fontsize=10)
        axes.legend(frameon=False, fontsize=9, loc="lower right" if a.max() < 1.5 else "upper left")
    last = plain(figure.axes[-1])
    styles = (
        ("sigmoid", BLUE, "-"),
        ("tanh", GREEN, "-"),
        ("relu", "black", ":"),
        ("gelu", ORANGE, "-"),
        ("silu", PURPLE, "-"),
    )
    for name, colour, line in styles:
        z, _, slope = curve(ACTIVATIONS[name])
        last.plot(z, _broken(slope), color=colour, linestyle=line, linewidth=2, label=name)
    last.set(xlim=(-5, 5), ylim=(-0.2, 1.6), xlabel="z")
    last.set_title("the slopes side by side\n", weight="bold")
    last.text(
        0.5, 1.03, "each layer multiplies a gradient by its slope", transform=last.transAxes, ha="center", fontsize=10
    )
    last.legend(frameon=False, fontsize=9, loc="upper left")
    return figure


def _broken(slope: np.ndarray) -> np.ndarray:
    """A slope with a gap where it jumps, so that no line is drawn there."""
    jumps = np.abs(np.diff(slope, prepend=slope[0])) > 0.5
    return np.where(jumps, np.nan, slope)


def draw_weight_and_bias() -> Figure:
    """What weight and bias do to a sigmoid neuron with one input, and what two weights do with two inputs."""
    figure = new_figure(14, 4.8, "The weight says how steep, the bias says where")
    left, middle, right = figure.subplots(1, 3)
    x = tl.linspace(-6, 6, 300, dtype=tl.float64)
    colours = (SKY, BLUE, GREEN, ORANGE, VERMILION)
    for w, colour in zip((0.5, 1, 2, 8, -1), colours, strict=True):
        left.plot(x.numpy(), tl.sigmoid(w * x).numpy(), color=colour, linewidth=2, label=f"w = {w:g}".replace("-", "−"))
    for b, colour in zip((-8, -4, 0, 4, 8), colours, strict=True):
        middle.plot(x.numpy(), tl.sigmoid(2 * x + b).numpy(), color=colour, linewidth=2)
        middle.plot([-b / 2], [0.5], "o", color=colour)
        middle.annotate(f"b = {b:g}".replace("-", "−"), (-b / 2, 0.5), (7, -4), textcoords="offset points", fontsize=9)
    left.set(title="a = σ(w x): a large weight makes a switch,\na negative one turns it round", xlabel="x", ylabel="a")
    middle.set(title="a = σ(2 x + b): the bias moves it,\nto where w x + b = 0, x = −b/w", xlabel="x", ylabel="a")
    plain(left).legend(frameon=False)
    plain(middle)

    w, b = tl.tensor([1.5, 0.8], dtype=tl.float64), -1.0
    side = tl.linspace(-4, 4, 161, dtype=tl.float64)
    z = w[0] * side + w[1] * side[:, None] + b  # (161, 161): x2 down, x1 across
    filled = right.contourf(side.numpy(), side.numpy(), tl.sigmoid(z).numpy(), np.linspace(0, 1, 11), cmap="cividis")
    right.contour(side.numpy(), side.numpy(), z.numpy(), [0], colors="white", linewidths=2)
    start = (-b * w / (w * w).sum()).numpy()  # the point of the line z = 0 that is nearest to the origin
    right.annotate("", start + w.numpy(), start, arrowprops={"arrowstyle": "-|>", "color": "white", "linewidth": 2.5})
    right.text(*(start + w.numpy() + 0.1), "w", color="black", fontsize=14, weight="bold")
    right.text(-1.35, 3.3, "z = 0", color="white", fontsize=12, ha="right")
    right.set(
        title="Two inputs: a straight line divides them,\nand w points to where a grows",
        xlabel="x1",
        ylabel="x2",
        aspect="equal",
    )
    figure.colorbar(filled, ax=right, label="a", ticks=[0, 0.5, 1], shrink=0.85)
    return figure


if __name__ == "__main__":
    main()
