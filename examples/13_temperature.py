"""Temperature: the same scores, with more or less left to chance.

    python examples/13_temperature.py
    python examples/13_temperature.py --T 0.7 5
    python examples/13_temperature.py --real                    # the scores of a real language model

The lecture's exercise. A language model has read "The weather today is" and gives each of five words a score, its
logit. Softmax turns scores into probabilities; the temperature T divides the scores before:

    P(token_i) = exp(score_i / T) / sum_j exp(score_j / T)

Then one word is drawn. T below 1 makes the likely words likelier, T above 1 makes all words more alike.
"""

from helpers import temperature as show
from helpers.program import RealToo, check, start

import numpy as np

import tinygrad_lecture as tl
from transformer import probabilities

PROMPT = "The weather today is"
SCORES = {"sunny": 2.0, "cloudy": 1.8, "rainy": 1.2, "snowy": 0.8, "windy": 0.6}
REQUESTS = {  # the lecture's temperatures for kinds of request
    "weather report": 0.5,
    "customer service": 0.3,
    "customer service, upper end": 0.7,
    "creative writing": 2.0,
}
FACTS = {"what", "which", "who", "when", "where", "how"}  # words of requests that ask for facts
INVENTION = {"write", "invent", "imagine", "poem", "story"}  # ... and for something new


def main(settings: "Settings") -> None:
    """The exercise, question by question."""
    words = list(SCORES)
    scores = tl.tensor(list(SCORES.values()), dtype=tl.float64)  # (words,)
    print(f'"{PROMPT} ..."  What comes next?')

    # "Calculate probabilities": softmax by hand, beside the numbers of the lecture
    for T in settings.T:
        powers = tl.exp(scores / T)  # (words,)
        p = powers / powers.sum()  # (words,), sums to 1
        show.softmax_by_hand(T, SCORES, powers.numpy(), p.numpy())

    # "What happens as temperature approaches 0? As it approaches infinity?"
    show.limits(words, {T: softmax(scores, T) for T in (0.01, 0.1, 0.5, 1, 2, 10, 100)})
    show.greedy(words, probabilities(scores, temperature=0).numpy())

    # "Which temperature setting would be best for a weather report? For creative writing?"
    show.kinds_of_request(words, {kind: (T, softmax(scores, T)) for kind, T in REQUESTS.items()})

    # "How might you dynamically adjust temperature?" "Could analyze prompt content to auto-adjust"
    random = np.random.default_rng(settings.seed)
    chosen = {}
    for request in show.REQUESTS:
        T = temperature_for(request)
        p = softmax(scores, T)  # (words,)
        chosen[request] = T, float(p[0]), random.choice(words, 6, p=p)
    show.dynamic(chosen)

    # Sampling: the next token is drawn, so each word comes about as often as its probability says
    counts = {T: random.multinomial(settings.draws, softmax(scores, T)) for T in settings.T}  # (words,) each
    show.draws(words, {T: (counts[T], softmax(scores, T)) for T in settings.T}, settings.draws)

    print("\nPictures:")
    compared = {T: (softmax(scores, T), counts[T] / settings.draws) for T in sorted(settings.T)}
    show.draw_temperatures(PROMPT, words, compared, settings.draws, settings.out / "temperature.png")
    curves = {T: softmax(scores, T) for T in np.geomspace(0.05, 20, 200)}
    show.draw_continuum(SCORES, curves, settings.T, settings.out / "continuum.png")


def softmax(scores: tl.Tensor, T: float) -> np.ndarray:
    """The probabilities of the words at a temperature: (words,) -> (words,)."""
    return tl.softmax(scores / T, axis=-1).numpy()


def temperature_for(request: str) -> float:
    """A temperature by the words of a request: low if it asks for facts, high if it asks for invention."""
    asked = {word.strip("?,.!") for word in request.lower().split()}
    return 2.0 if asked & INVENTION else 0.3 if asked & FACTS else 1.0


class Settings(RealToo, out="temperature", ask_real=show.real):
    """What can be set on the command line."""

    T: tuple[float, ...] = (0.5, 1.0, 2.0)  # temperatures to compare
    draws: int = 1000  # words to draw at each temperature

    def __post_init__(self) -> None:
        check(self, T=0.01)


if __name__ == "__main__":
    start(main, Settings)
