"""Text messages that the program makes: ham and spam of several kinds, so that no data is needed.

Some ham looks like spam (a dentist's reminder has a phone number), some spam like ham ("it's amy, my new number is").
About one message in seven could be either, so that no filter can be right every time.
A part of the ham is written in shorthand, which few of the spam messages are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

NAMES = ("amy", "tom", "sara", "ben", "lily", "jack", "mum", "dad", "nina", "omar")
PLACES = ("the station", "the pub", "my place", "the office", "the cinema", "the gym", "school", "the park")
TIMES = ("at 8", "tonight", "tomorrow", "after work", "on friday", "in an hour", "at noon", "later")
PRIZES = ("a phone", "a holiday", "a camera", "500 pounds cash", "a voucher", "concert tickets", "a console")

HAM = {
    "friends": (
        "see you {time} at {place}",
        "are you free {time}? we could meet at {place}",
        "sorry, I'm late. be there {time}",
        "did you win the game {time}? call me",
        "happy birthday {name}! have a great day",
        "can you send me the number of {name}?",
        "I won the pub quiz with {name}, drinks are free {time}!",
        "do you want to come to {place} {time}? {name} asked",
        "thanks for the lift, I had a lovely evening",
        "lost my phone, this is my new number. {name}",
        "that was so funny, tell {name} about it",
    ),
    "family": (
        "dinner is {time}, bring bread please",
        "{name} called, please call back {time}",
        "can you pick up {name} at {place} {time}?",
        "love you, sleep well",
        "the keys are with {name}, I'm at {place}",
        "did you feed the cat? home {time}",
    ),
    "work": (
        "meeting moved to {place} {time}",
        "please send the offer to {name} {time}",
        "the customer wants to claim the costs back, call {name}",
        "urgent: the printer at {place} is broken again",
        "can we talk about the contract {time}?",
        "your draft is fine, {name} has a few notes",
    ),
    "services": (
        "your appointment is {time}. to change it call {phone}",
        "your order is ready at {place}, open until 6",
        "your code is {code}. do not share it",
        "your bill of £{money} is due {time}. thank you",
        "your train {time} is cancelled, claim a refund at www.trains.co.uk",
        "your library books are due {time}. reply to renew for free",
    ),
}
SPAM = {
    "prize": (
        "congratulations! you have won {prize}. call {phone} now to claim",
        "you are our winner {time}! claim {prize}, txt WIN to {code}",
        "URGENT your number was drawn for {prize}. call {phone}",
        "final notice: {prize} is waiting for you. reply CLAIM to {code}",
        "free entry to win {prize}! txt GO to {code}",
    ),
    "tones and chat": (
        "free ringtone of the week! txt TONE to {code}",
        "new games for your phone, only £{money} a week. reply PLAY to {code}",
        "singles near {place} want to chat {time}. txt CHAT to {code}",
        "someone you know likes you! find out who, call {phone}",
    ),
    "loans": (
        "need cash {time}? £{money} without questions, call {phone}",
        "your loan of £{money} is approved. reply YES to {code}",
        "cut your bills today, free quote at www.lowbills.com",
    ),
    "pretends to be known": (
        "hi it's {name}, my new number is {phone}. call me {time}",
        "your appointment {time} could not be booked. call {phone}",
        "your bank needs your code. reply {time}",
        "sorry I missed you {time}, call me back on {phone}",
        "hey {name} asked me to send you this www.photos.net",
    ),
}
# Messages of which the text alone does not tell whether they are wanted: the share of them that is spam.
EITHER = {
    "sorry I missed you {time}, call me back on {phone}": 0.5,
    "hi it's {name}, this is my new number {phone}": 0.3,
    "two free tickets for {place} {time}, reply YES to {code}": 0.7,
    "you have 3 missed calls. listen to your messages on {phone}": 0.7,
    "half price at {place} {time}, show this message": 0.4,
    "your bank: please call {phone} {time}": 0.6,
    "thanks for your order of £{money}. questions? call {phone}": 0.2,
    "{name} sent you a photo, see www.photos.net": 0.6,
}
NEW = {  # a kind of spam that comes up later, and that no one has labelled yet
    "parcels": (
        "your parcel could not be delivered. pay the fee at www.post.net",
        "the courier is at {place}. confirm your address {time} at www.post.net",
        "customs hold your parcel, a small fee is due {time}",
        "your delivery is on its way, track it with the app at www.post.net",
        "we tried to deliver to {name} {time}. choose a new date at www.post.net",
    ),
}
ENDS = ("", "", "", " thanks", " x", "!", "!!", " ok?", " bye", " :)", ".", " love", " please", " cheers")
OPENINGS = ("", "", "", "hi ", "hey ", "hello ", "dear {name}, ", "ok ", "well ", "{name}, ")
SHORTHAND = {
    "you": "u", "your": "ur", "are": "r", "for": "4", "to": "2", "see": "c", "be": "b", "please": "pls",
    "tomorrow": "2moro", "tonight": "2nite", "thanks": "thx", "great": "gr8", "later": "l8r", "and": "n",
    "have": "hav", "free": "fre", "what": "wat", "the": "da", "at": "@", "that": "dat",
}  # fmt: skip


@dataclass(frozen=True)
class Message:
    """A text message, whether it is spam, of which kind, and whether it is in shorthand."""

    text: str
    spam: bool
    kind: str
    shorthand: bool = False


def make(n: int, draw: Random, share: float = 0.15) -> list[Message]:
    """Return n messages: 15% that could be either, and of the others this share is spam."""
    return [one(draw, None if draw.random() < 0.15 else SPAM if draw.random() < share else HAM) for _ in range(n)]


def make_new(n: int, draw: Random) -> list[Message]:
    """Return n messages of the spam that comes up later."""
    return [one(draw, NEW) for _ in range(n)]


def one(draw: Random, kinds: dict[str, tuple[str, ...]] | None) -> Message:
    """Return one message of a random kind; None: of those that could be either."""
    if kinds is None:
        kind, text = "could be either", draw.choice(list(EITHER))
        spam = draw.random() < EITHER[text]
    else:
        kind, spam = draw.choice(list(kinds)), kinds is not HAM
        text = draw.choice(kinds[kind])
    text = fill(draw.choice(OPENINGS) + text + draw.choice(ENDS), draw)
    shorthand = draw.random() < (0.05 if spam else 0.15)
    return Message(shorten(text) if shorthand else text, spam, kind, shorthand)


def fill(text: str, draw: Random) -> str:
    """Return the text with its gaps filled."""
    return text.format(
        name=draw.choice(NAMES),
        time=draw.choice(TIMES),
        place=draw.choice(PLACES),
        prize=draw.choice(PRIZES),
        phone=f"0{draw.randrange(10**9, 10**10 - 1)}",
        code=f"{draw.randrange(10**4, 10**5)}",
        money=f"{draw.randrange(5, 900)}",
    )


def shorten(text: str) -> str:
    """Return the text in shorthand: "c u @ da pub"."""
    return " ".join(SHORTHAND.get(word, word) for word in text.split(" "))


# --- what a spammer tries -----------------------------------------------------------------------------------

LEET = str.maketrans("aeiost", "4310$7")
GOOD = "see you at home, love mum. thanks for dinner, sleep well x"


def leetspeak(text: str) -> str:
    """Return the text with signs in place of some letters of its long words: "fr33 pr1z3"."""
    return re.sub(r"[A-Za-z]{4,}", lambda found: found[0].translate(LEET), text)


def good_words(text: str) -> str:
    """Return the text with words of ordinary messages behind it."""
    return f"{text} {GOOD}"
