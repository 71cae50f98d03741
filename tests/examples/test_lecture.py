"""What the lecture's programs have in common: numbers in short, and options that do nothing."""

import math
import signal
import subprocess
import sys

import pytest

from helpers.lecture import carry_out, command_line, given, new_figure, refuse_idle, save, short, until_ctrl_c
from programs import EXAMPLES
from tinygrad_lecture.inspect.fonts import as_written, drawable


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0, 3, "0.000"),
        (-0.5, 3, "-0.500"),
        (0.001, 3, "0.001"),
        (0.0009, 3, "9.0e-04"),
        (-3.456e-8, 4, "-3.46e-08"),
        (999_999, 2, "999999.00"),
        (1e30, 2, "1.0e+30"),
        (math.inf, 3, "inf"),
        (math.nan, 3, "nan"),
    ],
)
def test_numbers_in_short(value, decimals, text):
    assert short(value, decimals) == text


def test_options_that_are_given_are_told_from_those_that_are_not(capsys):
    parser = command_line("program.py", "What it does.", "out")
    parser.add_argument("--fit-steps", type=int, default=3)
    parser.add_argument("--message", action="append", default=[])
    assert given(parser, []) == set()
    said = given(parser, ["--seed", "0", "--fit-steps", "3", "--message", "a"])
    assert said == {"seed", "fit_steps", "message"}
    refuse_idle(parser, said, ["out"], "here")
    with pytest.raises(SystemExit, match="2"):
        refuse_idle(parser, said, ["out", "seed", "fit_steps"], "when nothing is fitted")
    assert "--seed, --fit-steps: without effect when nothing is fitted; leave them out" in capsys.readouterr().err


def test_a_loss_that_is_no_number_ends_a_program_in_a_line(tmp_path):
    def diverge(options):
        raise FloatingPointError("the loss became nan")

    parser = command_line("program.py", "What it does.", "out")
    with pytest.raises(SystemExit, match=r"^program\.py: the loss became nan$"):
        carry_out(diverge, parser, parser.parse_args(["--out", str(tmp_path)]))


@pytest.mark.parametrize(("text", "said"), [("a word", False), ("a \ue000 word", True)])
def test_letters_that_no_font_has_are_told(tmp_path, capsys, text, said):
    figure = new_figure(2, 2)
    figure.text(0, 0, drawable(text), **as_written())
    save(figure, tmp_path / "picture.png")
    assert capsys.readouterr().out.strip().removeprefix(str(tmp_path / "picture.png")) == (
        ", where a box is a character that no font of this machine can draw" if said else ""
    )


def test_ctrl_c_ends_what_is_gone_through_and_not_the_program():
    seen = []
    for item in until_ctrl_c(range(9)):
        seen.append(item)
        if item == 3:
            signal.raise_signal(signal.SIGINT)
    assert seen == [0, 1, 2, 3]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)  # as ever
    assert list(until_ctrl_c("abc")) == ["a", "b", "c"]


def test_twice_ctrl_c_aborts_at_once():
    for _ in until_ctrl_c(range(9)):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_program_whose_output_nobody_reads_on_ends_without_a_word(tmp_path, lines):
    program = f"""
from helpers.lecture import carry_out, command_line
parser = command_line("program.py", "What it does.", "out")
carry_out(lambda options: [input(), *map(print, range({lines}))], parser, parser.parse_args())
"""
    command = [sys.executable, "-c", program, "--out", str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=EXAMPLES, stdin=pipe, stdout=pipe, stderr=pipe) as running:
        running.stdout.close()
        running.stdin.write(b"go on\n")
        running.stdin.close()
        assert running.stderr.read() == b""
    assert running.returncode == 1


@pytest.mark.parametrize("program", sorted(path.name for path in EXAMPLES.glob("[0-9]*.py")))
def test_ctrl_c_while_a_program_imports_ends_it_in_a_line(program):
    code = """
import runpy, sys

class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Pressed())
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""
    command = [sys.executable, "-c", code, (EXAMPLES / program).as_posix()]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode != 0
    assert ended.stderr == f"\n{program}: aborted\n"
