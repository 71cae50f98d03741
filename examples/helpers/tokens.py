"""For 05_tokenize.py: the text that it learns from, tokenizers in files, what is printed and drawn."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers.drawing import BLUE, DARK, GREEN, ORANGE, PURPLE, SKY, VERMILION, Axes, new_figure, plain, save
from helpers.inside import printable
from helpers.program import DataError, detail
from helpers.public_data import as_text, read
from tinygrad_lecture.inspect.figures import as_written, drawable
from transformer import BPETokenizer, Tokenizer
from transformer.tokenizer.bpe import Word, visible

Ways = Mapping[str, Tokenizer]
STORY = Path(__file__).parents[1] / "data" / "river.txt"
LEAST = 200  # characters to learn from
LECTURE = ["cle", "ve", "rest"]  # its pieces of "cleverest"


@dataclass(frozen=True)
class Text:
    """A text: nine tenths to learn from, and the rest, to see how the tokens fit a text that was not learnt from."""

    source: str
    learnt: str
    rest: str

    @property
    def whole(self) -> str:
        return self.learnt + self.rest


def read_text(path: Path | None) -> Text:
    """The text of a file, or the story. Raises DataError if it is not UTF-8 or too short to learn from."""
    text = as_text(read(path or STORY), path)
    if len(text) < LEAST:
        raise DataError(f"{path} has {len(text)} characters; learning tokens needs {LEAST} or more")
    cut = max(text.rfind(" ", 0, len(text) * 9 // 10), LEAST // 2)  # between two words, if there are some
    return Text("the story" if path is None else path.name, text[:cut], text[cut:])


# --- what is printed --------------------------------------------------------------------------------------------------


LONGEST = 24  # characters of a token, or bytes of a word, that are shown


def shown(token: str) -> str:
    """A token as it is printed: a dot for a space; of a long one the beginning, and how many characters it has."""
    return visible(token if len(token) <= LONGEST else f"{token[: LONGEST // 2]}…({len(token):,})")


def cut(tokens: Sequence[str]) -> str:
    """Tokens side by side: cle|ve|rest."""
    return "|".join(map(shown, tokens))


def three_ways(sentence: str, ways: Mapping[str, Tokenizer]) -> None:
    """The sentence as tokens, with their ids below."""
    print(f'"{printable(sentence)}" cut in three ways. A dot is a space; below each token is its id.')
    for name, t in ways.items():
        ids, tokens = t.encode(sentence), t.tokens(sentence)
        print(f"\n  {len(ids)} {name}, of a vocabulary of {len(t):,}")
        for i in range(0, len(ids), 24):
            row = [(shown(token), str(id)) for token, id in zip(tokens[i : i + 24], ids[i : i + 24], strict=True)]
            for line in zip(*row, strict=True):
                cells = (f"{cell:>{max(map(len, pair))}}" for cell, pair in zip(line, row, strict=True))
                print("    " + " ".join(cells))


def nine_words(source: str, word: str, stages: Sequence[BPETokenizer], counts: Sequence[int]) -> None:
    """The merges learnt from a few words, and how a new word is cut after each."""
    print("\nHow pieces are learnt: the pair of neighbours that occurs most often becomes a token, again and again.")
    print(f"From nine words, {source}:\n")
    print(f"  {'merge':>5}  {'pair':10} {'occurs':8}   {word}, which is none of the nine, is then cut into")
    print(f"  {'':28}{cut(stages[0].tokens(word))}")
    last = stages[-1]
    for n, (stage, count) in enumerate(zip(stages[1:], counts, strict=True), start=1):
        left, right = (shown(last.token(id)) for id in last.merges[n - 1])
        print(f"  {n:5}  {f'{left} + {right}':10} {f'{count} times':8}  {cut(stage.tokens(word))}")
    if last.tokens(word) == LECTURE:
        print("\n  These three pieces are the lecture's. GPT-2's tokenizer, learnt from a large part of the web, cuts")
        print("  the word into the same three (--tokenizer shows it, with GPT-2's files).")


def sizes(text: Text, ways: Ways, learnt: Sequence[BPETokenizer], unknown: str, complete: bool) -> None:
    """The size of the vocabulary against the length of the sequence. complete: whether the last has all merges."""
    words = ways["words"]
    missing = words.encode(text.rest).count(words.special_tokens[unknown])
    print(f"\nThe size of the vocabulary, and the length of the sequence. Learnt from nine tenths of {text.source}:\n")
    print(f"  {'':12}{'vocabulary':>10}{'tokens of the':>16}{'characters':>13}{'tokens of the':>16}{'unknown':>10}")
    print(f"  {'':12}{'':>10}{'nine tenths':>16}{'per token':>13}{'last tenth':>16}{'tokens':>10}")
    rows = [("characters", len(ways["characters"]), ways["characters"]), ("words", len(words), words)]
    rows += [("pieces", 256 + len(t.merges), t) for t in learnt]
    for name, size, t in rows:
        n, rest = len(t.encode(text.learnt)), len(t.encode(text.rest))
        none = missing if name == "words" else 0
        print(f"  {name:12}{size:10,}{n:16,}{len(text.learnt) / n:13.2f}{rest:16,}{none:10,}")
    print()
    if complete:
        print(f"  The last row: 256 bytes, {len(learnt[-1].merges):,} merges. Then no pair occurs more than once.")
    print(f"  {missing} words of the last tenth do not occur before: to words they are one more token, <unknown>.")
    print("  No text is unknown to pieces: every text is bytes in UTF-8, and all 256 bytes are tokens.")


def growth(words: Mapping[int, int], t: BPETokenizer) -> None:
    """How the number of different words grows with the text. words: characters of the text -> different words."""
    print("\nThe vocabulary of words grows with the text, that of pieces is as large as one wants (--vocab-size):\n")
    for n, different in words.items():
        print(f"  {n:9,} characters {different:7,} different words")
    if different < len(t):
        print(f"  So short a text has fewer words than there are pieces: {len(t):,}, of which 256 are the bytes.")


def rare_words(words: Sequence[str], t: BPETokenizer) -> None:
    """Words as pieces, each with the space before it."""
    cuts = {word: t.tokens(f" {word}") for word in words}
    frequent, *rare = map(len, cuts.values())
    detail("\nA frequent word is one token; a rare word is several pieces" if frequent == 1 < min(rare) else "\nWords")
    for word, pieces in cuts.items():
        name = word if len(word) > 1 else unicodedata.name(word).lower()
        n, size = len(pieces), len(f" {word}".encode())
        detail(f"  {name:22} {size:3} bytes {n:3} token{'s' if n > 1 else ' '}   {cut(pieces)}")
    detail("  In UTF-8 the letter ï is two bytes, the face is four. Bytes that no merge has joined are tokens: \\xf0.")


# --- the pictures -----------------------------------------------------------------------------------------------------


COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY)
WIDEST = 60.0  # of a row of boxes; a character takes 0.42
MOST_BYTES = 34  # of words side by side


def draw_pieces(sentence: str, ways: Mapping[str, Tokenizer], path: Path) -> None:
    """The sentence three times, or as much of it as fits: each token a box as wide as its text, with its id below."""
    part = sentence[:60]
    while max(sum(box[2] for box in boxes(t, part)) for t in ways.values()) > WIDEST:
        part = part[:-1]
    width = max(18.0, *(sum(box[2] for box in boxes(t, part)) for t in ways.values()))
    figure = new_figure(0.43 * width + 0.4, 5.4)
    text = f'"{drawable(part)}{"…" if part != sentence else ""}" as characters, as words, as learnt pieces'
    figure.suptitle(text, fontsize=14, weight="bold", **as_written())
    axes = figure.subplots()
    axes.axis("off")
    for line, (name, t) in enumerate(ways.items()):
        row, x, y = boxes(t, part), 0.0, -2.1 * line
        axes.text(0, y + 1.25, f"{len(row)} {name}", fontsize=12, weight="bold")
        axes.annotate(f"of a vocabulary of {len(t):,}; below each token its id", (0, y + 1.25), (112, 0),
                      textcoords="offset points", fontsize=11, color=DARK)  # fmt: skip
        for i, (label, id, wide) in enumerate(row):
            box(axes, x, y + 0.3, wide, label, COLOURS[i % len(COLOURS)])
            axes.text(x + wide / 2, y + 0.12, str(id), ha="center", va="top", fontsize=9.5, color=DARK)
            x += wide
    axes.set(xlim=(-0.1, width + 0.1), ylim=(-4.5, 1.8))
    save(figure, path)


def boxes(t: Tokenizer, text: str) -> list[tuple[str, int, float]]:
    """For each token: what is written in its box, its id, and how wide the box is."""
    labels = [drawable(shown(token)) for token in t.tokens(text)]
    ids = t.encode(text)
    wide = [max(0.42 * len(label), 0.24 * len(str(id)), 0.42) + 0.35 for label, id in zip(labels, ids, strict=True)]
    return list(zip(labels, ids, wide, strict=True))


def box(axes: Axes, left: float, bottom: float, width: float, text: str, colour: str) -> None:
    """A token as a box with round corners."""
    from matplotlib.patches import FancyBboxPatch

    style = "round,pad=0,rounding_size=0.12"
    corner = (left + 0.04, bottom)
    patch = FancyBboxPatch(corner, width - 0.08, 0.7, boxstyle=style, facecolor=colour, edgecolor=colour, alpha=0.3)
    axes.add_patch(patch)
    axes.text(left + width / 2, bottom + 0.35, text, ha="center", va="center", fontsize=13, **as_written())


def draw_merges(sentence: str, t: BPETokenizer, path: Path) -> None:
    """Words as trees: bytes at the bottom, each merge a step higher. Those with the most merges, as many as fit."""
    different = list({word.text: word for word in t.explain(sentence)}.values())
    chosen: list[Word] = []
    for word in sorted(different, key=lambda word: -len(word.merges)):
        if sum(len(other.bytes) + 1 for other in chosen) + len(word.bytes) <= MOST_BYTES:
            chosen.append(word)
    chosen = [word for word in different if word in chosen]
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
    nodes = [(left + i, 0.0) for i in range(len(word.bytes))]  # where each piece is
    pieces = list(word.bytes)
    for (x, y), piece in zip(nodes, pieces, strict=True):
        axes.text(x, y - 0.15, drawable(visible(piece)), ha="center", va="top", fontsize=13, **as_written())
    for step, merge in enumerate(word.merges, start=1):
        i = 0
        while i < len(pieces) - 1:
            if (pieces[i], pieces[i + 1]) == (merge.left, merge.right):
                (x0, y0), (x1, y1) = nodes[i], nodes[i + 1]
                y0, y1 = (y + 0.62 if y else 0 for y in (y0, y1))  # above what a merge has written
                axes.plot([x0, x0, x1, x1], [y0, step, step, y1], color=BLUE, linewidth=1.6)
                middle = (x0 + x1) / 2
                axes.text(middle, step - 0.06, f"{merge.number:,}", ha="center", va="top", fontsize=10, color=VERMILION)
                text = drawable(visible(merge.pieces[i]))
                axes.text(middle, step + 0.34, text, ha="center", va="center", fontsize=12, weight="bold",
                          **as_written())  # fmt: skip
                nodes[i : i + 2] = [(middle, float(step))]
                pieces[i : i + 2] = [merge.pieces[i]]
            i += 1


def draw_vocabulary(text: Text, ways: Mapping[str, Tokenizer], learnt: Sequence[BPETokenizer], path: Path) -> None:
    """Left, how long the text is in each vocabulary. Right, how often each token occurs, the most frequent first."""
    size = [256 + len(t.merges) for t in learnt]
    length = [len(t.encode(text.learnt)) for t in learnt]
    title = f"With bytes the text has {length[0]:,} tokens, with {size[-1]:,} pieces {length[-1]:,}"
    figure = new_figure(13, 5.4, title)
    left, right = map(plain, figure.subplots(1, 2))
    left.plot(size, length, ".-", color=BLUE, linewidth=2.5, markersize=10)
    left.annotate("single bytes", (size[0], length[0]), (8, 4), textcoords="offset points", color=BLUE)
    last = (size[-1], length[-1])
    left.annotate("pieces", last, (0, 12), textcoords="offset points", color=BLUE, weight="bold")
    for name, colour, mark in (("characters", GREEN, "s"), ("words", VERMILION, "D")):
        point = (len(ways[name]), len(ways[name].encode(text.learnt)))
        left.plot(*point, mark, color=colour, markersize=10)
        below = -20 if name == "words" else 10
        left.annotate(name, point, (0, below), textcoords="offset points", color=colour, weight="bold")
    left.set(xscale="log", xlabel="vocabulary: different tokens (logarithmic)", ylabel="sequence: tokens of the text")
    left.set(ylim=(0, 1.12 * max(length)), xlim=(30, 2.5 * max(size)))
    for (name, t), colour in zip(ways.items(), (GREEN, VERMILION, BLUE), strict=True):
        counts = sorted(Counter(t.encode(text.learnt)).values(), reverse=True)
        label = f"{name}: {len(counts):,} in use, {sum(count == 1 for count in counts):,} of them once"
        right.plot(range(1, len(counts) + 1), counts, color=colour, linewidth=2.5, label=label)
    right.set(xscale="log", yscale="log", xlabel="tokens, the most frequent first (logarithmic)")
    right.set(ylabel="how often each occurs (logarithmic)")
    for axis in (left.xaxis, left.yaxis, right.xaxis, right.yaxis):
        axis.set_major_formatter("{x:,.0f}")
    right.legend(frameon=False, loc="upper right")
    save(figure, path)
