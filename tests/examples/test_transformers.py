"""Transformers: 08 to 10 and 16."""

import math
import re
from itertools import islice

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from helpers import inside, training
from helpers.claims import Measured
from helpers.program import DataError
from programs import contents, load, numbers_after, output_of
from show import architectures, gpt
from show.gpt2 import load as load_folder
from transformer import GPT, BPETokenizer, GPTConfig

# --- 08 gpt -----------------------------------------------------------------------------------------------------------

p08 = load("08_gpt")

TEXT = "the cat sat on the mat. the dog sat on the log.\n" * 30
SMALL = {"layers": 1, "heads": 2, "width": 16, "context": 8, "steps": 60, "batch_size": 8, "lr": 0.01, "tokens": 20,
         "prompt": "the "}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpt")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    return folder


def run(folder, out="out", **settings):
    (folder / out).mkdir(exist_ok=True)
    return output_of(p08, **{**SMALL, "text": str(folder / "text.txt"), "out": folder / out, **settings})


@pytest.fixture(scope="module")
def text_08(folder):
    return run(folder)


def written(text):
    return text[text.index("One prediction") : text.index("Pictures:")]


def test_the_trainer_has_the_losses_of_the_loop_by_hand(text_08):
    by_hand, trainer = (numbers_after(text_08, f"  {name} first losses") for name in ("by hand ", "Trainer "))
    assert len(by_hand) == 5
    assert by_hand == trainer
    assert "largest difference 0. " in text_08


def test_it_learns_more_than_a_guess_knows(text_08):
    guess = numbers_after(text_08, "a guess among all tokens")[0]
    assert guess == pytest.approx(math.log(len(set(TEXT))), abs=1e-3)
    assert numbers_after(text_08, "\nTest loss")[0] < guess / 2


def test_a_kept_run_is_not_overwritten_unless_told(folder, text_08):
    with pytest.raises(ValueError, match="holds a run that is finished: --resume continues it, --again replaces it"):
        run(folder)


def test_a_finished_run_that_is_resumed_writes_the_same(folder, text_08):
    assert written(run(folder, resume=True)) == written(text_08)


def test_a_run_with_other_settings_is_not_resumed(folder, text_08):
    before = contents(folder / "out")
    with pytest.raises(ValueError, match="--lr"):
        run(folder, resume=True, lr=0.02)
    assert contents(folder / "out") == before


def test_a_loaded_model_writes_what_it_wrote_after_the_training(folder, text_08):
    assert written(run(folder, load=folder / "out")) == written(text_08)


def test_after_its_last_block_the_lens_has_the_models_loss(folder, text_08):
    lens = numbers_after(text_08, "if the model stopped after block 1:")[0]
    assert lens == pytest.approx(numbers_after(text_08, "\nTest loss")[0], abs=0.02)


def test_a_prompt_that_the_text_cannot_spell_is_refused_before_the_training(folder):
    with pytest.raises(ValueError, match="cannot read this prompt"):
        run(folder, prompt="§", out="other")
    assert not (folder / "other" / "last.safetensors").exists()


def test_it_says_which_step_the_text_comes_from(capsys):
    history = nn.History()
    for step, loss in ((10, 2.0), (20, 1.0), (30, 1.5)):
        history.add(nn.HistoryRow(step, 1.0, nn.Scores(loss), nn.Scores(loss), 0.1, 1.0))
    gpt.trained(history)
    said = capsys.readouterr().out
    assert "the weights after 20 steps, the best on the test text; the curves go on to step 30" in said


def test_a_head_that_looks_at_the_token_before_is_found_out():
    before = np.eye(5, k=-1)
    before[0, 0] = 1
    found = inside.behaviours(before, [7, 8, 7, 9, 8])
    assert max(found, key=found.get) == "the token before"
    assert found["the token before"] == 1


# --- 09 architectures -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def text_09(run_once):
    return run_once("09_architectures", "--next-steps", "2", "--hidden-steps", "2", "--date-steps", "2")[0]


def test_a_decoder_sees_previous_tokens_only_an_encoder_all(text_09):
    assert dict(re.findall(r"\n  (\S.*): (all tokens|only previous tokens|some tokens) \(", text_09)) == {
        "decoder-only": "only previous tokens",
        "encoder-only": "all tokens",
        "encoder-decoder, source": "all tokens",
        "encoder-decoder, target": "only previous tokens",
    }
    assert architectures.what_is_seen(np.eye(3, dtype=bool)) == "some tokens"


def test_reading_at_once_and_token_by_token_give_the_same_scores(text_09):
    assert numbers_after(text_09, "scores after the last token differ by ")[0] < 1e-4


def test_hidden_words_are_the_targets_and_start_and_padding_are_not_hidden():
    made = architectures.make(50, seed=0, test=10)
    inputs, targets, there = made.hide(made.learn, seed=0)
    asked = targets != -100
    assert (targets[asked] == made.learn[asked]).all()
    assert (inputs[~asked] == made.learn[~asked]).all()
    assert not asked[:, 0].any()
    assert not (asked & ~there).any()


def test_dates_and_their_iso_format():
    written, iso = architectures.date_examples(200, seed=0)
    assert all(text[3] == "9" for text in iso)  # the years kept for the test
    months = {name: f"{i + 1:02}" for i, name in enumerate(architectures.MONTHS)}
    for text, translated in zip(written, iso, strict=True):
        year, month, day = translated.split("-")
        assert year in text
        assert str(int(day)) in text
        assert text[0].isdigit() or months[next(m for m in months if m.startswith(text[:3]))] == month
        assert architectures.iso_of(text) == translated
    assert architectures.iso_of("4 May") is None
    assert architectures.iso_of("February 30, 1999") is None
    assert architectures.iso_of("May 4, 977") is None
    assert architectures.decode_date(architectures.date_target("1977-05-04")) == "1977-05-04"


def test_a_wrong_translation_is_said_to_be_wrong(capsys):
    wrote, iso = ["4 May 1979", "5. 6. 1989"], ["1979-05-04", "1989-06-05"]
    m = Measured(dates=wrote, iso=iso, said=["1979-05-04", "1989-05-06"], translated=0.5, mine="1780-05-04")
    architectures.translated(m, "May 4, 1789", "1789-05-04")
    lines = capsys.readouterr().out.split("\n")
    assert lines[0].endswith("-> 1979-05-04   right")
    assert lines[1].endswith("-> 1989-05-06   wrong, it is 1989-06-05")
    assert lines[2].endswith("-> 1780-05-04   wrong, it is 1789-05-04")
    architectures.translated(m, "February 30, 1999", architectures.iso_of("February 30, 1999"))
    assert "1780-05-04   no such day" in capsys.readouterr().out


# --- 10 gpt2 ----------------------------------------------------------------------------------------------------------

p10 = load("10_gpt2")


def test_it_trains_a_small_model_once_and_keeps_it(run_once):
    text, out = run_once("10_gpt2", "--steps", "4", "--tokens", "5")
    assert "a small one is trained" in text
    again = output_of(p10, out=out, steps=4, tokens=5)
    assert "a small one is trained" not in again
    assert "an earlier run trained and kept in" in again
    assert text[text.index("The prompt as") :].startswith(again[again.index("The prompt as") :])
    assert sum(path.stat().st_size for path in (out / "model").iterdir()) < 2_000_000


def test_a_half_trained_model_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "until_ctrl_c", lambda items: islice(items, 2))  # Ctrl-C in the second step
    text = output_of(p10, out=tmp_path, steps=4, tokens=1)
    assert "This half-trained model is used now, and not kept" in text
    assert not (tmp_path / "model").exists()


def test_a_folder_of_ones_own_is_read(tmp_path):
    tokenizer = BPETokenizer.train("the weather today is fine. " * 20, 270)
    model = GPT(GPTConfig(vocab_size=tokenizer.vocab_size, context=32, layers=1, heads=2, width=8))
    model.save_pretrained(tmp_path)
    tokenizer.to_files(tmp_path)
    assert load_folder(tmp_path)[0].config == model.config
    model = GPT(GPTConfig(vocab_size=100, context=32, layers=1, heads=2, width=8))
    model.save_pretrained(tmp_path)
    tokenizer.to_files(tmp_path)
    with pytest.raises(DataError, match="do not belong together"):
        load_folder(tmp_path)
    with pytest.raises(DataError, match="there is no folder"):
        load_folder(tmp_path / "none")


# --- 16 order and memory ----------------------------------------------------------------------------------------------

p16 = load("16_order_and_memory")


def test_convolutions_see_six_words_back_and_no_further():
    slopes = p16.slopes(p16.KINDS["convolution"](p16.WIDTH), 10)
    assert (slopes[:7] > 0).all()
    assert (slopes[7:] == 0).all()


def test_the_rnn_is_pytorchs():
    tl.manual_seed(0)
    ours = p16.RNN(32)
    theirs = p16.nn.RNN(32, 32, batch_first=True)
    values = {"weight_ih_l0": ours.W.weight, "bias_ih_l0": ours.W.bias, "weight_hh_l0": ours.U.weight}
    theirs.load_state_dict({**values, "bias_hh_l0": tl.zeros(32)})
    x = tl.randn(2, 5, 32)
    np.testing.assert_allclose(ours(x).detach().numpy(), theirs(x)[0][:, -1].detach().numpy(), atol=1e-5)
