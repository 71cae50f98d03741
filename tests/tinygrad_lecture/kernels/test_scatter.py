"""scatter_add: sums at repeated indices, along any axis."""

import numpy as np
import pytest

from tinygrad_lecture.kernels.scatter import scatter_add


@pytest.mark.parametrize("shape", [(5,), (5, 3), (70_000, 2), (2, 5, 3), (2, 3, 5)])
@pytest.mark.parametrize("repeats", [0, 1, 4, 200])
def test_it_adds_what_a_loop_adds(shape, repeats):
    random = np.random.default_rng(0)
    for axis, n in enumerate(shape):
        count = min(repeats * n, 5000)
        places = random.integers(-n, n, count)
        values = random.normal(size=(*shape[:axis], count, *shape[axis + 1 :])).astype("float32")
        total = random.normal(size=shape).astype("float32")
        index = (*[slice(None)] * axis, places)
        wanted = total.astype("float64")
        np.add.at(wanted, index, values)
        scatter_add(total, index, values)
        np.testing.assert_allclose(total, wanted, rtol=1e-4, atol=1e-4)


def test_an_empty_index_names_the_whole_array():
    total = np.zeros(3)
    scatter_add(total, (), np.ones(3))
    np.testing.assert_array_equal(total, np.ones(3))


@pytest.mark.parametrize("index", [(np.array([0, 3]),), (slice(None), np.array([0, -4]))])
def test_a_row_that_is_not_there_is_refused(index):
    with pytest.raises(IndexError, match=f"axis {len(index) - 1} with size 3"):
        scatter_add(np.zeros((3, 3)), index, np.ones((2, 3) if len(index) == 1 else (3, 2)))
