"""Attention: the made sentences, what the head learns of them, its steps, the sentence of one's own, the pictures."""

import re
import sys
from dataclasses import replace
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lecture as tl
from helpers.attention import meanings
from helpers.lecture import DataError
from programs import help_of, load, refusal_of, running
from transformer import scaled_dot_product_attention

program = load("07_attention")
PICTURES = {"bank.png", "sentence.png", "steps.png"}


run = running(program)


@pytest.fixture
def few_sentences(monkeypatch):
    """Fewer sentences, and one epoch, which is little more than the warm-up."""
    monkeypatch.setattr(program, "SENTENCES", 2100)
    return ["--epochs", 1]


@pytest.fixture
def brief(run, few_sentences, monkeypatch):
    """run, but with few sentences, and without the time that pictures take."""
    monkeypatch.setattr(program, "save", lambda figure, path: None)
    for name in ("draw_banks", "draw_sentence", "draw_steps"):
        monkeypatch.setattr(program.pictures, name, lambda *given: None)
    return lambda *arguments: run(*few_sentences, *arguments)


@pytest.fixture
def model_and_course():
    """An untrained model."""
    course = program.prepare(0, program.BANKS)
    return program.Reader(course.tokenizer.vocab_size, course.pad, 4, len(course.meanings)), course


def row(name, text):
    """The numbers of the line that begins with a name."""
    (line,) = re.findall(rf"^  {re.escape(name)}  .*$", text, re.MULTILINE)
    return [float(number) for number in re.findall(r"-?\d+\.\d+", line)]


# --- the program --------------------------------------------------------------------------------------------


def test_it_learns_the_two_banks_and_the_red_car_and_draws_them(run, tmp_path):
    text = run()
    for name in ("bank", "it", "vehicles", "colours", "deeds"):
        assert re.search(rf"^  {name} +([\d,]+) of +\1   100.0%$", text, re.MULTILINE), text
    flooded, the = re.search(r"From `bank` to `flooded` ([\d.]+), to `the` ([\d.]+)\.", text).groups()
    assert float(flooded) > 0.9
    assert float(the) < 0.05
    assert "It takes `bank` as: river 1.00" in text
    assert "It takes `bank` as: money 1.00" in text
    assert row("before attention", text) == [1.0, 0.0]
    cosine, distance = row("after attention", text)
    assert cosine < 0.5
    assert distance > 5
    looks = {word: (means, at) for word, means, at in re.findall(r"^  (\w+) +(\w+) +(\w+) [01]\.\d\d", text, re.M)}
    assert looks == {"red": ("car", "car"), "car": ("red", "red"), "stopped": ("car", "car"), "it": ("car", "car")}
    assert {path.name for path in (tmp_path / "out").iterdir()} == PICTURES
    for picture in PICTURES:
        assert str(tmp_path / "out" / picture) in text
        assert (tmp_path / "out" / picture).read_bytes().startswith(b"\x89PNG")
    text.encode("cp1252")  # what a Windows console may have


def test_the_steps_that_are_printed_lead_from_one_to_the_next(brief):
    text = brief("--sentence", "the red car stopped.", "--word", "car")
    steps = text[text.index("One head, step by step, for `car`") :]
    x, q, total, after = (np.array(row(name, steps)) for name in ("x", "q", "sum", "after"))
    keys, values = steps.split("  3. ")
    words = ["the", "red", "car", "stopped", "."]
    rows = np.array([row(word, keys.split("  2. ")[1]) for word in words])
    k, score, scaled, weights = rows[:, :8], rows[:, 8], rows[:, 9], rows[:, 10]
    np.testing.assert_allclose(k @ q, score, atol=0.1)  # of printed numbers, rounded to 0.01
    np.testing.assert_allclose(score / np.sqrt(8), scaled, atol=0.01)
    np.testing.assert_allclose(np.exp(scaled) / np.exp(scaled).sum(), weights, atol=0.01)
    v = np.array([row(word, values)[:8] for word in words])
    np.testing.assert_allclose(weights @ v, total, atol=0.03)
    np.testing.assert_allclose(x + total, after, atol=0.011)


def test_a_sentence_of_ones_own_in_capital_letters(brief):
    text = brief("--sentence", "DID THE OLD BANK REFUSE LOANS?")
    assert "\nDID THE OLD BANK REFUSE LOANS?\n" in text
    assert "step by step, for `BANK`" in text
    assert "step by step, for `OLD`" in brief("--sentence", "DID THE OLD BANK REFUSE LOANS?", "--word", "old")
    assert "step by step, for `we`" in brief("--sentence", "we met")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--sentence", "The Bank of England was flooded"],
            "the made sentences have no 'england', which the model cannot read",
        ),
        (["--sentence", "cows, cats"], r"no ',', 'cats', 'cows'[\s\S]*audited bank bankrupt"),
        (["--sentence", " "], "a sentence has 1 to 30 words and signs here, not 0"),
        (["--sentence", "the bank " * 16], "not 32"),
        (["--word", "cow"], "there is no 'cow' in the sentence 'The red car stopped because"),
    ],
)
def test_a_sentence_that_cannot_be_read_is_refused_before_training(brief, capsys, arguments, message):
    with pytest.raises(SystemExit, match=rf"07_attention\.py: .*{message}"):
        brief(*arguments)
    assert "epoch" not in capsys.readouterr().out


def test_same_seed_same_output(brief):
    def what_came_out(text):
        return text[text.index("Right in") :]

    once, again, other = (what_came_out(brief("--seed", seed)) for seed in (3, 3, 4))
    assert once == again != other


def test_ctrl_c_keeps_what_was_learnt(brief, monkeypatch):
    def fit(trainer):
        trainer.history.interrupted = True
        return trainer.history

    monkeypatch.setattr(program.nn.Trainer, "fit", fit)
    text = brief()
    assert "Ended by Ctrl-C" in text
    assert "step by step" in text


def test_a_rate_that_is_too_large_ends_in_a_line(brief):
    with pytest.raises(SystemExit, match=r"07_attention\.py: the loss became nan .* try a smaller learning rate"):
        brief("--rate", 1e9)


@pytest.mark.parametrize(("arguments", "message"), [(["--width", "1"], "2 up"), (["--rate", "0"], "above 0")])
def test_bad_options_are_refused(capsys, arguments, message):
    assert message in refusal_of(program, arguments, capsys)


def test_other_widths_can_be_drawn(run, few_sentences, tmp_path):
    run("--width", 2, *few_sentences, "--sentence", "bank")
    text = run("--width", 12, *few_sentences, "--sentence", "was it red?")
    assert " ..." in text[text.index("step by step") :]
    assert {path.name for path in (tmp_path / "out").iterdir()} == PICTURES


def test_help_says_what_it_shows(capsys):
    text = help_of(program, capsys)
    for word in (*PICTURES, "Was the bank flooded?", "W_Q", "--sentence", "out/attention"):
        assert word in text


def test_without_matplotlib_it_says_what_to_install_before_training(run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SystemExit, match=r'need matplotlib: pip install "\.\[examples\]"'):
        run()
    assert "epoch" not in capsys.readouterr().out


# --- the model ----------------------------------------------------------------------------------------------


def test_every_step_of_a_reading_is_that_of_the_model(model_and_course):
    model, course = model_and_course
    reading = program.read(model, course, "Was the bank flooded?")
    assert reading.words == ["Was", "the", "bank", "flooded", "?"]
    found, weights = scaled_dot_product_attention(*(tl.tensor(a) for a in (reading.q, reading.k, reading.v)))
    np.testing.assert_array_equal(reading.weights, weights.numpy())
    np.testing.assert_allclose(reading.after, reading.x + found.numpy(), rtol=1e-6)
    logits = model(tl.tensor(course.encode("was the bank flooded?")))
    np.testing.assert_allclose(reading.p, tl.softmax(logits, -1).detach().numpy(), rtol=1e-5)


def test_padding_changes_nothing(model_and_course):
    model, course = model_and_course
    data = course.data(course.test[:8])
    tokens = data.tensors[0]
    together = model(tokens).detach().numpy()
    for i, sentence in enumerate(course.test[:8]):
        n = len(sentence)
        alone = model(tokens[i, :n]).detach().numpy()
        np.testing.assert_allclose(together[i, :n], alone, rtol=1e-4, atol=1e-5)
    assert (data.tensors[1].numpy()[tokens.numpy() == course.pad] == program.IGNORED).all()


def test_only_asked_words_are_counted_and_each_once(model_and_course):
    model, course = model_and_course
    counts = program.accuracy(model, course)
    asked = sum(meaning is not None for sentence in course.test for _, meaning in sentence)
    assert sum(n for _, n in counts.values()) == asked
    assert all(0 <= right <= n for right, n in counts.values())


def test_what_is_shown_and_what_is_tested_was_not_learnt():
    text = program.text_of(program.prepare(0, []).learn[0])
    course = program.prepare(0, [text.upper(), program.RED_CAR])
    learn, test = ({program.text_of(sentence) for sentence in part} for part in (course.learn, course.test))
    assert not learn & test
    assert not {text, "the red car stopped because it was out of fuel ."} & (learn | test)


# --- the sentences ------------------------------------------------------------------------------------------


def test_sentences_differ_and_come_again_with_the_same_seed():
    made = meanings.make(1000, Random(0))
    assert len({program.text_of(sentence) for sentence in made}) == 1000
    assert made == meanings.make(1000, Random(0)) != meanings.make(1000, Random(1))


def test_meanings_follow_from_the_words():
    for sentence in meanings.make(2000, Random(3)):
        found = [word for word, _ in sentence]
        vehicles = {*found} & {*meanings.VEHICLES}
        colours = {*found} & {*meanings.COLOURS}
        for word, meaning in sentence:
            if word == "bank":
                tells = {
                    sense
                    for sense in ("river", "money")
                    for table in (meanings.STATES, meanings.ACTIONS, meanings.DEEDS)
                    for phrase in table[sense]
                    if f" {phrase} " in f" {' '.join(found)} "
                }
                assert tells == ({meaning} - {"either"})
            elif word == "it" or word in meanings.STOPS or word in colours:
                assert {meaning} == (vehicles or {"something"})
            elif word in vehicles:
                assert {meaning} == (colours or {"uncoloured"})
            else:
                assert meaning is None


def test_a_word_is_found_in_any_case_and_a_missing_one_named(model_and_course):
    reading = program.read(*model_and_course, "The bank was the bank.")
    assert reading.place("BANK") == 1
    assert reading.place("the") == 0
    with pytest.raises(DataError, match=r"no 'river' in the sentence 'The bank was the bank \."):
        reading.place("river")


# --- the pictures -------------------------------------------------------------------------------------------


@given(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1))
def test_no_two_arcs_begin_or_end_in_the_same_place(arcs):
    found = program.pictures._ends(sorted(arcs))
    assert set(found) == arcs
    places = []
    for arc, ends in found.items():
        for word, end in zip(arc, ends, strict=True):
            assert abs(end - word) <= 0.4, "an end stays above its word"
            places.append(end)
    assert all(other - one > 0.05 for one, other in pairwise(sorted(places)))


def test_arcs_between_the_same_words_lie_in_each_other():
    ends = program.pictures._ends([(1, 2), (2, 1), (3, 2)])
    assert ends[1, 2][0] < ends[2, 1][1] < ends[2, 1][0] < ends[1, 2][1] < ends[3, 2][1]


def test_nothing_is_written_over_the_points_of_the_banks(model_and_course):
    model, course = model_and_course
    banks = [program.read(model, course, text) for text in program.BANKS]
    figure = program.pictures.draw_banks(program.BANKS, banks, *program.bank_vectors(model, course))
    axes = figure.axes[-1]
    assert not any(text.get_text() for text in axes.texts)
    named = {text.get_text() for text in axes.get_legend().get_texts()}
    assert named >= {f"after: {text}" for text in program.BANKS}


@pytest.mark.parametrize("longer", ["q", "k", "x", "v"])
def test_colours_of_the_steps_are_those_of_the_scale_beside_them(model_and_course, longer):
    reading = program.read(*model_and_course, program.BANKS[0])
    reading = replace(reading, **{longer: 50 * getattr(reading, longer)})
    figure = program.pictures.draw_steps(reading, 2)
    scales = [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]
    images = [axes.images[0] for axes in figure.axes if axes.images]  # left and right, above and then below
    tables = (reading.q[2], reading.k), (reading.v, reading.x[2], reading.after[2])
    for arrays, scale, shown in zip(tables, scales, (images[::2], images[1::2]), strict=True):
        largest = pytest.approx(max(abs(array).max() for array in arrays))
        assert [scale.get_ylim()[1], *(image.get_clim()[1] for image in shown)] == [largest] * 3
