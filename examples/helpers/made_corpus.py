"""A corpus made from sentence patterns, so that it travels with the programs: 06_word_vectors.py, 09_architectures.py.

    sentences = make(30_000, random)            # lists of words: "every queen said that she ruled the kingdom"

No sentence states what a word means. But words that share a property occur in the same patterns: kings and queens rule,
kings and men shave, "many" and "two" come before kings and cats, a mammal does what every animal does and feeds its
young. And the text has a bias: who says that a nurse did something mostly says "she".
"""

from __future__ import annotations

from random import Random

# Male, female, their plurals, and the groups of PHRASES that fit both.
PEOPLE = [
    ("man", "woman", "men", "women", ("grown",)),
    ("boy", "girl", "boys", "girls", ("young",)),
    ("king", "queen", "kings", "queens", ("grown", "royal")),
    ("prince", "princess", "princes", "princesses", ("young", "royal")),
    ("father", "mother", "fathers", "mothers", ("grown", "parent")),
    ("son", "daughter", "sons", "daughters", ("young", "child")),
    ("uncle", "aunt", "uncles", "aunts", ("grown", "relative")),
    ("nephew", "niece", "nephews", "nieces", ("young", "relative")),
    ("husband", "wife", "husbands", "wives", ("grown", "married")),
    ("actor", "actress", "actors", "actresses", ("grown", "stage")),
]
# Singular, plural, and the groups of PHRASES that fit. "animal" and "mammal" do only what all of their kind do.
OTHERS = [
    ("animal", "animals", ("animal",)),
    ("mammal", "mammals", ("animal", "mammal")),
    ("dog", "dogs", ("animal", "mammal", "dog")),
    ("cat", "cats", ("animal", "mammal", "cat")),
    ("horse", "horses", ("animal", "mammal", "horse")),
    ("bird", "birds", ("animal", "bird")),
    ("fish", "fishes", ("animal", "fish")),
    ("apple", "apples", ("fruit", "apple")),
    ("pear", "pears", ("fruit", "pear")),
    ("car", "cars", ("thing", "car")),
    ("book", "books", ("thing", "book")),
    ("house", "houses", ("thing", "house")),
]
COLOURS = {"red": "blood", "blue": "the sky", "green": "grass", "yellow": "butter", "white": "snow"}
# Country, capital, language, food.
COUNTRIES = [
    ("france", "paris", "french", "cheese"),
    ("germany", "berlin", "german", "sausages"),
    ("italy", "rome", "italian", "pasta"),
    ("spain", "madrid", "spanish", "olives"),
    ("japan", "tokyo", "japanese", "rice"),
    ("russia", "moscow", "russian", "borscht"),
]
# Occupation, the share of sentences that say "she", and what only this occupation does.
OCCUPATIONS = [
    ("engineer", 0.05, "built the bridge"),
    ("pilot", 0.2, "landed the plane"),
    ("doctor", 0.4, "wrote the prescription"),
    ("teacher", 0.6, "corrected the homework"),
    ("librarian", 0.8, "sorted the shelves"),
    ("nurse", 0.95, "changed the bandage"),
]

PHRASES = {
    "male": ("shaved in the morning", "trimmed a moustache", "sang bass in the choir"),
    "female": ("braided long hair", "put on a dress", "sang soprano in the choir"),
    "grown": ("went to work", "paid the bills", "drove to the office", "read the newspaper"),
    "young": ("went to school", "played with toys", "learned to read", "climbed over the fence"),
    "royal": ("sat on the throne", "ruled the kingdom", "wore a golden crown", "lived in the palace"),
    "parent": ("fed the baby", "sang a lullaby", "called the children"),
    "child": ("obeyed mum and dad", "inherited the farm", "grew up"),
    "relative": ("came for a visit", "sent birthday cards", "met the cousins"),
    "married": ("remembered the wedding", "lost the ring", "went on honeymoon"),
    "stage": ("learned the role", "bowed to the audience", "appeared in the film"),
    "animal": ("drank from the river", "ran over the meadow", "slept in the barn", "hid from the hunter"),
    "mammal": ("gave milk to its young", "had warm fur", "gave birth in spring"),
    "dog": ("barked at the postman", "buried a bone"),
    "cat": ("caught a mouse", "purred on the sofa"),
    "horse": ("pulled the cart", "jumped over the ditch"),
    "bird": ("flew to the south", "sat in the nest"),
    "fish": ("swam in the pond", "bit into the hook"),
    "fruit": ("fell from the tree", "tasted sweet", "ripened in the sun"),
    "apple": ("became cider", "was baked in a pie"),
    "pear": ("became perry", "was boiled to jam"),
    "thing": ("cost much money", "came as a present", "looked old"),
    "car": ("stopped at the lights", "needed petrol"),
    "book": ("told of a murder", "lacked a page"),
    "house": ("lost its roof", "stood by the road"),
}
ONE, SEVERAL = ("a", "one", "this", "every"), ("many", "two", "these", "some")

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
    return draw.choice(
        (f"{first} {word} {deed}", f"{first} {word} said that {they} {deed}", f"{they} {deed} like {first} {word}")
    )


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
    return draw.choice(
        (
            f"the {thing} that we painted {colour}",
            f"a bright {colour} {thing} is easy to see",
            f"the {thing} was {colour} as {COLOURS[colour]}",
            f"they mixed {colour} with {other} paint",
            f"the walls were {colour} and the doors were {other}",
        )
    )
