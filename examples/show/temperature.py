"""For 13_temperature.py: what it prints, beside the lecture's numbers, and draws."""

import numpy as np

from helpers.drawing import BLUE, DARK, GREEN, ORANGE, bars, chart, picture
from helpers.inside import effective_number
from helpers.program import Measured, detail, table
from helpers.real import DATA, chances, smollm2

PROMPT = "The weather today is"
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


def report(m, settings):
    """Print what was measured, and draw it."""
    print(f'"{PROMPT} ..."  What comes next?')
    for say, T in zip([print, *[detail] * len(settings.T)], settings.T, strict=False):  # the others with --more
        softmax_by_hand(say, T, m.scores, m.powers[T], m.p[T])
    print(f"  {m.rounded_otherwise} of the lecture's 15 probabilities are misrounded, by at most {m.off:.4f}.")

    # The probabilities from T near 0 to T near infinity, and how uncertain the choice is
    print("\nFrom T near 0, where one word has all, to T near infinity, where all are equally likely:")
    rows = {f"{T:g}": (*p, f"{effective_number(p):.2f}") for T, p in m.limits.items()}
    table((*m.words, "effective number of words"), rows, ".4f", "T")
    print("  Effective number of words, exp(entropy): the choice is as uncertain as among so many equally likely ones.")
    print(f'  T = 0 would divide by 0; it is defined as greedy: always the likeliest word, "{m.greedy}".')

    # What the lecture's temperatures do for its kinds of request: reliability against variety
    print("\nWhich temperature for which request? Reliable answers repeat themselves, creative ones vary:")
    rows = {}
    for kind, (T, p) in m.kinds.items():
        rows[kind] = f"{T:g}", f"{p[0]:.2f}", f"{m.same[kind]:.0%}", f"{effective_number(p):.2f}"
    table(("T", f"P({m.words[0]})", "two answers are the same", "effective number of words"), rows)

    # The temperature chosen for each request, the probability of the likeliest word, and some words drawn
    print("\nDynamic temperature: a rule reads the request and chooses T. Six words drawn for each:")
    for request, T in m.chosen.items():
        print(f"  {request:39}T = {T:<5g}P(sunny) {m.dynamic[request][0]:.2f}   {', '.join(m.said[request])}")
    print('  The rule knows words, not meaning: to it "write" asks for invention, also where a fact is wanted.')

    # How often each word was drawn, against how often that is expected
    n = settings.draws
    detail(f"\n{n:,} words drawn at each temperature, whose shares the picture has as marks:")
    far = ", ".join(f"{x:.1f}" for x in m.chi_square)
    detail(f"  chi-square {far}: the sum of (drawn - expected)² / expected, by chance below 13.3 in 99 of 100.")

    compared = {T: (m.p[T], m.counts[T] / n) for T in sorted(settings.T)}
    draw_temperatures(PROMPT, m.words, compared, n, settings.out / "temperature.png")
    p = np.stack([*m.curves.values()])  # (temperatures, words)
    lines = {f"{word}, score {m.scores[word]:g}": ([*m.curves], p[:, i]) for i, word in enumerate(m.words)}
    title = "From T near 0, always the likeliest word, to T near infinity, all equally likely"
    levels, path = {f"equally likely: 1/{len(m.words)}": 1 / len(m.words)}, settings.out / "continuum.png"
    chart(path, title, lines, "temperature T (logarithmic)", "probability", "-", levels=levels, xscale="log")


def softmax_by_hand(say, T, scores, powers, p):
    """The softmax at one temperature, step by step, beside the lecture's figures; marked where its rounding is off."""
    exponentials, total, shares = LECTURE.get(T) or (("",) * len(p), "", ("",) * len(p))
    rows = {}
    found = zip(scores.items(), powers, p, exponentials, shares, strict=True)
    for (word, score), power, share, its_power, its_share in found:
        step = f"exp({score:g} / {T:g}) = exp({score / T:.4g})"
        note = off(power, its_power, 1) + off(share, its_share, 2)
        rows[f"{word}  {step}"] = f"{power:.3f}", str(its_power), f"{share:.4f}", str(its_share), note
    rows["sum"] = f"{powers.sum():.3f}", str(total), f"{p.sum():.4f}", "", off(powers.sum(), total, 1)
    say("")
    table(("exp(score / T)", "lecture", "P", "lecture", ""), rows, corner=f"T = {T:g}", say=say)


def off(value, lecture, decimals):
    """A note where rounding the value does not give the lecture's figure; it has none for every temperature."""
    if lecture in ("", round(value, decimals)):
        return ""
    return f"  {value:.{decimals + 2}f} rounds to {value:.{decimals}f}"


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_temperatures(prompt, words, compared, n, path):
    """A panel for each temperature, from the lowest: its probabilities as bars, and the shares drawn as marks."""
    title = f'"{prompt} ...": a low temperature favours the likeliest word'
    longest = max(p.max() for p, _ in compared.values())
    with picture(path, title, max(8.5, 1.6 + 3.3 * len(compared)), 4.2, len(compared), sharey=True) as panels:
        for axes, (T, (p, drawn)) in zip(panels, compared.items(), strict=True):
            bars(axes, words, p, BLUE if T < 1 else ORANGE if T > 1 else GREEN, ".4f")
            axes.plot(drawn, np.arange(len(p)), "|", color="black", markersize=13, markeredgewidth=1.6)
            axes.set(title=f"T = {T:g}", xlim=(0, 1.35 * longest), xlabel="probability")
        marks = f"black marks: the share of each word among {n:,} words drawn"
        panels[0].figure.supxlabel(marks, fontsize=10, color=DARK)


# --- a real model -----------------------------------------------------------------------------------------------------


SENTENCES = DATA["going_on"]["sentences"]


def measure_real(settings):
    """SmolLM2's distributions over its 49,152 tokens at temperatures 0.2, 1 and 2, after ten sentences."""
    full = chances(smollm2("how ten sentences go on"), SENTENCES).astype(float)  # (10, vocab_size), at T = 1
    m = Measured(p={T: full ** (1 / T) / (full ** (1 / T)).sum(axis=1, keepdims=True) for T in (0.2, 1.0, 2.0)})
    m.low, m.one, m.high = ((np.cumsum(-np.sort(-p), axis=1) < 0.9).sum(axis=1) + 1 for p in m.p.values())
    m.unlikely = (m.p[2.0] * (full < 0.001)).sum(axis=1)  # at T = 2, of tokens that are so unlikely at T = 1
    return m


def report_real(m, settings):
    """Print what was measured."""
    rows = zip(SENTENCES, m.low, m.one, m.high, m.unlikely, strict=True)
    columns = *(f"T = {T:g}" for T in m.p), "at T = 2 a word of P < 1/1000 at T = 1"
    cells = {sentence: (*tokens, f"{share:.0%}") for sentence, *tokens, share in rows}
    table(columns, cells, ",", "Ten sentences: how many tokens have 90%")
