"""Small trainings for several workers, in a file that other processes can import."""

import os
import signal
import sys
import threading
import time

import numpy as np

import nn
import tinygrad_lecture as tl
from nn.parallel.threads import run_threads

F = nn.functional


def in_threads(function, *args, workers=2, **kwargs):
    """What the function returns in each worker, by rank."""
    return nn.parallel.run(gathered, function, *args, workers=workers, threads=True, **kwargs)


def gathered(function, *args, **kwargs):
    return nn.parallel.group().gather(function(*args, **kwargs))


class Parts(nn.Module):
    """A network with a frozen parameter, one that no input uses, and one that only some rows use."""

    def __init__(self):
        self.first, self.second = nn.Linear(3, 8), nn.Linear(8, 4)
        self.rare, self.unused = nn.Parameter(tl.ones(8)), nn.Parameter(tl.ones(5))
        self.frozen = nn.Parameter(tl.full((8,), 0.5), requires_grad=False)

    def forward(self, x):
        hidden = tl.tanh(self.first(x)) * self.frozen
        if bool((x[:, 0] > 0.9).any()):
            hidden = hidden + self.rare * (x[:, :1] > 0.9).float()
        return self.second(hidden)


def points(n=23, dtype=tl.float32):
    rng = np.random.default_rng(0)
    return tl.tensor(rng.random((n, 3)), dtype=dtype), tl.tensor(rng.integers(0, 4, n))


OPTIMIZERS = {
    "SGD": lambda params: nn.optim.SGD(params, 0.1, momentum=0.9),
    "AdamW": lambda params: nn.optim.AdamW(params, 0.01),
    "RMSprop": lambda params: nn.optim.RMSprop(params, 0.01),
}


def train(optimizer="AdamW", steps=20, batch_size=10, clip=1.0, accumulate=1, dtype=tl.float32, split=True, **how):
    """The parameters, the last gradients and the optimiser's state after some steps, as NumPy arrays by name."""
    tl.manual_seed(0)
    model = Parts().to(dtype)
    trained = OPTIMIZERS[optimizer](model.parameters())
    loader = nn.DataLoader(nn.TensorDataset(*points(dtype=dtype)), batch_size, shuffle=True)
    distributed = nn.parallel.distribute(model, trained if split else None)
    done = 0
    while done < steps:
        for x, y in nn.parallel.shares(loader):
            if done % accumulate == 0:
                trained.zero_grad()
            loss = F.cross_entropy(model(x), y)
            if how.get("no_sync") and done % accumulate < accumulate - 1:
                with distributed.no_sync():
                    loss.backward()
            else:
                loss.backward()
            done += 1
            if done % accumulate == 0:
                if clip:
                    nn.clip_grad_norm_(model.parameters(), clip)
                trained.step()
    state = trained.state_dict()["state"]
    distributed.close()
    names = [name for name, _ in model.named_parameters()]
    return {
        **{name: p.detach().numpy().copy() for name, p in model.named_parameters()},
        **{f"{name}.grad": p.grad.numpy().copy() for name, p in model.named_parameters() if p.grad is not None},
        **{f"{names[i]}.{key}": np.array(v if key == "step" else v.numpy()) for i, s in state.items() for key, v in s.items()},
    }


def assert_close(some, others, tolerance=2e-6):
    assert some.keys() == others.keys()
    for name, array in some.items():
        np.testing.assert_allclose(array, others[name], atol=tolerance, rtol=tolerance, err_msg=name)


def assert_same_bits(some, others):
    assert {name: array.tobytes() for name, array in some.items()} == {n: a.tobytes() for n, a in others.items()}
