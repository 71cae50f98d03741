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
from tinygrad_lecture.testing.course.exercise import find_course
from tinygrad_lecture.testing.sandbox import parent
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


def outcomes(course_file, folder, texts, seconds=3):
    """The outcomes of files with these texts."""
    names = [f"f{k}" for k in range(len(texts))]
    course = Course(
        "doubles", course_file.parent / "given", [Exercise(n, f"{n}.py", check_double, seconds=seconds) for n in names]
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
    "the engine is found as loaded": "import random\nrandom._os.sys.modules['tinygrad_lecture'].ones\n" + RIGHT,
    "the checker is imported by another way": "m = __import__('tinygrad_lecture')\n" + RIGHT,
    "importlib is used": "import importlib\n" + RIGHT,
    "a program is started": "import os\nos.system('true')\n" + RIGHT,
    "a file elsewhere is written": "open('/tmp/forbidden.txt', 'w')\n" + RIGHT,
    "a file elsewhere is written by NumPy": "import numpy as np\nnp.save('/tmp/forbidden.npy', np.ones(1))\n" + RIGHT,
    "a network connection is made": "import socket\n" + RIGHT,
    "a process is started by a way around": "import random\nrandom._os.system('true')\n" + RIGHT,
    "python is ended by a way around": "import random\nrandom._os._exit(0)\n" + RIGHT,
    "the grader is ended": "import random\nrandom._os.kill(random._os.getppid(), 0)\n" + RIGHT,
    "the grader and all beside it are ended": "import random\nrandom._os.killpg(0, 0)\n" + RIGHT,
    "the grader is given less": "import random\nrandom._os.sys.modules['resource'].prlimit(1, 7)\n" + RIGHT,
    "an interpreter without rules": "import random\nimport _xxsubinterpreters\n" + RIGHT,
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


WAYS = """
import random
import numpy as np
os, sys, modules = random._os, random._os.sys, random._os.sys.modules
def thread(function, *args):
    found = []
    one = modules["threading"].Timer(0, lambda: found.append(function(*args)))
    one.start()
    one.join()
    return found[0]
def deleted(function, *args):
    found = []
    class Thing:
        def __del__(self): found.append(function(*args))
    Thing()
    return found[0]
def signalled(function, *args):
    found = []
    modules["signal"].signal(10, lambda *_: found.append(function(*args)))
    modules["signal"].raise_signal(10)
    return found[0]
class Changing:
    asked = 0
    def __init__(self, path): self.path = path
    def __fspath__(self):
        self.asked += 1
        return self.path if self.asked == 1 else __file__
def elsewhere(function, *args):
    scope = {}
    exec(compile("def run(f, *a): return f(*a)", modules["json"].__file__, "exec"), scope)
    return scope["run"](function, *args)
def as_source(path):
    scope = {}
    exec(compile("def f(): pass", path, "exec"), scope)
    return modules["inspect"].getsource(scope["f"])
"""
READS = {  # PATH is read
    "by open": "open(PATH).read()",
    "by io": "modules['io'].open(PATH).read()",
    "as code": "modules['io'].open_code(PATH).read()",
    "by a descriptor": "os.read(os.open(PATH, os.O_RDONLY), 99)",
    "from its folder": "os.read(os.open(os.path.basename(PATH), 0, dir_fd=os.open(os.path.dirname(PATH), 0)), 9)",
    "by a path with dots": "open(os.path.dirname(__file__) + '/..' * 20 + PATH).read()",
    "by /proc": "open('/proc/self/root' + PATH).read()",
    "by an object that changes its mind": "modules['io'].FileIO(Changing(PATH)).read()",
    "by NumPy": "np.fromfile(PATH, dtype=np.uint8)[0]",
    "as text by NumPy": "np.loadtxt(PATH, dtype=str, delimiter='|', comments=None)[0]",
    "as memory": "np.memmap(PATH, dtype=np.uint8, mode='r')[0]",
    "by linecache": "modules['linecache'].getlines(PATH)[0]",
    "by inspect": "as_source(PATH)",
    "by a loader": "modules['importlib.machinery'].SourceFileLoader('a', PATH).get_data(PATH)",
    "by an import": "__import__(PATH.removesuffix('.py'))",
    "by runpy's way": "exec(open(PATH).read(), {})",
    "in a thread": "thread(open, PATH).read()",
    "in __del__": "deleted(open, PATH).read()",
    "in a signal handler": "signalled(open, PATH).read()",
    "by a function of another file": "elsewhere(open, PATH).read()",
    "by a link": "os.symlink(PATH, __file__ + '.link')\nopen(__file__ + '.link').read()",
    "by a link that was sent in": "open(os.path.dirname(__file__) + '/link').read()",
    "by a hard link that was sent in": "open(os.path.dirname(__file__) + '/hard').read()",
    "the names in its folder": "os.listdir(os.path.dirname(PATH))",
    "the files in its folder": "next(os.scandir(os.path.dirname(PATH)))",
    "by moving it": "os.rename(PATH, __file__ + '.moved')",
    "by copying it": "modules['shutil'].copyfile(PATH, __file__ + '.copy')",
}


def readable(kind, course_file, folder):
    """Files that a submission may not read."""
    (folder.parent / "bob").mkdir(exist_ok=True)
    (folder.parent / "bob" / "f0.py").write_text(RIGHT)
    return {
        "the course": course_file,
        "what is given": course_file.parent / "given" / "f0.py",
        "a neighbour's": folder.parent / "bob" / "f0.py",
        "the grader's memory": Path(f"/proc/{os.getpid()}/mem"),
        "a system's": Path("/etc/hosts"),
    }[kind]


def reading(path, ways):
    return [f"{WAYS}PATH = {str(path)!r}\n{way}\n{RIGHT}" for way in ways]


@pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX")
def test_a_submission_reads_its_own_files_alone(course_file, tmp_path):
    folder = tmp_path / "ann"
    folder.mkdir()
    (folder / "own.py").write_text("'''own'''\n" + RIGHT)
    (folder / "link").symlink_to(course_file)
    (folder / "hard").hardlink_to(course_file)
    refused = outcomes(course_file, folder, [*reading(course_file, READS.values()), RIGHT])
    passed = [way for way, outcome in zip(READS, refused, strict=False) if outcome.passed]
    assert not passed
    assert refused[-1].passed
    for kind in ("what is given", "a neighbour's", "the grader's memory", "a system's"):
        (outcome,) = outcomes(course_file, folder, reading(readable(kind, course_file, folder), ["open(PATH).read(1)"]))
        assert "PermissionError" in "\n".join(outcome.shown), (kind, outcome)
    (folder / "hard").unlink()
    (folder / "hard").write_text("")
    (folder / "link").unlink()
    (folder / "link").symlink_to(folder / "own.py")
    ways = {way: text for way, text in READS.items() if "link" not in text.split("(")[0] and way not in NEVER}
    own = outcomes(course_file, folder, reading(folder / "own.py", ways.values()))
    assert not [(way, o.shown) for way, o in zip(ways, own, strict=True) if not o.passed]  # these are ways to read


NEVER = {  # not even for files of one's own
    "from its folder", "by an object that changes its mind", "by a link", "by an import", "by inspect", "by moving it",
    "as code", "by NumPy",
}  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX")
@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_a_file_that_is_a_link_to_a_neighbours_is_not_taken(course_file, tmp_path, link):
    for name, text in (("ann", None), ("bob", RIGHT)):
        (tmp_path / name).mkdir()
        if text:
            (tmp_path / name / "f0.py").write_text(text)
    link(tmp_path / "ann" / "f0.py", tmp_path / "bob" / "f0.py")
    found = [
        next(Grader(find_course(str(course_file)), str(course_file), tmp_path / n).check(["f0"]))
        for n in ("ann", "bob")
    ]
    assert [o.passed for o in found] == [False, link is Path.symlink_to], found  # whose a hard link is, nobody can tell
    assert "is a link" in found[0].what


def test_what_a_course_calls_secret_is_not_read_even_in_ones_own_folder(tmp_path):
    (tmp_path / "answers.txt").write_text("2 * x")
    (tmp_path / "one.py").write_text("text = open(__file__.replace('one.py', 'answers.txt')).read()\n" + RIGHT)
    for secret, passed in (([], True), ([str(tmp_path / "answers.txt")], False)):
        course = Course("one", tmp_path, [Exercise("one", "one.py", check_double)], secret=secret)
        (outcome,) = Grader(course, "none", tmp_path).check(["one"])
        assert outcome.passed is passed, outcome


PROGRAMS = {  # MARK is written by a program, if one is started
    "by a timer": "modules['threading'].Timer(0.01, os.system, ['touch MARK']).start()\nmodules['time'].sleep(0.1)",
    "by a thread": "thread(os.system, 'touch MARK')",
    "when it ends": "modules['atexit'].register(os.system, 'touch MARK')\nraise SystemExit",
    "when an object ends": "deleted(os.system, 'touch MARK')",
    "by a signal": "signalled(os.system, 'touch MARK')",
    "by a function of another file": "elsewhere(os.system, 'touch MARK')",
    "by a trace": "sys.settrace(lambda *a: os.system('touch MARK'))\n(lambda: 0)()\nsys.settrace(None)",
    "by subprocess": "modules['subprocess'].run(['touch', 'MARK'])",
    "by what subprocess calls": "modules['_posixsubprocess'].fork_exec(['touch', 'MARK'], [b'/usr/bin/touch'], True, "
    "(), None, None, -1, -1, -1, -1, -1, -1, *os.pipe(), False, False, 0, None, None, None, -1, None)\n"
    "modules['time'].sleep(0.1)",
    "by spawn": "os.posix_spawn('/usr/bin/touch', ['touch', 'MARK'], {})\nmodules['time'].sleep(0.1)",
    "by fork": "os.fork() or os.execv('/usr/bin/touch', ['touch', 'MARK'])",
    "by a pipe": "os.popen('touch MARK').read()",
    "by C": "modules['ctypes'].CDLL(None).system(b'touch MARK')",
    "by a file that is written": "open('MARK', 'w')",
    "by a descriptor": "os.open('MARK', os.O_WRONLY | os.O_CREAT)",
}


@pytest.mark.skipif(sys.platform == "win32", reason="programs of POSIX")
def test_a_submission_starts_no_program(course_file, tmp_path):
    mark = tmp_path / "mark"
    (tmp_path / "ann").mkdir()
    texts = [f"{WAYS}{way.replace('MARK', str(mark))}\n{RIGHT}" for way in PROGRAMS.values()]
    assert outcomes(course_file, tmp_path / "ann", [*texts, RIGHT])[-1].passed
    time.sleep(0.1)
    assert not mark.exists()


UNHEARD = {  # of these attempts no error reaches the checker
    "in a thread": "modules['threading'].Thread(target=os.system, args=['true']).start()\nmodules['time'].sleep(0.1)",
    "at exit": "modules['atexit'].register(os.system, 'true')",
    "when an object ends": "class Thing:\n    def __del__(self): os.system('true')\nThing()",
    "caught": "try:\n    os.system('true')\nexcept OSError:\n    pass",
}


@pytest.mark.skipif(sys.platform == "win32", reason="programs of POSIX")
def test_an_attempt_to_start_a_program_is_told_also_where_its_error_is_lost(course_file, tmp_path):
    *found, right = outcomes(course_file, tmp_path, [*(f"{WAYS}{way}\n{RIGHT}" for way in UNHEARD.values()), RIGHT])
    assert right.passed, right
    assert not [way for way, o in zip(UNHEARD, found, strict=True) if "tries to start a program" not in o.what], found


SEND = """
import random
os = random._os
def send(text, numbers=b"", said=None):
    head = b"tltw" + len(text).to_bytes(4, "big") + (len(numbers) if said is None else said).to_bytes(8, "big")
    write(head + text + numbers)
def write(data):
    for descriptor in range(3, 12):
        try:
            os.write(descriptor, data)
        except OSError:
            pass
"""
MESSAGES = {  # what a submission may write in place of an answer
    "no message": "write(b'no message')\nos._exit(0)",
    "a traceback of its own": "write(b'most recent call first\\n  File \"a\\\\xz\", line 9 in f\\n')\nos._exit(0)",
    "a message without an end": "write(b'tltw' + bytes(11) + b'\\xff')",
    "a message that is cut off": "send(b'[', b'', 99)\nos._exit(0)",
    "half a head": "write(b'tltw')\nos._exit(0)",
    "the end": "os._exit(0)",
    "nothing any more": "os.closerange(3, 12)",
    "a huge message": "write(b'tltw' + b'\\xff' * 12)",
    "no JSON": "send(b'\\xff\\xff')",
    "a number": "send(b'3')",
    "a list of another length": "send(b'[1, 2]')",
    "brackets without an end": "send(b'[' * 1_000_000)",
    "a handle to nothing": 'send(b\'["told", ["tuple", [["yours", 12345678]]], []]\')',
    "another request": 'send(b\'["ask", ["list", ["call", 3]], []]\')',
    "a request of nothing": "send(b'[\"ask\", null, []]')",
    "an answer to nothing": "send(b'[\"told\", null, []]')",
    "an error of no kind": 'send(b\'["raised", ["tuple", [["tuple", [3, 4]], ["list", []]]], []]\')',
    "a failure of numbers": 'send(b\'["raised", ["tuple", [["tuple", [["dict", [["tuple", ["what", 3]], ["tuple", '
    '["kind", ["list", []]]], ["tuple", ["shown", 4]]]], ""]], ["list", []]]], []]\')',
    "a failure of text that no file holds": 'send(b\'["raised", ["tuple", [["tuple", [["dict", [["tuple", ["what", '
    '"\\\\ud800"]]]], ""]], ["list", []]]], []]\')',
    "an array of objects": 'send(b\'["told", 3, [["O", [1], true]]]\', bytes(8))',
    "an array of no shape": 'send(b\'["told", 3, [["<f8", [-3, "x"], true]]]\', bytes(8))',
    "an array of no dtype": 'send(b\'["told", 3, [["<f12345", [1], true]]]\', bytes(8))',
    "a change of what was not given": 'send(b\'["told", ["tuple", [3, ["list", [["list", [77, 3]]]]]], []]\')',
    "a set whose numbers are all alike": "send(b'[\"told\", [\"set\", [' + b','.join(b'%d' % (k * (2**61 - 1)) "
    "for k in range(1, 150_000)) + b']], []]')",
    "answers without an end": 'while True:\n    send(b\'["told", ["tuple", [["tuple", [2, ""]], ["list", []]]], []]\')',
    "bytes without an end": "while True:\n    write(bytes(2**20))",
}


def test_what_is_no_message_is_this_submissions_failure_alone(course_file, tmp_path, monkeypatch):
    monkeypatch.setattr(parent, "GRACE", 1.0)  # for those that wait for each other
    texts = []
    for k, attack in enumerate(MESSAGES.values()):
        attacks = f"def attack():\n{textwrap.indent(attack, '    ')}\n"
        begins = "attack()\n" if k % 2 else ""
        texts.append(f"{SEND}{attacks}{begins}def double(x):\n    attack()\n    return x\n")
    *found, last = outcomes(course_file, tmp_path, [*texts, RIGHT], seconds=0.3)
    assert last.passed, last
    passed = [name for name, outcome in zip(MESSAGES, found, strict=True) if outcome.passed]
    assert not passed
    for outcome in found:
        str(outcome).encode()  # it can be written into a file


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
