"""A GPT: the loop and the Trainer, kept runs, one prediction, what its heads look at."""

import math
from pathlib import Path

import numpy as np
import pytest

import nn
from helpers import gpt, inside
from helpers.program import open_run
from programs import contents, load, numbers_after, output_of

program = load("08_gpt")

TEXT = "the cat sat on the mat. the dog sat on the log.\n" * 30
NAMES = "\n".join(a + b for a in ("an", "el", "ma", "ro", "ka", "ti") for b in ("na", "la", "ri", "mo", "s"))
SMALL = {"layers": 1, "heads": 2, "width": 16, "context": 8, "steps": 60, "batch_size": 8, "lr": 0.01, "tokens": 20,
         "prompt": "the "}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpt")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    return folder


def run(folder, out="out", **settings):
    (folder / out).mkdir(exist_ok=True)
    return output_of(program, **{**SMALL, "text": str(folder / "text.txt"), "out": folder / out, **settings})


@pytest.fixture(scope="module")
def text(folder):
    return run(folder)


def test_the_trainer_has_the_losses_of_the_loop_by_hand(text):
    by_hand, trainer = (numbers_after(text, f"  {name} first losses") for name in ("by hand ", "Trainer "))
    assert len(by_hand) == 5
    assert by_hand == trainer
    assert "largest difference 0. " in text


def test_it_learns_more_than_a_guess_knows(text):
    size = len(set(TEXT))
    guess = numbers_after(text, f"a guess among {size} tokens, ln {size}")[0]
    assert guess == pytest.approx(math.log(size), abs=1e-3)
    assert numbers_after(text, "\nTest loss")[0] < guess / 2


def test_one_prediction_ends_in_probabilities_of_the_next_token(text):
    assert "1. Tokenize   t h e ·" in text
    assert "2. Embed      (4, 16)" in text
    rows = text[text.index("next token") :].split("\n")[1:6]
    p = [float(row.split()[-1]) for row in rows]
    assert p == sorted(p, reverse=True)
    assert 0.5 < sum(p) <= 1.001


def test_a_kept_run_is_not_overwritten_unless_told(folder, text):
    with pytest.raises(ValueError, match="holds a run that is finished: --resume continues it, --again replaces it"):
        run(folder)


def test_a_finished_run_that_is_resumed_writes_the_same(folder, text):
    again = run(folder, resume=True)
    assert again[again.index("The model writes") :] == text[text.index("The model writes") :]


def test_a_run_with_other_settings_is_not_resumed(folder, text):
    before = contents(folder / "out")
    with pytest.raises(ValueError, match="--lr"):
        run(folder, resume=True, lr=0.02)
    assert contents(folder / "out") == before


def test_a_loaded_model_writes_what_it_wrote_after_the_training(folder, text):
    loaded = run(folder, load=folder / "out")
    assert loaded[loaded.index("The model writes") :] == text[text.index("The model writes") :]


def test_a_loaded_model_draws_into_the_folder_that_is_named(folder, text):
    run(folder, load=folder / "out", out="pictures")
    assert {path.name for path in (folder / "pictures").iterdir()} == {"attention.png", "lens.png"}
    assert program.Settings(load=folder / "out").out == folder / "out"
    with pytest.raises(ValueError, match="there is no folder"):
        program.Settings(load=folder / "none")


def test_after_its_last_block_the_lens_has_the_models_loss(folder, text):
    lens = numbers_after(text, "if the model stopped after block 1:")[0]
    assert lens == pytest.approx(numbers_after(text, "\nTest loss")[0], abs=0.02)


def test_a_prompt_that_the_text_cannot_spell_is_refused_before_the_training(folder):
    with pytest.raises(ValueError, match="cannot read this prompt"):
        run(folder, prompt="§", out="other")
    assert not (folder / "other" / "last.safetensors").exists()


def test_lines_are_texts_of_their_own(folder):
    (folder / "names.txt").write_text(NAMES, encoding="utf-8")
    text = run(folder, text=str(folder / "names.txt"), lines=True, prompt="", steps=8, out="names")
    assert "names.txt, 30 lines" in text
    lines = text[text.index("The model writes") : text.index("\nPictures")].strip().split("\n")[2:]
    assert len(lines) == 20


def test_it_says_which_step_the_text_comes_from(capsys):
    history = nn.History()
    for step, loss in ((10, 2.0), (20, 1.0), (30, 1.5)):
        history.add(nn.HistoryRow(step, 1.0, nn.Scores(loss), nn.Scores(loss), 0.1, 1.0))
    gpt.trained(history)
    said = capsys.readouterr().out
    assert "the weights after 20 steps, the best on the test text; the curves go on to step 30" in said


def test_again_clears_the_folder(tmp_path):
    for name in ("last.safetensors", "best.safetensors", "lens.png", "mine.txt"):
        (tmp_path / name).touch()
    assert not open_run(tmp_path, program.FILES, resume=False, again=True)
    assert [path.name for path in Path(tmp_path).iterdir()] == ["mine.txt"]


def test_best_weights_alone_cannot_be_resumed(tmp_path):
    (tmp_path / "best.safetensors").touch()
    with pytest.raises(ValueError, match="cannot be resumed"):
        open_run(tmp_path, program.FILES, resume=True, again=False)


def test_a_head_that_looks_at_the_token_before_is_found_out():
    before = np.eye(5, k=-1)
    before[0, 0] = 1
    found = inside.behaviours(before, [7, 8, 7, 9, 8])
    assert max(found, key=found.get) == "the token before"
    assert found["the token before"] == 1
