"""The spam filters, their inputs, the rules, and the files of messages."""

import dataclasses
import hashlib
import io
import re
import urllib.request
import zipfile
from urllib.error import URLError

import numpy as np
import pytest

from helpers import emails, public_data
from helpers.program import DataError
from helpers.spam import (
    ENOUGH_POINTS,
    Counts,
    Pooled,
    count,
    curve,
    looks,
    make_inputs,
    rule_points,
    split,
    tokenize,
    words,
)
from programs import load, numbers_after, output_of

program = load("11_spam")
FILE = "".join(f"ham\tsee you at {i}\nspam\tyou WON £{i}00!\n" for i in range(30)).encode()


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return output_of(program, out=tmp_path_factory.mktemp("spam"), epochs=3, message=("you won a phone! txt 80086",))


# --- what is shown ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bag of words", "TF-IDF", "embeddings", "characters"])
def test_every_representation_finds_spam(text, name):
    accuracy, precision, recall, *_ = numbers_after(text, f"\n  {name:20}")
    assert accuracy > 88
    assert min(precision, recall) > 0.6


def test_calling_everything_ham_is_right_for_most_and_finds_nothing(text):
    accuracy, recall, missed, lost = numbers_after(text, "\n  all is ham  ")
    assert 75 < accuracy < 90
    assert recall == lost == 0 < missed


def test_good_words_hide_spam_from_a_filter_that_counts_words(text):
    as_it_is, _, good_words = numbers_after(text[text.index("Adversarial") :], "\n  bag of words")
    assert good_words < as_it_is - 20


def test_retraining_finds_new_spam_and_rules_do_not(text):
    table = text[text.index("  examples   new spam found") :]
    assert numbers_after(table, "\n         0")[0] < 50
    assert numbers_after(table, "\n       100")[0] > 95
    assert "The rules find 0% of it" in text


def test_a_message_of_ones_own_is_judged_by_all(text):
    verdicts = text[text.index("\nyou won a phone!") :]
    assert numbers_after(verdicts, "TF-IDF         P(spam) = ")[0] > 0.5
    assert "rules          8 points (4 or more: spam): a short code to text to +3" in verdicts


# --- made messages ------------------------------------------------------------------------------------------


def test_disguises():
    assert emails.leetspeak("win a prize, call me") == "win a pr1z3, c4ll me"
    assert emails.good_words("WIN").startswith("WIN see you")
    assert emails.shorten("see you at the pub") == "c u @ da pub"


def test_the_messages_are_spam_of_some_kinds_and_ham_of_others():
    messages = emails.make_messages(2000, emails.Random(0))
    for kind in {m.kind for m in messages} - {"could be either"}:
        assert {m.spam for m in messages if m.kind == kind} == {kind in emails.SPAM}
    assert 0.3 < np.mean([m.spam for m in messages if m.kind == "could be either"]) < 0.7


# --- inputs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("WIN £100! Txt 80086", ["win", "[money]", "!", "txt", "[short code]"]),
        ("Call 09061 701461 now", ["call", "[phone number]", "now"]),
        ("C U 2nite at 8pm :-)", ["c", "u", "[mixed]", "at", "[time]", "[smiley]"]),
        ("www.x.com/a, me@x.org 150p/msg", ["[web address]", "[email]", "[pence]"]),
        ("&amp;lt;#&amp;gt; 3 don’t", ["[number]", "[number]", "don't"]),
        (" ", []),
    ],
)
def test_tokens(text, tokens):
    assert words(text) == tokens
    assert tokenize(text) == tokens + looks(text)


TEXTS = ["free call free", "call me", "me me"]


def test_bag_of_words_and_tf_idf_by_hand():
    bag, tfidf = make_inputs("bag of words", TEXTS), make_inputs("TF-IDF", TEXTS)
    assert bag.words == tfidf.words == ["[length: 0-39]", "call", "me"]  # "free" is in one text only
    assert bag(["me call me unknown", ""]).tolist() == [[1, 1, 2], [1, 0, 0]]
    everywhere, two_of_three = np.log(4 / 4) + 1, np.log(4 / 3) + 1
    row = np.array([everywhere, two_of_three, 2 * two_of_three])
    np.testing.assert_allclose(tfidf(["me call me"]), [row / np.linalg.norm(row)], rtol=1e-6)


def test_words_and_characters_as_numbers_in_their_order():
    embeddings, characters = make_inputs("embeddings", TEXTS), make_inputs("characters", TEXTS)
    ids = embeddings(["me call", ""])
    assert [embeddings.words[i] for i in ids[0]] == ["me", "call", "[length: 0-39]"]
    assert ids[1].tolist() == [ids[0][2], 0, 0]
    assert "".join(characters.words[i] for i in characters(["Me call?"])[0]) == "me call"


def test_pooled_embeddings_are_the_mean_of_the_words():
    pooled = Pooled(5)
    vectors = pooled.embedding.weight.detach().numpy()
    found = pooled(program.tl.tensor([[1, 3, 0], [2, 0, 0]])).detach().numpy()
    np.testing.assert_allclose(found, [(vectors[1] + vectors[3]) / 2, vectors[2]], rtol=1e-5)


def test_rules_give_points_once_each():
    texts = ["see you at 8, love", "URGENT! You WON a FREE prize, call 09061701461 or txt 80086, 150p/msg"]
    points = rule_points(texts)
    assert points[0] < 0
    assert points[1] >= 3 * ENOUGH_POINTS
    assert rule_points(["free free free"]) == rule_points(["free"]) == [1]


def test_precision_and_recall_by_hand():
    called, spam = np.array([1, 1, 1, 0, 0, 0, 0], bool), np.array([1, 1, 0, 1, 0, 0, 0], bool)
    counts = count(called, spam)
    assert counts == Counts(found=2, missed=1, lost=1, kept=3)
    assert (counts.accuracy, counts.precision, counts.recall) == (5 / 7, 2 / 3, 2 / 3)
    points = curve(np.array([0.9, 0.8, 0.8, 0.6]), np.array([True, False, True, False]))
    assert points.thresholds.tolist() == [0.9, 0.8, 0.6]
    assert points.precision.tolist() == [1, 2 / 3, 1 / 2]
    assert points.recall.tolist() == [1 / 2, 1, 1]


# --- files --------------------------------------------------------------------------------------------------


def test_a_file_is_read(tmp_path):
    path = tmp_path / "messages.tsv"
    path.write_bytes("﻿Ham\tHow are you? £5\tfor tea\r\n\n".encode() + FILE)
    messages = emails.load_messages(path, 0)
    assert messages.texts[0] == "How are you? £5\tfor tea"
    assert (len(messages), messages.spam.sum()) == (61, 30)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"ham\tyes\nham yes\n", "line 2: no tab between label and text in 'ham yes'"),
        (b"ham\ta\neggs\tb\n", "line 2: the label must be ham or spam, not 'eggs'"),
        (b"spam\t\xa3100\n", "line 1: byte 0xa3 is not UTF-8"),
        (b"ham\ta\0b\n", "line 1: it contains zero bytes"),
        (b"ham\ta\n", "1 messages labelled ham; at least 25 of each kind are needed"),
    ],
)
def test_what_is_no_collection_is_refused_with_file_and_line(tmp_path, content, message):
    path = tmp_path / "messages.tsv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=re.escape(str(path)) + ".*" + message):
        emails.load_messages(path, 0)


def test_messages_that_differ_in_numbers_only_are_on_the_same_side():
    texts = [f"you won £{i}" for i in range(40)] + [f"word {chr(97 + i)}" for i in range(26)] * 2
    learn, test = split(emails.Messages(texts, np.arange(92) % 2 == 0), 0)
    assert not {" ".join(words(t)) for t in learn.texts} & {" ".join(words(t)) for t in test.texts}


@pytest.fixture
def web(monkeypatch, tmp_path):
    """The collection's address answers with an archive of FILE; the cache is an empty folder."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(emails.NAME, FILE)
    asked = []

    def answer(url, timeout):
        asked.append(url)
        if len(asked) > 1:
            raise URLError("Network is unreachable")
        return io.BytesIO(packed.getvalue())

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    monkeypatch.setattr(public_data, "cache_folder", lambda: tmp_path / "cache")
    sha256 = hashlib.sha256(FILE).hexdigest()
    monkeypatch.setattr(emails, "COLLECTION", dataclasses.replace(emails.COLLECTION, sha256=sha256))
    return asked


def test_the_collection_is_downloaded_once_and_a_damaged_copy_is_not_used(web, tmp_path):
    for _ in range(2):
        assert len(emails.load_messages(emails.Path("download"), 0)) == 60
    assert web == [emails.HOME]
    (tmp_path / "cache" / emails.NAME).write_bytes(b"ham\tnot what it was")
    with pytest.raises(DataError, match=r"unreachable.*--data FILE"):
        emails.load_messages(emails.Path("download"), 0)
