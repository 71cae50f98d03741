"""A submission runs in a process of its own: what ends it, what it may not do, what it cannot forge."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from tinygrad_lecture.testing import Course, Exercise, arrays, check_function, check_rule, same_shape
from tinygrad_lecture.testing.course.answers import filled, first_gap, gaps
from tinygrad_lecture.testing.sandbox import parent
from tinygrad_lecture.testing.sandbox.child import find_course
from tinygrad_lecture.testing.sandbox.loading import Submission
from tinygrad_lecture.testing.sandbox.parent import Grader

ROOT = Path(__file__).parents[3]
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
    grader = Grader(course, str(course_file), folder)
    try:
        return list(grader.check(names))
    finally:
        grader.close()


RIGHT = "def double(x):\n    return 2 * x\n"


WRONG = "def double(x):\n    return x\n"
ENDLESS = "def double(x):\n    print('here')\n    while True:\n        x = x\n"
SYNTAX = "def double(x)\n    return 2 * x\n"
EXIT = "def double(x):\n    raise SystemExit(0)\n"
WAITS = "import time\ndef double(x):\n    time.sleep(1000)\n"
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


ATTACKS = {  # on the process itself: what comes after them in it may be broken
    "the frames of a caught exception are walked": """
import numpy as np
def double(x):
    try:
        raise ValueError
    except ValueError as error:
        frame = error.__traceback__.tb_frame
    while frame is not None:
        for name, value in [*frame.f_locals.items(), *frame.f_globals.items()]:
            if name in ("right", "reference", "check", "exercise", "outcome"):
                return value(x) if name == "reference" else 2 * x
            if name in ("self", "end") and hasattr(value, "_write"):
                value.told = lambda error: ({}, "")
                value.serve = lambda *request: (None, "")
        frame = frame.f_back
    return x
""",
    "objects are searched for": """
import numpy as np
def double(x):
    for cls in object.__subclasses__():
        if cls.__name__ in ("Exercise", "Outcome"):
            cls.passed = True
    modules = np.os.sys.modules
    for name in list(modules):
        for thing in ("np", "numpy"):
            if name.startswith("tinygrad_lecture.testing") and hasattr(modules[name], thing):
                setattr(modules[name], thing, None)
    return x
""",
}


def test_no_answer_that_cheats_passes_and_the_next_is_checked(course_file, tmp_path):
    found = outcomes(course_file, tmp_path, [*CHEATS.values(), RIGHT])
    attacked = [outcomes(course_file, tmp_path, [text])[0] for text in ATTACKS.values()]
    assert not any(outcome.passed for outcome in attacked), attacked
    passed = [name for name, outcome in zip(CHEATS, found, strict=False) if outcome.passed]
    assert not passed
    assert all(outcome.what for outcome in found[:-1])
    assert found[-1].passed, found[-1]
    assert not Path("/tmp/forbidden.txt").exists()


def test_a_mark_in_front_of_a_file_is_left_out(tmp_path):
    (tmp_path / "a.py").write_text("value = 3\n", encoding="utf-8-sig")
    assert Submission(tmp_path).load("a").value == 3


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


def answered(folder, text, **options):
    """The outcome of a file with this text."""
    (folder / "one.py").write_text(text, encoding="utf-8")
    course = Course("one", folder, [Exercise("one", "one.py", check_double, **options)])
    grader = Grader(course, "none", folder)
    child = grader.opened()
    try:
        return grader.outcome(course["one"], child)
    finally:
        child.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot tell computing from waiting")
def test_only_computing_counts_and_waiting_is_told_as_such(tmp_path, monkeypatch):
    slow = "import time\ndef double(x):\n    time.sleep(0.02)\n    return 2 * x\n"
    assert answered(tmp_path, slow, seconds=0.6).passed  # some hundred calls: it waits longer than that
    monkeypatch.setattr(parent, "GRACE", 1.0)
    waits = answered(tmp_path, WAITS, seconds=0.5)
    assert waits.hint == "waiting"
    assert any("one.py:3" in line for line in waits.shown)
    endless = answered(tmp_path, ENDLESS, seconds=0.5)
    assert endless.hint == "endless"
    monkeypatch.setattr(parent, "WAITING", 0.1)  # as on a busy machine: it computes less than 5 seconds in 1.5
    assert answered(tmp_path, ENDLESS, seconds=5).hint == "endless"


def test_values_arrive_as_they_were(tmp_path):
    values = [
        None, True, 3, 2**70, 0.1, float("inf"), "ä", [1, (2.0, "x")], {(1, 2): [0.5]}, {1, 2}, np.float32(0.1),
        np.arange(6.0).reshape(2, 3).T, np.zeros((0, 2), np.int64), np.array(True), 1 + 2j, [],
        np.longdouble(1) / 3, np.ones(2, np.longdouble) / 3,
    ]  # fmt: skip
    (tmp_path / "one.py").write_text(
        "def same(x): return x\ndef one(a, b): return a is b\ndef run(f, x): return f(x)\n"
        "class Number:\n    def __init__(self, x): self.x = x\n"
        "    def __mul__(self, other): return Number(self.x * other.x)\n"
    )

    def check(student):
        for value in values:
            got = student.same(value)
            assert type(got) is type(value)
            assert np.array_equal(got, value) if isinstance(value, np.ndarray) else got == value
        x = np.ones(2)
        assert student.one(x, x)
        assert not student.one(x, x.copy())
        assert student.run(lambda x: x + 1, 2) == 3
        a, b = student.Number(2), student.Number(3)
        assert (a * b).x == 6
        assert isinstance(a, student.Number)
        assert not isinstance(3, student.Number)
        assert student.same(a) is a

    course = Course("one", tmp_path, [Exercise("one", "one.py", check)])
    (outcome,) = Grader(course, "none", tmp_path).check(["one"])
    assert outcome.passed, outcome


def test_an_array_that_is_changed_there_is_seen_here(tmp_path):
    text = "def double(x):\n    x *= 2\n    return x\n"
    assert answered(tmp_path, text).hint == "input-modified"


def test_input_ends_at_once_and_says_why(tmp_path):
    failed = answered(tmp_path, "def double(x):\n    return float(input())\n")
    assert failed.hint == "input"


@pytest.mark.skipif(sys.platform == "win32", reason="a signal to a group of processes")
def test_ctrl_c_ends_a_check_that_runs_without_an_outcome(tmp_path):
    (tmp_path / "one.py").write_text(
        "def double(x):\n    with open(__file__ + '.txt', 'w'):\n        pass\n    while True:\n        pass\n"
    )
    program = (
        "import sys; from pathlib import Path; from tinygrad_lecture.testing import *\n"
        "from tinygrad_lecture.testing.sandbox.parent import Grader\n"
        "folder = Path(sys.argv[1])\n"
        "def check(student): check_function(student.double, lambda x: 2 * x, [arrays()])\n"
        "course = Course('one', folder, [Exercise('one', 'one.py', check, seconds=60)])\n"
        "try: print(list(Grader(course, 'none', folder).check(['one'])))\n"
        "except KeyboardInterrupt: print('ended')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    while not (tmp_path / "one.py.txt").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=60)[0] == "ended\n"


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("(x, w, g)", "they must stay as they were given, in this order: rule(g, x, w)"),
        ("(g, x)", "they must stay as they were given, in this order: rule(g, x, w)"),
        ("(g, x, w, n)", "they must stay as they were given, in this order: rule(g, x, w)"),
        ("(up, x, w=0, n=1)", None),
    ],
)
def test_parameters_in_another_order_are_told(tmp_path, head, says):
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "one.py").write_text("def rule(g, x, w):\n    return ...  # TODO\n")
    (tmp_path / "one.py").write_text(f"def rule{head}:\n    return 3\n")

    def check(student):
        check_rule(lambda x, w: x * w, student.rule, same_shape(2))

    course = Course("one", tmp_path / "given", [Exercise("one", "one.py", check)])
    (outcome,) = Grader(course, "none", tmp_path).check(["one"])
    assert not outcome.passed
    assert (outcome.cause == says) if says else (outcome.kind == "parts"), outcome


def test_a_missing_function_is_named(tmp_path):
    failed = answered(tmp_path, "def twice(x):\n    return 2 * x\n")
    assert failed.what == "There is no `double` in one.py."


def course_inside(folder, check):
    """A course of one exercise, f, whose check is a line of code that runs in the submission's process."""
    (folder / "given").mkdir()
    (folder / "given" / "f.py").write_text("...  # TODO\n")
    (folder / "course.py").write_text(
        "from pathlib import Path\n"
        "from tinygrad_lecture.testing import Course, Exercise, arrays, check_op, check_rule\n"
        f"def check(student):\n    {check}\n"
        "COURSE = Course('one', Path(__file__).parent / 'given', [Exercise('f', 'f.py', check, inside=True)], "
        "imports=['tinygrad_lecture'])\n"
    )
    return str(folder / "course.py")


def test_a_class_in_the_dialect_of_autograd_function_is_an_exercise(tmp_path):
    reference = course_inside(tmp_path, "check_rule(lambda x: x**3, student.Cube, [arrays()])")
    right = "class Cube:\n    @staticmethod\n    def forward(ctx, x):\n        ctx.save_for_backward(x)\n"
    right += "        return x * x * x\n    @staticmethod\n    def backward(ctx, g):\n"
    right += "        (x,) = ctx.saved_tensors\n        return g * 3 * x * x\n"
    found = []
    for text in (right, right.replace("g * 3", "g"), right.replace("return x *", "return 2 * x *")):
        (tmp_path / "f.py").write_text(text)
        found += list(Grader(find_course(reference), reference, tmp_path).check(["f"]))
    assert [o.what.split(" returns")[0] for o in found] == ["", "Cube.backward", "Cube.forward"], found


def test_a_submission_computes_with_large_arrays_also_where_numba_is_installed(tmp_path):
    """Numba loads libraries and files, which a submission may not."""
    reference = course_inside(tmp_path, "check_rule(lambda x: x**3, student.cube, [arrays()])")
    text = "import tinygrad_lecture as tl\ndef cube(g, x):\n    tl.gelu(tl.zeros(5000))\n    return g * 3 * x * x\n"
    (tmp_path / "f.py").write_text(text)
    (outcome,) = Grader(find_course(reference), reference, tmp_path).check(["f"])
    assert outcome.passed, outcome


def test_a_check_of_the_engines_own_objects_runs_inside(tmp_path):
    reference = course_inside(tmp_path, "check_op(student.double, [arrays()])")
    right = "import tinygrad_lecture as tl\n@tl.op\ndef double(x, /):\n    return 2 * x\n"
    right += "@double.backward\ndef _(g):\n    return 2 * g\n"
    found = []
    for text in (right, right.replace("2 * g", "3 * g")):
        (tmp_path / "f.py").write_text(text)
        grader = Grader(find_course(reference), reference, tmp_path)
        found += list(grader.check(["f"]))
    assert [(o.passed, o.hint) for o in found] == [(True, None), (False, "constant-factor")], found
