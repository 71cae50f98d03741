"""The saved state of a run: damaged files and other runs are refused, and then nothing is changed."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nn
import tinygrad_lecture as tl
from nn.training import saved_state
from small_training import bits, blobs, everything, fitted, halves, make
from tinygrad_lecture.func.gradients import leaves


@pytest.fixture(scope="module")
def whole_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    make(epochs=2, folder=folder, schedule=halves).fit()
    return (folder / "last.safetensors").read_bytes()


def refused(content, folder):
    """The message with which a file is refused; checks that nothing was changed."""
    (folder / "last.safetensors").write_bytes(content)
    trainer = make(epochs=2, folder=folder, schedule=halves)
    before, stream = everything(trainer), tl.get_rng_state()
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the callers look at the message
        trainer.fit(resume=True)
    assert everything(trainer) == before
    assert tl.get_rng_state() == stream
    assert (folder / "last.safetensors").read_bytes() == content
    return str(error.value)


@settings(max_examples=40)
@given(data=st.data())
def test_a_flipped_bit_is_noticed_anywhere(data, whole_file, tmp_path_factory):
    place = data.draw(st.integers(0, len(whole_file) - 1), label="place")
    bit = data.draw(st.integers(0, 7), label="bit")
    content = bytearray(whole_file)
    content[place] ^= 1 << bit
    assert "last.safetensors" in refused(bytes(content), tmp_path_factory.getbasetemp())


@pytest.mark.parametrize(("state", "message"), [([], "is damaged: its state"), ({"state": {}}, "is a checkpoint")])
def test_a_state_without_its_parts_is_refused(tmp_path, state, message):
    saved_state.save(tmp_path / "last.safetensors", state)
    with pytest.raises(ValueError, match=rf"last\.safetensors {message}"):
        make(folder=tmp_path).fit(resume=True)


def test_a_run_of_before_with_settings_that_are_none_any_more_is_resumed(tmp_path):
    make(folder=tmp_path, epochs=2, schedule=halves).fit()
    state = saved_state.load(tmp_path / "last.safetensors")
    state["run"] |= {"amsgrad": False, "cooldown of the schedule": 0}
    state["optimizer"]["param_groups"][0] |= {"amsgrad": False, "foreach": None}
    state["schedule"]["three_phase"] = False
    saved_state.save(tmp_path / "last.safetensors", state)
    again = make(folder=tmp_path, schedule=halves)
    again.fit(resume=True)
    assert bits(again) == bits(fitted(schedule=halves))
    assert "amsgrad" not in again.optimizer.param_groups[0]


def test_foreign_files_are_named_as_such(tmp_path):
    assert "not a safetensors file" in refused(b"\x89PNG and so on, " * 9, tmp_path)
    path = tmp_path / "weights.safetensors"
    nn.weights.save_file({"weight": tl.ones(2)}, path)
    assert "is not the saved state of a training run: its format is None" in refused(path.read_bytes(), tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batches": nn.DataLoader(blobs(), 16, shuffle=True)}, "batches in an epoch was 8, is 4"),
        ({"schedule": lambda optimizer: None}, "schedule was 'StepLR by step', is None"),
        ({"schedule": lambda optimizer: nn.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)}, "step_size of the schedule"),
        ({"rate": 0.1, "accumulate": 2}, "accumulate was 1, is 2; lr was 0.5, is 0.1"),
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: setattr(t, "model", nn.MLP([2, 9, 3], nn.Tanh)), r"load_.*0.weight has shape \(8, 2\).*missing: 2"),
        (lambda t: t.model.double(), r"dtypes was .'float32'., is .'float64'."),
    ],
)
def test_another_model_or_dtype_is_refused_with_all_differences(tmp_path, change, message):
    make(folder=tmp_path).fit()
    trainer = make(folder=tmp_path, epochs=9)
    change(trainer)
    with pytest.raises(ValueError, match=f"(?s)another run: {message}"):
        trainer.fit(resume=True)


def test_runs_are_told_apart_by_their_own_settings(tmp_path):
    settings = {"--text": "SHA-256 0a1b", "--lr": 0.1, "--lines": False, "--top-k": None}
    make(folder=tmp_path, settings=settings).fit()
    before = (tmp_path / "last.safetensors").read_bytes()
    trainer = make(folder=tmp_path, rate=0.1, settings={**settings, "--text": "SHA-256 2c3d", "--lr": 1})
    with pytest.raises(ValueError, match=r"--text was 'SHA-256 0a1b', is 'SHA-256 2c3d'; --lr was 0\.1, is 1; use the"):
        trainer.fit(resume=True)
    with pytest.raises(ValueError, match="--top-k was None, is not given; --seed was not given, is 0"):
        make(folder=tmp_path, settings={"--seed": 0, "--text": "SHA-256 0a1b", "--lr": 0.1}).fit(resume=True)
    assert (tmp_path / "last.safetensors").read_bytes() == before
    assert len(make(folder=tmp_path, settings=settings, epochs=4).fit(resume=True)) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.update(settings=[1]), r"the settings were \[1\]"),
        (lambda state: state.update(history=None), "'NoneType' object is not subscriptable"),
    ],
)
def test_an_incomplete_state_is_refused_and_changes_nothing(tmp_path, change, message):
    make(folder=tmp_path).fit()
    last = tmp_path / "last.safetensors"
    state = saved_state.load(last)
    change(state)
    saved_state.save(last, state)
    trainer = make(folder=tmp_path, epochs=9)
    before = everything(trainer)
    with pytest.raises(ValueError, match=f"last.safetensors is the saved state of another run: {message}"):
        trainer.fit(resume=True)
    assert everything(trainer) == before


# --- the file itself ------------------------------------------------------------------------------------


def test_tensors_and_numbers_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "c.safetensors"
    tensors = {"a": tl.randn(3, 4), "b": tl.zeros(0), "c": [tl.tensor(2), {"d": tl.randn(4, 3).T}]}
    state = {"pi": 3.141592653589793, "big": 2**127, "none": None, "inf": float("inf"), "words": "ä → β"}
    saved_state.save(path, {**tensors, **state, "numpy": np.float32(0.5)})
    found = saved_state.load(path)
    assert found.keys() == saved_state.peek(path).keys()
    assert {name: found[name] for name in state} == state and found["numpy"] == 0.5
    assert [x.tolist() for x in leaves([found[name] for name in "abc"])] == [x.tolist() for x in leaves(tensors)]
    assert set(nn.weights.load_file(path)) == {"a", "b", "c.0", "c.1.d"}
    with pytest.raises(TypeError, match="holds tensors, numbers, strings, lists, dicts, not a set"):
        saved_state.save(path, {"a": {1}})


def trained(seed):
    """A small model, its optimizer and schedule after three steps."""
    tl.manual_seed(seed)
    model = nn.MLP([2, 3, 2])
    optimizer = nn.optim.AdamW(model.parameters(), lr=0.1)
    parts = model, optimizer, nn.optim.lr_scheduler.StepLR(optimizer, 2)
    steps(*parts, 3)
    return parts


def steps(model, optimizer, schedule, n):
    for _ in range(n):
        optimizer.zero_grad()
        model(tl.randn(4, 2)).square().mean().backward()
        optimizer.step()
        schedule.step()


def test_a_loop_of_ones_own_goes_on_from_a_checkpoint_with_the_same_bits(tmp_path):
    path, parts, others = tmp_path / "run.safetensors", trained(0), trained(1)
    nn.save_checkpoint(path, *parts, step=3, random=tl.get_rng_state(), scores={"best": [0.5]})
    steps(*parts, 2)
    state = nn.load_checkpoint(path, *others)
    tl.set_rng_state(state["random"])
    steps(*others, 2)
    assert (state["step"], state["scores"]) == (3, {"best": [0.5]})
    for ours, theirs in zip(parts[0].parameters(), others[0].parameters(), strict=True):
        assert ours.tolist() == theirs.tolist()
    assert others[1].param_groups[0]["lr"] == parts[1].param_groups[0]["lr"]


def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path, whole_file):
    model, optimizer, _ = trained(0)
    path = tmp_path / "run.safetensors"
    nn.save_checkpoint(path, model)
    assert nn.load_checkpoint(path, model) == {}
    with pytest.raises(ValueError, match="has no state of the optimizer: leave it out"):
        nn.load_checkpoint(path, model, optimizer)
    with pytest.raises(ValueError, match=r"run\.safetensors is .*load_state_dict: the state does not fit"):
        nn.load_checkpoint(path, nn.MLP([2, 2]))
    path.write_bytes(whole_file)
    with pytest.raises(ValueError, match="saved state of a Trainer, not a checkpoint"):
        nn.load_checkpoint(path, model)
