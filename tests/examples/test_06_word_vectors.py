"""Word vectors: analogies, the lecture's Germany and Berlin, clusters, the hierarchy, bias, GloVe's files."""

import numpy as np
import pytest

from helpers.word_vectors import WordVectors, read
from programs import load, numbers_after, output_of

program = load("06_word_vectors")


@pytest.fixture(scope="module")
def text(run_once):
    return run_once("06_word_vectors", "--sentences", "12000", "--epochs", "2")[0]


def first_after(text, start):
    return text[text.index(start) + len(start) :].split()[0]


def test_king_minus_man_plus_woman_is_queen(text):
    assert first_after(text, "king - man + woman") == "queen"


def test_the_lectures_formula_leads_to_another_country_and_the_swapped_one_to_paris(text):
    countries = [country for country, _ in program.corpus.CAPITAL]
    assert first_after(text, "germany - berlin + france") in countries
    assert first_after(text, "berlin - germany + france") == "paris"


@pytest.mark.parametrize("kind", [*program.CLUSTERS])
def test_words_of_a_kind_are_nearer_to_each_other_than_to_others(text, kind):
    within, others = numbers_after(text, f"\n  {kind}:")[:2]
    assert within > others + 0.2


def test_plurals_are_one_direction(text):
    assert numbers_after(text, "On average over 31 words")[0] > 0.5


def test_mammal_is_between_animal_and_dog(text):
    assert "it is between them" in text


def test_occupations_follow_the_bias_of_the_text(text):
    cosines = [numbers_after(text, f"\n  {job} ")[0] for job, *_ in program.corpus.OCCUPATIONS]
    assert cosines[0] < 0 < cosines[-1]
    assert np.corrcoef(cosines, [share for _, share, _ in program.corpus.OCCUPATIONS])[0, 1] > 0.8


SQUARE = WordVectors(["a", "b", "c", "d"], np.array([[1.0, 0, 2], [1, 1, 2], [-1, 0, 2], [-1, 1, 2]]))


def test_an_analogy_is_right_if_the_fourth_word_is_nearest():
    assert SQUARE.analogies_right([("a", "b"), ("c", "d")]) == (2, 2, 2)


def test_files_of_glove_are_read_and_answer(tmp_path):
    rows = ["king 1 0 1", "man 1 0 0", "woman 0 1 0", "queen 0 1 1", "of the 1 1 1"]
    (tmp_path / "glove.txt").write_text("\n".join(rows) + "\n")
    vectors = read(tmp_path / "glove.txt")
    assert vectors.words[-1] == "of the"
    assert (
        vectors.near(vectors["king"] - vectors["man"] + vectors["woman"], 1, ["king", "man", "woman"])[0][0] == "queen"
    )
    text = output_of(program, vectors=tmp_path / "glove.txt", out=tmp_path)
    assert first_after(text, "king - man + woman") == "queen"


def test_a_file_of_another_kind_is_refused_with_its_line(tmp_path):
    (tmp_path / "glove.txt").write_text("king 1 0 1\nman 1 zero 0\n")
    with pytest.raises(ValueError, match="line 2: wanted a word and its numbers"):
        read(tmp_path / "glove.txt")
