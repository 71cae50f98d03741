"""Decoder-only, encoder-only, encoder-decoder: the same blocks, which differ in what a token sees.

    python examples/09_architectures.py

    decoder-only      GPT, Claude, Llama     a token sees only previous tokens      text generation
    encoder-only      BERT                   a token sees all tokens                classification, understanding
    encoder-decoder   T5, BART               all tokens of the source, and the      translation
                                             previous ones of the target

First it measures who sees whom: exchange a token, and see which outputs change. Then each model learns its task, on
sentences that the program makes (helpers/corpora.py): the next word, hidden words, and dates into ISO format.
"""

from helpers.program import Common, Measured, start
from helpers.training import progress, train
from show import architectures as show

from collections.abc import Callable
from typing import Any

import numpy as np

import nn
import tinygrad_lecture as tl
from transformer import GPT, Encoder, EncoderConfig, EncoderDecoder, EncoderDecoderConfig, GPTConfig

SIZES: Any = {"heads": 2, "width": 48, "hidden": 96, "activation": "gelu", "norm": "pre", "positions": "learned"}


def measure(settings: "Settings") -> Measured:
    """Who sees whom; then each of the three at its task."""
    made = show.make(8000, settings.seed)
    asked = show.DATES.encode(show.DATE)
    text = {"vocab_size": made.words.vocab_size, "context": made.longest, "init_std": None, **SIZES}
    decoder = GPT(GPTConfig(layers=2, **text))
    encoder = Encoder(EncoderConfig(layers=2, embedding_norm=False, **text))
    dates = {"vocab_size": show.DATES.vocab_size, "context": show.LONGEST_DATE, **SIZES}
    both = EncoderDecoder(EncoderDecoderConfig(layers=1, **dates))
    m = Measured()

    # Who sees whom, measured on the untrained models
    tokens = made.encode("every queen said that she ruled the kingdom")
    source, target = show.DATES.encode("4 May"), show.date_target("05-04")
    words = [made.words.token(token) for token in tokens]
    in_source, in_target = show.date_signs(source), show.date_signs(target)
    m.seen = {  # which output depends on which token, and the names of both
        "decoder-only": (sees(lambda t: decoder(t), tokens), words, words),
        "encoder-only": (sees(encoder, tokens), words, words),
        "encoder-decoder, source": (sees(lambda s: both(s, several(target, s)), source), in_target, in_source),
        "encoder-decoder, target": (sees(lambda t: both(several(source, t), t), target), in_target, in_target),
    }
    m.sees = {name: grid[np.tri(*grid.shape, dtype=bool)].mean() for name, (grid, *_) in m.seen.items()}  # itself too
    m.sees_later = {name: grid[~np.tri(*grid.shape, dtype=bool)].mean() for name, (grid, *_) in m.seen.items()}

    # Decoder-only: the next word
    print("Decoder-only learns the next word:")
    inputs, targets, there = made.next_words()  # (n, tokens) each; there: what is not padding
    learn(decoder, lambda rows: decoder.loss(inputs[rows], targets[rows], there[rows]), settings.next_steps, settings)
    starts = [[made.start]] * 200
    texts = decoder.generate_batch(starts, max_new_tokens=made.longest - 1, stop=made.start, seed=settings.seed)
    m.texts = {"decoder": [made.words.decode(text) for text in texts]}

    # Encoder-only: hidden words, from what stands on both sides
    print(f"Encoder-only learns hidden words, {show.SHARE:.0%} of all:")
    learn(encoder, lambda rows: encoder.loss(*made.hide(made.learn[rows])), settings.hidden_steps, settings)
    test = np.tile(made.test, (4, 1))  # (n, tokens)
    hidden, targets, there = made.hide(test, seed=0)
    with tl.no_grad():
        around = encoder.logits(hidden, there).numpy()  # (n, tokens, vocabulary)
        before = decoder(test[:, :-1]).numpy()  # the decoder says each word one place before, from the true ones
    m.hidden = {"encoder": made.right(around, targets), "decoder": made.right(before, targets[:, 1:])}

    # Why BERT is no generator: it can fill a gap at the end of a text, but has not learnt what comes next
    m.texts["encoder"] = show.fill_at_the_end(encoder, made, 200, settings.seed)
    m.wrote = {who: np.mean([text in made.possible for text in texts]) for who, texts in m.texts.items()}

    # What it is good for: do its vectors tell whether a sentence is about one or about several?
    models = {"untrained": Encoder(encoder.config), "trained": encoder}
    probed = {name: [show.probe(e, made, settings.labelled, k) for k in range(8)] for name, e in models.items()}
    m.told = {name: np.mean(shares) for name, shares in probed.items()}

    # Encoder-decoder: one text in, another out
    print("Encoder-decoder learns to translate dates into ISO format:")
    source, there, target, answer = show.make_dates(6000, settings.seed)  # (n, LONGEST) each
    learn(both, lambda rows: both.loss(source[rows], target[rows], answer[rows], there[rows]),
          settings.date_steps, settings)  # fmt: skip
    translate = {"start": show.DATE_START, "stop": show.DATE_END, "max_new_tokens": 11, "temperature": 0}
    m.dates, m.iso = show.date_examples(300, settings.seed + 1)  # in years that end in 9, which training leaves out
    written = both.generate_batch([show.DATES.encode(text) for text in m.dates], **translate)
    m.said = [show.DATES.decode(tokens) for tokens in written]
    m.translated = np.mean([a == b for a, b in zip(m.iso, m.said, strict=True)])
    m.mine = show.DATES.decode(both.generate(asked, **translate))
    m.cross = both.trace(asked, show.date_target(m.mine)).cross[0]  # (heads, target, source)

    # Inference: the prompt in parallel, the answer token by token
    large = GPT(GPTConfig(vocab_size=100, context=256, layers=4, heads=4, width=128))
    m.at_once, m.longer = show.reading_times(large)
    return m


def learn(model: nn.Module, loss_of: Callable[[np.ndarray], tl.Tensor], steps: int, settings: "Settings") -> None:
    """Mini-batches of 32 random rows, whose loss `loss_of` returns."""
    optimizer = nn.optim.AdamW(model.parameters(), lr=5e-3, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, steps // 10, steps, 5e-4)
    draw = np.random.default_rng(settings.seed)
    train(lambda: loss_of(draw.integers(0, 6000, 32)), optimizer, steps, schedule, clip=1.0, report=progress, reports=1)


def several(tokens: list[int], texts: np.ndarray) -> np.ndarray:
    """The tokens once for each of the texts."""
    return np.tile(tokens, (len(texts), 1))


def sees(model: Callable[[np.ndarray], tl.Tensor], tokens: list[int]) -> np.ndarray:
    """Which output depends on which token, measured by exchanging one after the other: (outputs, tokens) of bools."""
    texts = np.tile(tokens, (len(tokens) + 1, 1))  # the first as it is
    texts[np.arange(1, len(tokens) + 1), np.arange(len(tokens))] = [2 if t != 2 else 3 for t in tokens]
    with tl.no_grad():
        outputs = model(texts).numpy()  # (texts, outputs, any)
    return (np.abs(outputs[1:] - outputs[:1]).max(axis=-1) > 1e-5).T


class Settings(Common, out="architectures"):
    """What can be set on the command line."""

    next_steps: int = 600  # of the optimiser, for the decoder
    hidden_steps: int = 2000  # for the encoder
    date_steps: int = 600  # for the encoder-decoder
    labelled: int = 40  # sentences to learn a classification from


if __name__ == "__main__":
    start(measure, Settings, show.report)
