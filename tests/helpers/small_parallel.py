"""Small trainings for several workers, in a file that other processes can import."""

import copy
import os
import signal
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from functools import partial
from multiprocessing import Pipe
from pathlib import Path

import numpy as np

import nn
import tinygrad_lecture as tl
from nn.parallel.group import WorkerLeft, working_in
from nn.parallel.local import LocalGroup
from tinygrad_lecture.autograd.modes import modes
from tinygrad_lecture.random import replay

F = nn.functional


def in_threads(function, *args, workers=2, **kwargs):
    """What the function returns in each worker, by rank. Worker 0 is this thread; the others are threads with copies.

    They stand for the processes of `nn.parallel.run`, which need a second to start: pipes, shared memory and streams of
    random numbers are the same.
    """
    call, pipes, stream = partial(function, *args, **kwargs), [Pipe() for _ in range(workers - 1)], tl.get_rng_state()
    groups = [LocalGroup(0, workers, [pipe for pipe, _ in pipes])]
    groups += [LocalGroup(rank, workers, [pipe]) for rank, (_, pipe) in enumerate(pipes, 1)]

    def work(group, call, drawing):
        with ExitStack() as stack:
            stack.callback(group.leave)
            stack.enter_context(drawing)
            stack.enter_context(working_in(group))
            return call()

    own = Future()
    with ThreadPoolExecutor(workers) as pool:
        others = [pool.submit(work, group, copy.deepcopy(call), replay(stream)) for group in groups[1:]]
        try:
            own.set_result(work(groups[0], call, nullcontext()))
        except BaseException as error:
            own.set_exception(error)
    errors = [future.exception() for future in (own, *others) if future.exception()]
    for error in sorted(errors, key=lambda error: isinstance(error, WorkerLeft)):
        raise error
    return [future.result() for future in (own, *others)]


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


def train(optimizer="AdamW", steps=20, batch_size=10, clip=1.0, accumulate=1, dtype=tl.float32, known=True, **how):
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


# --- for workers that are processes -------------------------------------------------------------------------


class NotSendable(Exception):
    """An exception that pickle cannot make again."""

    def __init__(self, code, *, reason):
        super().__init__(f"{code}: {reason}")


def about_this_worker():
    """What `test_processes.py` wants to know of each worker, gathered."""
    print("not shown, but by worker 0")
    numbers = nn.parallel.group().all_reduce(1000, np.float32)
    nn.parallel.group().gather(None)  # worker 0 has unlinked the name when it comes here
    shared = Path("/dev/shm")
    names = sorted(path.name for path in shared.iterdir()) if shared.is_dir() else []
    numbers.close()
    told = nn.parallel.group().gather(
        {
            "rank": nn.parallel.rank(),
            "pid": os.getpid(),
            "threads": [os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")],
            "drawn": tl.rand(1).item(),
            "recording, reference": (modes.recording, modes.reference),
            "dtype": tl.get_default_dtype(),
            "shared memory with a name": names,
            "ignores Ctrl-C": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
        }
    )
    return told if nn.parallel.rank() == 0 else sys.exit(0)  # together with the others, that is a good end


def in_processes(tasks):
    """What each of several trainings gives, with their arguments."""
    return [train(**task) for task in tasks]


def end_badly(how, rank):
    """One of the workers ends while the others wait for it."""
    group = nn.parallel.group()
    group.meet("begin")
    if group.rank == rank:
        if how == "raise":
            raise FloatingPointError("the loss became nan")
        if how == "raise what cannot be sent":
            raise NotSendable(3, reason="out of paper")
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "exit":
            os._exit(3)
        if how == "exit early":
            sys.exit(0)
        if how == "return early":
            return
    group.all_reduce(10, np.float32)
    group.meet("backward")
    threading.Event().wait(60)


def wait_for_ever(folder):
    """Workers that go on until they are ended; each writes its number into the folder first."""
    group = nn.parallel.group()
    numbers = group.all_reduce(1000, np.float32)
    (folder / str(os.getpid())).touch()
    while True:
        numbers.sum("wait")
        time.sleep(0.01)


if __name__ == "__main__":  # a program whose end is tested
    nn.parallel.run(wait_for_ever, Path(sys.argv[1]), workers=3)
