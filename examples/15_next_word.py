"""The next word: a decoder learns from text alone, and what it says is likely, which need not be true.

    python examples/15_next_word.py
    python examples/15_next_word.py --real                  # a real language model instead
    python examples/15_next_word.py --ask "The river rose. Was the bank flooded?" --T 0 1

The program makes a corpus: capitals, a question about a bank, the weather, people at work. A GPT of 110,000 weights
learns to continue it. No one labels anything: the target at each token is the token after it.

    embed -> blocks -> the last token's vector -> W_U -> a score for each word -> divide by T -> softmax -> draw
    loss = -log P(next token), averaged
"""

from helpers.corpora import ANSWERS, CAPITALS, JOBS, LINES, QUESTION, TRUTH, UNSTATED, WEATHER, make_lines
from helpers.program import Measured, RealToo, start
from helpers.training import loss_of_rows, train
from show import next_word as show

from collections.abc import Collection
from random import Random

import numpy as np

import nn
import tinygrad_lecture as tl
from transformer import GPT, GPTConfig, WordTokenizer
from transformer.training import IGNORED


def measure(settings: "Settings") -> Measured:
    """Train, look at one prediction step by step, then at what such a model can and cannot do."""
    lines = make_lines(settings.lines, Random(settings.seed))
    words = WordTokenizer.train(" ".join(lines), special_tokens=[show.START, show.PAD])
    tokens, targets = show.encode_sentence(words, lines)  # (lines, longest) each; a target is the next token
    m = Measured(lines=lines, words=words, tokens=tokens, targets=targets, vocabulary=words.vocab_size)
    asked = targets[:, :-1] != IGNORED
    m.from_text = (targets[:, :-1] == tokens[:, 1:])[asked].mean()  # targets that are the text's own next token

    # Training: the text itself provides the training signal
    model = GPT(GPTConfig(vocab_size=words.vocab_size, context=32, layers=2, heads=4, width=64))
    optimizer = nn.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, settings.steps // 8, settings.steps)
    next_token_loss = loss_of_rows(model, tokens, targets, 32, settings.seed)  # cross-entropy of the next token

    def after(text: str) -> show.Chances:
        return following(model, words, text)

    print(f"A GPT learns the next word of {len(lines):,} lines of made text:")
    train(next_token_loss, optimizer, settings.steps, schedule,
          report=lambda step, loss: show.progress(step, loss, after("The capital of France is")["Paris"]), reports=1,
    )  # fmt: skip

    # Unembedding: "The capital of France is" -> final vector -> scores -> softmax
    m.ids = encode(words, "The capital of France is")
    vectors = model.vectors(tl.tensor([m.ids]))  # (1, tokens, width)
    W_U = model.unembedding.W_U.weight  # (vocabulary, width)
    scores = vectors[0, -1] @ W_U.T  # (vocabulary,): of the last token's vector alone
    p = tl.softmax(scores / 1.0, axis=-1)  # (vocabulary,)
    m.scores, m.p, m.scored, m.total = scores.detach().numpy(), p.detach().numpy(), len(scores), p.sum().item()
    m.capital = {"Paris": after("The capital of France is")["Paris"]}

    # "Was the bank flooded?": the "?" has seen every token before it
    m.question = after(QUESTION)
    m.answers = {word: m.question[word] for word in ANSWERS}
    m.off = max(abs(m.answers[word] - share) for word, share in ANSWERS.items())
    m.told = {f"{text} {QUESTION}": after(f"{text} {QUESTION}") for text in (*LINES["wet"], *LINES["dry"])}
    m.least_told = min(p["Yes" if text.startswith((*LINES["wet"],)) else "No"] for text, p in m.told.items())

    # Facts; and hallucination: a question to which the corpus has no answer
    m.stated = {country: after(f"The capital of {country} is") for country in CAPITALS}
    m.unstated = {country: after(f"The capital of {country} is") for country in UNSTATED}
    m.facts = np.mean([next(iter(p)) == CAPITALS[country] for country, p in m.stated.items()])
    m.cities = np.mean([sum(p[city] for city in TRUTH.values()) for p in m.unstated.values()])
    m.invented = sum(next(iter(p)) in {*TRUTH.values()} - {UNSTATED[country]} for country, p in m.unstated.items())

    # "Fact verification: cross-check AI responses", against "Confidence thresholds"; "Response templates"
    said = {country: next(iter(p.items())) for country, p in {**m.stated, **m.unstated}.items()}  # word, probability
    m.out = {
        "all answers": [*said],
        "those with P of 0.5 or more": [country for country, (_, p) in said.items() if p >= 0.5],
        "those with P of 0.9 or more": [country for country, (_, p) in said.items() if p >= 0.9],
        "those that a list of capitals confirms": [c for c, (city, _) in said.items() if city == TRUTH[c]],
    }
    m.wrong_out = {rule: sum(said[c][0] != TRUTH[c] for c in countries) for rule, countries in m.out.items()}
    m.to_person = {rule: len(said) - len(countries) for rule, countries in m.out.items()}
    m.free = filled({**m.stated, **m.unstated}, m.question, T=2.0)  # any word
    m.template = filled({**m.stated, **m.unstated}, TRUTH.values(), T=2.0)

    # Inconsistency: ten answers to one question
    m.ten = {T: sample(model, words, QUESTION, T, 10, settings.seed) for T in (1.0, 0.0)}
    m.different = {"drawn": len({*m.ten[1.0]}), "greedy": len({*m.ten[0.0]})}

    # Bias: shares of the corpus come back; p^(1/T) makes what is more frequent still more frequent where T is low
    m.in_text = {job: show.share_of_she(lines, job) for job in JOBS}
    chances = {job: after(f"The {job} said that") for job in JOBS}
    m.she = {job: p["she"] / (p["she"] + p["he"]) for job, p in chances.items()}
    m.she_cold = {job: p["she"] ** 2 / (p["she"] ** 2 + p["he"] ** 2) for job, p in chances.items()}  # T = 0.5
    side = {job: 1 if share > 0.5 else -1 for job, share in JOBS.items()}  # of the pronoun that is more frequent
    m.gained, m.gained_cold = (np.mean([side[job] * (share - m.in_text[job]) for job, share in said.items()])
                               for said in (m.she, m.she_cold))  # fmt: skip

    # No learning from interaction: what it is told changes no weight
    before = [weight.detach().numpy().copy() for weight in model.parameters()]
    sample(model, words, "The capital of Norway is Oslo.", 1.0, 20, settings.seed)  # a conversation
    m.changed = sum((old != new.detach().numpy()).sum() for old, new in zip(before, model.parameters(), strict=True))
    m.oslo = m.unstated["Norway"]["Oslo"], after("The capital of Norway is")["Oslo"]

    # Temperature: "lower = more predictable, higher accuracy", "higher = more diverse"
    m.rows = []
    for T in sorted(settings.T):
        capitals = [sample(model, words, f"The capital of {c} is", T, 50, settings.seed) for c in CAPITALS]
        right = [drawn.count(city) / 50 for drawn, city in zip(capitals, CAPITALS.values(), strict=True)]
        weather = sample(model, words, "The weather today is", T, 50, settings.seed)
        nonsense = np.mean([word not in WEATHER for word in weather])
        m.rows.append({"T": T, "right": np.mean(right), "varied": len({*weather}), "nonsense": nonsense})
    m.low, m.high = m.rows[0], m.rows[-1]

    m.asked = {text: after(text) for text in settings.ask}
    return m


def filled(chances: dict[str, show.Chances], allowed: Collection[str], T: float) -> dict[str, float]:
    """The shares of answers that are no city, a wrong one, the right one, if at T only allowed words are drawn."""
    rows = []
    for country, p in chances.items():
        weights = {word: share ** (1 / T) for word, share in p.items() if word in allowed}
        city, right = (sum(weights[word] for word in words) for words in (TRUTH.values(), [TRUTH[country]]))
        everything = sum(weights.values())
        rows.append(np.array([everything - city, city - right, right]) / everything)
    return dict(zip(("no city", "wrong city", "right"), np.abs(np.mean(rows, axis=0)), strict=True))  # no -0%


def encode(words: WordTokenizer, text: str) -> list[int]:
    """The tokens of a text, after <start>."""
    return [words.special_tokens[show.START], *words.encode(text)]


def following(model: GPT, words: WordTokenizer, text: str) -> show.Chances:
    """The probability of each word to follow a text, the likeliest first."""
    with tl.no_grad():
        logits = model(encode(words, text))[-1]  # (tokens, vocabulary) -> (vocabulary,)
        p = tl.softmax(logits, axis=-1).numpy()
    return {words.token(int(i)): float(p[i]) for i in np.argsort(-p, kind="stable")}


def sample(model: GPT, words: WordTokenizer, text: str, T: float, n: int, seed: int) -> list[str]:
    """The next word, drawn n times at a temperature."""
    said = model.generate_batch([encode(words, text)] * n, max_new_tokens=1, temperature=T, seed=seed)
    return [words.token(answer[0]) for answer in said]


class Settings(RealToo, out="next_word", ask_real=(show.measure_real, show.report_real)):
    """What can be set on the command line."""

    ask: tuple[str, ...] = ()  # texts of your own to continue, in words of the corpus
    lines: int = 4000  # lines of text to learn from
    steps: int = 600  # of the optimiser, with 32 lines each
    T: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0)  # temperatures to compare


if __name__ == "__main__":
    start(measure, Settings, show.report)
