"""Training does not make the process grow."""

import gc
import sys

import numpy as np

import nn
import tinygrad_lecture as tl


def train(steps):
    """Steps of a small network that uses what training uses: dropout, clipping, a schedule, views and changes."""
    tl.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Dropout(0.1), nn.Tanh(), nn.Linear(8, 3))
    optimizer = nn.optim.AdamW(model.parameters(), lr=0.01)
    schedule = nn.optim.lr_scheduler.StepLR(optimizer, 100)
    x, y = tl.randn(16, 4), tl.tensor(np.arange(16) % 3)
    for step in range(steps):
        optimizer.zero_grad()
        h = tl.checkpoint(model, x)
        h[0] *= 2.0
        loss = nn.functional.cross_entropy(h, y) + 0.01 * (model[0].weight[1:] ** 2).sum()
        loss.backward(create_graph=step % 50 == 0)
        with tl.no_grad():
            model[0].bias[0] *= 0.999
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        yield step


def growth(steps, warm_up=200):
    """By how many blocks the memory of Python's objects, arrays among them, grows in so many steps after a warm-up."""
    blocks = []
    for step in train(warm_up + steps):
        if step in (warm_up - 1, warm_up + steps - 1):
            gc.collect()
            blocks.append(sys.getallocatedblocks())
    return blocks[1] - blocks[0]


def test_training_steps_leave_nothing_behind():
    growth(300)  # fills Python's and NumPy's caches
    assert growth(2000) < 200  # not even a tenth of an object each
