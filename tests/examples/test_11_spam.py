"""The spam program as its users run it, and its parts: data, tokens, rules, precision and recall, the filter."""

import dataclasses
import errno
import hashlib
import io
import random
import re
import signal
import sys
import urllib.request
import zipfile
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from helpers import public_data
from helpers.spam import pictures as spam_pictures
from helpers.spam import report as spam_report
from helpers.spam import rules as spam_rules
from helpers.spam import sms
from helpers.spam import training as spam_training
from helpers.spam.features import Vectorizer, looks, tokenize, words
from helpers.spam.filter import SpamFilter
from helpers.spam.precision_recall import Counts, choose_threshold, count, curve
from helpers.spam.sms import DataError, deal, load_messages, parse
from helpers.spam.training import Settings, train
from programs import ROOT, load, run_apart

program = load("11_spam")
COLLECTION = ROOT.parent / "shared" / "data" / "sms_spam.tsv"  # tests that want the real one skip where it is not
PICTURES = ["curves.png", "threshold.png", "precision_recall.png", "confusion.png", "words.png"]
draw_pictures = spam_pictures.draw


def made_up(n_ham=160, n_spam=60, seed=0):
    """A small collection, as the bytes of its file: some words are used by both sides."""
    draw = random.Random(seed)
    both = ["now", "the", "you", "call", "me", "at", "please", "it", "is", "on", "we", "for"]
    ham = ["lol", "home", "later", "dinner", "love", "mum", "sleep", "ok", "bus", "class", "tomorrow", "thanks"]
    spam = ["prize", "claim", "free", "£900", "09061701461", "txt", "80086", "ringtone", "won", "urgent", "150ppm"]
    lines = []
    for label, own, n in (("ham", ham, n_ham), ("spam", spam, n_spam)):
        for _ in range(n):
            text = draw.choices(own, k=draw.randint(1, 5)) + draw.choices(both, k=draw.randint(2, 6))
            draw.shuffle(text)
            lines.append(f"{label}\t{' '.join(text)}")
    draw.shuffle(lines)
    return "\n".join([*lines, ""]).encode()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("sms") / "messages.tsv"
    path.write_bytes(made_up())
    return path


@pytest.fixture
def run(small, tmp_path, capsys, monkeypatch):
    """run("--seed", 1) runs the program on the small collection and returns what it printed; drawing takes too long."""

    def call(*arguments, data=small, out=tmp_path / "out", draw=False):
        monkeypatch.setattr(spam_pictures, "draw", draw_pictures if draw else lambda *results: [])
        files = [["--data", data] if data else [], ["--out", out] if out else []]
        program.main(list(map(str, [*files[0], *files[1], *arguments])))
        return capsys.readouterr().out

    return call


@pytest.fixture(scope="module")
def trained(small):
    """A filter trained on the small collection, and the messages."""
    messages = load_messages(small)
    tl.manual_seed(0)
    documents = [tokenize(text) for text in messages.texts]
    return train(documents, messages.spam, messages.texts, Settings(hidden=(8,), epochs=6, lr=0.02), 0.95), messages


# --- reading ------------------------------------------------------------------------------------------------


def many(extra=b""):
    """A file that is long enough, with some lines before the rest."""
    return extra + made_up()


def test_messages_are_read_whatever_the_line_ends():
    first = "﻿Ham\tHow are you? £5\tfor tea\r\n\nspam\tWIN\r\n".encode()
    messages = parse(many(first), "file")
    assert messages.texts[:2] == ["How are you? £5\tfor tea", "WIN"]
    assert messages.spam[:2].tolist() == [False, True]
    assert len(messages) == 222


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty; it should have a message in each line"),
        (b"\n \n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (many(b"ham\tyes\nham yes\n"), r", line 2: no tab between label and text in 'ham yes'"),
        (many(b"v1,v2\n"), r", line 1: no tab"),
        (many(b"ham\ta\neggs\tb\n"), r", line 2: the label must be ham or spam, not 'eggs'"),
        (many(b"a" * 99 + b"\tb\n"), r", line 1: the label .* not 'a{40}\.\.\.'"),
        (many(b"\x89PNG\r\n\x1a\n\0\0"), r", line 1: byte 0x89 is not UTF-8; save the file as UTF-8"),
        (many(b"spam\ta\nspam\t\xa3100\n"), r", line 2: byte 0xa3 is not UTF-8"),
        (many(b"ham\ta\0b\n"), r", line 1: it contains zero bytes, so this is not a text file"),
        (made_up(n_spam=24), r"has 24 messages labelled spam; at least 25 of each kind are needed"),
        (made_up(n_ham=0), r"has 0 messages labelled ham"),
    ],
)
def test_what_is_no_collection_is_refused_with_file_and_line(tmp_path, content, message):
    path = tmp_path / "messages.tsv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=re.escape(str(path)) + ".*" + message):
        load_messages(path)


@given(content=st.binary() | st.text().map(str.encode) | st.binary().map(b"ham\t".__add__))
def test_any_bytes_are_messages_or_a_data_error(content):
    with pytest.raises(DataError, match="file"):  # too few, if nothing else
        parse(content, "file")


def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(DataError, match=re.escape(str(path)) + " cannot be read"):
            load_messages(path)
    (tmp_path / "large").write_bytes(bytes(101))
    monkeypatch.setattr(public_data, "MOST", 100)
    with pytest.raises(DataError, match="large has 101 bytes, more than the limit of 100"):
        load_messages(tmp_path / "large")


def archive(name=sms.NAME, content=None):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("readme", "words")
        file.writestr(name, made_up() if content is None else content)
    return packed.getvalue()


def test_the_archive_itself_will_do(tmp_path):
    path = tmp_path / "sms+spam+collection.zip"
    path.write_bytes(archive())
    assert load_messages(path).texts == parse(made_up(), "").texts
    path.write_bytes(archive("other.txt"))
    with pytest.raises(DataError, match="is a zip archive without a file SMSSpamCollection in it"):
        load_messages(path)
    path.write_bytes(archive()[:-100])
    with pytest.raises(DataError, match=r"cannot be unpacked: .*; fetch it again"):
        load_messages(path)


# --- downloading --------------------------------------------------------------------------------------------


class Web:
    """Stands in for urlopen: answers with bytes, or raises an error."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def __call__(self, url, timeout):
        assert timeout > 0
        self.asked.append(url)
        if isinstance(self.answer, Exception):
            raise self.answer
        return io.BytesIO(self.answer)


@pytest.fixture
def web(monkeypatch, tmp_path):
    """The web has the small collection, with its hash, and the cache is an empty folder."""
    stand_in = Web(archive())
    monkeypatch.setattr(urllib.request, "urlopen", stand_in)
    monkeypatch.setattr(public_data, "cache_folder", lambda: tmp_path / "cache")
    sha256 = hashlib.sha256(made_up()).hexdigest()
    monkeypatch.setattr(sms, "COLLECTION", dataclasses.replace(sms.COLLECTION, sha256=sha256))
    return stand_in


def test_the_collection_is_downloaded_once(web, tmp_path):
    for _ in range(2):
        messages = load_messages()
        assert messages.texts == parse(made_up(), "").texts
        assert messages.source == "the SMS Spam Collection"
    assert web.asked == ["https://archive.ics.uci.edu/static/public/228/sms+spam+collection.zip"]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [sms.NAME]


def test_a_damaged_cache_is_replaced(web, tmp_path):
    load_messages()
    cached = tmp_path / "cache" / sms.NAME
    cached.write_bytes(b"ham\tnot what it was")
    load_messages()
    assert len(web.asked) == 2
    assert cached.read_bytes() == made_up()


def test_without_a_place_for_a_cache_it_is_used_all_the_same(web, tmp_path, capsys):
    (tmp_path / "cache").write_bytes(b"in the way")
    assert len(load_messages()) == 220
    assert "could not be kept" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (URLError(OSError(errno.ENETUNREACH, "Network is unreachable")), "cannot be downloaded: .*unreachable"),
        (TimeoutError("timed out"), "cannot be downloaded: timed out"),
        (archive(content=made_up(seed=1)), "is not the SMS Spam Collection: its SHA-256 is [0-9a-f]{64}, not"),
        (b"<html>", "is not the SMS Spam Collection"),
    ],
)
def test_without_the_collection_it_is_said_what_to_do(web, run, tmp_path, answer, message):
    web.answer = answer
    with pytest.raises(SystemExit, match="11_spam.py: .*" + message) as caught:
        run(data=None)
    assert "https://archive.ics.uci.edu/static/public/228/sms+spam+collection.zip" in str(caught.value)
    assert "--data FILE" in str(caught.value)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("platform", "variable", "end"),
    [
        ("linux", "XDG_CACHE_HOME", "tinygrad_lecture"),
        ("linux", None, ".cache/tinygrad_lecture"),
        ("darwin", None, "Library/Caches/tinygrad_lecture"),
        ("win32", "LOCALAPPDATA", "tinygrad_lecture"),
        ("win32", None, "AppData/Local/tinygrad_lecture"),
    ],
)
def test_the_cache_is_where_the_system_keeps_caches(monkeypatch, tmp_path, platform, variable, end):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "caches"))
    folder = public_data.cache_folder()
    monkeypatch.undo()
    assert folder == tmp_path / ("caches" if variable else "") / end


# --- dealing ------------------------------------------------------------------------------------------------


@given(
    pairs=st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=60),
    parts=st.integers(2, 5),
    seed=st.integers(0, 99),
)
def test_twins_are_dealt_to_the_same_part(pairs, parts, seed):
    keys = [f"{key} {spam}" for key, spam in pairs]
    spam = np.array([spam for _, spam in pairs])
    try:
        part = deal(keys, spam, parts, seed)
    except DataError:
        assert min(len(set(np.array(keys)[spam == kind])) for kind in (False, True)) < 2 * parts
        return
    assert len({*zip(keys, part, strict=True)}) == len(set(keys))
    assert np.array_equal(part, deal(keys, spam, parts, seed))
    largest = max(keys.count(key) for key in set(keys))
    for kind in (False, True):
        sizes = np.bincount(part[spam == kind], minlength=parts)
        assert sizes.min() > 0
        assert np.ptp(sizes) <= largest


def test_without_twins_the_parts_are_equal_and_differ_by_seed():
    spam = np.arange(100) % 5 == 0
    part = deal(range(100), spam, 5, seed=0)
    assert np.bincount(part[spam]).tolist() == [4] * 5
    assert np.bincount(part[~spam]).tolist() == [16] * 5
    assert not np.array_equal(part, deal(range(100), spam, 5, seed=1))


def test_too_few_different_messages_are_refused():
    with pytest.raises(DataError, match="too few different messages to deal ham and spam into 5 parts"):
        deal(["same"] * 50 + list(range(50)), np.arange(100) < 50, 5, seed=0)


# --- features -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("WIN £100! Txt 80086", ["win", "[money]", "!", "txt", "[short code]"]),
        ("Call 09061 701461 now", ["call", "[phone number]", "now"]),
        ("C U 2nite at 8pm :-)", ["c", "u", "[mixed]", "at", "[time]", "[smiley]"]),
        ("www.x.com/a, me@x.org 150p/msg", ["[web address]", "[email]", "[pence]"]),
        ("&amp;lt;#&amp;gt; &lt;DECIMAL&gt; 3 don’t", ["[number]", "[number]", "[number]", "don't"]),
        ("Über... what??", ["über", "...", "what", "?"]),
        (" ", []),
    ],
)
def test_tokens(text, tokens):
    assert words(text) == tokens
    assert tokenize(text) == tokens + looks(text)


def test_looks():
    assert looks("") == looks("a" * 39) == ["[length: 0-39]"]
    assert looks("a" * 40) == ["[length: 40-79]"]
    assert looks("a" * 400) == ["[length: 160+]"]
    assert looks("1 2 3 4") == ["[length: 0-39]", "[digits: 1-4]"]
    assert looks("12345")[1:] == ["[digits: 5-14]"]
    assert looks("1" * 15)[1:] == ["[digits: 15+]"]
    assert looks("CALL ME NOW")[1:] == ["[CAPITALS: most]"]
    assert looks("they say CALL ME NOW")[1:] == ["[CAPITALS: some]"]
    assert looks("they say CALL ME")[1:] == []


@given(st.text())
def test_every_text_has_tokens(text):
    assert all(isinstance(token, str) and token for token in tokenize(text))


DOCUMENTS = [["free", "call", "free"], ["call", "me"], ["me", "me"], ["rare"]]


def test_bag_of_words_counts():
    vectorizer = Vectorizer.learn(DOCUMENTS, "bag")
    assert vectorizer.vocabulary == ["call", "me"]  # the others are in one document only
    rows = vectorizer([["me", "call", "me", "unknown"], []])
    assert rows.tolist() == [[1, 2], [0, 0]]
    assert rows.dtype == np.float32


def test_tfidf_by_hand():
    vectorizer = Vectorizer.learn(DOCUMENTS, "tfidf", at_least=1)
    assert vectorizer.vocabulary == ["call", "free", "me", "rare"]
    rare, shared = np.log(5 / 2) + 1, np.log(5 / 3) + 1
    row = np.array([np.log(2) * shared, np.log(3) * rare, 0, 0])
    expected = row / np.linalg.norm(row)
    rows = vectorizer([DOCUMENTS[0], []])
    np.testing.assert_allclose(rows, [expected, np.zeros(4)], rtol=1e-6)


def test_a_vectorizer_says_what_it_cannot_do():
    with pytest.raises(ValueError, match='kind must be "bag" or "tfidf", not \'letters\''):
        Vectorizer.learn(DOCUMENTS, "letters")
    with pytest.raises(ValueError, match="no word is in 9 messages or more"):
        Vectorizer.learn(DOCUMENTS, "bag", at_least=9)


# --- rules --------------------------------------------------------------------------------------------------


def test_rules_give_points_once_each():
    texts = ["see you at 8, love", "URGENT! You WON a FREE prize, call 09061701461 or txt 80086, 150p/msg", ""]
    points = spam_rules.points(texts)
    assert points[0] < 0
    assert points[1] >= 3 * spam_rules.ENOUGH
    assert points[2] == 0
    assert [sum(rule.points for rule in spam_rules.reasons(text)) for text in texts] == points.tolist()
    assert spam_rules.points(["free free free"]) == spam_rules.points(["free"]) == [1]


# --- precision and recall -----------------------------------------------------------------------------------


def test_counts_by_hand():
    called, spam = np.array([1, 1, 1, 0, 0, 0, 0], bool), np.array([1, 1, 0, 1, 0, 0, 0], bool)
    counts = count(called, spam)
    assert counts == Counts(found=2, missed=1, lost=1, kept=3)
    assert (counts.accuracy, counts.precision, counts.recall) == (5 / 7, 2 / 3, 2 / 3)
    assert np.isnan(Counts(0, 1, 0, 1).precision)
    assert np.isnan(Counts(0, 0, 1, 1).recall)


scored = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0]), st.booleans()), min_size=1)


@given(scored, st.floats(0.1, 1))
def test_curve_and_threshold_against_trying_all(pairs, precision):
    scores, spam = np.array([p for p, _ in pairs]), np.array([s for _, s in pairs])
    if not spam.any():
        with pytest.raises(ValueError, match="there is no spam among the messages"):
            curve(scores, spam)
        return
    points = curve(scores, spam)
    tried = [count(scores >= t, spam) for t in points.thresholds]
    assert points.thresholds.tolist() == sorted(set(scores.tolist()), reverse=True)
    assert points.precision.tolist() == [c.precision for c in tried]
    assert points.recall.tolist() == [c.recall for c in tried]
    assert 0 < points.average_precision <= 1

    chosen = count(scores >= choose_threshold(scores, spam, precision), spam)
    enough = [c for c in tried if c.precision >= precision]
    if enough:
        assert chosen.precision >= precision
        assert chosen.recall == max(c.recall for c in enough)
    else:
        assert chosen.precision == max(c.precision for c in tried)


def test_average_precision_by_hand():
    points = curve(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False]))
    assert points.average_precision == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


# --- the filter ---------------------------------------------------------------------------------------------


def test_pushes_are_inputs_times_slopes(trained):
    spam_filter, messages = trained[0].filter, trained[1]
    rows = spam_filter.rows(messages.texts[:3])
    for parameter in spam_filter.model.parameters():
        parameter.grad = None
    pushes = spam_filter.pushes(rows)
    assert pushes.shape == rows.shape

    def logits(x):
        p = spam_filter.judge(x.astype(np.float32))
        return np.log(p / (1 - p))

    for column in np.flatnonzero(rows[0]):
        step = np.zeros_like(rows)
        step[:, column] = 1e-3
        slope = (logits(rows + step) - logits(rows - step)) / 2e-3
        np.testing.assert_allclose(pushes[:, column], rows[:, column] * slope, atol=5e-3)
    assert all(p.grad is None for p in spam_filter.model.parameters())


def test_pushes_without_a_hidden_layer_are_weights_times_inputs():
    linear = SpamFilter(Vectorizer.learn(DOCUMENTS, "tfidf"), [])
    rows = linear.rows(["call me", "call"])
    np.testing.assert_allclose(linear.pushes(rows), rows * linear.model[0].weight.detach().numpy())


def test_reasons_are_the_words_that_are_there_strongest_first(trained):
    text = "claim your prize, 09061701461, lol qwertz"
    reasons = trained[0].filter.reasons(text)
    assert {token for token, _ in reasons} == {"claim", "prize", "[phone number]", "lol", *looks(text)}
    sizes = [abs(push) for _, push in reasons]
    assert sizes == sorted(sizes, reverse=True)
    pushes = dict(reasons)
    assert pushes["prize"] > 0 > pushes["lol"]
    assert trained[0].filter.reasons("") == trained[0].filter.reasons("qwertz")  # its length is all that is known


def test_a_filter_comes_back_from_its_file(trained, tmp_path):
    spam_filter, messages = trained[0].filter, trained[1]
    spam_filter.notes["learnt from"] = "äöü"
    spam_filter.save(tmp_path / "filter.safetensors")
    loaded = SpamFilter.load(tmp_path / "filter.safetensors")
    assert (loaded.threshold, loaded.notes, loaded.hidden) == (spam_filter.threshold, {"learnt from": "äöü"}, [8])
    assert loaded.precision == spam_filter.precision == 0.95
    assert np.array_equal(loaded.probabilities(messages.texts), spam_filter.probabilities(messages.texts))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vocabulary": '["one"]'}, "the numbers of words"),
        ({"vocabulary": "{"}, "line 1 column 2"),
        ({"hidden": "[9]"}, "model|shape"),
        ({"hidden": "[-1]"}, "must be at least 1"),
        ({"hidden": "7"}, "not iterable"),
        ({"threshold": "high"}, "high"),
        ({"notes": "[1]"}, "items"),
        ({"precision": '"high"'}, "high"),
        ({"kind": None}, "'kind' is missing"),
    ],
)
def test_a_file_that_holds_another_thing_is_refused(trained, tmp_path, change, message):
    path = tmp_path / "filter.safetensors"
    trained[0].filter.save(path)
    metadata = {k: v for k, v in {**nn.weights.load_metadata(path), **change}.items() if v is not None}
    nn.weights.save_file(nn.weights.load_file(path), path, metadata)
    with pytest.raises(
        ValueError, match=f"(?s)filter.safetensors is not a spam filter saved by 11_spam.py.*({message})"
    ):
        SpamFilter.load(path)


# --- training -----------------------------------------------------------------------------------------------


def test_every_message_is_judged_by_a_network_that_has_not_seen_it(trained):
    outcome, messages = trained
    validation = outcome.validation
    assert np.isfinite(validation.probabilities).all()
    assert len(validation.parts) == spam_training.PARTS
    judged = count(validation.probabilities >= 0.5, messages.spam)
    assert judged.accuracy > 0.95
    assert count(validation.probabilities >= outcome.filter.threshold, messages.spam).precision >= 0.95


def test_early_stopping_stops_where_it_gets_no_better():
    part = spam_training.Part([(0.9, 0.5), (0.5, 0.3), (0.3, 0.4), (0.1, 0.3)])
    assert part.best_epoch == 2
    # Labels that are chance: what is learnt of some says nothing of the others, so all stop at once or soon after.
    chance = np.random.default_rng(0)
    documents = [[str(word) for word in chance.integers(0, 30, 8)] for _ in range(100)]
    found = train(documents, chance.random(100) < 0.5, list(map(str, range(100))), Settings(epochs=60, lr=0.02), 0.9)
    for part in found.validation.parts:
        assert len(part.losses) == part.best_epoch + spam_training.PATIENCE < 60


def test_the_twin_minds_spam_more(trained):
    outcome, messages = trained
    plain, weighted = (f.probabilities(messages.texts).mean() for f in (outcome.filter, outcome.weighted))
    assert weighted > plain


# --- the program --------------------------------------------------------------------------------------------

QUICK = ("--hidden", 8, "--epochs", 6, "--lr", 0.02)


def test_a_run_shows_and_writes_what_it_promises(run, tmp_path):
    output = run(*QUICK, "--message", "Txt PRIZE to 80086 to claim £900", "--message", "home late, love [u]", draw=True)
    assert "220 of them" in output
    assert "is from an earlier run" not in output
    for part in ("everything is ham", "rules, 4 points", "network at 0.5", "its twin at 0.5", "[phone number] +"):
        assert part in output
    assert re.search(r"Spam, as the threshold is [\d.]+:\n[01]\.\d{3} Txt PRIZE to 80086 to claim £900\n", output)
    assert re.search(r"Ham, as the threshold is .*\n0\.\d{3} home late, love \[u\]\n", output)
    assert re.search(r"rules: 1\d points \(a short code to text to \+3, a sum in pounds \+3,", output)
    for name in [*PICTURES, "filter.safetensors"]:
        assert str(tmp_path / "out" / name) in output.replace("\n", "")
        assert (tmp_path / "out" / name).stat().st_size > 1000
    assert not list((tmp_path / "out").glob(".*"))


def test_same_seed_same_result(run):
    first, again, other = (run(*QUICK, "--seed", seed) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("options", [("--features", "bag"), ("--hidden",), ("--fifth", 4), ("--hidden", 4, 4)])
def test_other_networks_learn_too(run, options):
    output = run("--epochs", 8, "--lr", 0.01, *options)
    chosen = re.search(r"network at 0\.\d{3} +([\d.]+)%", output)
    assert float(chosen[1]) > 90


def test_a_saved_filter_judges_without_data_and_tells_older_pictures(run, tmp_path):
    trained_output = run(*QUICK)
    saved = tmp_path / "out" / "filter.safetensors"
    output = run("--load", saved, "--message", "claim your prize", data=None, out=None)
    assert "claim your prize" in output
    assert "messages" not in output
    output = run("--load", saved, "--message", "claim your prize", "--threshold", "0.999999", data=None, out=None)
    assert "Ham, as the threshold is 0.999999" in output

    (tmp_path / "out" / "curves.png").touch()
    tested = run("--load", saved, draw=True)
    assert tested.endswith(f"{tmp_path / 'out' / 'curves.png'} is from an earlier run.\n")
    assert "Training" not in tested
    assert "no fair test" not in tested
    scores = re.compile(r"network at [^\n]*")
    assert scores.findall(tested) == scores.findall(trained_output)
    assert "no fair test" in run("--load", saved, "--fifth", 2)


def test_the_threshold_used_is_named_alike_in_every_text_and_picture(trained):
    spam_filter, messages = dataclasses.replace(trained[0].filter, threshold=0.4964, precision=0.95), trained[1]
    outcome = spam_report.Outcome(messages, messages, spam_training.Trained(spam_filter), np.zeros(len(messages), int))
    figures = (spam_pictures.thresholds, spam_pictures.precision_recall, spam_pictures.confusion)
    for figure in (draw(outcome) for draw in figures):
        texts = " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))
        assert "0.496" in texts
        assert "0.50 " not in texts


def test_no_bar_is_on_both_sides_of_the_threshold(trained):
    spam_filter, messages = dataclasses.replace(trained[0].filter, threshold=0.3), trained[1]
    spam_filter.model = trained[0].filter.model
    outcome = spam_report.Outcome(messages, messages, spam_training.Trained(spam_filter), np.zeros(len(messages), int))
    above = spam_pictures.thresholds(outcome).axes[0]
    cut = np.log(0.3 / 0.7)
    bars = [(bar.get_x(), bar.get_x() + bar.get_width(), bar.get_height()) for bar in above.patches]
    assert all(right <= cut + 1e-9 or left >= cut - 1e-9 for left, right, _ in bars)
    beyond = sum(height for left, _, height in bars if left >= cut - 1e-9)
    assert beyond == np.count_nonzero(outcome.probabilities >= 0.3)


def test_the_precision_drawn_is_the_one_the_threshold_was_chosen_for(trained):
    spam_filter, messages = trained[0].filter, trained[1]
    outcome = spam_report.Outcome(messages, messages, trained[0], np.zeros(len(messages), int))

    def line():
        legend = spam_pictures.precision_recall(outcome).axes[0].get_legend()
        return [text.get_text() for text in legend.get_texts() if text.get_text().startswith("precision")]

    assert line() == ["precision 95%, the aim when the threshold was chosen"]
    outcome.trained = spam_training.Trained(dataclasses.replace(spam_filter, precision=None))
    assert line() == []


def test_the_users_threshold_counts(run):
    output = run(*QUICK, "--threshold", 0.25, "--message", "hello")
    assert "network at 0.250" in output
    assert "Ham, as the threshold is 0.250" in output or "Spam, as the threshold is 0.250" in output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--lr", "0"), "'0' is not a number above 0"),
        (("--threshold", "1.5"), "'1.5' is not between 0 and 1"),
        (("--precision", "x"), "'x' is not a number"),
        (("--epochs", "0"), "'0' is not a whole number from 1 up"),
        (("--features", "letters"), "invalid choice: 'letters'"),
        (("--fifth", "5"), "invalid choice: 5"),
        (
            ("--load", "f", "--features", "tfidf"),
            "--features: without effect with --load, which takes a filter as it is",
        ),
        (("--load", "f", "--hidden", "--seed", "0"), "--hidden, --seed: without effect with --load"),
        (("--load", "f", "--message", "hello"), "--data, --out: without effect with --load and --message"),
        (("--threshold", "0.5", "--precision", "0.9"), "--precision: without effect with --threshold"),
    ],
)
def test_wrong_options_are_refused(run, capsys, options, message):
    with pytest.raises(SystemExit):
        run(*options)
    assert message in capsys.readouterr().err


def test_what_is_no_filter_is_refused(run, tmp_path):
    with pytest.raises(SystemExit, match=r"11_spam.py: there is no file .*nowhere"):
        run("--load", tmp_path / "nowhere")
    (tmp_path / "junk").write_bytes(b"junk")
    with pytest.raises(SystemExit, match="junk is not a safetensors file"):
        run("--load", tmp_path / "junk")
    nn.weights.save_file({"a": tl.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(SystemExit, match=r"is not a spam filter saved by 11_spam.py: 'vocabulary' is missing"):
        run("--load", tmp_path / "other.safetensors")


def test_without_the_extras_there_is_less_but_no_failure(run, monkeypatch, tmp_path):
    monkeypatch.setattr(program, "find_spec", lambda package: None)
    for package in ("rich", "rich.console", "rich.table", "rich.text", "matplotlib"):
        monkeypatch.setitem(sys.modules, package, None)
    output = run(*QUICK, "--message", "claim [it]", draw=True)
    assert 'Without rich, matplotlib, safetensors: less to see, or to keep; pip install ".[examples]"' in output
    assert re.search(r"^everything is ham +7\d\.\d% +- +0\.000", output, re.MULTILINE)
    assert "claim [it]" in output
    assert list((tmp_path / "out").iterdir()) == []


def press_at(monkeypatch, step, times):
    """Ctrl-C in the middle of a step of the optimiser, once or more often."""
    steps, plain = [], nn.optim.Adam.step

    def watched(self):
        steps.append(0)
        if len(steps) == step:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
        plain(self)

    monkeypatch.setattr(nn.optim.Adam, "step", watched)
    return steps


@pytest.mark.parametrize("step", [1, 70, 275, 320])  # in the first part, the second, the filter itself, its twin
def test_ctrl_c_keeps_what_was_learnt(run, tmp_path, monkeypatch, step):
    out = tmp_path / "out"
    out.mkdir()
    (out / "filter.safetensors").write_bytes(b"of an earlier run")
    steps = press_at(monkeypatch, step, times=1)
    drawn = step == 1  # after the least that can be learnt
    output = run("--hidden", 8, "--epochs", 9, "--lr", 0.001, draw=drawn)
    assert len(steps) == step
    assert "Ended by Ctrl-C; what was learnt so far is kept." in output
    assert "its twin" not in output
    assert ("Training the filter itself" in output) == (step >= 275)
    assert ("Training a twin" in output) == (step >= 320)
    finished = step >= 320
    assert ("The filter is unfinished, so it is kept apart" in output) != finished
    for name in ["filter.safetensors", *(PICTURES if drawn else [])]:
        assert (out / ("" if finished else "unfinished") / name).exists()
    assert ((out / "filter.safetensors").read_bytes() != b"of an earlier run") == finished


def test_ctrl_c_pressed_again_aborts(run, tmp_path, monkeypatch):
    press_at(monkeypatch, 20, times=2)
    with pytest.raises(SystemExit, match="aborted; nothing was saved"):
        run()
    assert list((tmp_path / "out").iterdir()) == []


def test_as_from_a_shell(small, tmp_path):
    """Also where the console has few signs."""
    done = run_apart("11_spam", "--data", small, "--lr", 0.02, "--message", "鈥 £5", cwd=tmp_path, encoding="ascii")
    assert done.returncode == 0, done.stderr
    assert "? ?5" in done.stdout
    assert (tmp_path / "out" / "spam" / "words.png").exists()


# --- the collection itself ----------------------------------------------------------------------------------


@pytest.mark.skipif(not COLLECTION.exists(), reason="the SMS Spam Collection is not here")
def test_the_collection_reaches_the_goal(run):
    assert hashlib.sha256(COLLECTION.read_bytes()).hexdigest() == sms.SHA256
    output = run(data=COLLECTION)
    assert "5,574 of them" in output
    assert "403 messages repeat another to the letter" in output
    accuracy, precision, recall = re.findall(r"network at [\d.]+ +([\d.]+)% +([\d.]+) +([\d.]+)", output)[-1]
    assert float(accuracy) >= 98.5
    assert float(precision) >= 0.97
    assert float(recall) >= 0.92
