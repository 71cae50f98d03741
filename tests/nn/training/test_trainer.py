"""fit and evaluate: the loop learns, counts right, keeps what was learnt, and stops where it should."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import strict_device  # noqa: F401 - makes device="strict" work
import tinygrad_lecture as tl
from nn.training.evaluation import RunningMetrics, Scores
from small_training import Press, bits, blobs, halves, make
from strict_cupy import count_synchronisations

F = nn.functional


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
    assert len(history.records) == 5
    assert not history.interrupted
    first, last = history.records[0], history.records[-1]
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
    assert history.records[-1].train.accuracy is None
    assert history.records[-1].train.loss < 1e-3
    np.testing.assert_allclose(model.weight.detach().numpy(), [[1, 1]], atol=0.05)


def test_accuracy_counts_every_place_of_a_sequence():
    metrics = RunningMetrics(accuracy=True)
    outputs = tl.one_hot(tl.tensor([[0, 1, 2], [2, 1, 0]]), 3).to(tl.float32)  # (2, 3, 3)
    metrics.add(outputs, tl.tensor([[0, 1, 2], [2, 2, 2]]), tl.tensor(0.5), 2)
    assert metrics.scores() == Scores(0.5, 4 / 6)


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


def test_ctrl_c_ends_after_the_step_and_keeps_what_was_learnt():
    press = Press(10)  # in the second epoch of 8 steps
    model, history = trainer(5, loss=press, accuracy=True)
    assert press.n == 10
    assert history.interrupted
    assert len(history.records) == 2
    assert history.records[1].train.loss > 0
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
        assert waits() <= 5
    np.testing.assert_allclose(
        device[0].weight.detach().cpu().numpy(), host[0].weight.detach().numpy(), rtol=1e-4, atol=1e-6
    )
    assert history.records[0].train.accuracy > 0.3


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


# --- steps, schedules, records --------------------------------------------------------------------------


def test_steps_may_be_counted_in_place_of_epochs():
    by_steps = make(steps=24)
    by_steps.fit()
    by_epochs = make(epochs=3)
    by_epochs.fit()
    assert bits(by_steps) == bits(by_epochs)
    assert make(steps=11).fit().steps == [8, 11]
    assert make(steps=11, record_every=5).fit().steps == [5, 10, 11]


@given(
    rows=st.integers(1, 20),
    batch_size=st.integers(1, 7),
    accumulate=st.integers(1, 4),
    clip_norm=st.none() | st.just(0.1),
)
def test_accumulated_mini_batches_are_one_batch(rows, batch_size, accumulate, clip_norm):
    data = nn.TensorDataset(*(tensor[:rows] for tensor in blobs().tensors))

    def learnt(batch_size, accumulate):
        tl.manual_seed(0)
        model = nn.MLP([2, 4, 3], nn.Tanh).double()
        batches = [(x.double(), y) for x, y in nn.DataLoader(data, batch_size)]
        optimizer = nn.optim.SGD(model.parameters(), lr=0.5)
        loss = nn.CrossEntropyLoss()
        trainer = nn.Trainer(
            model, batches, loss, optimizer, epochs=2, accumulate=accumulate, clip_norm=clip_norm, show=False
        )
        history = trainer.fit()
        return [p.detach().numpy() for p in model.parameters()], history

    parts, history = learnt(batch_size, accumulate)
    whole, wanted = learnt(batch_size * accumulate, 1)
    for a, b in zip(parts, whole, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)
    assert history.steps == wanted.steps
    assert history[-1].train.loss == pytest.approx(wanted[-1].train.loss, rel=1e-10)


WEIGHT = tl.tensor([0.2, 1.0, 3.0], dtype=tl.float64)
LOSSES = {
    "ignored": nn.CrossEntropyLoss(ignore_index=1),
    "weighted": nn.CrossEntropyLoss(weight=WEIGHT, label_smoothing=0.1),
    "ignored and weighted": nn.CrossEntropyLoss(weight=WEIGHT, ignore_index=0),
    "summed": nn.CrossEntropyLoss(reduction="sum"),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("device", ["cpu", "strict"])
def test_accumulated_losses_are_means_over_what_counts(name, device):
    loss = LOSSES[name].to(device)
    x, y = (tensor.to(device) for tensor in blobs(12).tensors)
    y = tl.where(tl.arange(12, device=device) % 3 == 0, 2, y)  # so that no mini-batch is ignored whole

    def learnt(batch_size, accumulate):
        tl.manual_seed(0)
        model = nn.Linear(2, 3).double().to(device)
        batches = [(x[i : i + batch_size].double(), y[i : i + batch_size]) for i in range(0, 12, batch_size)]
        optimizer = nn.optim.SGD(model.parameters(), lr=0.01)
        settings = {"epochs": 1, "accumulate": accumulate, "test": batches, "show": False}
        history = nn.Trainer(model, batches, loss, optimizer, **settings).fit()
        return model.weight.detach().cpu().numpy(), history[-1]

    (parts, record), (whole, wanted) = learnt(3, 4), learnt(12, 1)
    LOSSES[name].to("cpu")
    np.testing.assert_allclose(parts, whole, rtol=1e-12)
    assert record.train.loss == pytest.approx(wanted.train.loss, rel=1e-12)
    assert record.test.loss == pytest.approx(wanted.test.loss, rel=1e-12)


def test_a_mini_batch_of_which_all_is_ignored_changes_nothing():
    x, y = blobs(8).tensors
    batches = [(x[:4], y[:4]), (x[4:], tl.full((4,), -100))]

    def learnt(batches, accumulate):
        tl.manual_seed(0)
        model = nn.Linear(2, 3)
        optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
        settings = {"epochs": 1, "accumulate": accumulate, "show": False}
        history = nn.Trainer(model, batches, nn.CrossEntropyLoss(), optimizer, **settings).fit()
        return model.weight.tolist(), history.train_loss

    assert learnt(batches, 2) == learnt(batches[:1], 1)


def test_steps_and_records_of_which_all_is_ignored_are_passed_over():
    x, y = blobs(8).tensors
    nothing = tl.full((4,), -100)
    batches = [(x[:4], nothing), (x[4:], nothing), (x[:4], y[:4]), (x[4:], y[4:])]
    model = nn.Linear(2, 3)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    settings = {"epochs": 1, "accumulate": 2, "record_every": 1, "test": batches, "accuracy": True, "show": False}
    history = nn.Trainer(model, batches, nn.CrossEntropyLoss(), optimizer, **settings).fit()
    assert np.isnan(history[0].train.loss)
    assert history[1].train.loss > 0
    assert 0 <= history[1].test.accuracy <= 1


def test_what_is_ignored_is_neither_right_nor_wrong():
    outputs, targets = tl.tensor([[0.0, 1.0], [0.0, 1.0]]), tl.tensor([1, -100])
    assert nn.evaluate(nn.Identity(), [(outputs, targets)], nn.CrossEntropyLoss(), accuracy=True).accuracy == 1


def test_classes_are_on_the_axis_where_cross_entropy_has_them():
    scores = tl.tensor([[[5.0, 0.0], [0.0, 5.0]]])  # (1, classes, places)
    targets = tl.tensor([[0, 1]])
    assert nn.evaluate(nn.Identity(), [(scores, targets)], nn.CrossEntropyLoss(), accuracy=True).accuracy == 1
    assert nn.evaluate(nn.Identity(), [(scores, 1 - targets)], nn.CrossEntropyLoss(), accuracy=True).accuracy == 0


def test_targets_may_be_arrays_or_lists():
    x, y = blobs(8).tensors
    for targets in (y.numpy(), y.tolist()):
        model = nn.Linear(2, 3)
        optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
        history = nn.fit(model, [(x, targets)], nn.CrossEntropyLoss(), optimizer, 2, accuracy=True, show=False)
        assert history[1].train.loss < history[0].train.loss


def test_a_test_loss_that_is_no_number_is_never_the_best():
    history = scripted([float("nan"), 3, 2, 4], patience=3).fit()
    assert history.best == 2
    assert len(history) == 4


def test_accuracy_of_what_are_no_classes_is_refused():
    data = [(tl.ones(3, 2), tl.ones(3, 2))]
    with pytest.raises(ValueError, match=r"accuracy needs outputs.*\(3, 2\) and \(3, 2\).*accuracy=False"):
        nn.evaluate(nn.Linear(2, 2), data, nn.MSELoss(), accuracy=True)


def test_several_inputs_go_to_the_model_one_by_one():
    class Sum(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 3)

        def forward(self, x, y):
            return self.layer(x + y)

    model = Sum()
    batch = (tl.ones(4, 2), tl.zeros(4, 2), tl.tensor([0, 1, 2, 0]))
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    history = nn.fit(model, [batch], nn.CrossEntropyLoss(), optimizer, 3, test=[batch], show=False)
    assert history[-1].test.loss < history[0].test.loss


def test_a_schedule_goes_on_by_step_or_by_epoch():
    assert [r.lr for r in make(steps=5, record_every=1, schedule=halves).fit()] == [0.5, 0.5, 0.25, 0.25, 0.125]
    assert [r.lr for r in make(epochs=5, schedule=halves, schedule_by="epoch").fit()] == [0.5, 0.5, 0.25, 0.25, 0.125]


def test_gradients_are_clipped_before_the_step():
    trainer = make(steps=1, clip_norm=1e-3)
    trainer.fit()
    length = sum(float((p.grad * p.grad).sum()) for p in trainer.model.parameters()) ** 0.5
    assert length == pytest.approx(1e-3, rel=1e-2)


def scripted(scores, **settings):
    """A Trainer whose test loss is, record by record, what is written down."""
    planned = iter(scores)

    class Planned(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(tl.zeros(1))

        def forward(self, x):
            return self.weight * 0 + (1.0 if self.training else next(planned))

    model = Planned()
    batch = [(tl.ones(1), tl.zeros(1))]
    optimizer = nn.optim.SGD(model.parameters())
    return nn.Trainer(
        model, batch, lambda out, _: out.sum(), optimizer, epochs=len(scores), test=batch, show=False, **settings
    )


def test_patience_ends_after_so_many_records_that_are_not_better():
    history = scripted([3, 2, 2, 1, 5, 4, 3, 0], patience=3).fit()
    assert history.test_loss == [3, 2, 2, 1, 5, 4, 3]
    assert history.stopped_early
    assert history.best == 3
    assert not scripted([3, 2, 2, 1], patience=3).fit().stopped_early


def test_with_more_patience_it_goes_on():
    trainer = scripted([2, 3, 4, 1], patience=2)
    assert trainer.fit().test_loss == [2, 3, 4]
    assert trainer.fit().test_loss == [2, 3, 4]
    trainer.patience = 3
    assert trainer.fit().test_loss == [2, 3, 4, 1]
    assert trainer.history.best == 3


def test_the_best_record_may_be_that_of_the_best_accuracy():
    trainer = make(epochs=6, test=[blobs()[:]], accuracy=True, best_by="accuracy")
    history = trainer.fit()
    accuracies = [record.test.accuracy for record in history]
    assert history.best == accuracies.index(max(accuracies))


def test_on_record_is_called_with_the_trainer_after_each_record():
    seen = []
    make(steps=5, record_every=2, on_record=lambda trainer: seen.append((trainer.step, len(trainer.history)))).fit()
    assert seen == [(2, 1), (4, 2), (5, 3)]


def test_a_layer_that_was_put_into_evaluation_stays_so():
    trainer = make(epochs=2, test=[blobs()[:]], dropout=0.5)
    trainer.model[2].eval()
    trainer.fit()
    assert [layer.training for layer in trainer.model] == [True, True, False, True]


def test_calling_fit_again_goes_on():
    whole = make(epochs=3, dropout=0.3)
    whole.fit()
    trainer = make(epochs=1, dropout=0.3)
    trainer.fit()
    trainer.epochs = 3
    assert len(trainer.fit()) == 3
    assert bits(trainer) == bits(whole)


def test_after_ctrl_c_fit_goes_on_in_the_middle_of_the_epoch():
    whole = make(dropout=0.3)
    wanted = whole.fit()
    trainer = make(dropout=0.3)
    trainer.loss = Press(11)
    assert trainer.fit().steps == [8, 11]
    assert trainer.history.interrupted
    trainer.loss = nn.CrossEntropyLoss()
    history = trainer.fit()
    assert not history.interrupted
    assert history.train_loss == wanted.train_loss
    assert bits(trainer) == bits(whole)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 1, "steps": 1}, "give either epochs or steps"),
        ({"epochs": None}, "give either epochs or steps"),
        ({"epochs": -1}, "epochs must be a whole number, at least 0, not -1"),
        ({"accumulate": 0, "patience": 0}, "accumulate must be a whole number, at least 1, not 0; patience must"),
        ({"record_every": 0}, "record_every must be a whole number, at least 1"),
        ({"epochs": 1.5}, "a whole number, at least 0, not 1.5"),
        ({"epochs": "3"}, "a whole number, at least 0, not '3'"),
        ({"batches": iter([])}, "batches must have a length.*list_iterator has none"),
        ({"best_by": "accuracy"}, "needs accuracy=True"),
        ({"best_by": "speed"}, "'loss' or 'accuracy', not 'speed'"),
        ({"schedule_by": "day"}, "'step' or 'epoch', not 'day'"),
        ({"clip_norm": 0.0}, "clip_norm must be above 0"),
        ({"settings": {1: 2}}, "numbers or strings, but 1 is 2"),
        ({"settings": {"--ask": float("nan")}}, "numbers or strings, but .--ask. is nan"),
        ({"settings": {"--ask": [1, 2]}}, "settings must map names to numbers or strings, but .--ask. is .1, 2."),
        (
            {"schedule": lambda optimizer: halves(nn.optim.SGD([nn.Parameter(tl.ones(1))]))},
            "another optimiser",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make(**settings)


def test_no_batches_to_learn_from_are_refused():
    with pytest.raises(ValueError, match="no batches to learn from"):
        nn.fit(nn.Linear(2, 3), [], nn.CrossEntropyLoss(), nn.optim.SGD([nn.Parameter(tl.ones(1))]), 1)


def test_batches_that_end_before_they_should_are_named():
    class Short:
        def __len__(self):
            return 3

        def __iter__(self):
            return iter([blobs()[:4]] * 2)

    with pytest.raises(ValueError, match="ended early; its length promises 3 per epoch"):
        make(batches=Short()).fit()


def test_a_step_with_all_there_is_never_waits_for_a_gpu():
    def learnt(device, steps):
        tl.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3)).to(device)
        optimizer = nn.optim.AdamW(model.parameters(), 0.05)
        schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, warmup_steps=3, total_steps=20)
        loader = nn.DataLoader(blobs(device=device), 8, shuffle=True)
        trainer = nn.Trainer(
            model,
            loader,
            nn.CrossEntropyLoss(label_smoothing=0.1),
            optimizer,
            steps=steps,
            schedule=schedule,
            accumulate=2,
            clip_norm=1.0,
            show=False,
        )
        with count_synchronisations() as waits:
            trainer.fit()
            return waits(), [p.detach().cpu().numpy() for p in model.parameters()]

    one, _ = learnt("strict", 1)
    many, on_device = learnt("strict", 12)
    records = 3 - 1  # one an epoch of four steps, where the loss is read; a run of one step has one too
    assert (many - one) <= 3 * records
    for a, b in zip(on_device, learnt("cpu", 12)[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
