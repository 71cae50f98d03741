"""A Trainer in several workers: the results of one worker, to rounding, and exact resumption. See nn.parallel."""

import os
import signal
import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from programs import run_python
from small_parallel import in_threads
from small_training import Killed, Press, bits, blobs, everything, fitted, halves, killed_after, made, make, shuffled

KINDS = {
    "plain": {},
    "a test, a schedule and accuracy": {"schedule": halves, "accuracy": True, "test": shuffled(2, 9)},
    "accumulated": {"accumulate": 3, "clip_norm": 0.5},
    "steps": {"steps": 19, "record_every": 4, "batches": shuffled(5)},
    "a list with a batch of one row": {"batches": lambda: list(nn.DataLoader(blobs(49), 8)), "test": shuffled(None, 7)},
}


def start(kind, **more):
    return made({"rate": 0.05, **KINDS[kind], **more})


def fit(kind, calls=None, **more):
    """Everything that a run ends with."""
    trainer = start(kind, **more)
    if calls is not None:
        killed_after(trainer, calls)
    trainer.fit(resume="folder" in more)
    return everything(trainer)


def with_workers(trainer, workers=2, **settings):
    in_threads(trainer.fit, workers=workers, **settings)
    return trainer


def assert_alike(several, one, atol=1e-5):
    """Whether the runs with several workers and one have learnt the same, to rounding, with the same history."""
    for p, q in zip(several.model.parameters(), one.model.parameters(), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), atol=atol)
    for row, other in zip(one.history, several.history, strict=True):
        for scores, others in ((row.train, other.train), (row.test, other.test)):
            assert (scores is None) == (others is None)
            if scores is not None:
                assert others.loss == pytest.approx(scores.loss, abs=atol)
                assert others.accuracy == scores.accuracy
    assert one.history.best == several.history.best


@pytest.mark.parametrize("workers", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_weights_and_history_are_those_of_one_worker(kind, workers):
    one = start(kind)
    one.fit()
    several = with_workers(start(kind), workers)
    assert_alike(several, one)
    assert [held["step"] for held in several.optimizer.state_dict()["state"].values()] == [one.step] * 4


def half_ignored():
    x, y = blobs(12)[:]
    return make(batches=[(x, tl.tensor(np.where(np.arange(12) < 6, -100, y.numpy())))])  # worker 0 has nothing


def summed():
    trainer = make(rate=0.01)
    trainer.loss = nn.CrossEntropyLoss(reduction="sum")
    return trainer


@pytest.mark.parametrize("begin", [half_ignored, summed])
def test_losses_are_weighed_by_what_counts(begin):
    one = begin()
    one.fit()
    several = with_workers(begin())
    assert several.history.train_loss == pytest.approx(one.history.train_loss, rel=1e-4)


@pytest.mark.parametrize("kind", ["plain", "a test, a schedule and accuracy", "steps"])
@settings(max_examples=4)
@given(ends=st.lists(st.integers(0, 30), min_size=1, max_size=3))
def test_a_killed_run_resumes_to_the_same_bits(kind, ends, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    whole = in_threads(fit, kind, dropout=0.4)
    assert all(whole[0][part] == whole[1][part] for part in ("model", "optimizer"))
    for calls in ends:
        try:
            in_threads(fit, kind, calls, dropout=0.4, folder=folder, save_seconds=0.0)
        except Killed:
            tl.rand(3)  # a new process would not have this one's random stream
    assert in_threads(fit, kind, dropout=0.4, folder=folder) == whole


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2), (3, 2)])
def test_a_run_goes_on_with_another_number_of_workers(before, after, tmp_path):
    one = fitted(rate=0.05, folder=tmp_path / "one", record_every=24)
    with pytest.raises(Killed):
        in_threads(fit, "plain", 14, folder=tmp_path / "run", save_seconds=0.0, record_every=24, workers=before)
    several = make(rate=0.05, folder=tmp_path / "run", record_every=24)
    assert_alike(with_workers(several, after, resume=True), one)


class Drawn:
    """Batches whose rows are drawn while they are iterated."""

    def __len__(self):
        return 6

    def __iter__(self):
        for _ in range(6):
            yield blobs()[tl.randint(0, 48, (8,)).numpy()]


@pytest.mark.parametrize(
    ("batches", "numbers"),
    [
        (Drawn, (2, 1)),
        (shuffled(None), (1, 2)),
        (shuffled(None), (2, 2)),
        (lambda: list(nn.DataLoader(blobs(), 8)), (1, 2)),
    ],
)
def test_a_run_that_stopped_within_an_epoch_goes_on_with_other_workers(batches, numbers):
    settings = {"rate": 0.05, "record_every": 24, "steps": 24}
    one = fitted(**settings, batches=batches())
    several = make(**{**settings, "steps": 3}, batches=batches())
    for workers in numbers:
        with_workers(several, workers)
        several.steps = 24
    for p, q in zip(several.model.parameters(), one.model.parameters(), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), atol=1e-4)


def test_ctrl_c_stops_all_workers_after_the_same_step_and_the_run_resumes(tmp_path):
    def interrupted(press, **more):
        trainer = make(dropout=0.3, **more)
        if press and nn.parallel.rank() == 0:
            trainer.loss = Press(11)
        trainer.fit(resume=not press)
        return trainer.step, trainer.history.interrupted, bits(trainer)

    whole = in_threads(interrupted, False, folder=tmp_path / "whole")
    assert [stop[:2] for stop in in_threads(interrupted, True, folder=tmp_path / "run")] == [(11, True)] * 2
    assert in_threads(interrupted, False, folder=tmp_path / "run") == whole


def test_only_worker_0_writes_files_and_holds_the_folder(tmp_path, monkeypatch):
    from nn import weights

    writers, plain = set(), weights.save_file

    def watched(*args):
        writers.add(nn.parallel.rank())
        return plain(*args)

    monkeypatch.setattr(weights, "save_file", watched)
    in_threads(fit, "a test, a schedule and accuracy", folder=tmp_path, save_seconds=0.0, workers=3)
    assert writers == {0}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.safetensors", "last.safetensors"]


def test_a_loss_that_becomes_nan_in_one_worker_ends_all():
    def diverge():
        trainer = make()
        if nn.parallel.rank():
            trainer.loss = lambda outputs, targets: nn.functional.cross_entropy(outputs, targets) * float("nan")
        trainer.fit()

    with pytest.raises(FloatingPointError, match="the loss became nan"):
        in_threads(diverge)


PROGRAM = """
    import os, signal, sys
    import nn
    from small_training import make

    def end(trainer):
        if trainer.step == 14 and nn.parallel.rank() == 1 and sys.argv[2] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if trainer.step == 14 and nn.parallel.rank() == 0 and sys.argv[2] == "press":
            os.kill(os.getpid(), signal.SIGINT)

    if __name__ == "__main__":
        trainer = make(dropout=0.3, folder=sys.argv[1], save_seconds=0, record_every=7, on_record=end)
        try:
            nn.parallel.run(trainer.fit, resume=True, workers=2)
        except ChildProcessError as error:
            sys.exit(str(error))
        print(trainer.step)
        nn.weights.save_file(trainer.model.state_dict(), sys.argv[1] + "/end.safetensors")
"""


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_processes_that_are_killed_or_interrupted_resume_to_the_same_file(tmp_path):
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))

    def run(folder, how):
        return run_python(tmp_path / "program.py", tmp_path / folder, how)

    assert run("whole", "").stdout == "24\n"
    killed = run("run", "kill")
    assert f"worker 1 was killed by signal {signal.SIGKILL:d}" in killed.stderr
    assert run("run", "press").stdout.splitlines()[-1] == "14"
    assert run("run", "").stdout.splitlines()[-1] == "24"
    one, other = ((tmp_path / name / "end.safetensors").read_bytes() for name in ("whole", "run"))
    assert one == other
