"""For 01_neuron.py: what it prints and draws."""

from collections.abc import Callable

import tinygrad_lecture as tl
from helpers.drawing import BLUE, GRADIENT, ORANGE, PURPLE, lines, picture, plain
from helpers.program import detail, table

NAMES = ("sunshine", "wind", "company")
SIZES, BIASES, SUMS = (-5, -0.1, 0, 0.1, 5), (-4, -1, 0, 1, 4), (-1000, -30, -5, 0, 5, 30, 1000)
Activation = Callable[[tl.Tensor], tl.Tensor]
ACTIVATIONS = {"sigmoid": tl.sigmoid, "tanh": tl.tanh, "ReLU": tl.relu, "leaky ReLU": lambda z: tl.leaky_relu(z, 0.1)}


def report(m, settings):
    """Print what was measured, and draw it."""
    # How the answer comes about, step by step
    print("A neuron decides whether to go for a walk.\n\n  receives          weighs")
    for name, x, w, product in zip(NAMES, m.x, m.w, m.weighted, strict=True):
        print(f"  {name:10} {x:5.2f}    {w:5.2f} · {x:4.2f} = {product:6.3f}")
    sum_of = " + ".join(f"({x:g})" if x < 0 else f"{x:g}" for x in (*(round(p, 3) for p in m.weighted), m.b))
    print(f"  sums              z = {sum_of} = {m.z:.3f}    the last is the bias")
    state = "it fires" if m.a > 0.7 else "it is inactive" if m.a < 0.3 else "undecided"
    print(f"  activates         a = sigmoid({m.z:.3f}) = {m.a:.3f}    {state}")
    print("\nOne input goes from 0 to 1, the others stay as they are:")
    for name, w, off, on in zip(NAMES, m.w, m.without, m.with_it, strict=True):
        kind = "encourages" if on > off else "inhibits" if on < off else "is ignored"
        print(f"  {name:10} weight {w:5.2f}    activation {off:.3f} -> {on:.3f}    {kind}")
    detail("\nA connection alone, without bias. Its input goes from 0 to 1:")
    words = "inhibits strongly", "hardly matters", "is ignored", "hardly matters", "encourages strongly"
    for size, on, word in zip(SIZES, m.alone, words, strict=True):
        detail(f"  weight {size:5.1f}    activation 0.500 -> {on:.3f}    {word}")
    print("\nAll inputs are 0, so the bias alone decides:")
    for bias, a in zip(BIASES, m.no_input, strict=True):
        needs = "fires without any input" if bias > 1 else f"the weighted inputs must reach {-bias:g} for 0.5"
        print(f"  bias {bias:4.0f}    activation {a:.3f}    {needs if bias < 0 or bias > 1 else ''}".rstrip())
    detail("\nSigmoid squashes every sum into the range from 0 to 1:")
    for z, a, rest in zip(SUMS, m.squashed, m.rest, strict=True):
        detail(f"  sigmoid({z:5.0f}) = {a:<12.6g} 1 - sigmoid({z:5.0f}) = {rest:.6g}")
    detail("  By the formula it reaches neither. The computer rounds exp(-1000) to 0.")

    # Values and slopes of the activation functions: name -> z, activation, slope: (3, n)
    sums, _, _ = next(iter(m.table.values()))
    print("\nActivation functions, and in brackets their slope there, found by backward():")
    rows = {name: [f"{a:.3f} ({slope:.3f})" for _, a, slope in found.T] for name, found in m.table.items()}
    table([f"z = {z:g}" for z in sums], rows)
    print("  leaky ReLU: 0.1 z below 0 (usual: 0.01), so that an inactive neuron still has a slope and can learn.")
    print("\nTwo neurons learn which points lie beyond the line x1 + x2 = 1. A neuron divides by the line z = 0:")
    for name, right in m.right.items():
        print(f"  {name:14}line {m.away[name]:.2f} from the origin    {right:.0%} of the points right")
    print("  Without bias, z is 0 where both inputs are 0, so the line passes through the origin, whatever it learns.")

    path, title = settings.out / "activations.png", "Activation functions, and the slopes that backward() finds"
    with picture(path, title, 14, 4.2, 4, sharey=True) as panels:  # one scale, so that the slopes can be compared
        for axes, (name, (z, a, slope)) in zip(panels, m.curves.items(), strict=True):
            curves = {"activation a": (z, a), "its slope": (z, slope)}
            lines(axes, curves, (BLUE, GRADIENT), title=name, xlabel="weighted sum z", ylim=(-1.25, 3.1))
        panels[0].legend(edgecolor="none", loc="upper left")
    draw_lines(m.learnt, m.points.numpy(), m.wanted.numpy(), settings.out / "without_bias.png")


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_lines(learnt, points, wanted, path):
    """The two kinds of points, and the line at which each neuron divides them."""
    with picture(path, "Without bias, the dividing line cannot leave the origin", 11, 5.4, 2, sharey=True) as panels:
        for axes, (name, (w, b)) in zip(panels, learnt.items(), strict=True):
            for kind, colour in ((1, BLUE), (0, ORANGE)):
                axes.plot(*points[wanted == kind].T, "o", color=colour, markersize=5, label=f"wanted: {kind}")
            (w1, w2), offset = w.tolist(), b.item()
            line = {"color": "black", "linewidth": 2.5, "label": "the neuron's line, z = 0"}
            axes.axline((0, -offset / w2), slope=-w1 / w2, **line)
            axes.plot(0, 0, "+", color=PURPLE, markersize=18, markeredgewidth=3, label="origin")
            plain(axes).set(xlim=(-2, 2), ylim=(-2, 2), aspect="equal", xlabel="x1", title=name)
        panels[0].set_ylabel("x2")
        axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, edgecolor="none")
