"""Tokens: how a text becomes numbers, as characters, as words, and as pieces of words that are learnt.

    python examples/05_tokenize.py

A network computes with numbers, so a text is cut into tokens, and each kind of token has a number, its id. The same
sentence in three ways:

    characters    a vocabulary of a few dozen, but long sequences
    words         short sequences, but a vocabulary without end, and words that are unknown
    pieces        byte pair encoding: from single bytes, the most frequent pair of neighbours becomes a token, again and
                  again. Frequent words become one token, rare ones are several, and nothing is unknown

    pieces.png        the sentence as characters, words and pieces, with their ids
    merges.png        how words of it are put together, merge by merge
    vocabulary.png    the larger the vocabulary, the shorter the sequence, and the rarer its tokens

What is learnt from is a short story (examples/data/river.txt), or a text of your own. With --tokenizer the pieces are
not learnt but given, GPT-2's for example: a folder with encoder.json and vocab.bpe, or vocab.json and merges.txt.

    python examples/05_tokenize.py --text my.txt --vocab-size 2000 --sentence "An unbelievable sentence."
    python examples/05_tokenize.py --tokenizer gpt2/
"""

from __future__ import annotations

import argparse
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import helpers.first  # noqa: F401  before NumPy is imported

# isort: split

from helpers.inside import printable
from helpers.lecture import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    DataError,
    carry_out,
    command_line,
    given,
    new_figure,
    plain,
    refuse_idle,
    save,
    tell_leftover,
    whole,
)
from helpers.public_data import read
from tinygrad_lecture.inspect.fonts import as_written, drawable
from transformer import BPETokenizer, CharTokenizer, Tokenizer, WordTokenizer
from transformer.tokenizer.bpe import words
from transformer.tokenizer.explanation import Word, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STORY = Path(__file__).parent / "data" / "river.txt"
SENTENCE = "Was the bank flooded?"
END, UNKNOWN = "<|endoftext|>", "<unk>"
LEAST = 200  # characters to learn from
MERGES = [16 * 2**k for k in range(12)]  # in the table and picture of vocabularies
MOST_MERGES = 4096  # that are learnt for them
RARE = ["bank", "flooding", "neighbourhood", "naïve", "12345", "Donaudampfschifffahrt", "🙂"]
LONGEST = 24  # characters of a token, or bytes of a word, that are shown whole
WIDEST = 60.0  # of a row of boxes in a picture; a character takes 0.42
TICKS = [n * 10**k for k in range(7) for n in (1, 2, 5)]
COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY)


@dataclass(frozen=True)
class Text:
    """A text to learn from, and the rest of it, for looking at what was not learnt from."""

    source: str
    learnt: str
    rest: str


@dataclass(frozen=True)
class Size:
    """A vocabulary and how many tokens the two parts of a text have in it."""

    name: str
    size: int
    learnt: int
    rest: int
    unknown: int = 0  # of those in the rest


def limited(t: BPETokenizer, merges: int) -> BPETokenizer:
    """The same with the first merges only: what it was when it had learnt so many."""
    return BPETokenizer(t.vocabulary, t.merges[:merges], t.special_tokens)


def pair_count(t: BPETokenizer, merge: int, often: Counter[str]) -> int:
    """How often a merge's pair comes in words when all merges before it are done."""
    before = limited(t, merge)
    return sum(
        count * sum(pair == t.merges[merge] for pair in pairwise(before.encode(word))) for word, count in often.items()
    )


def sizes(text: Text, t: BPETokenizer) -> list[Size]:
    """Vocabularies from small to large: bytes, then ever more merges."""
    found = []
    for n in sorted({0, len(t.merges), *(n for n in MERGES if n < 0.8 * len(t.merges))}):
        part = limited(t, n)
        found.append(Size("pieces", 256 + n, len(part.encode(text.learnt)), len(part.encode(text.rest))))
    return found


def whole_tokens(text: Text, ways: dict[str, Tokenizer]) -> tuple[Size, Size]:
    """The same for characters and words."""
    known = ways["words"]
    rest = known.encode(text.rest)
    return (
        Size("characters", len(ways["characters"]), len(text.learnt), len(text.rest)),
        Size("words", len(known), len(known.encode(text.learnt)), len(rest), rest.count(known.special_tokens[UNKNOWN])),
    )


# --- text on a screen ---------------------------------------------------------------------------------------


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: two for a wide character such as 漢, none for an accent on another.

    Source: https://www.unicode.org/reports/tr11/
    """
    return sum(
        2 if unicodedata.east_asian_width(c) in "WF" else unicodedata.category(c) not in ("Mn", "Me", "Cf")
        for c in text
    )


def to_the_right(text: str, width: int) -> str:
    """A text at the right end of so many columns."""
    return " " * (width - columns(text)) + text


def shown(token: str) -> str:
    """A token as it is printed: with a dot for a space; of a long one the beginning, and how many characters it has."""
    return visible(token if len(token) <= LONGEST else f"{token[: LONGEST // 2]}…({len(token):,})")


def counted(n: int, name: str) -> str:
    """As "2 words", or "1 word"."""
    return f"{n:,} {name if n != 1 else name.removesuffix('s')}"


# --- the program --------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Run with command-line arguments. Where something is wrong with them, SystemExit says what."""
    parser = command_line("05_tokenize.py", __doc__, "out/tokenize")
    add = parser.add_argument_group("what is cut into tokens").add_argument
    add("--sentence", default=SENTENCE, metavar="TEXT", help=f"to be looked at ({SENTENCE})")
    add("--text", type=Path, metavar="FILE", help="to learn from, in UTF-8 (a short story)")
    add("--vocab-size", type=whole(257), default=600, metavar="N", help="tokens to learn, bytes included (600)")
    add("--tokenizer", type=Path, metavar="PATH", help="a folder with GPT-2's files, or a saved BPETokenizer")
    options = parser.parse_args(arguments)
    if options.tokenizer is not None:
        refuse_idle(parser, given(parser, arguments), ["vocab_size"], "with --tokenizer")
    carry_out(run, parser, options)


def run(options: argparse.Namespace) -> None:
    """Learn, print the sentence in its tokens, how they were learnt, what follows from it, and draw."""
    try:
        text = read_text(options.text)
        if options.tokenizer is None:
            t = BPETokenizer.train(text.learnt, options.vocab_size, [END])
            largest = BPETokenizer.train(text.learnt, 256 + MOST_MERGES)
        else:
            t = largest = read_tokenizer(options.tokenizer)
        ways = three_ways(text, options.sentence, t)
    except ValueError as error:
        raise DataError(str(error)) from None
    print_ways(options.sentence, ways)
    print_wikipedia()
    print_learnt(text, t, None if options.tokenizer else options.vocab_size)
    print_merges(t, options.sentence)
    bytes_to_largest, others = sizes(text, largest), whole_tokens(text, ways)
    print_sizes(text, [*others, *bytes_to_largest])
    if not options.tokenizer and len(largest.merges) < MOST_MERGES:
        print(f"  With {len(largest)} tokens all is learnt: no pair of neighbours comes twice in a word of the text.")
    print_rare(t)
    print_special(t)
    print("\nPictures:")
    save(draw_pieces(options.sentence, ways), options.out / "pieces.png")
    if that_fit(t.explain(options.sentence)):
        save(draw_merges(options.sentence, t), options.out / "merges.png")
    else:
        print("  merges.png is left out: the words are too long to be drawn")
        tell_leftover(options.out / "merges.png", [])
    save(draw_vocabulary(text, ways, bytes_to_largest, others), options.out / "vocabulary.png")


def read_text(path: Path | None) -> Text:
    """The text to learn from and, its last tenth, the rest. Raises DataError if it is too short or no text."""
    try:
        whole_text = read(path or STORY).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}") from None
    if len(whole_text) < LEAST:
        raise DataError(f"{path} has {len(whole_text)} characters; to learn from it, it should have {LEAST} at least")
    cut = whole_text.rfind(" ", 0, len(whole_text) * 9 // 10)  # between two words, if there are some
    cut = cut if cut > 0 else len(whole_text) * 9 // 10
    return Text("the story" if path is None else path.name, whole_text[:cut], whole_text[cut:])


def read_tokenizer(path: Path) -> BPETokenizer:
    """A tokenizer in GPT-2's files or in one of its own. Raises ValueError or FileNotFoundError that names the file."""
    return BPETokenizer.from_files(path) if path.is_dir() else BPETokenizer.load(path)


def three_ways(text: Text, sentence: str, t: BPETokenizer) -> dict[str, Tokenizer]:
    """The three tokenizers for the sentence. Raises ValueError if it is empty or no text."""
    if not sentence.strip():
        raise ValueError("the sentence has no words")
    t.encode(sentence)
    return {
        "characters": CharTokenizer.train(text.learnt + text.rest + sentence),
        "words": WordTokenizer.train(text.learnt, special_tokens=[UNKNOWN]),
        "pieces": t,
    }


def print_ways(sentence: str, ways: dict[str, Tokenizer]) -> None:
    """The sentence as tokens and as ids."""
    print(f'"{printable(sentence)}" in three ways. A dot is a space; below each token stands its id.')
    for name, t in ways.items():
        ids = t.encode(sentence)
        print(f"\n  {counted(len(ids), name)}, of {len(t):,}")
        for row in rows([shown(token) for token in t.tokens(sentence)], ids):
            wide = [max(columns(token), len(str(id))) for token, id in row]
            print("    " + " ".join(to_the_right(token, n) for (token, _), n in zip(row, wide, strict=True)))
            print("    " + " ".join(f"{id:>{n}}" for (_, id), n in zip(row, wide, strict=True)))


def rows(tokens: Sequence[str], ids: Sequence[int], width: int = 100) -> Iterator[list[tuple[str, int]]]:
    """Tokens with their ids, as many in a row as fit."""
    row: list[tuple[str, int]] = []
    used = 0
    for token, id in zip(tokens, ids, strict=True):
        space = max(columns(token), len(str(id))) + 1
        if row and used + space > width:
            yield row
            row, used = [], 0
        row.append((token, id))
        used += space
    yield row


def print_wikipedia() -> None:
    """The example that Wikipedia has for byte pair encoding, with how often each pair comes."""
    letters = "aaabdaaabac"
    t = BPETokenizer.train(letters, 1000)
    print(f"\nHow pieces are learnt: the pair of neighbours that comes most often becomes a token. From {letters}:\n")
    for n in range(len(t.merges) + 1):
        pieces = " ".join(limited(t, n).tokens(letters))
        if n < len(t.merges):
            left, right = map(t.token, t.merges[n])
            print(f"  {pieces:24} {left} {right} comes {pair_count(t, n, Counter([letters]))} times")
        else:
            print(f"  {pieces:24} no pair comes twice")


def print_learnt(text: Text, t: BPETokenizer, wanted: int | None) -> None:
    """The first merges with how often their pairs come in the text, and the longest tokens.

    wanted: how large the vocabulary was to be; None if it was given.
    """
    often = Counter(words(text.learnt))
    if wanted is not None and len(t) < wanted:
        print(f"\nOf {wanted:,} tokens {len(t):,} are learnt; then no pair of neighbours comes twice in a word.")
    how = "given" if wanted is None else "learnt"
    print(f"\nThe first merges {how}, and how often their pair comes in {text.source}:\n")
    pairs = [(shown(t.token(left)), shown(t.token(right))) for left, right in t.merges[:12]]
    wide = max([3, *(columns(token) for pair in pairs for token in pair)])
    lines = [
        f"{n + 1:4}  {to_the_right(left, wide)} + {right}{' ' * (wide - columns(right))} {pair_count(t, n, often):7,}"
        for n, (left, right) in enumerate(pairs)
    ]
    half = (len(lines) + 1) // 2
    for i in range(half):
        print("  " + "      ".join(lines[i::half]))
    whole_words = [token for token in map(t.token, range(len(t))) if token.strip().isalpha()]
    longest = sorted(whole_words, key=len)[-8:]
    print(textwrap.fill(f"The longest tokens: {' '.join(map(shown, longest[::-1]))}", 110, initial_indent="\n  "))


def print_merges(t: BPETokenizer, sentence: str) -> None:
    """What `explain` tells of the sentence's words, each once."""
    print("\nPut together, each word by itself, the merge that was learnt first before the others:\n")
    different = {word.text: word for word in t.explain(sentence)}
    for word in different.values():
        if len(word.bytes) <= 2 * LONGEST:
            print(textwrap.indent(str(word), "  "))
        else:
            tokens = counted(len(word.ids), "tokens")
            print(f"  {shown(word.text)}   {len(word.bytes):,} bytes, {tokens}: too long to be shown merge by merge")


def print_sizes(text: Text, table: Sequence[Size]) -> None:
    """Vocabulary size against sequence length."""
    print("\nThe larger the vocabulary, the shorter the sequence.")
    print(f"Nine tenths of {text.source}, and the rest, which was not learnt from:\n")
    print(f"  {'':12}{'vocabulary':>10}{'tokens':>12}{'characters':>12}{'tokens of':>12}{'unknown':>9}")
    print(f"  {'':12}{'':10}{'':12}{'per token':>12}{'the rest':>12}")
    for size in table:
        per = len(text.learnt) / max(size.learnt, 1)
        print(f"  {size.name:12}{size.size:10,}{size.learnt:12,}{per:12,.2f}{size.rest:12,}{size.unknown:9,}")
    known = table[1]
    unknown = f"{known.unknown:,} {'is' if known.unknown == 1 else 'are'} unknown"
    print(f"\n  Of {counted(known.rest, 'words')} in the rest, {unknown}. Characters can be as well,")
    print("  though none is here, where they are those of the whole text and the sentence. To pieces nothing is, since")
    print("  every text is bytes, and all 256 are in the vocabulary.")


def print_rare(t: BPETokenizer) -> None:
    """Words in the middle of a text as pieces: the rarer, the more."""
    print("\nWhat is frequent where the merges were learnt is one token. What is rare is cut to pieces. Each with the")
    print("space before it:\n")
    for word in RARE:
        pieces = t.tokens(f" {word}")
        name = word if len(word) > 1 else f"U+{ord(word):X}, {unicodedata.name(word).lower()}"
        tokens = f"{len(pieces):3} {'tokens' if len(pieces) > 1 else 'token '}"
        print(f"  {name:30} {len(f' {word}'.encode()):3} bytes {tokens}   {'|'.join(map(shown, pieces))}")
    print(
        "\n  An emoji is four bytes of UTF-8, each of them a token, \\xf0 and so on, until merges are learnt for them."
    )


def print_special(t: BPETokenizer) -> None:
    """Why a special token in a user's text stays text."""
    if END not in t.special_tokens:
        return
    text = f"bank{END}"
    print(
        f"\nA special token ends a document: {END} is one token, {t.special_tokens[END]}. But only where it is allowed:"
    )
    print("what a user types stays text, else anybody could end a document.\n")
    print(f'  encode("{text}")                           {t.encode(text)}')
    print(f'  encode("{text}", allowed_special="all")    {t.encode(text, "all")}')


# --- the pictures -------------------------------------------------------------------------------------------


def box(
    axes: Axes, left: float, bottom: float, width: float, height: float, text: str, colour: str, size: float
) -> None:
    """A token as a box."""
    from matplotlib.patches import FancyBboxPatch

    style = "round,pad=0,rounding_size=0.12"
    corner = (left + 0.04, bottom)
    patch = FancyBboxPatch(corner, width - 0.08, height, boxstyle=style, facecolor=colour, edgecolor=colour, alpha=0.3)
    axes.add_patch(patch)
    axes.text(left + width / 2, bottom + height / 2, text, ha="center", va="center", fontsize=size, **as_written())


def boxes(t: Tokenizer, text: str) -> list[tuple[str, int, float]]:
    """Of each token what is written in its box, its id, and how wide the box is."""
    labels = [drawable(shown(token)) for token in t.tokens(text)]
    return [
        (label, id, max(0.42 * columns(label), 0.22 * len(str(id)), 0.42) + 0.35)
        for label, id in zip(labels, t.encode(text), strict=True)
    ]


def widest(ways: dict[str, Tokenizer], text: str) -> float:
    """How wide the longest of the rows of boxes is."""
    return max(sum(width for *_, width in boxes(t, text)) for t in ways.values())


def draw_pieces(sentence: str, ways: dict[str, Tokenizer]) -> Figure:
    """The sentence three times, or as much of it as fits, each token as wide as its text, with its id below."""
    part = sentence[:60]
    while widest(ways, part) > WIDEST:
        part = part[:-1]
    width = max(widest(ways, part), 18.0)
    figure = new_figure(0.43 * width + 0.4, 5.2)
    cut = "" if part == sentence else "…"
    title = f'"{drawable(visible(part)).replace("·", " ")}{cut}"{", its beginning" if cut else ""}'
    figure.suptitle(title, fontsize=14, weight="bold", **as_written())
    axes = figure.subplots()
    axes.axis("off")
    for line, (name, t) in enumerate(ways.items()):
        row = boxes(t, part)
        x, y = 0.0, -2.1 * line
        axes.text(0, y + 1.25, counted(len(row), name), fontsize=12, weight="bold")
        size = {"xytext": (112, 0), "textcoords": "offset points", "fontsize": 11, "color": "#505050"}
        axes.annotate(f"of a vocabulary of {len(t):,}", (0, y + 1.25), **size)
        for i, (label, id, wide) in enumerate(row):
            box(axes, x, y + 0.3, wide, 0.7, label, COLOURS[i % len(COLOURS)], 13)
            axes.text(x + wide / 2, y + 0.12, str(id), ha="center", va="top", fontsize=8.5, color="#404040")
            x += wide
    axes.set(xlim=(-0.1, width + 0.1), ylim=(-4.5, 1.8))
    return figure


def that_fit(found: Sequence[Word], most: int = 34) -> list[Word]:
    """Of different words those with the most merges, as many as fit side by side, in the order of the text."""
    different = list({word.text: word for word in found}.values())
    chosen: list[Word] = []
    for word in sorted(different, key=lambda word: -len(word.merges)):
        if sum(len(other.bytes) + 1 for other in chosen) + len(word.bytes) <= most:
            chosen.append(word)
    return [word for word in different if word in chosen]


def draw_merges(sentence: str, t: BPETokenizer) -> Figure:
    """How words are put together: bytes at the bottom, each merge a step higher."""
    chosen = that_fit(t.explain(sentence))
    width = sum(len(word.bytes) + 1 for word in chosen)
    height = max(len(word.merges) for word in chosen)
    figure = new_figure(
        max(8.0, 0.62 * width + 1), max(3.4, 0.62 * height + 2.2), "How words are put together, merge by merge"
    )
    axes = figure.subplots()
    axes.axis("off")
    x = 0.0
    for word in chosen:
        draw_tree(axes, word, x)
        x += len(word.bytes) + 1
    note = (
        "Numbers: the place of the merge in the order in which merges were learnt. In a word, the smallest comes first."
    )
    axes.text((width - 2) / 2, -1.15, note, ha="center", fontsize=9.5, color="#505050")
    axes.set(xlim=(-0.8, width - 1.2), ylim=(-1.3, height + 0.8))
    return figure


def draw_tree(axes: Axes, word: Word, left: float) -> None:
    """A word's merges as a tree: each joins two neighbours, a step above the merge before it."""
    nodes = [(left + i, 0.0) for i in range(len(word.bytes))]  # where each piece stands
    pieces = list(word.bytes)
    for (x, y), piece in zip(nodes, pieces, strict=True):
        text = drawable(visible(piece))
        axes.text(x, y - 0.15, text, ha="center", va="top", fontsize=13, **as_written())
    for step, merge in enumerate(word.merges, start=1):
        i = 0
        while i < len(pieces) - 1:
            if (pieces[i], pieces[i + 1]) == (merge.left, merge.right):
                (x0, y0), (x1, y1) = nodes[i], nodes[i + 1]
                axes.plot([x0, x0, x1, x1], [y0, step, step, y1], color=BLUE, linewidth=1.6, zorder=1)
                middle = (x0 + x1) / 2
                axes.text(middle, step - 0.06, f"{merge.number:,}", ha="center", va="top", fontsize=8, color=VERMILION)
                label(axes, middle, step, merge.pieces[i])
                nodes[i : i + 2] = [(middle, float(step))]
                pieces[i : i + 2] = [merge.pieces[i]]
            i += 1


def label(axes: Axes, x: float, y: float, piece: str) -> None:
    """What a merge has made, on the line that goes up from it."""
    box = {"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none"}
    style = {"ha": "center", "va": "center", "fontsize": 11, "weight": "bold"}
    text = drawable(visible(piece))
    axes.text(x, y + 0.36, text, bbox=box, zorder=2, **style, **as_written())


def draw_vocabulary(
    text: Text, ways: dict[str, Tokenizer], pieces: Sequence[Size], others: tuple[Size, Size]
) -> Figure:
    """Left, how long the text is in each vocabulary. Right, how often each token comes, the most frequent first."""
    from matplotlib.ticker import NullLocator

    figure = new_figure(13, 5.4, "The larger the vocabulary, the shorter the sequence, and the rarer its tokens")
    left, right = figure.subplots(1, 2)
    plain(left).plot(
        [s.size for s in pieces], [s.learnt for s in pieces], ".-", color=BLUE, linewidth=2.5, markersize=10
    )
    left.annotate("bytes", (pieces[0].size, pieces[0].learnt), (6, 6), textcoords="offset points", color=BLUE)
    half = pieces[len(pieces) // 2]
    left.annotate("bytes and merges", (half.size, half.learnt), (10, 8), textcoords="offset points", color=BLUE)
    for size, colour, mark in zip(others, (GREEN, VERMILION), ("s", "D"), strict=True):
        left.plot([size.size], [size.learnt], mark, color=colour, markersize=10)
        left.annotate(
            size.name, (size.size, size.learnt), (10, 8), textcoords="offset points", color=colour, weight="bold"
        )
    left.set(
        xscale="log",
        xlabel="tokens in the vocabulary",
        ylabel=f"tokens in nine tenths of {text.source}",
    )
    left.yaxis.set_major_formatter("{x:,.0f}")
    smallest, largest = (end(s.size for s in (*pieces, *others)) for end in (min, max))
    ticks = [n for n in TICKS if 0.8 * smallest < n < 2.2 * largest]
    left.set_xticks(ticks if len(ticks) <= 8 else [n for n in ticks if str(n)[0] == "1"], minor=False)
    left.set(xlim=(0.8 * smallest, 2.2 * largest), ylim=(0, 1.1 * max(s.learnt for s in (*pieces, *others))))
    left.xaxis.set_major_formatter("{x:,.0f}")
    left.xaxis.set_minor_locator(NullLocator())

    for (name, way), colour in zip(ways.items(), (GREEN, VERMILION, BLUE), strict=True):
        counts = sorted(Counter(way.encode(text.learnt)).values(), reverse=True)
        label = f"{name}: {len(counts):,} in use, {sum(count == 1 for count in counts):,} of them once"
        plain(right).plot(range(1, len(counts) + 1), counts, color=colour, linewidth=2.5, label=label)
    right.set(xscale="log", yscale="log", xlabel="token, the most frequent first", ylabel="how often it comes")
    for axis in (right.xaxis, right.yaxis):
        axis.set_major_formatter("{x:,.0f}")
    right.legend(frameon=False, loc="upper right")
    return figure


if __name__ == "__main__":
    main()
