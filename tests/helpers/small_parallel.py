"""Workers that are threads."""

import copy
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial

import numpy as np

import tinygrad_lecture as tl
from nn.parallel.workers import Group, working_in
from tinygrad_lecture.random import replay


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

    def add_up(self, numbers):
        numbers[...] = np.sum(self.exchange(numbers), axis=0)


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
