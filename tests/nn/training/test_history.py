"""A history printed, its picture, and TensorBoard's files, read back: each row is there, by its step."""

import struct
import sys

import pytest

import nn
from nn.training.evaluation import Scores
from small_training import blobs, make


def history(*losses, accuracy=None, test=True):
    """A history with these test losses, and training losses twice as large."""
    return nn.History(
        [
            nn.HistoryRow(i + 1, i + 1, Scores(2 * loss, accuracy), Scores(loss, accuracy) if test else None, 0.1, 1.0)
            for i, loss in enumerate(losses)
        ]
    )


def test_there_are_a_training_and_a_test_curve(tmp_path):
    known = history(3.0, 2.0, accuracy=0.5)
    assert known.curves() == {
        "loss": {"training": [(1, 6.0), (2, 4.0)], "test": [(1, 3.0), (2, 2.0)]},
        "accuracy": {"training": [(1, 0.5), (2, 0.5)], "test": [(1, 0.5), (2, 0.5)]},
    }
    untested = history(3.0, test=False)
    assert untested.curves() == {"loss": {"training": [(1, 6.0)]}}
    untested.add(nn.HistoryRow(2, 2.0, Scores(1.0), None, 0.05, 1.0))
    assert untested.curves()["rate"] == {"": [(1, 0.1), (2, 0.05)]}
    untested.plot(tmp_path / "curves.svg")
    drawn = (tmp_path / "curves.svg").read_text(encoding="utf-8")
    assert drawn.count('id="axes_') == 2
    assert "training: 1 at the end" in drawn  # in the legend: at the curves such numbers would overlap
    with pytest.raises(ValueError, match="the history is empty"):
        nn.History().plot(tmp_path / "none.svg")


# --- TensorBoard --------------------------------------------------------------------------------------------


@pytest.fixture
def tensorboard():
    pytest.importorskip("tensorboardX")


def events(folder):
    """The scalars in all files of a folder: {name: [(step, value), ...]}."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for path in sorted(folder.glob("events.out.*")):
        data = path.read_bytes()
        while data:
            (size,) = struct.unpack("<Q", data[:8])  # a record: its length, a checksum of that, the event, a checksum
            event, data = Event.FromString(data[12 : 12 + size]), data[16 + size :]
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def trainer(**options):
    batches = [blobs(4)[:]] * 3
    return make(batches, 0.1, optimizer=nn.optim.SGD, accuracy=True, test=batches[:1], **options)


def test_each_row_is_there_with_its_scores(tensorboard, tmp_path):
    board = nn.TensorBoard(tmp_path / "runs")
    history = trainer(epochs=2, on_record=board).fit()
    board.close()
    found = events(tmp_path / "runs")
    assert set(found) == {"loss/training", "loss/test", "accuracy/training", "accuracy/test", "rate"}
    for row, (step, loss) in zip(history, found["loss/training"], strict=True):
        assert (step, loss) == (row.step, pytest.approx(row.train.loss))
    assert found["accuracy/test"][-1] == (6, pytest.approx(history[-1].test.accuracy))
    assert found["rate"] == [(3, pytest.approx(0.1)), (6, pytest.approx(0.1))]


def test_a_resumed_run_goes_on_in_the_same_folder(tensorboard, tmp_path):
    pytest.importorskip("safetensors")
    for steps in (3, 6):
        with nn.TensorBoard(tmp_path / "runs") as board:
            trainer(steps=steps, record_every=3, folder=tmp_path / "run", on_record=board).fit(resume=True)
    assert [step for step, _ in events(tmp_path / "runs")["loss/training"]] == [3, 6]


def test_without_its_package_it_says_which_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="pip install tensorboardX"):
        nn.TensorBoard(tmp_path)
