"""What 16_order_and_memory.py prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


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
    print(f"  {'n':14}" + "".join(f"{n:>10}" for n in distances))
    for kind, norms in slopes.items():
        print(f"  {kind:14}" + "".join(f"{norms[n]:10.1e}" for n in distances))
    first, last = distances[0], distances[-1]
    rnn, attention = (slopes[kind][first] / slopes[kind][last] for kind in ("RNN", "attention"))
    print(f"  From {first} to {last} places back the RNN's gradient vanishes: it falls by a factor of {rnn:.0e}.")
    print("  GRU and LSTM have gates, and their gradients fade more slowly.")
    print("  The convolutions see 6 words back, and nothing beyond.")
    print(f"  Attention's gradient stays: a factor of {attention:.1f}. To it every word is one step away.")


def times(milliseconds: Mapping[str, float]) -> None:
    """Print how long a text takes."""
    print("\nTime. 512 words, forward:")
    for kind, ms in milliseconds.items():
        steps = "1 step, all words at once" if kind == "attention" else "512 steps, one after the other"
        print(f"  {kind:12} {ms:7.1f} ms   {steps}")
    print("  The loop of GRU and LSTM is one op of the library; the RNN's is the program's own, op by op, and slower.")


def learnt(kind: str, lengths: Sequence[int], right: Sequence[float]) -> None:
    """Print how well a model remembers the first word."""
    if kind == "RNN":
        print("\nA task. Which of eight words came first? Right answers by the length of the text (a guess: 12%):")
        print(f"  {'words':12}" + "".join(f"{n:>8}" for n in lengths))
    print(f"  {kind:12}" + "".join(f"{share:8.0%}" for share in right), flush=True)


def lesson(lengths: Sequence[int], right: Mapping[str, Sequence[float]]) -> None:
    """Print what the task shows."""
    rnn, attention = (right[kind][-1] for kind in ("RNN", "attention"))
    print(f"  At {lengths[-1]} words the RNN is right for {rnn:.0%}, attention for {attention:.0%}.")
