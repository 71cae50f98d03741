"""A submission runs in a process of its own: what ends it, what it may not do, what it cannot forge."""

import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from tinygrad_lecture.testing import Course, Exercise, arrays, check_function
from tinygrad_lecture.testing.course.answers import filled, first_gap, gaps
from tinygrad_lecture.testing.sandbox.loading import Submission
from tinygrad_lecture.testing.sandbox.parent import Grader

GIVEN = "def double(x):\n    return ...  # TODO\n"
COURSE = """
    from pathlib import Path

    from tinygrad_lecture.testing import Course, Exercise, arrays, check_function


    def check(student):
        check_function(student.double, lambda x: 2 * x, [arrays()])


    NAMES = [f"f{k}" for k in range(30)]


    def exercise(name):
        return Exercise(name, f"{name}.py", check, solution="return 2 * x", seconds=3)


    COURSE = Course("doubles", Path(__file__).parent / "given", [exercise(n) for n in NAMES])
"""


def check_double(student):
    check_function(student.double, lambda x: 2 * x, [arrays()])


@pytest.fixture(scope="module")
def course_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    (folder / "given").mkdir()
    for k in range(30):
        (folder / "given" / f"f{k}.py").write_text(GIVEN)
    (folder / "course.py").write_text(textwrap.dedent(COURSE))
    return folder / "course.py"


def outcomes(course_file, folder, texts):
    """The outcomes of files with these texts."""
    names = [f"f{k}" for k in range(len(texts))]
    course = Course(
        "doubles", course_file.parent / "given", [Exercise(n, f"{n}.py", check_double, seconds=3) for n in names]
    )
    for name, text in zip(names, texts, strict=True):
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    grader = Grader(course, str(course_file), folder, patience=4)
    try:
        return list(grader.check(names))
    finally:
        grader.close()


RIGHT = "def double(x):\n    return 2 * x\n"


WRONG = "def double(x):\n    return x\n"
ENDLESS = "def double(x):\n    print('here')\n    while True:\n        x = x\n"
SYNTAX = "def double(x)\n    return 2 * x\n"
EXIT = "def double(x):\n    raise SystemExit(0)\n"
GREEDY = "import numpy as np\ndef double(x):\n    return np.ones((60_000, 60_000)) * 2\n"
WRITES = "print('hello')\nwith open(__file__ + '.txt', 'w') as file:\n    file.write('x')\n" + RIGHT


def test_each_file_gets_its_own_outcome_whatever_the_others_do(course_file, tmp_path):
    found = outcomes(course_file, tmp_path, [RIGHT, WRONG, ENDLESS, SYNTAX, EXIT, GREEDY, WRITES, RIGHT])
    right, wrong, endless, syntax, ends, greedy, writes, last = found
    assert (right.passed, writes.passed, last.passed) == (True, True, True), writes
    assert not any(o.passed for o in (wrong, endless, syntax, ends))
    assert wrong.shown
    assert endless.hint == "endless"
    assert any(f"f2.py:{line}" in shown for shown in endless.shown for line in (3, 4)), endless.shown
    assert "here" in endless.printed
    assert syntax.hint == "syntax"
    assert any("f3.py:1" in line for line in syntax.shown), syntax.shown
    assert ends.hint == "exit"
    assert (tmp_path / "f6.py.txt").read_text() == "x"
    if sys.platform == "linux":  # memory has a limit there alone
        assert not greedy.passed
        assert "MemoryError" in "\n".join(greedy.shown) or greedy.hint == "memory", greedy


CHEATS = {
    "a function of NumPy is replaced": "import numpy as np\nnp.isclose = lambda *a, **k: np.array(True)\n"
    + RIGHT.replace("2", "1"),
    "a builtin is replaced": "import math\nmath.floor = None\n" + RIGHT,
    "the engine is imported": "import tinygrad_lecture\n" + RIGHT,
    "the checker is imported by another way": "m = __import__('tinygrad_lecture')\n" + RIGHT,
    "importlib is used": "import importlib\n" + RIGHT,
    "a program is started": "import os\nos.system('true')\n" + RIGHT,
    "a file elsewhere is written": "open('/tmp/forbidden.txt', 'w')\n" + RIGHT,
    "a file elsewhere is written by NumPy": "import numpy as np\nnp.save('/tmp/forbidden.npy', np.ones(1))\n" + RIGHT,
    "a network connection is made": "import socket\n" + RIGHT,
    "a process is started by a way around": "import random\nrandom._os.system('true')\n" + RIGHT,
    "python is ended by a way around": "import random\nrandom._os._exit(0)\n" + RIGHT,
    "an outcome is printed": 'print(\'{"name": "one", "passed": true}\')\ndef double(x):\n    return x\n',
    "zeros": "def double(x):\n    return 0 * x\n",
    "hard-coded": "import numpy as np\ndef double(x):\n    return np.array(2.0)\n",
    "everything is equal": "class Yes(float):\n    def __eq__(self, other): return True\n"
    "def double(x):\n    return Yes(1)\n",
    "an array that compares as it likes": (
        "import numpy as np\nclass A(np.ndarray):\n    def __array_ufunc__(self, *a, **k): return np.array(True)\n"
        "    def __array_function__(self, *a, **k): return np.array(True)\n"
        "def double(x):\n    return np.zeros_like(x).view(A)\n"
    ),
}


def test_no_answer_that_cheats_passes_and_the_next_is_checked(course_file, tmp_path):
    found = outcomes(course_file, tmp_path, [*CHEATS.values(), RIGHT])
    passed = [name for name, outcome in zip(CHEATS, found, strict=False) if outcome.passed]
    assert not passed
    assert all(outcome.what for outcome in found[:-1])
    assert found[-1].passed, found[-1]
    assert not Path("/tmp/forbidden.txt").exists()


def test_files_import_each_other_and_run_once(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "a.py").write_text("runs = []\nruns.append(1)\nvalue = 3\n")
    (tmp_path / "b.py").write_text("from part.a import runs, value\nimport part.a\nassert part.a.value == value\n")
    submission = Submission(tmp_path)
    module = submission.load("b")
    assert (module.value, module.runs, submission.load("part.a").runs) == (3, [1], [1])


def test_gaps_are_filled_with_the_indentation_of_their_line():
    text = "def f(x):\n    if x:\n        ...  # TODO: here\n    return ...  # TODO\n"
    assert (gaps(text), first_gap(text)) == (2, 3)
    assert filled(text, ["y = 1\nz = 2", "return y"]) == (
        "def f(x):\n    if x:\n        y = 1\n        z = 2\n    return y\n"
    )
    with pytest.raises(ValueError, match="2 gaps"):
        filled(text, "return 1")
    assert np.array_equal([gaps("x = [...]\n"), gaps("# ... # TODO\n")], [0, 0])
