"""fit and evaluate: the loop learns, counts right, keeps what was learnt, and stops where it should."""

import signal

import numpy as np
import pytest
import strict_device  # noqa: F401 - makes device="strict" work
from strict_cupy import count_synchronisations

import nn
import tinygrad_lecture as tl
from nn.training import Scores, Tally

F = nn.functional


def blobs(n=60, device="cpu"):
    """Points around three corners, and which corner: learnt in a moment."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, n)
    points = np.array([[0, 0], [0, 4], [4, 0]])[labels] + rng.normal(size=(n, 2))
    x, y = tl.tensor(points.astype(np.float32)).to(device), tl.tensor(labels).to(device)
    return nn.TensorDataset(x, y)


def trainer(epochs=3, device="cpu", loss=None, **settings):
    tl.manual_seed(0)
    model = nn.MLP([2, 8, 3], nn.Tanh).to(device)
    loader = nn.DataLoader(blobs(device=device), 8, shuffle=True)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.5)
    history = nn.fit(model, loader, loss or nn.CrossEntropyLoss(), optimizer, epochs, show=False, **settings)
    return model, history


def test_it_learns():
    data = nn.DataLoader(blobs(), 25)
    model, history = trainer(5, test=data, accuracy=True)
    assert len(history.epochs) == 5
    assert not history.interrupted
    first, last = history.epochs[0], history.epochs[-1]
    assert last.train.loss < first.train.loss
    assert last.test.accuracy > 0.9
    assert last.seconds > 0
    assert nn.evaluate(model, data, nn.CrossEntropyLoss(), accuracy=True) == last.test


def test_same_seed_same_bits():
    (one, _), (other, _) = trainer(), trainer()
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert a.detach().numpy().tobytes() == b.detach().numpy().tobytes()


def test_scores_are_means_over_rows_whatever_the_batches():
    model = nn.Linear(2, 3)
    data = blobs(10)
    whole = nn.evaluate(model, [data[:]], nn.CrossEntropyLoss(), accuracy=True)
    parts = nn.evaluate(model, nn.DataLoader(data, 3), nn.CrossEntropyLoss(), accuracy=True)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-6)
    assert parts.accuracy == whole.accuracy
    right = (model(data.tensors[0]).argmax(-1) == data.tensors[1]).numpy()
    assert whole.accuracy == right.mean()


def test_without_accuracy_targets_may_be_anything():
    model = nn.Linear(2, 1)
    x = tl.randn(20, 2)
    y = x.sum(1, keepdims=True)
    history = nn.fit(model, [(x, y)], nn.MSELoss(), nn.optim.SGD(model.parameters(), 0.2), 50, show=False)
    assert history.epochs[-1].train.accuracy is None
    assert history.epochs[-1].train.loss < 1e-3
    np.testing.assert_allclose(model.weight.detach().numpy(), [[1, 1]], atol=0.05)


def test_accuracy_counts_every_place_of_a_sequence():
    tally = Tally(accuracy=True)
    outputs = tl.one_hot(tl.tensor([[0, 1, 2], [2, 1, 0]]), 3).to(tl.float32)  # (2, 3, 3)
    tally.add(outputs, tl.tensor([[0, 1, 2], [2, 2, 2]]), tl.tensor(0.5))
    assert tally.scores() == Scores(0.5, 4 / 6)


def test_modes_while_training_and_evaluating():
    modes = []

    class Watched(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 3)

        def forward(self, x):
            modes.append((self.training, tl.is_grad_enabled()))
            return self.layer(x)

    model = Watched().eval()
    batch = [blobs(4)[:]]
    nn.evaluate(model, batch, nn.CrossEntropyLoss())
    assert not model.training
    nn.fit(model, batch, nn.CrossEntropyLoss(), nn.optim.SGD(model.parameters()), 1, test=batch, show=False)
    assert modes == [(False, False), (True, True), (False, False)]
    assert model.training


def test_evaluate_puts_the_mode_back_after_an_error():
    model = nn.Linear(3, 3)
    with pytest.raises(ValueError, match="wanted"):
        nn.evaluate(model, [(tl.ones(1, 2), tl.tensor([0]))], nn.CrossEntropyLoss())
    assert model.training


class Press:
    """A loss during which Ctrl-C is pressed, at a given call, so many times."""

    def __init__(self, call, times=1):
        self.call, self.times, self.n = call, times, 0

    def __call__(self, outputs, targets):
        self.n += 1
        if self.n == self.call:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)
        return F.cross_entropy(outputs, targets)


def test_ctrl_c_ends_after_the_step_and_keeps_what_was_learnt():
    press = Press(10)  # in the second epoch of 8 steps
    model, history = trainer(5, loss=press, accuracy=True)
    assert press.n == 10
    assert history.interrupted
    assert len(history.epochs) == 2
    assert history.epochs[1].train.loss > 0
    start, _ = trainer(0)
    assert model[0].weight.tolist() != start[0].weight.tolist()


def test_ctrl_c_pressed_again_aborts():
    with pytest.raises(KeyboardInterrupt):
        trainer(5, loss=Press(2, times=2))


def test_a_loss_that_is_no_number_ends_the_training():
    with pytest.raises(FloatingPointError, match=r"loss became nan in epoch 1.*smaller learning rate"):
        trainer(3, loss=lambda outputs, targets: F.cross_entropy(outputs, targets) * float("nan"))


def test_no_batches_no_scores():
    with pytest.raises(ValueError, match="no batches"):
        nn.evaluate(nn.Linear(1, 1), [], nn.MSELoss())


def test_a_gpu_is_only_waited_for_to_read_the_scores():
    host, _ = trainer(1)
    with count_synchronisations() as waits:
        device, history = trainer(1, device="strict", accuracy=True)
        assert waits() <= 4
    np.testing.assert_allclose(
        device[0].weight.detach().cpu().numpy(), host[0].weight.detach().numpy(), rtol=1e-4, atol=1e-6
    )
    assert history.epochs[0].train.accuracy > 0.3


def test_what_progress_shows(capsys):
    tl.manual_seed(0)
    model = nn.Linear(2, 3)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    nn.fit(model, nn.DataLoader(blobs(), 20), nn.CrossEntropyLoss(), optimizer, 1, test=[blobs()[:]], accuracy=True)
    line = capsys.readouterr().out
    assert line.startswith("epoch 1/1   loss ")
    assert "   accuracy " in line
    assert "   test " in line
    assert line.endswith("   0 s left\n")
