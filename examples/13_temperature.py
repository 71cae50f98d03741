"""Temperature: the same scores, with more or less left to chance.

    python examples/13_temperature.py
    python examples/13_temperature.py --T 0.7 5
    python examples/13_temperature.py --real                    # the scores of a real language model

The lecture's exercise. A language model has read "The weather today is" and gives each of five words a score, its
logit. Softmax turns scores into probabilities; the temperature T divides the scores before:

    P(token_i) = exp(score_i / T) / sum_j exp(score_j / T)

Then one word is drawn. T below 1 makes the likely words likelier, T above 1 makes all words more alike.
"""

from helpers.program import Measured, RealToo, start
from show import temperature as show

import numpy as np

import tinygrad_lecture as tl
from transformer import probabilities

SCORES = {"sunny": 2.0, "cloudy": 1.8, "rainy": 1.2, "snowy": 0.8, "windy": 0.6}
# The lecture's temperatures for kinds of request
REQUESTS = {"weather report": 0.5, "customer service": 0.3, "customer service, upper end": 0.7, "creative writing": 2.0}
FACTS = {"what", "which", "who", "when", "where", "how"}  # words of requests that ask for facts
INVENTION = {"write", "invent", "imagine", "poem", "story"}  # ... and for something new


def measure(settings: "Settings") -> Measured:
    """The exercise, question by question."""
    words = list(SCORES)
    scores = tl.tensor(list(SCORES.values()), dtype=tl.float64)  # (words,)
    m = Measured(words=words, scores=SCORES, powers={}, p={})

    # "Calculate probabilities": softmax by hand
    for T in dict.fromkeys((*settings.T, *show.LECTURE)):
        m.powers[T] = tl.exp(scores / T).numpy()  # (words,)
        m.p[T] = m.powers[T] / m.powers[T].sum()  # (words,), sums to 1
    m.error = max(np.abs(m.p[T] - softmax(scores, T)).max() for T in m.p)  # by hand and by the library
    beside = [(m.p[T], np.array(theirs)) for T, (_, _, theirs) in show.LECTURE.items()]
    m.off = max(np.abs(p - theirs).max() for p, theirs in beside)
    m.rounded_otherwise = sum((p.round(2) != theirs).sum() for p, theirs in beside)  # of 15

    # "What happens as temperature approaches 0? As it approaches infinity?"
    m.limits = {T: softmax(scores, T) for T in (0.01, 0.1, 0.5, 1, 2, 100)}
    m.coldest, m.spread = m.limits[0.01].max(), np.ptp(m.limits[100])
    m.greedy = words[probabilities(scores, temperature=0).numpy().argmax()]

    # "Which temperature setting would be best for a weather report? For creative writing?"
    m.kinds = {kind: (T, softmax(scores, T)) for kind, T in REQUESTS.items()}
    m.same = {kind: (p**2).sum() for kind, (_, p) in m.kinds.items()}  # P(two answers are the same)

    # "How might you dynamically adjust temperature?" "Could analyze prompt content to auto-adjust"
    random = np.random.default_rng(settings.seed)
    m.chosen = {request: temperature_for(request) for request in show.REQUESTS}
    m.dynamic = {request: softmax(scores, T) for request, T in m.chosen.items()}
    m.said = {request: random.choice(words, 6, p=p) for request, p in m.dynamic.items()}

    # Sampling: the next token is drawn, so each word comes about as often as its probability says
    m.counts = {T: random.multinomial(settings.draws, m.p[T]) for T in settings.T}  # (words,) each
    expected = {T: settings.draws * m.p[T] for T in settings.T}
    m.chi_square = [((m.counts[T] - n) ** 2 / n).sum() for T, n in expected.items()]
    m.curves = {T: softmax(scores, T) for T in np.geomspace(0.05, 20, 200)}
    return m


def softmax(scores: tl.Tensor, T: float) -> np.ndarray:
    """The probabilities of the words at a temperature: (words,) -> (words,)."""
    return tl.softmax(scores / T, axis=-1).numpy()


def temperature_for(request: str) -> float:
    """A temperature by the words of a request: low if it asks for facts, high if it asks for invention."""
    asked = {word.strip("?,.!") for word in request.lower().split()}
    return 2.0 if asked & INVENTION else 0.3 if asked & FACTS else 1.0


class Settings(RealToo, out="temperature", ask_real=(show.measure_real, show.report_real)):
    """What can be set on the command line."""

    T: tuple[float, ...] = (0.5, 1.0, 2.0)  # temperatures to compare
    draws: int = 1000  # words to draw at each temperature


if __name__ == "__main__":
    start(measure, Settings, show.report)
