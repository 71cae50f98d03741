"""A GPT-2 folder is read, goes on with a prompt, and is looked into."""

import re

import pytest

from programs import help_of, load
from transformer import GPT, BPETokenizer, GPTConfig

program = load("10_gpt2")


@pytest.fixture
def folder(tmp_path):
    """A GPT-2 of the usual kind, but small, that has learnt nothing."""
    tokenizer = BPETokenizer.train("the weather today is fine. " * 20, 270, special_tokens=["<|endoftext|>"])
    model = GPT(GPTConfig(vocab_size=tokenizer.vocab_size, context=32, layers=2, heads=2, width=8))
    (tmp_path / "model").mkdir()
    model.save_pretrained(tmp_path / "model")
    tokenizer.to_files(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def run(folder, tmp_path, capsys):
    def call(*arguments, folder=folder):
        program.main([str(folder), "--out", str(tmp_path / "out"), *map(str, arguments)])
        return capsys.readouterr().out

    return call


def test_it_reads_says_what_comes_next_goes_on_and_is_looked_into(run, tmp_path):
    output = run("--prompt", "the weather", "--tokens", 9)
    counts = re.search(r"together +([\d,]+), and counted ([\d,]+)", output)
    assert counts.group(1) == counts.group(2)
    likeliest = [float(p) for p in re.findall(r"^ +([\d.]+)%  ", output, re.MULTILINE)]
    assert len(likeliest) == 8
    assert likeliest == sorted(likeliest, reverse=True)
    assert "It goes on, at temperature 0.8:\n\nthe weather" in output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"attention.png", "lens.png"}


def test_probabilities_of_a_model_that_knows_nothing_are_no_zeros(run, folder):
    tokenizer = BPETokenizer.from_files(folder)
    flat = GPTConfig(vocab_size=5000, context=32, layers=1, heads=1, width=4, init_std=0.0)
    assert tokenizer.vocab_size < flat.vocab_size
    GPT(flat).save_pretrained(folder)
    assert re.findall(r"^ +(\S+)%  ", run("--tokens", 0), re.MULTILINE) == 8 * ["0.02"]


def test_help_says_what_a_folder_of_ones_own_needs(capsys):
    text = help_of(program, capsys)
    assert "save_pretrained" in text
    assert "BPETokenizer.to_files" in text


def test_bytes_that_are_commands_to_a_terminal_are_shown_as_signs(run, monkeypatch):
    monkeypatch.setattr(program, "draw_inside", lambda *given: None)
    monkeypatch.setattr(program.BPETokenizer, "stream", lambda *given: iter(["\x1b\x00", "\n\x7f"]))
    assert run("--prompt", "a\x1b").split("temperature 0.8:")[1].startswith("\n\na␛␛␀\n␡\n")


def test_the_same_seed_says_the_same(run, monkeypatch):
    monkeypatch.setattr(program, "draw_inside", lambda *given: None)

    def text(seed):
        return run("--seed", seed, "--tokens", 30).split("It goes on")[1]

    assert text(1) == text(1) != text(2)


def test_a_larger_model_has_a_picture_for_each_layer(run, folder, tmp_path):
    tokenizer = BPETokenizer.from_files(folder)
    GPT(GPTConfig(vocab_size=tokenizer.vocab_size, context=16, layers=9, heads=1, width=4)).save_pretrained(folder)
    assert "earlier run" not in run("--tokens", 0, "--prompt", "the")
    assert len(list((tmp_path / "out").glob("attention_*.png"))) == 9
    GPT(GPTConfig(vocab_size=tokenizer.vocab_size, context=16, layers=1, heads=1, width=4)).save_pretrained(folder)
    assert run("--tokens", 0, "--prompt", "the").count("is from an earlier run") == 9


def test_a_long_prompt_is_looked_into_at_its_end(run, folder, monkeypatch):
    monkeypatch.setattr(program, "MOST", 5)
    tokenizer = BPETokenizer.from_files(folder)
    GPT(GPTConfig(vocab_size=tokenizer.vocab_size, context=200, layers=1, heads=1, width=4)).save_pretrained(folder)
    output = run("--prompt", "x" * 96 + "abcd", "--tokens", 1)
    assert "Inside, for x a b c d:" in output
    assert "lens.png" in output


def test_prompts_and_options_that_cannot_be_are_refused(run, capsys):
    with pytest.raises(SystemExit, match="prompt is empty"):
        run("--prompt", "")
    with pytest.raises(SystemExit, match="40 tokens, and the model looks at 32 at most"):
        run("--prompt", "x" * 40)
    with pytest.raises(SystemExit, match="2"):
        run("--top-p", 0)
    assert "--top-p: '0' is not a number above 0 and at most 1" in capsys.readouterr().err


def test_without_a_folder_it_says_how_to_get_one(run, tmp_path):
    with pytest.raises(SystemExit, match=r"no folder .*nowhere.*--help"):
        run(folder=tmp_path / "nowhere")


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "merges.txt"])
def test_a_missing_file_is_named(run, folder, missing):
    (folder / missing).unlink()
    with pytest.raises(SystemExit, match=re.escape(missing)):
        run()


def test_a_tokenizer_of_another_model_is_refused(run, folder):
    GPT(GPTConfig(vocab_size=20, context=32, layers=1, heads=1, width=4)).save_pretrained(folder)
    with pytest.raises(SystemExit, match="do not belong together"):
        run()


def test_without_matplotlib_it_still_writes(run, monkeypatch):
    monkeypatch.setattr("helpers.inside.find_spec", lambda package: None)
    output = run("--tokens", 2)
    assert "It goes on" in output
    assert "Without matplotlib there are no pictures" in output
