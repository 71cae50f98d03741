"""For 05_tokenize.py: what it prints and draws."""

import unicodedata

from helpers.drawing import chart
from helpers.inside import printable
from helpers.program import SHOW_MORE, counted, detail, table
from transformer.tokenizer.bpe import visible

# --- what is printed --------------------------------------------------------------------------------------------------


def cut(tokens):
    """Tokens side by side: cle|ve|rest."""
    return "|".join(map(visible, tokens))


def report(m, settings):
    """Print what was measured, and draw it."""
    # The sentence as tokens, with their ids below
    print(f'"{printable(settings.sentence)}" cut in three ways. A dot is a space; below each token is its id.')
    for name, t in m.ways.items():
        ids, tokens = t.encode(settings.sentence), t.tokens(settings.sentence)
        print(f"  {len(ids)} {name}, of a vocabulary of {len(t):,}")
        table(map(visible, tokens), {"": ids})

    # The merges learnt from a few words, and how a new word is cut after each
    print("\nHow pieces are learnt: the pair of neighbours that occurs most often becomes a token, again and again.")
    print(f"From nine words, {m.nine_words}:")
    print(f"  {'merge':>5}  {'pair':10} {'occurs':8}   cleverest, which is none of the nine, is then cut into")
    print(f"  {'':28}{cut(m.stages[0].tokens('cleverest'))}")
    last = m.stages[-1]
    for n, (stage, count) in enumerate(zip(m.stages[1:], m.counts, strict=True), start=1):
        left, right = (visible(last.token(id)) for id in last.merges[n - 1])
        print(f"  {n:5}  {f'{left} + {right}':10} {f'{count} times':8}  {cut(stage.tokens('cleverest'))}")
    print("  These three pieces are the lecture's. GPT-2's tokenizer cuts it into the same.")

    # The size of the vocabulary against the length of the sequence
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

    # How the number of different words grows with the text
    print("\nThe vocabulary of words grows with the text, that of pieces is as large as one wants (--vocab-size):")
    print("  " + "; ".join(f"{words:,} different words in {n:,} characters" for n, words in [*m.growth.items()][2:]))

    # Words as pieces, each with the space before it
    detail("\nA frequent word is one token; a rare word is several pieces")
    for word, pieces in m.rare.items():
        name = word if len(word) > 1 else unicodedata.name(word).lower()
        size = counted(len(f" {word}".encode()), "byte")
        detail(f"  {name:22} {size:10} {counted(len(pieces), 'token'):10} {cut(pieces)}")
    detail("  In UTF-8 the letter ï is two bytes, the face is four. Bytes that no merge has joined are tokens: \\xf0.")

    cuts = {name: m.ways[name] for name in ("characters", "words")}
    curves = {name: ([len(t)], [len(t.encode(m.text.learnt))]) for name, t in cuts.items()}
    sizes, lengths = [256 + len(t.merges) for t in m.sizes], [len(t.encode(m.text.learnt)) for t in m.sizes]
    curves["pieces, from single bytes on"] = sizes, lengths
    title = f"With bytes the text has {lengths[0]:,} tokens, with {sizes[-1]:,} pieces {lengths[-1]:,}"
    xlabel, ylabel = "vocabulary: different tokens", "sequence: tokens of the text"
    chart(settings.out / "vocabulary.png", title, curves, xlabel, ylabel, xscale="log")
