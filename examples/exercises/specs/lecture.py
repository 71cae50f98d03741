"""Checks of chapter 10, the lecture's own exercises: spam, the red car, arithmetic, temperature."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_lecture.testing import numbers

from .spec import Spec, solved
from .steps import fail, function

# --- the red car ------------------------------------------------------------------------------------------------------

WORDS = ["the", "red", "car", "that", "john", "bought", "yesterday", "broke", "down", "on", "highway"]
ATTENDED = {  # the words that are right for each, and why
    "red": ("car", "an adjective looks at what it describes"),
    "that": ("car", "a relative pronoun looks at the word that it stands for"),
    "john": ("bought", "a subject looks at its verb"),
    "bought": ("car john", "a verb looks at its object, or at its subject"),
    "yesterday": ("bought", "a word of time looks at what happened then"),
    "broke": ("car highway down", "a verb looks at its subject, even far away, or at the place"),
}


def _answered(name: str, said: Any) -> None:
    if said is Ellipsis:
        fail(f"{name} has no answer yet.", [], "unfinished", None)


def attends(m: Any, spec: Spec) -> None:
    attended = m.ATTENDS_TO
    if not isinstance(attended, dict) or {str(k).lower() for k in attended} != set(ATTENDED):
        spec.fail("ATTENDS_TO must keep its six words.", [], "form")
    for word, said in attended.items():
        _answered(repr(word), said)
        shown = [f"{word!r}: {said!r}"]
        right, why = ATTENDED[word.lower()]
        if not isinstance(said, str) or said.lower().strip() not in WORDS:
            spec.fail(f"{said!r} is no word of the sentence.", shown, "no-word", "word")
        if said.lower().strip() == word.lower():
            spec.fail(f"{word!r} looks at itself.", shown, "itself", "word")
        if said.lower().strip() not in right.split():
            fail(f"{word!r} should look at another word than {said!r}.", shown, "other-word", why, "word")


def heads(m: Any, spec: Spec) -> None:
    given = m.HEADS
    if not isinstance(given, (list, tuple)) or len(given) != 3:
        spec.fail("HEADS must have three heads.", [], "heads")
    names, pairs = set(), set()
    for head in given:
        _answered("A head", head)
        if not isinstance(head, tuple) or len(head) != 3 or not all(isinstance(part, str) for part in head):
            fail("A head is a name and two words, in a tuple.", [f"{head!r}"], "heads",
                 'for instance ("who does it", "John", "bought")')  # fmt: skip
        name, a, b = (part.lower().strip() for part in head)
        if not name or a not in WORDS or b not in WORDS or a == b:
            fail("A head needs a name, and two different words of the sentence.", [f"{head!r}"], "no-word",
                 "look at the words once more", "heads")  # fmt: skip
        names.add(name)
        pairs.add((a, b))
    if len(names) < 3 or len(pairs) < 3:
        spec.fail("Two heads are the same.", [repr(head) for head in given], "same-heads", "heads")


# --- temperature ------------------------------------------------------------------------------------------------------

SCORES = np.array([2.0, 1.8, 1.2, 0.8, 0.6])
FIRST, EQUAL = np.array([1.0, 0, 0, 0, 0]), np.full(5, 0.2)


def temperature(m: Any, spec: Spec) -> None:
    softmax = solved("5.2").softmax
    table = m.PROBABILITIES
    if not isinstance(table, dict) or set(table) != {0.5, 1.0, 2.0}:
        spec.fail("PROBABILITIES must keep its three temperatures.", [], "form")
    for t, said in table.items():
        _require_five(f"PROBABILITIES[{t}]", said, softmax(SCORES / t), 0.011, [
            ("multiplied", "the scores are multiplied by T; divide them", softmax(SCORES * t)),
            ("temperature-ignored", "these are the probabilities for T = 1", softmax(SCORES)),
            ("no-exponential", "the scores are divided by their sum; softmax takes exp first", SCORES / SCORES.sum()),
            ("not-divided", "these are the exponentials; divide by their sum", np.exp(SCORES / t)),
        ])  # fmt: skip
    for name, right, why in (
        ("WEATHER_REPORT", 0.5, "a report should say what is likeliest: a low temperature"),
        ("CREATIVE_WRITING", 2.0, "surprise is wanted here: a high temperature"),
    ):
        said = getattr(m, name)
        _answered(name, said)
        if said != right:
            fail(f"{name} should be another temperature.", [f"{name} = {said!r}"], "choice", why)
    _require_five("NEAR_ZERO", m.NEAR_ZERO, FIRST, 0.005, [
        ("as-infinite", "this is for a high T; divided by a small T, differences become large", EQUAL),
    ])  # fmt: skip
    _require_five("WITHOUT_END", m.WITHOUT_END, EQUAL, 0.005, [
        ("as-zero", "this is for T near 0; divided by a large T, all scores come close to 0", FIRST),
    ])  # fmt: skip
    _answered("CHATBOT", m.CHATBOT)
    if not isinstance(m.CHATBOT, (int, float)) or not 0 < m.CHATBOT <= 0.8:
        spec.fail("A chatbot for customers should be more careful.", [f"CHATBOT = {m.CHATBOT!r}"], "choice")


def _require_five(name: str, said: Any, right: Any, tolerance: float, mistakes: list[tuple[str, str, Any]]) -> None:
    _answered(name, said)
    try:
        given = np.asarray(said, float)
    except (TypeError, ValueError):
        given = np.array([])
    shown = [f"{name} = {said!r}"]
    if given.shape != (5,):
        fail(f"{name} must be a list of five numbers.", shown, "form", "one for each word, in their order")
    if np.abs(given - right).max() <= tolerance:
        return
    fits = (row[:2] for row in mistakes if np.abs(given - row[2]).max() <= max(tolerance, 0.011))
    found = next(fits, (None, "e ** (score / T) for each word, divided by the sum of the five"))
    worst = int(np.abs(given - right).argmax())
    word = ["sunny", "cloudy", "rainy", "snowy", "windy"][worst]
    fail(f"{name} is wrong.", [*shown, f"look at {word}: {given[worst]:g}"], *found, "numbers")


EMAILS = st.lists(st.sampled_from(["free", "Free", "money", "hello", "MONEY", "freedom"]), max_size=5).map(" ".join)
VOCABULARIES = st.lists(st.sampled_from(["free", "money", "hello"]), min_size=1, max_size=3, unique=True)
JUDGED = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=5).map(
    lambda p: ([a for a, _ in p], [b for _, b in p])
)
SUMS = st.tuples(st.integers(0, 30), st.integers(0, 30), st.booleans()).map(
    lambda d: (f"{d[0]} + {d[1]} = {d[0] + d[1]}" if d[2] else f"{d[0]}+{d[1]}={d[0] + d[1]}",)
)
PROBLEMS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=6)
TERM, EVERY = st.integers(0, 30), st.sampled_from([2, 3, 5])
CHECKS = {
    "10.1": [
        function("count_words", [EMAILS, VOCABULARIES]),
        function("is_spam", [numbers(-4, 4), st.sampled_from([0.5, 0.9, 0.1])]),
        function("precision", JUDGED),
    ],
    "10.2": [attends, heads],
    "10.3": [function("tokenize", SUMS), function("example", [TERM, TERM]), function("hold_out", [PROBLEMS, EVERY])],
    "10.4": [temperature],
}
