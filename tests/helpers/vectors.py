"""Vectors for tests of the engine: leaves and constants of float64, their comparison; memory that nothing keeps."""

import gc
from contextlib import contextmanager

import numpy as np

import tinygrad_lecture as tl


def leaf(*values):
    """A vector that requires grad."""
    return tl.tensor(list(values), dtype=tl.float64, requires_grad=True)


def constant(*values):
    return tl.tensor(list(values), dtype=tl.float64)


def close(got, expected):
    """Fail unless a Tensor has the expected values, to twelve digits."""
    np.testing.assert_allclose(got.detach().numpy(), expected, rtol=1e-12, atol=1e-12)


@contextmanager
def no_collector():
    """Python without its garbage collector: what is freed here is freed by counting references."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
