"""The training loop: it learns, counts right, shows how far it is, and stops where it should."""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from nn.training import history
from nn.training.history import Progress
from small_training import Press, bits, blobs, fitted, halves, make, sgd
from strict_cupy import count_synchronisations

F = nn.functional


def test_it_learns():
    data = nn.DataLoader(blobs(), 25)
    trainer = fitted(epochs=5, rate=0.05, test=data, accuracy=True)
    history = trainer.history
    assert len(history.records) == 5
    assert not history.interrupted
    first, last = history.records[0], history.records[-1]
    assert last.train.loss < first.train.loss
    assert last.test.accuracy > 0.9
    assert last.seconds > 0
    assert nn.evaluate(trainer.model, data, nn.CrossEntropyLoss(), accuracy=True) == last.test


def test_several_inputs_are_passed_to_the_model_and_targets_may_be_lists():
    class Sum(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 3)

        def forward(self, x, y):
            return self.layer(x + y)

    batch = (tl.ones(4, 2), tl.zeros(4, 2), tl.tensor([0, 1, 2, 0]))
    for targets in (batch[2], batch[2].numpy(), batch[2].tolist()):
        history = sgd(Sum(), [(*batch[:2], targets)], epochs=3, test=[batch], accuracy=True)
        assert history[-1].test.loss < history[0].test.loss


@pytest.mark.parametrize(
    ("last", "loss"), [(nn.Softmax(-1), nn.CrossEntropyLoss()), (nn.Sigmoid(), nn.BCEWithLogitsLoss())]
)
def test_a_softmax_before_a_loss_that_has_one_is_warned_of(last, loss):
    batch = (tl.ones(4, 2), tl.ones(4, 1))
    with pytest.warns(UserWarning, match=f"takes logits: leave {type(last).__name__}.*out of the model") as caught:
        sgd(nn.Sequential(nn.Linear(2, 1), last), [batch], loss, epochs=1)
    assert not caught[0].filename.startswith(nn.__file__.removesuffix("__init__.py"))


# --- steps, schedules, the history ----------------------------------------------------------------------


def test_steps_instead_of_epochs():
    assert bits(fitted(steps=24)) == bits(fitted(epochs=3))
    assert make(steps=11).fit().steps == [8, 11]
    assert make(steps=11, record_every=5).fit().steps == [5, 10, 11]


def test_a_schedule_advances_after_each_step():
    assert [r.lr for r in make(steps=5, record_every=1, schedule=halves).fit()] == [0.5, 0.5, 0.25, 0.25, 0.125]


def test_on_record_is_called_with_the_trainer_after_each_row():
    seen = []
    make(steps=5, record_every=2, on_record=lambda trainer: seen.append((trainer.step, len(trainer.history)))).fit()
    assert seen == [(2, 1), (4, 2), (5, 3)]


# --- accumulation ---------------------------------------------------------------------------------------


WEIGHT = tl.tensor([0.2, 1.0, 3.0], dtype=tl.float64)
LOSSES = {
    "plain": nn.CrossEntropyLoss(),
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

    def train(batch_size, accumulate):
        tl.manual_seed(0)
        model = nn.Linear(2, 3).double().to(device)
        batches = [(x[i : i + batch_size].double(), y[i : i + batch_size]) for i in range(0, 12, batch_size)]
        history = sgd(model, batches, loss, 0.01, epochs=2, accumulate=accumulate, clip_norm=0.1, test=batches)
        return model.weight.detach().cpu().numpy(), history[-1]

    (parts, row), (whole, wanted) = train(5, 3), train(12, 1)
    LOSSES[name].to("cpu")
    np.testing.assert_allclose(parts, whole, rtol=1e-12)
    assert row.train.loss == pytest.approx(wanted.train.loss, rel=1e-12)
    assert row.test.loss == pytest.approx(wanted.test.loss, rel=1e-12)


def test_steps_and_rows_that_are_ignored_whole_are_skipped():
    x, y = blobs(8).tensors
    nothing = tl.full((4,), -100)
    batches = [(x[:4], nothing), (x[4:], nothing), (x[:4], y[:4]), (x[4:], y[4:])]
    history = sgd(nn.Linear(2, 3), batches, accumulate=2, record_every=1, test=batches, accuracy=True)
    assert np.isnan(history[0].train.loss)
    assert history[1].train.loss > 0
    assert 0 <= history[1].test.accuracy <= 1


# --- the best row, patience -----------------------------------------------------------------------------


def scripted(scores, **settings):
    """A Trainer with the given test losses, one per row."""
    planned = iter(scores)

    class Planned(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(tl.zeros(1))

        def forward(self, x):
            return self.weight * 0 + (1.0 if self.training else next(planned))

    model = Planned()
    batch = [(tl.ones(1), tl.zeros(1))]
    settings = {"epochs": len(scores), "test": batch, "show": False, **settings}
    return nn.Trainer(model, batch, lambda out, _: out.sum(), nn.optim.SGD(model.parameters()), **settings)


def test_patience_ends_after_rows_without_a_new_best():
    history = scripted([float("nan"), 2, 2, 1, 5, 4, 3, 0], patience=3).fit()
    assert history.test_loss[1:] == [2, 2, 1, 5, 4, 3]
    assert history.stopped_early
    assert history.best == 3
    trainer = scripted([2, 3, 4, 1], patience=2)
    assert trainer.fit().test_loss == [2, 3, 4]
    trainer.patience = 3
    assert trainer.fit().test_loss == [2, 3, 4, 1]
    assert not trainer.history.stopped_early


# --- fit again, Ctrl-C ----------------------------------------------------------------------------------


def test_ctrl_c_ends_after_the_step_and_a_second_fit_continues_the_epoch():
    whole = fitted(dropout=0.3)
    trainer = make(dropout=0.3)
    before = bits(trainer)
    trainer.loss = press = Press(11)  # in the second epoch of 8 steps
    history = trainer.fit()
    assert (press.n, history.steps, history.interrupted) == (11, [8, 11], True)
    assert history[1].train.loss > 0
    assert bits(trainer) != before
    trainer.loss = nn.CrossEntropyLoss()
    assert not trainer.fit().interrupted
    assert trainer.history.train_loss == whole.history.train_loss
    assert bits(trainer) == bits(whole)


def test_ctrl_c_pressed_again_aborts():
    trainer, before = make(), signal.getsignal(signal.SIGINT)
    trainer.loss = Press(2, times=2)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    assert signal.getsignal(signal.SIGINT) is before


def test_where_ctrl_c_is_ignored_it_stays_ignored_and_other_threads_leave_it_alone():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        trainer = make(epochs=1)
        trainer.loss = Press(2)
        assert not trainer.fit().interrupted
    finally:
        signal.signal(signal.SIGINT, before)
    with ThreadPoolExecutor(1) as pool:
        assert not pool.submit(make(epochs=1).fit).result().interrupted


# --- progress -------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    """A clock that only moves when told to: clock(seconds)."""
    now = [0.0]
    monkeypatch.setattr(history.time, "perf_counter", lambda: now[0])

    def wait(seconds):
        now[0] += seconds

    return wait


def test_rows_are_printed_with_an_estimate_the_first_the_last_and_one_per_second(capsys, clock):
    Progress(1200).record(1, "loss 0")
    shown = Progress(1200, per_epoch=100)
    for epoch in range(1, 13):
        clock(0.4)
        shown.step(epoch * 100, not_asked)
        shown.record(epoch * 100, f"loss {epoch}")
    Progress(1, show=False).record(1, "nothing")
    assert capsys.readouterr().out.splitlines() == [
        "step     1/1,200   loss 0",
        "epoch  1/12   loss 1   4 s left",
        "epoch  4/12   loss 4   3 s left",
        "epoch  7/12   loss 7   2 s left",
        "epoch 10/12   loss 10   1 s left",
        "epoch 12/12   loss 12   0 s left",
    ]


def not_asked():
    raise AssertionError("scores cost time: they are only computed when shown")


def test_running_scores_are_printed_where_rows_are_rare(capsys, clock, monkeypatch):
    slow = Progress(10)
    clock(11)
    slow.step(2, lambda: "loss 2")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    quick = Progress(10)
    clock(1)
    quick.step(2, lambda: "loss 2")
    quick.record(10, "loss 1")
    assert capsys.readouterr().out.split("\033[K") == [
        "step  2/10   loss 2   44 s left\n",
        "step  2/10   loss 2   4 s left\r",
        "step 10/10   loss 1   0 s left\n",
    ]


# --- options that are refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 1, "steps": 1}, "give either epochs or steps"),
        ({"epochs": -1}, "epochs must be a whole number, at least 0, not -1"),
        ({"accumulate": 0, "patience": 0}, "accumulate must be a whole number, at least 1, not 0; patience must"),
        ({"epochs": "3"}, "a whole number, at least 0, not '3'"),
        ({"batches": range(0)}, "no batches to learn from"),
        ({"batches": iter([])}, "batches must have a length.*list_iterator has none"),
        ({"clip_norm": 0.0}, "clip_norm must be above 0"),
        ({"schedule": lambda optimizer: halves(nn.optim.SGD([nn.Parameter(tl.ones(1))]))}, "another optimiser"),
    ],
)
def test_invalid_options_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make(**settings)


def test_batches_that_end_early_are_refused():
    class Short:
        def __len__(self):
            return 3

        def __iter__(self):
            return iter([blobs()[:4]] * 2)

    with pytest.raises(ValueError, match="ended early; its length promises 3 per epoch"):
        make(batches=Short()).fit()


def test_a_step_with_all_options_never_waits_for_a_gpu():
    def train(device, steps):
        tl.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3)).to(device)
        optimizer = nn.optim.AdamW(model.parameters(), 0.05)
        schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, warmup_steps=3, total_steps=20)
        loader = nn.DataLoader(blobs(device=device), 8, shuffle=True)
        settings = {"steps": steps, "schedule": schedule, "accumulate": 2, "clip_norm": 1.0, "show": False}
        trainer = nn.Trainer(model, loader, nn.CrossEntropyLoss(label_smoothing=0.1), optimizer, **settings)
        with count_synchronisations() as waits:
            trainer.fit()
            return waits(), [p.detach().cpu().numpy() for p in model.parameters()]

    one, _ = train("strict", 1)
    many, on_device = train("strict", 12)
    rows = 3 - 1  # one per epoch of four steps, where the loss is read; a run of one step has one too
    assert (many - one) <= 3 * rows
    for a, b in zip(on_device, train("cpu", 12)[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_missing_and_unknown_arguments_are_explained():
    with pytest.raises(TypeError, match="Trainer: loss and optimizer are missing"):
        nn.Trainer(nn.Linear(1, 1), [])
    with pytest.raises(TypeError, match="Trainer: it has no argument epoch; write epochs"):
        make(epoch=1)
