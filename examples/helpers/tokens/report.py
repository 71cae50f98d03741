"""What 05_tokenize.py prints."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Mapping, Sequence

from helpers.inside import printable
from helpers.tokens.texts import Text
from transformer import BPETokenizer, Tokenizer
from transformer.tokenizer.bpe import visible

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
    print("\n  These three pieces are the lecture's. GPT-2's tokenizer, learnt from a large part of the web, cuts the")
    print("  word into the same three (--tokenizer shows it, with GPT-2's files).")


def merges_learnt(text: Text, t: BPETokenizer, counts: Sequence[int]) -> None:
    """The first merges with how often their pairs occur, and the longest tokens."""
    print(f"\nThe first merges of the pieces above, and how often their pair occurs in {text.source}:\n")
    lines = []
    for n, count in enumerate(counts):
        left, right = (shown(t.token(id)) for id in t.merges[n])
        lines.append(f"{n + 1:4}  {left:>6} + {right:6} {count:5,}")
    half = (len(lines) + 1) // 2
    for i in range(half):
        print("  " + "      ".join(lines[i::half]))
    whole = sorted((token for token in map(t.token, range(len(t))) if token.strip().isalpha()), key=len)
    longest = " ".join(map(shown, whole[-8:][::-1]))
    print(textwrap.fill(f"The longest tokens: {longest}", 110, initial_indent="\n  "))


def merges_used(sentence: str, t: BPETokenizer) -> None:
    """The merges of each word of the sentence, step by step."""
    print("\nA text is cut word by word: of the merges that fit, the one learnt first is done first.\n")
    for word in {word.text: word for word in t.explain(sentence)}.values():
        if len(word.bytes) <= 2 * LONGEST:
            print(textwrap.indent(str(word), "  "))
        else:
            print(f"  {shown(word.text)}   {len(word.bytes):,} bytes become {len(word.ids):,} tokens")


def sizes(
    text: Text, ways: Mapping[str, Tokenizer], learnt: Sequence[BPETokenizer], unknown: str, complete: bool
) -> None:
    """The size of the vocabulary against the length of the sequence. complete: whether the last has all merges."""
    words = ways["words"]
    missing = words.encode(text.rest).count(words.special_tokens[unknown])
    print(f"\nThe more pieces, the shorter the sequence. Learnt from nine tenths of {text.source}:\n")
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
        print(
            f"  The last row: 256 bytes, {len(learnt[-1].merges):,} merges. After these no two neighbours occur twice."
        )
    print(f"  {missing} words of the last tenth are unknown: they do not occur in the nine tenths.")
    print("  No text is unknown to pieces: every text is bytes in UTF-8, and all 256 bytes are tokens.")


def growth(words: Mapping[int, int], pieces: int) -> None:
    """How the number of different words grows with the text. words: characters of the text -> different words."""
    print("\nThe vocabulary of words grows with the text, that of pieces is as large as one wants (--vocab-size):\n")
    for n, different in words.items():
        print(f"  {n:9,} characters {different:7,} different words")
    if different < pieces:
        print(f"  So short a text has fewer words than there are pieces: {pieces:,}, of which 256 are the bytes.")


def rare_words(words: Sequence[str], t: BPETokenizer) -> None:
    """Words as pieces, each with the space before it."""
    print("\nA word that is frequent where the merges were learnt is one token; a rare word is several pieces:\n")
    for word in words:
        pieces = t.tokens(f" {word}")
        name = word if len(word) > 1 else unicodedata.name(word).lower()
        n, size = len(pieces), len(f" {word}".encode())
        print(f"  {name:22} {size:3} bytes {n:3} token{'s' if n > 1 else ' '}   {cut(pieces)}")
    print(
        "  In UTF-8 the letter ï is two bytes and the face is four. Bytes that no merge has joined are tokens: \\xf0."
    )


def special_token(end: str, t: BPETokenizer) -> None:
    """A special token stays ordinary text where it is not allowed."""
    text = f"bank{end}"
    print(f"\nThe special token {end} marks the end of a document. It is a single id, {t.special_tokens[end]}, but")
    print("only where the program allows it. In a user's text it stays text, so that nobody can end a document:\n")
    print(f'  encode("{text}")                           {t.encode(text)}')
    print(f'  encode("{text}", allowed_special="all")    {t.encode(text, "all")}')
