"""For 26_names.py: the names, what is printed and drawn."""

import numpy as np

from helpers.claims import EXAMPLES
from helpers.drawing import attention_maps, chart
from helpers.program import table
from helpers.training import COUNTING, GUESS

MEAN_OF = 50  # losses, for a point of the curve: those of single names are as different as the names


def load_names(seed):
    """Return 4,000 names of examples/data/names.txt, in random order, (names,)."""
    names = (EXAMPLES / "data" / "names.txt").read_text(encoding="utf-8").split()
    return np.random.default_rng(seed).permutation(names)


def progress(losses, names):
    """Print the mean of the last losses, and what the model writes."""
    print(f"  {len(losses):5,}   {np.mean(losses[-100:]):.3f}   {' '.join(name or '-' for name in names)}", flush=True)


def report(m, settings):
    """Print what was measured, and draw it."""
    print()
    table(("loss",), {name: (loss,) for name, loss in m.loss.items()}, ".3f", f"of {len(m.held_out)} names held out")
    print(f"\nOf 200 names that it writes, {m.new:.0%} are not among those it learnt from: {', '.join(m.made_up[:8])}.")

    print(f'\nThe next letter after "{settings.begin}"; "." is the end:')
    likeliest = sorted(m.next.items(), key=lambda item: -item[1])[:6]
    print("\n".join(f"  {letter}  {p:.2f}  {'#' * round(40 * p)}" for letter, p in likeliest))

    n = min(MEAN_OF, len(m.losses))
    means = range(n, len(m.losses) + 1), np.convolve(m.losses, np.full(n, 1 / n), "valid")
    levels = {f"{name}: {m.loss[name]:.2f}": m.loss[name] for name in (GUESS, COUNTING)}
    title, curves = "The loss of the training", {f"the mean of {n} names": means}
    chart(settings.out / "loss.png", title, curves, "steps", "cross-entropy", "-", levels=levels)
    heads = {f"head {number}": weights for number, weights in enumerate(m.attention, 1)}  # (tokens, tokens) each
    attention_maps(settings.out / "heads.png", "What each letter attends to", heads, f".{settings.begin}", 3)
