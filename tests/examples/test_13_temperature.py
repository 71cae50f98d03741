"""Temperature: the exercise's numbers, the limits, the draws, the cuts."""

import numpy as np
import pytest

from programs import load, numbers_after, output_of

program = load("13_temperature")
SCORES = np.array([2.0, 1.8, 1.2, 0.8, 0.6])


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return output_of(program, out=tmp_path_factory.mktemp("temperature"))


@pytest.mark.parametrize("T", [0.5, 1, 2])
def test_the_probabilities_are_softmax_at_each_temperature(text, T):
    table = text[text.index(f"\nT = {T:g} ") :]
    for word, score in program.SCORES.items():
        power, p = row(table, word)
        assert power == pytest.approx(np.exp(score / T), abs=5e-4)
        assert p == pytest.approx(np.exp(score / T) / np.exp(SCORES / T).sum(), abs=5e-5)


def row(table, word):
    """The exponential and the probability in a word's line: what follows the second "=" and the lecture's figure."""
    cells = table[table.index(f"  {word} ") :].split("\n")[0].split(")")[-1].split()
    return float(cells[0]), float(cells[2])


def test_what_the_lecture_rounds_otherwise_is_marked(text):
    marked = [line.split()[0] + line[line.index("  rounds to") :] for line in text.split("\n") if "rounds to" in line]
    assert marked == ["snowy  rounds to 0.04", "sum  rounds to 20.8", "rainy  rounds to 0.19", "windy  rounds to 0.14"]


def test_near_0_one_word_has_all_and_near_infinity_all_are_alike(text):
    limits = text[text.index("From T near 0") :]
    assert numbers_after(limits, "\n    0.01 ")[:5] == [1, 0, 0, 0, 0]
    assert numbers_after(limits, "\n     100 ")[:5] == pytest.approx([0.2] * 5, abs=2e-3)
    assert 'greedy: always the likeliest word, "sunny"' in text


@pytest.mark.parametrize(
    ("request_", "T"),
    [
        ("Where is it sunny?", 0.3),
        ("Tell me about it.", 1),
        ("Imagine snow!", 2),
        ("Write down what the weather is", 2),
    ],
)
def test_words_of_a_request_choose_the_temperature(request_, T):
    assert program.temperature_for(request_) == T


def test_words_are_drawn_as_often_as_their_probability_says(tmp_path):
    text = output_of(program, out=tmp_path, draws=100_000, T=(0.5,))
    drawn = text[text.index("words drawn") :]
    for word in program.SCORES:
        count, expected, deviation = numbers_after(drawn, f"\n  {word} ")
        assert abs(count - expected) < 4 * deviation


def test_top_k_and_top_p_cut_and_scale_what_is_left(text):
    cuts = text[text.index("Top-k and top-p") :]
    p = np.exp(SCORES) / np.exp(SCORES).sum()
    assert numbers_after(cuts, "\n  cloudy ") == pytest.approx(
        [p[1], p[:2].sum(), p[1] / p[:3].sum(), p[1] / p[:2].sum()], abs=5e-5
    )
    assert numbers_after(cuts, "\n  snowy ") == pytest.approx([p[3], p[:4].sum()], abs=5e-5)
