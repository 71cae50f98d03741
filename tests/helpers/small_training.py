"""A training that is done in a moment, always the same one, for tests of what is around it."""

import signal

import numpy as np

import nn
import tinygrad_lecture as tl

F = nn.functional


def blobs(n=60, device="cpu"):
    """Points around three corners, and which corner: learnt in a moment."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, n)
    points = np.array([[0, 0], [0, 4], [4, 0]])[labels] + rng.normal(size=(n, 2))
    x, y = tl.tensor(points.astype(np.float32)).to(device), tl.tensor(labels).to(device)
    return nn.TensorDataset(x, y)


def make(batches=None, rate=0.5, dropout=0.0, **settings):
    """A Trainer of a small network on the blobs, always the same one."""
    tl.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 3))
    optimizer = nn.optim.Adam(model.parameters(), rate)
    schedule = settings.pop("schedule", lambda optimizer: None)(optimizer)
    batches = batches or nn.DataLoader(blobs(), 8, shuffle=True)
    settings = {"show": False, **({} if "steps" in settings else {"epochs": 3}), **settings}
    return nn.Trainer(model, batches, nn.CrossEntropyLoss(), optimizer, schedule=schedule, **settings)


def bits(trainer):
    return [p.detach().numpy().tobytes() for p in trainer.model.parameters()]


def halves(optimizer):
    return nn.optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.5)


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
