"""The lecture's own exercises: spam, the red car, arithmetic, temperature."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_lecture.testing import CheckFailed, Exercise, Mistake, check_function, numbers

from .shared.telling import explaining

WORDS = ["the", "red", "car", "that", "john", "bought", "yesterday", "broke", "down", "on", "highway"]


def _check_spam(m: Any) -> None:
    def count(text: str, vocabulary: list[str]) -> list[int]:
        return [text.lower().split().count(word) for word in vocabulary]

    texts = st.lists(st.sampled_from(["free", "Free", "money", "hello", "MONEY", "freedom"]), max_size=5).map(" ".join)
    vocabularies = st.lists(st.sampled_from(["free", "money", "hello"]), min_size=1, max_size=3, unique=True)
    check_function(
        m.count_words,
        count,
        [texts, vocabularies],
        mistakes=[
            Mistake("case", "upper and lower case are different here: text.lower()", lambda t, v: [t.split().count(w) for w in v]),
            Mistake("substrings", '"freedom" is counted as "free": split the text into words first', lambda t, v: [t.lower().count(w) for w in v]),
            Mistake("substrings", "parts of words are counted, and case matters: text.lower().split()", lambda t, v: [t.count(w) for w in v]),
            Mistake("only-whether", "how often is asked for, not whether", lambda t, v: [int(w in t.lower().split()) for w in v]),
            Mistake("total", "one number for each word of the vocabulary", lambda t, v: len(t.split())),
            Mistake("by-text", "one number for each word of the vocabulary, not of the text", lambda t, v: [v.count(w) for w in t.lower().split()]),
        ],
    )  # fmt: skip

    def sigmoid(z: float) -> float:
        return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))

    check_function(
        m.is_spam,
        lambda z, threshold: sigmoid(z) >= threshold,
        [numbers(-4, 4), st.sampled_from([0.5, 0.9, 0.1])],
        mistakes=[
            Mistake("no-sigmoid", "z is no probability; the sigmoid of it is", lambda z, t: z >= t),
            Mistake("inverted", "the wrong way round: spam is what is at least as likely as the threshold", lambda z, t: sigmoid(z) < t),
            Mistake("strict", "exactly at the threshold it is spam: >=", lambda z, t: sigmoid(z) > t),
            Mistake("threshold-ignored", "the threshold is not used", lambda z, t: sigmoid(z) >= 0.5),
            Mistake("probability", "True or False is asked for, not the probability", lambda z, t: sigmoid(z)),
        ],
    )  # fmt: skip

    def ratio(above: Any, below: Any) -> Any:
        return lambda called, spam: 1.0 if not below(called, spam) else above(called, spam) / below(called, spam)

    def hits(called: Any, spam: Any) -> int:
        return sum(c and s for c, s in zip(called, spam, strict=True))

    pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=5).map(
        lambda p: ([a for a, _ in p], [b for _, b in p])
    )
    with explaining(
        ("ZeroDivisionError", "none-called", "if none was called spam, nothing is to be divided by: it is 1.0 then")
    ):
        check_function(
            m.precision,
            lambda called, spam: float(ratio(hits, lambda c, s: sum(c))(called, spam)),
            pairs,
            mistakes=[
                Mistake("recall", "this is the recall, the share of all spam that was found; divide by how many were called spam", ratio(hits, lambda c, s: sum(s))),
                Mistake("accuracy", "this is the accuracy, the share of all right answers; look only at those called spam",
                        lambda c, s: sum(a == b for a, b in zip(c, s, strict=True)) / len(c)),
                Mistake("all-counted", "divide by how many were called spam, not by all", lambda c, s: hits(c, s) / len(c)),
                Mistake("none-called", "if none was called spam, it is 1.0: nothing wrong was said", lambda c, s: hits(c, s) / sum(c) if any(c) else 0.0),
                Mistake("false-alarms", "this is the share of false alarms, 1 - precision", lambda c, s: 1 - hits(c, s) / sum(c) if any(c) else 1.0),
            ],
        )  # fmt: skip


ACCEPTED = {
    "red": {"car"},
    "that": {"car"},
    "john": {"bought"},
    "bought": {"car", "john"},
    "yesterday": {"bought"},
    "broke": {"car", "highway", "down"},
}
WHY = {
    "red": "an adjective looks at what it describes",
    "that": "a relative pronoun looks at the word that it stands for",
    "john": "a subject looks at its verb",
    "bought": "a verb looks at its object, or at its subject",
    "yesterday": "a word of time looks at what happened then",
    "broke": "a verb looks at its subject, even far away, or at the place",
}


def _check_red_car(m: Any) -> None:
    attends = m.ATTENDS_TO
    if not isinstance(attends, dict) or {str(k).lower() for k in attends} != set(ACCEPTED):
        raise CheckFailed(
            "ATTENDS_TO must keep its six words.",
            kind="form",
            hint="form",
            cause="change only what stands after each colon",
        )
    for word, said in attends.items():
        if said is Ellipsis:
            raise CheckFailed(f"{word!r} has no answer yet.", kind="unfinished", hint="unfinished")
        if not isinstance(said, str) or said.lower().strip() not in WORDS:
            raise CheckFailed(f"{said!r} is no word of the sentence.", kind="word", hint="no-word", shown=[f"{word!r}: {said!r}"],
                              cause="write one word of the sentence, in quotes")  # fmt: skip
        if said.lower().strip() == word.lower():
            raise CheckFailed(f"{word!r} looks at itself.", kind="word", hint="itself", shown=[f"{word!r}: {said!r}"],
                              cause="it does that anyway; which other word says most about it?")  # fmt: skip
        if said.lower().strip() not in ACCEPTED[word.lower()]:
            raise CheckFailed(f"{word!r} should look at another word than {said!r}.", kind="word", hint="other-word",
                              shown=[f"{word!r}: {said!r}"], cause=WHY[word.lower()])  # fmt: skip
    heads = m.HEADS
    if not isinstance(heads, (list, tuple)) or len(heads) != 3:
        raise CheckFailed("HEADS must have three heads.", kind="heads", hint="heads", cause="write three tuples")
    for head in heads:
        if head is Ellipsis:
            raise CheckFailed("A head has no answer yet.", kind="unfinished", hint="unfinished")
        if not isinstance(head, tuple) or len(head) != 3 or not all(isinstance(part, str) for part in head):
            raise CheckFailed("A head is a name and two words, in a tuple.", kind="heads", hint="heads", shown=[f"{head!r}"],
                              cause='for instance ("who does it", "John", "bought")')  # fmt: skip
        name, a, b = (part.lower().strip() for part in head)
        if not name or a not in WORDS or b not in WORDS or a == b:
            raise CheckFailed("A head needs a name, and two different words of the sentence.", kind="heads", hint="no-word",
                              shown=[f"{head!r}"], cause="look at the words once more")  # fmt: skip
    if (
        len({head[0].lower().strip() for head in heads}) < 3
        or len({tuple(w.lower() for w in head[1:]) for head in heads}) < 3
    ):
        raise CheckFailed("Two heads are the same.", kind="heads", hint="same-heads", shown=[repr(h) for h in heads],
                          cause="each head looks for another kind of relation")  # fmt: skip


def _check_arithmetic(m: Any) -> None:
    sums = st.tuples(st.integers(0, 30), st.integers(0, 30), st.booleans()).map(
        lambda d: (f"{d[0]} + {d[1]} = {d[0] + d[1]}" if d[2] else f"{d[0]}+{d[1]}={d[0] + d[1]}",)
    )
    check_function(
        m.tokenize,
        lambda text: [c for c in text if c != " "],
        sums,
        mistakes=[
            Mistake("spaces", "spaces are left out", list),
            Mistake("numbers", "each number is one token here; take its digits one by one, so that ten are enough", lambda text: text.split()),
            Mistake("text", "a list is asked for", lambda text: text.replace(" ", "")),
            Mistake("reversed", "the characters stand in reverse order", lambda text: list(text.replace(" ", ""))[::-1]),
        ],
    )  # fmt: skip
    check_function(
        m.example,
        lambda a, b: (f"{a}+{b}=", f"{a + b}"),
        [st.integers(0, 30), st.integers(0, 30)],
        mistakes=[
            Mistake("answer-given", "the answer stands in what it reads: then it need not compute", lambda a, b: (f"{a}+{b}={a + b}", f"{a + b}")),
            Mistake("number", "the answer is text too: str(a + b)", lambda a, b: (f"{a}+{b}=", a + b)),
            Mistake("joined", "the two numbers stand side by side; add them first", lambda a, b: (f"{a}+{b}=", f"{a}{b}")),
            Mistake("sign-missing", "the = belongs to what it reads: it says that the answer follows", lambda a, b: (f"{a}+{b}", f"{a + b}")),
        ],
    )  # fmt: skip

    def split(pairs: Any, every: int, key: Any) -> Any:
        test = [p for p in pairs if key(p) % every == 0]
        return [p for p in pairs if key(p) % every], test

    def right(p: Any) -> int:
        return 7 * min(p) + max(p)

    def sequential(pairs: Any, every: int) -> Any:
        cut = len(pairs) // every
        return pairs[cut:], pairs[:cut]

    check_function(
        m.hold_out,
        lambda pairs, every: split(pairs, every, right),
        [st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=6), st.sampled_from([2, 3, 5])],
        mistakes=[
            Mistake("twins", "3 + 5 and its twin 5 + 3 may land on both sides: use the smaller and the larger number, in this order",
                    lambda pairs, every: split(pairs, every, lambda p: 7 * p[0] + p[1])),
            Mistake("swapped", "the two lists are swapped: training first", lambda pairs, every: split(pairs, every, right)[::-1]),
            Mistake("larger-first", "it is the smaller number that is multiplied by 7", lambda pairs, every: split(pairs, every, lambda p: 7 * max(p) + min(p))),
            Mistake("in-both", "the test pairs are in the training too", lambda pairs, every: (list(pairs), split(pairs, every, right)[1])),
            Mistake("by-place", "this cuts by place in the list; a twin elsewhere stays in the training", sequential),
        ],
    )  # fmt: skip


SCORES = np.array([2.0, 1.8, 1.2, 0.8, 0.6])


def _softmax(scores: Any) -> Any:
    e = np.exp(scores - scores.max())
    return e / e.sum()


def _check_temperature(m: Any) -> None:
    table = m.PROBABILITIES
    if not isinstance(table, dict) or set(table) != {0.5, 1.0, 2.0}:
        raise CheckFailed(
            "PROBABILITIES must keep its three temperatures.",
            kind="form",
            hint="form",
            cause="change only what stands after each colon",
        )
    for t, said in table.items():
        _require_five(f"PROBABILITIES[{t}]", said, _softmax(SCORES / t), 0.011, [
            ("multiplied", "the scores are multiplied by T; divide them", _softmax(SCORES * t)),
            ("temperature-ignored", "these are the probabilities for T = 1", _softmax(SCORES)),
            ("no-exponential", "the scores are divided by their sum; softmax takes exp first", SCORES / SCORES.sum()),
            ("not-divided", "these are the exponentials; divide by their sum", np.exp(SCORES / t)),
        ])  # fmt: skip
    for name, right, why in (
        ("WEATHER_REPORT", 0.5, "a report should say what is likeliest: a low temperature"),
        ("CREATIVE_WRITING", 2.0, "surprise is wanted here: a high temperature"),
    ):
        said = getattr(m, name)
        if said is Ellipsis:
            raise CheckFailed(f"{name} has no answer yet.", kind="unfinished", hint="unfinished")
        if said != right:
            raise CheckFailed(
                f"{name} should be another temperature.",
                kind="choice",
                hint="choice",
                shown=[f"{name} = {said!r}"],
                cause=why,
            )
    _require_five("NEAR_ZERO", m.NEAR_ZERO, np.array([1.0, 0, 0, 0, 0]), 0.005, [
        ("as-infinite", "this is for a high T; divided by a small T, differences become large", np.full(5, 0.2)),
    ])  # fmt: skip
    _require_five("WITHOUT_END", m.WITHOUT_END, np.full(5, 0.2), 0.005, [
        ("as-zero", "this is for T near 0; divided by a large T, all scores come close to 0", np.array([1.0, 0, 0, 0, 0])),
    ])  # fmt: skip
    if m.CHATBOT is Ellipsis:
        raise CheckFailed("CHATBOT has no answer yet.", kind="unfinished", hint="unfinished")
    if not isinstance(m.CHATBOT, (int, float)) or not 0 < m.CHATBOT <= 0.8:
        raise CheckFailed("A chatbot for customers should be more careful.", kind="choice", hint="choice", shown=[f"CHATBOT = {m.CHATBOT!r}"],
                          cause="customers want right and steady answers; the lecture says 0.3 to 0.7")  # fmt: skip


def _require_five(name: str, said: Any, right: Any, tolerance: float, mistakes: list[tuple[str, str, Any]]) -> None:
    if said is Ellipsis:
        raise CheckFailed(f"{name} has no answer yet.", kind="unfinished", hint="unfinished")
    try:
        given = np.asarray(said, float)
    except (TypeError, ValueError):
        given = np.array([])
    shown = [f"{name} = {said!r}"]
    if given.shape != (5,):
        raise CheckFailed(
            f"{name} must be a list of five numbers.",
            kind="form",
            hint="form",
            shown=shown,
            cause="one for each word, in their order",
        )
    if np.abs(given - right).max() <= tolerance:
        return
    hint, cause = None, "e ** (score / T) for each word, divided by the sum of the five"
    for found, says, wrong in mistakes:
        if np.abs(given - wrong).max() <= max(tolerance, 0.011):
            hint, cause = found, says
            break
    worst = int(np.abs(given - right).argmax())
    word = ["sunny", "cloudy", "rainy", "snowy", "windy"][worst]
    raise CheckFailed(
        f"{name} is wrong.", kind="numbers", hint=hint, cause=cause, shown=[*shown, f"look at {word}: {given[worst]:g}"]
    )


EXERCISES = [
    Exercise(
        "10.1", "ch10_lecture/ex1_spam.py", _check_spam,
        title="Spam",
        solution=(
            "words = text.lower().split()\nreturn [words.count(word) for word in vocabulary]",
            "return sigmoid(z) >= threshold",
            "found = [s for c, s in zip(called, spam) if c]\nreturn sum(found) / len(found) if found else 1.0",
        ),
        hints=(
            "What may the network see of an e-mail, if its input has a fixed size?",
            "text.lower().split() is a list of words; a list can count. For precision look only at e-mails called spam.",
            "[words.count(w) for w in vocabulary]; sigmoid(z) >= threshold; found = [s for c, s in zip(called, spam) if c].",
        ),
        meaning="The lecture: thousands of labelled e-mails, balanced, one output neuron with a sigmoid, a threshold. "
        "It learns what no rule says, but it is hard to see why it decides, and it learns the data's prejudices too.",
        engine="examples/11_spam.py",
        another="TF-IDF divides a count by how common the word is; word embeddings may be averaged.",
    ),
    Exercise(
        "10.2", "ch10_lecture/ex2_red_car.py", _check_red_car,
        title="The red car",
        solution=(
            '"red": "car",', '"that": "car",', '"John": "bought",', '"bought": "car",', '"yesterday": "bought",', '"broke": "car",',
            '("who does it", "car", "broke"),', '("what describes it", "red", "car"),', '("what it refers to", "that", "car"),',
        ),
        hints=(
            "Ask each word: whose? who? what? when? where?",
            "An adjective looks at its noun, a subject at its verb, `that` at what it stands for.",
            "Three kinds: grammar (who does it), description (how is it), reference (what is meant).",
        ),
        meaning="The lecture: red, that and bought look at car; car at broke; John and yesterday at bought; broke at highway. "
        "Afterwards `car` is John's red car that broke down; its vector began as that of any car.",
        engine="examples/07_attention.py",
        another="The lecture's heads: grammatical relations, modification, coreference and long range.",
    ),
    Exercise(
        "10.3", "ch10_lecture/ex3_arithmetic.py", _check_arithmetic,
        title="Arithmetic",
        solution=(
            'return [c for c in text if c != " "]',
            'return f"{a}+{b}=", str(a + b)',
            """
            def in_test(pair):
                return (7 * min(pair) + max(pair)) % every == 0

            return [p for p in pairs if not in_test(p)], [p for p in pairs if in_test(p)]
            """,
        ),
        hints=(
            "If it has seen 3 + 5 = 8 and is asked 5 + 3: does a right answer show that it can add?",
            "min(pair) and max(pair) are the same for twins, so they land on the same side.",
            "(7 * min(pair) + max(pair)) % every == 0 says that a pair is for the test.",
        ),
        meaning="The lecture: next-token prediction with cross-entropy; test with unseen numbers, and look whether errors "
        "make sense: off by one is closer to understanding than a random number.",
        engine="examples/12_arithmetic.py",
        another="Digits from the last to the first: then each carry is known before it is needed.",
    ),
    Exercise(
        "10.4", "ch10_lecture/ex4_temperature.py", _check_temperature,
        title="Temperature",
        solution=(
            "0.5: [0.49, 0.33, 0.10, 0.05, 0.03],", "1.0: [0.36, 0.29, 0.16, 0.11, 0.09],", "2.0: [0.28, 0.25, 0.18, 0.15, 0.14],",
            "WEATHER_REPORT = 0.5", "CREATIVE_WRITING = 2.0", "NEAR_ZERO = [1, 0, 0, 0, 0]", "WITHOUT_END = [0.2, 0.2, 0.2, 0.2, 0.2]",
            "CHATBOT = 0.5",
        ),
        hints=(
            "What becomes of the differences between scores when they are divided by 0.5? And by 2?",
            "e ** (score / T) for each, then divide by the sum: e ** 4 = 54.6, e ** 3.6 = 36.6, ...",
            "Near 0 the best one gets everything. Without end all get the same.",
        ),
        meaning="The lecture: 0.3 to 0.7 for customers, low for facts, high for stories; it may be chosen anew for each answer.",
        engine="examples/13_temperature.py",
        another="softmax(np.array([2.0, 1.8, 1.2, 0.8, 0.6]) / T).round(2)",
    ),
]  # fmt: skip
