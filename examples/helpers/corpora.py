"""Texts to learn from, which travel with the programs: two that are made, and a short story.

    make(30_000, random)          # lists of words: "every queen said that she ruled the kingdom", for 06, 08 and 09
    make_lines(4000, random)      # "The capital of France is Paris.", for 10 and 15: its shares are known
    read_text(None)               # the story, for 05 and 24; or a file

In the first no sentence states what a word means. But words that share a property occur in the same patterns: kings and
queens rule, kings and men shave, "many" and "two" come before kings and cats, a mammal does what every animal does and
feeds its young. And the text has a bias: who says that a nurse did something mostly says "she".
"""

from dataclasses import dataclass
from pathlib import Path
from random import Random

from helpers.program import DataError, data, text_of

DATA = data("made_corpus.toml")
PEOPLE, OTHERS, COUNTRIES, OCCUPATIONS = (DATA[k] for k in ("people", "others", "countries", "occupations"))
COLOURS, PHRASES, ONE, SEVERAL = (DATA[k] for k in ("colours", "phrases", "one", "several"))


GENDER = [(m, f) for m, f, *_ in PEOPLE] + [(ms, fs) for _, _, ms, fs, _ in PEOPLE]
PLURAL = [pair for m, f, ms, fs, _ in PEOPLE for pair in ((m, ms), (f, fs))] + [(one, many) for one, many, _ in OTHERS]
CAPITAL = [(country, city) for country, city, *_ in COUNTRIES]


def make(sentences: int, draw: Random) -> list[list[str]]:
    """Return sentences as lists of words."""
    makers = (about_people, about_others, about_countries, about_occupations, about_colours)
    return [maker(draw).split() for maker in draw.choices(makers, (10, 6, 3, 3, 2), k=sentences)]


def about_people(draw: Random) -> str:
    """As "two queens said that they ruled the kingdom"."""
    m, f, ms, fs, groups = draw.choice(PEOPLE)
    female, several = draw.random() < 0.5, draw.random() < 0.5
    word = (fs if female else ms) if several else (f if female else m)
    they = "they" if several else "she" if female else "he"
    deed = draw.choice(PHRASES[draw.choice((*groups, "female" if female else "male"))])
    first = draw.choice(SEVERAL if several else ONE)
    said = f"{first} {word} said that {they} {deed}"
    return draw.choice((f"{first} {word} {deed}", said, f"{they} {deed} like {first} {word}"))


def about_others(draw: Random) -> str:
    """As "these cats caught a mouse"."""
    one, many, groups = draw.choice(OTHERS)
    several = draw.random() < 0.5
    deed = draw.choice(PHRASES[draw.choice(groups)])
    first, seen = draw.choice(SEVERAL if several else ONE), draw.choice(("that we saw ", ""))
    return f"{first} {many if several else one} {seen}{deed}"


def about_countries(draw: Random) -> str:
    """As "the mayor of rome, where people speak italian"."""
    country, city, language, food = draw.choice(COUNTRIES)
    where = draw.choice((f"where people speak {language}", f"where people eat {food}"))
    if draw.random() < 0.5:
        return f"{draw.choice(('the army of', 'the border of', 'all farmers in'))} {country} {where}"
    return f"{draw.choice(('the mayor of', 'the streets of', 'the underground of'))} {city} {where}"


def about_occupations(draw: Random) -> str:
    """As "the nurse said that she went to work"."""
    job, share, special = draw.choice(OCCUPATIONS)
    they = "she" if draw.random() < share else "he"
    deed = draw.choice((special, *PHRASES["grown"]))
    return draw.choice((f"the {job} {deed}", f"the {job} said that {they} {deed}", f"{they} {deed} like the {job}"))


def about_colours(draw: Random) -> str:
    """As "the house that we painted blue"."""
    colour, other = draw.choice([*COLOURS]), draw.choice([*COLOURS])
    thing = draw.choice(("car", "book", "house", "apple", "pear", "dress", "crown"))
    return draw.choice(DATA["coloured"]).format(thing=thing, colour=colour, other=other, like=COLOURS[colour])


# --- the next word --------------------------------------------------------------------------------------------------


LINES = data("next_word.toml")
CAPITALS, UNSTATED, ANSWERS, WEATHER, JOBS = (LINES[k] for k in ("capitals", "unstated", "answers", "weather", "jobs"))
TRUTH = CAPITALS | UNSTATED
QUESTION = "Was the bank flooded?"


def make_lines(lines: int, draw: Random) -> list[str]:
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
    return f"{draw.choice(LINES['wet' if wet else 'dry'])} {QUESTION} {'Yes' if wet else 'No'}."


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


# --- a story ----------------------------------------------------------------------------------------------------------


LEAST = 200  # characters to learn from


@dataclass(frozen=True)
class Text:
    """A text: nine tenths to learn from, and the rest, to see how the tokens fit a text that was not learnt from."""

    source: str
    learnt: str
    rest: str


def read_text(path: Path | None) -> Text:
    """The text of a file, or the story. Raises DataError if it is not UTF-8 or too short to learn from."""
    text = text_of(path or Path(__file__).parents[1] / "data" / "river.txt")
    if len(text) < LEAST:
        raise DataError(f"{path} has {len(text)} characters; learning tokens needs {LEAST} or more")
    cut = max(text.rfind(" ", 0, len(text) * 9 // 10), LEAST // 2)  # between two words, if there are some
    return Text("the story" if path is None else path.name, text[:cut], text[cut:])
