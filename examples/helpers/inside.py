"""Looking inside a language model: the likeliest next tokens, what its heads look at, the logit lens, linear probes.

For 08_gpt.py, 10_gpt2.py and 23_chat.py; for 05_tokenize.py text that goes to a terminal.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from helpers.drawing import BLUE, DARK, GREY, VERMILION, attention_map, chart, new_figure, percent, save
from helpers.program import Measured, table
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
        print("    W_U is W_E, so an embedding's largest score is its own token's: without a block it says it again.")


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


EACH = 15  # words of each kind for the probes
SHOWN = 0, 1, 6, 12, 18, 24, 27, 28, 29, 30  # blocks
SURFACE, MEANING = "surface: has the word more than 7 letters?", "meaning: is the word good or bad?"
SENTENCE = "meaning of the sentence, with not"


def measure_real(settings: Any) -> Measured:
    """What SmolLM2 would say if it stopped after each block, and what can be read off its vectors there."""
    model = smollm2("to continue texts, and looked into after each of its 30 blocks")
    trace = model.trace(model.tokenizer.encode(settings.prompt))
    m = Measured(model=model, p=probabilities(trace.logits_at(trace.layers)[-1]).numpy(), ranks={}, said={})

    # The logit lens: ten capitals, and the rank of each as the next token
    for country, city in [*DATA["capitals"].items()][:10]:
        trace, right = model.trace(model.tokenizer.encode(f"The capital of {country} is")), first_token(model, city)
        logits = [trace.logits_at(layer)[-1] for layer in range(trace.layers + 1)]  # (vocab_size,) each
        m.ranks[country] = [int((scores > scores[right]).sum()) + 1 for scores in logits]
        m.said[country] = [listed(likeliest(model, probabilities(scores).numpy(), 3)) for scores in logits]
    m.middle, m.last = ([ranks[layer] for ranks in m.ranks.values()] for layer in (trace.layers // 2, -1))

    # Linear probes, for each of ten things that a sentence may be about
    found = [probes(model, thing) for thing in DATA["film"]["things"]]
    m.curves = {name: np.mean([each[name] for each in found], axis=0) for name in found[0]}
    m.surface, m.meaning, m.sentence = (
        [int(np.argmax(np.array(each[name]) > max(each[name]) - 0.02)) for each in found] for name in m.curves
    )
    m.surface_first, m.meaning_first = ([each[name][1] for each in found] for name in (SURFACE, MEANING))
    return m


def probes(model: Any, thing: str) -> dict[str, list[float]]:
    """How well surface and meaning of a sentence can be read off its last token, after each block.

    Probes are linear, as in Alain & Bengio, arXiv:1610.01644; ten groups of words are held out in turn.
    """
    words = [word for kind in ("good", "bad") for word in DATA["film"][kind].split()[:EACH]]
    ids = [model.tokenizer.encode(f"The {thing} was {adverb} {word}.") for adverb in ("very", "not") for word in words]
    rows: list[list[np.ndarray]] = [[] for _ in ids]
    for length in {*map(len, ids)}:  # those of one length at once
        which = [k for k, tokens in enumerate(ids) if len(tokens) == length]
        stages = model.trace(np.array([ids[k] for k in which])).residual  # (texts, tokens, width) each
        for place, k in enumerate(which):
            rows[k] = [stage[place, -1] for stage in stages]  # the full stop has read all before it
    vectors = np.stack(rows, 1)  # (layers + 1, texts, width)
    praised, negated = np.tile(np.arange(len(words)) < EACH, 2), np.arange(2 * len(words)) >= len(words)
    asked = {SURFACE: np.tile([len(word) > 7 for word in words], 2), MEANING: praised, SENTENCE: praised ^ negated}
    return {name: [right_by_probe(layer, answer) for layer in vectors] for name, answer in asked.items()}


def report_real(m: Measured, settings: Any) -> None:
    """Print what was measured, and draw it."""
    print_next(m.model.tokenizer, m.p, 5, settings.prompt)
    print('\nThe residual stream through the logit lens: "The capital of Italy is" (Rome), after block')
    for layer in SHOWN:
        print(f"  {layer:3}  {m.said['Italy'][layer]:36} Rome is number {m.ranks['Italy'][layer]:,}")
    print('\nWhat the last token of "The film was not dull." knows: right answers about words held out, after block')
    shown = sorted({0, 1, 2, 3, 8, 14, 20, len(m.curves[SURFACE]) - 1})
    table(shown, {name: shares[shown] for name, shares in m.curves.items()}, ".0%")
    print("  Means of ten such sentences: film, book, ... They are at their best, or nearly, after blocks", end=" ")
    print(", ".join(f"{min(blocks)} to {max(blocks)}" for blocks in (m.surface, m.meaning, m.sentence)) + ".")
    print("\nPictures:")
    text = f"The capital of Italy is Rome. The opposite of hot is cold. {settings.prompt}"
    draw_lens(m.model, m.model.tokenizer, m.model.tokenizer.encode(text), settings.out / "real_lens.png")
    lines = {name: (range(len(shares)), shares) for name, shares in m.curves.items()}
    axes = chart("What a straight line can read off the vector of the last token", lines, (GREY, BLUE, VERMILION), "-")
    axes.set(xlabel="blocks that have worked on it; 0 is the embedding", ylabel="right of words held out")
    axes.axhline(0.5, color=DARK, linestyle=":")
    percent(axes.yaxis)
    save(axes.figure, settings.out / "real_probes.png")


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
