"""Tokens: how a text becomes numbers, as characters, as words, and as pieces of words that are learnt.

    python examples/05_tokenize.py
    python examples/05_tokenize.py --sentence "An unbelievable sentence." --text my.txt --vocab-size 2000

A network computes with numbers. So a text is cut into tokens, and each token of the vocabulary has a number, its id.
Three ways to cut:

    characters    a small vocabulary, but long sequences
    words         short sequences, but a vocabulary that grows with the text, and words that are unknown
    pieces        byte pair encoding (BPE): start with single bytes; the most frequent pair of neighbours becomes a new
                  token; repeat (Sennrich et al., arXiv:1508.07909). Frequent words become one token, rare words are
                  several pieces, and no text is unknown

The pieces are learnt from a short story, examples/data/river.txt.
"""

from helpers.corpora import read_text
from helpers.program import Common, Measured, start
from show import tokenize as show

from itertools import pairwise
from pathlib import Path

from transformer import BPETokenizer, CharTokenizer, WordTokenizer
from transformer.tokenizer.bpe import words

UNKNOWN = "<unk>"
LECTURE = ["Was", "the", "bank", "flooded", "?"]
NINE_WORDS = "rest forest interest uncle circle article have leave serve"  # to learn the lecture's three pieces from
RARE = ["bank", "flooding", "neighbourhood", "naïve", "cleverest", "12345", "Donaudampfschifffahrt", "🙂"]
MERGES = [0, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]  # in the comparison of vocabularies


def measure(settings: "Settings") -> Measured:
    """Three ways to cut a sentence, how pieces are learnt, and what the size of the vocabulary costs."""
    text = read_text(settings.text)

    # Tokenize: the lecture's "Was the bank flooded?" -> ["Was", "the", "bank", "flooded", "?"]
    characters = CharTokenizer.train(text.learnt + text.rest + settings.sentence)
    whole_words = WordTokenizer.train(text.learnt, special_tokens=[UNKNOWN])
    pieces = BPETokenizer.train(text.learnt, settings.vocab_size)
    ways = {"characters": characters, "words": whole_words, "pieces": pieces}
    m = Measured(text=text, nine_words=NINE_WORDS, ways=ways)
    cut = zip(pieces.tokens("Was the bank flooded?"), LECTURE, strict=False)
    m.as_in_the_lecture = sum(piece.strip() == word for piece, word in cut)

    # How pieces are learnt: the most frequent pair of neighbours becomes a token, again and again
    tiny = BPETokenizer.train(NINE_WORDS, vocab_size=256 + 6)
    m.counts = [pair_count(tiny, n, words(NINE_WORDS)) for n in range(len(tiny.merges))]
    m.stages = [first_merges(tiny, n) for n in range(len(tiny.merges) + 1)]
    m.cleverest = sum(a == b for a, b in zip(tiny.tokens("cleverest"), ("cle", "ve", "rest"), strict=False))

    # "This keeps the vocabulary manageable while covering any text"
    most = BPETokenizer.train(text.learnt, 256 + max(MERGES))
    merges = sorted({*MERGES, len(pieces.merges)})
    m.sizes = [first_merges(most, n) for n in merges if n < len(most.merges)] + [most]
    m.unknown = whole_words.encode(text.rest).count(whole_words.special_tokens[UNKNOWN])
    m.losses = sum(t.decode(t.encode(text.rest)) != text.rest for t in m.sizes)  # of pieces
    lengths = [len(text.learnt) * part // 8 for part in (1, 2, 4, 8)]  # characters
    m.growth = {n: len(WordTokenizer.train(text.learnt[:n])) for n in lengths}
    m.words_of_half, m.words_of_all = [*m.growth.values()][-2:]  # different words
    m.rare = {word: pieces.tokens(f" {word}") for word in RARE}
    m.frequent, *m.others = map(len, m.rare.values())
    return m


def first_merges(tokenizer: BPETokenizer, n: int) -> BPETokenizer:
    """The tokenizer as it was after learning n merges: 256 bytes and n more tokens are in use."""
    return BPETokenizer(tokenizer.vocabulary, tokenizer.merges[:n], tokenizer.special_tokens)


def pair_count(tokenizer: BPETokenizer, n: int, found: list[str]) -> int:
    """How often merge number n's pair of neighbours occurs in words, once the merges before it are done."""
    before, pair = first_merges(tokenizer, n), tokenizer.merges[n]
    return sum(two == pair for word in found for two in pairwise(before.encode(word)))


class Settings(Common, out="tokenize"):
    """What can be set on the command line."""

    sentence: str = "Was the bank flooded?"  # to cut into tokens
    text: Path | None = None  # a UTF-8 file to learn the tokens from, instead of the story
    vocab_size: int = 600  # tokens to learn, the 256 bytes included


if __name__ == "__main__":
    start(measure, Settings, show.report)
