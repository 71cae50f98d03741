"""Tokens: the sentence in three ways, how pieces are learnt, sizes, pictures, a text or a tokenizer of one's own."""

import re
import sys
from collections import Counter
from itertools import pairwise

import pytest

from programs import help_of, load, refusal_of, running
from transformer import BPETokenizer, CharTokenizer
from transformer.tokenizer import bpe

program = load("05_tokenize")
PICTURES = {"pieces.png", "merges.png", "vocabulary.png"}


run = running(program)


@pytest.fixture
def undrawn(run, monkeypatch):
    """run, but without the time that pictures take."""
    monkeypatch.setattr(program, "save", lambda figure, path: None)
    for name in ("draw_pieces", "draw_merges", "draw_vocabulary"):
        monkeypatch.setattr(program, name, lambda *given: None)
    return run


@pytest.fixture(scope="module")
def story():
    return program.read_text(None)


def after(text, start):
    """The lines that follow a line with `start` in it."""
    lines = text.split("\n")
    return lines[next(i for i, line in enumerate(lines) if start in line) + 1 :]


def test_as_in_the_lecture_with_its_pictures(run, tmp_path):
    text = run()
    assert after(text, "21 characters, of 44")[0].split() == list("Was·the·bank·flooded?")
    assert after(text, "5 words, of")[0].split() == ["Was", "the", "bank", "flooded", "?"]
    assert after(text, "7 pieces, of 600")[0].split() == ["W", "a", "s", "·the", "·bank", "·flooded", "?"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == PICTURES
    for picture in PICTURES:
        assert str(tmp_path / "out" / picture) in text
        assert (tmp_path / "out" / picture).read_bytes().startswith(b"\x89PNG")
    text.encode("cp1252")  # what a Windows console may have


def test_wikipedias_example_is_told_step_by_step(undrawn):
    lines = [" ".join(line.split()) for line in after(undrawn(), "From aaabdaaabac")[1:5]]
    assert lines == [
        "a a a b d a a a b a c a a comes 4 times",
        "aa a b d aa a b a c a b comes 2 times",
        "aa ab d aa ab a c aa ab comes 2 times",
        "aaab d aaab a c no pair comes twice",
    ]


def test_ids_stand_below_their_tokens(undrawn, story):
    t = BPETokenizer.train(story.learnt, 300, [program.END])
    lines = after(undrawn("--vocab-size", 300, "--sentence", "The river rose."), "pieces, of 300")
    assert lines[0].split() == [program.visible(token) for token in t.tokens("The river rose.")]
    assert [int(id) for id in lines[1].split()] == t.encode("The river rose.")


def test_long_sentences_have_several_rows():
    rows = list(program.rows(["word"] * 50, range(50), width=20))
    assert [pair for row in rows for pair in row] == [("word", id) for id in range(50)]
    assert {len(row) for row in rows} == {4, 2}


CHINESE = "银行 被淹了吗 🙂? e\u0301\n$x_1$"


def test_wide_characters_stand_above_their_ids(undrawn):
    tokens, ids = after(undrawn("--sentence", CHINESE), "characters, of")[:2]
    assert tokens.split() == [program.visible(c) for c in CHINESE]
    assert program.columns(tokens) == len(ids)


def test_both_tables_count_the_same_characters(undrawn):
    text = undrawn("--sentence", CHINESE)
    (many,) = re.findall(r"characters, of (\d+)", text)
    assert re.search(rf"  characters +{many} ", text)


def test_controls_in_the_sentence_are_no_commands_to_the_terminal(undrawn):
    text = undrawn("--sentence", "the \x1b[2Jbank")
    assert "\x1b" not in text
    assert '"the ␛[2Jbank"' in text


def test_one_of_something_is_no_plural(undrawn):
    assert "\n  1 word, of " in undrawn("--sentence", "bank")


@pytest.mark.parametrize(
    "sentence",
    [CHINESE, "Was the bank flooded?", "<mmmmm WWWWW> " * 9, "银" * 60],
    ids=["Chinese", "lecture", "wide", "long"],
)
def test_tokens_and_ids_do_not_lie_on_each_other(story, sentence):
    t = BPETokenizer.train(story.learnt, 300)
    figure = program.draw_pieces(sentence, program.three_ways(story, sentence, t))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    ids = [text for text in axes.texts if text.get_fontsize() == 8.5]
    for one, other in pairwise(ids):
        if one.get_position()[1] == other.get_position()[1]:
            assert one.get_window_extent().x1 < other.get_window_extent().x0
    texts = [text for text in axes.texts if text.get_fontsize() == 13]
    assert len(texts) == len(ids) == len(axes.patches)
    for text, patch in zip(texts, axes.patches, strict=True):
        inside, outside = text.get_window_extent(), patch.get_window_extent()
        assert outside.x0 <= inside.x0
        assert inside.x1 <= outside.x1
    title = figure._suptitle.get_window_extent()
    assert 0 <= title.x0
    assert title.x1 <= figure.bbox.x1


def test_long_tokens_are_shortened(undrawn, tmp_path):
    own = tmp_path / "own.txt"
    own.write_text("a" * 6_000, encoding="utf-8")
    text = undrawn("--text", own, "--sentence", "a" * 3000)
    assert max(map(len, text.splitlines()[1:])) < 200  # all but the sentence itself
    assert re.search(r" a{12}…\(2,048\) ", text)
    assert "Of 1 word in the rest, 1 is unknown." in text
    assert "too long to be shown merge by merge" in text


def test_why_there_are_fewer_tokens_than_were_asked_for_is_said(undrawn):
    text = undrawn("--vocab-size", 2000)
    assert "Of 2,000 tokens 612 are learnt; then no pair of neighbours comes twice in a word." in text
    assert "With 611 tokens all is learnt" in text
    assert "are learnt; then" not in undrawn()


def test_with_the_first_merges_only_it_is_what_it_was_when_it_had_learnt_so_many(story):
    t = BPETokenizer.train(story.learnt, 400)
    early = BPETokenizer.train(story.learnt, 300)
    assert program.limited(t, 44).encode(story.rest) == early.encode(story.rest)


def test_counts_of_pairs_fall_as_they_are_learnt(story):
    t = BPETokenizer.train(story.learnt, 300)
    often = Counter(bpe.words(story.learnt))
    counts = [program.pair_count(t, n, often) for n in range(20)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == story.learnt.count("he")


def test_larger_vocabularies_make_shorter_sequences(undrawn, story):
    found = program.sizes(story, BPETokenizer.train(story.learnt, 600))
    assert (found[0].size, found[0].learnt) == (256, len(story.learnt.encode()))
    assert found[-1].size == 600
    assert [size.learnt for size in found] == sorted({size.learnt for size in found}, reverse=True)
    ways = program.three_ways(story, program.SENTENCE, BPETokenizer.train(story.learnt, 300))
    characters, words = program.whole_tokens(story, ways)
    assert (characters.learnt, characters.unknown) == (len(story.learnt), 0)
    assert 0 < words.unknown < words.rest < found[-1].rest
    text = undrawn()
    assert re.search(rf"words +{words.size} +{words.learnt:,} .* {words.rest} +{words.unknown}\n", text)
    assert f"Of {words.rest} words in the rest, {words.unknown} are unknown." in text


def test_rare_words_and_emoji_are_cut_to_pieces(undrawn):
    text = undrawn()
    assert re.search(r"bank +5 bytes +1 token +·bank\n", text)
    assert re.search(r"U\+1F642, slightly smiling face +5 bytes +5 tokens +·\|\\xf0\|\\x9f\|\\x99\|\\x82\n", text)


def test_what_a_user_types_ends_no_document(undrawn):
    text = undrawn("--vocab-size", 600)
    plain, allowed = re.findall(r'encode\("bank<\|endoftext\|>".*?\) +\[(.*)\]', text)
    assert "599" not in plain.split(", ")
    assert allowed.split(", ")[-1] == "599"


# --- of one's own ------------------------------------------------------------------------------------------------


def test_a_text_of_ones_own_with_emoji_and_formulas(run, tmp_path):
    own = tmp_path / "own.txt"
    own.write_text("Ein Fluß, ein Ufer, $x_1$ 🙂🙂 你好! " * 20, encoding="utf-8")
    text = run("--text", own, "--sentence", "Ein $x_1$ 🙂 你好 naïve\t" + "lang " * 20)
    assert "nine tenths of own.txt" in text.lower()
    assert "'naïve'" not in text
    assert {path.name for path in (tmp_path / "out").iterdir()} == PICTURES


def test_a_text_that_teaches_nothing_is_still_cut(run, tmp_path):
    own = tmp_path / "own.txt"
    own.write_text("".join(chr(0x4E00 + 64 * i + i % 64) + " " for i in range(150)), encoding="utf-8")
    assert "pieces" in run("--text", own)


def test_words_too_long_to_be_drawn_are_told(run, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "merges.png").touch()
    text = run("--sentence", "x" * 40)
    assert "merges.png is left out" in text
    assert "merges.png is from an earlier run" in text
    assert {path.name for path in out.iterdir() if path.stat().st_size} == PICTURES - {"merges.png"}


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_pieces_may_be_given(undrawn, tmp_path, story, kind):
    t = BPETokenizer.train(story.learnt, 310, [program.END])
    path = tmp_path if kind == "folder" else tmp_path / "t.json"
    (t.to_files if kind == "folder" else t.save)(path)
    text = undrawn("--tokenizer", path)
    assert "pieces, of 310" in text
    assert "The first merges given" in text


def test_without_the_special_token_nothing_is_told_of_it(undrawn, tmp_path, story):
    BPETokenizer.train(story.learnt, 310).save(tmp_path / "t.json")
    assert program.END not in undrawn("--tokenizer", tmp_path / "t.json")


def test_a_merge_of_bytes_is_drawn_as_the_character_that_it_makes():
    t = BPETokenizer.train("ïve ïve ïve", 270)
    figure = program.draw_merges("ïve", t)
    drawn = {text.get_text() for text in figure.axes[0].texts}
    assert {"\\xc3", "\\xaf", "v", "e", "ïve"} <= drawn
    assert len(figure.axes[0].lines) == len(t.explain("ïve")[0].merges) == 3


def test_of_words_those_with_the_most_merges_are_drawn_in_order(story):
    t = BPETokenizer.train(story.learnt, 600)
    chosen = program.that_fit(t.explain("Was the bank flooded? the bank " + "x" * 60))
    assert [word.text for word in chosen] == ["Was", " the", " bank", " flooded", "?"]


# --- what is wrong --------------------------------------------------------------------------------------------------


def test_files_that_will_not_do_are_named(undrawn, tmp_path):
    short, latin, characters = tmp_path / "short.txt", tmp_path / "latin.txt", tmp_path / "characters.json"
    short.write_text("too short", encoding="utf-8")
    latin.write_bytes("Fluß ".encode("latin-1") * 100)
    CharTokenizer("abc").save(characters)
    for arguments, message in [
        (["--text", short], r"short\.txt has 9 characters; to learn from it, it should have 200 at least"),
        (["--text", latin], r"latin\.txt is not UTF-8 text: byte 3 is 0xdf"),
        (["--text", tmp_path / "none.txt"], r"none\.txt cannot be read"),
        (["--tokenizer", tmp_path], r"does not have vocab\.json and merges\.txt, or encoder\.json"),
        (["--tokenizer", tmp_path / "none"], "there is no file .*none"),
        (["--tokenizer", characters], r"characters\.json holds a CharTokenizer, not a BPETokenizer"),
        (["--sentence", " "], "the sentence has no words"),
        (["--sentence", "\ud800"], "lone surrogate"),
    ]:
        with pytest.raises(SystemExit, match=rf"05_tokenize\.py: .*{message}"):
            undrawn(*arguments)


def test_bad_options_are_refused(capsys):
    assert "--vocab-size: without effect with --tokenizer; leave it out" in refusal_of(
        program, ["--tokenizer", "t.json", "--vocab-size", "600"], capsys
    )
    assert "'256' is not a whole number from 257 up" in refusal_of(program, ["--vocab-size", "256"], capsys)


def test_help_says_what_it_shows(capsys):
    text = help_of(program, capsys)
    for word in ("characters", "words", "pieces", "vocabulary.png", "--tokenizer", "--text", "out/tokenize"):
        assert word in text


def test_ctrl_c_ends_in_a_line(undrawn, monkeypatch):
    def interrupt(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "draw_vocabulary", interrupt)
    with pytest.raises(SystemExit, match=r"05_tokenize\.py: aborted"):
        undrawn()


@pytest.mark.parametrize(("module", "extra"), [("matplotlib.figure", "examples"), ("regex", "text")])
def test_without_a_package_it_says_what_to_install(run, monkeypatch, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    bpe._words.cache_clear()
    try:
        with pytest.raises(SystemExit, match=rf'pip install "\.\[{extra}\]"'):
            run()
    finally:
        bpe._words.cache_clear()


def test_sizes_of_large_vocabularies_do_not_run_together(story):
    pieces = [program.Size("pieces", size, 1_000_000 // size, 0) for size in (256, 1000, 60_000)]
    others = program.Size("characters", 40, 9000, 0), program.Size("words", 400_000, 800, 0)
    ways = program.three_ways(story, program.SENTENCE, BPETokenizer.train(story.learnt, 300))
    figure = program.draw_vocabulary(story, ways, pieces, others)
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert len(boxes) >= 3
    assert not any(one.x1 + 5 > other.x0 for one, other in pairwise(boxes))
