"""What 08_gpt.py prints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers.gpt.text import Corpus
from helpers.gpt.writer import Writer
from helpers.inside import draw_inside, pieces, printable
from helpers.program import until_ctrl_c
from transformer import GPT, TokenCrossEntropy
from transformer.inspect.pictures import visible

SAMPLE = 64  # tokens of a sample during the training
LINES = 20  # texts that a model of lines writes
INSIDE = 24  # tokens in the pictures of attention and the logit lens


def loaded(folder: Path, writer: Writer) -> None:
    """What was loaded."""
    count = writer.model.config.parameter_count()
    print(f"The model in {folder}: {count:,} parameters, {writer.tokenizer.vocab_size:,} tokens.")


def baselines(corpus: Corpus) -> dict[str, float]:
    """The loss of a guess among all tokens and, where its table is small enough, of counting pairs of tokens."""
    size = corpus.tokenizer.vocab_size
    losses = {f"a guess among {size:,} tokens, ln {size:,}": math.log(size)}
    if (counted := corpus.counting_loss()) is not None:
        losses["counting which token follows which"] = counted
    return losses


def before_training(corpus: Corpus, model: GPT, untrained: float) -> None:
    """The text, the parameters part by part, the losses to compare with."""
    print(f"The text: {corpus.source}.")
    learn, test = len(corpus.learn_pairs[0]), len(corpus.test_pairs[0])
    print(
        f"{learn:,} tokens to learn from, {test:,} others for the test; {corpus.tokenizer.vocab_size} different ones."
    )
    config = model.config
    print(f"\nThe model: {counted(config.layers, 'block')} of {counted(config.heads, 'head')}, width {config.width}.")
    for part, count in config.parameters_by_part().items():
        if count:
            print(f"  {part:10} {count:12,}")
    print(f"  {'all':10} {config.parameter_count():12,} parameters. W_U, the mirror of W_E, is the same matrix here.")
    print("\nThe loss (cross-entropy per token) and the perplexity on the test text:")
    for name, loss in {**baselines(corpus), "the model before training": untrained}.items():
        print(f"  {name:40} {loss:7.3f} {math.exp(loss):10.1f}")


def what_the_trainer_adds(
    by_hand: Sequence[float], by_trainer: Sequence[float], steps: int, batch: int, context: int
) -> None:
    """The same first losses by hand and by the Trainer, and what the Trainer adds to the loop."""
    print("\nThe training loop (zero_grad, backward, step), written out in `by_hand`, and nn.Trainer:")
    for name, losses in (("by hand", by_hand), ("Trainer", by_trainer)):
        print(f"  {name:8} first losses " + " ".join(f"{loss:.6f}" for loss in losses))
    most = max(abs(a - b) for a, b in zip(by_hand, by_trainer, strict=True))
    print(
        f"  largest difference {most:.1g}. The Trainer adds: scores on a test text, a history, the best weights, a run"
    )
    print("  that is kept and resumed exactly after Ctrl-C or a crash, and several processes for one step.")
    print(f"\nTraining: {steps:,} steps of {batch:,} x {context} tokens. What the model writes after:", flush=True)


def sample(writer: Writer, prompt: str, step: int) -> None:
    """What the model writes now."""
    text = prompt + "".join(writer.write(prompt, SAMPLE, temperature=0.8, seed=0))
    print(f"  {step:6,} steps: {printable(text).replace(chr(10), '⏎')}", flush=True)


def trained(history: nn.History) -> None:
    """The test loss, as perplexity and in bits."""
    if history.interrupted:
        print("Ended by Ctrl-C; what was learnt so far is kept, and --resume continues.")
    if history.best is None:
        print("There is no score on the test text yet, so what follows comes from the latest weights.")
        return
    best = history[history.best]
    assert best.test is not None
    loss = best.test.loss
    print(f"\nTest loss {loss:.3f} after {best.step:,} steps. Perplexity {math.exp(loss):.2f}: as uncertain", end=" ")
    print(f"as among {math.exp(loss):.1f} equally likely tokens; {loss / math.log(2):.2f} bits per token.")
    last = history[-1].step
    print(f"What follows comes from the weights after {best.step:,} steps, the best on the test text", end="")
    print("." if best.step == last else f"; the curves go on to step {last:,}.")


def block_by_block(model: GPT, corpus: Corpus) -> None:
    """The loss on the test text, if what comes after each block were unembedded: the logit lens."""
    tokens, targets = next(iter(nn.DataLoader(corpus.test, len(corpus.test))))  # (n, context) each
    trace = model.trace(tokens)
    losses = [TokenCrossEntropy()(tl.tensor(trace.logits_at(layer)), targets).item()
              for layer in range(1, trace.layers + 1)]  # fmt: skip
    print("\nThe logit lens: the test loss if the model stopped after", end=" ")
    print(", ".join(f"block {n}: {loss:.2f}" for n, loss in enumerate(losses, start=1)))


def one_prediction(
    writer: Writer,
    ids: Sequence[int],
    shapes: Sequence[tuple[int, ...]],
    scores: np.ndarray,
    p: np.ndarray,
    temperature: float,
    difference: float,
) -> None:
    """The steps from a text to its next token."""
    tokens = " ".join(map(visible, pieces(writer.tokenizer, ids)))
    print(f"\nOne prediction, step by step:\n\n  1. Tokenize   {tokens}   -> {list(ids)}")
    print(f"  2. Embed      {shapes[0]}: a vector for each token, with its position")
    blocks = counted(len(shapes) - 1, "block")
    print(f"  3. Transform  {' -> '.join(map(str, shapes[1:]))}: attention and FFN in {blocks}")
    print(f"  4. Unembed    the last token's vector ({shapes[-1][-1]},) x W_U -> {len(scores)} scores")
    print(f"                the model called on all tokens gives the same scores: {difference:.1g}")
    print(f"  5. Softmax    of scores / T, here T = {temperature:g}; then a token is drawn\n")
    print(f"     {'next token':12}{'score':>8}{'probability':>14}")
    for token in np.argsort(-p, kind="stable")[:5]:
        print(f"     {visible(writer.tokenizer.decode([int(token)])):12}{scores[token]:8.2f}{p[token]:14.3f}")


def write(writer: Writer, prompt: str, tokens: int, temperature: float, seed: int) -> str:
    """Write token by token until Ctrl-C, and return the text; a model of lines writes several."""
    print(f"\nThe model writes, at temperature {temperature:g}:\n")
    written = prompt
    if writer.lines:
        for number in until_ctrl_c(range(LINES)):
            written = prompt + "".join(writer.write(prompt, tokens, temperature=temperature, seed=seed + number))
            print(f"  {printable(written)}", flush=True)
        return written
    print(printable(prompt), end="")
    for piece in until_ctrl_c(writer.write(prompt, tokens, temperature=temperature, seed=seed)):
        written += piece
        print(printable(piece), end="", flush=True)
    print()
    return written


def look_inside(writer: Writer, text: str, folder: Path) -> None:
    """Pictures of attention and of the logit lens while the model reads the beginning of a text."""
    ids = writer.encode(text)[: min(INSIDE, writer.model.context)]
    draw_inside(writer.model, writer.tokenizer, ids, folder)


def counted(n: int, name: str) -> str:
    """As "4 blocks", or "1 block"."""
    return f"{n} {name}{'s' if n != 1 else ''}"
