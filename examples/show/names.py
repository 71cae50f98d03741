"""For 26_names.py: the names, what is printed and drawn."""

import numpy as np

from helpers.claims import EXAMPLES
from helpers.drawing import attention_map, chart, new_figure, save
from helpers.program import table
from helpers.training import COUNTING, GUESS

MEAN_OF = 50  # losses, for a point of the curve: those of single names are as different as the names


def load_names(seed):
    """Return 4,000 names of examples/data/names.txt, in random order, (names,)."""
    names = (EXAMPLES / "data" / "names.txt").read_text(encoding="utf-8").split()
    return np.random.default_rng(seed).permutation(names)


def before_training(m, parameters):
    """Print what learns from what, and the head of the table that `progress` writes."""
    print(f"{len(m.names):,} names to learn from, as {', '.join(m.names[:3])}; {len(m.held_out):,} held out.")
    print(f"A GPT with {parameters:,} parameters learns one a step. Ten names, drawn at temperature 0.5:\n")
    print("   step    loss")


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

    print("\nPictures:")
    n = min(MEAN_OF, len(m.losses))
    means = range(n, len(m.losses) + 1), np.convolve(m.losses, np.full(n, 1 / n), "valid")
    levels = {f"{name}: {m.loss[name]:.2f}": m.loss[name] for name in (GUESS, COUNTING)}
    title, curves = "The loss of the training", {f"the mean of {n} names": means}
    chart(settings.out / "loss.png", title, curves, "steps", "cross-entropy", "-", levels=levels)
    draw_heads(settings.out / "heads.png", m.attention, f".{settings.begin}")


def draw_heads(path, attention, tokens):
    """Write a picture of what each letter attends to. attention: (heads, tokens, tokens)."""
    figure = new_figure(3 * len(attention), 3.4, "What each letter attends to")
    for number, (axes, weights) in enumerate(zip(figure.subplots(1, len(attention)), attention, strict=True), 1):
        attention_map(axes, weights, tokens, tokens)
        axes.set_title(f"head {number}")
    save(figure, path)
