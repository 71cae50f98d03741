"""What 08_gpt.py prints and draws: parameter counts, baseline losses, samples, curves."""

from __future__ import annotations

import argparse
import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nn
from helpers.gpt.text import Corpus
from helpers.gpt.writer import Writer
from helpers.inside import draw_inside, printable
from helpers.lecture import BLUE, VERMILION, save, until_ctrl_c
from transformer import GPTConfig

SAMPLE = 64  # tokens of a sample shown while it learns
SAMPLES = 20  # lines written without --samples
INSIDE = 32  # tokens in the pictures of attention and the logit lens


def print_parameters(config: GPTConfig) -> None:
    """Print the number of parameters, part by part."""
    print(f"\nThe network: {config.layers} blocks of {config.heads} heads, {config.width} wide.")
    for part, count in config.parameters_by_part().items():
        if count:
            print(f"  {part:10} {count:12,}")
    print(f"  {'together':10} {config.parameter_count():12,}")


def guesses(corpus: Corpus) -> dict[str, float]:
    """Return baseline losses: a uniform guess and, where its table is small enough, counting pairs of tokens."""
    size = corpus.tokenizer.vocab_size
    losses = {f"a guess among {size:,}, ln {size:,}": math.log(size)}
    if (counted := corpus.counting_loss()) is not None:
        losses["counting what follows what"] = counted
    return losses


def print_guesses(losses: dict[str, float], untrained: float) -> None:
    """Print the baseline losses and the untrained network's."""
    print("\nThe loss per token, on the part to be tested on:")
    for name, loss in {**losses, "the network before learning": untrained}.items():
        print(f"  {name:32} {loss:7.3f}")


def show_sample(writer: Writer, step: int) -> None:
    """Print a line that the network writes now, drawn from a random stream of its own."""
    text = "".join(writer.write("", SAMPLE, temperature=0.8, seed=step))
    print(f"  after {step:6,} steps: {printable(text).replace(chr(10), '⏎')}", flush=True)


def print_end(history: nn.History) -> None:
    """Print the test loss in nats, as a perplexity and in bits."""
    if history.interrupted:
        print("Ended by Ctrl-C; what was learnt so far is kept, and --resume goes on.")
    if history.best is None:
        return
    best = history[history.best]
    assert best.test is not None
    loss = best.test.loss
    print(
        f"\nTest loss {loss:.4f} per token after {best.step:,} steps: as sure as of one among {math.exp(loss):.2f}, or "
        f"{loss / math.log(2):.2f} bits."
    )


def draw_curves(history: nn.History, losses: dict[str, float], folder: Path) -> None:
    """Draw the loss while learning, beside the baselines."""
    if history and find_spec("matplotlib") is not None:
        figure = history.figure()
        for (name, loss), colour in zip(losses.items(), (VERMILION, BLUE), strict=False):
            figure.axes[0].axhline(loss, color=colour, linestyle=":", label=name)
        figure.axes[0].legend(frameon=False)
        save(figure, folder / "curves.png")


def look_inside(writer: Writer, options: argparse.Namespace) -> None:
    """Draw attention and the logit lens while the network reads the beginning of its own text."""
    text = options.prompt + "".join(writer.write(options.prompt, INSIDE, seed=options.seed, **_chosen(options)))
    ids = writer.encode(text)[: min(INSIDE, writer.model.context)]
    draw_inside(writer.model, writer.tokenizer, ids, options.out)


def write(writer: Writer, options: argparse.Namespace, known: frozenset[str] = frozenset()) -> None:
    """Write to the screen, token by token, until Ctrl-C: one text or, for a model of lines, several.

    known: the lines it learnt from; they are marked.
    """
    print(f"\nIt writes, at temperature {options.temperature:g}:\n")
    if not writer.lines:
        print(printable(options.prompt), end="")
        for piece in until_ctrl_c(writer.write(options.prompt, options.tokens, seed=options.seed, **_chosen(options))):
            print(printable(piece), end="", flush=True)
        print()
        return
    for number in until_ctrl_c(range(options.samples or SAMPLES)):
        text = options.prompt + "".join(
            writer.write(options.prompt, options.tokens, seed=options.seed + number, **_chosen(options))
        )
        print(f"  {printable(text)}{'   (one of those learnt from)' if text in known else ''}", flush=True)


def _chosen(options: argparse.Namespace) -> dict[str, Any]:
    return {"temperature": options.temperature, "top_k": options.top_k, "top_p": options.top_p}
