"""Words, messages and attention: 05 to 07, 11, 15 and 20."""

import re

import numpy as np
import pytest

import tinygrad_lecture as tl
from helpers import messages as emails
from helpers.claims import Measured, holds
from helpers.messages import ENOUGH_POINTS, looks, make_inputs, rule_points, tokenize, words
from programs import load
from show.spam import Counts, count
from show.word_vectors import WordVectors

# --- 06 word vectors --------------------------------------------------------------------------------------------------


SQUARE = WordVectors(["a", "b", "c", "d"], np.array([[1.0, 0, 2], [1, 1, 2], [-1, 0, 2], [-1, 1, 2]]))


def test_an_analogy_is_right_if_the_fourth_word_is_nearest():
    assert SQUARE.analogies([("a", "b"), ("c", "d")]) == [1, 1]
    assert SQUARE.analogies([("a", "d"), ("b", "c")]) == [1, 1]


# --- 07 attention -----------------------------------------------------------------------------------------------------

p07 = load("07_attention")


def test_the_output_is_x_and_the_weighted_sum_of_all_values():
    tl.manual_seed(0)
    x, q, k, v, weights, after, _ = (
        part.detach().numpy() for part in p07.OneHead(10, 4, 3)(tl.tensor(np.array([1, 2, 3])))
    )
    scores = q @ k.T / 2
    assert weights == pytest.approx(np.exp(scores) / np.exp(scores).sum(-1, keepdims=True), rel=1e-5)
    assert after == pytest.approx(x + weights @ v, abs=1e-6)


# --- 11 spam ----------------------------------------------------------------------------------------------------------

FILE = "".join(f"ham\tsee you at {i}\nspam\tyou WON £{i}00!\n" for i in range(30)).encode()


# --- inputs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "tokens"), [
    ("WIN £100! Txt 80086", ["win", "[money]", "!", "txt", "[short code]"]),
    ("Call 09061 701461 now", ["call", "[phone number]", "now"]),
    ("C U 2nite at 8pm :-)", ["c", "u", "[mixed]", "at", "[time]", "[smiley]"]),
    ("www.x.com/a, me@x.org 150p/msg", ["[web address]", "[email]", "[pence]"]),
    ("&amp;lt;#&amp;gt; 3 don’t", ["[number]", "[number]", "don't"]),
    (" ", []),
])  # fmt: skip
def test_tokens(text, tokens):
    assert words(text) == tokens
    assert tokenize(text) == (*tokens, *looks(text))


TEXTS = ["free call free", "call me", "me me"]


def test_bag_of_words_and_tf_idf_by_hand():
    bag, tfidf = make_inputs("bag of words", TEXTS), make_inputs("TF-IDF", TEXTS)
    assert bag.words == tfidf.words == ["[length: 0-39]", "call", "me"]  # "free" is in one text only
    assert bag(["me call me unknown", ""]).tolist() == [[1, 1, 2], [1, 0, 0]]
    everywhere, two_of_three = np.log(4 / 4) + 1, np.log(4 / 3) + 1
    row = np.array([everywhere, two_of_three, 2 * two_of_three])
    np.testing.assert_allclose(tfidf(["me call me"]), [row / np.linalg.norm(row)], rtol=1e-6)


def test_rules_give_points_once_each():
    texts = ["see you at 8, love", "URGENT! You WON a FREE prize, call 09061701461 or txt 80086, 150p/msg"]
    points = rule_points(texts)
    assert points[0] < 0
    assert points[1] >= 3 * ENOUGH_POINTS
    assert rule_points(["free free free"]) == rule_points(["free"]) == [1]


def test_precision_and_recall_by_hand():
    called, spam = np.array([1, 1, 1, 0, 0, 0, 0], bool), np.array([1, 1, 0, 1, 0, 0, 0], bool)
    assert count(called, spam) == Counts(accuracy=5 / 7, precision=2 / 3, recall=2 / 3, missed=1, lost=1)
    assert np.isnan(count(~spam & False, spam).precision)


# --- files --------------------------------------------------------------------------------------------------


def test_a_file_is_read(tmp_path):
    path = tmp_path / "messages.tsv"
    path.write_bytes("﻿Ham\tHow are you? £5\tfor tea\r\n\n".encode() + FILE)
    messages = emails.load_messages(path, 0)
    assert messages.texts[0] == "How are you? £5\tfor tea"
    assert (len(messages), messages.spam.sum()) == (61, 30)


@pytest.mark.parametrize(("content", "message"), [
    (b"ham\tyes\nham yes\n", "line 2: wanted ham or spam, a tab and a text, not 'ham yes'"),
    (b"ham\ta\neggs\tb\n", r"line 2: wanted ham or spam, a tab and a text, not 'eggs\\tb'"),
    (b"spam\t\xa3100\n", "is not UTF-8 text: byte 5 is 0xa3"),
])  # fmt: skip
def test_what_is_no_collection_is_refused_with_file_and_line(tmp_path, content, message):
    path = tmp_path / "messages.tsv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(str(path)) + ".*" + message):
        emails.load_messages(path, 0)


# --- 20 ask a human ---------------------------------------------------------------------------------------------------

p20 = load("20_ask_a_human")


def test_calibration_by_hand():
    p, spam = np.array([0.02, 0.04, 0.71, 0.79, 1.0]), np.array([False, False, True, False, True])
    said, true, n = p20.calibration(p, spam)
    np.testing.assert_allclose(said, [0.03, 0.75, 1.0])
    np.testing.assert_allclose(true, [0, 0.5, 1])
    assert n.tolist() == [2, 2, 1]
    assert p20.calibration_error(p, spam) == pytest.approx((2 * 0.03 + 2 * 0.25) / 5)


@pytest.mark.parametrize(("missed", "different"), [(4, False), (12, True)])
def test_groups_are_called_different_only_beyond_chance(missed, different):
    """Of 20 messages in shorthand some are missed, of 80 written out 8."""
    shorthand, wrong = np.repeat([True, False], [20, 80]), np.zeros(100, bool)
    wrong[:missed] = wrong[-8:] = True
    share, chance = p20.by_group(wrong, shorthand)
    assert holds("spam missed", Measured(missed=share, missed_by_chance=chance)) == different
