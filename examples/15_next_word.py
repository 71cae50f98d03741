"""The next word: a decoder learns from text alone, and what it says is likely, which need not be true.

    python examples/15_next_word.py
    python examples/15_next_word.py --real                  # a real language model instead
    python examples/15_next_word.py --ask "The river rose. Was the bank flooded?" --T 0 1

The program makes a corpus: capitals, a question about a bank, the weather, people at work. A GPT of 110,000 weights
learns to continue it. No one labels anything: the target at each token is the token after it.

    embed -> blocks -> the last token's vector -> W_U -> a score for each word -> divide by T -> softmax -> draw
    loss = -log P(next token), averaged
"""

from helpers import next_word as show
from helpers.next_word import CAPITALS, QUESTION, START, UNSTATED
from helpers.program import RealToo, check, start
from helpers.training import train

from random import Random

import numpy as np

import nn
import tinygrad_lecture as tl
from transformer import GPT, GPTConfig, WordTokenizer


def main(settings: "Settings") -> None:
    """Train, look at one prediction step by step, then at what such a model can and cannot do."""
    tl.manual_seed(settings.seed)
    lines = show.make_corpus(settings.lines, Random(settings.seed))
    words = WordTokenizer.train(" ".join(lines), special_tokens=[START, show.PAD])
    show.check_known(words, settings.ask)
    tokens, targets = show.encode_sentence(words, lines)  # (lines, longest) each; a target is the next token
    show.training_text(words, tokens, targets, lines)

    # Training: the text itself provides the training signal
    model = GPT(GPTConfig(vocab_size=words.vocab_size, context=32, layers=2, heads=4, width=64))
    optimizer = nn.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, settings.steps // 8, settings.steps)
    draw = np.random.default_rng(settings.seed)

    def next_token_loss() -> tl.Tensor:
        rows = draw.integers(0, len(tokens), 64)
        return model.loss(tokens[rows], targets[rows])  # cross-entropy of the next token

    train(next_token_loss, optimizer, settings.steps, schedule,
          report=lambda step, loss: show.progress(step, loss, following(model, words, "The capital of France is")),
          reports=2,
    )  # fmt: skip

    # Unembedding: "The capital of France is" -> final vector -> scores -> softmax
    ids = encode(words, "The capital of France is")
    vectors = model.vectors(tl.tensor([ids]))  # (1, tokens, width)
    W_U = model.unembedding.W_U.weight  # (vocabulary, width); the same array as the embedding's
    scores = vectors[0, -1] @ W_U.T  # (vocabulary,): of the last token's vector alone
    p = tl.softmax(scores / 1.0, axis=-1)  # (vocabulary,)
    show.unembedding(words, ids, scores.detach().numpy(), p.detach().numpy(), W_U is model.embedding.W_E.weight)

    # "Was the bank flooded?": the "?" has seen every token before it
    show.question({text: following(model, words, text) for text in show.BEFORE_THE_BANK})

    # Hallucination: a question to which the corpus has no answer
    stated = {country: following(model, words, f"The capital of {country} is") for country in CAPITALS}
    unstated = {country: following(model, words, f"The capital of {country} is") for country in UNSTATED}
    show.hallucination(stated, unstated)

    # "Fact verification: cross-check AI responses", against "Confidence thresholds"
    show.verification({**stated, **unstated})
    show.templates({**stated, **unstated}, T=2.0)

    # Inconsistency: ten answers to one question; and bias: shares of the corpus come back
    ten = {T: sample(model, words, QUESTION, T, 10, settings.seed) for T in (1.0, 0.0)}
    show.ten_answers(ten)
    show.bias({job: following(model, words, f"The {job} said that") for job in show.JOBS}, lines)

    # No learning from interaction: what it is told changes no weight
    told = "The capital of Norway is Oslo."
    before = [weight.detach().numpy().copy() for weight in model.parameters()]
    sample(model, words, told, 1.0, 20, settings.seed)  # a conversation
    same = all((old == new.detach().numpy()).all() for old, new in zip(before, model.parameters(), strict=True))
    show.no_learning(unstated["Norway"], following(model, words, "The capital of Norway is"), same)

    # Temperature: "lower = more predictable, higher accuracy", "higher = more diverse"
    rows = []
    for T in settings.T:
        capitals = [sample(model, words, f"The capital of {c} is", T, 50, settings.seed) for c in CAPITALS]
        right = [said.count(city) / 50 for said, city in zip(capitals, CAPITALS.values(), strict=True)]
        said = sample(model, words, "The weather today is", T, 50, settings.seed)
        weather = [word for word in said if word in show.WEATHER]
        rows.append(show.AtTemperature(T, float(np.mean(right)), len(set(weather)), 1 - len(weather) / 50))
    show.by_temperature(rows)
    show.asked({text: following(model, words, text) for text in settings.ask})

    print("\nPictures:")
    show.draw_hallucination(stated, unstated, settings.out / "hallucination.png")
    show.draw_temperature(rows, settings.out / "accuracy_and_variety.png")


def encode(words: WordTokenizer, text: str) -> list[int]:
    """The tokens of a text, after <start>."""
    return [words.special_tokens[START], *words.encode(text)]


def following(model: GPT, words: WordTokenizer, text: str) -> dict[str, float]:
    """The probability of each word to follow a text, the likeliest first."""
    with tl.no_grad():
        logits = model(encode(words, text))[-1]  # (tokens, vocabulary) -> (vocabulary,)
        p = tl.softmax(logits, axis=-1).numpy()
    return {words.token(int(i)): float(p[i]) for i in np.argsort(-p, kind="stable")}


def sample(model: GPT, words: WordTokenizer, text: str, T: float, n: int, seed: int) -> list[str]:
    """The next word, drawn n times at a temperature."""
    said = model.generate_batch([encode(words, text)] * n, max_new_tokens=1, temperature=T, seed=seed)
    return [words.token(answer[0]) for answer in said]


class Settings(RealToo, out="next_word", ask_real=show.real):
    """What can be set on the command line."""

    ask: tuple[str, ...] = ()  # texts of your own to continue, in words of the corpus
    lines: int = 4000  # lines of text to learn from
    steps: int = 400  # of the optimiser, with 64 lines each
    T: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0)  # temperatures to compare

    def __post_init__(self) -> None:
        check(self, lines=100, T=0)


if __name__ == "__main__":
    start(main, Settings)
