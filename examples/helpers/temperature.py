"""For 13_temperature.py: what it prints, beside the lecture's numbers, and draws."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from helpers.drawing import BLUE, DARK, GREEN, GREY, ORANGE, PURPLE, VERMILION, bars, chart, new_figure, save
from helpers.program import counted, detail
from helpers.real import chances, continued, first_token, likeliest, listed, smollm2

Array = np.ndarray
Numbers = Sequence[float]
# The lecture's solution: T -> the exponentials, their sum, the probabilities.
LECTURE = {
    0.5: ((54.6, 36.6, 11.0, 5.0, 3.3), 110.5, (0.49, 0.33, 0.10, 0.05, 0.03)),
    1.0: ((7.4, 6.0, 3.3, 2.2, 1.8), 20.7, (0.36, 0.29, 0.16, 0.11, 0.09)),
    2.0: ((2.7, 2.5, 1.8, 1.5, 1.3), 9.8, (0.28, 0.25, 0.18, 0.15, 0.13)),
}

REQUESTS = (
    "What is the weather today?",
    "Tell me about the weather.",
    "Write a poem about the weather.",
    "Write down the exact weather, please.",
)


def softmax_by_hand(T: float, scores: Mapping[str, float], powers: np.ndarray, p: np.ndarray) -> None:
    """The softmax at one temperature, step by step, beside the lecture's figures; marked where its rounding is off."""
    theirs = LECTURE.get(T)
    exponentials, total, shares = theirs or ((None,) * len(p), None, (None,) * len(p))
    heading = f"{'lecture':>10}{'P':>12}{'lecture':>10}" if theirs else f"{'P':>12}"
    print(f"\nT = {T:<6g}{'exp(score / T)':>37}{heading}")
    rows = zip(scores.items(), powers, p, exponentials, shares, strict=True)
    for (word, score), power, share, power_there, share_there in rows:
        step = f"exp({score:g} / {T:g}) = exp({score / T:.4g})"
        note = off(power, power_there, 1) + off(share, share_there, 2)
        print(f"  {word:7} {step:28}{power:9.3f}{there(power_there, 1)}{share:12.4f}{there(share_there, 2)}{note}")
    print(f"  {'sum':36}{powers.sum():9.3f}{there(total, 1)}{p.sum():12.4f}{off(powers.sum(), total, 1):>12}")


def there(value: float | None, decimals: int) -> str:
    """The lecture's figure as a column, where it has one."""
    return "" if value is None else f"{value:10.{decimals}f}"


def off(value: float, lecture: float | None, decimals: int) -> str:
    """A note where rounding the value does not give the lecture's figure."""
    if lecture is None or round(value, decimals) == lecture:
        return ""
    return f"  {value:.{decimals + 2}f} rounds to {value:.{decimals}f}"


def limits(words: Sequence[str], by_temperature: Mapping[float, np.ndarray]) -> None:
    """The probabilities from T near 0 to T near infinity, and how uncertain the choice is."""
    print("\nFrom T near 0, where one word has all, to T near infinity, where all are equally likely:")
    print(f"  {'T':>6}" + "".join(f"{word:>9}" for word in words) + "   effective number of words")
    for T, p in by_temperature.items():
        print(f"  {T:6g}" + "".join(f"{value:9.4f}" for value in p) + f"{effective_number(p):10.2f}")
    print("  Effective number of words: exp(entropy). One is as unsure as among so many equally likely words.")


def effective_number(p: np.ndarray) -> float:
    """exp of the entropy -sum p log p: the number of equally likely words that would be as uncertain."""
    some = p[p > 0]
    return math.exp(-(some * np.log(some)).sum())


def greedy(words: Sequence[str], p: np.ndarray) -> None:
    """T = 0 itself, where the formula would divide by 0."""
    print(f'  T = 0 would divide by 0. It is defined as greedy: always the likeliest word, "{words[p.argmax()]}".')


def kinds_of_request(words: Sequence[str], kinds: Mapping[str, tuple[float, np.ndarray]]) -> None:
    """What the lecture's temperatures do for its kinds of request: reliability against variety."""
    print("\nWhich temperature for which request? Reliable answers repeat themselves, creative ones vary:")
    print(f"  {'':26}   T   P({words[0]})   two answers are the same   effective number of words")
    for kind, (T, p) in kinds.items():
        print(f"  {kind:26} {T:3g} {p[0]:9.2f} {(p**2).sum():26.0%} {effective_number(p):20.2f}")


def dynamic(chosen: Mapping[str, tuple[float, float, np.ndarray]]) -> None:
    """The temperature chosen for each request, the probability of the likeliest word, and some words drawn."""
    print("\nDynamic temperature: a rule reads the request and chooses T. Six words drawn for each:")
    for request, (T, p, drawn) in chosen.items():
        print(f"  {request:39}T = {T:<5g}P(sunny) {p:.2f}   {', '.join(drawn)}")
    print('  The rule knows words, not meaning: to it "write" asks for invention, also where a fact is wanted.')


def draws(words: Sequence[str], drawn: Mapping[float, tuple[np.ndarray, np.ndarray]], n: int) -> None:
    """How often each word was drawn, and how often it is expected; one standard deviation is sqrt(n p (1 - p))."""
    detail(f"\n{n:,} words drawn at each temperature: how often each came, and how often it is expected (± one")
    detail("standard deviation; about one count in three lies further away):")
    detail(f"  {'':7}" + "".join(f"{f'T = {T:g}':>22}" for T in drawn))
    for i, word in enumerate(words):
        cells = (f"{c[i]:9,} {n * p[i]:6,.0f} ±{math.sqrt(n * p[i] * (1 - p[i])):4.0f}" for c, p in drawn.values())
        detail(f"  {word:7}" + "".join(cells))


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_temperatures(
    prompt: str, words: Sequence[str], compared: Mapping[float, tuple[Array, Array]], n: int, path: Path
) -> None:
    """A panel for each temperature, from the lowest: its probabilities as bars, and the shares drawn as marks."""
    title = f'"{prompt} ...": a low temperature favours the likeliest word'
    figure = new_figure(max(8.5, 1.6 + 3.3 * len(compared)), 4.2, title)
    panels = figure.subplots(1, len(compared), sharey=True, squeeze=False)[0]
    longest = max(p.max() for p, _ in compared.values())
    for axes, (T, (p, drawn)) in zip(panels, compared.items(), strict=True):
        colour = BLUE if T < 1 else ORANGE if T > 1 else GREEN
        bars(axes, words, p, colour, [f"{share:.4f}" for share in p], np.maximum(p, drawn))
        axes.plot(drawn, np.arange(len(p)), "|", color="black", markersize=13, markeredgewidth=1.6)
        axes.set(title=f"T = {T:g}", xlim=(0, 1.35 * longest), xlabel="probability")
    figure.supxlabel(f"black marks: the share of each word among {n:,} words drawn", fontsize=10, color=DARK)
    save(figure, path)


def draw_continuum(scores: Mapping[str, float], curves: Mapping[float, Array], marked: Numbers, path: Path) -> None:
    """Each word's probability against the temperature, on a logarithmic axis; its name at the curve."""
    Ts, p = [*curves], np.stack([*curves.values()])  # (temperatures,), (temperatures, words)
    lines = {f"{word}, score {score:g}": (Ts, p[:, i]) for i, (word, score) in enumerate(scores.items())}
    title = "From T near 0, always the likeliest word, to T near infinity, all equally likely"
    axes = chart(title, lines, (BLUE, ORANGE, GREEN, VERMILION, PURPLE), "-", xscale="log", xlim=(Ts[0], Ts[-1]),
                 ylim=(0, 1.08), xlabel="temperature T (logarithmic)", ylabel="probability")  # fmt: skip
    for T in marked:
        axes.axvline(T, ymax=1 / 1.08, color=GREY, linewidth=1, linestyle=":")
        axes.annotate(f"T = {T:g}", (T, 1.02), ha="center", fontsize=9, color=DARK)
    axes.axhline(1 / len(scores), color=GREY, linewidth=1, linestyle="--")
    axes.annotate(f"equally likely: 1/{len(scores)}", (Ts[0], 1 / len(scores)), (4, 4), color=DARK,
                  textcoords="offset points")  # fmt: skip
    axes.xaxis.set_major_formatter("{x:g}")
    save(axes.figure, path)


# --- a real model -----------------------------------------------------------------------------------------------------


def real(settings: Any) -> None:
    """SmolLM2's distribution over its 49,152 tokens at temperatures 0.2, 1 and 2, and twenty texts drawn from each."""
    model, text = smollm2("what the weather is today"), "The weather today is very"
    full = chances(model, [text])[0].astype(float)  # (vocab_size,), at T = 1
    words = ("sunny", "cloudy", "rainy", "snowy", "windy")
    scores = np.log([full[first_token(model, word)] for word in words])
    scores += 2 - scores[0]
    print(f'\nScores after "{text}", moved so that sunny has the 2.0 of the lecture:')
    print("  " + "  ".join(f"{word} {score:.1f}" for word, score in zip(words, scores, strict=True)))
    order = [words[i] for i in np.argsort(-scores)]
    print("  The lecture's are 2.0, 1.8, 1.2, 0.8 and 0.6: ", end="")
    print("in the same order." if order == list(words) else f"here the order is {', '.join(order)}.")
    print(f"\n  {'T':>5}{'holds 90%':>14}{'different':>13}{'P < 1/1000':>14}   the likeliest of all tokens")
    shares, shown, different = {}, {}, {}
    for T in (0.2, 1.0, 2.0):
        p = full ** (1 / T)
        p /= p.sum()
        tokens = int((np.cumsum(np.sort(p)[::-1]) < 0.9).sum()) + 1
        said = shown[T] = continued(model, [text] * 20, 12, T, settings.seed)
        first = [model.tokenizer.encode(answer)[0] for answer in said]
        shares[T] = np.mean(full[first] < 0.001)
        different[T] = len(set(first))
        cells = f"{counted(tokens, 'token'):>14}{f'{different[T]} of 20':>13}{shares[T]:14.0%}"
        print(f"  {T:5g}{cells}   {listed(likeliest(model, p, 4))}", flush=True)
    print("  different: first words of twenty texts. P < 1/1000: how many of them are so unlikely at T = 1.")
    for T, said in shown.items():
        print(f"\n  T = {T:g}: {text} ...")
        for answer in said[:3]:
            print(f"    ...{' '.join(answer.split())}")
    rises = different[0.2] < different[1.0] <= different[2.0]
    varies = "A low temperature repeats itself, a high one varies" if rises else "All temperatures vary alike"
    print(f"\n  {varies};", end=" ")
    print(f"at T = 2, {shares[2.0]:.0%} begin with a word of less than 1/1000 (at T = 1: {shares[1.0]:.0%}).")
