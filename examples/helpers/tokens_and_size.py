"""For 19_tokens_and_size.py: four ways to cut "12+30=42" into tokens, what is printed and drawn."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from helpers.drawing import BLUE, GREEN, ORANGE, PURPLE, VERMILION, beside, chart, percent, save
from helpers.program import counted
from helpers.real import DATA, chat, loss_on, numbers_said, smollm2
from helpers.tokens import read_text
from transformer import GPT, BPETokenizer
from transformer.inspect.attention_maps import visible

Numbers = Sequence[float]
END = "<end>"


class Cut(NamedTuple):
    """A tokenization. pieces: the text of each token; pieces_of: a sum's pieces."""

    pieces: list[str]
    pieces_of: Callable[[str], list[str]]

    @property
    def end(self) -> int:
        """The token after an answer."""
        return self.pieces.index(END)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text."""
        return [self.pieces.index(piece) for piece in self.pieces_of(text)]

    def decode(self, tokens: Sequence[int]) -> str:
        """The digits of an answer."""
        return "".join(re.sub(r"\D", "", self.pieces[token]) for token in tokens)


def characters() -> Cut:
    """1 2 + 3 0 = 4 2."""
    return Cut([*"0123456789+=", END], list)


def numbers(n: int) -> Cut:
    """12 + 30 = 42: one token for each number below n."""
    return Cut([*map(str, range(n)), "+", "=", END], lambda text: re.findall(r"\d+|[+=]", text))


def special(n: int) -> Cut:
    """NUM_12 OP_PLUS NUM_30 OP_EQUALS NUM_42."""
    names = {"+": "OP_PLUS", "=": "OP_EQUALS"}
    pieces = [*(f"NUM_{i}" for i in range(n)), "OP_PLUS", "OP_EQUALS", END]
    return Cut(pieces, lambda text: [names.get(x, f"NUM_{x}") for x in re.findall(r"\d+|[+=]", text)])


def byte_pairs(pairs: np.ndarray) -> Cut:
    """Pieces that byte-pair encoding learns from the sums: the 60 most frequent pairs are merged."""
    text = " ".join(f"{a}+{b}={a + b}" for a, b in pairs.tolist())
    tokenizer = BPETokenizer.train(text.replace(" ", "\n"), 256 + 60)
    used = sorted({piece for a in range(200) for piece in tokenizer.tokens(str(a))} | {*"+="})
    return Cut([*used, END], tokenizer.tokens)


# --- what is printed --------------------------------------------------------------------------------------------------


def cuts(found: Mapping[str, Cut], learnt: int, held_out: int) -> None:
    """Print a sum in each tokenization."""
    print(f"{learnt:,} sums to learn from, {held_out} held out. 12+30=42 as tokens:")
    for name, cut in found.items():
        pieces = [*cut.pieces_of("12+30="), *cut.pieces_of("42")]
        print(f"  {name:15} {' / '.join(pieces):48} {len(pieces)} tokens, of {len(cut.pieces)}")
    print(f"\n  {'':15}{'parameters':>12}{'last loss':>11}{'learnt from':>13}{'held out':>10}")


def learnt(name: str, model: GPT, loss: float, known: float, new: float) -> None:
    """Print how well a tokenization is learnt."""
    print(f"  {name:15}{model.config.parameter_count():12,}{loss:11.4f}{known:13.1%}{new:10.1%}", flush=True)


def special_tokens(same: bool) -> None:
    """Print whether special tokens are number tokens."""
    if same:
        print("  special tokens are number tokens under other names: their ids are the same, and a model sees only ids")


def compared(held_out: Mapping[str, float], n: int) -> None:
    """Print what follows."""
    characters, whole = held_out["characters"], held_out["number tokens"]
    print('\n  The lecture proposes single tokens for numbers, so that "12" is not said digit by digit.')
    print(f"  Of the sums held out, characters get {characters:.0%} right here, number tokens {whole:.0%}.")
    if characters > whole + 0.05:
        print("  All sums are written with the same ten digits, but each number token has a vector of its own,")
        print("  and only its own sums to learn it from. So they take longer to learn. Try more --steps.")
    print(f"  A number of {n} or more would be a token that it has never read in a question.")


def ablation(shares: Sequence[float], pairs: int, width: int, parameters: int, row: np.ndarray, first: bool) -> None:
    """Print a row of the ablation."""
    if first:
        print("\nAblation. Right answers to sums held out, by the size of the model and of the training data:")
        print(f"  {'width':>6}{'parameters':>12}" + "".join(f"{f'{share * pairs:,.0f} sums':>13}" for share in shares))
    print(f"  {width:6}{parameters:12,}" + "".join(f"{right:13.1%}" for right in row), flush=True)


def emergence(grown: Mapping[str, Mapping[int, tuple[np.ndarray, np.ndarray]]]) -> None:
    """Print how many digits and whole sums are right by size, the mean of the seeds, and the largest leap."""
    print("\nEmergence. Small networks learn to add two numbers below 100. Right, of 1,000 new sums:")
    for what, sizes in grown.items():
        digits, sums = ([row[k].mean() for row in sizes.values()] for k in (0, 1))
        print(f"  {what:24}" + "".join(f"{size:11,}" for size in sizes))
        print(f"  {'  single digits':24}" + "".join(f"{share:11.0%}" for share in digits))
        print(f"  {'  whole sums':24}" + "".join(f"{share:11.0%}" for share in sums))
        leap = int(np.argmax(np.diff(sums)))
        by, parts = sums[leap + 1] - sums[leap], digits[leap + 1] - digits[leap]
        small, large = list(sizes)[leap : leap + 2]
        print(f"  The largest leap, from {small:,} to {large:,}: {100 * by:.0f} points for whole sums,", end=" ")
        print(f"{100 * parts:.0f} for digits" + (", all three of which a sum needs." if by > 1.5 * parts > 0 else "."))


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_ablation(widths: Numbers, sizes: Numbers, shares: Numbers, table: np.ndarray, path: Path) -> None:
    """Right answers against the number of parameters, a line for each amount of data."""
    curves = {f"{share:.0%} of all sums": (sizes, right) for share, right in zip(shares, table.T, strict=True)}
    axes = chart("How much do more parameters and more data help?", curves, (VERMILION, BLUE, ORANGE, GREEN, PURPLE))
    axes.set(xscale="log", ylim=(0, 1.03), xlabel="parameters (logarithmic)", ylabel="right answers to sums held out")
    axes.set_xticks(sizes, [f"{size:,}\nwidth {width}" for size, width in zip(sizes, widths, strict=True)])
    axes.minorticks_off()
    percent(axes.yaxis)
    beside(axes, title="learnt from")
    save(axes.figure, path)


# --- a real model -----------------------------------------------------------------------------------------------------


def real(settings: Any) -> None:
    """How SmolLM2 cuts texts, where its weights are, how a sum is best written for it, and what a block is worth."""
    model = smollm2("about its tokens and its size")
    config, tokenizer = model.config, model.tokenizer
    print(f"\nIts {tokenizer.vocab_size:,} tokens are byte pairs; digits are kept apart, as the lecture's characters:")
    for name, text in DATA["texts"].items():
        pieces = [visible(tokenizer.decode([token])) for token in tokenizer.encode(text)]
        print(f"  {name:12}{len(pieces):3} tokens for {counted(len(text.split()), 'word'):8}{' '.join(pieces)}")
    parts = config.parameters_by_part()
    total, ffn = config.parameter_count(), sum(count for part, count in parts.items() if part.startswith("FFN"))
    print(f"\nOf its {total:,} weights {parts['W_E'] / total:.0%} are the table of tokens, {ffn / total:.0%} the FFNs.")
    as_written(model, np.random.default_rng(settings.seed))
    losses = without_a_block(model)
    print("\nPicture:")
    curves = {"without it": (range(1, len(losses)), losses[1:]), "with all": ((1, len(losses) - 1), losses[:1] * 2)}
    axes = chart("What a block is worth: the loss when it is left out", curves, (BLUE, VERMILION))
    axes.set(xlabel="block that is left out", ylabel="cross-entropy of the next token", ylim=(0, None))
    save(axes.figure, settings.out / "real_blocks.png")


def as_written(model: Any, random: np.random.Generator, n: int = 30) -> None:
    """The share of right sums, by how the same question is written."""
    pairs = random.integers(1, 20, (n, 2)).tolist()
    worked = "12 + 13 = 25\n7 + 8 = 15\n4 + 2 = 6\n"
    ways = {
        "7+12=": lambda a, b: f"{a}+{b}=",
        "7 + 12 =": lambda a, b: f"{a} + {b} =",
        "7 + 12 =, after three worked lines": lambda a, b: f"{worked}{a} + {b} =",
        "What is 7 + 12? in a chat, answer begun": lambda a, b: chat(model, f"What is {a} + {b}?", f"{a} + {b} ="),
    }
    print(f"\nOne question, written in four ways: {n} sums of numbers below 20, right")
    shares = []
    for name, way in ways.items():
        said = numbers_said(model, [way(a, b) for a, b in pairs], 4)
        shares.append(np.mean([x == str(a + b) for x, (a, b) in zip(said, pairs, strict=True)]))
        print(f"  {name:42}{shares[-1]:5.0%}", flush=True)
    if max(shares) > min(shares) + 0.2:
        print("  The model and the sums are the same: it matters how one asks.")


def without_a_block(model: Any) -> list[float]:
    """Print the loss on a text with all blocks, and without each; return them."""
    story = read_text(None).learnt
    losses = [loss_on(model, story)]
    for block in model.blocks:
        hook = block.register_forward_hook(lambda module, inputs, out: inputs[0])  # hands on what enters it
        losses.append(loss_on(model, story))
        hook.remove()
    rises = np.array(losses[1:]) - losses[0]
    print(f"\nAblation: the cross-entropy on 96 tokens of a text is {losses[0]:.2f}.")
    order = np.argsort(-rises)
    most, least = (", ".join(f"{k + 1} {rises[k]:+.2f}" for k in some) for some in (order[:5], order[-3:]))
    print(f"  Left out, it rises most: block {most}; least: block {least}.")
    few = (rises < 0.2).sum()
    print(f"  {few} of the {len(rises)} blocks can be left out, one at a time, for less than 0.2.")
    return losses
