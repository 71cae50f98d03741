"""evaluate: mean loss and accuracy, whatever the batches, ignored targets or devices."""

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from nn.training.evaluation import RunningMetrics, Scores
from small_training import blobs, sgd
from strict_cupy import count_synchronisations

CROSS_ENTROPY = nn.CrossEntropyLoss()


def accuracy(outputs, targets):
    return nn.evaluate(nn.Identity(), [(outputs, targets)], CROSS_ENTROPY, accuracy=True).accuracy


def test_scores_are_means_over_rows_whatever_the_batches():
    model = nn.Linear(2, 3)
    data = blobs(10)
    whole = nn.evaluate(model, [data[:]], CROSS_ENTROPY, accuracy=True)
    parts = nn.evaluate(model, nn.DataLoader(data, 3), CROSS_ENTROPY, accuracy=True)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-6)
    assert parts.accuracy == whole.accuracy
    right = (model(data.tensors[0]).argmax(-1) == data.tensors[1]).numpy()
    assert whole.accuracy == right.mean()


def test_accuracy_counts_every_position_of_a_sequence():
    metrics = RunningMetrics(accuracy=True)
    outputs = tl.one_hot(tl.tensor([[0, 1, 2], [2, 1, 0]]), 3).to(tl.float32)  # (2, 3, 3)
    metrics.add(outputs, tl.tensor([[0, 1, 2], [2, 2, 2]]), tl.tensor(0.5), 2)
    assert metrics.scores() == Scores(0.5, 4 / 6)


def test_ignored_targets_are_neither_right_nor_wrong():
    assert accuracy(tl.tensor([[0.0, 1.0], [0.0, 1.0]]), tl.tensor([1, -100])) == 1


def test_classes_are_on_the_axis_where_cross_entropy_has_them():
    scores = tl.tensor([[[5.0, 0.0], [0.0, 5.0]]])  # (1, classes, positions)
    targets = tl.tensor([[0, 1]])
    assert accuracy(scores, targets) == 1
    assert accuracy(scores, 1 - targets) == 0


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


def test_evaluate_restores_the_mode_after_an_error():
    model = nn.Linear(3, 3)
    with pytest.raises(ValueError, match="wanted"):
        nn.evaluate(model, [(tl.ones(1, 2), tl.tensor([0]))], CROSS_ENTROPY)
    assert model.training


def test_no_batches_no_scores():
    with pytest.raises(ValueError, match="no batches"):
        nn.evaluate(nn.Linear(1, 1), [], nn.MSELoss())


def test_accuracy_without_classes_is_refused():
    data = [(tl.ones(3, 2), tl.ones(3, 2))]
    with pytest.raises(ValueError, match=r"accuracy needs outputs.*\(3, 2\) and \(3, 2\).*accuracy=False"):
        nn.evaluate(nn.Linear(2, 2), data, nn.MSELoss(), accuracy=True)


def test_a_gpu_is_only_waited_for_to_read_the_scores():
    def train(device, **settings):
        tl.manual_seed(0)
        model = nn.MLP([2, 8, 3], nn.Tanh).to(device)
        history = sgd(model, nn.DataLoader(blobs(device=device), 8, shuffle=True), lr=0.5, **settings)
        return model[0].weight, history

    host, _ = train("cpu")
    with count_synchronisations() as waits:
        device, history = train("strict", accuracy=True)
        assert waits() <= 5
    np.testing.assert_allclose(device.detach().cpu().numpy(), host.detach().numpy(), rtol=1e-4, atol=1e-6)
    assert history.records[0].train.accuracy > 0.3
