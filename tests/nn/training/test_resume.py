"""Going on after any end: to the same bits as if there had been none, or a refusal that says why."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
import strict_device  # noqa: F401 - makes device="strict" work
import tinygrad_lecture as tl
from nn.training import saved_state
from small_training import Press, bits, blobs, halves, make

ROOT = Path(__file__).parents[3]


class Killed(BaseException):
    """What ends a process without any chance to tidy up, as far as one process can play it."""


def killed_after(trainer, calls):
    """Let the loss kill the run at its so manieth call."""
    count, loss = [0], trainer.loss

    def deadly(outputs, targets):
        count[0] += 1
        if count[0] > calls:
            raise Killed
        return loss(outputs, targets)

    trainer.loss = deadly
    return trainer


def everything(trainer):
    """All that there is to compare: the bits of the weights, what the optimiser remembers, the history."""
    tensors, state = trainer._state()
    records = [{**record, "seconds": 0} for record in state["history"]["records"]]
    tensors = {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}
    return tensors, {**state, "seconds": 0, "history": {**state["history"], "records": records}}


KINDS = {
    "plain": {},
    "dropout and a schedule": {"dropout": 0.4, "schedule": halves},
    "accumulated": {"accumulate": 3, "dropout": 0.2},
    "by epoch": {"schedule": halves, "schedule_by": "epoch", "accuracy": True},
    "steps": {"steps": 19, "record_every": 4, "clip_norm": 0.5},
    "a list": {"batches": list(nn.DataLoader(blobs(), 7)), "dropout": 0.3},
    "a loader's own seed": {"batches": lambda: nn.DataLoader(blobs(), 8, shuffle=True, seed=5), "dropout": 0.3},
    "a test in random order": {"test": lambda: nn.DataLoader(blobs(), 9, shuffle=True, seed=2), "patience": 2},
    "peeking at the test": {"test": lambda: nn.DataLoader(blobs(), 9), "on_record": lambda t: next(iter(t.test))},
    "peeking at a test of its own order": {
        "test": lambda: nn.DataLoader(blobs(), 9, shuffle=True, seed=3),
        "on_record": lambda trainer: next(iter(trainer.test)),
        "record_every": 3,
    },
    "the same loader in between": {"on_record": lambda trainer: list(trainer.batches), "record_every": 3},
    "its own seed and in between": {
        "batches": lambda: nn.DataLoader(blobs(), 8, shuffle=True, seed=5),
        "on_record": lambda trainer: next(iter(trainer.batches)),
        "record_every": 3,
    },
}


def start(kind, **more):
    chosen = {**KINDS[kind], **more}
    for name in ("batches", "test"):
        if callable(chosen.get(name)):
            chosen[name] = chosen[name]()
    return make(**chosen)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=10)
@given(ends=st.lists(st.integers(0, 30), max_size=3), save_seconds=st.sampled_from([0.0, 1e-4]))
def test_a_run_that_was_killed_goes_on_to_the_same_bits(kind, ends, save_seconds, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    whole = start(kind)
    whole.fit()
    for calls in ends:
        try:
            killed_after(start(kind, folder=folder, save_seconds=save_seconds), calls).fit(resume=True)
        except Killed:
            tl.rand(3)  # the new process knows nothing of this one's random stream
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
            sys.stdin.read(1)       # go on when told to
    trainer = nn.Trainer(
        model, nn.DataLoader(data, 8, shuffle=True), nn.CrossEntropyLoss(), optimizer, steps=60, schedule=schedule,
        record_every=7, on_record=watch, folder=sys.argv[1], save_seconds=0, show=False,
    )
    trainer.fit(resume=True)
    nn.weights.save_file(model.state_dict(), sys.argv[1] + "/end.safetensors")
"""


def test_kill_9_and_begin_again_gives_the_same_file(tmp_path):
    def begin(folder, pace):
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path / folder), pace]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=env, **pipes)

    whole = begin("whole", "fast")
    assert whole.wait() == 0
    whole.stdin.close()
    whole.stdout.close()
    for records in (1, 4):
        with begin("killed", "slow") as run:
            for _ in range(records - 1):
                run.stdout.readline()
                run.stdin.write("x")
                run.stdin.flush()
            run.stdout.readline()
            run.kill()  # SIGKILL
    with begin("killed", "fast") as last:
        steps = [int(line) for line in last.stdout]
    assert steps[0] > 7  # it did go on, not begin
    one, other = ((tmp_path / name / "end.safetensors").read_bytes() for name in ("whole", "killed"))
    assert one == other


def test_a_kill_while_saving_leaves_the_old_file_and_the_next_run_sweeps_up(tmp_path, monkeypatch):
    trainer = make(folder=tmp_path, save_seconds=0)
    with pytest.raises(Killed):
        killed_after(trainer, 5).fit()
    before = (tmp_path / "last.safetensors").read_bytes()
    left = tmp_path / ".last.safetensors-0123abcd"  # by a kill in the middle
    left.mkdir()
    for name in ("last.safetensors", ".tmpX1y2Z3"):
        (left / name).write_bytes(before[:100])
    (tmp_path / "mine.txt").write_text("stays")
    again = make(folder=tmp_path)
    again.fit(resume=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.safetensors", "last.safetensors", "mine.txt"]
    whole = make()
    whole.fit()
    assert bits(again) == bits(whole)


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("calls", [3, 8, 9, 14])
def test_the_loader_that_is_learnt_from_may_be_the_test_too(tmp_path, seed, calls):
    def begin(**more):
        loader = nn.DataLoader(blobs(), 8, shuffle=True, seed=seed)
        return make(batches=loader, test=loader, record_every=3, **more)

    whole = begin()
    whole.fit()
    trainer = begin(folder=tmp_path, save_seconds=0)
    plain, trainer.learn = trainer.learn, None

    def learn(batches):
        if trainer.step == calls:
            raise Killed
        plain(batches)

    trainer.learn = learn
    with pytest.raises(Killed):
        trainer.fit()
    again = begin(folder=tmp_path)
    again.fit(resume=True)
    assert everything(again) == everything(whole)


def test_a_wrapper_of_a_loader_is_batches_of_another_kind(tmp_path):
    class Wrapper:
        def __init__(self):
            self.loader = nn.DataLoader(blobs(), 8)

        def __len__(self):
            return len(self.loader)

        def __iter__(self):
            return iter(self.loader)

    with pytest.raises(Killed):
        killed_after(make(batches=Wrapper(), folder=tmp_path, save_seconds=0), 11).fit()
    again = make(batches=Wrapper(), folder=tmp_path)
    again.fit(resume=True)
    whole = make(batches=Wrapper())
    whole.fit()
    assert bits(again) == bits(whole)


def test_a_new_run_in_the_place_of_a_finished_one_leaves_nothing_of_it(tmp_path):
    make(epochs=1, folder=tmp_path).fit()
    trainer = make(epochs=3, rate=1e-3, folder=tmp_path, save_seconds=1e9)
    with pytest.raises(Killed):
        killed_after(trainer, 3).fit()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        trainer.load_best()
    assert len(make(epochs=3, rate=1e-3, folder=tmp_path).fit(resume=True)) == 3


def test_weights_that_are_no_numbers_are_not_kept(tmp_path):
    with pytest.raises(Killed):
        killed_after(make(folder=tmp_path, save_seconds=0), 9).fit()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    trainer = make(folder=tmp_path, save_seconds=0)
    plain = trainer.optimizer.step

    def step():
        plain()
        trainer.model[0].weight.data.fill_(float("nan"))

    trainer.optimizer.step = step
    with pytest.raises(FloatingPointError, match=r"0.weight has NaN or infinite elements after step 10"):
        trainer.fit(resume=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_ctrl_c_saves_and_the_run_goes_on(tmp_path):
    whole = make(dropout=0.3)
    whole.fit()
    trainer = make(dropout=0.3, folder=tmp_path)
    trainer.loss = Press(11)
    assert trainer.fit().interrupted
    again = make(dropout=0.3, folder=tmp_path)
    history = again.fit(resume=True)
    assert not history.interrupted
    assert everything(again) == everything(whole)


def test_an_unfinished_run_is_not_written_over(tmp_path):
    with pytest.raises(Killed):
        killed_after(make(folder=tmp_path, save_seconds=0), 5).fit()
    before = (tmp_path / "last.safetensors").read_bytes()
    with pytest.raises(FileExistsError, match=r"unfinished run: fit\(resume=True\) resumes it; delete it"):
        make(folder=tmp_path).fit()
    assert (tmp_path / "last.safetensors").read_bytes() == before


def test_a_finished_run_is_gone_on_with_only_for_more(tmp_path, capsys):
    make(epochs=2, folder=tmp_path).fit()
    same = make(epochs=2, folder=tmp_path, show=True)
    assert len(same.fit(resume=True)) == 2
    assert f"Resuming after step 16, from {tmp_path / 'last.safetensors'}." in capsys.readouterr().out
    more = make(epochs=3, folder=tmp_path)
    assert len(more.fit(resume=True)) == 3
    whole = make(epochs=3)
    whole.fit()
    assert bits(more) == bits(whole)
    assert len(make(epochs=1, folder=tmp_path).fit()) == 1  # a new run in the place of the finished one


def test_the_best_weights_are_kept(tmp_path):
    trainer = make(epochs=8, rate=2.0, test=[blobs(30)[:]], folder=tmp_path)
    history = trainer.fit()
    best = min(history.test_loss)
    assert history[history.best].test.loss == best
    assert history[-1].test.loss > best, "the example should get worse again"
    trainer.load_best()
    assert nn.evaluate(trainer.model, trainer.test, trainer.loss).loss == best
    assert nn.weights.load_metadata(tmp_path / "best.safetensors")["step"] == str(history.steps[history.best])


def test_on_a_device_it_goes_on_there(tmp_path):
    def on_device():
        tl.manual_seed(0)
        model = nn.MLP([2, 8, 3], nn.Tanh).to("strict")
        optimizer = nn.optim.Adam(model.parameters(), 0.1)
        data = nn.DataLoader(blobs(device="strict"), 8, shuffle=True)
        return nn.Trainer(
            model, data, nn.CrossEntropyLoss(), optimizer, epochs=2, folder=tmp_path, save_seconds=0, show=False
        )

    with pytest.raises(Killed):
        killed_after(on_device(), 9).fit()
    trainer = on_device()
    trainer.fit(resume=True)
    assert {p.device for p in trainer.model.parameters()} == {"strict"}
    assert trainer.history.steps == [8, 16]


# --- files that are refused -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    trainer = make(epochs=2, folder=folder, schedule=halves)
    trainer.fit()
    return (folder / "last.safetensors").read_bytes()


def refused(content, folder):
    """The sentence with which a saved state is refused; nothing may have been changed by then."""
    (folder / "last.safetensors").write_bytes(content)
    trainer = make(epochs=2, folder=folder, schedule=halves)
    before, stream = everything(trainer), tl.get_rng_state()
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the texts are looked at by the callers
        trainer.fit(resume=True)
    assert everything(trainer) == before
    assert tl.get_rng_state() == stream
    assert (folder / "last.safetensors").read_bytes() == content
    return str(error.value)


@settings(max_examples=40)
@given(data=st.data())
def test_a_flipped_bit_is_noticed_wherever_it_is(data, whole_file, tmp_path_factory):
    place = data.draw(st.integers(0, len(whole_file) - 1), label="place")
    bit = data.draw(st.integers(0, 7), label="bit")
    content = bytearray(whole_file)
    content[place] ^= 1 << bit
    assert "last.safetensors" in refused(bytes(content), tmp_path_factory.getbasetemp())


@settings(max_examples=20)
@given(data=st.data())
def test_a_file_that_was_cut_off_is_noticed(data, whole_file, tmp_path_factory):
    length = data.draw(st.integers(0, len(whole_file) - 1), label="length")
    message = refused(whole_file[:length], tmp_path_factory.getbasetemp())
    assert "not a safetensors file, or not all of one" in message


def test_foreign_files_are_named_as_such(tmp_path):
    assert "not a safetensors file" in refused(b"\x89PNG and so on, " * 9, tmp_path)
    path = tmp_path / "weights.safetensors"
    nn.weights.save_file({"weight": tl.ones(2)}, path)
    assert "is not the saved state of a training: its format is None" in refused(path.read_bytes(), tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batches": nn.DataLoader(blobs(), 16, shuffle=True)}, "batches in an epoch was 8, is 4"),
        ({"batches": nn.DataLoader(blobs(58), 8, shuffle=True)}, "rows was 60, is 58"),
        ({"accumulate": 2}, "accumulate was 1, is 2"),
        ({"schedule": lambda optimizer: None}, "schedule was 'StepLR by step', is None"),
        ({"accuracy": True}, "accuracy was False, is True"),
        ({"rate": 0.1}, "lr was 0.5, is 0.1"),
        ({"schedule": lambda optimizer: nn.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)}, "step_size of the schedule"),
        (
            {"schedule": lambda optimizer: nn.optim.lr_scheduler.SequentialLR(optimizer, [halves(optimizer)], [])},
            "schedule was",
        ),
        ({"batches": nn.DataLoader(blobs(), 8, shuffle=True, seed=2)}, "seed was None, is 2"),
        ({"clip_norm": 1.0}, "clip_norm was None, is 1.0"),
        ({"test": [blobs()[:]]}, "test was False, is True"),
    ],
)
def test_the_saved_state_of_another_run_is_refused(change, message, tmp_path):
    make(folder=tmp_path, schedule=halves).fit()
    trainer = make(**{"folder": tmp_path, "schedule": halves, "epochs": 9, **change})
    before = bits(trainer)
    with pytest.raises(ValueError, match=f"saved state of another run: .*{message}"):
        trainer.fit(resume=True)
    assert bits(trainer) == before
    assert trainer.step == 0


def test_the_saved_state_of_another_model_is_refused_and_lists_all(tmp_path):
    make(folder=tmp_path).fit()
    trainer = make(folder=tmp_path, epochs=9)
    trainer.model = nn.MLP([2, 9, 3], nn.Tanh)
    with pytest.raises(ValueError, match=r"(?s)another run: load_state_dict.*0.weight has shape \(8, 2\).*missing: 2"):
        trainer.fit(resume=True)


def test_a_run_is_told_from_others_by_its_own_settings(tmp_path):
    settings = {"--text": "SHA-256 0a1b", "--lr": 0.1, "--lines": False, "--top-k": None}
    make(folder=tmp_path, settings=settings).fit()
    before = (tmp_path / "last.safetensors").read_bytes()
    trainer = make(folder=tmp_path, rate=0.1, settings={**settings, "--text": "SHA-256 2c3d", "--lr": 1})
    with pytest.raises(ValueError, match=r"saved with --text SHA-256 0a1b, not SHA-256 2c3d; --lr 0\.1, not 1: use"):
        trainer.fit(resume=True)
    with pytest.raises(ValueError, match="kind of run: its settings are --text, --lr, --lines, --top-k, not none"):
        make(folder=tmp_path).fit(resume=True)
    assert (tmp_path / "last.safetensors").read_bytes() == before
    assert len(make(folder=tmp_path, settings=settings, epochs=4).fit(resume=True)) == 4


def test_a_run_that_says_nothing_of_itself_is_not_gone_on_with_as_one_that_does(tmp_path):
    make(folder=tmp_path).fit()
    with pytest.raises(ValueError, match="another kind of run: its settings are none, not --seed; start a new"):
        make(folder=tmp_path, settings={"--seed": 0}).fit(resume=True)


def test_a_saved_state_without_all_its_parts_is_refused_and_changes_nothing(tmp_path):
    make(folder=tmp_path).fit()
    last = tmp_path / "last.safetensors"
    tensors, state = saved_state.load(last)
    del state["random"]
    saved_state.save(last, tensors, state)
    trainer = make(folder=tmp_path, epochs=9)
    before = everything(trainer)
    with pytest.raises(ValueError, match="saved state of another run: 'random'"):
        trainer.fit(resume=True)
    assert everything(trainer) == before


def test_a_damaged_file_is_not_said_to_be_a_run_to_go_on_with(tmp_path):
    (tmp_path / "last.safetensors").write_bytes(b"half a file")
    with pytest.raises(FileExistsError, match="not a saved state of a training; delete it"):
        make(folder=tmp_path).fit()


def test_a_dtype_may_not_change_in_the_middle(tmp_path):
    make(folder=tmp_path).fit()
    trainer = make(folder=tmp_path, epochs=9)
    trainer.model.double()
    with pytest.raises(ValueError, match=r"dtypes was .'float32'., is .'float64'."):
        trainer.fit(resume=True)


def test_a_folder_that_cannot_be_written_to_is_named_before_the_first_step(tmp_path, monkeypatch):
    def refuse(*arguments, **settings):
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr("nn.training.resume.check_writable", refuse)
    trainer = make(folder=tmp_path)
    with pytest.raises(PermissionError):
        trainer.fit()
    assert trainer.step == 0


def test_a_loss_that_is_no_number_is_not_saved_over_the_last_good_state(tmp_path):
    with pytest.raises(Killed):
        killed_after(make(folder=tmp_path, save_seconds=0), 3).fit()
    before = (tmp_path / "last.safetensors").read_bytes()
    trainer = make(folder=tmp_path, save_seconds=0)
    trainer.loss = lambda outputs, targets: outputs.sum() * float("nan")
    with pytest.raises(FloatingPointError, match="became nan in epoch 1"):
        trainer.fit(resume=True)
    assert (tmp_path / "last.safetensors").read_bytes() == before


def test_without_a_folder_there_is_nothing_to_go_on_from():
    trainer = make()
    for attempt in (lambda: trainer.fit(resume=True), trainer.save, trainer.load_best):
        with pytest.raises(ValueError, match=r"folder=\.\.\."):
            attempt()


def test_a_folder_needs_the_safetensors_package_from_the_start(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match="pip install"):
        make(folder=tmp_path)


# --- the file itself ------------------------------------------------------------------------------------


def test_tensors_and_numbers_come_back_as_they_were(tmp_path):
    tensors = {"a": tl.randn(3, 4), "b": tl.zeros(0), "c": tl.tensor(2), "d": tl.randn(4, 3).T}
    state = {"pi": 3.141592653589793, "big": 2**127, "none": None, "inf": float("inf"), "words": "ä → β"}
    saved_state.save(tmp_path / "c.safetensors", tensors, {**state, "numpy": np.float32(0.5)})
    loaded, words = saved_state.load(tmp_path / "c.safetensors")
    assert words == {**state, "numpy": 0.5} == saved_state.peek(tmp_path / "c.safetensors")
    assert {name: tensor.tolist() for name, tensor in loaded.items()} == {k: t.tolist() for k, t in tensors.items()}
    assert json.loads(json.dumps(words)) == words


def test_what_json_cannot_hold_is_refused(tmp_path):
    with pytest.raises(TypeError, match="cannot hold a set"):
        saved_state.save(tmp_path / "c.safetensors", {}, {"a": {1}})
    assert list(tmp_path.iterdir()) == []
