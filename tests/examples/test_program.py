"""What the lecture's programs have in common: how they start, how they end, how their pictures are saved."""

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from helpers.program import SHOW_MORE, Common, DataError, detail, start, until_ctrl_c
from programs import EXAMPLES, PROGRAMS, load, output_of


@dataclass
class Settings:
    steps: int = 3
    out: Path = Path("out")


def test_a_program_shows_its_matter_before_its_settings():
    last = [re.findall(r"^(?:def|class) (\w+)", (EXAMPLES / f"{p}.py").read_text("utf-8"), re.M)[-1] for p in PROGRAMS]
    assert {*last} == {"Settings"}


def test_details_are_printed_with_more_alone_and_a_run_leaves_no_trace(capsys, tmp_path):
    @dataclass
    class Chatty(Common, out="chatty"):
        pass

    for more in ("--more", "--no-more"):
        start(lambda settings: detail("a detail"), Chatty, arguments=[more, "--out", str(tmp_path)])
        assert capsys.readouterr().out == ("a detail\n" if more == "--more" else "")
    assert SHOW_MORE.get()  # as this test's surroundings have it


@dataclass
class Numbers:
    steps: int = 3
    seed: int = 0
    rate: float = 1.0
    rates: tuple[float, ...] = (1.0, 2.0)
    temperature: float = 0.8
    kept: tuple[int, ...] = (0, 3)


@pytest.mark.parametrize(("arguments", "line"), [
    ("--steps 0", "--steps is 0; it can be 1 or more"),
    ("--seed -1", "--seed is -1; it can be 0 or more"),
    ("--rate nan", "--rate is nan; it can be any finite number"),
    ("--rates 1 inf", "--rates is inf; it can be any finite number"),
    ("--temperature -0.5", "--temperature is -0.5; it can be 0 or more"),
])  # fmt: skip
def test_numbers_that_no_program_can_use_end_it_before_the_work(arguments, line):
    with pytest.raises(SystemExit, match=rf"test_program\.py: {line}$"):
        start(lambda settings: pytest.fail("it worked"), Numbers, arguments=arguments.split())


@pytest.mark.parametrize(("error", "line"), [
    (DataError("digits.npz is damaged"), "digits.npz is damaged"),
    (FloatingPointError("the loss became nan"), "the loss became nan"),
    (ImportError("pictures need matplotlib"), "pictures need matplotlib"),
    (FileNotFoundError(2, "No such file or directory", "my.txt"), "my.txt: No such file or directory"),
])  # fmt: skip
def test_what_a_user_can_mend_ends_a_program_in_a_line(tmp_path, error, line):
    def main(settings):
        raise error

    with pytest.raises(SystemExit, match=rf"test_program\.py: {line}$"):
        start(main, Settings, arguments=["--out", str(tmp_path)])


def test_ctrl_c_during_the_imports_ends_a_program_in_a_line(tmp_path):
    imports = [
        re.search(r"^(?:from|import) (?!__future__).*$", (EXAMPLES / f"{p}.py").read_text("utf-8"), re.M)[0]
        for p in PROGRAMS
    ]
    assert all(line.startswith(("from helpers", "from show")) for line in imports)  # the rest would end in a traceback
    program = PROGRAMS[0]
    for name in ("numpy", "nn", "tinygrad_lecture"):
        (tmp_path / f"{name}.py").write_text("raise KeyboardInterrupt")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, EXAMPLES / f"{program}.py"], env=environment, capture_output=True, text=True)
    assert done.stderr == f"\n{program}.py: aborted\n"
    assert done.returncode != 0


def test_ctrl_c_ends_what_is_gone_through_and_not_the_program(capsys):
    seen = []
    for item in until_ctrl_c(range(9)):
        seen.append(item)
        if item == 3:
            signal.raise_signal(signal.SIGINT)
    assert seen == [0, 1, 2, 3]
    assert capsys.readouterr().out == "  Ended by Ctrl-C: the rest is of what there is so far.\n"
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)  # as ever
    assert list(until_ctrl_c("abc")) == ["a", "b", "c"]


def test_a_program_whose_output_nobody_reads_on_ends_without_a_word(tmp_path):
    (tmp_path / "program.py").write_text(f"""
import sys
from dataclasses import dataclass
sys.path.insert(0, {str(EXAMPLES)!r})
from helpers.program import start

@dataclass
class Settings:
    lines: int = 100_000

def main(settings):
    input()
    for line in range(settings.lines):
        print(line)

start(main, Settings)
""")
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, tmp_path / "program.py"], stdin=pipe, stdout=pipe, stderr=pipe) as running:
        running.stdout.close()
        running.stdin.write(b"go on\n")
        running.stdin.close()
        assert running.stderr.read() == b""
    assert running.returncode == 1


def test_settings_that_a_program_cannot_run_with_are_refused_in_a_sentence(tmp_path):
    with pytest.raises(DataError, match="--page shows the lecture's network"):
        output_of(load("02_digits"), page=True, hidden=(8,), out=tmp_path)
    with pytest.raises(DataError, match="the made sentences do not have seagull"):
        output_of(load("07_attention"), sentence="Was the seagull flooded?", out=tmp_path)
