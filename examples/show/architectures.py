"""For 09_architectures.py: made sentences and dates as tokens, what models are asked, what is printed and drawn."""

from dataclasses import dataclass
from random import Random
from time import perf_counter

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers import corpora
from helpers.drawing import attention_map, picture
from helpers.program import detail
from helpers.training import train
from transformer import CharTokenizer, WordTokenizer, mask_tokens
from transformer.training import IGNORED

# --- sentences: for a decoder the next words, for an encoder hidden words, for a classifier labels --------------------


PAD, START, MASK = "<pad>", "<start>", "<mask>"
SHARE = 0.25  # of the words are hidden; BERT hides 15% of longer texts
ONE, SEVERAL = (sorted({pair[k] for pair in corpora.PLURAL}) for k in (0, 1))


@dataclass(frozen=True)
class Sentences:
    """learn, test: (sentences, longest), <start> before each, padding after. possible: all sentences that there are.

    pad, start, mask: the tokens that fill a row, begin a sentence, and hide a word.
    """

    words: WordTokenizer
    learn: np.ndarray
    test: np.ndarray
    possible: frozenset[str]
    pad: int
    start: int
    mask: int

    @property
    def longest(self):
        """Tokens in a row."""
        return self.learn.shape[1]

    def encode(self, text):
        """The tokens of a text, after <start>."""
        return [self.start, *self.words.encode(text, allowed_special=[MASK])]

    def next_words(self):
        """Tokens, the next token of each, and which are not padding; after the last word comes <start>."""
        there = self.learn != self.pad
        after = np.roll(self.learn, -1, axis=1)
        after[after == self.pad] = self.start
        return self.learn, np.where(there, after, IGNORED), there

    def hide(self, tokens, seed=None):
        """Tokens with some hidden, the hidden ones as targets, and which are not padding."""
        there = tokens != self.pad
        keep = ~there | (np.arange(tokens.shape[1]) == 0)  # <start> is not hidden
        inputs, targets = mask_tokens(tokens, self.mask, self.words.vocab_size, share=SHARE, keep=keep, seed=seed)
        return inputs.numpy(), targets.numpy(), there

    def one_or_several(self, tokens):
        """The sentences about people, animals or things, and labels: 0 if about one, 1 if about several."""
        one, several = (np.isin(tokens, self.words.encode(" ".join(group))).any(axis=1) for group in (ONE, SEVERAL))
        chosen = one | several
        return tokens[chosen], several[chosen].astype(np.int64)

    @staticmethod
    def right(scores, targets):
        """The share of targets that have the highest score."""
        asked = targets != IGNORED
        return float((scores.argmax(axis=-1) == targets)[asked].mean())


def make(count, seed, test=500):
    """Make sentences to learn from, and others for the test."""
    draw = Random(seed)
    kinds = (corpora.about_people, corpora.about_others, corpora.about_countries)
    texts = [draw.choice(kinds)(draw) for _ in range(10 * count)]
    others = sorted(set(texts))
    draw.shuffle(others)
    held_out = set(others[:test])
    learn = [text for text in texts if text not in held_out][:count]
    words = WordTokenizer.train(" ".join(texts), special_tokens=[PAD, START, MASK])
    pad, start, mask = (words.special_tokens[name] for name in (PAD, START, MASK))
    rows = [[start, *words.encode(text)] for text in (*others[:test], *learn)]
    tokens = nn.utils.rnn.pad_sequence(rows, True, pad).numpy()
    return Sentences(words, tokens[test:], tokens[:test], frozenset(texts), pad, start, mask)


# --- what models are asked --------------------------------------------------------------------------------------------


def fill_at_the_end(encoder, made, n, seed):
    """Let the encoder write: a mask at the end of each text, a word drawn for it, another mask, ..."""
    draw = np.random.default_rng(seed)
    texts = np.full((n, 1), made.start)
    for _ in range(8):
        texts = np.column_stack([texts, np.full(n, made.mask)])  # (n, tokens)
        with tl.no_grad():
            p = tl.softmax(encoder.logits(texts)[:, -1], axis=-1).numpy()  # (n, vocabulary)
        texts[:, -1] = [draw.choice(len(row), p=row / row.sum()) for row in p.astype(np.float64)]
    return [made.words.decode(text[1:]) for text in texts.tolist()]


def probe(encoder, made, n, seed):
    """Train one linear layer on an encoder's vectors of n labelled sentences; the share that is right in the test."""
    (learn, labels), (test, wanted) = made.one_or_several(made.learn), made.one_or_several(made.test)
    few = np.random.default_rng(seed).permutation(len(learn))[:n]
    with tl.no_grad():  # the encoder learns nothing more
        vectors, test_vectors = (mean_vector(encoder, rows, rows != made.pad) for rows in (learn[few], test))
    mean, std = vectors.mean(axis=0), vectors.std(axis=0, correction=0) + 1e-6
    vectors, test_vectors = (vectors - mean) / std, (test_vectors - mean) / std  # (n, width)
    layer = nn.Linear(vectors.shape[1], 2)
    optimizer = nn.optim.AdamW(layer.parameters(), lr=0.02, weight_decay=1.0)
    train(lambda: nn.functional.cross_entropy(layer(vectors), labels[few]), optimizer, steps=100)
    return float((layer(test_vectors).detach().numpy().argmax(axis=-1) == wanted).mean())


def mean_vector(encoder, tokens, there):
    """The mean of a text's vectors, without padding: (n, tokens) -> (n, width)."""
    vectors = encoder(tokens, there)  # (n, tokens, width)
    weight = there[..., None].astype(np.float32)  # (n, tokens, 1)
    return (vectors * weight).sum(axis=1) / weight.sum(axis=1)


def reading_times(model):
    """Milliseconds to read 200 tokens at once; and how many times as long it takes one by one."""
    ids = tl.tensor(np.arange(200)[None] % 100)  # (1, 200)
    with tl.no_grad():
        model.next_logits(ids)  # once before the clock runs: the first call compiles, where Numba is there
        begin = perf_counter()
        model.next_logits(ids)
        middle = perf_counter()
        cache = model.new_cache()  # keeps the keys and values of the tokens before
        for t in range(200):
            model.next_logits(ids[:, t : t + 1], cache=cache)
        end = perf_counter()
    return 1000 * (middle - begin), (end - middle) / (middle - begin)


# --- dates, "May 4, 1977" and "1977-05-04"; the tokens are characters -------------------------------------------------


MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip
DATE, ISO = "July 14, 1789", "1789-07-14"  # a date to translate
DATES = CharTokenizer(" ,.-0123456789" + "".join(sorted(set("".join(MONTHS)))), ["pad", "start", "end"])
DATE_PAD, DATE_START, DATE_END = DATES.special_tokens.values()
LONGEST_DATE = 20
DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def date_examples(n, seed, test=True):
    """Random dates and their ISO format; those of years that end in 9 are kept for the test."""
    draw = np.random.default_rng(seed)
    written, iso = [], []
    while len(written) < n:
        month, year = int(draw.integers(12)), int(draw.integers(1700, 2030))
        if (year % 10 == 9) != test:
            continue
        day, name = int(draw.integers(1, DAYS[month] + 1)), MONTHS[month]
        named = (f"{name} {day}, {year}", f"{day} {name} {year}", f"{name[:3]} {day}, {year}")
        written.append((*named, f"{day}. {month + 1}. {year}")[draw.integers(4)])
        iso.append(f"{year}-{month + 1:02}-{day:02}")
    return written, iso


def make_dates(n, seed):
    """Source, which of it is not padding, target, and the token after each of the target's."""
    written, iso = date_examples(n, seed, test=False)
    source = np.full((n, LONGEST_DATE), DATE_PAD)
    for row, text in zip(source, written, strict=True):
        row[: len(text)] = DATES.encode(text)
    begun = np.array([date_target(text) for text in iso])  # (n, 11)
    return source, source != DATE_PAD, begun, np.column_stack([begun[:, 1:], np.full(n, DATE_END)])


def date_target(iso):
    """What the decoder is given: the start, and the characters up to the one before each."""
    return [DATE_START, *DATES.encode(iso)]


def date_signs(tokens):
    """Tokens as signs, one each."""
    return [DATES.token(token).replace(" ", "␣") for token in tokens]


# --- what is printed --------------------------------------------------------------------------------------------------


def report(m, settings):
    """Print what was measured, and draw it."""
    print('\nWho sees whom, measured. "Previous" includes the token itself.')
    for name, (grid, _, inputs) in m.seen.items():
        print(f"  {name}: {what_is_seen(grid)} ({' '.join(inputs)})")
    print("\nThe decoder writes, word by word:")

    written(m, "decoder")
    print("Is BERT a generator? To write, the encoder fills a mask at the end of the text, then the next:")

    written(m, "encoder")
    detail("  Nothing in its training asked which word comes next, or where a text ends.")
    both, left = (f"{m.hidden[who]:.0%}" for who in ("encoder", "decoder"))
    print(f"  Of words hidden in the middle it says {both} right, from both sides; the decoder {left}, from the left.")
    print(f"\nClassification: about one or several? A linear layer, from {settings.labelled} labelled sentences:")
    print(f"  with an untrained encoder {m.told['untrained']:.0%} right, with this one {m.told['trained']:.0%}")
    print("\nThe encoder-decoder translates dates into ISO format:")

    # Some translations, and how many are right
    for text, true, said in [*zip(m.dates[:2], m.iso, m.said, strict=False), (DATE, ISO, m.mine)]:
        print(f"  {text:22} -> {said:12} {'right' if true == said else f'wrong, it is {true}'}")
    print(f"  Of {len(m.iso)} dates in years that end in 9, which it never saw, {m.translated:.0%} are right.")
    print(f"\nInference: a prompt of 200 tokens, all tokens in parallel: {m.at_once:.0f} ms, by a decoder of 4 blocks;")
    print(f"  token by token, as an answer is generated, it takes {m.longer:.1f} times as long")

    draw_masks(m.seen, settings.out / "masks.png")
    draw_cross_attention(m.cross, date_signs(DATES.encode(DATE)), [*m.mine, "end"], settings.out / "date.png")


def what_is_seen(grid):
    """What the outputs depend on, of (outputs, tokens)."""
    only_previous = (grid == np.tri(*grid.shape, dtype=bool)).all()
    return "all tokens" if grid.all() else "only previous tokens" if only_previous else "some tokens"


def written(m, who):
    """Print some texts that a model wrote, and how many are sentences of the corpus."""
    print(f"  {m.texts[who][0]}")
    print(f"  Of {len(m.texts[who])} texts by the {who} {m.wrote[who]:.0%} follow one of the corpus's patterns.")


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_masks(seen, path):
    """A map for each model: a row for each output, coloured where it depends on the token."""
    what = "text", "text", "source", "target"
    with picture(path, "What a token sees: blue where an output depends on a token", 15, 5.4, 4) as panels:
        for axes, (name, (grid, rows, columns)), kind in zip(panels, seen.items(), what, strict=True):
            attention_map(axes, 0.6 * grid, rows, columns)
            axes.set_title(f"{name}:\n{what_is_seen(grid)}", fontsize=12, pad=10)
            axes.set_xlabel(f"seen: token of the {kind}")
        panels[0].set_ylabel("output at each token")
        panels[2].set_ylabel("output at each token of the target")


def draw_cross_attention(weights, source, target, path):
    """Cross-attention, the mean over the heads: at which characters the decoder looks for each that it writes."""
    title = "Translating a date: where it looks in the source for each character it writes"
    with picture(path, title, 8.5, 6.5) as axes:
        image = attention_map(axes, weights.mean(axis=0), target, source)
        axes.set(xlabel="source (attended to; each vector also holds what stands around it)", ylabel="target (written)")
        axes.figure.colorbar(image, label="attention weight, mean of the heads")
