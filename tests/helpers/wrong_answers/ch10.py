"""The lecture's own exercises."""

from wrong_answers import wrong

RED = (
    '"red": "car",',
    '"that": "car",',
    '"John": "bought",',
    '"bought": "car",',
    '"yesterday": "bought",',
    '"broke": "car",',
)
HOLD = "key = lambda q: {0}\nreturn [q for q in pairs if key(q) % every], [q for q in pairs if key(q) % every == 0]"
WRONG = [
    wrong("10.1", "return [text.split().count(w) for w in vocabulary]", None, None, hint="case"),
    wrong("10.1", "return [text.lower().count(w) for w in vocabulary]", None, None, hint="substrings"),
    wrong("10.1", "return [int(w in text.lower().split()) for w in vocabulary]", None, None, hint="only-whether"),
    wrong("10.1", None, "return z >= threshold", None, hint="no-sigmoid"),
    wrong("10.1", None, "return sigmoid(z) >= 0.5", None, hint="threshold-ignored"),
    wrong("10.1", None, None, "return sum(c and s for c, s in zip(called, spam)) / max(sum(spam), 1)", hint=("recall", None),
          misjudged="recall, with another number where there is no spam at all"),
    wrong("10.1", None, None, "return sum(c == s for c, s in zip(called, spam)) / len(spam)", hint="accuracy"),
    wrong("10.1", None, None, "return sum(c and s for c, s in zip(called, spam)) / sum(called)", hint="none-called"),
    wrong("10.2", '"red": "red",', *RED[1:], None, None, None, hint="itself"),
    wrong("10.2", '"red": "highway",', *RED[1:], None, None, None, hint="other-word"),
    wrong("10.2", '"red": "automobile",', *RED[1:], None, None, None, hint="no-word"),
    wrong("10.2", *RED, '("a", "red", "car"),', '("a", "red", "car"),', None, hint="same-heads"),
    wrong("10.2", *RED, '"grammar",', None, None, hint="heads"),
    wrong("10.3", "return list(text)", None, None, hint="spaces"),
    wrong("10.3", "return text.split()", None, None, hint="numbers"),
    wrong("10.3", None, 'return f"{a}+{b}={a + b}", str(a + b)', None, hint="answer-given"),
    wrong("10.3", None, 'return f"{a}+{b}=", a + b', None, hint="number"),
    wrong("10.3", None, 'return f"{a}+{b}", str(a + b)', None, hint="sign-missing"),
    wrong("10.3", None, None, HOLD.format("7 * q[0] + q[1]"), hint="twins"),
    wrong("10.3", None, None, HOLD.format("7 * max(q) + min(q)"), hint="larger-first"),
    wrong("10.3", None, None, "n = len(pairs) // every\nreturn pairs[n:], pairs[:n]", hint="by-place"),
    wrong("10.4", "0.5: [0.31, 0.28, 0.19, 0.13, 0.09],", *[None] * 7, hint=("no-exponential", None)),
    wrong("10.4", "0.5: [0.36, 0.29, 0.16, 0.11, 0.09],", *[None] * 7, hint="temperature-ignored"),
    wrong("10.4", "0.5: [0.28, 0.25, 0.18, 0.15, 0.14],", *[None] * 7, hint="multiplied"),
    wrong("10.4", None, None, None, "WEATHER_REPORT = 2.0", *[None] * 4, hint="choice"),
    wrong("10.4", *[None] * 5, "NEAR_ZERO = [0.2, 0.2, 0.2, 0.2, 0.2]", None, None, hint="as-infinite"),
    wrong("10.4", *[None] * 6, "WITHOUT_END = [1, 0, 0, 0, 0]", None, hint="as-zero"),
    wrong("10.4", *[None] * 7, "CHATBOT = 2.0", hint="choice"),
]  # fmt: skip
