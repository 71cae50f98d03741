"""Patching: the corrupted text with points of the clean one."""

import numpy as np
import pytest

from numeric import assert_close
from small_transformers import PRETRAINED, small, some_tokens
from transformer import GPT, EncoderDecoder

CLEAN, CORRUPTED = some_tokens(5), some_tokens(5, seed=1)


def score(logits):
    return logits[-1, 2] - logits[-1, 4]


def test_the_last_blocks_residual_stream_carries_all_at_the_last_token():
    model = small(GPT, "Llama").eval()
    whole = model.patch(CLEAN, CORRUPTED, score)
    assert list(whole.points) == ["blocks.0", "blocks.1"] and whole.scores.shape == (2, 1)
    assert_close(whole.scores, np.full((2, 1), whole.clean), "patched whole", 1e-12)
    by_token = model.patch(CLEAN, CORRUPTED, score, each="token")
    wanted = [*[whole.corrupted] * 4, whole.clean]
    assert_close(by_token.scores[1], np.array(wanted), "the last block by token", 1e-12)
    assert abs(by_token.scores[0, 0] - whole.corrupted) > 1e-6


def test_a_head_is_patched_alone():
    model = small(GPT, "GPT-2").eval()
    patched = model.patch(CLEAN, CORRUPTED, score, "blocks.*.attention.heads", each="head")
    assert patched.scores.shape == (2, 2)
    clean = model.trace(CLEAN)["blocks.1.attention.heads"]

    def second(x):
        x[1] = clean[1]
        return x

    with model.edit({"blocks.1.attention.heads": second}):
        assert_close(patched.scores[1, 1], score(model.trace(CORRUPTED)["logits"]), "head 1 of block 1", 1e-12)


def test_an_encoder_decoder_is_patched_with_pairs():
    model = small(EncoderDecoder, "2017").eval()
    patched = model.patch((CLEAN, [1, 2]), (CORRUPTED, [1, 2]), score, ["encoder.1", "decoder.*.cross"])
    assert_close(patched.scores[0, 0], patched.clean, "all that the source says", 1e-12)
    assert patched.points == ["encoder.1", "decoder.0.cross", "decoder.1.cross"]
    assert model.patch((CLEAN, [1, 2]), (CORRUPTED, [1, 2]), score).points == ["decoder.0", "decoder.1"]


@pytest.mark.parametrize("each", [None, "token", "head"])
def test_a_table_and_a_picture(each, tmp_path):
    points = "blocks.*.attention.heads" if each == "head" else "blocks.*"
    patched = small(GPT, "GPT-2").eval().patch(CLEAN, CORRUPTED, score, points, each)
    rows = repr(patched).splitlines()
    assert rows[1].split()[1:] == [f"{x:.2f}" for x in patched.scores[0]]
    assert rows[-1] == f"clean {patched.clean:.2f}, corrupted {patched.corrupted:.2f}"
    pytest.importorskip("matplotlib")
    patched.draw(tmp_path / "patch.png")
    assert (tmp_path / "patch.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="labels do not fit"):
        patched.draw(tmp_path / "no.png", ["a"] * 9)
    assert not (tmp_path / "no.png").exists()


@pytest.mark.parametrize(
    ("texts", "settings", "error", "message"),
    [
        ((CLEAN, CORRUPTED[:3]), {}, ValueError, r'as many tokens, but "blocks.0" is \(5, 4\)'),
        ((CLEAN[None], CORRUPTED[None]), {}, ValueError, r"one clean and one corrupted text, got tokens \(1, 5\)"),
        ((CLEAN, CORRUPTED), {"each": "head"}, ValueError, '"blocks.0" of shape .5, 4. has no heads'),
        ((CLEAN, CORRUPTED), {"points": "blocks.*.head"}, KeyError, "no point"),
        ((CLEAN, CORRUPTED), {"points": []}, ValueError, "needs a point"),
        ((CLEAN, CORRUPTED), {"each": "tokens"}, ValueError, 'each must be "token", "head" or None, got .tokens'),
    ],
)
def test_what_is_refused(texts, settings, error, message):
    with pytest.raises(error, match=message):
        small(GPT, "GPT-2").patch(*texts, score, **settings)


def test_points_with_different_numbers_of_heads_are_told_before_the_first_run():
    with pytest.raises(ValueError, match="different numbers of heads"):
        small(GPT, "Llama").patch(
            CLEAN, CORRUPTED, score, ["blocks.0.attention.queries", "blocks.0.attention.keys"], "head"
        )


def test_a_score_that_is_no_number_and_a_model_without_logits_are_refused():
    with pytest.raises(ValueError, match="score must return one number"):
        small(GPT, "GPT-2").patch(CLEAN, CORRUPTED, lambda logits: logits[-1])
    with pytest.raises(ValueError, match="a model with logits"):
        PRETRAINED["BERT without head and pooler"]().patch(CLEAN, CORRUPTED, score)
