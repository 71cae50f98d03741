"""For 19_tokens_and_size.py: four ways to cut "12+30=42" into tokens, what is printed and drawn."""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import tinygrad_lecture as tl
from helpers.corpora import read_text
from helpers.drawing import chart
from helpers.program import Measured, counted, elsewhere, holds, table
from helpers.real import DATA, chat, in_tens, numbers_said, smollm2
from transformer import BPETokenizer
from transformer.inspect.trace import visible

END = "<end>"


class Cut(NamedTuple):
    """A tokenization. pieces: the text of each token; pieces_of: a sum's pieces."""

    pieces: list[str]
    pieces_of: Callable[[str], list[str]]

    @property
    def end(self):
        """The token after an answer."""
        return self.pieces.index(END)

    def encode(self, text):
        """The tokens of a text."""
        return [self.pieces.index(piece) for piece in self.pieces_of(text)]

    def decode(self, tokens):
        """The digits of an answer."""
        return "".join(re.sub(r"\D", "", self.pieces[token]) for token in tokens)


def characters():
    """1 2 + 3 0 = 4 2."""
    return Cut([*"0123456789+=", END], list)


def numbers(n):
    """12 + 30 = 42: one token for each number below n."""
    return Cut([*map(str, range(n)), "+", "=", END], lambda text: re.findall(r"\d+|[+=]", text))


def special(n):
    """NUM_12 OP_PLUS NUM_30 OP_EQUALS NUM_42."""
    names = {"+": "OP_PLUS", "=": "OP_EQUALS"}
    pieces = [*(f"NUM_{i}" for i in range(n)), "OP_PLUS", "OP_EQUALS", END]
    return Cut(pieces, lambda text: [names.get(x, f"NUM_{x}") for x in re.findall(r"\d+|[+=]", text)])


def byte_pairs(pairs):
    """Pieces that byte-pair encoding learns from the sums: the 60 most frequent pairs are merged."""
    text = " ".join(f"{a}+{b}={a + b}" for a, b in pairs.tolist())
    tokenizer = BPETokenizer.train(text.replace(" ", "\n"), 256 + 60)
    used = sorted({piece for a in range(200) for piece in tokenizer.tokens(str(a))} | {*"+="})
    return Cut([*used, END], tokenizer.tokens)


# --- what is printed and drawn ----------------------------------------------------------------------------------------


def report(m, settings):
    """Print what was measured, and draw it."""
    learnt = int(settings.shares[-1] * m.pairs)
    print(f"\nHow should a number be written? {learnt:,} sums to learn from, {m.held_out} held out:")
    for name, cut in m.cuts.items():
        pieces = [*cut.pieces_of("12+30="), *cut.pieces_of("42")]
        print(f"  {name:15} {' / '.join(pieces):48} {len(pieces)} tokens, of {len(cut.pieces)}")
    print("  special tokens are number tokens under other names: their ids are the same, and a model sees only ids")
    rows = {}
    for name, new in m.by_writing.items():
        parameters, loss, known = m.learnt[name]
        rows[name] = f"{parameters:,}", f"{loss:.4f}", known, new
    table(("parameters", "last loss", "learnt from", "held out"), rows, ".1%")
    slower = "are learnt sooner here" if holds("single tokens", m) else "take longer to learn here"
    print('  The lecture proposes single tokens for numbers, so that "12" is not said digit by digit. They')
    print(f"  {slower}{elsewhere('single tokens', '.0%', m)}. All sums use the same digits, but each number token")
    print(f"  has a vector and sums of its own. A number from {settings.largest + 1} on would be a token never read.")

    # How many sums held out are right, by the size of the model and by the data
    print("\nAblation. Right answers to sums held out, by the size of the model and of the training data:")
    less = [f"{int(share * m.pairs):,} sums" for share in settings.shares[:-1]]
    cases = [*(f"width {width}" for width in settings.widths), *less]  # all data; the largest width with less data
    right = {name: [*m.by_width[name], *m.by_data[name][:-1]] for name in m.by_width}
    table(cases, right, ".1%")

    # How many digits and whole sums are right by size, and whether the parts grow more evenly
    print("\nEmergence. Small networks learn to add two numbers below 100. Right, of 1,000 new sums:")
    for claim, (what, sizes) in zip(("by neurons", "by examples"), m.grown.items(), strict=True):
        table(sizes, {"single digits": m.digits[what], "whole sums": m.whole[what]}, ".0%", what)
        evenly = "the parts grow more evenly" if holds(claim, m) else "the parts do not grow more evenly"
        print(f"  The largest leap is {100 * m.whole_leap[what]:.0f} points for whole sums,", end=" ")
        print(f"{100 * m.digits_leap[what]:.0f} for digits: {evenly}{elsewhere(claim, '.2f', m)}.")

    title = "How should a number be written? Right answers to sums held out"
    curves, xlabel = {name: (cases, shares) for name, shares in right.items()}, "the model; last: with less data"
    chart(settings.out / "ablation.png", title, curves, xlabel, "right answers", shares=True)


# --- a real model -----------------------------------------------------------------------------------------------------


WORKED = "12 + 13 = 25\n7 + 8 = 15\n4 + 2 = 6\n"
WAYS = {
    "7+12=": lambda model, a, b: f"{a}+{b}=",
    "7 + 12 =": lambda model, a, b: f"{a} + {b} =",
    "7 + 12 =, after three worked lines": lambda model, a, b: f"{WORKED}{a} + {b} =",
    "What is 7 + 12? in a chat, answer begun": lambda model, a, b: chat(model, f"What is {a} + {b}?", f"{a} + {b} ="),
}


def measure_real(settings):
    """How SmolLM2 cuts words, how a sum is best written for it, and what a block is worth."""
    model = smollm2("about its tokens and its size")
    m = Measured(config=model.config, cut={name: cut_by(model, text) for name, text in DATA["texts"].items()})
    words = (DATA["words"][kind].split() for kind in ("rare", "common"))
    m.rare, m.common = ([len(cut_by(model, word)) for word in some] for some in words)

    pairs = np.random.default_rng(settings.seed).integers(1, 20, (30, 2)).tolist()
    m.ways = {}
    for name, way in WAYS.items():
        said = numbers_said(model, [way(model, a, b) for a, b in pairs], 4)
        m.ways[name] = in_tens(np.array([x == str(a + b) for x, (a, b) in zip(said, pairs, strict=True)]))
    m.bare, _, _, m.chat = m.ways.values()

    story = np.array(model.tokenizer.encode(read_text(None).learnt)[:250]).reshape(10, 25)
    m.loss, m.without = losses(model, story), []
    for block in model.blocks:
        hook = block.register_forward_hook(lambda module, inputs, out: inputs[0])  # hands on what enters it
        m.without.append(losses(model, story) - m.loss)  # (10,): by how much the loss rises
        hook.remove()
    m.without_first, m.without_others = m.without[0], np.median(m.without[1:], axis=0)
    return m


def cut_by(model, text):
    """The pieces of a text."""
    return [visible(model.tokenizer.decode([token])) for token in model.tokenizer.encode(text)]


def losses(model, rows):
    """The cross-entropy of the next token in each row of tokens (n, tokens): (n,)."""
    with tl.no_grad():
        return np.array([model.loss(row[:-1], row[1:]).item() for row in rows])


def real(m, settings):
    """Print and draw it."""
    print(f"\nIts {m.config.vocab_size:,} tokens are byte pairs; digits are kept apart, as the lecture's characters:")
    for name, text in DATA["texts"].items():
        words = counted(len(text.split()), "word")
        print(f"  {name:12}{len(m.cut[name]):3} tokens for {words:8}{' '.join(m.cut[name])}")
    print(f"  Ten rare words are {sum(m.rare)} tokens, ten common ones {sum(m.common)}.")
    print("\nOne question, written in four ways: 30 sums of numbers below 20, right")
    for name, right in m.ways.items():
        print(f"  {name:42}{np.mean(right):5.0%}")
    rises = np.mean(m.without, axis=1)
    print(f"\nAblation: the cross-entropy on ten pieces of a text is {m.loss.mean():.2f}.")
    order = np.argsort(-rises)
    most, least = (", ".join(f"{k + 1} {rises[k]:+.2f}" for k in some) for some in (order[:5], order[-3:]))
    print(f"  Left out, it rises most: block {most}; least: block {least}.")

    curves, levels = {"without it": (range(1, len(rises) + 1), m.loss.mean() + rises)}, {"with all": m.loss.mean()}
    title, ylabel = "What a block is worth: the loss when it is left out", "cross-entropy of the next token"
    chart(settings.out / "real_blocks.png", title, curves, "block that is left out", ylabel, levels=levels)
