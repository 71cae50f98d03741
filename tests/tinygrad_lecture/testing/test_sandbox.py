"""A submission runs in a process of its own: what ends it, what it may not do, what it cannot forge."""

import os
import runpy
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest

from tinygrad_lecture.testing import Course, Exercise, arrays, check_function, check_rule, same_shape
from tinygrad_lecture.testing.courses import filled, first_gap, gaps
from tinygrad_lecture.testing.sandbox import grader as grader_module
from tinygrad_lecture.testing.sandbox import wall
from tinygrad_lecture.testing.sandbox.child import Submission
from tinygrad_lecture.testing.sandbox.grader import Grader
from tinygrad_lecture.testing.sandbox.wire import observed

ROOT = Path(__file__).parents[3]
ATTACKS = tomllib.loads((Path(__file__).parent / "attacks.toml").read_text(encoding="utf-8"))
RIGHT = "def double(x):\n    return 2 * x\n"
ENDLESS = "def double(x):\n    print('here')\n    while True:\n        x = x\n"
WAITS = "import time\ndef double(x):\n    time.sleep(1000)\n"
walled = pytest.mark.skipif(bool(wall.missing()), reason=f"there is no wall here: {wall.missing()}")
posix = pytest.mark.skipif(sys.platform == "win32", reason="paths, programs and signals of POSIX")


def check_double(student):
    check_function(student.double, lambda x: 2 * x, [arrays()])


def outcomes(folder, texts, check=check_double, given=None, after=lambda: None, **options):
    """The outcomes of files with these texts; what was given, and may not be read, is in another folder."""
    given = given or folder.with_name(f"given to {folder.name}")
    given.mkdir(exist_ok=True)
    options = {"seconds": 5, **options}
    exercises = [Exercise(f"f{k}", f"f{k}.py", check, **options) for k in range(len(texts))]
    for exercise, text in zip(exercises, texts, strict=True):
        if not (given / exercise.file).exists():
            (given / exercise.file).write_text("def double(x):\n    return ...  # TODO\n")
        if text is not None:
            (folder / exercise.file).write_text(text, encoding="utf-8")
    grader = Grader(Course("doubles", given, exercises), folder)
    try:
        return [(outcome, after())[0] for outcome in grader.check([exercise.name for exercise in exercises])]
    finally:
        grader.close()


def all_fail_but_the_last(folder, attacks, **options):
    """The outcomes of attacks, by name: none passes, and the right answer that comes after them in the process does."""
    *found, last = outcomes(folder, [*attacks.values(), RIGHT], **options)
    assert last.passed, last
    assert not [
        name for name, outcome in zip(attacks, found, strict=True) if outcome.passed or outcome.hint == "syntax"
    ]
    return dict(zip(attacks, found, strict=True))


def with_ways(attacks, path=""):
    """Attacks as files that are right otherwise."""
    head = f"{ATTACKS['ways']}PATH = {str(path)!r}\nMARK = PATH + '.mark'\n"
    return {name: f"{head}{text}\n{RIGHT}" for name, text in attacks.items()}


def without_wall(monkeypatch):
    """From now on there is none, so that it shows what it is that refuses."""
    begins = "\nfrom tinygrad_lecture.testing.sandbox import wall; wall.missing = lambda: 'switched off'\nmain()"
    monkeypatch.setattr(grader_module, "START", grader_module.START.replace("\nmain()", begins))


def test_each_file_gets_its_own_outcome_whatever_the_others_do(tmp_path):
    writes = "print('hello')\nwith open('own.txt', 'w') as file:\n    file.write('x')\n" + RIGHT
    texts = [
        RIGHT, "def double(x):\n    return x\n", ENDLESS, "def double(x)\n    return 2 * x\n",
        "def double(x):\n    raise SystemExit(0)\n",
        "import numpy as np\ndef double(x):\n    return np.ones((60_000, 60_000)) * 2\n", writes, RIGHT,
    ]  # fmt: skip
    right, wrong, endless, syntax, ends, greedy, writes, last = outcomes(tmp_path, texts)
    assert (right.passed, writes.passed, last.passed) == (True, True, True), writes
    assert not any(o.passed for o in (wrong, endless, syntax, ends))
    assert wrong.shown
    assert (endless.hint, syntax.hint, ends.hint) == ("endless", "syntax", "exit")
    assert any(f"f2.py:{line}" in shown for shown in endless.shown for line in (3, 4)), endless.shown
    assert endless.printed.startswith("here")
    assert any("f3.py:1" in line for line in syntax.shown), syntax.shown
    assert writes.printed == "hello\n"
    if sys.platform == "linux":  # memory has a limit there alone
        assert greedy.hint == "memory", greedy


def test_no_answer_that_cheats_passes_and_the_next_is_checked(tmp_path):
    cheats = {name: text if "def double" in text else f"{text}\n{RIGHT}" for name, text in ATTACKS["cheats"].items()}
    assert all(outcome.what for outcome in all_fail_but_the_last(tmp_path, cheats).values())
    assert not any(outcome.passed for outcome in outcomes(tmp_path, ATTACKS["processes"].values()))
    assert not Path("/tmp/forbidden.txt").exists()


NEVER = {  # not even for files of your own
    "by an object that changes its mind", "by a link", "by an import", "by inspect", "by moving it", "in a thread",
    "by Tcl", "by the parent's root", "by a descriptor of its path", "by /proc",
}  # fmt: skip


@walled
def test_a_submission_reads_its_own_files_alone(tmp_path):
    folder, given, bob = (tmp_path / name for name in ("ann", "given", "bob"))
    for one in (folder, given, bob):
        one.mkdir()
        (one / "own.py").write_text("'''own'''\n" + RIGHT)
    course, reads = tmp_path / "course.py", ATTACKS["reads"]
    course.write_text("solutions = []")
    (folder / "link").symlink_to(course)
    (folder / "hard").hardlink_to(course)
    all_fail_but_the_last(folder, with_ways(reads, path=course), given=given)
    paths = given / "own.py", bob / "own.py", f"/proc/{os.getpid()}/mem", "/etc/hosts"
    texts = [text for path in paths for text in with_ways({"": "open(PATH).read(1)"}, path=path).values()]
    for path, outcome in zip(paths, outcomes(folder, texts, given=given), strict=True):
        assert "PermissionError" in "\n".join(outcome.shown), (path, outcome)
    for name in ("hard", "link"):
        (folder / name).unlink()
    (folder / "hard").write_text("")
    (folder / "link").symlink_to(folder / "own.py")
    ways = {way: text for way, text in reads.items() if "link" not in text.split("(")[0] and way not in NEVER}
    own = outcomes(folder, list(with_ways(ways, path=folder / "own.py").values()), given=given)
    assert not [(way, o.shown[-1]) for way, o in zip(ways, own, strict=True) if not o.passed]  # these are ways to read


@posix
@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_a_file_that_is_a_link_to_a_neighbours_is_not_taken(tmp_path, link):
    ann, bob = tmp_path / "ann", tmp_path / "bob"
    for folder in (ann, bob):
        folder.mkdir()
    (bob / "f0.py").write_text(RIGHT)
    link(ann / "f0.py", bob / "f0.py")
    found = [outcomes(folder, [None])[0] for folder in (ann, bob)]
    assert [o.passed for o in found] == [False, link is Path.symlink_to], found  # whose a hard link is, nobody can tell
    assert "is a link" in found[0].what


def test_what_a_course_calls_secret_is_not_read_even_in_ones_own_folder(tmp_path):
    (tmp_path / "answers.txt").write_text("2 * x")
    (tmp_path / "one.py").write_text("text = open(__file__.replace('one.py', 'answers.txt')).read()\n" + RIGHT)
    for secret, passed in (([], True), ([str(tmp_path / "answers.txt")], False)):
        course = Course("one", tmp_path, [Exercise("one", "one.py", check_double)], secret=secret)
        (outcome,) = Grader(course, tmp_path).check(["one"])
        assert outcome.passed is passed, outcome


def found_by(student):
    assert student.double(3.0) == 6.0  # zebra


NOT_EVERYWHERE = {  # and not in each version of Python; a program that it becomes may be ended before it begins
    "becomes a program", "chooses its processor", "leaves its user's rights", "starts a program by a terminal",
    "starts a program by what subprocess calls",
}  # fmt: skip


@walled
@pytest.mark.parametrize("there", [True, False])
def test_a_submission_finds_and_changes_nothing_outside_of_itself(tmp_path, monkeypatch, there):
    ann, bob, given = (tmp_path / name for name in ("ann", "bob", "given"))
    ann.mkdir()
    attacks = {**ATTACKS["changes"], **ATTACKS["unheard"], **(ATTACKS["looks"] if there else {}), "right": ""}
    if not there:
        without_wall(monkeypatch)
    changed = []

    def restore():
        shutil.rmtree(bob, ignore_errors=True)
        bob.mkdir()
        (bob / "own.py").write_text(RIGHT)
        os.utime(bob / "own.py", (1, 1))

    def look():
        files = [(path, path.lstat().st_mode, path.lstat().st_mtime, path.lstat().st_size) for path in bob.iterdir()]
        changed.append(files != [(bob / "own.py", mode, 1, len(RIGHT))])
        restore()

    restore()
    mode = (bob / "own.py").stat().st_mode
    texts = with_ways(attacks, path=bob / "own.py")
    found = outcomes(ann, list(texts.values()), found_by, given, after=look)
    passed = {name for name, outcome in zip(texts, found, strict=True) if outcome.passed}
    if there:
        assert not any(changed), [name for name, one in zip(texts, changed, strict=True) if one]
        assert passed == {"right", *ATTACKS["unheard"]}
    else:  # then these are ways to change something
        works = passed | {name for name, one in zip(texts, changed, strict=True) if one}
        said = {name: (outcome.what, outcome.shown[-1:]) for name, outcome in zip(texts, found, strict=True)}
        assert not {name: what for name, what in said.items() if name not in works | NOT_EVERYWHERE}


LIMIT = 0.5  # seconds
TELLS = {  # and "endless"
    "waits": "waiting", "writes without an end": "raises", "fills the disk": "files", "fills the folder": "files",
    "does not let go at its end": None,
}  # fmt: skip


@walled
@pytest.mark.parametrize("name", ATTACKS["costs"])
def test_a_submission_costs_no_more_than_its_limit_and_two_seconds(tmp_path, name):
    attack = textwrap.indent(ATTACKS["costs"][name], "    ")
    (text,) = with_ways({name: f"def attack():\n{attack}\nattack()"}).values()
    (outcome,) = outcomes(tmp_path, [text], found_by, seconds=LIMIT)
    assert outcome.passed is (name == "does not let go at its end")  # it was right before
    assert outcome.seconds < LIMIT + 2, outcome
    assert outcome.hint in (TELLS.get(name, "endless"), "endless"), outcome


def test_what_is_no_message_is_this_submissions_failure_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(grader_module, "GRACE", 2.0)  # for those that wait for each other
    texts = {}
    for k, (name, attack) in enumerate(ATTACKS["messages"].items()):
        begins = "attack()\n" if k % 2 else ""
        attack = f"def attack():\n{textwrap.indent(attack, '    ')}\n{begins}"
        texts[name] = f"{ATTACKS['send']}{attack}def double(x):\n    attack()\n    return x\n"
    for outcome in all_fail_but_the_last(tmp_path, texts, seconds=0.3).values():
        str(outcome).encode()  # it can be written into a file


@posix
def test_where_it_was_when_its_time_was_over_is_told(tmp_path):
    waits, endless = outcomes(tmp_path, [WAITS, ENDLESS], seconds=0.5)
    assert (waits.hint, endless.hint) == ("waiting", "endless")
    assert any("f0.py:3" in line for line in waits.shown)


@posix
def test_a_failure_found_before_the_time_is_over_is_told(tmp_path):
    slow = "import time\ndef double(x):\n    time.sleep(0.05)\n    return 3 * x\n"
    at_first, later = outcomes(tmp_path, [slow, slow.replace("3 * x", "(2 + (x != 0)) * x")], seconds=1)
    assert (at_first.what, later.what) == ("double returns a wrong result.",) * 2, later
    (hopeless,) = outcomes(tmp_path, [slow.replace("0.05", "5")], seconds=0.5)
    assert hopeless.hint == "waiting"


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the system does not tell who waits")
def test_a_busy_machine_ends_nothing_that_is_right(tmp_path):
    slow = "def double(x):\n    for _ in range(30_000):\n        x = x + 0\n    return 2 * x\n"
    (alone,) = outcomes(tmp_path, [slow], found_by, seconds=60)
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4 * os.cpu_count())]
    try:
        (outcome,) = outcomes(tmp_path, [slow], found_by, seconds=60)
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert outcome.passed
    assert outcome.seconds < 3 * alone.seconds + 0.1


@posix
def test_ctrl_c_ends_a_check_that_runs_without_an_outcome(tmp_path):
    begins = "def double(x):\n    with open('begun', 'w'):\n        pass\n    while True:\n        pass\n"
    (tmp_path / "files").mkdir()
    (tmp_path / "one.py").write_text(begins)
    program = (
        "import sys; from pathlib import Path; from tinygrad_lecture.testing import *\n"
        "from tinygrad_lecture.testing.sandbox.grader import Grader\n"
        "folder = Path(sys.argv[1])\n"
        "def check(student): check_function(student.double, lambda x: 2 * x, [arrays()])\n"
        "course = Course('one', folder, [Exercise('one', 'one.py', check, seconds=60)])\n"
        "try: print(list(Grader(course, folder).check(['one'])))\n"
        "except KeyboardInterrupt: print('ended')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "TMPDIR": str(tmp_path / "files")},
    )  # fmt: skip
    while not list((tmp_path / "files").glob("*/begun")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=60)[0] == "ended\n"


# --- files, values and their failures -----------------------------------------------------------------------


def test_files_import_each_other_and_run_once(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "a.py").write_text("runs = []\nruns.append(1)\nvalue = 3\n", encoding="utf-8-sig")
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
    assert [gaps("x = [...]\n"), gaps("# ... # TODO\n")] == [0, 0]


class Doubling:
    def __call__(self, x):
        return 2 * x

    def __repr__(self):
        return "lambda x: 2 * x"


def test_values_arrive_as_they_were(tmp_path):
    values = [
        None, True, 3, 2**70, 0.1, float("inf"), "ä", [1, (2.0, "x")], {(1, 2): [0.5]}, {1, 2}, np.float32(0.1),
        np.arange(6.0).reshape(2, 3).T, np.zeros((0, 2), np.int64), np.array(True), 1 + 2j, [],
        np.longdouble(1) / 3, np.ones(2, np.longdouble) / 3,
    ]  # fmt: skip
    text = (
        "value = 3\ndef same(x): return x\ndef one(a, b): return a is b\ndef run(f, x): return f(x)\n"
        "def drawn(rng): return rng.random()\nclass Number:\n    def __init__(self, x): self.x = x\n"
    )

    def check(student):
        for value in values:
            got = student.same(value)
            assert type(got) is type(value)
            assert np.array_equal(got, value) if isinstance(value, np.ndarray) else got == value
        x = np.ones(2)
        assert student.one(x, x)
        assert not student.one(x, x.copy())
        assert student.value == 3
        assert student.run(Doubling(), 2) == 4
        assert student.drawn(np.random.default_rng(0)) == np.random.default_rng(0).random()
        assert repr(student.Number(2)) == "<Number>"
        assert observed(student, runpy.run_path(str(looks))["number"], 2) == [2, True]

    looks = tmp_path.with_name("looks.py")
    looks.write_text("def number(m, x): return [m.Number(x).x, isinstance(m.Number(x), m.Number)]")
    (outcome,) = outcomes(tmp_path, [text], check)
    assert outcome.passed, outcome


def test_what_is_wrong_with_a_file_is_told(tmp_path):
    wrong = [
        ("def double(x):\n    x *= 2\n    return x\n", "hint", "input-modified"),  # there, and it is seen here
        ("def double(x):\n    return float(input())\n", "hint", "input"),
        ("def twice(x):\n    return 2 * x\n", "what", "There is no `double` in f2.py."),
        ("def double(g, x):\n    return 3\n", "cause", "must stay as they were given, in this order: double(x)"),
        ("import nothing\n", "hint", "forbidden-import"),
        ("x = 1 / 0\n", "what", "raises an exception when it is imported"),
        ("def double(x):\n    raise ValueError('x' * 10**6)\n", "message", "xxx... (1,000,012 characters)"),
        (
            "def double(x):\n    for _ in range(20_000):\n        x = [x]\n    return x\n",
            "what",
            "It returns lists in lists, more than 100 deep.",
        ),
        ("import numpy as np\ndef double(x):\n    return np.ones(2**26)\n", "what", "It returns 512 MB of arrays"),
        ("def double(x):\n    return 'x' * 2**23\n", "what", "It returns 8 MB of text"),
    ]
    for outcome, (text, field, says) in zip(outcomes(tmp_path, [text for text, *_ in wrong]), wrong, strict=True):
        assert says in getattr(outcome, field), text


def test_parameters_in_another_order_are_told(tmp_path):
    heads, given = ["(x, w, g)", "(g, x)", "(g, x, w, n)", "(up, x, w=0, n=1)"], tmp_path / "given"
    given.mkdir()
    for k in range(len(heads)):
        (given / f"f{k}.py").write_text("def rule(g, x, w):\n    return ...  # TODO\n")

    def check(student):
        check_rule(lambda x, w: x * w, student.rule, same_shape(2))

    *told, accepted = outcomes(tmp_path, [f"def rule{head}:\n    return 3\n" for head in heads], check, given)
    in_order = "they must stay as they were given, in this order: rule(g, x, w)"
    assert [outcome.cause for outcome in told] == [in_order] * 3
    assert not accepted.passed and accepted.kind == "parts", accepted


# --- a submission's objects of the engine, looked at where they are -------------------------------------------------

LOOKS = """
import tinygrad_lecture as tl
def cube(m, x):
    return m.cube(tl.tensor(x)).numpy()
def gradient(m, g, x):
    x = tl.tensor(x, requires_grad=True)
    m.cube(x).backward(tl.tensor(g))
    return x.grad.numpy()
"""
FUNCTION = """
class Cube(tl.func.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x * x
cube = Cube.apply
"""
OP = """
tl.gelu(tl.zeros(5000))  # Numba loads libraries, if it is there
@tl.op
def cube(x, /):
    return x * x * x
@cube.backward
def _(g, x):
    return g * 3 * x * x
"""


@pytest.mark.parametrize("text", [FUNCTION, OP])
def test_objects_of_the_engine_are_looked_at_where_they_are(tmp_path, text):
    (tmp_path / "looks.py").write_text(LOOKS)
    looks = runpy.run_path(str(tmp_path / "looks.py"))

    def check(student):
        check_function(lambda x: observed(student, looks["cube"], x), lambda x: x**3, [arrays()], draws=9)
        gradient = lambda g, x: observed(student, looks["gradient"], g, x)  # noqa: E731
        check_rule(lambda x: x**3, gradient, [arrays()], draws=9)

    mistakes = {
        "right": ("", "", ""),
        "g": ("g * 3", "g", "gradient of x"),
        "x": ("return x *", "return 2 * x *", "result"),
    }
    for name, (old, new, _) in mistakes.items():
        (tmp_path / f"{name}.py").write_text("import tinygrad_lecture as tl\n" + text.replace(old, new))
    exercises = [Exercise(name, f"{name}.py", check) for name in mistakes]
    course = Course("one", tmp_path.with_name("given"), exercises, imports=["tinygrad_lecture"])
    for outcome, (_, _, says) in zip(Grader(course, tmp_path).check([*mistakes]), mistakes.values(), strict=True):
        assert outcome.passed is (says == "") and says in outcome.what, outcome
