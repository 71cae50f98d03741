"""A small GPT-2 is trained once and kept; a folder is read, continues a prompt, and is looked into."""

import re
from itertools import islice

import pytest

from helpers import training
from helpers.gpt2 import load as load_folder
from helpers.inside import printable
from helpers.program import DataError
from programs import load, numbers_after, output_of
from transformer import GPT, BPETokenizer, GPTConfig

program = load("10_gpt2")


@pytest.fixture(scope="module")
def text(run_once):
    return run_once("10_gpt2", "--steps", "4", "--tokens", "5")[0]


def test_it_trains_a_small_model_once_and_keeps_it(run_once):
    text, out = run_once("10_gpt2", "--steps", "4", "--tokens", "5")
    assert "a small one is trained" in text
    again = output_of(program, out=out, steps=4, tokens=5)
    assert "a small one is trained" not in again
    assert "an earlier run trained and kept in" in again
    assert again[again.index("The likeliest") :] == text[text.index("The likeliest") :]
    assert sum(path.stat().st_size for path in (out / "model").iterdir()) < 2_000_000


def test_a_half_trained_model_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "until_ctrl_c", lambda items: islice(items, 2))  # Ctrl-C in the second step
    text = output_of(program, out=tmp_path, steps=4, tokens=1)
    assert "This half-trained model is used now, and not kept" in text
    assert not (tmp_path / "model").exists()


def test_its_weights_are_counted_by_formula_and_one_by_one(text):
    formula, counted = re.search(r"together +([\d,]+), and counted ([\d,]+)", text).groups()
    assert formula == counted
    assert numbers_after(text, "GPT-2 small ") == [12, 12, 768, 124_439_808]


def test_the_likeliest_come_first(text):
    shares = [float(p) for p in re.findall(r"^ +([\d.]+)%  ", text, re.MULTILINE)]
    assert len(shares) == 8
    assert shares == sorted(shares, reverse=True)


def test_training_gpt3_costs_what_the_lecture_says(text):
    assert "$4.7 million" in text  # the lecture: about 4.6
    assert numbers_after(text, "on one V100, 28e12 a second: ")[0] == pytest.approx(355, rel=0.02)


def test_a_folder_of_ones_own_is_read(tmp_path):
    tokenizer = BPETokenizer.train("the weather today is fine. " * 20, 270)
    model = GPT(GPTConfig(vocab_size=tokenizer.vocab_size, context=32, layers=1, heads=2, width=8))
    model.save_pretrained(tmp_path)
    tokenizer.to_files(tmp_path)
    assert load_folder(tmp_path)[0].config == model.config
    model = GPT(GPTConfig(vocab_size=100, context=32, layers=1, heads=2, width=8))
    model.save_pretrained(tmp_path)
    with pytest.raises(DataError, match="do not belong together"):
        load_folder(tmp_path)
    with pytest.raises(DataError, match="there is no folder"):
        load_folder(tmp_path / "none")


def test_control_characters_do_not_reach_the_terminal():
    assert printable("a\x1b[31m\n") == "a␛[31m\n"
