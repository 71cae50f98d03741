"""Large products in chunks that threads share: NumPy's result, the same bits each time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_lecture.kernels import blas, product, threads


@pytest.fixture(autouse=True)
def every_product_is_shared(monkeypatch):
    monkeypatch.setattr(product, "_BLAS_ALONE", 0)
    monkeypatch.setattr(product, "_SHARED", 0)
    monkeypatch.setattr(threads, "_chosen", 3)


sizes = st.integers(0, 70)


@given(n=sizes, k=sizes, m=sizes, dtype=st.sampled_from(["float32", "float64"]), layout=st.sampled_from(["C", "F"]))
def test_a_shared_product_is_numpys(n, k, m, dtype, layout):
    draw = np.random.default_rng(n + 71 * k + 71 * 71 * m)
    a, b = (np.asarray(draw.integers(-4, 5, shape), dtype, order=layout) for shape in [(n, k), (k, m)])
    shared = product.product(a, b)
    assert shared.dtype == dtype
    np.testing.assert_array_equal(shared, a @ b)  # whole numbers: exact in any order


def test_a_shared_product_gives_the_same_bits_each_time():
    a, b = np.random.default_rng(0).standard_normal((2, 200, 200))
    first = product.product(a, b)
    for _ in range(20):
        np.testing.assert_array_equal(product.product(a, b), first)


def test_mixed_dtypes_promote_as_in_numpy():
    assert product.product(np.ones((40, 3), "float32"), np.ones((3, 40))).dtype == "float64"


def test_the_blas_has_its_threads_back_after_a_product():
    before = blas.threads()
    product.product(np.ones((200, 200)), np.ones((200, 200)))
    assert blas.threads() == before


def test_products_for_which_openblas_would_start_threads_are_computed_by_one(monkeypatch):
    """OpenBLAS's threads spin for some milliseconds after a product, and take their cores from everything else."""
    monkeypatch.undo()
    monkeypatch.setattr(threads, "_chosen", 2)
    entered = []
    monkeypatch.setattr(product.blas, "one_thread", Counting(entered))
    for n in (64, 80, 81, 128):
        entered.clear()
        product.product(np.ones((n, n), "float32"), np.ones((n, n), "float32"))
        assert bool(entered) == (n**3 >= 2 * 262_144), n  # gemm.c of OpenBLAS: one thread per 4 * 65,536


class Counting:
    def __init__(self, entered):
        self.entered = entered

    def __enter__(self):
        self.entered.append(True)

    def __exit__(self, *error):
        pass
