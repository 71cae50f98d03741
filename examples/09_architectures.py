"""Decoder, encoder, both: three transformers of the same rooms, which differ in what a token may look at.

    python examples/09_architectures.py

    decoder-only        a token sees itself and what came before it         GPT: says the next token, writes
    encoder-only        a token sees all tokens                             BERT: fills gaps, tells texts apart
    encoder-decoder     all of the source; of the target what came before   T5: answers one text with another

Attention, FFN, embedding and unembedding are the same in all three (transformer/block.py). The program measures who
sees whom: it exchanges one token after the other and looks which outputs change. Then each model learns its task, on
sentences that it makes (made_corpus.py) and on words to be written backwards:

    masks.png           who sees whom, with a sentence's words
    gaps.png            the same gap for the decoder, which knows what stands left of it, and the encoder
    reverse.png         cross-attention while a word is written backwards: a diagonal, reversed

What is to be reached comes from the same models in PyTorch, trained on the same batches with the same recipe by
tests/benchmarks/architectures.py, three times each:

                        steps    right in the test, here    in PyTorch
    hidden words        3,000    70.1%, 71.2%, 71.4%        70.3%, 70.8%, 71.6%
    words backwards       800    all words, each time       all words, each time

From hidden words the encoder has learnt more than to guess them: whether a sentence is about one or several, it then
learns from 20 examples, with --seed 0, 1, 2 to 95%, 90%, 79%; an encoder that starts from nothing, to 77%, 78%, 75%.
That holds for what helps with hidden words: men from women, on which few words depend here, it tells no better.

    python examples/09_architectures.py --word lecture --sentence "two kings said that they ruled the kingdom"
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# Before NumPy comes: sharing such small matrices among threads takes longer than multiplying them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import tinygrad_lecture as tl
import architecture_pictures as pictures
import architecture_tasks as tasks
import nn
from architecture_tasks import LETTERS, MASK, Sentences
from known_words import known_words
from lecture import DataError, carry_out, command_line, new_figure, save, whole
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
SIZES: Any = {"heads": 2, "width": 48, "hidden": 96, "activation": "gelu", "norm": "pre", "positions": "learned"}
SENTENCE = "every queen said that she ruled the kingdom"
BATCH = 32
Row = list[str]  # of the table: architecture, what a token sees, task, figure
LABELLED, TRIES = 20, 5  # sentences that the classifier learns from, and how often it does, from other ones
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
    if history.interrupted:
        print("Ended by Ctrl-C; it goes on with what was learnt so far.")
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
    new_figure(1, 1)  # better to know before the learning than after it that there is no matplotlib
    tl.manual_seed(options.seed)
    sentences = tasks.make_sentences(8000, options.seed)
    tokens = sentences.encode(" ".join(known_words(options.sentence, set(sentences.tokenizer.words))))
    if not 2 <= len(tokens) <= sentences.longest:
        raise DataError(f"the sentence has {len(tokens) - 1} words, and the models take 1 to {sentences.longest - 1}")
    models = build(sentences)
    word = [LETTERS.index(letter) for letter in options.word.lower()]
    panels = measure(models, sentences, tokens, word)
    first = decode(models.decoder, sentences, options.next_steps)
    others, gaps = encode(models, sentences, options.hidden_steps)
    print_table(models, [first, *others, reverse(models.both, word, options.reverse_steps)])

    print("\nPictures:")
    save(pictures.draw_masks(panels), options.out / "masks.png")
    save(pictures.draw_gaps(gaps), options.out / "gaps.png")
    trace = models.both.trace([*word, tasks.END], [tasks.BEGIN, *word[::-1]])
    read, written = [*options.word.lower(), "end"], [*options.word.lower()[::-1], "end"]
    path = options.out / "reverse.png"
    draw_attention(trace.cross, written, path, keys=read, title="Which letter it looks at, writing each")
    print(f"  {path}")


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
    letters = [*(LETTERS[i] for i in word)]
    panels = [
        pictures.Panel("decoder-only", names, sees(models.decoder, tokens, other)),
        pictures.Panel("encoder-only", names, sees(models.encoder, tokens, other)),
        pictures.Panel("encoder-decoder", [*letters, "<end>", "<begin>", *letters[::-1]], both, n),
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


def decode(model: GPT, sentences: Sentences, steps: int) -> Row:
    """Let the decoder learn to say the next word, and write; its line of the table."""
    print(f"\nDecoder-only learns to say the next word, of {sentences.tokenizer.vocab_size}:")
    learn(model, tasks.next_words(sentences, sentences.learn), steps)
    outputs, targets = answer(model, tasks.next_words(sentences, sentences.test))
    right, _ = tasks.right_answers(outputs.numpy(), targets.numpy())
    loss = token_cross_entropy(outputs, targets).item()
    print(
        f"Test loss {loss:.3f}, as sure as of one among {np.exp(loss):.1f}; a guess is {np.log(outputs.shape[-1]):.3f}."
    )
    print("It writes:")
    texts = model.generate_batch([[sentences.start]] * 4, max_new_tokens=sentences.longest - 1, stop=sentences.start)
    for text in texts:
        print(f"  {sentences.tokenizer.decode(text)}")
    return ["decoder-only", "what came before", "the next word", f"{right:.1%} right, loss {loss:.3f}"]


def encode(models: Models, sentences: Sentences, steps: int) -> tuple[list[Row], list[pictures.Gap]]:
    """Let the encoder learn hidden words, and then to tell sentences apart; its lines of the table, and the gaps."""
    model = models.encoder
    print(f"\nEncoder-only learns to say which word is hidden; {tasks.SHARE:.0%} are:")
    learn(model, tasks.HiddenWords(sentences, sentences.learn), steps)
    hidden = tasks.HiddenWords(sentences, sentences.test, seed=0)
    outputs, targets = answer(model, hidden)
    right, _ = tasks.right_answers(outputs.numpy(), targets.numpy())
    loss = token_cross_entropy(outputs, targets).item()
    print(f"Of the words hidden in the test it says {right:.1%} right, loss {loss:.3f}.")
    with tl.no_grad():  # the decoder's guess for a place is made one place before, from what is left of it
        guess = models.decoder(sentences.test[:, :-1])
    left, _ = tasks.right_answers(guess.numpy(), targets.numpy()[:, 1:])
    print(f"Of the same words the decoder says {left:.1%} right, from what stands before them, none of it hidden.")
    gaps = guesses(models, sentences)
    for text, before, around in gaps:
        print(f"\n  {text.replace(MASK, '___')}")
        for name, p in (("decoder", before), ("encoder", around)):
            print(f"    {name}   " + ", ".join(f"{word} {share:.2f}" for word, share in p[:4]))
    told = classify(model, sentences)
    rows = [
        ["encoder-only", "all words", "hidden words", f"{right:.1%} right, loss {loss:.3f}"],
        ["  and a classifier", "all words", "one or several?", f"{told:.1%} right, from {LABELLED} examples"],
    ]
    return rows, gaps


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


def classify(encoder: Encoder, sentences: Sentences) -> float:
    """Learn from a few labelled sentences if they are about one or several, with and without what the encoder knows."""
    labelled = tasks.one_or_several(sentences, sentences.learn)
    test = tasks.one_or_several(sentences, sentences.test)
    tries = np.arange(TRIES * LABELLED).reshape(TRIES, LABELLED)
    print(f"\nIs a sentence about one or several? {LABELLED} examples to learn from, {len(test)} others for the test:")
    right = {}
    for name in ("an untrained encoder", "this encoder"):
        shares = []
        for few in tries:
            model = Classifier(Encoder(encoder.config), 2, "mean")
            if name == "this encoder":
                model.encoder.load_state_dict(encoder.state_dict())  # a copy, which goes on learning
            learn(model, nn.data.Subset(labelled, few), 60, rate=2e-3, show=False)
            outputs, targets = answer(model, test)
            shares.append((outputs.numpy().argmax(-1) == targets.numpy()).mean())
        right[name] = float(np.mean(shares))
        print(f"  {name:22} {right[name]:.1%} right, on average over {TRIES} times {LABELLED} examples")
    return right["this encoder"]


def reverse(model: EncoderDecoder, word: Sequence[int], steps: int) -> Row:
    """Let encoder and decoder learn to write words backwards; their line of the table."""
    print(f"\nEncoder-decoder learns to write {tasks.SHORTEST} to {tasks.LONGEST} letters backwards:")
    learn(model, tasks.Reversals(BATCH * 100), steps)
    outputs, targets = answer(model, tasks.Reversals(1000, seed=0))
    letters, whole_words = tasks.right_answers(outputs.numpy(), targets.numpy())
    print(f"Of 1,000 other words {whole_words:.1%} are right, of their letters {letters:.2%}.")
    written = model.generate([*word, tasks.END], start=tasks.BEGIN, max_new_tokens=len(word) + 1, temperature=0)
    signs = f"{LETTERS}_>."  # for what fills up, begins and ends
    print(f"  {''.join(signs[i] for i in word)} -> {''.join(signs[i] for i in written)}   (a full stop where it ends)")
    return ["encoder-decoder", "source, and before", "backwards", f"{whole_words:.1%} of words right"]


def print_table(models: Models, rows: Sequence[Row]) -> None:
    """Print the three side by side."""
    counts = [models.decoder.config, models.encoder.config, None, models.both.config]
    print(f"\n  {'architecture':20}{'parameters':>10}   {'a token sees':20}{'task':16}in the test")
    for (name, seen, task, figure), config in zip(rows, counts, strict=True):
        parameters = "" if config is None else f"{config.parameter_count():,}"
        print(f"  {name:20}{parameters:>10}   {seen:20}{task:16}{figure}")


if __name__ == "__main__":
    main()
