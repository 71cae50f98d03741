"""Scores: mean loss and accuracy, whatever the batches, targets or devices; the history and its picture."""

import pytest

import nn
import tinygrad_lecture as tl
from nn.training.evaluation import RunningMetrics, Scores
from small_training import blobs, sgd

CROSS_ENTROPY = nn.CrossEntropyLoss()


def accuracy(outputs, targets):
    return nn.evaluate(nn.Identity(), [(outputs, targets)], CROSS_ENTROPY, accuracy=True).accuracy


def test_accuracy_counts_every_position_of_a_sequence():
    metrics = RunningMetrics(accuracy=True)
    outputs = tl.one_hot(tl.tensor([[0, 1, 2], [2, 1, 0]]), 3).to(tl.float32)  # (2, 3, 3)
    metrics.add(outputs, tl.tensor([[0, 1, 2], [2, 2, 2]]), tl.tensor(0.5), 2)
    assert metrics.scores() == Scores(0.5, 4 / 6)
    assert accuracy(tl.tensor([[0.0, 1.0], [0.0, 1.0]]), tl.tensor([1, -100])) == 1  # -100: ignored
    classes_first = tl.tensor([[[5.0, 0.0], [0.0, 5.0]]])  # (1, classes, positions), as cross-entropy has them
    assert accuracy(classes_first, tl.tensor([[0, 1]])) == 1
    assert accuracy(classes_first, tl.tensor([[1, 0]])) == 0


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
    nn.evaluate(model, batch, CROSS_ENTROPY)
    assert not model.training
    sgd(model, batch, test=batch)
    assert modes == [(False, False), (True, True), (False, False)]
    assert model.training


def test_what_has_no_scores_is_refused():
    data = [(tl.ones(3, 2), tl.ones(3, 2))]
    model = nn.Linear(2, 2)
    with pytest.raises(ValueError, match=r"accuracy needs outputs.*\(3, 2\) and \(3, 2\).*accuracy=False"):
        nn.evaluate(model, data, nn.MSELoss(), accuracy=True)
    assert model.training  # also after an error
    with pytest.raises(ValueError, match="no batches"):
        nn.evaluate(model, [], nn.MSELoss())


def history(*losses, accuracy=None, test=True):
    """A history with these test losses, and training losses twice as large."""
    return nn.History(
        [
            nn.HistoryRow(i + 1, i + 1, Scores(2 * loss, accuracy), Scores(loss, accuracy) if test else None, 0.1, 1.0)
            for i, loss in enumerate(losses)
        ]
    )


def test_there_are_a_training_and_a_test_curve():
    known = history(3.0, 2.0, accuracy=0.5)
    assert known.curves() == {
        "loss": {"training": [(1, 6.0), (2, 4.0)], "test": [(1, 3.0), (2, 2.0)]},
        "accuracy": {"training": [(1, 0.5), (2, 0.5)], "test": [(1, 0.5), (2, 0.5)]},
    }
    untested = history(3.0, test=False)
    assert untested.curves() == {"loss": {"training": [(1, 6.0)]}}
    untested.add(nn.HistoryRow(2, 2.0, Scores(1.0), None, 0.05, 1.0))
    assert untested.curves()["rate"] == {"": [(1, 0.1), (2, 0.05)]}
    assert untested._repr_html_().count("<svg") == 2
