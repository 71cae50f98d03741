"""A Trainer in several workers: the results of one worker, to rounding, and exact resumption. See nn.parallel."""

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from small_parallel import in_threads
from small_training import Killed, Press, bits, blobs, everything, halves, killed_after, made, make, shuffled

KINDS = {
    "a test, a schedule and accuracy": {"schedule": halves, "accuracy": True, "test": shuffled(2, 9)},
    "accumulated": {"accumulate": 3, "clip_norm": 0.5},
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


@pytest.mark.parametrize(("kind", "workers"), [*((kind, 2) for kind in KINDS), ("accumulated", 3)])
def test_weights_and_history_are_those_of_one_worker(kind, workers):
    one = start(kind)
    one.fit()
    several = start(kind)
    in_threads(several.fit, workers=workers)
    for p, q in zip(several.model.parameters(), one.model.parameters(), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), atol=1e-5)
    for row, other in zip(one.history, several.history, strict=True):
        for scores, others in ((row.train, other.train), (row.test, other.test)):
            assert (scores is None) == (others is None)
            if scores is not None:
                assert others.loss == pytest.approx(scores.loss, abs=1e-5)
                assert others.accuracy == scores.accuracy
    assert one.history.best == several.history.best
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
    several = begin()
    in_threads(several.fit)
    assert several.history.train_loss == pytest.approx(one.history.train_loss, rel=1e-4)


def test_a_killed_run_resumes_to_the_same_bits_with_as_many_workers(tmp_path):
    kind = "a test, a schedule and accuracy"
    whole = in_threads(fit, kind, dropout=0.4)
    assert all(whole[0][part] == whole[1][part] for part in ("model", "optimizer"))
    for calls in (5, 13):
        with pytest.raises(Killed):
            in_threads(fit, kind, calls, dropout=0.4, folder=tmp_path, save_seconds=0.0)
        tl.rand(3)  # a new process would not have this one's random stream
    with pytest.raises(ValueError, match="another run: it has 2 workers, and now there are 1; resume with as many"):
        fit(kind, dropout=0.4, folder=tmp_path)
    assert in_threads(fit, kind, dropout=0.4, folder=tmp_path) == whole


def test_ctrl_c_stops_all_workers_after_the_same_step(tmp_path):
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
    in_threads(fit, "accumulated", folder=tmp_path, save_seconds=0.0, workers=3)
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
