"""For 16_order_and_memory.py: a convolution, what stands around each model, what is printed and drawn."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers.drawing import BLUE, DARK, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, beside, chart, percent, save

OPEN = 5.0  # bias of the forget gate of an LSTM that begins with its gate open
VANISHED = 1e6  # a gradient that has fallen by more is called vanished
GUESS = 1 / 8  # right answers to "which of eight words came first?" by guessing


class Convolution(nn.Module):
    """Three convolutions over 3 words each: an output sees 3 words back in each, so 6 in all."""

    def __init__(self, width: int) -> None:
        self.layers = nn.ModuleList([nn.Conv1d(width, width, 3) for _ in range(3)])

    def forward(self, x: tl.Tensor) -> tl.Tensor:
        """The output at the last word."""
        x = tl.pad(tl.swapaxes(x, 1, 2), ((0, 0), (0, 0), (6, 0)))  # (batch, width, 6 + words)
        for layer in self.layers:
            x = tl.relu(layer(x))
        return x[:, :, -1]


class Reader(nn.Module):
    """Words -> vectors -> one of the models -> a score for each word that may have come first."""

    def __init__(self, core: nn.Module, words: int, longest: int, width: int) -> None:
        self.embedding = nn.Embedding(words, width)
        self.positions = nn.Embedding(longest, width)
        self.core = core
        self.out = nn.Linear(width, words)

    def forward(self, tokens: np.ndarray) -> tl.Tensor:
        """(batch, tokens) -> (batch, words)."""
        x = self.embedding(tokens) + self.positions(np.arange(tokens.shape[1]))  # (batch, tokens, width)
        return self.out(self.core(x))


# --- what is printed --------------------------------------------------------------------------------------------------


def bag_of_words(words: Sequence[str], bags: Sequence[Sequence[int]], outputs: np.ndarray) -> None:
    """Print two sentences as bags of words, and what an MLP says about them."""
    print("Word order. A bag of words counts words:")
    print(f"  {'':22}" + "".join(f"{word:>5}" for word in words) + "   an MLP's output")
    for text, bag, output in zip(("the dog bit the man", "the man bit the dog"), bags, outputs, strict=True):
        print(f"  {text:22}" + "".join(f"{n:5}" for n in bag) + f"{output:18.6f}")
    print("  The same numbers go in, so the same comes out. No training can change that.")


def positions(kind: str, difference: float) -> None:
    """Print how far a transformer's outputs for the two sentences differ."""
    name = "without positions" if kind == "none" else "with positions"
    same = "the same: attention alone is blind to order too" if difference < 1e-5 else "different"
    print(f"  a transformer {name:18} outputs differ by {difference:.6f}, {same}")


def fixed_size(error: str, shapes: Sequence[tuple[int, ...]]) -> None:
    """Print what a network of fixed size says to a longer text, and what attention gives."""
    print("\nFixed input size. An MLP for 5 words gets 6:")
    print(f"  {error}")
    print(f"  Attention takes both: its output at the last word is {shapes[0]} for 5 words, {shapes[1]} for 6.")


def fading(slopes: Mapping[str, np.ndarray], distances: Sequence[int]) -> None:
    """Print the gradient by distance."""
    print("\nMemory. How much does the last output depend on the word n places back? |d output / d word|, untrained:")
    print(f"  An open LSTM begins with its forget gate near sigma({OPEN:g}), so that it keeps nearly all of its state.")
    print(f"  {'n':14}" + "".join(f"{n:>10}" for n in distances))
    for kind, norms in slopes.items():
        print(f"  {kind:14}" + "".join(f"{norms[n]:10.1e}" for n in distances))
    first, last = min(distances), max(distances)
    falls = {kind: norms[first] / norms[last] for kind, norms in slopes.items() if norms[last] > 0}
    does, part = "vanishes" if falls["RNN"] > VANISHED else "has not vanished", f"{falls['RNN']:.0e}".replace("+", "")
    print(f"  From {first} to {last} places back the RNN's gradient {does}: it falls by a factor of {part}.")
    slower = all(falls[kind] < falls["RNN"] for kind in ("GRU", "LSTM"))
    print(f"  GRU and LSTM have gates; their gradients fade {'more slowly' if slower else 'as fast'}.")
    print(f"  The convolutions see {np.flatnonzero(slopes['convolution']).max()} words back, and nothing beyond.")
    stays = "stays" if falls["attention"] < 10 else "falls too"
    near, far = slopes["attention"][[first, last]]
    print(f"  Attention's gradient {stays}: {near:.1e} and {far:.1e}. To it every word is one step away.")


def times(milliseconds: Mapping[str, float]) -> None:
    """Print how long a text takes."""
    print("\nTime to train on a text of 512 words, forward and backward:")
    for kind, ms in milliseconds.items():
        steps = "1 step, all words at once" if kind == "attention" else "512 steps, one after the other"
        print(f"  {kind:12} {ms:7.1f} ms   {steps}")
    print("  The loop of GRU and LSTM is one op of the library; the RNN's is the program's own, op by op.")


def learnt(kind: str, lengths: Sequence[int], right: Sequence[float]) -> None:
    """Print how well a model remembers the first word."""
    if kind == "RNN":
        print("\nA task. Which of eight words came first? Right answers by the length of the text (a guess: 12%):")
        print(f"  {'words':12}" + "".join(f"{n:>8}" for n in lengths))
    print(f"  {kind:12}" + "".join(f"{share:8.0%}" for share in right), flush=True)


def lesson(lengths: Sequence[int], right: Mapping[str, Sequence[float]], steps: int) -> None:
    """Print what the task shows after these steps, and how much of the first word an LSTM keeps."""
    learnt = [kind for kind, shares in right.items() if shares[-1] > 2 * GUESS]
    print(f"  Better than guessing at {lengths[-1]} words, after {steps:,} steps: {', '.join(learnt) or 'none'}.")
    for name, bias in (("LSTM", 0.0), ("open LSTM", OPEN)):
        gate = 1 / (1 + np.exp(-bias))
        kept = f"{gate:.4g}^{lengths[-1] - 1} = {gate ** (lengths[-1] - 1):.2g}"
        print(f"  {name}: the forget gate begins near sigma({bias:g}), so {kept} of the first word is kept.")


# --- the pictures -----------------------------------------------------------------------------------------------------


COLOURS = VERMILION, PURPLE, ORANGE, SKY, GREEN, BLUE  # of RNN, GRU, LSTM, LSTM with open gates, convolution, attention


def draw_fading(slopes: Mapping[str, np.ndarray], path: Path) -> None:
    """The gradient against the distance, on a logarithmic axis; where it is 0 the curve ends."""
    curves = {kind: (range(len(norms)), np.where(norms > 0, norms, np.nan)) for kind, norms in slopes.items()}
    rnn, attention = (slopes[kind][1] / slopes[kind][-1] for kind in ("RNN", "attention"))
    fades = rnn > 10 > attention
    title = "An RNN's gradient fades with distance; attention's does not" if fades else "The gradient by distance"
    axes = chart(title, curves, COLOURS, "-", yscale="log")
    axes.set(ylim=(1e-20, 10), xlabel="how many words back", ylabel="gradient, down to 1e-20: |d last output / d word|")
    save(axes.figure, path)


def draw_learnt(lengths: Sequence[int], right: Mapping[str, Sequence[float]], path: Path) -> None:
    """How often each model names the first word, by the length of the text."""
    curves = {kind: (range(len(lengths)), shares) for kind, shares in right.items()}
    forgets = right["RNN"][0] > 2 * right["RNN"][-1]
    title = f"Which word came first?{' The longer the text, the less an RNN remembers' if forgets else ''}"
    axes = chart(title, curves, COLOURS, ylim=(0, 1.05), xlabel="words in the text", ylabel="right answers")
    for line in axes.lines[2::3]:
        line.set_linestyle("--")  # those of LSTM and attention, so that one sees what lies under them
    beside(axes)
    percent(axes.yaxis)
    axes.axhline(GUESS, color=GREY, linestyle="--")
    axes.annotate("a guess: 1 in 8", (0, GUESS), (0, 5), textcoords="offset points", color=DARK)
    axes.set_xticks(range(len(lengths)), lengths)
    save(axes.figure, path)
