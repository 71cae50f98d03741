"""For 16_order_and_memory.py: a convolution, what stands around each model, what is printed and drawn."""

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers.drawing import chart
from helpers.program import detail, elsewhere, holds, table

SENTENCES = "the dog bit the man", "the man bit the dog"
OPEN = 5.0  # bias of the forget gate of an LSTM that begins with its gate open


class Convolution(nn.Module):
    """Three convolutions over 3 words each: an output sees 3 words back in each, so 6 in all."""

    def __init__(self, width):
        self.layers = nn.ModuleList([nn.Conv1d(width, width, 3) for _ in range(3)])

    def forward(self, x):
        """The output at the last word."""
        x = tl.pad(tl.swapaxes(x, 1, 2), ((0, 0), (0, 0), (6, 0)))  # (batch, width, 6 + words)
        for layer in self.layers:
            x = tl.relu(layer(x))
        return x[:, :, -1]


class Reader(nn.Module):
    """Words -> vectors -> one of the models -> a score for each word that may have come first."""

    def __init__(self, core, words, longest, width):
        self.embedding = nn.Embedding(words, width)
        self.positions = nn.Embedding(longest, width)
        self.core = core
        self.out = nn.Linear(width, words)

    def forward(self, tokens):
        """(batch, tokens) -> (batch, words)."""
        x = self.embedding(tokens) + self.positions(np.arange(tokens.shape[1]))  # (batch, tokens, width)
        return self.out(self.core(x))


# --- what is printed --------------------------------------------------------------------------------------------------


def report(m, settings):
    """Print what was measured, and draw it."""
    # What a bag of words, a transformer without positions, and a network of fixed size cannot do
    print("\nWord order. A bag of words counts words:")
    rows = zip(SENTENCES, m.bags, m.outputs, strict=True)
    table([*m.words, "an MLP's output"], {text: [*bag, f"{output:.6f}"] for text, bag, output in rows}, "g")
    print("  The same numbers go in, so the same comes out. No training can change that.")
    for name, kind in (("without positions", "none"), ("with positions", "learned")):
        blind = ": attention alone is blind to order too" if kind == "none" and holds("blind", m) else ""
        print(f"  a transformer {name:18} outputs differ by {m.differ[kind]:.6f}{blind}")
    print(f"\nFixed input size. An MLP for 5 words gets 6: {m.error}")

    # The gradient by distance
    distances = settings.distances
    print("\nMemory. How much does the last output depend on the word n places back? |d output / d word|, untrained:")
    print(f"  An open LSTM begins with its forget gate near sigma({OPEN:g}), so that it keeps nearly all of its state.")
    table(distances, {kind: [norms[n] for n in distances] for kind, norms in m.fading.items()}, ".1e", "n")
    does = "vanishes" if holds("vanishes", m) else "has not vanished"
    factor = f"{m.fade['RNN']:.0e}".replace("+", "")
    print(f"  From {min(distances)} to {max(distances)} places back the RNN's gradient {does}: it falls by", end=" ")
    print(f"a factor of {factor}{elsewhere('vanishes', '.0e', m)}.")
    gates = "GRU and LSTM have gates; their gradients fade more slowly. " if holds("gates", m) else ""
    detail(f"  {gates}The convolutions see {m.reach} words back, and nothing beyond.")
    if holds("direct", m):
        print("  Attention's gradient stays: to it every word is one step away.")

    ms = m.times["attention"]
    print(f"\nTime to train on a text of 512 words: attention {ms:.1f} ms, 1 step, all words at once;")
    longer = ", ".join(f"{kind} {times:.1f}" for kind, times in m.longer.items() if kind != "attention")
    print(f"  in 512 steps, one after the other, so many times as long: {longer}")

    # How well the models remember the first word
    lengths = settings.lengths
    print("\nA task. Which of eight words came first? Right answers by the length of the text (a guess: 12%):")
    table(lengths, m.right, ".0%", "words")

    curves = {kind: (range(len(norms)), np.where(norms > 0, norms, np.nan)) for kind, norms in m.fading.items()}
    fades = holds("vanishes", m) and holds("direct", m)
    title = "An RNN's gradient fades with distance; attention's does not" if fades else "The gradient by distance"
    xlabel, ylabel = "how many words back", "|d last output / d word|, down to 1e-20"
    chart(settings.out / "fading.png", title, curves, xlabel, ylabel, "-", yscale="log", ylim=(1e-20, 10))
