"""Arithmetic: problems as characters, what is counted, what is judged, going on, the pictures."""

import json
import signal
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lecture as tl
from helpers.sums import pictures as sums_pictures
from helpers.sums import report
from helpers.sums.problems import TOKENIZER, Notation, Problems, answers, deal, surprise
from programs import contents, help_of, load, refusal_of
from transformer import GPT, GPTConfig
from transformer.training.loss import IGNORED

program = load("12_arithmetic")
PICTURES = {"learning.png", "surprise.png", "errors.png", "attention.png"}
SMALL = ["--digits", "1", "--layers", "1", "--heads", "2", "--width", "16", "--steps", "30", "--batch", "32"]

notations = st.builds(Notation, st.integers(1, 3), st.sampled_from("+-"), st.booleans())


@pytest.fixture
def run(tmp_path, capsys):
    """run("--answer", "plain") runs the program with a small network and returns what it printed."""

    def call(*arguments):
        program.main([*SMALL, *map(str, arguments), "--out", str(tmp_path / "out")])
        return capsys.readouterr().out

    return call


@pytest.fixture
def undrawn(run, monkeypatch):
    """run, but without the time that pictures take."""
    for name in ("draw_learning", "draw_surprise", "draw_errors"):
        monkeypatch.setattr(sums_pictures, name, lambda *given: None)
    for name in ("save", "draw_heads"):
        monkeypatch.setattr(program, name, lambda *given: None)
    return run


def tables(text):
    """What is printed after the learning, but for the pictures."""
    return text[text.index("\nlearnt from ") : text.index("\nPictures:")]


class Student:
    """In place of a model: answers each question with what `say` makes of its two numbers."""

    def __init__(self, notation, say):
        self.notation, self.say = notation, say

    def generate_batch(self, prompts, **settings):
        assert settings["temperature"] == 0
        assert TOKENIZER.decode([settings["stop"]]) == "."
        found = []
        for prompt in prompts:
            question = TOKENIZER.decode(prompt)
            assert len(question) == self.notation.asked
            a, b = map(int, question[:-1].split(self.notation.operation))
            found.append(TOKENIZER.encode(self.notation.turned(self.say(a, b))))
        return found


def clever(notation):
    return Student(notation, notation.result)


# --- the program --------------------------------------------------------------------------------------------


def test_it_learns_and_is_judged_and_drawn(run, tmp_path):
    text = run("--steps", 400, "--width", 32, "--rate", 0.005, "--seed", 1)
    assert "85 problems to learn from, 15 held out; the answer is written with its units first" in text
    (line,) = [line for line in text.split("\n") if line.startswith("learnt from ")]
    assert float(line.split()[2].rstrip("%")) > 50, text  # by chance it would be some 5
    for words in ("held out, by carries", "larger than 9, which nobody has shown it", "the same of b + a as of a + b"):
        assert words in text
    assert PICTURES <= {path.name for path in (tmp_path / "out").iterdir()}
    for picture in PICTURES:
        assert str(tmp_path / "out" / picture) in text
        assert (tmp_path / "out" / picture).read_bytes().startswith(b"\x89PNG")
    text.encode("cp1252")  # what a Windows console may have


def test_differences_in_plain_order(run):
    text = run("--operation", "-", "--answer", "plain", "--ask", "3-9")
    assert "the answer is written as one writes it" in text
    assert "\n3 - 9 = " in text
    assert "borrow" in text
    assert "of b - a the negative of a - b" in text


def test_a_batch_has_no_more_than_there_is_to_learn_from(undrawn):
    assert "1 steps of 85 problems" in undrawn("--batch", 500, "--steps", 1)


def test_same_seed_same_run(undrawn):
    first, again, other = (tables(undrawn("--seed", seed, "--again")) for seed in (5, 5, 6))
    assert first == again != other


def test_a_run_that_was_ended_goes_on_and_comes_to_the_same_end(undrawn, tmp_path, monkeypatch):
    whole = undrawn()
    points = json.loads((tmp_path / "out" / "curve.json").read_text(encoding="utf-8"))["points"]
    for path in (tmp_path / "out").iterdir():
        path.unlink()

    learn = program.nn.Trainer.learn

    def interrupted(trainer, batches):
        learn(trainer, batches)
        if trainer.step == 17:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(program.nn.Trainer, "learn", interrupted)
    assert "Ended by Ctrl-C" in undrawn()
    with pytest.raises(SystemExit, match="a run that is not finished: --resume continues it"):
        undrawn()
    monkeypatch.setattr(program.nn.Trainer, "learn", learn)
    with pytest.raises(SystemExit, match="saved with --answer reverse, not plain"):
        undrawn("--resume", "--answer", "plain")
    text = undrawn("--resume")
    assert "Resuming after step 17" in text
    assert tables(text) == tables(whole)
    assert json.loads((tmp_path / "out" / "curve.json").read_text(encoding="utf-8"))["points"] == points


def test_a_damaged_curve_is_told(undrawn, tmp_path):
    undrawn()
    (tmp_path / "out" / "curve.json").write_text("{", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"curve\.json is damaged, or not of this program"):
        undrawn("--resume")


def test_points_that_a_killed_run_had_got_to_are_forgotten(tmp_path):
    curve = program.Curve(tmp_path / "curve.json")
    for step in (10, 20, 30, 20):
        curve.add(program.Point(step, 1 / step, 0.5, [0.5]))
    again = program.Curve(tmp_path / "curve.json")
    again.load()
    assert [point.step for point in again.points] == [10, 20]
    assert again.points == curve.points


def test_a_finished_run_is_not_written_over_without_a_word(undrawn, tmp_path):
    undrawn()
    before = contents(tmp_path / "out")
    with pytest.raises(SystemExit, match="a run that is finished: --resume continues it, --again replaces it"):
        undrawn("--answer", "plain")
    assert contents(tmp_path / "out") == before
    undrawn("--answer", "plain", "--again")
    assert contents(tmp_path / "out")["curve.json"] != before["curve.json"]


def test_ctrl_c_before_the_first_record_never_mixes_two_runs(undrawn, tmp_path, monkeypatch):
    whole = undrawn("--answer", "plain")
    points = json.loads((tmp_path / "out" / "curve.json").read_text(encoding="utf-8"))["points"]
    undrawn("--again")
    learn = program.nn.Trainer.learn

    def interrupted(trainer, batches):
        learn(trainer, batches)
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(program.nn.Trainer, "learn", interrupted)
        patch.setattr(program.nn.Trainer, "_record", lambda trainer: pytest.fail("a record"))
        undrawn("--answer", "plain", "--again", "--steps", 48)
    assert contents(tmp_path / "out").keys() == {"last.safetensors"}
    with pytest.raises(SystemExit, match="saved with --answer plain, not reverse"):
        undrawn("--resume", "--steps", 48)
    undrawn("--answer", "plain", "--resume", "--steps", 48)
    assert tables(undrawn("--answer", "plain", "--again")) == tables(whole)
    assert json.loads((tmp_path / "out" / "curve.json").read_text(encoding="utf-8"))["points"] == points


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ask", "58*67"], "'58*67' is not a problem such as 58+67"),
        (["--ask", "5-3"], "it can be asked a + b, with numbers up to 999"),
        (["--ask", "1000+1"], "with numbers up to 999"),
        (["--digits", "1", "--held-out", "100"], "there are 100 pairs"),
        (["--digits", "4"], "invalid choice"),
        (["--operation", "*"], "invalid choice"),
    ],
)
def test_bad_options_are_refused(capsys, arguments, message):
    assert message in refusal_of(program, arguments, capsys)


def test_sizes_that_do_not_fit_end_in_a_line(run):
    with pytest.raises(SystemExit, match=r"12_arithmetic\.py: GPTConfig: width 16 cannot be split into 3 heads"):
        run("--heads", 3)


def test_help_says_what_it_shows(capsys):
    text = help_of(program, capsys)
    for word in (*PICTURES, "larger numbers", "--answer", "out/arithmetic"):
        assert word in text


def test_without_matplotlib_it_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SystemExit, match=r'need matplotlib: pip install "\.\[examples\]"'):
        run()


def test_right_digits_are_counted_by_place():
    notation = Notation(2, "+", True)
    wrong_tens = Student(notation, lambda a, b: str(a + b + 10))
    pairs = np.array([[1, 2], [10, 20], [42, 15], [50, 60]])
    assert program.digits_right(wrong_tens, notation, pairs) == (0.0, [1.0, 0.0, 1.0])
    assert program.digits_right(clever(notation), notation, pairs) == (1.0, [1.0, 1.0, 1.0])
    silent = Student(notation, lambda a, b: "")
    assert program.digits_right(silent, notation, pairs) == (0.0, [0.5, 0.25, 0.75])  # where the digit is 0


# --- problems as text ---------------------------------------------------------------------------------------


def test_problems_are_written_as_the_docstring_says():
    assert Notation(2, "+", False).question(7, 58) + Notation(2, "+", False).answer(7, 58) == "  7+ 58=65."
    assert Notation(2, "+", True).answer(7, 58) == "56."
    assert Notation(1, "-", False).question(3, 9) + Notation(1, "-", False).answer(3, 9) == " 3- 9=-6."
    assert Notation(2, "-", True).answer(3, 30) == "72-."


@given(notations, st.data())
def test_only_the_answer_is_a_target(notation, data):
    pairs = np.array(data.draw(st.lists(st.tuples(*[st.integers(0, 10**notation.places - 1)] * 2), min_size=1)))
    tokens, targets = Problems(notation, pairs)[:]
    for (a, b), row, wanted in zip(pairs.tolist(), tokens.numpy(), targets.numpy(), strict=True):
        text = notation.question(a, b) + notation.answer(a, b)
        assert len(text) <= notation.length
        assert TOKENIZER.decode(row.tolist()) == text.ljust(len(row) + 1)[:-1]
        counted = np.flatnonzero(wanted != IGNORED)
        assert TOKENIZER.decode(wanted[counted].tolist()) == notation.answer(a, b)
        assert counted.tolist() == list(range(notation.asked - 1, len(text) - 1))


@given(notations, st.data())
def test_carries_are_those_that_sums_of_digits_tell(notation, data):
    """Each carry takes ten from a place and gives one to the next, so that the digits' sum falls by 9."""
    a, b = (data.draw(st.integers(0, 9999)) for _ in range(2))
    if notation.operation == "+":
        parts, total = (a, b), a + b
    else:
        parts, total = (min(a, b), abs(a - b)), max(a, b)
    digits = [sum(map(int, str(number))) for number in (*parts, total)]
    assert notation.carries(a, b) * 9 == digits[0] + digits[1] - digits[2]


def test_what_is_held_out_is_not_learnt_from():
    notation = Notation(2)
    learnt, held_out = deal(notation, 1500, seed=3)
    assert len(learnt) == 8500 and len(held_out) == 1500
    assert len({tuple(pair) for pair in [*learnt.tolist(), *held_out.tolist()]}) == 10_000
    assert (deal(notation, 1500, seed=3)[1] == held_out).all()
    assert (deal(notation, 1500, seed=4)[1] != held_out).any()


@given(notations)
def test_answers_are_read_as_they_are_written(notation):
    pairs = np.array([[3, 4], [9, 9], [0, 0], [2, 7]])
    assert answers(clever(notation), notation, pairs) == [notation.result(a, b) for a, b in pairs.tolist()]


def test_surprise_is_that_of_the_model_character_by_character():
    tl.manual_seed(0)
    notation = Notation(1, "+", True)
    model = GPT(GPTConfig(vocab_size=TOKENIZER.vocab_size, context=notation.length, layers=1, heads=1, width=8))
    pairs = np.array([[3, 9], [1, 2], [9, 9]])
    expected = []
    for a, b in pairs.tolist():
        text, p = notation.question(a, b), 1.0
        for character in notation.answer(a, b):
            (token,) = TOKENIZER.encode(character)
            with tl.no_grad():
                p *= tl.softmax(model(TOKENIZER.encode(text))[-1])[token].item()
            text += character
        expected.append(-np.log(p))
    np.testing.assert_allclose(surprise(model, Problems(notation, pairs)), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("surprise", "words"),
    [(1e-6, "1e-06 (0.0001%)"), (0.01, "0.01 (1%)"), (2.0, "2 (86%)"), (5.0, "5 (over 99%)"), (10.0, "10 (over 99%)")],
)
def test_surprise_in_words(surprise, words):
    assert sums_pictures.in_words(surprise) == words


@pytest.mark.parametrize(("least", "most"), [(2e-5, 8.0), (3.0, 25.0)])
def test_every_tick_of_the_surprise_is_in_the_same_words(monkeypatch, least, most):
    notation = Notation(1, "+", True)
    exam = types.SimpleNamespace(notation=notation)
    monkeypatch.setattr(sums_pictures, "surprise", lambda model, problems: np.linspace(least, most, len(problems)))
    figure = sums_pictures.draw_surprise(clever(notation), exam)
    figure.canvas.draw()
    major, minor = (figure.axes[1].get_yticklabels(minor=minor) for minor in (False, True))
    labels = [label.get_text() for label in (*major, *minor) if label.get_text()]
    assert len(labels) > 2
    assert all(label.endswith("%)") for label in labels)


# --- the report ---------------------------------------------------------------------------------------------


@pytest.fixture(params=["+", "-"])
def notation(request):
    return Notation(2, request.param, True)


def examined(notation, student, held_out=1500):
    learnt, held_out = deal(notation, held_out, seed=0)
    return report.examine(student, notation, learnt, held_out, seed=0)


def test_who_knows_the_rule_makes_no_mistake_even_beyond(notation, capsys):
    exam = examined(notation, clever(notation))
    assert all(marked.right.all() for marked in (exam.held_out, exam.learnt, exam.mirrors, *exam.beyond.values()))
    assert report.mirrored(exam, exam.held_out, exam.mirrors).all()
    report.print_exam(exam)
    text = capsys.readouterr().out
    assert text.count("100.00%") == text.count("%") > 10
    assert "No mistakes held out." in text and "No mistakes with larger numbers." in text


def test_groups_are_all_of_what_was_held_out(notation):
    exam = examined(notation, clever(notation))
    for _, parts in report.groups(exam):
        assert sum(len(marked) for _, marked in parts) == 1500
    learnt = {tuple(pair) for pair in exam.learnt.pairs.tolist()}
    assert exam.mirror_learnt.tolist() == [(b, a) in learnt for a, b in exam.held_out.pairs.tolist()]
    n, larger = notation.numbers, 10**notation.places
    first, second, both = (marked.pairs for marked in exam.beyond.values())
    assert (first[:, 0] >= n).all() and (first[:, 1] < n).all()
    assert (second[:, 0] < n).all() and (second[:, 1] >= n).all()
    assert (both >= n).all() and (both < larger).all()


def test_who_forgets_carries_is_found_out():
    notation = Notation(2, "+", True)
    forgetful = Student(notation, lambda a, b: str((a // 10 + b // 10) * 10 + (a + b) % 10))
    exam = examined(notation, forgetful)
    parts = dict(next(iter(report.groups(exam)))[1])
    assert parts["no carries"].right.all()
    assert not parts["2 carries"].right.any()
    found = report.wrong_digits(exam.held_out)
    assert found["tens"] > 0 and found["units"] == 0


def test_who_overlooks_the_larger_place_is_found_out(capsys):
    notation = Notation(2, "+", True)
    exam = examined(notation, Student(notation, lambda a, b: str(a % 100 + b % 100)))
    assert exam.held_out.right.all()
    assert report.overlooked(report.merged(exam)) == 1500
    report.print_mistakes(exam)
    assert "As if the place that was always empty still were: 1,500 of them." in capsys.readouterr().out


@pytest.mark.parametrize("digits", [1, 2, 3])
def test_it_is_always_asked_some_sums_the_other_way_round(capsys, digits):
    """Of a million pairs few are asked, but these are."""
    notation = Notation(digits, "+", True)
    learnt, held_out = deal(notation, 50, seed=0)
    report.print_exam(report.examine(clever(notation), notation, learnt, held_out, seed=0))
    assert "\n  2 + 3 = 5, 3 + 2 = 5\n  9 + 8 = 17, 8 + 9 = 17\n" in capsys.readouterr().out


def test_one_mistake_is_one(capsys):
    notation = Notation(1, "+", True)
    exam = examined(notation, Student(notation, lambda a, b: "1" if (a, b) == (4, 5) else str(a + b)), held_out=100)
    report.print_mistakes(exam)
    assert "\n1 mistake held out." in capsys.readouterr().out


def test_little_is_learnt_and_every_curve_is_seen():
    points = [program.Point(step, 2.0, 0.0, [0.0, 0.0]) for step in (10, 20)]
    figure = sums_pictures.draw_learning(points, Notation(2))
    figure.draw_without_rendering()
    axes = figure.axes[1]
    assert not axes.get_legend().get_window_extent().overlaps(axes.get_window_extent())
    *digits, whole = axes.lines
    assert all(
        whole.get_zorder() < line.get_zorder() and whole.get_linewidth() > line.get_linewidth() for line in digits
    )


def test_wrong_digits_by_place_and_by_length():
    sums, differences = Notation(2, "+"), Notation(2, "-")
    marked = report.Marked(sums, np.array([[50, 60], [50, 60], [50, 60], [50, 60]]), ["110", "111", "220", "11"])
    assert marked.right.tolist() == [True, False, False, False]
    assert report.wrong_digits(marked) == {"units": 1, "tens": 1, "hundreds": 1, "length": 1}
    marked = report.Marked(differences, np.array([[3, 15], [15, 3]]), ["12", "-2"])
    assert report.wrong_digits(marked) == {"length or sign": 2}


def test_the_other_way_round_of_a_difference_is_its_negative():
    assert [report.negative(x) for x in ("5", "-5", "0")] == ["-5", "5", "0"]
    notation = Notation(2, "-")
    exam = examined(notation, clever(notation))
    there = report.Marked(notation, np.array([[1, 2], [2, 1]]), ["-1", "2"])
    back = report.Marked(notation, np.array([[2, 1], [1, 2]]), ["1", "2"])
    assert report.mirrored(exam, there, back).tolist() == [True, False]
