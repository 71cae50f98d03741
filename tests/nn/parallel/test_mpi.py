"""Workers that MPI has started. Needs mpi4py and mpiexec: pip install ".[mpi]" mpich"""

import importlib.util
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import nn
import small_parallel
from small_parallel import assert_close, train
from small_training import fitted

ROOT = Path(__file__).parents[3]
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))

needs_mpi = pytest.mark.skipif(
    importlib.util.find_spec("mpi4py") is None or MPIEXEC is None, reason="mpi4py and mpiexec are not installed"
)

PROGRAM = """
    import os
    import sys
    import numpy as np
    import nn
    from small_parallel import train
    from small_training import make

    def fail():
        nn.parallel.group().gather("begin")
        if nn.parallel.rank() == int(sys.argv[2]):
            raise FloatingPointError("the loss became nan")
        nn.parallel.group().meet("backward")

    def differ():
        if nn.parallel.rank() == 0:
            nn.parallel.mean(1.0)
        nn.parallel.group().meet("backward")

    def end_early():
        if nn.parallel.rank() == 0:
            nn.parallel.group().meet("backward")

    def numbers():
        print("printed by worker 0 only")
        group = nn.parallel.group()
        assert group.gather({"rank": group.rank}) == [{"rank": i} for i in range(group.size)]
        trainer = make()
        trainer.fit()
        learnt = {str(i): p.detach().numpy() for i, p in enumerate(trainer.model.parameters())}
        return train(), train("SGD", batch_size=11, accumulate=2), train(known=False), learnt

    if __name__ == "__main__":
        if sys.argv[1] == "fail before":
            if os.environ.get("PMI_RANK", os.environ.get("OMPI_COMM_WORLD_RANK")) == "1":
                raise FileNotFoundError("no data here")
            nn.parallel.run(len, [])
        if sys.argv[1] in ("differ", "end_early"):
            nn.parallel.run(globals()[sys.argv[1]])
        if sys.argv[1] == "twice":
            nn.parallel.run(len, [])
            nn.parallel.run(len, [])
        if sys.argv[1] == "fail":
            try:
                nn.parallel.run(fail)
            except FloatingPointError as error:
                sys.exit(f"program: {error}")
        results = nn.parallel.run(numbers, workers=7)
        print("worker 0 goes on")
        for i, result in enumerate(results):
            np.savez(f"{sys.argv[1]}/{i}", **result)
"""


def mpiexec(folder, workers, *arguments):
    (folder / "program.py").write_text(textwrap.dedent(PROGRAM))
    command = [MPIEXEC, "-n", str(workers), sys.executable, "-W", "error", str(folder / "program.py"), *arguments]
    path = os.pathsep.join([str(ROOT), str(Path(small_parallel.__file__).parent)])
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=120)


@needs_mpi
@pytest.mark.parametrize("workers", [2, 3])
def test_ranks_train_to_the_numbers_of_one_worker_and_worker_0_goes_on(tmp_path, workers):
    done = mpiexec(tmp_path, workers, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["printed by worker 0 only", "worker 0 goes on"]
    for i, task in enumerate([{}, {"optimizer": "SGD", "batch_size": 11, "accumulate": 2}, {"known": False}]):
        with np.load(tmp_path / f"{i}.npz") as result:
            assert_close(dict(result), train(**task))
    expected = {str(i): p.detach().numpy() for i, p in enumerate(fitted().model.parameters())}
    with np.load(tmp_path / "3.npz") as result:
        assert_close(dict(result), expected, 1e-4)


@needs_mpi
@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_fails_ends_all(tmp_path, rank):
    done = mpiexec(tmp_path, 2, "fail", str(rank))
    assert done.returncode != 0
    if rank == 0:
        assert "program: the loss became nan" in done.stderr
    else:
        assert "raised in worker 1 of 2:" in done.stderr
        assert "FloatingPointError: the loss became nan" in done.stderr


@needs_mpi
@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("differ", "different places of the program: worker 0 in mean, worker 1 in backward. All must make the same"),
        ("end_early", "different places of the program: worker 0 in backward, worker 1 in run, at its end."),
        ("twice", "under mpiexec a program can call it once"),
        ("fail before", "FileNotFoundError: no data here"),
    ],
)
def test_what_would_wait_for_ever_ends_with_an_error(tmp_path, what, message):
    done = mpiexec(tmp_path, 2, what)
    assert done.returncode != 0
    assert message in done.stderr


def test_a_program_started_by_mpi_without_mpi4py_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", None)
    with pytest.raises(ImportError, match=r'mpi4py is missing: pip install ".\[mpi\]"'):
        nn.parallel.run(len, [])


def test_one_process_of_mpi_is_as_any_other(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "1")
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", None)
    assert nn.parallel.run(len, [1, 2]) == 2
