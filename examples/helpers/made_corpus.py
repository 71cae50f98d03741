"""A small corpus made from sentence patterns. Its words differ in gender, number, age, rank and other properties.

    sentences = make(20_000, random)            # lists of words: "every queen said that she ruled the kingdom"

No sentence states that a queen is to a king as a woman is to a man. But words that share a property stand in the same
patterns: kings and queens rule, kings and men shave, "many" and "two" come before kings and cats. Used by
06_word_vectors.py and 09_architectures.py.
"""

from __future__ import annotations

from random import Random

# --- the words ----------------------------------------------------------------------------------------------

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
    ("grandfather", "grandmother", "grandfathers", "grandmothers", ("old", "parent")),
    ("husband", "wife", "husbands", "wives", ("grown", "married")),
    ("actor", "actress", "actors", "actresses", ("grown", "stage")),
    ("waiter", "waitress", "waiters", "waitresses", ("grown", "restaurant")),
]
# Singular, plural, and the groups of PHRASES that fit.
OTHERS = [
    ("dog", "dogs", ("animal", "dog")),
    ("cat", "cats", ("animal", "cat")),
    ("horse", "horses", ("animal", "horse")),
    ("bird", "birds", ("animal", "bird")),
    ("apple", "apples", ("fruit", "apple")),
    ("pear", "pears", ("fruit", "pear")),
    ("car", "cars", ("thing", "car")),
    ("book", "books", ("thing", "book")),
    ("house", "houses", ("thing", "house")),
]
# Country, capital, language, food.
COUNTRIES = [
    ("france", "paris", "french", "cheese"),
    ("italy", "rome", "italian", "pasta"),
    ("germany", "berlin", "german", "sausages"),
    ("spain", "madrid", "spanish", "olives"),
    ("japan", "tokyo", "japanese", "rice"),
    ("russia", "moscow", "russian", "borscht"),
]

PHRASES = {
    "male": ("shaved in the morning", "trimmed a moustache", "sang bass in the choir"),
    "female": ("braided long hair", "put on a dress", "sang soprano in the choir"),
    "grown": ("went to work", "paid the bills", "drove to the office", "read the newspaper"),
    "young": ("went to school", "played with toys", "learned to read", "climbed over the fence"),
    "old": ("remembered the war", "walked with a stick", "slept in the armchair"),
    "royal": ("sat on the throne", "ruled the kingdom", "wore a golden crown", "lived in the palace"),
    "parent": ("fed the baby", "sang a lullaby", "called the children"),
    "child": ("obeyed mum and dad", "inherited the farm", "grew up"),
    "relative": ("came for a visit", "sent birthday cards", "met the cousins"),
    "married": ("remembered the wedding", "lost the ring", "went on honeymoon"),
    "stage": ("learned the role", "bowed to the audience", "appeared in the film"),
    "restaurant": ("brought the menu", "served the soup", "set the table"),
    "animal": ("drank from the river", "ran over the meadow", "slept in the barn"),
    "dog": ("barked at the postman", "buried a bone"),
    "cat": ("caught a mouse", "purred on the sofa"),
    "horse": ("pulled the cart", "jumped over the ditch"),
    "bird": ("flew to the south", "sat in the nest"),
    "fruit": ("fell from the tree", "tasted sweet", "ripened in the sun"),
    "apple": ("became a red pie", "became cider"),
    "pear": ("became a green jam", "became perry"),
    "thing": ("cost much money", "came as a present", "looked old"),
    "car": ("stopped at the lights", "needed petrol"),
    "book": ("told of a murder", "lacked a page"),
    "house": ("lost its roof", "stood by the road"),
}
ONE, SEVERAL = ("a", "one", "this", "every"), ("many", "two", "these", "some")

GENDER = [(m, f) for m, f, *_ in PEOPLE] + [(ms, fs) for _, _, ms, fs, _ in PEOPLE]
PLURAL = [pair for m, f, ms, fs, _ in PEOPLE for pair in ((m, ms), (f, fs))] + [(one, many) for one, many, _ in OTHERS]
CAPITAL = [(country, city) for country, city, *_ in COUNTRIES]

# --- the sentences ------------------------------------------------------------------------------------------


def make(sentences: int, draw: Random) -> list[list[str]]:
    """Return sentences as lists of words: seven in ten about people, the others about animals, things and countries."""
    makers = draw.choices((about_people, about_others, about_countries), (7, 2, 1), k=sentences)
    return [maker(draw).split() for maker in makers]


def about_people(draw: Random) -> str:
    """As "two queens said that they ruled the kingdom"."""
    m, f, ms, fs, groups = draw.choice(PEOPLE)
    female, several = draw.random() < 0.5, draw.random() < 0.5
    word = (fs if female else ms) if several else (f if female else m)
    they = "they" if several else "she" if female else "he"
    deed = draw.choice(PHRASES[draw.choice((*groups, "female" if female else "male"))])
    patterns = (
        f"{article(several, draw)} {word} {deed}",
        f"{article(several, draw)} {word} said that {they} {deed}",
        f"{they} {deed} like {article(several, draw)} {word}",
    )
    return draw.choice(patterns)


def about_others(draw: Random) -> str:
    """As "these cats caught a mouse"."""
    one, many, groups = draw.choice(OTHERS)
    several = draw.random() < 0.5
    deed = draw.choice(PHRASES[draw.choice(groups)])
    return f"{article(several, draw)} {many if several else one} {draw.choice(('that we saw ', ''))}{deed}"


def about_countries(draw: Random) -> str:
    """As "the mayor of rome, where people speak italian"."""
    country, city, language, food = draw.choice(COUNTRIES)
    where = draw.choice((f"where people speak {language}", f"where people eat {food}"))
    if draw.random() < 0.5:
        return f"{draw.choice(('the army of', 'the border of', 'all farmers in'))} {country} {where}"
    return f"{draw.choice(('the mayor of', 'the streets of', 'the underground of'))} {city} {where}"


def article(several: bool, draw: Random) -> str:
    """As "every", or "many"."""
    return draw.choice(SEVERAL if several else ONE)
