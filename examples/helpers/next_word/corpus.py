"""A corpus made of a few kinds of sentences: facts, questions with an answer, the weather, people at work.

The shares of the answers are known, so that one can see whether a language model learns them.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np

from helpers.program import DataError
from transformer import WordTokenizer
from transformer.training import IGNORED

CAPITALS = {
    "France": "Paris",
    "Italy": "Rome",
    "Germany": "Berlin",
    "Spain": "Madrid",
    "Japan": "Tokyo",
    "Russia": "Moscow",
    "Austria": "Vienna",
    "Greece": "Athens",
    "Egypt": "Cairo",
    "Cuba": "Havana",
}
# Their capital is never stated: the corpus has the country and the city, but in different sentences.
UNSTATED = {"Norway": "Oslo", "Portugal": "Lisbon", "Kenya": "Nairobi"}
WET = ("The river rose.", "It rained for days.", "A dam broke.")
DRY = ("The river was low.", "The sun shone for days.", "It was a dry summer.")
QUESTION = "Was the bank flooded?"
ANSWERS = {"Yes": 0.4, "No": 0.3, "Perhaps": 0.2, "Hardly": 0.1}  # where nothing stands before the question
WEATHER = {"sunny": 0.36, "cloudy": 0.29, "rainy": 0.16, "snowy": 0.11, "windy": 0.08}
JOBS = {"nurse": 0.8, "engineer": 0.2, "teacher": 0.5}  # the share of "she"
START, PAD = "<start>", "<pad>"


def make(lines: int, draw: Random) -> list[str]:
    """Return lines of text, each of one to three sentences."""
    return [draw.choice((fact, fact, place, bank, bank, weather, work))(draw) for _ in range(lines)]


def fact(draw: Random) -> str:
    """As "The capital of France is Paris."."""
    country = draw.choice(list(CAPITALS))
    return f"The capital of {country} is {CAPITALS[country]}."


def place(draw: Random) -> str:
    """As "The summers of Norway are known everywhere." or "The streets of Oslo are full of people."."""
    country, city = draw.choice(list({**CAPITALS, **UNSTATED}.items()))
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
    return f"{draw.choice(WET if wet else DRY)} {QUESTION} {'Yes' if wet else 'No'}."


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
            raise DataError(
                f'--ask "{text}": it knows only the words of its corpus, such as "The capital of France is"'
            ) from None


def encode(tokenizer: WordTokenizer, lines: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return tokens and targets, (lines, longest) each: a target is the next token, and after the last, <start>."""
    start, pad = (tokenizer.special_tokens[name] for name in (START, PAD))
    rows = [[start, *tokenizer.encode(line), start] for line in lines]
    tokens = np.full((len(rows), max(map(len, rows))), pad)
    for row, line in zip(tokens, rows, strict=True):
        row[: len(line)] = line
    return tokens[:, :-1], np.where(tokens[:, 1:] == pad, IGNORED, tokens[:, 1:])
