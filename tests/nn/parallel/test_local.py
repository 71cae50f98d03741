"""Workers on one machine: how they wait for each other, add up numbers and use one BLAS thread each. Here: threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from nn.parallel.group import THREADS
from small_parallel import in_threads
from tinygrad_lecture.kernels.blas import openblas


@settings(max_examples=20)
@given(n=st.sampled_from([0, 1, 2, 5, 40_000, 100_001]), workers=st.sampled_from([2, 3, 4]), seed=st.integers(0, 9))
def test_numbers_are_added_in_the_order_of_the_ranks(n, workers, seed):
    numbers = np.random.default_rng(seed).standard_normal((workers, n)).astype(np.float32)

    def add():
        group = nn.parallel.group()
        total = group.all_reduce(n, np.float32)
        total.mine[...] = numbers[group.rank]
        return total.sum("add").copy()

    expected = numbers[0]
    for row in numbers[1:]:
        expected = expected + row
    for total in in_threads(add, workers=workers):
        assert total.tobytes() == expected.tobytes()


def test_everyone_hears_every_number_and_object():
    def tell():
        group = nn.parallel.group()
        rank = group.rank
        return group.gather({"rank": rank}), group.broadcast(("from", rank))

    told = ([{"rank": 0}, {"rank": 1}, {"rank": 2}], ("from", 0))
    assert in_threads(tell, workers=3) == [told] * 3


@pytest.mark.parametrize("other", [0, 1, 2])
def test_workers_at_different_places_are_told_so(other):
    def go():
        group = nn.parallel.group()
        group.meet("saving" if group.rank == other else "backward")

    with pytest.raises(RuntimeError, match=f"different places of the program: .*worker {other} in saving.*rank"):
        in_threads(go, workers=3)


@pytest.mark.parametrize("early", [0, 1])
def test_a_worker_that_finishes_early_is_told_from_one_that_failed(early):
    def go():
        if nn.parallel.rank() != early:
            nn.parallel.group().meet("backward")

    with pytest.raises(RuntimeError, match=f"worker {1 - early} waits in backward for another, which has ended"):
        in_threads(go)


def test_a_worker_starts_no_others():
    with pytest.raises(RuntimeError, match="a worker of a run already"):
        in_threads(nn.parallel.run, len, [])


def test_one_worker_is_a_plain_call_and_fewer_are_refused():
    assert nn.parallel.run(sorted, [2, 1], workers=1, key=lambda x: -x) == [2, 1]
    assert (nn.parallel.rank(), nn.parallel.size(), nn.parallel.mean(2.5)) == (0, 1, 2.5)
    with pytest.raises(ValueError, match=r"nn.parallel.run: workers must be"):
        nn.parallel.run(len, [], workers=0)


# --- one BLAS thread for each -------------------------------------------------------------------------------


@pytest.mark.skipif(openblas() is None, reason="NumPy has another BLAS than OpenBLAS here")
@pytest.mark.parametrize(("environment", "threads"), [({}, 1), ({"OMP_NUM_THREADS": "2"}, 2)])
def test_openblas_uses_one_thread_while_workers_train(monkeypatch, environment, threads):
    get, set_ = openblas()
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    before = get()
    set_(2)
    try:
        assert in_threads(lambda: openblas()[0]()) == [threads] * 2
        assert get() == 2
    finally:
        set_(before)


def test_another_blas_is_left_alone(monkeypatch):
    monkeypatch.setattr("tinygrad_lecture.kernels.blas.openblas", lambda: None)
    assert in_threads(nn.parallel.rank) == [0, 1]
