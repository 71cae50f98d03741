"""A small GPT learns any text, goes on after any end, and writes."""

import math
import re
import shutil
import signal
import sys

import numpy as np
import pytest

import nn
from helpers.gpt import text as gpt_text
from helpers.lecture import DataError
from programs import contents, load, output_of, run_apart

program = load("08_gpt")

TEXT = "the cat sat on the mat. the dog sat on the log.\n" * 30
TURNED = TEXT[::-1]  # another text of the same length, with the same characters
NAMES = "\n".join(a + b for a in ("an", "el", "ma", "ro", "ka", "ti") for b in ("na", "la", "ri", "mo", "s"))
SMALL_LINES = ["--layers", 1, "--heads", 2, "--width", 16, "--steps", 16, "--batch-size", 4, "--tokens", 20]
SMALL = [*SMALL_LINES, "--context", 8]


@pytest.fixture
def files(tmp_path):
    for name, text in {"text.txt": TEXT, "turned.txt": TURNED, "names.txt": NAMES}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(files, capsys):
    """run("--steps", 5) learns the small text with a small network and returns what was printed."""

    def call(*arguments, text="text.txt", small=SMALL):
        given = [] if text is None else ["--text", files / text]
        program.main([*map(str, [*small, *given, "--out", files / "out", *arguments])])
        return capsys.readouterr().out

    return call


@pytest.fixture
def brief(run, monkeypatch):
    """run, but without the time that samples and pictures take."""
    be_brief(monkeypatch)
    return run


def be_brief(monkeypatch):
    for name in ("show_sample", "look_inside", "draw_curves"):
        monkeypatch.setattr(program.report, name, lambda *given: None)


def learnt(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("learnt")
    (folder / "text.txt").write_text(text, encoding="utf-8")
    return folder / "out", output_of(program, *SMALL, "--text", folder / "text.txt", "--out", folder / "out")


@pytest.fixture(scope="module")
def learnt_once(tmp_path_factory):
    """A finished run of the small text: its folder, and what it printed."""
    return learnt(tmp_path_factory, TEXT)


@pytest.fixture(scope="module")
def learnt_turned(tmp_path_factory):
    """The same of the turned text, without pictures."""
    with pytest.MonkeyPatch.context() as patch:
        be_brief(patch)
        return learnt(tmp_path_factory, TURNED)


@pytest.fixture
def finished(learnt_once, files):
    """A copy of the finished run in the folder "out"; what it printed."""
    folder, output = learnt_once
    shutil.copytree(folder, files / "out")
    return output


def number(pattern, text):
    return float(re.search(pattern, text).group(1).replace(",", ""))


def test_it_learns_and_says_so(run, files):
    output = run("--steps", 120, "--lr", 0.01)
    size = len(set(TEXT))
    assert f"CharTokenizer({size} tokens)" in output
    guess = number(rf"a guess among {size}, ln {size} +([\d.]+)", output)
    assert guess == pytest.approx(math.log(size), abs=1e-3)
    assert number(r"the network before learning +([\d.]+)", output) == pytest.approx(guess, abs=0.2)
    counted = number(r"counting what follows what +([\d.]+)", output)
    assert number(r"Test loss ([\d.]+) per token", output) < counted < guess
    assert len(re.findall(r"^  after +\d+ steps: ", output, re.MULTILINE)) == 8
    assert "It writes, at temperature 0.8:" in output
    names = {path.name for path in (files / "out").iterdir()}
    assert {"model.json", "tokenizer.json", "best.safetensors", "last.safetensors"} <= names
    assert {"curves.png", "attention.png", "lens.png"} <= names


def test_the_number_of_parameters_is_that_of_the_network(learnt_once):
    folder, output = learnt_once
    weights = nn.weights.load_file(folder / "best.safetensors")
    weights.pop("unembedding.W_U.weight", None)  # tied
    assert number(r"together +([\d,]+)", output) == sum(weight.numel() for weight in weights.values())


def test_lines_are_texts_of_their_own(run, monkeypatch):
    monkeypatch.setattr(program.report, "look_inside", lambda writer, options: None)
    output = run("--lines", "--samples", 4, text="names.txt", small=SMALL_LINES)
    assert "names.txt, 30 lines" in output
    lines = output.split("It writes, at temperature 0.8:\n\n")[1].splitlines()
    assert len(lines) == 4
    assert all(line.startswith("  ") for line in lines)


def test_pieces_in_place_of_characters(brief):
    output = brief("--tokenizer", "bpe", "--vocabulary", 270)
    assert "BPETokenizer(270 tokens)" in output
    assert "Test loss" in output


def test_pieces_that_are_commands_to_a_terminal_are_shown_as_signs(run, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "helpers.gpt.writer.Writer.write", lambda *given, **settings: iter(["a\x1b[2J\x00\r", "\x7f\x9b\n\tb"])
    )
    for name in ("look_inside", "draw_curves"):
        monkeypatch.setattr(program.report, name, lambda *given: None)
    for small in (SMALL, [*SMALL_LINES, "--lines", "--samples", 1]):
        output = run("--out", tmp_path / str(len(small)), small=small)
        assert "a␛[2J␀␍␡□\n\tb" in output
        assert "steps: a␛[2J␀␍␡□⏎\tb" in output


def test_the_same_seed_writes_the_same(brief, learnt_once):
    once = written(learnt_once[1])
    assert written(brief("--seed", 0)) == once
    assert written(brief("--seed", 4, "--again")) != once


def test_what_was_learnt_writes_again(brief, files, finished):
    out = files / "out"
    again = brief("--load", out, "--prompt", "the cat", "--tokens", 5, "--temperature", 0, text=None, small=())
    assert re.search(r"^the cat.{5}$", again, re.MULTILINE | re.DOTALL)
    assert finished.split("It writes")[1].splitlines()[0] in brief("--load", out, text=None, small=())


def test_a_text_of_one_line_is_learnt_too(brief, files):
    (files / "dna.txt").write_text("GATTACAT" * 60, encoding="utf-8")
    output = brief(text="dna.txt")
    assert re.search(r"It writes, at temperature 0.8:\n\n[ACGT]+\n", output)
    assert re.search(r"\n[ACGT]+\n", brief("--load", files / "out", "--tokens", 9, text=None, small=()))


def test_what_is_loaded_draws_beside_no_other_run(run, files, finished):
    shutil.copytree(files / "out", files / "one")
    before = contents(files / "out")
    with pytest.raises(SystemExit, match="holds a run, and these are pictures of another model"):
        run("--load", files / "one", text=None, small=())
    assert contents(files / "out") == before


def test_pictures_of_what_is_loaded_come_to_lie_beside_it(files, finished, monkeypatch):
    monkeypatch.chdir(files)
    for picture in (files / "out").glob("*.png"):
        picture.unlink()
    program.main(["--load", "out", "--tokens", "5"])
    assert {path.name for path in (files / "out").glob("*.png")} == {"attention.png", "lens.png"}
    assert not (files / "out" / "gpt").exists()


def test_a_prompt_of_unknown_characters_is_refused_before_anything_is_written(run, files, finished, capsys):
    with pytest.raises(SystemExit, match=r"cannot read this prompt: .*'Ω'"):
        run("--load", files / "out", "--prompt", "the Ω", text=None, small=())
    assert "It writes" not in capsys.readouterr().out


def test_options_of_the_learning_are_refused_where_nothing_is_learnt(run, files, finished, capsys):
    for arguments, message in [
        (["--steps", 5], "--steps: without"),
        (["--resume"], "--resume: without"),
        (["--again"], "--again: without"),
        (SMALL_LINES[:-2], "--layers, --heads, --width"),
    ]:
        with pytest.raises(SystemExit, match="2"):
            run("--load", files / "out", *arguments, text=None, small=())
        error = capsys.readouterr().err
        assert message in error
        assert "effect with --load, where nothing is learnt" in error


def written(output):
    """What the network wrote at the end."""
    return output.split("It writes")[1].split("\nInside")[0]


def press(monkeypatch, step):
    """Ctrl-C in the middle of a step of the optimiser."""
    count, plain = [0], nn.optim.AdamW.step

    def watched(self):
        count[0] += 1
        if count[0] == step:
            signal.raise_signal(signal.SIGINT)
        plain(self)

    monkeypatch.setattr(nn.optim.AdamW, "step", watched)


def test_ctrl_c_keeps_what_was_learnt_and_resume_goes_on_to_the_same_weights(brief, files, monkeypatch):
    whole = brief("--out", files / "whole", "--dropout", 0.2)
    with monkeypatch.context() as patch:
        press(patch, 7)
        output = brief("--dropout", 0.2)
    assert "Ended by Ctrl-C; what was learnt so far is kept, and --resume goes on." in output
    with pytest.raises(SystemExit, match=r"holds a run that is not finished: --resume continues it"):
        brief("--dropout", 0.2)
    (files / "out" / ".curves.png-0123abcd").mkdir()  # by a kill while it was drawn
    resumed = brief("--dropout", 0.2, "--resume")
    assert not list((files / "out").glob(".*"))
    assert "Resuming after step 7" in resumed
    assert written(resumed) == written(whole)
    for name in ("best", "last"):
        one, other = (nn.weights.load_file(files / folder / f"{name}.safetensors") for folder in ("out", "whole"))
        assert {k: t.numpy().tobytes() for k, t in one.items()} == {k: t.numpy().tobytes() for k, t in other.items()}


def test_resume_with_other_options_is_refused_by_their_names(run, files, finished):
    before = contents(files / "out")
    for arguments, text, message in [
        (["--width", 32], "text.txt", "--width 16, not 32"),
        (["--steps", 60, "--lr", 0.01], "text.txt", r"--steps 16, not 60; --lr 0\.001, not 0\.01"),
        ([], "turned.txt", "--text SHA-256 [0-9a-f]{16}, not SHA-256 [0-9a-f]{16}"),
        (["--seed", 4], "text.txt", "--seed 0, not 4"),
        (["--tokenizer", "bpe"], "text.txt", "--tokenizer char, not bpe"),
        (["--batch-size", 8], "text.txt", "--batch-size 4, not 8"),
    ]:
        with pytest.raises(SystemExit, match=f"last.safetensors was saved with {message}: use the same settings"):
            run("--resume", *arguments, text=text)
        assert contents(files / "out") == before


def test_a_finished_run_is_not_written_over_without_a_word(brief, files, finished):
    before = contents(files / "out")
    with pytest.raises(SystemExit, match="a run that is finished: --resume continues it, --again replaces it"):
        brief("--seed", 4)
    assert contents(files / "out") == before
    brief("--seed", 4, "--again")
    after = contents(files / "out")
    assert after.keys() == {name for name in before if not name.endswith(".png")}
    assert after["best.safetensors"] != before["best.safetensors"]


def test_where_there_is_nothing_to_go_on_with_it_is_said(brief, files):
    assert "holds no run to resume, so a new run begins" in brief("--resume")
    (files / "out" / "last.safetensors").unlink()
    before = contents(files / "out")
    for way in ([], ["--resume"]):
        with pytest.raises(SystemExit, match=r"best\.safetensors of a run that cannot be resumed: --again"):
            brief(*way)
    assert contents(files / "out") == before


def test_a_run_in_the_place_of_one_of_the_other_program_is_alone(brief, files, finished, monkeypatch):
    arithmetic = load("12_arithmetic")
    for name in ("draw_learning", "draw_surprise", "draw_errors"):
        monkeypatch.setattr(arithmetic.pictures, name, lambda *given: None)
    for name in ("save", "draw_heads"):
        monkeypatch.setattr(arithmetic, name, lambda *given: None)
    sums = ["--steps", "2", "--width", "8", "--layers", "1", "--heads", "1", "--out", str(files / "out")]
    arithmetic.main([*sums, "--again"])
    assert contents(files / "out").keys() == {"curve.json", "best.safetensors", "last.safetensors"}
    for picture in ("learning.png", "surprise.png", "errors.png", "attention.png"):
        (files / "out" / picture).touch()
    brief("--again")
    assert contents(files / "out").keys() == {"model.json", "tokenizer.json", "best.safetensors", "last.safetensors"}


@pytest.mark.parametrize(
    "moment", ["nn.evaluate", "helpers.gpt.writer.Writer.save", "nn.Trainer.fit", "nn.Trainer.learn"]
)
def test_ctrl_c_before_the_learning_never_mixes_two_runs(brief, files, finished, learnt_turned, monkeypatch, moment):
    """In the folder of a finished run, with another text of the same length and characters: wherever it is pressed,
    --resume comes to where a run of that text in a new folder does."""
    before = contents(files / "out")

    def press(*given, **settings):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(moment, press)
        with pytest.raises(SystemExit, match="aborted"):
            brief("--again", text="turned.txt")
    if moment == "nn.evaluate":
        assert contents(files / "out") == before
        with pytest.raises(SystemExit, match="saved with --text SHA-256"):
            brief("--resume", text="turned.txt")
        return
    with pytest.raises(SystemExit, match=r"holds no trained model|cannot be read"):
        brief("--load", files / "out", text=None, small=())
    resumed = brief("--resume", text="turned.txt")
    assert "Resuming" not in resumed
    assert written(resumed) == written(learnt_turned[1])


def test_ctrl_c_ends_the_writing_and_the_pictures_are_drawn(run, files, finished, monkeypatch):
    for picture in (files / "out").glob("*.png"):
        picture.unlink()
    plain = program.Writer.write

    def pressed(self, prompt, tokens, **settings):
        for number, piece in enumerate(plain(self, prompt, tokens, **settings)):
            if tokens == 1000 and number == 30:
                signal.raise_signal(signal.SIGINT)
            yield piece

    monkeypatch.setattr(program.Writer, "write", pressed)
    output = run("--load", files / "out", "--tokens", 1000, "--out", files / "out", text=None, small=())
    text, inside = output.split("at temperature 0.8:\n\n")[1].split("\n\nInside")
    assert len(text) == 31
    assert "lens.png" in inside
    assert (files / "out" / "attention.png").exists()


@pytest.mark.parametrize(("text", "small"), [("text.txt", SMALL), ("few.txt", [*SMALL_LINES, "--lines"])])
def test_a_batch_has_no_more_than_there_is_to_learn_from(brief, files, text, small):
    (files / "few.txt").write_text("\n".join(NAMES.split("\n")[:20]), encoding="utf-8")
    output = brief("--batch-size", 50000, "--steps", 1, text=text, small=small)
    assert f"1 steps of {'18' if text == 'few.txt' else '1,288'} x" in output


def test_options_that_do_nothing_with_the_others_are_refused(run, files, capsys):
    for arguments, message in [
        (["--lines", "--context", 5], "--context: without effect with --lines"),
        (["--vocabulary", 300], "--vocabulary: without effect without --tokenizer bpe"),
        (["--samples", 3], "--samples: without effect without --lines"),
        (["--temperature", 0, "--top-k", 3], "--top-k: without effect with --temperature 0"),
        (["--resume", "--again"], "--again: not allowed with argument --resume"),
    ]:
        with pytest.raises(SystemExit, match="2"):
            run(*arguments)
        assert message in capsys.readouterr().err
    assert not (files / "out").exists()


def test_the_curves_are_drawn_beside_what_guesses_lose(run, monkeypatch):
    figures = []
    monkeypatch.setattr(program.report, "save", lambda figure, path: figures.append(figure))
    monkeypatch.setattr(program.report, "look_inside", lambda writer, options: None)
    run()
    (_, labels) = figures[0].axes[0].get_legend_handles_labels()
    size = len(set(TEXT))
    assert labels == ["training", "test", f"a guess among {size}, ln {size}", "counting what follows what"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "nowhere.txt"], "nowhere.txt cannot be read: No such file"),
        (["--context", 500], "text.txt is too short"),
        (["--width", 15], "width 15 cannot be split into 2 heads"),
        (["--dropout", 1.5], "--dropout: '1.5' is not"),
        (["--prompt", "Ω"], r"cannot read this prompt: .*'Ω'"),
        (["--top-p", 3], "--top-p: '3' is not"),
        (["--top-p", 0], "--top-p: '0' is not a number above 0"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(run, capsys, arguments, message):
    with pytest.raises(SystemExit) as end:
        run(*arguments)
    said = capsys.readouterr().err if end.value.code == 2 else str(end.value)  # 2: argparse has said it
    assert re.search(rf"08_gpt\.py: .*{message}", said)


def test_a_missing_folder_is_named(run, files):
    with pytest.raises(SystemExit, match=r"08_gpt\.py: .*model\.json cannot be read"):
        run("--load", files / "nowhere", text=None, small=())


def test_a_text_that_is_none_is_named(run, files):
    (files / "text.txt").write_bytes(b"abc\xff")
    with pytest.raises(SystemExit, match=r"text.txt is not UTF-8 text: byte 3 is 0xff"):
        run()


def test_a_folder_of_something_else_is_named(run, files, finished):
    for content in ("{", "[]", '{"config": {"width": 12}, "lines": 0}', '{"config": {"depth": 1}, "lines": 0}'):
        (files / "out" / "model.json").write_text(content, encoding="utf-8")
        with pytest.raises(SystemExit, match="out"):
            run("--load", files / "out", text=None, small=())


def test_without_matplotlib_there_is_less_to_see(run, files, monkeypatch):
    monkeypatch.setattr(program.report, "show_sample", lambda writer, step: None)
    for module in ("gpt.report", "inside"):
        monkeypatch.setattr(f"helpers.{module}.find_spec", lambda package: None)
    assert "Test loss" in run()
    assert not list((files / "out").glob("*.png"))


# --- texts ----------------------------------------------------------------------------------------------


def test_the_text_that_python_has_with_it():
    text, source = gpt_text.load_text("python")
    assert len(text) > 300_000
    assert "pydoc_data" in source


def test_a_python_without_it_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(DataError, match="pass a file with --text FILE"):
        gpt_text.load_text("python")


def test_a_long_text_is_cut_at_nine_tenths(files):
    corpus = gpt_text.one_text(str(files / "text.txt"), "char", 0, context=8)
    ids = corpus.tokenizer.encode(TEXT)
    cut = len(TEXT) * 9 // 10
    assert corpus.learn[0][0].tolist() == ids[:8]
    assert corpus.test[:][1].reshape(-1).tolist() == ids[cut + 1 :][: len(corpus.test) * 8]


def test_counting_pairs_is_what_it_says(files):
    (files / "two.txt").write_text("ab" * 200, encoding="utf-8")
    corpus = gpt_text.one_text(str(files / "two.txt"), "char", 0, context=4)
    # a is followed by b 180 times and never by a: with 1 added to each count, 181 of 182.
    assert corpus.counting_loss() == pytest.approx(-math.log(181 / 182), rel=0.02)


def test_a_line_begins_and_ends_with_a_newline(files):
    corpus = gpt_text.many_lines(str(files / "names.txt"), "char", 0)
    newline = corpus.tokenizer.encode("\n")[0]
    tokens, targets = corpus.learn[:]
    for row, wanted in zip(tokens.tolist(), targets.tolist(), strict=True):
        assert row[0] == newline
        end = wanted.index(newline)
        assert corpus.tokenizer.decode(wanted[:end]) in NAMES.split("\n")
        assert wanted[:end] == row[1 : end + 1]
        assert set(wanted[end + 1 :]) <= {-100}
    assert len(corpus.test) == 3
    assert len(corpus.lines) == 27


def test_too_few_lines_are_refused(files):
    (files / "few.txt").write_text("a\nb\n", encoding="utf-8")
    with pytest.raises(DataError, match="has 2 lines"):
        gpt_text.many_lines(str(files / "few.txt"), "char", 0)


def test_the_public_texts_have_whole_hashes():
    assert all(len(public.sha256) == 64 for public in gpt_text.PUBLIC.values())


def test_two_workers_learn_what_one_learns(files, learnt_once):
    folder, output = learnt_once
    arguments = [*SMALL, "--text", files / "text.txt", "--workers", 2, "--out", files / "two"]
    done = run_apart("08_gpt", *arguments, cwd=files)
    assert done.stderr == ""
    assert done.stdout.count("It writes, at temperature") == 1
    line = next(line for line in output.splitlines() if line.startswith("Test loss"))
    assert line in done.stdout
    one, two = (nn.weights.load_file(out / "best.safetensors") for out in (folder, files / "two"))
    for name, weight in one.items():
        assert np.abs(weight.numpy() - two[name].numpy()).max() < 1e-4
