"""Backpropagation, step by step: a small network forward, then back from the cost to every weight.

    python examples/04_backprop.py

The network has two inputs, two hidden neurons and one output. Each layer weighs, sums and activates, and the cost
compares its answer with the one wanted:

    s1 = W1 a0      z1 = s1 + b1      a1 = sigma(z1)            the first layer
    s2 = W2 a1      z2 = s2 + b2      a2 = sigma(z2)            the second layer
    e = a2 - y      C = e²                                      the cost

The engine computes it with ordinary Tensors while a tl.Graph watches. What is printed is what the graph has seen: the
values on the way forward; then the gradients in the order in which backward() goes from op to op, each step handing on
what it received times its own local derivative. That is the chain rule, and there is no more to backpropagation.

At the end each gradient is found in three ways, which agree: by the lecture's formula, dC/dw = a · sigma'(z) · dC/da;
by backward(); and by trying, (C(w + h) - C(w - h)) / 2h.

    graph.png       the computation graph: values flow down, gradients flow back up
    network.png     the network, with its activations, weights and gradients

    python examples/04_backprop.py --layers 1 1 1 1 --activation tanh       # the simplest chain
    python examples/04_backprop.py --layers 2 3 2 --inputs 1 -0.5 --target 1 0
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import helpers.first  # noqa: F401  before NumPy is imported

# isort: split

import numpy as np

import tinygrad_lecture as tl
from helpers.lecture import (
    BLUE,
    ORANGE,
    VERMILION,
    carry_out,
    command_line,
    new_figure,
    number,
    positive,
    save,
    short,
    whole,
)
from tinygrad_lecture.inspect.drawing import draw_graph
from tinygrad_lecture.inspect.graph import Vertex, in_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Activation = Callable[[tl.Tensor], tl.Tensor]
ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": tl.sigmoid,
    "tanh": tl.tanh,
    "relu": tl.relu,
    "gelu": tl.gelu,
    "silu": tl.silu,
}

# --- the network --------------------------------------------------------------------------------------------


def make_parameters(layers: Sequence[int]) -> dict[str, tl.Tensor]:
    """W1, b1, W2, b2, ...: random, with one decimal, to follow by hand. W: (neurons, inputs), b: (neurons,)."""
    parameters = {}
    for layer, (n_in, n_out) in enumerate(pairwise(layers), start=1):
        for name, size in ((f"W{layer}", (n_out, n_in)), (f"b{layer}", (n_out,))):
            drawn = tl.randn(*size, dtype=tl.float64).clip(-2, 2).numpy().round(1)
            parameters[name] = tl.tensor(drawn, requires_grad=True)
    return parameters


def forward(
    parameters: dict[str, tl.Tensor], a0: tl.Tensor, y: tl.Tensor, activation: Activation
) -> dict[str, tl.Tensor]:
    """All values on the way from a0 to the cost C, by their names in the lecture."""
    values = {"a0": a0, "y": y}
    a = a0
    depth = len(parameters) // 2
    for layer in range(1, depth + 1):
        s = parameters[f"W{layer}"] @ a
        z = s + parameters[f"b{layer}"]
        a = activation(z)
        values |= {f"s{layer}": s, f"z{layer}": z, f"a{layer}": a}
    e = a - y
    squares = e**2
    values["e"] = e
    if len(squares) == 1:
        values["C"] = squares  # one output: its square is the cost already
    else:
        values["squares"], values["C"] = squares, squares.sum()
    return values


def cost(parameters: dict[str, tl.Tensor], a0: tl.Tensor, y: tl.Tensor, activation: Activation) -> float:
    """The cost alone, as a number."""
    with tl.no_grad():
        return forward(parameters, a0, y, activation)["C"].item()


def by_trying(
    name: str, index: tuple[int, ...], parameters: dict[str, tl.Tensor], *rest: tl.Tensor | Activation
) -> float:
    """One parameter's gradient by trying: how the cost changes when it is a little larger, and a little smaller."""
    h = 1e-6
    costs = []
    for shift in (h, -h):
        moved = parameters[name].detach().clone()
        moved[index] += shift
        costs.append(cost({**parameters, name: moved}, *rest))
    return (costs[0] - costs[1]) / (2 * h)


# --- the program --------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Run with command-line arguments. Where something is wrong with them, SystemExit says what."""
    parser = command_line("04_backprop.py", __doc__, "out/backprop")
    add = parser.add_argument_group("the network").add_argument
    add(
        "--layers",
        type=whole(1),
        nargs="+",
        default=[2, 2, 1],
        metavar="N",
        help="inputs, then neurons per layer (2 2 1)",
    )
    add("--activation", choices=ACTIVATIONS, default="sigmoid", help="sigma (sigmoid)")
    add("--inputs", type=number, nargs="+", metavar="X", help="a0 (random; 0.5 0.9 for the usual network)")
    add("--target", type=number, nargs="+", metavar="Y", help="y, the wanted outputs (1 for each)")
    add("--rate", type=positive, default=1.0, metavar="R", help="of the step downhill at the end (1)")
    options = parser.parse_args(arguments)
    if not 2 <= len(options.layers) <= 7 or max(options.layers) > 8:
        parser.error("--layers: the number of inputs, then 1 to 6 layers; to be printed, none of more than 8")
    n_in, n_out = options.layers[0], options.layers[-1]
    if options.inputs is None:
        draw = np.random.default_rng(options.seed)
        options.inputs = [0.5, 0.9] if n_in == 2 else draw.uniform(0, 1, n_in).round(1).tolist()
    if options.target is None:
        options.target = [1.0] * n_out
    if len(options.inputs) != n_in or len(options.target) != n_out:
        parser.error(f"layers of {options.layers} need {n_in} --inputs and {n_out} --target")
    carry_out(run, parser, options)


def run(options: argparse.Namespace) -> None:
    """Compute forward and backward while a graph watches, and tell and draw what it has seen."""
    tl.manual_seed(options.seed)
    activation = ACTIVATIONS[options.activation]
    parameters = make_parameters(options.layers)
    a0 = tl.tensor(options.inputs, dtype=tl.float64)
    y = tl.tensor(options.target, dtype=tl.float64)

    with tl.Graph() as graph:
        values = forward(parameters, a0, y, activation)
        values["C"].backward()
    graph.name({**parameters, **values})

    print(f"A network of {'-'.join(map(str, options.layers))} neurons, sigma = {options.activation}.\n")
    tell_forward(graph)
    tell_backward(graph, activation)
    compare(parameters, values, graph, a0, y, activation)

    with tl.no_grad():
        moved = {name: p - options.rate * p.grad for name, p in parameters.items()}
    before, after = values["C"].item(), cost(moved, a0, y, activation)
    print(f"\nA step downhill, every parameter - {options.rate:g} · its gradient: cost {before:.6f} -> {after:.6f}")
    if after > before:
        print("  The cost has risen: the step was too large. Try a smaller --rate.")

    print("\nPictures:")
    path = options.out / "network.png"
    save(draw_network(options.layers, parameters, values, graph), path)
    graph.name({in_lecture(name): tensor for name, tensor in {**parameters, **values}.items()})
    path = options.out / "graph.png"
    draw_graph(graph, path, "The computation graph of a network and its cost")
    print(f"  {path}")


def in_lecture(name: str) -> str:
    """A name as the lecture writes it, for matplotlib: W1 is W with a (1) above."""
    return f"${name[0]}^{{({name[1:]})}}$" if name[1:].isdigit() else name if len(name) > 1 else f"${name}$"


# --- in words -----------------------------------------------------------------------------------------------

FORWARD = {
    "matmul": "weighs and sums",
    "add": "adds the bias",
    "sub": "compares with what was wanted",
    "pow": "squares",
    "sum": "adds the squares of all outputs",
}


def tell_forward(graph: tl.Graph) -> None:
    """Print every value in the order of computing."""
    print("Forward: each layer weighs, sums and activates.\n")
    for vertex in graph:
        if vertex.op is None:
            kind = "learnt" if vertex.requires_grad else "given"
            print(f"       {vertex!s:4} {kind:16} {in_line(vertex.value, 64)}")
    print()
    for step, vertex in enumerate((v for v in graph if v.op is not None), start=1):
        words = FORWARD.get(vertex.op or "", "activates")
        print(f"  {step:2}.  {f'{vertex} = {written(vertex)}':21} {in_line(vertex.value, 64):32} {words}")


def written(vertex: Vertex) -> str:
    """A vertex's formula as the lecture writes it."""
    if vertex.op == "matmul":
        return f"{vertex.inputs[0]} {vertex.inputs[1]}"
    if vertex.op == "pow":
        return f"{vertex.inputs[0]}²"
    return vertex.formula if vertex.op in ("add", "sub", "sum") else f"sigma({vertex.inputs[0]})"


def tell_backward(graph: tl.Graph, activation: Activation) -> None:
    """Print backward's steps in its own order: what each op receives, its local derivative, what it hands on."""
    print("\nBackward: from the cost back. Each step hands on what it receives, times its local derivative.\n")
    number_of = {id(v): step for step, v in enumerate((v for v in graph if v.op is not None), start=1)}
    for vertex in graph.visited:
        start = "   where backward begins" if vertex is graph.visited[0] else ""
        print(f"  {number_of[id(vertex)]:2}.  {vertex} = {written(vertex)}")
        print(f"         receives {f'dC/d{vertex}':7} = {in_line(vertex.grad, 64)}{start}")
        for position, (x, handed) in enumerate(zip(vertex.inputs, vertex.handed, strict=True)):
            if handed is not None:
                rule = local_rule(vertex, position, activation)
                learnt = "   *" if x.op is None else ""
                print(f"         hands on {f'dC/d{x}':7} = {rule} = {in_line(handed, 64)}{learnt}")
    print("\n  * the gradient of a parameter: what backward was for.")


def local_rule(vertex: Vertex, position: int, activation: Activation) -> str:
    """What an op's backward rule makes of the gradient it receives, in a formula, with numbers where they help."""
    x, received = vertex.inputs[position], f"dC/d{vertex}"
    upstream = in_line(vertex.grad, 64)
    if vertex.op == "pow":
        return f"2{x} · {received} = 2 · {in_line(x.value, 64)} · {upstream}"
    if vertex.op == "matmul":
        other = vertex.inputs[1 - position]
        return f"each of {received} · all of {other}" if position == 0 else f"{other} transposed · {received}"
    if vertex.op in ("add", "sub", "sum"):
        return f"1 · {received}"
    slope = tl.func.grad(lambda z: activation(z).sum())(tl.tensor(x.value))
    return f"sigma'({x}) · {received} = {in_line(slope.numpy(), 64)} · {upstream}"


def compare(
    parameters: dict[str, tl.Tensor],
    values: dict[str, tl.Tensor],
    graph: tl.Graph,
    a0: tl.Tensor,
    y: tl.Tensor,
    activation: Activation,
) -> None:
    """Print every parameter's gradient by the lecture's formula, by backward() and by trying."""
    print("\nThe gradient of every parameter in three ways:\n")
    print("                 a  · sigma'(z) ·  dC/da  =  formula  backward()      trying")
    furthest = 0.0
    for name, parameter in parameters.items():
        layer = name[1:]
        z, blame = values[f"z{layer}"], graph[values[f"a{layer}"]].grad
        slopes = tl.func.grad(lambda z: activation(z).sum())(z.detach()).tolist()
        inputs = values[f"a{int(layer) - 1}"].tolist()
        for index in np.ndindex(parameter.shape):
            j = index[0]
            a_k = inputs[index[1]] if name[0] == "W" else 1.0
            formula = a_k * slopes[j] * blame[j]
            found = parameter.grad[index].item()
            tried = by_trying(name, index, parameters, a0, y, activation)
            furthest = max(furthest, abs(formula - found), abs(tried - found))
            label = f"{name}[{', '.join(str(i + 1) for i in index)}]"
            product = f"{a_k:8.4f} · {slopes[j]:8.4f} · {blame[j]:8.4f}"
            print(f"  {label:9} {product} = {formula:10.6f}  {found:10.6f}  {tried:10.6f}")
    print(
        f"\n  a is the activation that a weight multiplies, 1 for a bias. The three differ by {furthest:.0e} at most."
    )


# --- the picture --------------------------------------------------------------------------------------------


def draw_network(
    layers: Sequence[int], parameters: dict[str, tl.Tensor], values: dict[str, tl.Tensor], graph: tl.Graph
) -> Figure:
    """Activations in the neurons, weights on the lines, gradients in orange; a large network without most numbers."""
    wide, tall = 3.7, 1.6  # inches between layers, and between the neurons of one
    height = tall * max(layers)
    title = "A network, and in orange how the cost changes with each number"
    figure = new_figure(wide * len(layers) + 0.4, height + 1.2, title)
    axes = figure.subplots()
    axes.axis("off")
    axes.set(xlim=(-1, wide * len(layers) - 0.6), ylim=(-height / 2 - 0.1, height / 2 + 0.3), aspect="equal")
    places = [[(wide * i, tall * ((n - 1) / 2 - j)) for j in range(n)] for i, n in enumerate(layers)]
    crowded = max(n * m for n, m in pairwise(layers)) > 12
    largest = max(float(np.abs(p.detach().numpy()).max()) for p in parameters.values()) or 1.0

    for layer, (before, here) in enumerate(pairwise(places), start=1):
        weight, bias = graph[parameters[f"W{layer}"]], graph[parameters[f"b{layer}"]]
        for j, (x1, y1) in enumerate(here):
            for k, (x0, y0) in enumerate(before):
                w = weight.value[j, k]
                line = {"color": BLUE if w >= 0 else ORANGE, "linewidth": 0.8 + 4 * abs(w) / largest, "alpha": 0.6}
                axes.plot([x0, x1], [y0, y1], zorder=1, **line)
                if not crowded:  # near the left end, before the lines cross
                    _write_pair(axes, x0 + 0.28 * wide, y0 + 0.28 * (y1 - y0), f"{w:g}", weight.grad[j, k])
            if not crowded:
                _write_pair(axes, x1, y1 - 0.6, f"b {bias.value[j]:g}", bias.grad[j])
    for layer, column in enumerate(places):
        activations = graph[values[f"a{layer}"]]
        for j, (x, y) in enumerate(column):
            axes.plot([x], [y], "o", markersize=50, markerfacecolor="white", markeredgecolor="black", zorder=2)
            a = activations.value[j]
            _write(axes, x, y + (0.1 if layer else 0), short(a) if layer else f"{a:g}")
            if activations.grad is not None:
                _write(axes, x, y - 0.13, short(activations.grad[j]), color=VERMILION, fontsize=10)
        name = "inputs" if layer == 0 else f"layer {layer}"
        _write(axes, column[0][0], height / 2 + 0.1, rf"{name}, $a^{{({layer})}}$", fontsize=13)
    x = wide * (len(layers) - 1) + 0.6
    y = 0.15 if layers[-1] % 2 else tall / 2 + 0.15  # beside a neuron, not beside a bias
    _write(axes, x, y, f"wanted y = {in_line(graph[values['y']].value)}", ha="left", fontsize=12)
    _write(axes, x, y - 0.3, f"cost C = {short(values['C'].item(), 4)}", ha="left", fontsize=12, weight="bold")
    return figure


def _write(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    style = {"ha": "center", "va": "center", "fontsize": 11, "zorder": 3, **style}
    axes.text(x, y, text.replace("-", "−"), **style)


def _write_pair(axes: Axes, x: float, y: float, value: str, gradient: float) -> None:
    """A parameter and, in orange, its gradient, side by side."""
    box = {"boxstyle": "square,pad=0.2", "facecolor": "white", "edgecolor": "none"}
    _write(axes, x - 0.03, y, value, ha="right", weight="bold", bbox=box, zorder=2)
    _write(axes, x + 0.03, y, short(gradient), ha="left", color=VERMILION, bbox=box, zorder=2)


if __name__ == "__main__":
    main()
