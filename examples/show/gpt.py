"""For 08_gpt.py: texts to learn from, the model that writes, what is printed and drawn."""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from helpers import corpora
from helpers.drawing import chart
from helpers.inside import draw_inside, pieces, print_as_written, printable
from helpers.program import DataError, counted, detail, table, text_of, until_ctrl_c
from helpers.training import COUNTING, GUESS
from transformer import GPT, BPETokenizer, CharTokenizer, Tokenizer, Windows
from transformer.inspect.trace import visible


@dataclass(frozen=True, eq=False)
class Corpus:
    """A text as tokens, split into a part to learn from and a part for testing."""

    source: str  # where it comes from, for printing
    sha256: str  # of the text
    tokenizer: Tokenizer
    learn: Windows  # a data set of (tokens, targets), (n, context) each
    test: Windows


def load_corpus(name, kind, vocabulary, context):
    """Return a text in windows, of its first nine tenths to learn from and of the rest for testing.

    name: "made", or a UTF-8 file.  kind: "char", or "bpe" with a vocabulary of so many tokens. Raises DataError if the
    file cannot be read or is not UTF-8, and for a text too short to fill a window.
    """
    if name == "made":
        sentences, source = corpora.make(20_000, Random(0)), "20,000 made sentences, of patterns and 299 words"
        text = "".join(f"{' '.join(words).capitalize()}.\n" for words in sentences)
    else:
        text, source = text_of(Path(name)), name
    sha256 = hashlib.sha256(text.encode("utf-8")).hexdigest()
    tokenizer = CharTokenizer.train(text) if kind == "char" else BPETokenizer.train(text, vocabulary)
    cut = len(text) * 9 // 10
    learn, test = (np.array(tokenizer.encode(part), np.int64) for part in (text[:cut], text[cut:]))
    test = test[:10_241]  # scoring all of a long one would take longer than the training
    if min(len(learn), len(test)) <= context:
        wanted = f"must fill a window of {context}; take a longer text or a smaller --context"
        raise DataError(f"{name} is too short: its last tenth has {len(test):,} tokens and {wanted}")
    return Corpus(source, sha256, tokenizer, Windows(learn, context), Windows(test, context, stride=context))


# --- a GPT with its tokenizer -----------------------------------------------------------------------------------------


@dataclass
class Writer:
    """A model and its tokenizer."""

    model: GPT
    tokenizer: Tokenizer

    def encode(self, prompt):
        """Return the tokens of a prompt; an empty one is a new line. Raises DataError for unknown characters."""
        try:
            return self.tokenizer.encode(prompt or "\n")
        except ValueError as error:
            raise DataError(f"the model cannot read this prompt: {error}; give another with --prompt") from error

    def write(self, prompt, tokens, **settings):
        """Yield the continuation of a prompt piece by piece; the settings are those of GPT.generate."""
        return self.tokenizer.stream(self.model.generate(self.encode(prompt), max_new_tokens=tokens, **settings))


# --- what is printed --------------------------------------------------------------------------------------------------


def before_training(m, settings):
    """What learns from what."""
    config, tokens = m.writer.model.config, len(m.corpus.learn.tokens)
    blocks, heads = counted(config.layers, "block"), counted(config.heads, "head")
    print(f"The text: {m.corpus.source}; {tokens:,} tokens to learn from, {config.vocab_size} different ones.")
    print(f"The model: {blocks} of {heads}, width {config.width}; {config.parameter_count():,} parameters.")
    print(f"\nTraining: {settings.steps:,} steps of {m.batch_size:,} x {settings.context} tokens.", end=" ")
    print("What the model writes after:", flush=True)


def sample(writer, settings, step):
    """What the model writes now, at every second record."""
    if step // max(1, settings.steps // 8) % 2 == 0:
        text = settings.prompt + "".join(writer.write(settings.prompt, 64, temperature=0.8, seed=0))
        print(f"  {step:6,} steps: {printable(text).replace(chr(10), '⏎')}", flush=True)


def report(m, settings):
    """Print what was measured, and draw it."""
    trained(m.history)

    # The losses to compare with, and whether the model has learnt more than they know
    rows = {name: (f"{loss:.3f}", f"{math.exp(loss):.1f}") for name, loss in m.loss.items()}
    table(("loss", "e^loss"), rows, corner="cross-entropy per token, and perplexity, on the test text")

    # The test loss, if what comes after each block were unembedded; and what the blocks before the middle know
    detail("\nThe logit lens: the test loss if the model stopped after", end=" ")
    detail(", ".join(f"{block}: {loss:.2f}" for block, loss in m.lens.items()))
    within, first = m.early["within words"], m.early["first letters"]
    detail(f"  Half of the blocks suffice for {within:.0%} of the letters within words that it says right in the end,")
    detail(f"  and for {first:.0%} of the first letters, where a word is chosen.")
    detail(f"  Two of its heads have {m.overlap:.0%} of their weight on the same tokens, on average over all pairs.")

    # The same first losses by hand and by the Trainer, and what the Trainer adds to the loop
    detail("\nThe training loop (zero_grad, backward, step), written out in `by_hand`, and nn.Trainer:")
    for name, begun in (("by hand", m.by_hand), ("Trainer", m.by_trainer)):
        detail(f"  {name:8} first losses " + " ".join(f"{loss:.6f}" for loss in begun))
    detail(f"  largest difference {m.apart:.1g}. It adds test scores, a history, the best weights, resuming, workers.")

    # The steps from a text to its next token
    T = settings.temperature
    shapes, tokens = m.shapes, " ".join(map(visible, pieces(m.writer.tokenizer, m.ids)))
    print(f"\nOne prediction, step by step:\n  1. Tokenize   {tokens}   -> {list(m.ids)}")
    print(f"  2. Embed      {shapes[0]}: a vector for each token, with its position")
    blocks = counted(len(shapes) - 1, "block")
    print(f"  3. Transform  {' -> '.join(map(str, shapes))}: attention and FFN in {blocks}")
    print(f"  4. Unembed    the last token's vector ({shapes[-1][-1]},) x W_U -> {len(m.scores)} scores")
    detail(f"                the model called on all tokens gives the same scores: {m.differ:.1g}")
    detail("                W_U, the mirror of W_E, is the same matrix here")
    print(f"  5. Softmax    of scores / T, here T = {T:g}; then a token is drawn")
    likeliest = np.argsort(-m.p, kind="stable")[:4].tolist()
    rows = {visible(m.writer.tokenizer.decode([i])): (f"{m.scores[i]:.2f}", m.p[i]) for i in likeliest}
    table(("score", "probability"), rows, ".3f", "next token")
    print(f"\nThe model writes, at temperature {T:g}:")
    said = m.writer.write(settings.prompt, settings.tokens, temperature=T, seed=settings.seed)
    text = print_as_written(settings.prompt, until_ctrl_c(said, silent=True))

    curves = {"training text": zip(*((row.step, row.train.loss) for row in m.history), strict=True)}
    if tested := [(row.step, row.test.loss) for row in m.history if row.test]:
        curves["test text"] = zip(*tested, strict=True)
    levels = {f"{name}: {m.loss[name]:.2f}": m.loss[name] for name in (GUESS, COUNTING)}
    title, ylabel = "The loss of the training", "cross-entropy per token (ln of the perplexity)"
    chart(settings.out / "curves.png", title, curves, "steps of the optimizer", ylabel, levels=levels, ylim=(0, None))
    draw_inside(m.writer.model, m.writer.tokenizer, m.writer.encode(text), settings.out)


def trained(history):
    """The test loss, as perplexity and in bits."""
    if history.interrupted:
        print("Ended by Ctrl-C; what was learnt so far is kept, and --resume continues.")
    if history.best is None:
        print("There is no score on the test text yet, so what follows comes from the latest weights.")
        return
    best = history[history.best]
    assert best.test is not None
    loss = best.test.loss
    print(f"\nTest loss {loss:.3f} after {best.step:,} steps. Perplexity {math.exp(loss):.2f}: as unsure", end=" ")
    print(f"as a guess among {math.exp(loss):.1f} equally likely tokens; {loss / math.log(2):.2f} bits per token.")
