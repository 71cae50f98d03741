"""Workers that are processes: what they begin with, and that they end together and leave nothing behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import nn
import small_parallel
import tinygrad_lecture as tl
from programs import ROOT, run_python
from small_parallel import about_this_worker, assert_close, assert_same_bits, end_badly, in_processes, in_threads, train

SHARED = Path("/dev/shm")
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and /proc as on Linux or macOS")


def shared_memory():
    return {path.name for path in SHARED.iterdir() if path.name.startswith("psm_")} if SHARED.is_dir() else set()


def children():
    """The processes that this one has started and that still run."""
    listed = subprocess.run(["ps", "-o", "pid=,ppid=,args="], capture_output=True, text=True).stdout.splitlines()
    return [line for line in listed if line.split()[1] == str(os.getpid()) and "spawn_main" in line]


@pytest.fixture(autouse=True)
def _nothing_is_left():
    before = shared_memory()
    yield
    assert children() == []
    left = shared_memory() - before
    for _ in range(200):  # another program, such as other tests at the same time, may be using some of it
        if not left & shared_memory():
            return
        time.sleep(0.1)
    assert left & shared_memory() == set()


def test_workers_begin_alike_print_nothing_and_use_one_thread_each(monkeypatch, capfd):
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        "tinygrad_lecture.kernels.blas.openblas", lambda: None
    )  # here too few cores may be allowed already
    before = shared_memory()
    tl.manual_seed(3)
    first, second = nn.parallel.run(about_this_worker, workers=2)
    assert [first["rank"], second["rank"]] == [0, 1]
    assert first["pid"] == os.getpid() != second["pid"]
    assert second["threads"] == ["1", "1"]
    assert os.environ.get("OPENBLAS_NUM_THREADS") is None
    assert first["drawn"] == second["drawn"]
    assert second["ignores Ctrl-C"]
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    assert {name for name in second["shared memory with a name"] if name.startswith("psm_")} <= before
    assert capfd.readouterr().out == "not shown, but by worker 0\n"


def test_what_the_user_says_of_threads_dtypes_and_modes_holds(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    tl.set_default_dtype(tl.float64)
    try:
        with tl.no_grad(), tl.reference():
            _, second = nn.parallel.run(about_this_worker, workers=2)
    finally:
        tl.set_default_dtype(tl.float32)
    assert second["threads"] == [None, "2"]
    assert second["dtype"] == tl.float64
    assert second["recording, reference"] == (False, True)


@pytest.mark.parametrize("workers", [2, 3])
def test_processes_train_to_the_bits_of_threads_and_the_numbers_of_one_worker(workers):
    tasks = [{}, {"optimizer": "SGD", "batch_size": 11, "accumulate": 2}, {"known": False}]
    for task, result in zip(tasks, nn.parallel.run(in_processes, tasks, workers=workers), strict=True):
        assert_same_bits(result, in_threads(train, workers=workers, **task)[0])
        assert_close(result, train(**task))


def test_models_and_optimisers_are_sent_and_worker_0_has_its_own():
    model = nn.MLP([3, 8, 4], nn.Tanh)
    optimizer = nn.optim.Adam(model.parameters(), 0.01)
    batches = [small_parallel.points(24)] * 5
    history = nn.parallel.run(nn.fit, model, batches, nn.CrossEntropyLoss(), optimizer, epochs=4, show=False, workers=2)
    assert history.train_loss[-1] < history.train_loss[0]
    assert nn.evaluate(model, batches, nn.CrossEntropyLoss()).loss < history.train_loss[-1]  # this model has learnt
    assert [held["step"] for held in optimizer.state_dict()["state"].values()] == [20] * 4


@pytest.mark.parametrize(("rank", "workers"), [(0, 2), (2, 3)])
def test_the_error_of_a_worker_is_raised_with_its_traceback(rank, workers):
    with pytest.raises(FloatingPointError, match="the loss became nan") as caught:
        nn.parallel.run(end_badly, "raise", rank, workers=workers)
    notes = "".join(getattr(caught.value, "__notes__", []))
    assert (f"raised in worker {rank} of 3" in notes and "in end_badly" in notes) is (rank > 0)


@POSIX
@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ("kill", ChildProcessError, r"worker 1 was killed by signal 9 \(SIGKILL\)"),
        ("exit", ChildProcessError, "worker 1 ended with exit code 3"),
        ("raise what cannot be sent", RuntimeError, "a worker failed"),
        ("exit early", RuntimeError, "worker 0 waits in .* for another, which has ended: all must take as many steps"),
        (
            "return early",
            RuntimeError,
            "worker 1 waits in .* for another, which has ended: all must take as many steps",
        ),
    ],
)
def test_a_worker_that_cannot_say_why_it_ended_is_named(how, kind, message):
    with pytest.raises(kind, match=message) as caught:
        nn.parallel.run(end_badly, how, how != "return early", workers=2)
    if how == "raise what cannot be sent":
        assert "NotSendable: 3: out of paper" in caught.value.__notes__[0]


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_all_workers_end_with_worker_0(tmp_path, number):
    program = [sys.executable, small_parallel.__file__, str(tmp_path)]
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "helpers")])
    with subprocess.Popen(
        program, env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        wait_until(lambda: len(list(tmp_path.iterdir())) == 3)
        if number == signal.SIGINT:
            os.killpg(run.pid, number)  # as a terminal does
        else:
            run.send_signal(number)
        said = run.stderr.read()
    assert said.count("Traceback") == (1 if number == signal.SIGINT else 0), said
    if number == signal.SIGTERM:
        assert said == "", "semaphores were left for Python's resource tracker"
    wait_until(lambda: not any(is_alive(int(path.name)) for path in tmp_path.iterdir()))


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_cannot_be_sent_is_refused_before_anything_starts():
    def within():
        pass

    for function, argument in [(within, 1), (lambda x: x, 1), (print, tl.ones(2, requires_grad=True) * 2)]:
        with pytest.raises(TypeError, match=r"cannot be sent to another process.*at the top of a file, not within a"):
            nn.parallel.run(function, argument, workers=2)


def test_a_program_without_its_guard_is_told_so(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
        import nn
        def train():
            return 1
        nn.parallel.run(train, workers=2)
    """)
    )
    done = run_python(program)
    assert done.returncode == 1
    assert 'call it below `if __name__ == "__main__":`' in done.stderr


def test_too_little_shared_memory_is_an_error_and_no_crash(monkeypatch):
    from nn.parallel import local

    monkeypatch.setattr(local.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 10**6}))
    monkeypatch.setattr(local.Path, "is_dir", lambda path: True)
    with pytest.raises(MemoryError, match=r"need 2 MB of shared memory, and .* has 1 MB free: .*--shm-size"):
        local._check_room(2 * 10**6)
