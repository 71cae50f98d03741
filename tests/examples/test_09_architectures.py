"""The three architectures: who sees whom, that each learns its task as well as PyTorch's, the tasks, the pictures."""

import re
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lecture as tl
from helpers import made_corpus
from programs import help_of, load, refusal_of, running
from transformer.training.loss import IGNORED

program = load("09_architectures")
tasks = program.tasks
PICTURES = {"masks.png", "gaps.png", "reverse.png"}
LESSONS = ["the next word", "hidden words", "one or several?", "words backwards"]


run = running(program)


@pytest.fixture
def brief(run, monkeypatch):
    """run, but with fewer sentences and steps, and without the time that pictures take."""
    make_sentences = tasks.make_sentences
    monkeypatch.setattr(tasks, "make_sentences", lambda count, seed: make_sentences(1000, seed, test=50))
    monkeypatch.setattr(program, "save", lambda figure, path: None)
    learn = program.learn
    monkeypatch.setattr(program, "learn", lambda model, data, steps, **more: learn(model, data, min(steps, 3), **more))
    monkeypatch.setattr(program, "TRIES", 2)
    monkeypatch.setattr(program, "draw_attention", lambda *given, **more: None)
    for name in ("draw_masks", "draw_gaps"):
        monkeypatch.setattr(program.pictures, name, lambda *given: None)
    return lambda *arguments: run("--next-steps", 2, "--hidden-steps", 2, "--reverse-steps", 2, *arguments)


@pytest.fixture(scope="module")
def sentences():
    return tasks.make_sentences(400, 0, test=50)


def per_cent(pattern, text):
    return float(re.search(pattern + r" *([\d.]+)%", text).group(1))


def grid(name, text):
    """Who sees whom, as printed under a name: rows of bools."""
    lines = text[text.index(f"\n  {name}\n") :].split("\n")[2:]
    rows = []
    for line in lines:
        found = re.search(r"  ((?:[#.] )*[#.])$", line)
        if found:
            rows.append([sign == "#" for sign in found.group(1).split()])
        elif "encoder" not in line:
            break
    return np.array(rows)


# --- the program --------------------------------------------------------------------------------------------


def test_each_learns_its_task_as_well_as_in_pytorch_and_is_drawn(run, monkeypatch, tmp_path):
    """The encoder with all of its steps, since the goal is within two points of what it reaches with them."""
    monkeypatch.setattr(program, "TRIES", 3)
    text = run("--next-steps", 400, "--reverse-steps", 600)
    hidden = per_cent("hidden in the test it says", text)
    assert hidden >= 100 * program.GOALS[program.HIDDEN]
    assert per_cent("Of 1,000 other words", text) >= 100 * program.GOALS[program.REVERSE]
    assert text.count("%: reached") == 2
    assert "The test's are drawn from the different ones, most of them about people" in text
    assert per_cent("Of the same words the decoder says", text) < hidden - 5
    assert float(re.search(r"Test loss ([\d.]+)", text).group(1)) < 1.4
    assert "lecture -> erutcel <end>\n" in text
    assert re.search(r"speak italian\n    decoder .*\n    encoder   rome", text)
    assert per_cent("this encoder", text) > per_cent("an untrained encoder", text) + 5
    for name, parameters in (("decoder-only", "51,024"), ("encoder-only", "51,024"), ("encoder-decoder", "49,872")):
        assert re.search(rf"^  {name} +{parameters} ", text, re.MULTILINE)
    assert {path.name for path in (tmp_path / "out").iterdir()} == PICTURES
    for picture in PICTURES:
        assert str(tmp_path / "out" / picture) in text
        assert (tmp_path / "out" / picture).read_bytes().startswith(b"\x89PNG")
    text.encode("cp1252")  # what a Windows console may have


def test_who_sees_whom_is_what_the_masks_say(brief):
    text = brief("--sentence", "Two kings said that they ruled", "--word", "Abc")
    np.testing.assert_array_equal(grid("decoder-only", text), np.tri(7, dtype=bool))
    np.testing.assert_array_equal(grid("encoder-only", text), np.ones((7, 7), bool))
    whole, nothing = np.ones((4, 4), bool), np.zeros((4, 4), bool)
    both = np.block([[whole, nothing], [whole, np.tri(4, dtype=bool)]])
    np.testing.assert_array_equal(grid("encoder-decoder", text), both)
    assert re.search(r"^  abc -> ", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--sentence", "was the bank flooded ?"],
            r"the made sentences have no 'bank', 'flooded', 'was', which the model cannot read",
        ),
        (["--sentence", ""], "the sentence has 0 words, and the models take 1 to 10"),
        (["--sentence", "the " * 11], "the sentence has 11 words"),
    ],
)
def test_a_sentence_that_cannot_be_read_is_refused_before_training(brief, capsys, arguments, message):
    with pytest.raises(SystemExit, match=rf"09_architectures\.py: .*{message}"):
        brief(*arguments)
    assert "step" not in capsys.readouterr().out


@pytest.mark.parametrize("word", ["ab", "abcdefghi", "naïve", ""])
def test_a_word_that_cannot_be_reversed_is_refused(capsys, word):
    assert f"--word has 3 to 8 letters from a to z, not {word!r}" in refusal_of(program, ["--word", word], capsys)


def test_same_seed_same_output(brief):
    def what_came_out(text):
        return text[text.index("It writes") :]

    once, again, other = (what_came_out(brief("--seed", seed)) for seed in (3, 3, 4))
    assert once == again != other


def test_a_lesson_comes_out_the_same_whatever_the_one_before_was(brief):
    def hidden_words(text):
        return re.search("Of the words hidden in the test .*", text).group()

    assert hidden_words(brief()) == hidden_words(brief("--next-steps", 3))


def test_what_is_missed_is_said_and_a_sentence_may_end_with_a_full_stop(brief):
    text = brief("--sentence", "Every queen ruled the kingdom.")
    assert re.search(r"hidden words .* \d+%: missed\n", text)
    assert "  kingdom  " in text


@pytest.mark.parametrize(("training", "learnt"), [(1, 1), (2, 2), (3, 2), (6, 2), (7, 4)])
def test_ctrl_c_skips_the_lessons_that_are_left(brief, monkeypatch, tmp_path, training, learnt):
    """The trainings: one for the decoder, one for the encoder, two tries of two classifiers, one for both together."""
    fits, fit = [], program.nn.Trainer.fit

    def interrupted(trainer):
        history = fit(trainer)
        fits.append(trainer)
        history.interrupted = len(fits) == training
        return history

    monkeypatch.setattr(program.nn.Trainer, "fit", interrupted)
    (tmp_path / "out").mkdir()
    for picture in PICTURES:
        (tmp_path / "out" / picture).touch()
    text = brief()
    assert len(fits) == training
    assert ("Ended by Ctrl-C after 2 of 2 steps; what follows is of what was learnt so far." in text) == (
        training in (1, 2, 7)
    )
    skipped = LESSONS[learnt:]
    assert (f"\nSkipped after Ctrl-C: {', '.join(skipped)}.\n" in text) == bool(skipped)
    assert [task for task in LESSONS if re.search(rf"{re.escape(task)} +skipped( +\d+%)?\n", text)] == skipped
    old = {picture for picture in PICTURES if f"{picture} is from an earlier run." in text}
    assert old == {picture for picture, after in (("gaps.png", 2), ("reverse.png", 4)) if learnt < after}


def test_ctrl_c_between_two_trainings_skips_the_lesson_too(brief, monkeypatch):
    def interrupt(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "answer", interrupt)
    assert f"\nSkipped after Ctrl-C: {', '.join(LESSONS)}.\n" in brief()


def test_the_letters_in_the_picture_are_those_that_the_model_writes(sentences, monkeypatch, tmp_path):
    drawn = {}
    monkeypatch.setattr(program, "draw_attention", lambda maps, rows, path, **more: drawn.update(maps=maps, rows=rows))
    tl.manual_seed(0)
    model, word = program.build(sentences).both, [0, 1, 2]
    program.draw_reversed(model, word, tmp_path / "reverse.png")
    assert drawn["rows"] == tasks.signs(program.written(model, word)) != ["c", "b", "a", "<end>"]
    assert drawn["maps"][0].shape[1:] == (len(drawn["rows"]), 4)


def test_help_says_what_it_shows(capsys):
    text = help_of(program, capsys)
    for word in (*PICTURES, "encoder-decoder", "PyTorch", "--sentence", "out/architectures"):
        assert word in text


def test_without_matplotlib_it_says_what_to_install_before_training(run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SystemExit, match=r'need matplotlib: pip install "\.\[examples\]"'):
        run()
    assert "step" not in capsys.readouterr().out


# --- measuring ----------------------------------------------------------------------------------------------


def test_sees_finds_which_output_depends_on_which_token():
    def model(texts):
        numbers = tl.tensor(texts.astype(np.float32))
        return tl.stack([numbers[:, 0], numbers[:, 1] * 0 + 5, numbers.sum(-1)], -1)[:, :, None]

    found = program.sees(model, [4, 9, 4], other=4)
    np.testing.assert_array_equal(found, [[True, False, False], [False, False, False], [True, True, True]])


def test_right_answers_counts_only_what_is_asked():
    logits = np.zeros((3, 2, 4))
    logits[0, 0, 1] = logits[0, 1, 2] = logits[1, 0, 3] = 1
    targets = np.array([[1, 2], [1, IGNORED], [IGNORED, 0]])
    assert program.tasks.right_answers(logits, targets) == (pytest.approx(3 / 4), pytest.approx(2 / 3))


# --- the tasks ----------------------------------------------------------------------------------------------


def test_no_sentence_of_the_test_is_learnt_from(sentences):
    assert sentences.learn.shape[0] == 400
    assert sentences.test.shape[0] == 50
    learn, test = ({tuple(row) for row in rows.tolist()} for rows in (sentences.learn, sentences.test))
    assert not learn & test
    assert len(test) == 50
    assert (sentences.learn[:, 0] == sentences.start).all()


def test_the_next_word_follows_and_after_the_last_one_comes_the_start(sentences):
    tokens, there, targets = (t.numpy() for t in tasks.next_words(sentences, sentences.test).tensors)
    for row, mask, wanted in zip(tokens, there, targets, strict=True):
        n = mask.sum()
        assert mask.tolist() == [True] * n + [False] * (len(row) - n)
        assert wanted[: n - 1].tolist() == row[1:n].tolist()
        assert wanted[n - 1] == sentences.start
        assert (wanted[n:] == IGNORED).all()


def test_words_are_hidden_anew_each_time_or_with_a_seed_always_the_same(sentences):
    rows = np.arange(50)
    fixed, free = tasks.HiddenWords(sentences, sentences.test, seed=0), tasks.HiddenWords(sentences, sentences.test)
    inputs, there, targets = (t.numpy() for t in fixed[rows])
    assert all((a.numpy() == b.numpy()).all() for a, b in zip(fixed[rows], fixed[rows], strict=True))
    assert (free[rows][2].numpy() != free[rows][2].numpy()).any()
    chosen = targets != IGNORED
    assert not chosen[:, 0].any(), "the start token is not hidden"
    assert not (chosen & ~there).any(), "padding is not hidden"
    assert (targets[chosen] == sentences.test[chosen]).all()
    assert (inputs[~chosen] == sentences.test[~chosen]).all()
    assert chosen[:, 1:][there[:, 1:]].mean() == pytest.approx(tasks.SHARE, abs=0.06)


def test_one_or_several_is_told_by_what_the_sentence_is_about(sentences):
    tokens, there, several = (t.numpy() for t in tasks.one_or_several(sentences, sentences.learn).tensors)
    assert 200 < len(tokens) < 320  # two thirds are not about countries
    one, more = ({pair[k] for pair in made_corpus.PLURAL} for k in (0, 1))
    for row, mask, label in zip(tokens, there, several, strict=True):
        found = sentences.words(row)
        assert mask.sum() == len(found)
        assert bool({*found} & one) != bool({*found} & more)
        assert bool({*found} & more) == bool(label)
        assert not ({"she", "he"} & {*found} and label)
    assert 0.3 < several.mean() < 0.7


@given(st.integers(1, 20), st.integers(0, 1000))
def test_words_are_reversed_between_their_begin_and_end(n, seed):
    source, target, there, targets = (t.numpy() for t in tasks.Reversals(n, seed)[np.arange(n)])
    assert source.shape == target.shape == there.shape == targets.shape == (n, tasks.LONGEST + 1)
    for s, t, mask, wanted in zip(source, target, there, targets, strict=True):
        length = mask.sum() - 1
        assert tasks.SHORTEST <= length <= tasks.LONGEST
        word = s[:length].tolist()
        assert set(word) <= set(range(26))
        assert s[length] == tasks.END
        assert t[: length + 1].tolist() == [tasks.BEGIN, *word[::-1]]
        assert wanted[: length + 1].tolist() == [*word[::-1], tasks.END]
        assert (s[length + 1 :] == tasks.FILL).all()
        assert (wanted[length + 1 :] == IGNORED).all()


def test_other_words_come_each_time_unless_there_is_a_seed():
    free, fixed = tasks.Reversals(8), tasks.Reversals(8, seed=1)
    rows = np.arange(8)
    assert (free[rows][0].numpy() != free[rows][0].numpy()).any()
    assert (fixed[rows][0].numpy() == fixed[rows][0].numpy()).all()
