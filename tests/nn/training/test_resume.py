"""Resuming after any interruption: the same bits as without one; in several workers, too."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nn
import tinygrad_lecture as tl
from programs import ROOT, run_python
from small_parallel import in_threads
from small_training import (
    Killed,
    Own,
    Press,
    bits,
    blobs,
    everything,
    fitted,
    halves,
    kill,
    killed_after,
    made,
    make,
    one_cycle,
    shuffled,
)


def resumed(folder, **settings):
    """`make(...)` after it has resumed the run in the folder."""
    trainer = make(folder=folder, **settings)
    trainer.fit(resume=True)
    return trainer


KINDS = {
    "dropout and a schedule": {"dropout": 0.4, "schedule": halves},
    "one cycle": {"optimizer": nn.optim.RMSprop, "schedule": one_cycle, "rate": 0.01},
    "accumulated": {"accumulate": 3, "dropout": 0.2},
    "steps": {"steps": 19, "record_every": 4, "clip_norm": 0.5},
    "a list": {"batches": list(nn.DataLoader(blobs(), 7)), "dropout": 0.3, "optimizer": Own},
    "a test in random order": {"test": shuffled(2, 9), "patience": 2},
    "its own seed and in between": {
        "batches": shuffled(5),
        "on_record": lambda trainer: next(iter(trainer.batches)),
        "record_every": 3,
    },
}


def start(kind, **more):
    return made({**KINDS[kind], **more})


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=2)
@given(ends=st.lists(st.integers(0, 30), max_size=3), save_seconds=st.sampled_from([0.0, 1e-4]))
def test_a_killed_run_resumes_to_the_same_bits(kind, ends, save_seconds, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    whole = start(kind)
    whole.fit()
    for calls in ends:
        try:
            killed_after(start(kind, folder=folder, save_seconds=save_seconds), calls).fit(resume=True)
        except Killed:
            tl.rand(3)  # a new process would not have this one's random stream
    last = start(kind, folder=folder)
    last.fit(resume=True)
    assert everything(last) == everything(whole)


PROGRAM = """
    import sys
    import nn, tinygrad_lecture as tl
    tl.manual_seed(0)
    data = nn.TensorDataset(tl.randn(40, 3), tl.randint(0, 2, (40,)))
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 2))
    optimizer = nn.optim.AdamW(model.parameters(), 0.01)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, warmup_steps=5, total_steps=60)
    def watch(trainer):
        print(trainer.step, flush=True)
        if sys.argv[2] == "slow":
            sys.stdin.read(1)       # wait for the test
    trainer = nn.Trainer(
        model, nn.DataLoader(data, 8, shuffle=True), nn.CrossEntropyLoss(), optimizer, steps=60, schedule=schedule,
        record_every=7, on_record=watch, folder=sys.argv[1], save_seconds=0, show=False,
    )
    trainer.fit(resume=True)
    nn.weights.save_file(model.state_dict(), sys.argv[1] + "/end.safetensors")
"""


def test_kill_9_and_a_new_start_give_the_same_file(tmp_path):
    def begin(folder, pace):
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path / folder), pace]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=env, **pipes)

    whole = begin("whole", "fast")
    assert whole.wait() == 0
    whole.stdin.close()
    whole.stdout.close()
    with begin("killed", "slow") as run:
        for _ in range(3):
            run.stdout.readline()
            run.stdin.write("x")
            run.stdin.flush()
        run.stdout.readline()
        run.kill()  # SIGKILL
    with begin("killed", "fast") as last:
        steps = [int(line) for line in last.stdout]
    assert steps[0] > 7  # it resumed
    one, other = ((tmp_path / name / "end.safetensors").read_bytes() for name in ("whole", "killed"))
    assert one == other


def test_ctrl_c_saves_and_the_run_resumes(tmp_path):
    trainer = make(dropout=0.3, folder=tmp_path)
    trainer.loss = Press(11)
    assert trainer.fit().interrupted
    again = resumed(tmp_path, dropout=0.3)
    assert not again.history.interrupted
    assert everything(again) == everything(fitted(dropout=0.3))


def test_one_loader_may_be_both_training_and_test_data(tmp_path):
    def begin(**more):
        loader = shuffled(5)()
        return make(batches=loader, test=loader, record_every=3, **more)

    whole = begin()
    whole.fit()
    trainer = begin(folder=tmp_path, save_seconds=0)
    plain = trainer.learn

    def learn(batches):
        if trainer.step == 14:
            raise Killed
        plain(batches)

    trainer.learn = learn
    with pytest.raises(Killed):
        trainer.fit()
    again = begin(folder=tmp_path)
    again.fit(resume=True)
    assert everything(again) == everything(whole)


# --- the folder -----------------------------------------------------------------------------------------


def test_a_kill_while_saving_leaves_the_old_file_and_is_cleaned_up(tmp_path):
    kill(5, folder=tmp_path, save_seconds=0)
    before = (tmp_path / "last.safetensors").read_bytes()
    left = tmp_path / ".last.safetensors-0123abcd"  # by a kill during a save
    left.mkdir()
    for name in ("last.safetensors", ".tmpX1y2Z3"):
        (left / name).write_bytes(before[:100])
    (tmp_path / "mine.txt").write_text("stays")
    again = resumed(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.safetensors", "last.safetensors", "mine.txt"]
    assert bits(again) == bits(fitted())


def test_an_unfinished_run_is_not_overwritten(tmp_path):
    kill(5, folder=tmp_path, save_seconds=0)
    before = (tmp_path / "last.safetensors").read_bytes()
    with pytest.raises(FileExistsError, match=r"unfinished run: fit\(resume=True\) resumes it; delete it"):
        make(folder=tmp_path).fit()
    assert (tmp_path / "last.safetensors").read_bytes() == before
    (tmp_path / "last.safetensors").write_bytes(b"half a file")
    with pytest.raises(FileExistsError, match="not the saved state of a training run; delete it"):
        make(folder=tmp_path).fit()


def test_a_finished_run_is_only_resumed_for_more_steps(tmp_path, capsys):
    make(epochs=2, folder=tmp_path).fit()
    assert len(resumed(tmp_path, epochs=2, show=True).history) == 2
    assert f"Resuming after step 16, from {tmp_path / 'last.safetensors'}." in capsys.readouterr().out
    more = resumed(tmp_path, epochs=3)
    assert len(more.history) == 3
    assert bits(more) == bits(fitted(epochs=3))
    new = make(epochs=1, folder=tmp_path, save_seconds=1e9)
    with pytest.raises(Killed):
        killed_after(new, 3).fit()
    assert list(tmp_path.iterdir()) == []  # the new run is in place of the finished one
    with pytest.raises(FileNotFoundError):
        new.load_best()


def test_the_best_weights_are_kept(tmp_path):
    trainer = make(epochs=8, rate=2.0, test=[blobs(30)[:]], folder=tmp_path)
    history = trainer.fit()
    best = min(history.test_loss)
    assert history[history.best].test.loss == best
    assert history[-1].test.loss > best, "the example should get worse again"
    trainer.load_best()
    assert nn.evaluate(trainer.model, trainer.test, trainer.loss).loss == best
    assert nn.weights.load_metadata(tmp_path / "best.safetensors")["step"] == str(history.steps[history.best])


def nan_weights(trainer):
    plain = trainer.optimizer.step

    def step():
        plain()
        trainer.model[0].weight.data.fill_(float("nan"))

    trainer.optimizer.step = step


def nan_loss(trainer):
    trainer.loss = lambda outputs, targets: outputs.sum() * float("nan")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (nan_weights, "0.weight has NaN or infinite elements after step 10"),
        (nan_loss, "loss became nan in epoch 2.*smaller learning rate"),
    ],
)
def test_nan_leaves_the_last_good_state(spoil, message, tmp_path):
    kill(9, folder=tmp_path, save_seconds=0)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    trainer = make(folder=tmp_path, save_seconds=0)
    spoil(trainer)
    with pytest.raises(FloatingPointError, match=message):
        trainer.fit(resume=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_saving_needs(tmp_path, monkeypatch):
    trainer = make()
    for attempt in (lambda: trainer.fit(resume=True), trainer.save, trainer.load_best):
        with pytest.raises(ValueError, match=r"folder=\.\.\."):
            attempt()
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match="pip install"):
        make(folder=tmp_path)


def test_two_programs_do_not_train_in_one_folder(tmp_path):
    pytest.importorskip("fcntl")
    code = "import sys, small_training; small_training.make(folder=sys.argv[1]).fit(resume=True)"
    said = []

    def start_another(trainer):
        said.append(run_python("-c", code, tmp_path))

    make(folder=tmp_path, epochs=1, on_record=start_another).fit()
    assert f"BlockingIOError: another program writes to the folder {tmp_path} now" in said[0].stderr


# --- in several workers: the results of one, to rounding, and exact resumption; see nn.parallel -------------


SHARED = {
    "a test, a schedule and accuracy": {"schedule": halves, "accuracy": True, "test": shuffled(2, 9)},
    "accumulated": {"accumulate": 3, "clip_norm": 0.5},
    "a list with a batch of one row": {"batches": lambda: list(nn.DataLoader(blobs(49), 8)), "test": shuffled(None, 7)},
}


def start_shared(kind, **more):
    return made({"rate": 0.05, **SHARED[kind], **more})


def fit_shared(kind, calls=None, **more):
    """Everything that a run ends with."""
    trainer = start_shared(kind, **more)
    if calls is not None:
        killed_after(trainer, calls)
    trainer.fit(resume="folder" in more)
    return everything(trainer)


@pytest.mark.parametrize(("kind", "workers"), [*((kind, 2) for kind in SHARED), ("accumulated", 3)])
def test_weights_and_history_are_those_of_one_worker(kind, workers):
    one = start_shared(kind)
    one.fit()
    several = start_shared(kind)
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
    whole = in_threads(fit_shared, kind, dropout=0.4)
    assert all(whole[0][part] == whole[1][part] for part in ("model", "optimizer"))
    for calls in (5, 13):
        with pytest.raises(Killed):
            in_threads(fit_shared, kind, calls, dropout=0.4, folder=tmp_path, save_seconds=0.0)
        tl.rand(3)  # a new process would not have this one's random stream
    with pytest.raises(ValueError, match="another run: it has 2 workers, and now there are 1; resume with as many"):
        fit_shared(kind, dropout=0.4, folder=tmp_path)
    assert in_threads(fit_shared, kind, dropout=0.4, folder=tmp_path) == whole
