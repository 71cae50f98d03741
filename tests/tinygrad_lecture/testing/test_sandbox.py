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

from tinygrad_lecture.testing import Course, Exercise, arrays, check_function, check_rule
from tinygrad_lecture.testing.courses import filled, first_gap, gaps
from tinygrad_lecture.testing.sandbox import grader as grader_module, observed, wall
from tinygrad_lecture.testing.sandbox.child import Submission
from tinygrad_lecture.testing.sandbox.grader import Grader

ROOT = Path(__file__).parents[3]
ATTACKS = tomllib.loads((Path(__file__).parent / "attacks.toml").read_text(encoding="utf-8"))
RIGHT = "def double(x):\n    return 2 * x\n"
LIMIT = 0.3  # seconds
walled = pytest.mark.skipif(bool(wall.missing()), reason=f"there is no wall here: {wall.missing()}")
posix = pytest.mark.skipif(sys.platform == "win32", reason="paths, programs and signals of POSIX")


def check_double(student):
    check_function(student.double, lambda x: 2 * x, [arrays()], draws=5)


def check_at_three(student):
    assert student.double(3.0) == 6.0  # zebra


class Room:
    """The folder of a submission, ann's, beside that of a neighbour, bob, and that of what both were given."""

    def __init__(self, root):
        self.ann, self.bob, self.given = (root / name for name in ("ann", "bob", "given"))
        self.ann.mkdir()
        self.given.mkdir()
        self.restore()
        (self.ann / "own.py").write_text(RIGHT)
        self.exercises = {}  # by name

    def restore(self):
        shutil.rmtree(self.bob, ignore_errors=True)
        self.bob.mkdir()
        (self.bob / "own.py").write_text(RIGHT)
        self.files = self.seen()

    def seen(self):
        """What is at bob's, without the times at which it was read and found."""
        return [(p, p.lstat()[:7], p.lstat().st_mtime_ns) for p in self.bob.iterdir()]

    def is_changed(self):
        """Whether something is other than it was at bob's, which is then restored."""
        changed = self.seen() != self.files
        if changed:
            self.restore()
        return changed

    def add(self, name, text, check=check_double, seconds=5.0):
        """An exercise, and ann's answer; of None there is no file."""
        file = f"f{len(self.exercises)}.py"
        self.exercises[name] = Exercise(name, file, check, seconds=seconds)
        (self.given / file).write_text(RIGHT)
        if text is not None:
            (self.ann / file).write_text(text, encoding="utf-8")

    def attack(self, kind, path=None, only=lambda name: True, **options):
        """The attacks of a kind, in files that are right otherwise. path: what they read or change, of bob's."""
        head = f"{ATTACKS['ways']}PATH = {str(path or self.bob / 'own.py')!r}\nMARK = PATH + '.mark'\n"
        for name, text in ATTACKS[kind].items():
            if only(name):
                self.add((kind, name), f"{head}{text}\n{RIGHT}", check_at_three, **options)

    def outcomes(self, **settings):
        """The outcome of each exercise, with `changed`, whether something of bob's was then other, by name."""
        found, course = {}, Course("doubles", self.given, [*self.exercises.values()], **settings)
        grader = Grader(course, self.ann)
        try:
            for outcome in grader.check([*self.exercises]):
                grader.warm()  # many attacks end their process
                outcome.changed = self.is_changed()
                found[outcome.exercise.name] = outcome
        finally:
            grader.close()
        return found


def outcomes(root, *texts, check=check_double, **settings):
    """The outcomes of ann's files with these texts."""
    room = Room(root)
    for k, text in enumerate(texts):
        room.add(k, text, check)
    return [*room.outcomes(**settings).values()]


# --- one grader for all that is told, tried and forged ----------------------------------------------------------------

ENDLESS = "def double(x):\n    print('here')\n    while True:\n        x = x\n"
SLOW = "import time\ndef double(x):\n    time.sleep(0.02)\n    return 3 * x\n"
NUMPY = "import numpy as np\ndef double(x):\n    return "
WRITES = "print('hello')\nwith open('own.txt', 'w') as file:\n    file.write('x')\n" + RIGHT
DEEP = "def double(x):\n    for _ in range(20_000):\n        x = [x]\n    return x\n"
TOLD = {  # a file, and of its outcome a field and what it says
    "it is right": (RIGHT, "passed", True),
    "it is wrong": ("def double(x):\n    return x\n", "what", "double returns a wrong result."),
    "it raises SystemExit": ("def double(x):\n    raise SystemExit(0)\n", "hint", "exit"),
    "it is not Python": ("def double(x)\n    return 2 * x\n", "shown", ":1"),
    "it takes too much memory": (f"{NUMPY}np.ones((60_000, 60_000)) * 2\n", "hint", "memory"),
    "it prints": (WRITES, "printed", "hello\n"),
    "it does not end": (ENDLESS, "message", "It printed:\n    here"),  # which shows nothing of another's
    "it waits": ("import time\ndef double(x):\n    time.sleep(1000)\n", "hint", "waiting"),
    "it fails before its time is over": (SLOW, "what", "double returns a wrong result."),
    "it fails later": (SLOW.replace("3 * x", "(2 + (x != 0)) * x"), "what", "double returns a wrong result."),
    "it changes its input": ("def double(x):\n    x *= 2\n    return x\n", "hint", "input-modified"),
    "it asks": ("def double(x):\n    return float(input())\n", "hint", "input"),
    "it has another name": ("def twice(x):\n    return 2 * x\n", "what", "There is no `double` in f"),
    "it has other parameters": ("def double(g, x):\n    return 3\n", "message", "missing 1 required positional arg"),
    "it raises at its top": ("x = 1 / 0\n", "what", "raises an exception when it is imported"),
    "it raises a long text": ("def double(x):\n    raise ValueError('x' * 10**6)\n", "message", "x... (1,000,012 c"),
    "it returns deep lists": (DEEP, "what", "It returns lists in lists, more than 100 deep."),
    "it returns large arrays": (f"{NUMPY}np.ones(2**24)\n", "what", "It returns 128 MB of arrays"),
    "it returns a long text": ("def double(x):\n    return 'x' * 2**23\n", "what", "It returns 8 MB of text"),
}
TIMED = ("it does not end", "it waits", "it fails")
# Not even for files of your own.
NEVER = {
    "by a link", "by moving it", "by the parent's root", "by a descriptor of its path", "by /proc",
    "from its folder, become the current one", "what is compiled of it",
}  # fmt: skip


KINDS = ("reads", "looks", "changes", "unheard")  # unheard: no error reaches the checker, so the answer is right


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The outcomes of all that one grader has looked at, by name."""
    root = tmp_path_factory.mktemp("room")
    room, course = Room(root), root / "course.py"
    course.write_text("solutions = []")
    for name, (text, *_) in TOLD.items():
        check = check_at_three if "returns" in name else check_double
        room.add(name, text, check, LIMIT if name.startswith(TIMED) else 5.0)
    for name, text in ATTACKS["cheats"].items():
        room.add(("cheats", name), text if "def double" in text else f"{text}\n{RIGHT}")
    if not wall.missing():
        (room.ann / "link").symlink_to(course)
        (room.ann / "hard").hardlink_to(course)
        room.attack("reads", course)
        for kind in KINDS[1:]:
            room.attack(kind)
        for path in (room.given / "f0.py", room.bob / "own.py", f"/proc/{os.getpid()}/mem", "/etc/hosts"):
            text = f"import random\nrandom._os.read(random._os.open({str(path)!r}, 0), 1)\n{RIGHT}"
            room.add(("elsewhere", path), text)
        for name, text in ATTACKS["costs"].items():
            begins = f"{ATTACKS['ways']}def attack():\n{textwrap.indent(text, '    ')}\nattack()\n{RIGHT}"
            room.add(("costs", name), begins, check_at_three, seconds=LIMIT)
    for k, (name, text) in enumerate(ATTACKS["messages"].items()):
        begins = "attack()\n" if k % 2 else ""
        attack = f"{ATTACKS['send']}def attack():\n{textwrap.indent(text, '    ')}\n{begins}"
        room.add(("messages", name), f"{attack}def double(x):\n    attack()\n    return x\n", seconds=LIMIT)
    room.add("after all of them", RIGHT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grader_module, "GRACE", 0.6)
        return room.outcomes()


@pytest.mark.parametrize("name", TOLD)
def test_what_is_wrong_with_a_file_is_told(found, name):
    _, field, says = TOLD[name]
    said = getattr(found[name], field)
    assert found[name].passed is (name in ("it is right", "it prints"))
    if sys.platform == "linux" or "memory" not in name:  # memory has a limit there alone
        assert str(says) in str(said), found[name]
    if name in ("it does not end", "it waits"):
        assert any(f"{found[name].exercise.file}:3" in line or ":4" in line for line in found[name].shown)


@pytest.mark.parametrize("kind", [*KINDS, "cheats", "elsewhere", "messages"])
def test_no_attack_passes_or_changes_anything_and_the_next_answer_is_checked(found, kind):
    tried = {name: outcome for (of, name), outcome in pairs(found) if of == kind}
    assert tried or wall.missing()
    unheard = kind == "unheard"
    assert not {name: o for name, o in tried.items() if o.passed is not unheard or o.hint == "syntax" or o.changed}
    assert all(outcome.what or unheard for outcome in tried.values())
    "".join(map(str, tried.values())).encode()  # it can be written into a file
    assert found["after all of them"].passed
    if kind == "elsewhere":
        assert all("PermissionError" in "\n".join(outcome.shown) for outcome in tried.values())


def pairs(found):
    """The attacks, by their kind and name."""
    return ((name, outcome) for name, outcome in found.items() if isinstance(name, tuple))


TELLS = {  # and "endless"
    "waits": "waiting", "writes without an end": "raises", "fills the disk": "files", "fills the folder": "files",
    "does not let go at its end": None,
}  # fmt: skip


@walled
def test_a_submission_costs_no_more_than_its_limit_and_two_seconds(found):
    for name in ATTACKS["costs"]:
        outcome = found["costs", name]
        assert outcome.passed is (name == "does not let go at its end")  # it was right before
        assert outcome.seconds < LIMIT + 2, outcome
        assert outcome.hint in (TELLS.get(name, "endless"), "endless"), outcome


NOT_EVERYWHERE = {"becomes a program", "chooses its processor", "leaves its user's rights"}


@walled
def test_without_the_wall_these_are_ways_to_change_what_is_a_neighbours(tmp_path, monkeypatch):
    begins = "\nfrom tinygrad_lecture.testing.sandbox import wall; wall.missing = lambda: 'switched off'\nmain()"
    monkeypatch.setattr(grader_module, "START", grader_module.START.replace("\nmain()", begins))
    room = Room(tmp_path)
    room.attack("changes", only=lambda name: name not in NOT_EVERYWHERE)
    room.attack("unheard")
    found = room.outcomes()
    assert not {name: (o.what, o.shown[-1:]) for name, o in found.items() if not o.passed and not o.changed}


@walled
def test_a_submission_reads_its_own_files(tmp_path):
    room = Room(tmp_path)
    (room.ann / "link").symlink_to(room.ann / "own.py")
    room.attack("reads", room.ann / "own.py", lambda name: name not in NEVER and "hard" not in name)
    assert not {name: o.shown[-1] for name, o in room.outcomes().items() if not o.passed}


@posix
@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_a_file_that_is_a_link_to_a_neighbours_is_not_taken(tmp_path, link):
    room = Room(tmp_path)
    room.add("linked", None)
    link(room.ann / "f0.py", room.bob / "own.py")
    outcome = room.outcomes()["linked"]
    assert not outcome.passed and "is a link" in outcome.what


@walled
def test_who_is_linked_to_pays_nothing(tmp_path):
    room = Room(tmp_path)
    room.add("linked to", f"open(__file__).read()\n{RIGHT}", check_at_three)
    time.sleep(0.02)  # as exact as the clock of files is
    (room.given / "linked.py").hardlink_to(room.ann / "f0.py")
    assert room.outcomes()["linked to"].passed
    if os.getuid() == 0:
        (room.bob / "f0.py").hardlink_to(room.ann / "f0.py")
        (room.ann / "later").write_text("")  # the times tell nothing any more, but the owners do
        for uid, path in ((1001, room.ann), (1002, room.bob), (1001, room.ann / "f0.py")):
            os.chown(path, uid, -1)
        assert [wall.is_own(path / "f0.py", path) for path in (room.ann, room.bob)] == [True, False]


@walled
def test_no_number_of_files_hides_a_link_to_a_neighbours(tmp_path):
    room = Room(tmp_path)
    (room.ann / "many").mkdir()
    for k in range(10_010):
        (room.ann / "many" / f"{k}").hardlink_to(room.bob / "own.py")
    *_, last = os.scandir(room.ann / "many")
    room.add("reads", READS.format(last.path))
    assert not room.outcomes()["reads"].passed


READS = "import random\nos = random._os\nos.read(os.open({!r}, 0), 1)\n" + RIGHT


@walled
def test_nothing_is_read_from_which_a_course_can_be(tmp_path, monkeypatch):
    site = tmp_path / "site"
    closed = {
        "teach/course.py": "def check(student): assert student.double(3.0) == 6.0\n", "teach/__init__.py": "",
        "teach/__pycache__/course.cpython-311.pyc": "", "teach/more/answers.txt": "",
    }  # fmt: skip
    for name, text in {**closed, "helper/__init__.py": "", "other.py": ""}.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    begins = f"\nimport site; site.getsitepackages = lambda: [{str(site)!r}]\nmain()"
    monkeypatch.setattr(grader_module, "START", grader_module.START.replace("\nmain()", begins))
    monkeypatch.syspath_prepend(str(site))
    check = runpy.run_path(str(site / "teach" / "course.py"))["check"]
    (tmp_path / "room").mkdir()
    room = Room(tmp_path / "room")
    for name in [*closed, "helper/__init__.py", "other.py"]:
        room.add(name, READS.format(str(site / name)), check)
    found = room.outcomes(imports=["helper"], secret=[str(site / "teach" / "course.py")])
    assert {name for name, outcome in found.items() if outcome.passed} == {"helper/__init__.py", "other.py"}


def test_what_a_course_calls_secret_is_not_read_even_in_ones_own_folder(tmp_path):
    answers = tmp_path / "ann" / "own.py"
    for folder, secret in (("open", []), ("closed", [str(tmp_path / "closed" / "ann" / "own.py")])):
        (tmp_path / folder).mkdir()
        text = f"text = open(__file__.replace('f0.py', '{answers.name}')).read()\n{RIGHT}"
        (outcome,) = outcomes(tmp_path / folder, text, secret=secret)
        assert outcome.passed is not bool(secret), outcome


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the system does not tell who waits")
def test_a_busy_machine_ends_nothing_that_is_right(tmp_path):
    slow = "def double(x):\n    for _ in range(30_000):\n        x = x + 0\n    return 2 * x\n"
    room = Room(tmp_path)
    room.add("slow", slow, check_at_three, seconds=60)
    alone = room.outcomes()["slow"]
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4 * os.cpu_count())]
    try:
        outcome = room.outcomes()["slow"]
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


def test_values_arrive_as_they_were(tmp_path):
    values = [
        None, True, 3, 2**70, 0.1, float("inf"), "ä", [1, (2.0, "x")], {(1, 2): [0.5]}, {1, 2}, np.float32(0.1),
        np.arange(6.0).reshape(2, 3).T, np.zeros((0, 2), np.int64), np.array(True), [],
        np.longdouble(1) / 3, np.ones(2, np.longdouble) / 3,
    ]  # fmt: skip
    text = (
        "value = 3\ndef same(x): return x\ndef one(a, b): return a is b\n"
        "class Number:\n    def __init__(self, x): self.x = x\n"
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
        assert repr(student.Number(2)) == "<Number>"

    (outcome,) = outcomes(tmp_path, text, check=check)
    assert outcome.passed, outcome


# --- a submission's objects of the engine, looked at where they are -------------------------------------------------

LOOKS = """
import tinygrad_lecture as tl
def gradient(m, g, x):
    x = tl.tensor(x, requires_grad=True)
    m.cube(x).backward(tl.tensor(g))
    return x.grad.numpy()
"""
FUNCTION = """
import tinygrad_lecture as tl
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
WRONG_OP = """
import tinygrad_lecture as tl
tl.gelu(tl.zeros(5000))  # Numba loads libraries, if it is there
@tl.op
def cube(x, /): return x * x * x
@cube.backward
def _(g, x): return g * x * x
"""


def test_objects_of_the_engine_are_looked_at_where_they_are(tmp_path):
    (tmp_path / "looks.py").write_text(LOOKS)
    looks = runpy.run_path(str(tmp_path / "looks.py"))

    def check(student):
        gradient = lambda g, x: observed(student, looks["gradient"], g, x)  # noqa: E731
        check_rule(lambda x: x**3, gradient, [arrays()], draws=9)

    (tmp_path / "room").mkdir()
    right, wrong = outcomes(tmp_path / "room", FUNCTION, WRONG_OP, check=check, imports=["tinygrad_lecture"])
    assert right.passed, right
    assert "gradient of x" in wrong.what
