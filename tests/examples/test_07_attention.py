"""Attention: one head and its senses, three heads and the red car."""

import re
from random import Random

import numpy as np
import pytest

import tinygrad_lecture as tl
from helpers import attention, cars
from programs import load, numbers_after, output_of

program = load("07_attention")


@pytest.fixture(scope="module")
def text(run_once):
    return run_once("07_attention", "--steps", "600")[0]


def test_the_output_is_x_and_the_weighted_sum_of_all_values():
    tl.manual_seed(0)
    x, q, k, v, weights, after, _ = (
        part.detach().numpy() for part in program.OneHead(10, 4, 3)(tl.tensor(np.array([1, 2, 3])))
    )
    scores = q @ k.T / 2
    assert weights == pytest.approx(np.exp(scores) / np.exp(scores).sum(-1, keepdims=True), rel=1e-5)
    assert after == pytest.approx(x + weights @ v, abs=1e-6)


def test_bank_looks_most_at_flooded_and_blends_all_words(text):
    process = text[text.index("The attention process") : text.index("3. Weighted sum")]
    weights = {
        line.split()[0]: float(line.split("weight")[1].split()[0]) for line in process.split("\n") if " score " in line
    }
    assert max(weights, key=weights.get) == "flooded"
    assert weights["flooded"] < 0.97
    assert sum(weights.values()) == pytest.approx(1, abs=0.03)
    assert '"bank" now means: river bank' in text


@pytest.mark.parametrize(
    ("sentence", "sense"),
    [
        ("The bank was flooded.", "river bank"),
        ("The tower was very tall.", "a tower"),
        ("The Eiffel tower was very tall.", "landmark in Paris"),
        ("The machine learning model was new.", "program"),
        ("The fashion model was new.", "person"),
    ],
)
def test_the_same_word_means_something_else_in_another_sentence(text, sentence, sense):
    line = next(line for line in text.split("\n") if sentence in line and "looks at" in line)
    assert numbers_after(line, sense)[0] > 0.5


def test_the_vectors_of_a_word_are_one_before_attention_and_two_after(text):
    for word in ("tower", "model"):
        line = next(line for line in text.split("\n") if line.startswith(f"  {word}: "))
        before, after = map(float, line.split()[-2:])
        assert before == 1
        assert after < 0.9


def test_the_lectures_relationships_are_the_largest_weights(text):
    assert text.count("✓") >= 7


def test_the_vector_of_car_takes_up_what_is_said_of_it(text):
    assert "red" not in next(line for line in text.split("\n") if "Initial: the car" in line)
    assert "John's" not in next(line for line in text.split("\n") if 'After "red"' in line)
    final = next(line for line in text.split("\n") if line.startswith("    Final"))
    assert all(f"{word} " in final for word in ("red", "John's", "lately", "unreliable"))


def test_the_final_vector_is_said_as_it_is(text, run_once):
    assert "The final vector says: red, John's, lately, unreliable; as in the lecture." in text
    early, _ = run_once("07_attention", "--page", "--steps", "120")
    best = re.findall(r"([a-zA-Z' ]+) \d\.\d\d", next(line for line in early.split("\n") if "    Final" in line))
    said = next(line for line in early.split("\n") if "The final vector says" in line)
    assert f"says: {', '.join(word.removeprefix('    Final').strip() for word in best)};" in said


def test_without_a_head_something_is_lost(text):
    for h in (1, 2, 3):
        assert min(numbers_after(text, f"without head {h}")) < 90


def test_the_shown_sentences_are_not_learnt_from():
    course = attention.make_sentences(500, Random(0), without=["The bank was flooded."])
    assert "the bank was flooded ." not in course.texts


def test_questions_of_the_made_sentences_have_their_answers_in_them():
    course = cars.make(300, Random(0), without=[])
    for tokens, answers in zip(course.tokens, course.answers, strict=True):
        assert {*answers[answers != cars.IGNORED].tolist()} <= {*tokens[tokens > 0].tolist()}


def test_a_word_that_the_sentences_do_not_have_is_named(tmp_path):
    with pytest.raises(ValueError, match="do not have seagull"):
        output_of(program, sentence="Was the seagull flooded?", out=tmp_path)
