"""The runner: commands, the watch, what survives, and what a learner reads."""

from __future__ import annotations

import hashlib
import io
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from exercises import display
from exercises.__main__ import main
from exercises.commands import Session, Watch
from exercises.course import CHAPTERS, COURSE
from exercises.keys import WORDS, Keys
from exercises.progress import Progress
from ladder import write, wrong_answers
from tinygrad_lecture.testing.courses import filled

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "exercises"


def run(*arguments):
    return main([*arguments])


def answer(folder, name, *answers):
    exercise = COURSE[name]
    write(folder, exercise, filled(COURSE.given(exercise), answers or exercise.solution))


def test_a_first_start_copies_the_files_and_shows_the_first_one(folder, capsys):
    assert run("check") == 1
    out = capsys.readouterr().out
    assert str(Path("exercises") / "ch1_neuron" / "ex1_weigh.py") + ":14" in out
    assert all((folder / e.file).read_text(encoding="utf-8") == COURSE.given(e) for e in COURSE)


def test_a_reader_that_has_enough_ends_it_without_a_word(folder):
    command = [sys.executable, "-m", "examples.exercises", "--folder", folder, "list"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()  # as head does
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_wrong_answer_then_a_right_one_then_the_list(folder, capsys):
    run("list")
    capsys.readouterr()
    answer(folder, "1.1", "return sum(xi * wi for xi, wi in zip(x, w))")
    assert run("check", "1.1") == 1
    first = capsys.readouterr().out
    assert "expected" in first
    assert "python -m examples.exercises why 1.1" in first
    assert "Likely cause" not in first  # first the counterexample
    assert run("check", "1.1") == 1
    out = capsys.readouterr().out
    assert "Likely cause: the bias b is not added." in out
    assert max(map(len, out.splitlines())) <= 80
    answer(folder, "1.1")
    assert run("check", "1.1") == 0
    assert "1.1  Right!" in capsys.readouterr().out
    run("list")
    assert "A neuron weighs and sums up                      done" in capsys.readouterr().out


def test_what_has_changed_since_it_was_right_does_not_count_as_done(folder, capsys):
    run("list")
    for name in ("1.1", "1.2"):
        answer(folder, name)
        assert run("check", name) == 0
    answer(folder, "1.1", "return 0")
    capsys.readouterr()
    run("list")
    out = capsys.readouterr().out
    assert f"0 of {len(COURSE.exercises)} done." in out
    states = [line[57:] for line in out.splitlines() if line.startswith(("  1.1", "  1.2"))]
    assert states == ["changed, now", "changed"]


def test_hints_come_one_by_one(folder, capsys):
    for count in (1, 2, 3, 3):
        run("hint", "1.2")
        assert capsys.readouterr().out.count("Hint ") == count


def test_a_reset_and_a_taken_solution_keep_the_answer_in_a_backup(folder, capsys):
    run("list")
    answer(folder, "1.1", "return 1")
    run("reset", "1.1")
    assert "return 1" in (folder / "ch1_neuron" / "ex1_weigh.backup1.txt").read_text()
    assert (folder / "ch1_neuron" / "ex1_weigh.py").read_text() == COURSE.given(COURSE["1.1"])
    answer(folder, "1.1", "return 2")
    run("solution", "1.1", "--take")
    assert "return 2" in (folder / "ch1_neuron" / "ex1_weigh.backup2.txt").read_text()
    assert run("check", "1.1") == 0
    run("list")
    assert "done, solution" in capsys.readouterr().out


def test_an_exercise_is_found_by_number_name_and_file(folder):
    session = Session(COURSE, folder)
    path = str(folder / "ch3_rules" / "ex2_mul.py")
    names = "3.2", "mul", "ex2_mul", "EX2_MUL.PY", "ch3_rules/ex2_mul", "ch3_rules\\ex2_mul.py"
    assert all(session.find(text) is COURSE["3.2"] for text in (*names, path, path + ":12"))
    assert run("check", "nothing") == 2


def test_starting_in_the_middle_takes_what_it_builds_on(folder, capsys):
    run("start", "2.5")
    assert "not solved yet" in capsys.readouterr().out
    run("start", "2.5", "--take")
    answer(folder, "2.5")
    assert run("check") == 0


def test_a_bug_in_an_earlier_file_is_shown_there(folder, capsys):
    run("start", "1.2", "--take")
    answer(folder, "1.2")
    assert run("check", "1.2") == 0
    answer(folder, "1.1", "return sum(x) + b")
    assert run("check", "1.2") == 1
    out = capsys.readouterr().out
    assert "1.2 runs your code of 1.1, A neuron weighs and sums up, and that is not right:" in out
    assert run("why", "1.1") == 1
    assert "the weights are not used" in capsys.readouterr().out


def test_progress_survives_a_damaged_file_and_an_update_of_the_course(folder, capsys):
    run("start", "1.3")
    answer(folder, "1.1")
    assert run("check", "1.1") == 0
    given = json.loads((folder / "progress.json").read_text())
    assert given["current"] == "1.3"
    (folder / "progress.json").write_text("{ damaged")
    capsys.readouterr()
    run("list")
    out = capsys.readouterr().out
    assert "could not be read" in out
    assert "progress.damaged.json" in out
    assert "return" in (folder / "ch1_neuron" / "ex1_weigh.py").read_text()
    old = folder / "ch1_neuron" / "ex3_layer.py"
    old.write_text("# an older text\n")
    progress = Progress(COURSE, folder)
    progress.given["1.3"] = hashlib.sha256(b"# an older text\n").hexdigest()[:16]
    progress.copy_files()
    assert old.read_text() == COURSE.given(COURSE["1.3"])  # untouched, so it is renewed
    old.write_text("# my own\n")
    Progress(COURSE, folder).copy_files()
    assert old.read_text() == "# my own\n"


@pytest.mark.parametrize(
    ("typed", "words"),  # | is a pause
    [("h|n", ["hint", "next"]), ("hint", ["hint"]), ("he|?", ["help", "help"]), ("l|q\n", ["list", "quit"]),
     ("wat\n", ["wat"]), ("\x1b[A|c", ["", "check"])],
)  # fmt: skip
def test_a_key_is_enough_and_so_is_a_word(typed, words, monkeypatch):
    monkeypatch.setattr("examples.exercises.keys.TOGETHER", 0)
    keys = Keys(io.StringIO())
    keys.single = True
    for letters, word in zip(typed.split("|"), words, strict=True):
        for letter in letters:
            keys.typed.put(letter)
        assert keys.read(1) == word


def test_a_function_that_is_missing_is_named(folder, capsys):
    run("list")
    exercise = COURSE["1.1"]
    write(folder, exercise, COURSE.solved(exercise).replace("def weighted_sum", "def my_sum"))
    assert run("check", "1.1") == 1
    out = capsys.readouterr().out
    assert "There is no `weighted_sum` in ch1_neuron/ex1_weigh.py." in out
    assert run("why", "1.1") == 1
    assert "must stay in the file as it was given" in " ".join(capsys.readouterr().out.split())
    answer(folder, "1.2")
    renamed = COURSE.solved(COURSE["1.2"]).replace("import weighted_sum", "import my_sum as weighted_sum")
    write(folder, COURSE["1.2"], renamed)
    write(folder, exercise, COURSE.solved(exercise))
    run("why", "1.2")
    assert "`my_sum` must stay in ch1_neuron/ex1_weigh.py" in " ".join(capsys.readouterr().out.split())


def test_the_watch_checks_at_a_save_moves_on_and_obeys_words(folder, capsys):
    session = Session(COURSE, folder)
    reading, said = Feed(), []
    reading.put("hint\n")

    def learner():
        wait_for(lambda: session.progress.hints)
        answer(folder, "1.1", "return 0")
        wait_for(lambda: "Not yet" in heard())
        run("start", "2.2", "--take")  # in another terminal
        answer(folder, "1.1")  # another exercise's file
        wait_for(lambda: session.progress.current == "1.2")
        reading.put("list\n")
        reading.put("nonsense\n")
        reading.put("quit\n")

    def heard():
        said.append(capsys.readouterr().out)
        return "".join(said)

    thread = threading.Thread(target=learner)
    thread.start()
    try:
        with Keys(reading) as keys:
            Watch(session, keys).run()
    finally:
        reading.put("")
        session.grader.close()
    thread.join()
    out = heard()
    assert "Hint 1 of 3" in out
    assert "You saved the file of 1.1. It is the current exercise now." in out
    assert "1.1  Right!" in out
    assert "I do not know 'nonsense'" in out
    assert "See you again!" in out
    assert json.loads((folder / "progress.json").read_text())["current"] == "1.2"


def test_it_starts_as_the_readme_says_from_the_root_of_a_clone(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "examples.exercises", "--folder", str(tmp_path / "mine"), "list"],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"0 of {len(COURSE.exercises)} done." in done.stdout


def test_check_all_fails_a_planted_bug_and_all_that_builds_on_it(folder, capsys):
    run("list")
    names = ["1.1", "1.2", "2.2", "2.3", "2.4", "2.5", "2.6", "3.1"]
    for name in names:
        answer(folder, name)
    planted = next(w for w in wrong_answers() if w.name == "2.3")
    answer(folder, "2.3", *planted.answers)
    capsys.readouterr()
    assert run("check", "--all") == 1
    out = capsys.readouterr().out
    right = {line.split()[0] for line in out.splitlines() if line.endswith(": right")}
    assert right == set(names) - {"2.3", "2.5", "2.6"}
    assert "builds on 2.3, which is not right" in out


def test_what_is_named_exists():
    assert {e.name.split(".")[0] for e in COURSE} == set(CHAPTERS)
    for exercise in COURSE:
        file, _, name = exercise.engine.partition(":")
        assert (ROOT / file).exists(), exercise.engine
        if name:
            assert display.engine_place(exercise.engine).rpartition(":")[2].isdigit(), exercise.engine


def test_the_readme_shows_what_an_exercise_says(folder, capsys):
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    name, wrong, shown = re.search(r"<!-- exercise (\S+): (.*?) -->\n```\n(.*?)```", page, re.DOTALL).groups()
    run("start", name, "--take")
    answer(folder, name, wrong)
    for _ in range(2):  # the second try tells the cause
        run("check", name)
    assert shown in capsys.readouterr().out


def test_the_readmes_count_rightly():
    count = len(COURSE.exercises)
    assert f"{count} of them: `python -m examples.exercises`" in (ROOT / "README.md").read_text(encoding="utf-8")
    ladder = (ROOT / "examples" / "exercises" / "README.md").read_text(encoding="utf-8")
    assert {f"| `{word[0]}` |" for word in WORDS if word != "help"} <= set(re.findall(r"^\| `.` \|", ladder, re.M))
    for number, title in CHAPTERS.items():
        inside = sum(e.name.split(".")[0] == number for e in COURSE)
        assert f"| {number} {title} | {inside} |" in ladder


class Feed(io.StringIO):
    """Input to which lines are added while it is read."""

    def __init__(self):
        super().__init__()
        self.lines = queue.SimpleQueue()
        self.put = self.lines.put

    def __iter__(self):
        return iter(self.lines.get, "")


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_ctrl_c_during_the_imports_ends_it_quietly(tmp_path):
    (tmp_path / "numpy.py").write_text("raise KeyboardInterrupt")
    command = [sys.executable, "-m", "examples.exercises", "list"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")
