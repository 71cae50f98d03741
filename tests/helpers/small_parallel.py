"""Small trainings for several workers, and workers that are threads."""

import copy
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial

import numpy as np

import nn
import tinygrad_lecture as tl
from nn.parallel.workers import Group, working_in
from tinygrad_lecture.random import replay

F = nn.functional


class Threads(Group):
    """Workers that are threads of this process. told: a list for all, with a place for each."""

    def __init__(self, rank, told, barrier):
        self.rank, self.size, self.told, self.barrier = rank, len(told), told, barrier

    def exchange(self, value):
        self.told[self.rank] = copy.deepcopy(value)
        self.barrier.wait()
        together = list(self.told)
        self.barrier.wait()
        return together

    def add_up(self, numbers, call="add_up"):
        numbers[...] = np.sum(self.gather(numbers.copy(), call), axis=0)


def in_threads(function, *args, workers=2, **kwargs):
    """What the function returns in each worker, by rank. Worker 0 is this thread; the others are threads with copies.

    They stand for the processes of MPI, which need seconds to start: each has a group and a random stream of its own.
    """
    call, stream = partial(function, *args, **kwargs), tl.get_rng_state()
    told, barrier = [None] * workers, threading.Barrier(workers, timeout=60)

    def work(rank, call):
        group = Threads(rank, told, barrier)
        try:
            with replay(stream) if rank else nullcontext(), working_in(group):
                result = call()
            group.meet("run, at its end")
        except BaseException:
            barrier.abort()
            raise
        return result

    own = Future()
    with ThreadPoolExecutor(workers) as pool:
        others = [pool.submit(work, rank, copy.deepcopy(call)) for rank in range(1, workers)]
        try:
            own.set_result(work(0, call))
        except BaseException as error:
            own.set_exception(error)
    futures = [own, *others]
    errors = [future.exception() for future in futures if future.exception()]
    for error in sorted(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError)):
        raise error
    return [future.result() for future in futures]


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


def train(optimizer="AdamW", steps=20, batch_size=10, clip=1.0, accumulate=1, dtype=tl.float32, known=True):
    """The parameters, the last gradients and the optimiser's state after some steps, as NumPy arrays by name."""
    tl.manual_seed(0)
    model = Parts().to(dtype)
    trained = OPTIMIZERS[optimizer](model.parameters())
    loader = nn.DataLoader(nn.TensorDataset(*points(dtype=dtype)), batch_size, shuffle=True)
    distributed = nn.parallel.distribute(model, trained if known else None)
    done = 0
    while done < steps:
        for x, y in nn.parallel.shares(loader):
            if done % accumulate == 0:
                trained.zero_grad()
            F.cross_entropy(model(x), y).backward()
            done += 1
            if done % accumulate == 0:
                if clip:
                    nn.clip_grad_norm_(model.parameters(), clip)
                trained.step()
    state = trained.state_dict()["state"]
    distributed.close()
    found = {name: p.detach().numpy().copy() for name, p in model.named_parameters()}
    for i, (name, p) in enumerate(model.named_parameters()):
        if p.grad is not None:
            found[f"{name}.grad"] = p.grad.numpy().copy()
        for key, value in state.get(i, {}).items():
            found[f"{name}.{key}"] = value.numpy() if isinstance(value, tl.Tensor) else np.array(value)
    return found


def assert_close(some, others, tolerance=2e-6):
    assert some.keys() == others.keys()
    for name, array in some.items():
        np.testing.assert_allclose(array, others[name], atol=tolerance, rtol=tolerance, err_msg=name)


def assert_same_bits(some, others):
    assert {name: array.tobytes() for name, array in some.items()} == {n: a.tobytes() for n, a in others.items()}
