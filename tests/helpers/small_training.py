"""Trainings that take a moment and are always the same, and ways to end them."""

import signal

import numpy as np

import nn
import tinygrad_lecture as tl
from tinygrad_lecture.func.gradients import map_leaves

F = nn.functional


def blobs(n=60, device="cpu"):
    """A dataset of points around three corners, labelled by corner."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, n)
    points = np.array([[0, 0], [0, 4], [4, 0]])[labels] + rng.normal(size=(n, 2))
    x, y = tl.tensor(points.astype(np.float32)).to(device), tl.tensor(labels).to(device)
    return nn.TensorDataset(x, y)


def make(batches=None, rate=0.5, dropout=0.0, **settings):
    """A Trainer of a small network on the blobs, by default 3 epochs of 8 steps."""
    tl.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 3))
    optimizer = settings.pop("optimizer", nn.optim.Adam)(model.parameters(), rate)
    schedule = settings.pop("schedule", lambda optimizer: None)(optimizer)
    batches = nn.DataLoader(blobs(), 8, shuffle=True) if batches is None else batches
    settings = {"show": False, **({} if "steps" in settings else {"epochs": 3}), **settings}
    return nn.Trainer(model, batches, nn.CrossEntropyLoss(), optimizer, schedule=schedule, **settings)


def shuffled(seed, batch_size=8):
    """A function that makes a loader of the blobs in random order."""
    return lambda: nn.DataLoader(blobs(), batch_size, shuffle=True, seed=seed)


def made(settings):
    """`make(...)` with these settings, of which batches and test may be functions that make them."""
    return make(**{name: v() if name in ("batches", "test") and callable(v) else v for name, v in settings.items()})


def fitted(**settings):
    """`make(...)` after its training."""
    trainer = make(**settings)
    trainer.fit()
    return trainer


def sgd(model, batches, loss=None, lr=0.1, **settings):
    """The history of a model trained by SGD, by default for one epoch."""
    optimizer = nn.optim.SGD(model.parameters(), lr)
    settings = {"epochs": 1, "show": False, **settings}
    return nn.Trainer(model, batches, loss or nn.CrossEntropyLoss(), optimizer, **settings).fit()


def halves(optimizer):
    return nn.optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.5)


def one_cycle(optimizer):
    return nn.optim.lr_scheduler.OneCycleLR(optimizer, 0.5, total_steps=24)


class Own(nn.optim.Optimizer):
    """An optimiser as one writes it in PyTorch, with a tensor and a number for each parameter."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @tl.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state.update(velocity=tl.zeros_like(p), length=0.0)
                state["velocity"].mul_(0.9).add_(p.grad)
                state["length"] += p.grad.norm().item()
                p.data.add_(state["velocity"], alpha=-group["lr"] / (1 + state["length"]))


def bits(trainer):
    """The bits of the model's parameters."""
    return [p.detach().numpy().tobytes() for p in trainer.model.parameters()]


def everything(trainer):
    """The bits of the whole saved state, except for measured times."""
    state = trainer._state()
    records = [{**record, "seconds": 0} for record in state["history"]["records"]]
    state |= {"seconds": 0, "history": {**state["history"], "records": records}}
    return map_leaves(lambda x: x.numpy().tobytes() if isinstance(x, tl.Tensor) else x, state)


class Press:
    """A loss that presses Ctrl-C in a given call, one or more times."""

    def __init__(self, call, times=1):
        self.call, self.times, self.n = call, times, 0

    def __call__(self, outputs, targets):
        self.n += 1
        if self.n == self.call:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)
        return F.cross_entropy(outputs, targets)


class Killed(BaseException):
    """Simulates a kill: nothing in the library handles it."""


def killed_after(trainer, calls):
    """The trainer, with a loss that kills the run after so many calls."""
    count, loss = [0], trainer.loss

    def deadly(outputs, targets):
        count[0] += 1
        if count[0] > calls:
            raise Killed
        return loss(outputs, targets)

    trainer.loss = deadly
    return trainer


def kill(calls, **settings):
    """Start `make(...)` and kill it after so many calls of the loss."""
    try:
        killed_after(make(**settings), calls).fit()
    except Killed:
        return
    raise AssertionError("the run ended before it was killed")
