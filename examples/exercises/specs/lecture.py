"""Checks of chapter 10, the lecture's own exercises: spam, the red car, arithmetic, temperature."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_lecture.testing import numbers

from .spec import Spec, solved
from .steps import function

# --- the red car ------------------------------------------------------------------------------------------------------

WORDS = ["the", "red", "car", "that", "john", "bought", "yesterday", "broke", "down", "on", "highway"]
ATTENDED = {"red": "car", "that": "car", "john": "bought", "bought": "car john", "yesterday": "bought",
            "broke": "car highway down"}  # the words that are right for each  # fmt: skip


def answered(spec: Spec, name: str, said: Any) -> None:
    if said is Ellipsis:
        spec.fail("unfinished", name=name)


def attends(m: Any, spec: Spec) -> None:
    attended = m.ATTENDS_TO
    if not isinstance(attended, dict) or {str(k).lower() for k in attended} != set(ATTENDED):
        spec.fail("form")
    for word, said in attended.items():
        answered(spec, repr(word), said)
        plain = said.lower().strip() if isinstance(said, str) else ""
        if plain not in ATTENDED[word.lower()].split():
            told = "no-word" if plain not in WORDS else "itself" if plain == word.lower() else word.lower()
            spec.fail(told, [f"{word!r}: {said!r}"], kind="word", word=repr(word), said=repr(said))


def heads(m: Any, spec: Spec) -> None:
    if not isinstance(m.HEADS, (list, tuple)) or len(m.HEADS) != 3:
        spec.fail("heads")
    names, pairs = set(), set()
    for head in m.HEADS:
        answered(spec, "A head", head)
        if not isinstance(head, tuple) or len(head) != 3 or not all(isinstance(part, str) for part in head):
            spec.fail("head", [f"{head!r}"])
        name, a, b = (part.lower().strip() for part in head)
        if not name or a not in WORDS or b not in WORDS or a == b:
            spec.fail("no-word-in-head", [f"{head!r}"])
        names.add(name)
        pairs.add((a, b))
    if len(names) < 3 or len(pairs) < 3:
        spec.fail("same-heads", [repr(head) for head in m.HEADS])


# --- temperature ------------------------------------------------------------------------------------------------------

SCORES = {"sunny": 2.0, "cloudy": 1.8, "rainy": 1.2, "snowy": 0.8, "windy": 0.6}
FIRST, EQUAL = np.array([1.0, 0, 0, 0, 0]), np.full(5, 0.2)


def temperature(m: Any, spec: Spec) -> None:
    softmax, scores = solved("5.2").softmax, np.array([*SCORES.values()])

    def require_five(name: str, said: Any, right: Any, tolerance: float, mistakes: dict[str, Any]) -> None:
        answered(spec, name, said)
        try:
            given = np.asarray(said, float)
        except (TypeError, ValueError):
            given = np.array([])
        shown = [f"{name} = {said!r}"]
        if given.shape != (5,):
            spec.fail("five", shown, name=name)
        off = np.abs(given - right)
        if off.max() > tolerance:
            fits = (hint for hint, wrong in mistakes.items() if np.abs(given - wrong).max() <= 0.011)
            k = off.argmax()
            shown += [f"look at {[*SCORES][k]}: {given[k]:g}"]
            spec.fail(next(fits, "numbers"), shown, kind="numbers", name=name, right=right[k])

    if not isinstance(m.PROBABILITIES, dict) or set(m.PROBABILITIES) != {0.5, 1.0, 2.0}:
        spec.fail("form")
    for t, said in m.PROBABILITIES.items():
        right = softmax(scores / t)
        mistakes = {"rounding": right, "multiplied": softmax(scores * t), "temperature-ignored": softmax(scores),
                    "no-exponential": scores / scores.sum(), "not-divided": np.exp(scores / t)}  # fmt: skip
        require_five(f"PROBABILITIES[{t}]", said, right, 0.0051, mistakes)
    for name, told, least, most in (("WEATHER_REPORT", "report", 0.5, 0.5), ("CREATIVE_WRITING", "writing", 2.0, 2.0),
                                    ("CHATBOT", "choice", 1e-9, 0.8)):  # fmt: skip
        said = getattr(m, name)
        answered(spec, name, said)
        if not isinstance(said, (int, float)) or not least <= said <= most:
            spec.fail(told, [f"{name} = {said!r}"])
    require_five("NEAR_ZERO", m.NEAR_ZERO, FIRST, 0.005, {"as-infinite": EQUAL})
    require_five("WITHOUT_END", m.WITHOUT_END, EQUAL, 0.005, {"as-zero": FIRST})


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
