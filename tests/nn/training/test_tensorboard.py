"""TensorBoard's files, read back: each row of the history is there, by its step."""

import struct
import sys

import pytest

import nn
import tinygrad_lecture as tl


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
    tl.manual_seed(0)
    model = nn.Linear(2, 2)
    batches = [(tl.randn(4, 2), tl.tensor([0, 1, 0, 1]))] * 3
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    return nn.Trainer(
        model, batches, nn.CrossEntropyLoss(), optimizer, accuracy=True, test=batches[:1], show=False, **options
    )


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
        board = nn.TensorBoard(tmp_path / "runs")
        trainer(steps=steps, record_every=3, folder=tmp_path / "run", on_record=board).fit(resume=True)
        board.close()
    assert [step for step, _ in events(tmp_path / "runs")["loss/training"]] == [3, 6]


def test_without_its_package_it_says_which_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="pip install tensorboardX"):
        nn.TensorBoard(tmp_path)
