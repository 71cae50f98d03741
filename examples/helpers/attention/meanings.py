"""Made sentences in which what a word means depends on the others: which bank, whose colour, what "it" stands for.

    sentences = make(3000, random)  # lists such as [("the", None), ("bank", "river"), ("was", None), ("flooded", None)]

One other word tells the banks apart; in some sentences no word does. A vehicle means its colour. A colour, `it` and
what the vehicle did mean the vehicle, if there is one. Other words have no meaning to learn. Used by 07_attention.py.
"""

from __future__ import annotations

from random import Random

Sentence = list[tuple[str, str | None]]  # words, each with its meaning, or None if it has none to learn

# --- the banks: what tells them apart --------------------------------------------------------------------------

STATES = {
    "river": ("flooded", "muddy", "steep", "slippery", "sandy", "overgrown"),
    "money": ("robbed", "bankrupt", "insured", "audited", "solvent", "indebted"),
}
ACTIONS = {
    "river": ("touch water", "shelter otters", "grow reeds", "stop boats", "hide frogs", "slide downstream"),
    "money": ("lend money", "refuse loans", "open accounts", "charge fees", "change dollars", "raise interest"),
}
DEEDS = {
    "river": ("fished", "swam", "paddled", "camped", "anchored"),
    "money": ("paid", "borrowed", "saved", "invested", "withdrew"),
}
LOOKS = ("old", "big", "small", "new")  # said of both banks, so it tells nothing
PLACES = ("near", "by", "at")
TIMES = ("", " today", " again", " the other day")

# --- the vehicles ----------------------------------------------------------------------------------------------

COLOURS = ("red", "blue", "green", "white", "black", "yellow")
VEHICLES = ("car", "bus", "van", "truck", "taxi", "tractor")
STOPS = ("stopped", "slowed", "waited", "crashed", "turned", "halted")
REASONS = ("was out of fuel", "was late", "had no driver", "was broken", "had no brakes", "was overloaded")
PEOPLE = ("driver", "teacher", "old man", "old woman", "new driver", "new teacher")
SPEECH = ("said", "thought", "wrote", "heard")


def make(sentences: int, draw: Random) -> list[Sentence]:
    """Return sentences, no two alike."""
    found: dict[str, None] = {}
    while len(found) < sentences:
        found[draw.choice((about_a_bank, about_a_vehicle))(draw)] = None
    return [parse(text) for text in found]


def parse(text: str) -> Sentence:
    """Parse a sentence such as "was the bank=river flooded ?"."""
    pairs = [word.partition("=") for word in text.split()]
    return [(word, meaning or None) for word, _, meaning in pairs]


def about_a_bank(draw: Random) -> str:
    """As "did the old bank=money lend money ?"; in one of three no word tells which bank: "either"."""
    sense = draw.choice(("river", "money", "either"))
    look, time, place = draw.choice(LOOKS), draw.choice(TIMES), draw.choice(PLACES)
    bank = f"the {draw.choice(('', f'{look} '))}bank={sense}"
    if sense == "either":
        return draw.choice(
            (
                f"was {bank} {look}{time} ?",
                f"{bank} was {look}{time} .",
                f"did {bank} look {look}{time} ?",
                f"we met {place} {bank}{time} .",
            )
        )
    state, action, deed = (draw.choice(table[sense]) for table in (STATES, ACTIONS, DEEDS))
    return draw.choice(
        (
            f"was {bank} {state}{time} ?",
            f"{bank} was {state}{time} .",
            f"did {bank} look {state}{time} ?",
            f"did {bank} {action}{time} ?",
            f"we {deed} {place} {bank}{time} .",
            f"we met {place} {bank} and {deed}{time} .",
        )
    )


def about_a_vehicle(draw: Random) -> str:
    """As "the red=car car=red stopped=car because it=car was late ."; some lack the colour, or the vehicle."""
    colour, vehicle = draw.choice(COLOURS), draw.choice(VEHICLES)
    reason, time = draw.choice(REASONS), draw.choice(TIMES)
    said = f"the {draw.choice(PEOPLE)} {draw.choice(SPEECH)} that"
    what = f"the {draw.choice(('', f'{draw.choice(LOOKS)} '))}"
    what += draw.choice((f"{vehicle}=uncoloured", *(2 * [f"{colour}={vehicle} {vehicle}={colour}"])))
    did = f"{draw.choice(STOPS)}={vehicle}{time}"
    return draw.choice(
        (
            f"{what} {did} because it={vehicle} {reason} .",
            f"because it={vehicle} {reason} {what} {did} .",
            f"{what} {did} . it={vehicle} {reason} .",
            f"{said} {what} {did} because it={vehicle} {reason} .",
            f"{said} it=something {reason}{time} .",
        )
    )
