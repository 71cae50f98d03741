"""For 08_gpt.py: texts to learn from, the model that writes, what is printed and drawn."""

import hashlib
import importlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers import made_corpus
from helpers.drawing import BLUE, DARK, GREY, ORANGE, VERMILION, beside, chart, save
from helpers.files import as_text, read
from helpers.inside import pieces, print_as_written, printable
from helpers.program import DataError, counted, detail, until_ctrl_c
from transformer import GPT, BPETokenizer, CharTokenizer, GPTConfig, TokenCrossEntropy, Tokenizer, Windows
from transformer.inspect.attention_maps import visible

Shapes = Sequence[tuple[int, ...]]
Losses = Sequence[float]

MOST_FOR_TEST = 10_240  # tokens of one text; scoring all of a long one would take longer than the training
MOST_FOR_BIGRAMS = 3000  # tokens in the vocabulary; the table has the square of that


@dataclass(frozen=True, eq=False)
class Corpus:
    """A text as tokens, split into a part to learn from and a part for testing."""

    source: str  # where it comes from, for printing
    sha256: str  # of the text
    tokenizer: Tokenizer
    learn: Windows  # a data set of (tokens, targets), (n, context) each
    test: Windows

    def counting_loss(self) -> float | None:
        """Return the test loss of a bigram table, in nats per token: it counts which token follows which.

        Each count has 1 added, so that no pair has probability 0. None if the table would be too large.
        """
        size = self.tokenizer.vocab_size
        if size > MOST_FOR_BIGRAMS:
            return None
        counts = np.ones((size, size))
        learn, test = self.learn.tokens.numpy(), self.test.tokens.numpy()
        np.add.at(counts, (learn[:-1], learn[1:]), 1)
        p = counts / counts.sum(axis=1, keepdims=True)
        return float(-np.log(p[test[:-1], test[1:]]).mean())


def load_text(name: str) -> tuple[str, str]:
    """Return a text and its description: "made", "python", or a UTF-8 file.

    Raises DataError if the file cannot be read or is not UTF-8.
    """
    if name == "made":
        sentences = made_corpus.make(20_000, Random(0))
        text = "".join(f"{' '.join(words).capitalize()}.\n" for words in sentences)
        return text, "20,000 made sentences, of patterns and 299 words"
    if name == "python":
        topics: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
        return "\n".join(topics[name] for name in sorted(topics)), "the reference of the Python language (pydoc_data)"
    return as_text(read(Path(name)), name), name


def load_corpus(name: str, kind: str, vocabulary: int, context: int) -> Corpus:
    """Return a text in windows, of its first nine tenths to learn from and of the rest for testing.

    kind: "char", or "bpe" with a vocabulary of so many tokens. Raises DataError as `load_text` does, and for a text too
    short to fill a window.
    """
    text, source = load_text(name)
    sha256 = hashlib.sha256(text.encode("utf-8")).hexdigest()
    tokenizer = CharTokenizer.train(text) if kind == "char" else BPETokenizer.train(text, vocabulary)
    cut = len(text) * 9 // 10
    learn, test = (np.array(tokenizer.encode(part), np.int64) for part in (text[:cut], text[cut:]))
    test = test[: MOST_FOR_TEST + 1]
    if min(len(learn), len(test)) <= context:
        wanted = f"must fill a window of {context}; take a longer text or a smaller --context"
        raise DataError(f"{name} is too short: its last tenth has {len(test):,} tokens and {wanted}")
    return Corpus(source, sha256, tokenizer, Windows(learn, context), Windows(test, context, stride=context))


# --- a GPT with its tokenizer, in a folder ----------------------------------------------------------------------------


MODEL, TOKENIZER, WEIGHTS = "model.json", "tokenizer.json", "best.safetensors"


@dataclass
class Writer:
    """A model and its tokenizer."""

    model: GPT
    tokenizer: Tokenizer

    def encode(self, prompt: str) -> list[int]:
        """Return the tokens of a prompt; an empty one is a new line. Raises DataError for unknown characters."""
        try:
            return self.tokenizer.encode(prompt or "\n")
        except ValueError as error:
            raise DataError(f"the model cannot read this prompt: {error}; give another with --prompt") from error

    def write(self, prompt: str, tokens: int, **settings: Any) -> Iterator[str]:
        """Yield the continuation of a prompt piece by piece; the settings are those of GPT.generate."""
        return self.tokenizer.stream(self.model.generate(self.encode(prompt), max_new_tokens=tokens, **settings))

    # --- files ------------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write the tokenizer and the sizes; the Trainer saves the weights."""
        self.tokenizer.save(folder / TOKENIZER)
        (folder / MODEL).write_text(json.dumps({"config": asdict(self.model.config)}, indent=2), encoding="utf-8")


def load_writer(folder: Path) -> Writer:
    """Load a writer from its folder. Raises DataError if files are missing or are not a model of this program."""
    try:
        described = json.loads((folder / MODEL).read_text(encoding="utf-8"))
        model = GPT(GPTConfig(**described["config"]))
        model.load_state_dict(nn.weights.load_file(folder / WEIGHTS))
        return Writer(model.eval(), Tokenizer.load(folder / TOKENIZER))
    except OSError as error:
        raise DataError(f"{folder} holds no trained model: {error}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{folder} holds no model of this program: {error}") from error


# --- what is printed --------------------------------------------------------------------------------------------------


SAMPLE = 64  # tokens of a sample during the training


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
    learn, test = len(corpus.learn.tokens), len(corpus.test.tokens)
    config = model.config
    print(f"{learn:,} tokens to learn from, {test:,} others for the test; {config.vocab_size} different ones.")
    print(f"\nThe model: {counted(config.layers, 'block')} of {counted(config.heads, 'head')}, width {config.width}.")
    print(f"  {'all':10} {config.parameter_count():12,} parameters. W_U, the mirror of W_E, is the same matrix here.")
    print("\nThe loss (cross-entropy per token) and the perplexity on the test text:")
    for name, loss in {**baselines(corpus), "the model before training": untrained}.items():
        print(f"  {name:40} {loss:7.3f} {math.exp(loss):10.1f}")


def what_the_trainer_adds(by_hand: Losses, by_trainer: Losses, steps: int, batch: int, context: int) -> None:
    """The same first losses by hand and by the Trainer, and what the Trainer adds to the loop."""
    print("\nThe training loop (zero_grad, backward, step), written out in `by_hand`, and nn.Trainer:")
    for name, losses in (("by hand", by_hand), ("Trainer", by_trainer)):
        print(f"  {name:8} first losses " + " ".join(f"{loss:.6f}" for loss in losses))
    most = max(abs(a - b) for a, b in zip(by_hand, by_trainer, strict=True))
    print(f"  largest difference {most:.1g}. It adds test scores, a history, the best weights, resuming, processes.")
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
    print(f"\nTest loss {loss:.3f} after {best.step:,} steps. Perplexity {math.exp(loss):.2f}: as unsure", end=" ")
    print(f"as a guess among {math.exp(loss):.1f} equally likely tokens; {loss / math.log(2):.2f} bits per token.")
    detail(f"What follows comes from the weights after {best.step:,} steps, the best on the test text; ", end="")
    detail(f"the curves go on to step {history[-1].step:,}.")


def block_by_block(model: GPT, corpus: Corpus) -> None:
    """The loss on the test text, if what comes after each block were unembedded: the logit lens."""
    tokens, targets = next(iter(nn.DataLoader(corpus.test, len(corpus.test))))  # (n, context) each
    trace = model.trace(tokens)
    losses = [TokenCrossEntropy()(tl.tensor(trace.logits_at(layer)), targets).item()
              for layer in range(1, trace.layers + 1)]  # fmt: skip
    detail("\nThe logit lens: the test loss if the model stopped after", end=" ")
    detail(", ".join(f"block {n}: {loss:.2f}" for n, loss in enumerate(losses, start=1)))


def one_prediction(
    writer: Writer, ids: Sequence[int], shapes: Shapes, scores: np.ndarray, p: np.ndarray, T: float, difference: float
) -> None:
    """The steps from a text to its next token."""
    tokens = " ".join(map(visible, pieces(writer.tokenizer, ids)))
    print(f"\nOne prediction, step by step:\n  1. Tokenize   {tokens}   -> {list(ids)}")
    print(f"  2. Embed      {shapes[0]}: a vector for each token, with its position")
    blocks = counted(len(shapes) - 1, "block")
    print(f"  3. Transform  {' -> '.join(map(str, shapes[1:]))}: attention and FFN in {blocks}")
    print(f"  4. Unembed    the last token's vector ({shapes[-1][-1]},) x W_U -> {len(scores)} scores")
    print(f"                the model called on all tokens gives the same scores: {difference:.1g}")
    print(f"  5. Softmax    of scores / T, here T = {T:g}; then a token is drawn\n")
    print(f"     {'next token':12}{'score':>8}{'probability':>14}")
    for token in np.argsort(-p, kind="stable")[:5]:
        print(f"     {visible(writer.tokenizer.decode([int(token)])):12}{scores[token]:8.2f}{p[token]:14.3f}")


def write(writer: Writer, prompt: str, tokens: int, temperature: float, seed: int) -> str:
    """Write token by token until Ctrl-C, and return the text."""
    print(f"\nThe model writes, at temperature {temperature:g}:\n")
    pieces = writer.write(prompt, tokens, temperature=temperature, seed=seed)
    return print_as_written(prompt, until_ctrl_c(pieces, silent=True))


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_curves(history: nn.History, baselines: Mapping[str, float], path: Path) -> None:
    """The loss during the training, beside what a guess and counting reach."""
    if not history:
        return
    tested = [(row.step, row.test.loss) for row in history if row.test]
    step, least = min(tested, key=lambda row: row[1], default=(0, np.inf))
    below = [name for name, loss in baselines.items() if least < loss]
    title = f"The loss falls below that of {below[-1].split(',')[0]}" if below else "The loss of the training"
    curves: dict[str, Any] = {"training text": zip(*((row.step, row.train.loss) for row in history), strict=True)}
    if tested:
        curves["test text"] = zip(*tested, strict=True)
        curves[f"its lowest, after {step:,} steps:\nthese weights write"] = step, least
    axes = chart(title, curves, (ORANGE, BLUE, DARK), "o-", xlabel="steps of the optimizer", xlim=(0, None))
    for (name, loss), colour in zip(baselines.items(), (GREY, VERMILION), strict=False):
        axes.axhline(loss, color=colour, linestyle="--", label=f"{name}: {loss:.2f}")
    axes.set(ylabel="cross-entropy per token (ln of the perplexity)", ylim=(0, None))
    beside(axes)
    save(axes.figure, path)
