"""Tokens: the lecture's five and its three pieces, how merges are learnt, what a larger vocabulary costs."""

import re

import pytest

from helpers.tokens import read_text
from programs import load, numbers_after, output_of
from transformer import BPETokenizer

program = load("05_tokenize")


@pytest.fixture(scope="module")
def text(run_once):
    return run_once("05_tokenize")[0]


def lines_after(text, start):
    return text[text.index(start) :].split("\n")[1:]


def test_the_lectures_sentence_becomes_the_lectures_five_tokens(text):
    assert lines_after(text, "5 words, of")[0].split() == ["Was", "the", "bank", "flooded", "?"]
    assert lines_after(text, "5 pieces, of")[0].split() == ["Was", "·the", "·bank", "·flooded", "?"]
    assert lines_after(text, "21 characters, of")[0].split() == list("Was·the·bank·flooded?")


def test_each_id_is_below_its_token(text):
    t = BPETokenizer.train(read_text(None).learnt, 600, [program.END])
    assert [int(id) for id in lines_after(text, "5 pieces, of")[1].split()] == t.encode("Was the bank flooded?")


def test_cleverest_becomes_the_lectures_three_pieces_from_words_that_are_others(text):
    stages = [line.split()[-1] for line in lines_after(text, "  merge  pair")[:7]]
    assert stages[0] == "|".join("cleverest")
    assert stages[-1] == "cle|ve|rest"
    assert "cleverest" not in program.NINE_WORDS.split()


def test_a_pair_is_counted_after_the_merges_before_it():
    t = BPETokenizer.train("aaabdaaabac", 1000)
    assert [program.pair_count(t, n, ["aaabdaaabac"]) for n in range(3)] == [4, 2, 2]


def test_a_larger_vocabulary_makes_the_sequence_shorter_and_only_words_are_unknown(text):
    rows = [line.split() for line in lines_after(text, "  characters ") if line.startswith("  pieces")]
    lengths = [int(row[2].replace(",", "")) for row in rows]
    assert lengths == sorted(lengths, reverse=True)
    assert {row[-1] for row in rows} == {"0"}
    assert numbers_after(text, "\n  words ")[-1] > 0


def test_the_vocabulary_of_words_grows_with_the_text(text):
    grown = [int(words.replace(",", "")) for words in re.findall(r"characters +([\d,]+) different words", text)]
    assert grown == sorted(set(grown))
    assert grown[-1] == numbers_after(text, "\n  words ")[0] - 1  # without the token for unknown words


def test_pieces_are_those_of_a_tokenizer_in_a_file(tmp_path):
    BPETokenizer.train("the cat and the dog", 270).save(tmp_path / "tokenizer.json")
    text = output_of(program, tokenizer=tmp_path / "tokenizer.json", sentence="the cats", out=tmp_path)
    assert lines_after(text, "pieces, of a vocabulary of 2")[0].split()[0] == "the"


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "picture.txt").write_bytes(b"\xff" * 500)
    with pytest.raises(ValueError, match="is not UTF-8"):
        read_text(tmp_path / "picture.txt")
