"""Looking inside a language model: the likeliest next tokens, what its heads look at, the logit lens, linear probes.

For 08_gpt.py, 10_gpt2.py and 23_chat.py; for 05_tokenize.py text that goes to a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from helpers.drawing import BLUE, DARK, GREY, VERMILION, attention_map, chart, new_figure, percent, save
from helpers.real import DATA, first_token, likeliest, listed, smollm2
from tinygrad_lecture.inspect.figures import drawable
from transformer import GPT, Tokenizer, Trace, probabilities
from transformer import trace as trace_pictures
from transformer.inspect.attention_maps import visible

# Control characters except \n and \t, which a terminal would obey, and the signs that Unicode has for most of them.
CONTROLS = dict.fromkeys(range(128, 160), "□") | {code: chr(0x2400 + code) for code in range(0x20)}
CONTROLS |= {0x7F: "␡", ord("\n"): "\n", ord("\t"): "\t"}
TOKENS = 16  # in the picture of attention
COLUMNS = 20  # tokens in the picture of the logit lens


def printable(text: str) -> str:
    """Replace control characters, except newlines and tabs, by signs that are safe to print."""
    return text.translate(CONTROLS)


def print_as_written(prompt: str, pieces: Iterable[str]) -> str:
    """Print a prompt and its continuation as it is written; return both."""
    written = prompt
    print(printable(prompt), end="", flush=True)
    for piece in pieces:
        written += piece
        print(printable(piece), end="", flush=True)
    print()
    return written


def pieces(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """Return the text of each token."""
    return [tokenizer.decode([token]) for token in ids]


def print_next(tokenizer: Tokenizer, p: np.ndarray, n: int = 8, text: str = "") -> None:
    """Print the `n` likeliest next tokens, of a text. p: the probability of each token."""
    after = f' after "{text}"' if text else ""
    print(f"\nThe likeliest next tokens{after}:")
    for token in np.argsort(-p, kind="stable")[:n]:
        print(f"  {f'{100 * p[token]:.3g}%':>8}  {visible(tokenizer.decode([int(token)]))}")


def draw_inside(model: GPT, tokenizer: Tokenizer, ids: Sequence[int], folder: Path) -> None:
    """Draw attention.png, up to four heads that look at different tokens, and lens.png, the logit lens."""
    ids = list(ids)[: min(TOKENS, model.context)]
    trace = model.trace(ids)
    labels = [drawable(visible(piece)) for piece in pieces(tokenizer, ids)]
    draw_heads(trace, labels, folder / "attention.png")
    draw_lens(model, tokenizer, ids, folder / "lens.png")


def draw_lens(model: GPT, tokenizer: Tokenizer, ids: Sequence[int], path: Path) -> None:
    """Draw the logit lens of the first tokens of a text."""
    ids = list(ids)[:COLUMNS]
    title = "Logit lens: what it would write next if it stopped after each block"
    trace_pictures.draw_lens(model.trace(ids), pieces(tokenizer, ids), tokenizer.decode, path, title=title)
    print(f"  {path}: {title}")
    if model.unembedding.W_U.weight is model.embedding.W_E.weight:
        print("    W_U is W_E, so an embedding has its largest score at its own token: without a block it says it again.")


# --- what heads look at -----------------------------------------------------------------------------------------------


def behaviours(weights: np.ndarray, ids: Sequence[int]) -> dict[str, float]:
    """How much a head's weights (tokens, tokens) fit some simple behaviours, from 0 to 1."""
    n, token = len(ids), np.asarray(ids)
    same = np.tril(token[:, None] == token, -1)  # (tokens, tokens): the same token, earlier
    after_same = np.pad(same, ((0, 0), (1, 0)))[:, :n]
    entropy = -(weights * np.log(np.maximum(weights, 1e-12))).sum(axis=1)[1:] / np.log(np.arange(2, n + 1))
    before, itself = np.diag(weights, -1), np.diag(weights)[1:]
    found = {"the token before": before, "the token itself": itself, "all tokens so far": entropy}
    again = same.any(axis=1)  # tokens that occurred before
    if again.any():
        found["the same token earlier"] = (weights * same).sum(axis=1)[again]
        found["what followed the same token"] = (weights * after_same).sum(axis=1)[again]
    return {name: float(shares.mean()) if n > 1 else 0.0 for name, shares in found.items()}


def draw_heads(trace: Trace, labels: Sequence[str], path: Path) -> None:
    """Of all heads the ones that fit different behaviours best, four at most: for each the weights as a map."""
    scores = [
        (score, name, layer, head)
        for layer, maps in enumerate(trace.attention)
        for head, weights in enumerate(maps)
        for name, score in behaviours(weights, trace.tokens.tolist()).items()
    ]
    chosen: list[tuple[float, str, int, int]] = []
    for found in sorted(scores, reverse=True):
        if len(chosen) < 4 and all(found[1] != other[1] and found[2:] != other[2:] for other in chosen):
            chosen.append(found)
    heads = sum(len(maps) for maps in trace.attention)
    rows, columns = (2, 2) if len(chosen) == 4 else (1, len(chosen))
    title = f"Heads look at different tokens: {len(chosen)} of the {heads} heads"
    width = 6 if rows > 1 else 4.3  # of a panel; one row is wider than high, and so drawn smaller on a page
    figure = new_figure(width * columns + 0.9, 6 * rows if rows > 1 else width + 1.1, title)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (score, name, layer, head) in zip(panels, chosen, strict=False):
        weights = trace.attention[layer][head]
        image = attention_map(axes, np.where(np.tri(len(weights)), weights, np.nan), labels, labels)
        axes.set(facecolor="#eeeeee", aspect="equal")
        what = "spreads over" if name.startswith("all") else "looks at"
        measure = "" if name.startswith("all") else f": {score:.0%} of its weight"
        gap = " " if rows > 1 else "\n"
        axes.set_title(f"block {layer + 1}, head {head + 1}{gap}{what} {name}{measure}", fontsize=11)
    figure.supylabel("token that looks (query)", color=DARK)
    figure.supxlabel("token that is looked at (key); grey: a GPT sees no token to the right", color=DARK)
    shrink = 0.4 if rows > 1 else 0.8
    figure.colorbar(image, ax=[*panels], label="attention weight; each row sums to 1", shrink=shrink, pad=0.01)
    save(figure, path)


# --- a real model -----------------------------------------------------------------------------------------------------


LENS = {"The capital of Italy is": "Rome", "The opposite of hot is": "cold"}


def real(settings: Any) -> None:
    """What SmolLM2 would say if it stopped after each block, and what can be read off its vectors there."""
    model = smollm2("to continue texts, and looked into after each of its 30 blocks")
    tokenizer = model.tokenizer
    trace = model.trace(tokenizer.encode(settings.prompt))
    print_next(tokenizer, probabilities(trace.logits_at(trace.layers)[-1]).numpy(), 5, settings.prompt)
    for text, word in LENS.items():
        lens(model, text, word)
    curves = probes(model)
    print("\nPictures:")
    text = f"{' '.join(f'{text} {word}.' for text, word in LENS.items())} {settings.prompt}"
    draw_lens(model, tokenizer, tokenizer.encode(text), settings.out / "real_lens.png")
    lines = {name: (range(len(shares)), shares) for name, shares in curves.items()}
    axes = chart("What a straight line can read off the vector of the last token", lines, (GREY, BLUE, VERMILION), "-")
    axes.set(xlabel="blocks that have worked on it; 0 is the embedding", ylabel="right of words held out")
    axes.axhline(0.5, color=DARK, linestyle=":")
    percent(axes.yaxis)
    save(axes.figure, settings.out / "real_probes.png")


def lens(model: Any, text: str, word: str) -> None:
    """After some blocks: the likeliest next tokens by the logit lens, and the rank of the right one."""
    trace, right = model.trace(model.tokenizer.encode(text)), first_token(model, word)
    print(f'\nThe residual stream through the logit lens: "{text}" ({word}), after block')
    ranks = []
    for layer in range(trace.layers + 1):
        scores = trace.logits_at(layer)[-1]  # (vocab_size,)
        p = probabilities(scores).numpy()
        ranks.append(int((scores > scores[right]).sum()) + 1)
        if layer in (0, 6, 12, 18, 24, 27, 28, 29, 30):
            print(f"  {layer:3}  {listed(likeliest(model, p, 3)):36} {word} is number {ranks[-1]:,}")
    late = next(layer for layer in range(len(ranks)) if max(ranks[layer:]) <= 10)
    print(f"  From block {late} on {word} is among the first ten: it is found {'late' if late > 15 else 'early'}.")


def probes(model: Any) -> dict[str, list[float]]:
    """Print and return how well surface and meaning of a sentence can be read off its last token, after each block.

    Probes are linear, as in Alain & Bengio, arXiv:1610.01644; ten groups of words are held out in turn.
    """
    good, bad = (DATA["film"][kind].split() for kind in ("good", "bad"))
    words = [*good, *bad]
    vectors = []
    for adverb in ("very", "not"):
        for word in words:
            trace = model.trace(model.tokenizer.encode(f"The film was {adverb} {word}."))
            vectors.append([layer[-1] for layer in trace.residual])  # the full stop has read all before it
    rows = np.stack(vectors, 1)  # (layers + 1, sentences, width)
    praised, negated = np.tile(np.arange(len(words)) < len(good), 2), np.arange(2 * len(words)) >= len(words)
    asked = {
        "surface: has the word more than 7 letters?": np.tile([len(word) > 7 for word in words], 2),
        "meaning: is the word good or bad?": praised,
        "meaning of the sentence, with not": praised ^ negated,
    }
    curves = {name: [right_by_probe(layer, answer) for layer in rows] for name, answer in asked.items()}
    print('\nWhat the last token of "The film was not dull." knows: right answers about words held out, after block')
    peaks = [int(np.argmax(np.array(shares) > max(shares) - 0.02)) for shares in curves.values()]
    shown = sorted({0, 1, 2, 3, 8, 20, len(rows) - 1, *peaks})
    print(f"  {'':44}" + "".join(f"{layer:6}" for layer in shown))
    for name, shares in curves.items():
        print(f"  {name:44}" + "".join(f"{shares[layer]:6.0%}" for layer in shown))
    guesses = (f"{max(np.mean(answer), 1 - np.mean(answer)):.0%}" for answer in asked.values())
    print(f"  A guess is right for {', '.join(guesses)}. ", end="")
    print(f"They are at their best, or nearly, after blocks {', '.join(map(str, peaks))}.")
    letters, word, _ = curves.values()
    order = "the order is that of the lecture" if peaks == sorted(peaks) else "the order is not that of the lecture"
    early = word[1] > max(letters)
    print(f"  {'In part: ' if early else ''}{order}", end="")
    print(f", but good or bad is read for {word[1]:.0%} after block 1," if early else ";")
    print(f"  and the letters never for more than {max(letters):.0%}, after the last block for {letters[-1]:.0%}.")
    return curves


def right_by_probe(rows: np.ndarray, answers: np.ndarray, groups: int = 10) -> float:
    """The share of right answers of a linear probe (ridge regression) to groups of rows held out in turn.

    rows: (n, width).  answers: (n,), of n / 2 words, each in two sentences, which are held out together.
    """
    words = np.random.default_rng(0).permutation(len(rows) // 2)
    right = 0
    for group in range(groups):
        out = np.isin(np.arange(len(rows)) % len(words), words[group::groups])
        mean, spread = rows[~out].mean(axis=0), rows[~out].std(axis=0) + 1e-6
        x, new = (rows[~out] - mean) / spread, (rows[out] - mean) / spread
        signs = np.where(answers[~out], 1.0, -1.0)
        gram = x @ x.T
        ridge = 0.1 * np.trace(gram) / len(gram) + 1e-6
        weights = np.linalg.solve(gram + ridge * np.eye(len(gram)), signs - signs.mean())
        right += int(((new @ x.T @ weights + signs.mean() > 0) == answers[out]).sum())
    return right / len(rows)
