"""Workers that are processes of MPI. Most need mpi4py and mpiexec: pip install ".[mpi]" mpich"""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import nn
import small_parallel
from nn.parallel import workers
from small_training import fitted

ROOT = Path(__file__).parents[3]
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
needs_mpi = pytest.mark.skipif(
    importlib.util.find_spec("mpi4py") is None or MPIEXEC is None, reason="mpi4py and mpiexec are not installed"
)
PROGRAM = """
    import os, signal, sys, time
    from pathlib import Path
    import numpy as np
    import nn
    import tinygrad_lecture as tl
    from small_training import make

    what, folder = sys.argv[1], Path(sys.argv[2])
    group = nn.parallel.group

    def fail(rank):
        group().meet("begin")
        if group().rank == rank:
            raise FloatingPointError("the loss became nan")
        group().meet("backward")

    def wait():
        (folder / str(os.getpid())).touch()
        group().meet("begin")
        time.sleep(60)

    def numbers():
        print("printed by worker 0 only")
        assert group().gather({"rank": group().rank}) == [{"rank": i} for i in range(group().size)]
        assert len(set(group().gather(tl.rand(1).item()))) == 1
        trainer = make(accumulate=3)
        trainer.fit()
        return {str(i): p.detach().numpy() for i, p in enumerate(trainer.model.parameters())}

    def resumable():
        def end(trainer):
            if trainer.step == 14 and nn.parallel.rank() == 1 and sys.argv[3] == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if trainer.step == 14 and nn.parallel.rank() == 0 and sys.argv[3] == "press":
                os.kill(os.getpid(), signal.SIGINT)
        trainer = make(dropout=0.3, folder=folder, save_seconds=0, record_every=7, on_record=end)
        trainer.fit(resume=True)
        return trainer

    if what == "fail before" and os.environ.get("PMI_RANK", os.environ.get("OMPI_COMM_WORLD_RANK")) == "1":
        raise FileNotFoundError("no data here")
    if what == "numbers":
        learnt = nn.parallel.run(numbers, workers=2)
        print("worker 0 goes on")
        np.savez(folder / "learnt", **learnt)
    elif what == "resumable":
        trainer = nn.parallel.run(resumable, workers=2)
        print(trainer.step)
        nn.weights.save_file(trainer.model.state_dict(), folder / "end.safetensors")
    elif what == "twice":
        nn.parallel.run(len, [], workers=2)
        nn.parallel.run(len, [], workers=2)
    elif what.startswith("fail"):
        try:
            nn.parallel.run(fail, int(sys.argv[3]), workers=2)
        except FloatingPointError as error:
            sys.exit(f"program: {error}")
    else:
        nn.parallel.run(globals()[what], workers=2)
"""


def command(folder, *arguments, before=()):
    program = folder / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    path = os.pathsep.join([str(ROOT), str(Path(small_parallel.__file__).parent), *filter(None, sys.path)])
    return {
        "args": [*before, sys.executable, "-W", "error", str(program), *map(str, arguments)],
        "env": {**os.environ, "PYTHONPATH": path},
        "text": True,
    }


def run(folder, *arguments, before=()):
    return subprocess.run(**command(folder, *arguments, before=before), capture_output=True, timeout=120)


@needs_mpi
@pytest.mark.parametrize("before", [(), (MPIEXEC, "-n", "3")], ids=["by run", "by mpiexec"])
def test_workers_train_to_the_numbers_of_one_and_worker_0_goes_on(tmp_path, before):
    done = run(tmp_path, "numbers", tmp_path, before=before)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["printed by worker 0 only", "worker 0 goes on"]
    with np.load(tmp_path / "learnt.npz") as learnt:
        for i, p in enumerate(fitted(accumulate=3).model.parameters()):
            np.testing.assert_allclose(learnt[str(i)], p.detach().numpy(), atol=1e-4)


@needs_mpi
@pytest.mark.parametrize(
    ("what", "message"),
    [
        (("fail", 0), "program: the loss became nan"),
        (("fail", 1), "raised in worker 1 of 2:"),
        (("fail before", 0), "FileNotFoundError: no data here"),
        (("twice", 0), "nn.parallel.run: a program can call it once: put all into one function"),
    ],
)
def test_an_error_in_one_worker_ends_all_and_is_shown(tmp_path, what, message):
    name, rank = what
    done = run(tmp_path, name, tmp_path, rank)
    assert done.returncode != 0
    assert message in done.stderr


@needs_mpi
def test_workers_that_are_killed_or_interrupted_resume_to_the_same_file(tmp_path):
    folders = {name: tmp_path / name for name in ("whole", "run")}
    for folder in folders.values():
        folder.mkdir()
    assert run(folders["whole"], "resumable", folders["whole"], "").stdout == "24\n"
    killed = run(folders["run"], "resumable", folders["run"], "kill")
    assert killed.returncode == signal.SIGKILL
    assert "Killed (signal 9)" in killed.stdout + killed.stderr
    assert run(folders["run"], "resumable", folders["run"], "press").stdout.splitlines()[-1] == "14"
    assert run(folders["run"], "resumable", folders["run"], "").stdout.splitlines()[-1] == "24"
    one, other = ((folder / "end.safetensors").read_bytes() for folder in folders.values())
    assert one == other


@needs_mpi
def test_all_workers_end_with_the_program(tmp_path):
    (tmp_path / "pids").mkdir()
    program = command(tmp_path, "wait", tmp_path / "pids")
    with subprocess.Popen(**program, stderr=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as process:
        wait_until(lambda: len(list((tmp_path / "pids").iterdir())) == 2)
        process.kill()
        process.communicate()
    wait_until(lambda: not any(is_alive(int(path.name)) for path in (tmp_path / "pids").iterdir()))


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_alive(pid):
    try:
        return os.kill(pid, 0) is None
    except ProcessLookupError:
        return False


# --- what is said without MPI -------------------------------------------------------------------------------


@pytest.fixture
def _started_plainly(monkeypatch):
    for name in ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "NN_PARALLEL_WORKERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(workers, "find_spec", lambda name: None)  # no process is to be started here


@pytest.mark.usefixtures("_started_plainly")
def test_several_workers_without_mpi_say_what_to_install(monkeypatch):
    with pytest.raises(ImportError, match="are processes of MPI, which is missing: python -m pip install mpi4py mpich"):
        nn.parallel.run(len, [], workers=2)
    monkeypatch.setenv("NN_PARALLEL_WORKERS", "2")  # mpiexec has started it, but is none of MPI's
    with pytest.raises(RuntimeError, match="mpiexec starts programs without telling them how many"):
        nn.parallel.run(len, [], workers=2)
    monkeypatch.setattr(sys, "argv", [""])
    with pytest.raises(RuntimeError, match="it must be a file, not a notebook"):
        nn.parallel.run(len, [], workers=2)
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", None)
    with pytest.raises(ImportError, match=r"mpi4py is missing: python -m pip install mpi4py mpich"):
        nn.parallel.run(len, [])


@pytest.mark.usefixtures("_started_plainly")
def test_one_worker_is_a_plain_call_and_fewer_are_refused(monkeypatch):
    assert nn.parallel.run(sorted, [2, 1], workers=1, key=lambda x: -x) == [2, 1]
    assert (nn.parallel.rank(), nn.parallel.size()) == (0, 1)
    with pytest.raises(ValueError, match=r"nn.parallel.run: workers must be"):
        nn.parallel.run(len, [], workers=0)
    monkeypatch.setenv("PMI_SIZE", "1")
    assert nn.parallel.run(len, [1, 2]) == 2
