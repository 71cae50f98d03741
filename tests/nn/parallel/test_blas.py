"""One BLAS thread for each worker, unless the user says otherwise."""

import pytest

import nn
from nn.parallel.worker import THREADS
from small_parallel import in_threads
from tinygrad_lecture.kernels.blas import openblas


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
