"""Spam rules written by hand, for comparison: points for patterns that look suspicious to a person.

A message with 4 points or more is called spam. Each rule is an idea someone had after reading such messages, and when
the spam changes, someone must write the next one.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ENOUGH = 4  # points


class Rule(NamedTuple):
    points: int
    reason: str
    pattern: re.Pattern[str]


def _rule(points: int, reason: str, pattern: str, flags: re.RegexFlag = re.IGNORECASE) -> Rule:
    return Rule(points, reason, re.compile(pattern, flags))


RULES = (
    _rule(3, "a phone number", r"\b0\d{3}[\d -]{6,}\d"),
    _rule(3, "a short code to text to", r"\b\d{5}\b"),
    _rule(3, "a sum in pounds", r"£\s?\d|\bGBP\b"),
    _rule(3, "a price in pence", r"\b\d+\s?(p|ppm|pence)\b|\d+p\W?(per|/|msg|min)"),
    _rule(2, "a web address", r"https?:|\bwww\.|\.(com|net|co\.uk)\b"),
    _rule(2, "won, prize, award", r"\b(won|win|winner|prizes?|award(ed)?|guaranteed)\b"),
    _rule(2, "claim, urgent, expires", r"\b(claim|urgent|expires?|final|valid)\b"),
    _rule(2, "text or call to a service", r"\b(txt|stop|sms|landline|mobile no|customer service|reply)\b"),
    _rule(2, "ringtones and the like", r"\b(ring ?tones?|tones?|polyphonic|camcorder|nokia|subscri\w+)\b"),
    _rule(2, "chat lines", r"\b(sexy|xxx|dating|chat(lines?)?|singles|adult|18\+?)\b"),
    _rule(1, "free", r"\bfree\b"),
    _rule(1, "cash, offer, voucher", r"\b(cash|offers?|vouchers?|bonus|discount|entry|draw)\b"),
    _rule(1, "call, text, mobile", r"\b(call|text|mobile|phone)\b"),
    _rule(1, "three words in capitals", r"\b[A-Z]{3,}\b.*\b[A-Z]{3,}\b.*\b[A-Z]{3,}\b", re.DOTALL),
    _rule(-2, "talks to a friend", r"\b(i'?m|lol|haha|love|later|sorry|dear|da|lor|gonna|wat|d|i'?ll)\b"),
)


def points(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the points of each message, (n,): each rule counts once, however often it matches."""
    return np.array([sum(rule.points for rule in RULES if rule.pattern.search(text)) for text in texts], dtype=np.int64)


def reasons(text: str) -> list[Rule]:
    """Return the rules that match a message."""
    return [rule for rule in RULES if rule.pattern.search(text)]
