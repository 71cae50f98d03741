"""For 15_next_word.py: a corpus of a few kinds of sentences, and what is printed and drawn.

The shares of the answers are known, so that one can see whether a language model learns them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

import nn
from helpers import real as real_model
from helpers.drawing import BLUE, DARK, GREEN, GREY, VERMILION, bars, chart, new_figure, percent, save
from helpers.program import DataError, data, detail
from transformer import WordTokenizer
from transformer.training import IGNORED

DATA = data("next_word.toml")
CAPITALS, UNSTATED, ANSWERS, WEATHER, JOBS = (DATA[k] for k in ("capitals", "unstated", "answers", "weather", "jobs"))
TRUTH = CAPITALS | UNSTATED
QUESTION = "Was the bank flooded?"
START, PAD = "<start>", "<pad>"


def make_corpus(lines: int, draw: Random) -> list[str]:
    """Return lines of text, each of one to three sentences."""
    return [draw.choice((fact, fact, place, bank, bank, weather, work))(draw) for _ in range(lines)]


def fact(draw: Random) -> str:
    """As "The capital of France is Paris."."""
    country = draw.choice(list(CAPITALS))
    return f"The capital of {country} is {CAPITALS[country]}."


def place(draw: Random) -> str:
    """As "The summers of Norway are known everywhere." or "The streets of Oslo are full of people."."""
    country, city = draw.choice([*TRUTH.items()])
    if draw.random() < 0.3:
        return f"Many people visit the capital of {country}."
    if draw.random() < 0.5:
        return f"The {draw.choice(('summers', 'farmers', 'mountains'))} of {country} are known everywhere."
    return f"The {draw.choice(('streets', 'parks', 'markets'))} of {city} are full of people."


def bank(draw: Random) -> str:
    """As "The river rose. Was the bank flooded? Yes.", or the question alone, with an answer by chance."""
    if draw.random() < 0.5:
        return f"{QUESTION} {drawn(ANSWERS, draw)}."
    wet = draw.random() < 0.5
    return f"{draw.choice(DATA['wet' if wet else 'dry'])} {QUESTION} {'Yes' if wet else 'No'}."


def weather(draw: Random) -> str:
    """As "The weather today is sunny."."""
    return f"The weather today is {drawn(WEATHER, draw)}."


def work(draw: Random) -> str:
    """As "The nurse said that she was tired."."""
    job = draw.choice(list(JOBS))
    pronoun = "she" if draw.random() < JOBS[job] else "he"
    return f"The {job} said that {pronoun} was {draw.choice(('tired', 'busy', 'happy'))}."


def drawn(shares: dict[str, float], draw: Random) -> str:
    """Draw a word by its share."""
    return draw.choices(list(shares), list(shares.values()))[0]


def check_known(tokenizer: WordTokenizer, texts: Sequence[str]) -> None:
    """Raise DataError for a text with a word that is not in the corpus."""
    for text in texts:
        try:
            tokenizer.encode(text)
        except ValueError:
            known = "it knows only the words of its corpus, such as"
            raise DataError(f'--ask "{text}": {known} "The capital of France is"') from None


def encode_sentence(tokenizer: WordTokenizer, lines: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return tokens and targets, (lines, longest) each: a target is the next token, and after the last, <start>."""
    start, pad = (tokenizer.special_tokens[name] for name in (START, PAD))
    tokens = nn.utils.rnn.pad_sequence([[start, *tokenizer.encode(line), start] for line in lines], True, pad).numpy()
    return tokens[:, :-1], np.where(tokens[:, 1:] == pad, IGNORED, tokens[:, 1:])


# --- what is printed --------------------------------------------------------------------------------------------------


BEFORE_THE_BANK = (QUESTION, f"The river rose. {QUESTION}", f"The river was low. {QUESTION}")
Chances = Mapping[str, float]  # word -> probability, the likeliest first


class AtTemperature(NamedTuple):
    """What is drawn at a temperature T: how much of it is right, how varied it is, and how much of it is nonsense."""

    T: float
    right: float  # share of the capitals
    varied: int  # different words for the weather
    nonsense: float  # share of the words for the weather that are none


def training_text(words: WordTokenizer, tokens: np.ndarray, targets: np.ndarray, lines: Sequence[str]) -> None:
    """Print the size of the corpus, and one line as inputs and targets."""
    n = int((targets != IGNORED).sum())
    print(f"{len(lines):,} lines of made text, {n:,} tokens, {words.vocab_size} different ones. For example:")
    for line in lines[:2]:
        print(f"  {line}")
    row = next(i for i, line in enumerate(lines) if line.startswith("The capital"))
    length = int((targets[row] != IGNORED).sum())
    print("\nNo labels needed: the target at each token is the token that follows in the text.")
    for name, ids in (("token", tokens[row]), ("target", targets[row])):
        print(f"  {name:7}" + "".join(f"{words.token(int(i)):10}" for i in ids[:length]).rstrip())


def progress(step: int, loss: float, chances: Chances) -> None:
    """Print the loss, and the probability of a fact."""
    print(f"  step {step:4}: loss {loss:.3f}   perplexity exp(loss) {math.exp(loss):5.1f}   ", end="")
    print(f'P(Paris after "The capital of France is") {chances["Paris"]:.3f}', flush=True)


def top(chances: Chances, n: int = 4) -> str:
    """The likeliest words as "'Yes' 0.40   'No' 0.30"."""
    return "   ".join(f"'{word}' {p:.2f}" for word, p in list(chances.items())[:n])


def unembedding(words: WordTokenizer, ids: Sequence[int], scores: np.ndarray, p: np.ndarray, tied: bool) -> None:
    """Print how the last vector becomes probabilities."""
    print(f'\nUnembedding, after "{words.decode(list(ids)[1:])}":')
    print(f"  the last token's final vector (64) x W_U (64 x {len(p)}) -> raw scores for all {len(p)} tokens")
    detail(f"  {'':10}{'score':>8}{'softmax':>10}")
    for i in np.argsort(-p, kind="stable")[:5]:
        detail(f"  {words.token(int(i)):10}{scores[i]:8.2f}{p[i]:10.4f}")
    detail(f"  {f'all {len(p)}':10}{'':8}{p.sum():10.4f}")
    if tied:
        print("  W_U is the mirror of the embedding: here it is the same array, read the other way round.")


def question(answers: Mapping[str, Chances]) -> None:
    """Print what follows the question, with and without a sentence before it."""
    print('\nWhat follows "?", whose vector has taken up what stands before it:')
    for text, chances in answers.items():
        print(f"  {text:42} {top(chances)}")
    shares = ", ".join(f"{word} {share:.2f}" for word, share in ANSWERS.items())
    print(f"  Without a sentence before it the corpus answers by chance: {shares}.")
    off = max(abs(answers[QUESTION][word] - share) for word, share in ANSWERS.items())
    print(f"  The model's probabilities differ from these by {off:.2f} at most.", end=" ")
    print("It says what is usual in its text, not what happened at a bank." if off < 0.1 else "")


def hallucination(stated: Mapping[str, Chances], unstated: Mapping[str, Chances]) -> None:
    """Print the likeliest capital of countries whose capital the corpus states, and of others."""
    print("\nHallucination: the corpus never states these capitals, though it has both the country and the city.")
    for country, chances in unstated.items():
        word, p = next(iter(chances.items()))
        print(f'  "The capital of {country} is {word}."   P = {p:.2f}   in truth {UNSTATED[country]}: ', end="")
        print(f"P = {chances[UNSTATED[country]]:.4f}")
    right = sum(next(iter(chances)) == CAPITALS[country] for country, chances in stated.items())
    surest = min(next(iter(chances.values())) for chances in stated.values())
    cities = np.mean([sum(chances[city] for city in TRUTH.values()) for chances in unstated.values()])
    print(f"  Of the {len(stated)} stated capitals it gets {right} right, each with P = {surest:.2f} or more.")
    print(f"  After the others {cities:.0%} of the probability is on cities.")
    if cities > 0.8:
        print("  So nothing in the sentence tells you that it is invented; at best, a lower probability does.")


def verification(chances: Mapping[str, Chances]) -> None:
    """Print how many wrong answers go out when all do, with a confidence threshold, or checked against a list."""
    said = {country: next(iter(p.items())) for country, p in chances.items()}  # the likeliest word, its probability
    rules = {
        "all answers": [*said],
        "those with P of 0.5 or more": [country for country, (_, p) in said.items() if p >= 0.5],
        "those with P of 0.9 or more": [country for country, (_, p) in said.items() if p >= 0.9],
        "those that a list of capitals confirms": [c for c, (city, _) in said.items() if city == TRUTH[c]],
    }
    detail(f"\nFact verification: asked for {len(said)} capitals, which answers may go out?")
    detail(f"  {'':40}{'go out':>8}{'of these wrong':>16}{'to a person':>13}")
    for rule, out in rules.items():
        wrong = sum(said[country][0] != TRUTH[country] for country in out)
        detail(f"  {rule:40}{len(out):8}{wrong:16}{len(said) - len(out):13}")
    detail("  A threshold trusts the model's own probability. A list helps only if it is correct and complete.")


def templates(chances: Mapping[str, Chances], T: float) -> None:
    """Print how many answers are no city, or a wrong one, drawn freely and filled into a template with a list."""
    detail(f'\nResponse templates: "The capital of ___ is ___." with a city from a list, at T = {T:g}')
    detail(f"  {'':24}{'no city':>10}{'wrong city':>12}{'right':>8}")
    shares = {}
    for name, allowed in (("drawn freely", None), ("into the template", {*TRUTH.values()})):
        rows = []
        for country, p in chances.items():
            weights = {word: share ** (1 / T) for word, share in p.items() if allowed is None or word in allowed}
            city, right = (sum(weights[word] for word in words) for words in (TRUTH.values(), [TRUTH[country]]))
            everything = sum(weights.values())
            rows.append(np.array([everything - city, city - right, right]) / everything)
        shares[name] = none, wrong, right = np.abs(np.mean(rows, axis=0))  # no -0%
        detail(f"  {name:24}{none:10.0%}{wrong:12.0%}{right:8.0%}")
    free, filled = shares.values()
    if filled[1] >= free[1]:
        detail("  A template keeps nonsense out, but not mistakes: in their form these are now as good as the rest.")


def ten_answers(ten: Mapping[float, Sequence[str]]) -> None:
    """Print ten draws at each temperature."""
    print(f'\nInconsistency: "{QUESTION}" asked ten times')
    for T, said in ten.items():
        different = f"{len(set(said))} different" if len(set(said)) > 1 else "all the same"
        print(f"  T = {T:g}: {' '.join(said)}   ({different})")


def bias(chances: Mapping[str, Chances], lines: Sequence[str]) -> None:
    """Print the probability of "she" for each job beside its share in the corpus."""
    print('\nTraining data bias: "The ... said that" she or he?')
    for job, p in chances.items():
        counts = Counter(line.split()[4] for line in lines if line.startswith(f"The {job} said"))
        share = counts["she"] / max(1, counts.total())
        print(f"  {job:9} in the corpus {share:.0%} she; the model {p['she'] / (p['she'] + p['he']):.0%} she")
    detail(f"  The corpus was made with {', '.join(f'{share:.0%} for {job}' for job, share in JOBS.items())}.")


def no_learning(before: Chances, after: Chances, same: bool) -> None:
    """Print that a conversation changes nothing."""
    print('\nNo learning from interaction: it is told "The capital of Norway is Oslo.", and then asked')
    print("  in a new conversation, so that this sentence is no longer in its context:")
    print(f"  P(Oslo) before {before['Oslo']:.4f}, after {after['Oslo']:.4f}. All weights are", end=" ")
    print("the same as before." if same else "changed.")


def by_temperature(rows: Sequence[AtTemperature]) -> None:
    """Print accuracy and variety for each temperature."""
    print("\nAccuracy against variety: 50 draws for each capital, and 50 for the weather")
    print(f"  {'T':>4}{'capitals right':>17}{f'words for the weather, of {len(WEATHER)}':>30}{'other words':>14}")
    for row in rows:
        print(f"  {row.T:4g}{row.right:17.1%}{row.varied:30}{row.nonsense:14.0%}")
    sane = [row.T for row in rows if row.nonsense <= 0.05]
    upto = f"up to T = {max(sane):g}" if sane else "at no T"
    most = max((row.nonsense for row in rows if row.T in sane), default=0.05)
    print(f"  Other words are no weather at all, but nonsense: at most {most:.0%} {upto}.")


def asked(answers: Mapping[str, Chances]) -> None:
    """Print what follows the user's texts."""
    for text, chances in answers.items():
        print(f"\n{text}\n  {top(chances, 6)}")


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_hallucination(stated: Mapping[str, Chances], unstated: Mapping[str, Chances], path: Path) -> None:
    """The likeliest capital of each country as a bar with its name, in another colour where it is wrong."""
    rows = {**stated, **unstated}
    said = {country: next(iter(chances.items())) for country, chances in rows.items()}  # the word, its probability
    cities = sum(said[country][0] in TRUTH.values() for country in unstated)
    title = f"Of {len(unstated)} countries whose capital its text never stated, it names a city for {cities}"
    figure = new_figure(10, 5.4, title)
    axes = figure.subplots()
    wrong = {country: f", in truth {TRUTH[country]}" for country, (word, _) in said.items() if word != TRUTH[country]}
    bars(axes, [*rows], [p for _, p in said.values()], [VERMILION if country in wrong else BLUE for country in rows],
         [f"{word} {p:.2f}{wrong.get(country, '')}" for country, (word, p) in said.items()])  # fmt: skip
    axes.axhline(len(stated) - 0.5, color=GREY, linestyle=":")
    axes.annotate("never stated\nin the text", (1.58, len(stated) + 1), ha="right", va="center", color=DARK)
    axes.set(xlim=(0, 1.6), xticks=[0, 0.25, 0.5, 0.75, 1], xlabel="probability of the likeliest capital")
    save(figure, path)


def draw_temperature(rows: Sequence[AtTemperature], path: Path) -> None:
    """Accuracy, variety and nonsense against the temperature."""
    shares = {
        "capitals right": [row.right for row in rows],
        f"of {len(WEATHER)} words for the weather,\nthose that come up": [row.varied / len(WEATHER) for row in rows],
        "words that are no weather": [row.nonsense for row in rows],
    }
    curves = {name: ([row.T for row in rows], values) for name, values in shares.items()}
    axes = chart("Accuracy, variety and nonsense, by the temperature", curves, (BLUE, GREEN, VERMILION))
    axes.set(ylim=(0, 1.05), xlabel="temperature T")
    percent(axes.yaxis)
    save(axes.figure, path)


# --- a real model -----------------------------------------------------------------------------------------------------


def real(settings: Any) -> None:
    """What SmolLM2 knows, invents, contradicts and believes of occupations."""
    model = real_model.smollm2("what follows")
    print("\nThe next token, and the lecture's question:")
    for text in ("The capital of France is", QUESTION, *settings.ask):
        print(f"  {text:28} {real_model.listed(real_model.likeliest(model, real_model.chances(model, [text])[0], 6))}")
    invented_capitals(model)
    in_three_ways(model)
    she_or_he(model)
    from_rules(model)


def invented_capitals(model: Any) -> None:
    """Which capitals it knows, which it invents, and whether its probability tells."""
    true, invented = real_model.DATA["capitals"], real_model.DATA["asked"]["invented"]
    countries = [*true, *invented]
    begun = [real_model.chat(model, f"What is the capital of {c}?", f"The capital of {c} is") for c in countries]
    said = [text.strip().split("\n")[0].rstrip(".") for text in real_model.continued(model, begun, 6)]
    p = real_model.chances(model, begun).max(axis=1)
    right = np.array([text.startswith(true.get(c, "?")) for c, text in zip(countries, said, strict=True)])
    real = np.arange(len(countries)) < len(true)
    print(f"\nHallucination: {len(true)} capitals, and {len(invented)} of countries that are in books and films only.")
    for name, which in (("right", right & real), ("wrong", ~right & real), ("no such country", ~real)):
        best = np.flatnonzero(which)[np.argsort(-p[which])][:3]
        shown = "; ".join(f"{countries[i]}: {said[i]} {p[i]:.2f}" for i in best)
        print(f"  {which.sum():3} {name:16} mean P {p[which].mean():.2f}; surest: {shown}")
    low, high = p[right].min(), p[real & ~right].max()
    named = sum(not text.startswith(("not ", "unknown", "a ")) for text in said[len(true) :])
    print(f"  {named} of the {len(invented)} countries that do not exist get a capital all the same.")
    print("  Right answers are surer." if low > high else "  Some wrong answers are surer than some right ones.")
    for threshold in (0.5, 0.8):
        out = p >= threshold
        print(f"  With a threshold of {threshold:g} {out.sum()} of {len(p)} go out, {(out & ~right).sum()} wrong ones.")


def in_three_ways(model: Any) -> None:
    """One question asked in three ways, and then twenty times."""
    print("\nInconsistency: one question asked in three ways, at temperature 0")
    for ways in real_model.DATA["asked"]["three_ways"]:
        for question, said in zip(ways, real_model.answers(model, ways, 18), strict=True):
            print(f"  {question:68} {' '.join(said.split())}")
    question = "What is the capital of Australia?"
    said = real_model.answers(model, [question] * 20, 12, T=0.7)
    cities = Counter(next((c for c in ("Canberra", "Sydney", "Melbourne") if c in text), "other") for text in said)
    print(f'  "{question}" twenty times at T = 0.7: {", ".join(f"{city} {n}" for city, n in cities.most_common())}')
    p = real_model.chances(model, [real_model.chat(model, f"{QUESTION} Answer yes or no.")])[0]
    yes, no = (p[model.tokenizer.encode(word)[0]] for word in ("Yes", "No"))
    print(f'  "{QUESTION} Answer yes or no.": Yes {yes:.2f}, No {no:.2f}, and nothing tells it which bank.')


def she_or_he(model: Any) -> None:
    """The probability of "she" against "he" after occupations, in three sentences."""
    jobs, sentences = real_model.DATA["asked"]["jobs"], real_model.DATA["asked"]["job_sentences"]
    p = real_model.chances(model, [sentence.format(job) for job in jobs for sentence in sentences])
    she, he = (p[:, real_model.first_token(model, word)] for word in ("she", "he"))
    shares = (she / (she + he)).reshape(len(jobs), len(sentences))
    print(f'\nBias: P(she) of she and he, in {len(sentences)} sentences such as "{sentences[1]} ..."; from - to')
    order = np.argsort(-shares.mean(axis=1))
    cells = [f"{jobs[i]:12}{shares[i].min():.0%} - {shares[i].max():.0%}" for i in order]
    for first in range(0, len(jobs), 5):
        print("  " + "".join(f"{cell:26}" for cell in cells[first : first + 5]).rstrip())
    low, high = shares.mean(axis=1).min(), shares.mean(axis=1).max()
    sentence = np.ptp(shares, axis=1).max()
    print(f"  The occupation moves it by {100 * (high - low):.0f} points, from {low:.0%} to {high:.0%}", end=" ")
    print(f"on average, the sentence by up to {100 * sentence:.0f}.")


def from_rules(model: Any) -> None:
    """Questions about a shop's rules, answered without them, and with the rule whose vector is nearest."""
    rules, questions, wanted = zip(*real_model.DATA["asked"]["rules"], strict=True)
    bert = real_model.minilm()
    nearest = (bert.embed(questions) @ bert.embed(rules).T).numpy().argmax(axis=1)
    found = [f"Answer from this rule: {rules[i]}\n{question}" for i, question in zip(nearest, questions, strict=True)]
    said = [real_model.answers(model, asked, 24) for asked in (questions, found)]
    alone, grounded = (sum(w in text for w, text in zip(wanted, some, strict=True)) for some in said)
    print(f'\nKnowledge grounding: {len(rules)} questions about a shop\'s rules, such as "{questions[0]}"')
    for name, right, texts in (("From memory", alone, said[0]), ("With the rule before it", grounded, said[1])):
        print(f"  {name}: {right} right, as {' '.join(texts[0].split())!r}")
    print(f"  MiniLM finds the right rule for {(nearest == np.arange(len(rules))).sum()}, by the nearest vector.")
