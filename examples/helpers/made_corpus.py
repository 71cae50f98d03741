"""A corpus made from sentence patterns, so that it travels with the programs: 06_word_vectors.py, 09_architectures.py.

    sentences = make(30_000, random)            # lists of words: "every queen said that she ruled the kingdom"

No sentence states what a word means. But words that share a property occur in the same patterns: kings and queens rule,
kings and men shave, "many" and "two" come before kings and cats, a mammal does what every animal does and feeds its
young. And the text has a bias: who says that a nurse did something mostly says "she".
"""

from random import Random

from helpers.program import data

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
    sentences = (
        f"the {thing} that we painted {colour}",
        f"a bright {colour} {thing} is easy to see",
        f"the {thing} was {colour} as {COLOURS[colour]}",
        f"they mixed {colour} with {other} paint",
        f"the walls were {colour} and the doors were {other}",
    )
    return draw.choice(sentences)
