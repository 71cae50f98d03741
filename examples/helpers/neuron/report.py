"""What 01_neuron.py prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import tinygrad_lecture as tl

ACTIVATIONS: dict[str, Callable[[tl.Tensor], tl.Tensor]] = {
    "sigmoid": tl.sigmoid,
    "tanh": tl.tanh,
    "ReLU": tl.relu,
    "leaky ReLU": lambda z: tl.leaky_relu(z, 0.1),
}


def forward(
    names: Sequence[str],
    x: Sequence[float],
    w: Sequence[float],
    weighted: Sequence[float],
    b: float,
    z: float,
    a: float,
) -> None:
    """How the answer comes about, step by step."""
    print("A neuron decides whether to go for a walk.\n")
    print("  receives          weighs")
    for name, x_i, w_i, product in zip(names, x, w, weighted, strict=True):
        print(f"  {name:10} {x_i:5.2f}    {w_i:5.2f} · {x_i:4.2f} = {product:6.3f}")
    sum_of = " + ".join(
        f"({value:g})" if value < 0 else f"{value:g}" for value in (*(round(p, 3) for p in weighted), b)
    )
    print(f"  sums              z = {sum_of} = {z:.3f}    the last is the bias")
    state = "it fires" if a > 0.7 else "it is inactive" if a < 0.3 else "undecided"
    print(f"  activates         a = sigmoid({z:.3f}) = {a:.3f}    {state}")


def one_input(names: Sequence[str], w: Sequence[float], without: Sequence[float], with_it: Sequence[float]) -> None:
    """What each input does to the activation when it goes from 0 to 1."""
    print("\nOne input goes from 0 to 1, the others stay as they are:")
    for name, w_i, off, on in zip(names, w, without, with_it, strict=True):
        kind = "encourages" if w_i > 0 else "inhibits" if w_i < 0 else "is ignored"
        print(f"  {name:10} weight {w_i:5.2f}    activation {off:.3f} -> {on:.3f}    {kind}")


def weight_sizes(sizes: Sequence[float], with_it: Sequence[float]) -> None:
    """What a single input of 1 does, by the size of its weight."""
    print("\nA connection alone, without bias. Its input goes from 0 to 1:")
    words = "inhibits strongly", "hardly matters", "is ignored", "hardly matters", "encourages strongly"
    for size, on, word in zip(sizes, with_it, words, strict=True):
        print(f"  weight {size:5.1f}    activation 0.500 -> {on:.3f}    {word}")


def no_input(biases: Sequence[float], a: Sequence[float]) -> None:
    """The activation when every input is 0, for several biases."""
    print("\nAll inputs are 0, so the bias alone decides:")
    for bias, a_i in zip(biases, a, strict=True):
        needs = "fires without any input" if bias > 1 else f"the inputs must add {-bias:g} to reach the middle, 0.5"
        print(f"  bias {bias:4.0f}    activation {a_i:.3f}    {needs if bias < 0 or bias > 1 else ''}".rstrip())


def squashed(z: Sequence[float], a: Sequence[float], rest: Sequence[float]) -> None:
    """The sigmoid of sums from very small to very large, and how far it is from 1."""
    print("\nSigmoid squashes every sum into the range from 0 to 1, and reaches neither:")
    for z_i, a_i, rest_i in zip(z, a, rest, strict=True):
        print(f"  sigmoid({z_i:5.0f}) = {a_i:<12.6g} 1 - sigmoid({z_i:5.0f}) = {rest_i:.6g}")
    print(
        "  The formula gives neither 0 nor 1. A computer rounds: exp(-1000) is too small for its numbers, so it is 0."
    )


def activations(table: Mapping[str, Sequence[tuple[float, float, float]]]) -> None:
    """Values and slopes of the activation functions."""
    first = next(iter(table.values()))
    print("\nActivation functions, and in brackets their slope there, found by backward():")
    print(f"  {'':12}" + "".join(f"{f'z = {z:g}':>18}" for z, _, _ in first))
    for name, rows in table.items():
        print(f"  {name:12}" + "".join(f"{a:9.3f} ({slope:6.3f})" for _, a, slope in rows))
    print(
        "  leaky ReLU: 0.1 z below 0, so that an inactive neuron still has a slope and can still learn. (0.1 is to be"
    )
    print("  seen in a picture; usual is 0.01, as in PyTorch.)")


def lines(learnt: Mapping[bool, tuple[tl.Tensor, tl.Tensor]], points: tl.Tensor, wanted: tl.Tensor) -> None:
    """Where the line of each neuron lies, and how many points are on the right side."""
    print("\nTwo neurons learn which points lie beyond the line x1 + x2 = 1. A neuron divides by the line z = 0:")
    for bias, (w, b) in learnt.items():
        right = ((points @ w + b > 0) == (wanted > 0.5)).float().mean().item()
        away = abs(b.item()) / (w * w).sum().item() ** 0.5
        print(f"  {'with' if bias else 'without'} bias".ljust(16), end="")
        print(f"line {away:.2f} from the origin    {right:.0%} of the points right")
    print("  Without bias, z is 0 where both inputs are 0, so the line passes through the origin, whatever it learns.")
