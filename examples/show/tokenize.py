"""For 05_tokenize.py: what it prints and draws."""

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from helpers.corpora import Text
from helpers.drawing import BLUE, DARK, GREEN, OKABE_ITO, VERMILION, Axes, chart, logarithmic, new_figure, save
from helpers.inside import printable
from helpers.program import SHOW_MORE, Measured, counted, detail, holds, table
from tinygrad_lecture.inspect.drawing import as_written, drawable
from transformer import BPETokenizer, Tokenizer
from transformer.tokenizer.bpe import Word, visible

Ways = Mapping[str, Tokenizer]


# --- what is printed --------------------------------------------------------------------------------------------------


LONGEST = 24  # characters of a token, or bytes of a word, that are shown


def shown(token: str) -> str:
    """A token as it is printed: a dot for a space; of a long one the beginning, and how many characters it has."""
    return visible(token if len(token) <= LONGEST else f"{token[: LONGEST // 2]}…({len(token):,})")


def cut(tokens: Sequence[str]) -> str:
    """Tokens side by side: cle|ve|rest."""
    return "|".join(map(shown, tokens))


def report(m: Measured, settings: Any) -> None:
    """Print what was measured, and draw it."""
    three_ways(settings.sentence, m.ways)
    nine_words(m, m.nine_words)
    sizes(m)
    growth(m)
    rare_words(m)
    print("\nPictures:")
    draw_pieces(settings.sentence, m.ways, settings.out / "pieces.png")
    draw_merges(settings.sentence, m.ways["pieces"], settings.out / "merges.png")
    draw_vocabulary(m.text, m.ways, m.sizes, settings.out / "vocabulary.png")


def three_ways(sentence: str, ways: Mapping[str, Tokenizer]) -> None:
    """The sentence as tokens, with their ids below."""
    print(f'"{printable(sentence)}" cut in three ways. A dot is a space; below each token is its id.')
    for name, t in ways.items():
        ids, tokens = t.encode(sentence), t.tokens(sentence)
        print(f"  {len(ids)} {name}, of a vocabulary of {len(t):,}")
        for i in range(0, len(ids), 24):
            table(map(shown, tokens[i : i + 24]), {"": ids[i : i + 24]})


def nine_words(m: Measured, source: str) -> None:
    """The merges learnt from a few words, and how a new word is cut after each."""
    print("\nHow pieces are learnt: the pair of neighbours that occurs most often becomes a token, again and again.")
    print(f"From nine words, {source}:")
    print(f"  {'merge':>5}  {'pair':10} {'occurs':8}   cleverest, which is none of the nine, is then cut into")
    print(f"  {'':28}{cut(m.stages[0].tokens('cleverest'))}")
    last = m.stages[-1]
    for n, (stage, count) in enumerate(zip(m.stages[1:], m.counts, strict=True), start=1):
        left, right = (shown(last.token(id)) for id in last.merges[n - 1])
        print(f"  {n:5}  {f'{left} + {right}':10} {f'{count} times':8}  {cut(stage.tokens('cleverest'))}")
    if holds("cleverest", m):
        print("  These three pieces are the lecture's. GPT-2's tokenizer (--tokenizer) cuts it into the same.")


def sizes(m: Measured) -> None:
    """The size of the vocabulary against the length of the sequence."""
    print(f"\nThe size of the vocabulary, and the length of the sequence. Learnt from nine tenths of {m.text.source}:")
    ways = {f"{len(m.ways[name]):,} {name}": m.ways[name] for name in ("characters", "words")}
    ways |= {f"{256 + len(t.merges):,} pieces": t for t in (m.sizes if SHOW_MORE.get() else m.sizes[::3])}
    rows = {}
    for name, t in ways.items():
        n, rest = len(t.encode(m.text.learnt)), len(t.encode(m.text.rest))
        rows[name] = n, f"{len(m.text.learnt) / n:.2f}", rest, m.unknown if "words" in name else 0
    table(("tokens", "characters per token", "tokens of the last tenth", "unknown"), rows, ",", "vocabulary")
    print(f"  {m.unknown} words of the last tenth do not occur before. Among words one token stands for all of them.")
    print("  No text is unknown to pieces: every text is bytes in UTF-8, and all 256 bytes are tokens.")


def growth(m: Measured) -> None:
    """How the number of different words grows with the text."""
    print("\nThe vocabulary of words grows with the text, that of pieces is as large as one wants (--vocab-size):")
    print("  " + "; ".join(f"{words:,} different words in {n:,} characters" for n, words in [*m.growth.items()][2:]))


def rare_words(m: Measured) -> None:
    """Words as pieces, each with the space before it."""
    detail("\nA frequent word is one token; a rare word is several pieces" if holds("rare", m) else "\nWords")
    for word, pieces in m.rare.items():
        name = word if len(word) > 1 else unicodedata.name(word).lower()
        size = counted(len(f" {word}".encode()), "byte")
        detail(f"  {name:22} {size:10} {counted(len(pieces), 'token'):10} {cut(pieces)}")
    detail("  In UTF-8 the letter ï is two bytes, the face is four. Bytes that no merge has joined are tokens: \\xf0.")


# --- the pictures -----------------------------------------------------------------------------------------------------


MOST_BYTES = 34  # of words side by side


def draw_pieces(sentence: str, ways: Ways, path: Path) -> None:
    """The sentence, or its beginning, three times: each token a box as wide as its text, with its id below."""
    part = sentence[:40]
    cut = {name: [*zip(map(shown, t.tokens(part)), t.encode(part), strict=True)] for name, t in ways.items()}
    wide = {name: np.array([max(len(text), len(str(id))) + 1 for text, id in row]) for name, row in cut.items()}
    figure = new_figure(max(9, 0.13 * max(widths.sum() for widths in wide.values())), 4)
    title = f'"{drawable(part)}{"…" if part != sentence else ""}" as characters, as words, as learnt pieces'
    figure.suptitle(title, fontsize=14, weight="bold", **as_written())
    for axes, (name, row), widths in zip(figure.subplots(3, 1, sharex=True), cut.items(), wide.values(), strict=True):
        look = {"color": [OKABE_ITO[i % len(OKABE_ITO)] for i in range(len(row))], "edgecolor": "white", "linewidth": 4}
        drawn = axes.barh([0] * len(row), widths, left=np.cumsum(widths) - widths, alpha=0.4, **look)
        labels = [f"{drawable(text)}\n{id}" for text, id in row]
        axes.bar_label(drawn, labels, label_type="center", fontsize=12, **as_written())
        note = f"{len(row)} {name}, of a vocabulary of {len(ways[name]):,}; below each token its id"
        axes.set_title(note, loc="left", fontsize=12)
        axes.axis("off")
    save(figure, path)


def draw_merges(sentence: str, t: BPETokenizer, path: Path) -> None:
    """Words as trees: bytes at the bottom, each merge a step higher. As many as fit."""
    words = {word.text: word for word in t.explain(sentence)}
    ends = np.cumsum([len(word.bytes) + 1 for word in words.values()])
    chosen = [word for word, end in zip(words.values(), ends, strict=True) if end <= MOST_BYTES]
    width = sum(len(word.bytes) + 1 for word in chosen)
    height = max((len(word.merges) for word in chosen), default=0)
    title = "From bytes to tokens, merge by merge"
    figure = new_figure(max(8.0, 0.5 * width + 1), max(3.4, 0.55 * height + 2.2), title)
    axes = figure.subplots()
    axes.axis("off")
    x = 0.0
    for word in chosen:
        tree(axes, word, x)
        x += len(word.bytes) + 1
    note = "red: the number of the merge in the order of learning; in each word the smallest number is merged first"
    figure.supxlabel(note, fontsize=11, color=DARK)
    axes.set(xlim=(-0.8, max(width, 1) - 1.2), ylim=(-0.8, height + 0.8))
    save(figure, path)


def tree(axes: Axes, word: Word, left: float) -> None:
    """A word's merges: each joins two neighbours, a step above the merge before it."""
    row = [(piece, left + i, 0.0) for i, piece in enumerate(word.bytes)]  # each piece, and where it is
    for piece, x, y in row:
        axes.text(x, y - 0.15, drawable(visible(piece)), ha="center", va="top", fontsize=13, **as_written())
    for step, merge in enumerate(word.merges, start=1):
        before, row = iter(row), []
        for piece in merge.pieces:
            node = next(before)
            if piece != node[0]:  # it is joined with its neighbour
                (_, x0, y0), (_, x1, y1) = node, next(before)
                node = piece, (x0 + x1) / 2, float(step)
                y0, y1 = (y + 0.62 if y else 0 for y in (y0, y1))  # above what a merge has written
                axes.plot([x0, x0, x1, x1], [y0, step, step, y1], color=BLUE, linewidth=1.6)
                look = {"ha": "center", "va": "top", "fontsize": 10, "color": VERMILION}
                axes.text(node[1], step - 0.06, f"{merge.number:,}", **look)
                look = {"ha": "center", "va": "center", "fontsize": 12, "weight": "bold", **as_written()}
                axes.text(node[1], step + 0.34, drawable(visible(piece)), **look)
            row.append(node)


def draw_vocabulary(text: Text, ways: Ways, learnt: Sequence[BPETokenizer], path: Path) -> None:
    """How long the text is in each vocabulary."""
    sizes, lengths = [256 + len(t.merges) for t in learnt], [len(t.encode(text.learnt)) for t in learnt]
    title = f"With bytes the text has {lengths[0]:,} tokens, with {sizes[-1]:,} pieces {lengths[-1]:,}"
    curves = {name: ([len(ways[name])], [len(ways[name].encode(text.learnt))]) for name in ("characters", "words")}
    axes = chart(title, {**curves, "pieces, from single bytes on": (sizes, lengths)}, (GREEN, VERMILION, BLUE))
    axes.set(xlabel="vocabulary: different tokens (logarithmic)", ylabel="sequence: tokens of the text", ylim=(0, None))
    logarithmic(axes.xaxis, [50, 100, 200, 500, 1000])
    save(axes.figure, path)
