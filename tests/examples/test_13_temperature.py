"""Temperature: the exercise's table, the draws, the cuts, the pictures."""

import re
import sys
from itertools import combinations

import numpy as np
import pytest

from programs import help_of, load, refusal_of, running

program = load("13_temperature")
PICTURES = {"temperature.png", "continuum.png", "cuts.png"}


run = running(program)


@pytest.fixture
def undrawn(run, monkeypatch):
    """run, but without the time that pictures take."""
    monkeypatch.setattr(program, "save", lambda figure, path: None)
    for name in ("draw_temperatures", "draw_continuum", "draw_cuts"):
        monkeypatch.setattr(program, name, lambda *given: None)
    return run


def table(text, title):
    """The numbers of each line of the table under a title: {word: [numbers]}."""
    lines = text[text.index(title) :].split("\n")[1:]
    rows = {}
    for line in lines:
        if line.strip() and not line.startswith("  "):
            break
        if found := re.findall(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?|none", line):
            rows[line.split()[0]] = [0.0 if n == "none" else float(n.replace(",", "")) for n in found]
    return rows


def test_as_in_the_lecture_with_its_pictures(run, tmp_path):
    text = run()
    logits = np.array([2.0, 1.8, 1.2, 0.8, 0.6])
    rows = table(text, "The weather today is")
    for i, word in enumerate(["sunny", "nice", "warm", "cold", "rainy"]):
        by_hand = [np.exp(logits[i] / T) / np.exp(logits / T).sum() for T in (0.5, 1, 2)]
        assert rows[word][0] == logits[i]
        assert rows[word][1:] == pytest.approx(by_hand, abs=5e-5)
    assert "exp(2 / 0.5) = exp(4) = 54.6" in text
    assert "54.6 / 110.5 = 0.4941" in text
    assert {path.name for path in (tmp_path / "out").iterdir()} == PICTURES
    for picture in PICTURES:
        assert str(tmp_path / "out" / picture) in text
        assert (tmp_path / "out" / picture).read_bytes().startswith(b"\x89PNG")
    text.encode("cp1252")  # what a Windows console may have


def test_temperature_0_is_greedy(undrawn):
    text = undrawn("--words", "a", "b", "c", "--logits", 1, 3, 2.9, "--temperatures", 0)
    rows = table(text, "The weather today is")
    assert [rows[word][1] for word in "abc"] == [0, 1, 0]
    assert 'always "b"' in text
    assert [table(text, "Drawn 1,000 times")[word][0] for word in "abc"] == [0, 1000, 0]


def test_of_words_that_are_equally_good_greedy_takes_the_first_and_says_so(undrawn):
    text = undrawn("--words", "a", "b", "--logits", 1, 1)
    assert 'always "a"' in text
    assert "greedy takes the first" in text
    assert "greedy takes the first" not in undrawn()


def test_what_is_drawn_is_counted_and_is_as_many_as_expected(undrawn):
    text = undrawn("--samples", 20_000, "--temperatures", 0.5, 1)
    rows = table(text, "Drawn 20,000 times")
    drawn = np.array([rows[word] for word in program.LECTURE]).reshape(5, 2, 3)
    assert drawn[..., 0].sum(axis=0).tolist() == [20_000, 20_000]
    p = np.stack([program.Scores("", [], np.array([*program.LECTURE.values()])).p(T) for T in (0.5, 1)], axis=1)
    np.testing.assert_allclose(drawn[..., 1], 20_000 * p, atol=0.51)
    np.testing.assert_allclose(drawn[..., 2], np.sqrt(20_000 * p * (1 - p)), atol=0.51)
    assert np.all(np.abs(drawn[..., 0] - drawn[..., 1]) < 5 * drawn[..., 2])
    assert "±: one standard deviation; about three counts in ten lie farther away" in text


def test_top_k_counts_words_and_top_p_probability(undrawn):
    text = undrawn("--logits", 0, 3, 1, 2, "--words", "d", "a", "c", "b", "--top-k", 2, "--top-p", 0.9)
    rows = table(text, "What may be drawn")
    assert [word for word in rows if len(word) == 1 and word != "p"] == ["a", "b", "c", "d"]  # the best first
    p = np.exp([3, 2, 1, 0]) / np.exp([3, 2, 1, 0]).sum()
    for i, word in enumerate("abcd"):
        assert rows[word] == pytest.approx(
            [p[i], p[: i + 1].sum(), p[i] / p[:2].sum() * (i < 2), p[i] / p[:3].sum() * (i < 3)], abs=5e-5
        )
    assert "Top-k always leaves 2; top-p here 3" in text


def test_logits_of_ones_own(undrawn):
    text = undrawn("--prompt", "To be or not to", "--logits", 1000, 999)
    assert '"To be or not to ..."' in text
    assert "word 2" in text
    assert "0.7311" in text
    assert "no number to write down" in text


@pytest.mark.parametrize("logits", [[-800, -900], [3], [0] * 25])
def test_unusual_logits_can_be_drawn(run, tmp_path, logits):
    run("--temperatures", 1e-320, 0, 1e300, "--logits", *logits)
    assert {path.name for path in (tmp_path / "out").iterdir()} == PICTURES


def test_so_many_equally_probable_words_would_be_as_uncertain():
    assert program.choices(np.array([0.25] * 4)) == pytest.approx(4)
    assert program.choices(np.array([0.5, 0.5, 0, 0])) == pytest.approx(2)
    assert program.choices(np.array([0, 1.0])) == 1


def test_same_seed_same_draws(undrawn):
    assert undrawn("--seed", 1) == undrawn("--seed", 1) != undrawn("--seed", 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--words", "a", "b"], "2 words and 5 logits: give a logit for each word"),
        (["--logits", "1", "nan"], "'nan' is not a number"),
        (["--temperatures", "-1"], "'-1' is not a number from 0 on"),
        (["--top-p", "1.5"], "'1.5' is not a number above 0 and at most 1"),
        (["--top-k", "0"], "'0' is not a whole number from 1 up"),
    ],
)
def test_bad_options_are_refused(capsys, arguments, message):
    assert message in refusal_of(program, arguments, capsys)


def test_help_says_what_it_shows(capsys):
    text = help_of(program, capsys)
    for word in (*PICTURES, "greedy", "top-k", "--temperatures", "out/temperature"):
        assert word in text


def test_without_matplotlib_it_says_what_to_install_before_the_work(run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SystemExit, match=r'need matplotlib: pip install "\.\[examples\]"'):
        run()
    assert not capsys.readouterr().out


def test_any_words_can_be_drawn_as_they_are(run, tmp_path):
    run("--prompt", "a $x^2$", "--words", r"$\a$", "银行", "a\tb", "b", "--logits", 1, 2, 1.5, 1)
    assert {path.name for path in (tmp_path / "out").iterdir()} == PICTURES


def test_dollars_in_the_prompt_are_no_mathematics():
    scores = program.Scores("a $x^2$", ["$y$", "b"], np.array([1.0, 2.0]))
    figures = [program.draw_temperatures(scores, {1.0: np.array([3, 7])}, 10), program.draw_continuum(scores, [1.0])]
    texts = [figures[0]._suptitle, *figures[0].axes[0].get_yticklabels(), *figures[1].axes[0].get_legend().get_texts()]
    with_dollars = [text for text in texts if "$" in text.get_text()]
    assert len(with_dollars) == 3
    assert not any(text.get_parse_math() for text in with_dollars)


def lecture_scores():
    return program.Scores("The weather today is", [*program.LECTURE], np.array([*program.LECTURE.values()]))


def test_names_of_close_temperatures_do_not_lie_on_each_other():
    temperatures = [0.001, 0.5, 0.55, 0.6, 0.65, 1, 1.1, 2]
    figure = program.draw_continuum(lecture_scores(), temperatures)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    names = [text for text in axes.texts if text.get_text().startswith("T = ")]
    assert [text.get_text() for text in names] == [f"T = {T:g}" for T in temperatures]
    boxes = [text.get_window_extent() for text in names] + [axes.get_legend().get_window_extent()]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_of_many_temperatures_each_has_its_name():
    temperatures = [0.8 + 0.05 * i for i in range(13)]
    figure = program.draw_continuum(lecture_scores(), temperatures)
    figure.draw_without_rendering()
    names = [text for text in figure.axes[0].texts if text.get_text().startswith("T = ")]
    assert [text.get_text() for text in names] == [f"T = {T:g}" for T in temperatures]
    assert not any(one.overlaps(other) for one, other in combinations([text.get_window_extent() for text in names], 2))


def test_of_many_words_the_likeliest_have_names_and_lines_of_their_own():
    logits = np.random.default_rng(0).permutation(30) / 5
    scores = program.Scores("", [f"word{i}" for i in range(30)], logits)
    axes = program.draw_continuum(scores, [1.0]).axes[0]
    *names, others = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == [f"word{i}, logit {logits[i]:g}" for i in range(30) if logits[i] * 5 >= 18]
    assert others == "the others, 18"
    lines = [line for line in axes.lines if line.get_label() in names]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 12


def test_top_k_with_no_more_words_says_so(undrawn):
    assert "Top-k 5 leaves all, for there are no more" in undrawn("--logits", 1, 2, "--top-k", 5)


@pytest.mark.parametrize("coldest", [0, 0.01, 0.5])
def test_an_axis_of_probabilities_has_no_number_above_1(coldest):
    drawn = {T: np.full(5, 200) for T in (coldest, 1.0)}
    for axes in program.draw_temperatures(lecture_scores(), drawn, 1000).axes:
        ticks = axes.get_xticks()
        assert len(ticks) >= 3
        assert max(ticks) <= 1
