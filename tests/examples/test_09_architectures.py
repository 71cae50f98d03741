"""Who sees whom in the three architectures, and what each learns."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from helpers import architectures, dates, sentences
from helpers.program import DataError
from programs import numbers_after
from transformer import Encoder, EncoderConfig


@pytest.fixture(scope="module")
def text(run_once):
    return run_once("09_architectures", "--next-steps", "2", "--hidden-steps", "2", "--date-steps", "2")[0]


def grid(text, heading):
    """The rows of # and . under a heading."""
    lines = text[text.index(heading) :].split("\n")[1:]
    rows = [line.split()[1:] for line in lines[: lines.index("")]]
    return np.array([[sign == "#" for sign in row] for row in rows])


def test_a_decoder_sees_previous_tokens_only_an_encoder_all(text):
    assert (grid(text, "decoder-only:") == np.tri(9, dtype=bool)).all()
    assert grid(text, "encoder-only:").all()


def test_an_encoder_decoder_sees_all_of_the_source_and_the_previous_of_the_target(text):
    assert grid(text, "encoder-decoder, source:").all()
    assert (grid(text, "encoder-decoder, target:") == np.tri(6, dtype=bool)).all()


def test_reading_at_once_and_token_by_token_give_the_same_scores(text):
    assert numbers_after(text, "scores after the last token are the same, to ")[0] < 1e-4


def test_hidden_words_are_the_targets_and_start_and_padding_are_not_hidden():
    made = sentences.make(50, seed=0, test=10)
    inputs, targets, there = made.hide(made.learn, seed=0)
    asked = targets != -100
    assert (targets[asked] == made.learn[asked]).all()
    assert (inputs[~asked] == made.learn[~asked]).all()
    assert not asked[:, 0].any()
    assert not (asked & ~there).any()


def test_the_encoder_writes_by_filling_a_mask_at_the_end():
    tl.manual_seed(0)
    made = sentences.make(50, seed=0, test=10)
    config = EncoderConfig(vocab_size=made.words.vocab_size, context=10, layers=1, heads=1, width=8)
    texts = sentences.fill_at_the_end(Encoder(config), made, 3, seed=0)
    assert [len(made.words.encode(text, allowed_special="all")) for text in texts] == [8, 8, 8]


def test_dates_and_their_iso_format():
    written, iso = dates.examples(200, seed=0)
    assert all(text[3] == "9" for text in iso)  # the years kept for the test
    months = {name: f"{i + 1:02}" for i, name in enumerate(dates.MONTHS)}
    for text, translated in zip(written, iso, strict=True):
        year, month, day = translated.split("-")
        assert year in text
        assert str(int(day)) in text
        assert text[0].isdigit() or months[next(m for m in months if m.startswith(text[:3]))] == month
        assert dates.iso_of(text) == translated
    assert dates.iso_of("4 May") is None
    assert dates.iso_of("February 30, 1999") is None
    assert dates.iso_of("May 4, 977") == "0977-05-04"
    assert dates.decode(dates.target("1977-05-04")) == "1977-05-04"


def test_a_wrong_translation_is_said_to_be_wrong(capsys):
    wrote, iso = ["4 May 1979", "5. 6. 1989"], ["1979-05-04", "1989-06-05"]
    architectures.translated(wrote, iso, ["1979-05-04", "1989-05-06"], "May 4, 1789", "1780-05-04", "1789-05-04")
    lines = capsys.readouterr().out.split("\n")
    assert lines[0].endswith("-> 1979-05-04   right")
    assert lines[1].endswith("-> 1989-05-06   wrong, it is 1989-06-05")
    assert lines[2].endswith("-> 1780-05-04   wrong, it is 1789-05-04")
    assert "50% are right" in lines[3]
    architectures.translated(wrote, iso, iso, "February 30, 1999", "1999-02-30", dates.iso_of("February 30, 1999"))
    assert "1999-02-30   no such day" in capsys.readouterr().out


def test_what_is_no_date_is_refused():
    with pytest.raises(DataError, match="May 4, 1977"):
        dates.encode("4/5/77")
