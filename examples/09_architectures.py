"""Decoder, encoder, both: three transformers of the same rooms, which differ in what a token may look at.

    python examples/09_architectures.py

    decoder-only        a token sees itself and what came before it         GPT: says the next token, writes
    encoder-only        a token sees all tokens                             BERT: fills gaps, tells texts apart
    encoder-decoder     all of the source; of the target what came before   T5: answers one text with another

Attention, FFN, embedding and unembedding are the same in all three (transformer/block.py). The program measures who
sees whom: it exchanges one token after the other and looks which outputs change. Then each model learns its task, on
sentences that it makes (made_corpus.py) and on words to be written backwards:

    masks.png           who sees whom, with a sentence's words
    gaps.png            the same gap for the decoder, which knows what stands left of it, and the encoder; which words
                        they say, and how sure they are, differs with the seed
    reverse.png         cross-attention while a word is written backwards: a diagonal, reversed, and for some letters
                        a place beside it or elsewhere: the encoder mixes letters, and there too it may tell which it is

What is to be reached comes from the same models in PyTorch, which tests/benchmarks/architectures.py trains on the same
batches with the same recipe: the least of five runs, rounded down. The table at the end says if it is reached.

    right in the test, --seed      0       1       2       3       4    to be reached
    hidden words, here          70.6%   69.4%   69.6%   71.5%   70.1%    69%
                  in PyTorch    71.1%   71.2%   69.8%   72.4%   72.4%
    words backwards, here      100.0%  100.0%  100.0%  100.0%  100.0%    99%
                  in PyTorch   100.0%  100.0%  100.0%   99.6%  100.0%

Each seed has other sentences and other words hidden, some 3,600; and other weights to begin with, which is a point more
or less: from PyTorch's, those of seeds 0, 1 and 4 come to 71.1%, 70.9% and 72.1% here.

From hidden words the encoder has learnt more than to guess them. Whether a sentence is about one or several, it then
learns from 40 examples to 93% to 98%, with seeds 0 to 4; an encoder that starts from nothing, to 81% to 86%.
That holds for what helps with hidden words: men from women, on which few words depend here, it tells hardly better.

Ctrl-C ends the learning: the lessons that are left are skipped, and what was learnt so far is shown.

    python examples/09_architectures.py --word lecture --sentence "two kings said that they ruled the kingdom"
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import helpers.first  # noqa: F401  before NumPy is imported

# isort: split

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers.architectures import pictures, tasks
from helpers.architectures.tasks import LETTERS, MASK, Sentences
from helpers.known_words import known_words
from helpers.lecture import DataError, carry_out, command_line, save, tell_leftover, whole
from tinygrad_lecture.inspect.picture import require_matplotlib
from transformer import (
    GPT,
    Classifier,
    Encoder,
    EncoderConfig,
    EncoderDecoder,
    EncoderDecoderConfig,
    GPTConfig,
    draw_attention,
    probabilities,
    token_cross_entropy,
)

# Two blocks each: two of the decoder, two of the encoder, one of each.
SIZES: Any = {
    "heads": 2,
    "width": 48,
    "hidden": 96,
    "activation": "gelu",
    "norm": "pre",
    "positions": "learned",
    "eps": 1e-5,
}
SENTENCE = "every queen said that she ruled the kingdom"
BATCH = 32
LABELLED, TRIES = 40, 10  # sentences that the classifier learns from, and how often it does, from other ones
# The tasks, and of two of them what part is to be right: the least that the same model reached in PyTorch, see above.
NEXT, HIDDEN, NUMBER, REVERSE = "the next word", "hidden words", "one or several?", "words backwards"
GOALS = {HIDDEN: 0.69, REVERSE: 0.99}
GAPS = [
    f"the mayor of {MASK} where people speak italian",
    f"these {MASK} caught a mouse",
    f"a {MASK} said that she sat on the throne",
    f"{MASK} shaved in the morning like a king",
]

# --- the three models ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Models:
    """One of each, untrained."""

    decoder: GPT
    encoder: Encoder
    both: EncoderDecoder


def build(sentences: Sentences) -> Models:
    """The models for these sentences, and for words of letters."""
    text = {"vocab_size": sentences.tokenizer.vocab_size, "context": sentences.longest, **SIZES}
    letters = {"vocab_size": tasks.END + 1, "context": tasks.LONGEST + 1, **SIZES}
    return Models(
        GPT(GPTConfig(layers=2, **text)),
        Encoder(EncoderConfig(layers=2, embedding_norm=False, **text)),
        EncoderDecoder(EncoderDecoderConfig(layers=1, **letters)),
    )


def learn(model: nn.Module, data: Any, steps: int, rate: float = 5e-3, show: bool = True) -> nn.History:
    """Train a model on a data set: AdamW, a warm-up, a cosine down to a tenth, gradients clipped."""
    optimizer = nn.optim.AdamW(model.parameters(), rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, min(100, steps // 5), steps, rate / 10)
    loss = token_cross_entropy if not isinstance(model, Classifier) else nn.CrossEntropyLoss()
    batches = nn.DataLoader(data, min(BATCH, len(data)), shuffle=True, drop_last=True)
    every = max(1, steps // 4)
    history = nn.Trainer(
        model, batches, loss, optimizer, steps=steps, schedule=schedule, clip_norm=1.0, record_every=every, show=show
    ).fit()
    if history.interrupted and show:
        print(
            f"Ended by Ctrl-C after {history[-1].step:,} of {steps:,} steps; what follows is of what was learnt so far."
        )
    return history


def answer(model: nn.Module, data: Any) -> tuple[tl.Tensor, tl.Tensor]:
    """A model's outputs for all of a data set, and the targets."""
    *inputs, targets = data[np.arange(len(data))]
    with tl.no_grad():
        return model(*inputs), targets


def sees(model: Callable[[np.ndarray], tl.Tensor], tokens: Sequence[int], other: int) -> np.ndarray:
    """Which output depends on which token, (outputs, tokens) of bools: those that change when the token is exchanged.

    model: (batch, tokens) -> (batch, outputs, any).  other: the token that comes in place of each, or if it is
    already there, the one with the number before.
    """
    n = len(tokens)
    texts = np.tile(np.array(tokens), (n + 1, 1))  # the first one as it is
    for j in range(n):
        texts[j + 1, j] = other if texts[j + 1, j] != other else other - 1
    with tl.no_grad():
        outputs = model(texts).numpy()
    changed = np.abs(outputs[1:] - outputs[:1]).max(-1) > 1e-6  # (tokens, outputs)
    return changed.T


# --- the program --------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Run with command-line arguments. Where something is wrong with them, SystemExit says what."""
    parser = command_line("09_architectures.py", __doc__, "out/architectures")
    add = parser.add_argument_group("what is shown").add_argument
    add("--sentence", default=SENTENCE, metavar="TEXT", help=f"of the made corpus's words ({SENTENCE})")
    add("--word", default="lecture", metavar="WORD", help="to be written backwards, 3 to 8 letters (lecture)")
    add = parser.add_argument_group("the learning").add_argument
    add("--next-steps", type=whole(1), default=1000, metavar="N", help="with which the decoder learns (1000)")
    add("--hidden-steps", type=whole(1), default=3000, metavar="N", help="with which the encoder learns (3000)")
    add("--reverse-steps", type=whole(1), default=800, metavar="N", help="with which both together learn (800)")
    options = parser.parse_args(arguments)
    word = options.word.lower()
    if not (tasks.SHORTEST <= len(word) <= tasks.LONGEST and {*word} <= {*LETTERS}):
        parser.error(f"--word has {tasks.SHORTEST} to {tasks.LONGEST} letters from a to z, not {options.word!r}")
    carry_out(run, parser, options)


def run(options: argparse.Namespace) -> None:
    """Build the three, measure what their tokens see, let each learn its task, and compare."""
    require_matplotlib()  # better to know before the learning than after it
    sentences = tasks.make_sentences(8000, options.seed)
    tokens = sentences.encode(" ".join(known_words(options.sentence, set(sentences.tokenizer.words))))
    if not 2 <= len(tokens) <= sentences.longest:
        raise DataError(f"the sentence has {len(tokens) - 1} words, and the models take 1 to {sentences.longest - 1}")
    tl.manual_seed(options.seed)
    models = build(sentences)
    word = [LETTERS.index(letter) for letter in options.word.lower()]
    panels = measure(models, sentences, tokens, word)
    lessons: dict[str, Lesson] = {
        NEXT: lambda: decode(models.decoder, sentences, options.next_steps),
        HIDDEN: lambda: encode(models, sentences, options.hidden_steps),
        NUMBER: lambda: classify(models.encoder, sentences),
        REVERSE: lambda: reverse(models.both, word, options.reverse_steps),
    }
    results = teach(lessons, options.seed)
    print_table(models, results)

    print("\nPictures:")
    masks, gaps, reversed_word = (options.out / f"{name}.png" for name in ("masks", "gaps", "reverse"))
    save(pictures.draw_masks(panels), masks)
    if HIDDEN in results:
        save(pictures.draw_gaps(guesses(models, sentences)), gaps)
    else:
        tell_leftover(gaps, [])
    if REVERSE in results:
        draw_reversed(models.both, word, reversed_word)
    else:
        tell_leftover(reversed_word, [])


def measure(models: Models, sentences: Sentences, tokens: Sequence[int], word: Sequence[int]) -> list[pictures.Panel]:
    """Print and return who sees whom in each of the three: the decoder and the encoder reading the sentence, and both
    together writing a word backwards, of which the rows are first the encoder's and then the decoder's."""
    names = sentences.words(tokens)
    other = sentences.pad - 1  # the rarest word, for the special tokens come after the words
    z = LETTERS.index("z")
    source, target = np.array([*word, tasks.END]), np.array([tasks.BEGIN, *word[::-1]])
    n = len(source)

    def beside(texts: np.ndarray, fixed: np.ndarray) -> np.ndarray:
        return np.tile(fixed, (len(texts), 1))

    both = np.zeros((2 * n, 2 * n), bool)
    both[:n, :n] = sees(models.both.encode, source, z)
    both[n:, :n] = sees(lambda texts: models.both(texts, beside(texts, target)), source, z)
    both[n:, n:] = sees(lambda texts: models.both(beside(texts, source), texts), target, z)
    panels = [
        pictures.Panel("decoder-only", names, sees(models.decoder, tokens, other)),
        pictures.Panel("encoder-only", names, sees(models.encoder, tokens, other)),
        pictures.Panel("encoder-decoder", [*tasks.signs(source), *tasks.signs(target)], both, n),
    ]
    print("Who sees whom: a row for each token, with a # under those that its output depends on, measured.")
    for panel in panels:
        print(f"\n  {panel.name}")
        width = max(map(len, panel.words))
        for i, (name, row) in enumerate(zip(panel.words, panel.sees, strict=True)):
            print(f"  {name:{width}}  " + " ".join("#" if seen else "." for seen in row))
            if i + 1 == panel.sources:
                print(f"  {'':{width}}  above the encoder, which reads; below the decoder, which writes")
    return panels


# --- the lessons --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    """What part of a lesson's test is right, that in words, and whether Ctrl-C ended the lesson."""

    right: float
    figure: str
    interrupted: bool = False


Lesson = Callable[[], Result]


def teach(lessons: dict[str, Lesson], seed: int) -> dict[str, Result]:
    """Give the lessons, each with the random numbers that it would have alone. After Ctrl-C the rest is skipped."""
    results: dict[str, Result] = {}
    ended = False
    for task, lesson in lessons.items():
        tl.manual_seed(seed)
        try:
            results[task] = lesson()
            ended = results[task].interrupted
        except KeyboardInterrupt:  # between two trainings
            ended = True
        if ended:
            break
    if skipped := [task for task in lessons if task not in results]:
        print(f"\nSkipped after Ctrl-C: {', '.join(skipped)}.")
    return results


def decode(model: GPT, sentences: Sentences, steps: int) -> Result:
    """Let the decoder learn to say the next word, and write."""
    print(f"\nDecoder-only learns to say the next word, of {sentences.tokenizer.vocab_size}:")
    history = learn(model, tasks.next_words(sentences, sentences.learn), steps)
    outputs, targets = answer(model, tasks.next_words(sentences, sentences.test))
    right, _ = tasks.right_answers(outputs.numpy(), targets.numpy())
    loss = token_cross_entropy(outputs, targets).item()
    print(
        f"Test loss {loss:.3f}, as sure as of one among {np.exp(loss):.1f}; a guess is {np.log(outputs.shape[-1]):.3f}."
    )
    print("A third of the sentences to learn from are about people, a third about things, a third about countries.")
    print("The test's are drawn from the different ones, most of them about people, of whom the most can be said:")
    print("they are harder to foresee, and that alone makes its loss higher.")
    print("It writes:")
    texts = model.generate_batch([[sentences.start]] * 4, max_new_tokens=sentences.longest - 1, stop=sentences.start)
    for text in texts:
        print(f"  {sentences.tokenizer.decode(text)}")
    return Result(right, f"{right:.1%} right, loss {loss:.3f}", history.interrupted)


def encode(models: Models, sentences: Sentences, steps: int) -> Result:
    """Let the encoder learn hidden words, and compare what it and the decoder say for gaps."""
    model = models.encoder
    print(f"\nEncoder-only learns to say which word is hidden; {tasks.SHARE:.0%} are:")
    history = learn(model, tasks.HiddenWords(sentences, sentences.learn), steps)
    hidden = tasks.hidden_in_the_test(sentences)
    outputs, targets = answer(model, hidden)
    right, _ = tasks.right_answers(outputs.numpy(), targets.numpy())
    loss = token_cross_entropy(outputs, targets).item()
    print(f"Of the words hidden in the test it says {right:.1%} right, loss {loss:.3f}.")
    with tl.no_grad():  # the decoder's guess for a place is made one place before, from what is left of it
        guess = models.decoder(hidden.tokens[:, :-1])
    left, _ = tasks.right_answers(guess.numpy(), targets.numpy()[:, 1:])
    print(f"Of the same words the decoder says {left:.1%} right, from what stands before them, none of it hidden.")
    for text, before, around in guesses(models, sentences):
        print(f"\n  {text.replace(MASK, '___')}")
        for name, p in (("decoder", before), ("encoder", around)):
            print(f"    {name}   " + ", ".join(f"{word} {share:.2f}" for word, share in p[:4]))
    return Result(right, f"{right:.1%} right, loss {loss:.3f}", history.interrupted)


def guesses(models: Models, sentences: Sentences) -> list[pictures.Gap]:
    """For each of the GAPS its text, and the five words that decoder and encoder hold for the most probable there."""

    def best(logits: tl.Tensor) -> list[tuple[str, float]]:
        p = probabilities(logits).numpy()
        return [(sentences.tokenizer.token(int(i)), float(p[i])) for i in np.argsort(-p, kind="stable")[:5]]

    found = []
    for text in GAPS:
        tokens = sentences.encode(text)
        place = tokens.index(sentences.mask)
        with tl.no_grad():
            before, around = models.decoder(tokens[:place])[-1], models.encoder(tokens)[place]
        found.append((text, best(before), best(around)))
    return found


def classify(encoder: Encoder, sentences: Sentences) -> Result:
    """Learn from a few labelled sentences if they are about one or several, with and without what the encoder knows.

    Raises KeyboardInterrupt after Ctrl-C: an average with half-learnt models in it would say nothing.
    """
    labelled = tasks.one_or_several(sentences, sentences.learn)
    test = tasks.one_or_several(sentences, sentences.test)
    print(f"\nIs a sentence about one or several? {LABELLED} examples to learn from, {len(test)} others for the test;")
    print(f"on average over {TRIES} times {LABELLED} examples, the same for both:")
    shares = np.empty((TRIES, 2))
    for few, row in zip(np.arange(TRIES * LABELLED).reshape(TRIES, LABELLED), shares, strict=True):
        for k in range(2):
            model = Classifier(Encoder(encoder.config), 2, "mean")
            if k:
                model.encoder.load_state_dict(encoder.state_dict())  # a copy, which goes on learning
            if learn(model, nn.data.Subset(labelled, few), 60, rate=2e-3, show=False).interrupted:
                raise KeyboardInterrupt
            outputs, targets = answer(model, test)
            row[k] = (outputs.numpy().argmax(-1) == targets.numpy()).mean()
    for name, right in zip(("an untrained encoder", "this encoder"), shares.mean(axis=0), strict=True):
        print(f"  {name:22} {right:.1%} right")
    more = 100 * (shares[:, 1] - shares[:, 0])
    print(
        f"  {'the difference':22} {more.mean():+.1f} points, standard error {more.std(ddof=1) / len(more) ** 0.5:.1f}"
    )
    right = float(shares[:, 1].mean())
    return Result(right, f"{right:.1%} right, from {LABELLED} examples")


def reverse(model: EncoderDecoder, word: Sequence[int], steps: int) -> Result:
    """Let encoder and decoder learn to write words backwards."""
    print(f"\nEncoder-decoder learns to write {tasks.SHORTEST} to {tasks.LONGEST} letters backwards:")
    history = learn(model, tasks.Reversals(BATCH * 100), steps)
    outputs, targets = answer(model, tasks.Reversals(1000, seed=0))
    letters, whole_words = tasks.right_answers(outputs.numpy(), targets.numpy())
    print(f"Of 1,000 other words {whole_words:.1%} are right, of their letters {letters:.2%}.")
    print(f"  {in_line(word)} -> {in_line(written(model, word))}")
    return Result(whole_words, f"{whole_words:.1%} of words right", history.interrupted)


def in_line(letters: Sequence[int]) -> str:
    """As "erutcel <end>"."""
    return "".join(tasks.signs(letters)).replace("<", " <")


def written(model: EncoderDecoder, word: Sequence[int]) -> list[int]:
    """What the model writes for a word, with the end if it comes to one."""
    answer = model.generate([*word, tasks.END], start=tasks.BEGIN, max_new_tokens=len(word) + 1, temperature=0)
    return list(answer)


def draw_reversed(model: EncoderDecoder, word: Sequence[int], path: Path) -> None:
    """Draw at which letter the model looks while it writes the word backwards."""
    source, target = [*word, tasks.END], written(model, word)
    trace = model.trace(source, [tasks.BEGIN, *target[:-1]])
    title = "Which letter it looks at, writing each"
    draw_attention(trace.cross, tasks.signs(target), path, keys=tasks.signs(source), title=title)
    print(f"  {path}")


def print_table(models: Models, results: dict[str, Result]) -> None:
    """Print the three side by side, and if they have reached what they do in PyTorch."""
    decoder, encoder, both = (f"{m.config.parameter_count():,}" for m in (models.decoder, models.encoder, models.both))
    rows = [
        ("decoder-only", decoder, "itself and before", NEXT),
        ("encoder-only", encoder, "all words", HIDDEN),
        ("  and a classifier", "", "all words", NUMBER),
        ("encoder-decoder", both, "source, and before", REVERSE),
    ]
    print(
        f"\n  {'architecture':20}{'parameters':>10}   {'a token sees':20}{'task':17}{'in the test':30}PyTorch's least"
    )
    for name, parameters, seen, task in rows:
        result, goal = results.get(task), GOALS.get(task)
        figure = "skipped" if result is None else result.figure
        met = "" if goal is None else f"{goal:.0%}"
        if result and goal is not None:
            met += ": reached" if result.right >= goal else ": missed"
        print(f"  {name:20}{parameters:>10}   {seen:20}{task:17}{figure:30}{met}".rstrip())


if __name__ == "__main__":
    main()
