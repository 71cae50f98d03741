"""Making tensors: from all that data may be, of every dtype, and what is refused with which words."""

import array

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_lecture as tl


@pytest.fixture
def _double_by_default():
    tl.set_default_dtype(tl.float64)
    yield
    tl.set_default_dtype(tl.float32)


# --- tensor: what data may be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype", "expected"),
    [
        (2.5, "float32", 2.5),
        ([], "float32", []),
        ([1, 2.5, True], "float32", [1, 2.5, 1]),
        ([(1.0, 2.0), [3, 4]], "float32", [[1, 2], [3, 4]]),
        (range(3), "int64", [0, 1, 2]),
        (np.float64(2), "float64", 2),
        (np.ones(2, "float16"), "float16", [1, 1]),
        (np.ones(2)[::-1], "float64", [1, 1]),
        (np.array([1, 2], ">i4"), "int32", [1, 2]),
        (array.array("i", [1, 2]), "int32", [1, 2]),
        (memoryview(b"ab"), "uint8", [97, 98]),
        ([np.float64(2), 1.0], "float64", [2, 1]),
        ([np.int64(2), 0.5], "float32", [2, 0.5]),
        ([np.ones(2), [3, 4]], "float64", [[1, 1], [3, 4]]),
        (2**63, "uint64", 2**63),
    ],
)
def test_data_of_many_kinds(data, dtype, expected):
    x = tl.tensor(data)
    assert (str(x.dtype), x.tolist(), x.device) == (dtype, expected, "cpu")
    assert x.dtype.isnative
    assert type(x.array) is np.ndarray


def test_tensors_and_lists_of_them_keep_their_dtype_and_lose_their_graph():
    w = tl.tensor([1.0, 2.0], dtype=tl.float64, requires_grad=True)
    lists = ([[w * 2]], [w[0] * 2, w[1] * 2], [[w * 2, w], [w, w]])
    for make in (lambda: tl.tensor(w * 2), lambda: tl.Tensor(w * 2), *(lambda x=x: tl.tensor(x) for x in lists)):
        with pytest.warns(UserWarning, match=r"the data requires grad, .*x.clone\(\), tl.stack"):
            made = make()
        made = made.reshape(-1, 2)[0]
        assert (made.dtype, made.tolist(), made.requires_grad) == (np.float64, [2, 4], False)
    assert tl.tensor([tl.ones((), dtype=tl.float16), tl.zeros((), dtype=tl.float16)]).dtype == np.float16
    assert tl.tensor([tl.tensor(1), 2]).dtype == np.int64


@pytest.mark.parametrize("data", [[1.0, 2.0], np.array([1.0, 2.0]), tl.tensor([1.0, 2.0])])
def test_the_data_is_copied(data):
    x = tl.tensor(data)
    with tl.no_grad():
        x[0] = 9.0
    assert data[0] == 1
    assert x.array.flags.c_contiguous
    assert x.array.base.base is None  # not a view but for being read-only


# --- tensor: dtypes and the rest ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64", "uint8", "bool"])
def test_a_dtype_may_be_given_as_numpys_as_ours_or_as_a_string(dtype):
    for given_as in (dtype, np.dtype(dtype), np.dtype(dtype).type):
        for data in (1, [1, 0], np.array([1.0, 0.0]), tl.tensor([True, False])):
            assert tl.tensor(data, dtype=given_as).dtype == dtype


@pytest.mark.usefixtures("_double_by_default")
def test_the_default_dtype_is_what_floats_become():
    made = [tl.tensor([1.0]), tl.zeros(2), tl.full((2,), 0.5), tl.rand(2), tl.arange(0.0, 1), tl.linspace(0, 1, 3)]
    assert {x.dtype.name for x in made} == {"float64"}
    assert tl.tensor([1]).dtype == np.int64
    assert tl.tensor(np.float32(1)).dtype == np.float32
    assert (tl.tensor([1, 2]) / 2).dtype == np.float64


@given(
    st.recursive(
        st.floats(width=32) | st.integers(-(2**31), 2**31) | st.booleans(), lambda inner: st.lists(inner, max_size=3)
    )
)
def test_nested_lists_are_what_numpy_makes_of_them_or_refused(data):
    try:
        expected = np.array(data)
    except ValueError:
        with pytest.raises(ValueError, match="same length"):
            tl.tensor(data)
        return
    x = tl.tensor(data)
    assert x.shape == expected.shape
    assert x.dtype == ("float32" if expected.dtype == "float64" else expected.dtype)
    np.testing.assert_array_equal(x.numpy(), expected.astype(x.dtype))


def test_as_tensor_returns_a_tensor_itself_unless_its_dtype_differs():
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    assert tl.as_tensor(x) is tl.as_tensor(x, tl.float32, "cpu") is x
    assert tl.as_tensor(x, dtype=tl.float64).requires_grad
    assert tl.as_tensor([0.5]).dtype == tl.float32


def test_as_tensor_shares_the_memory_of_an_array_that_it_need_not_convert():
    array = np.array([1, 2])
    shared, converted = tl.as_tensor(array), tl.as_tensor(array, tl.float32)
    array[0] = 5
    assert shared.tolist() == [5, 2]
    assert converted.tolist() == [1, 2]
    array.flags.writeable = False
    assert not np.shares_memory(tl.as_tensor(array).numpy(), array)


# --- of a shape ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [tl.zeros, tl.ones, tl.empty, tl.rand, tl.randn])
def test_a_shape_is_given_number_by_number_or_as_one(make):
    for size in ((2, 3), ((2, 3),), ([2, 3],), (tl.ones(2, 3).shape,), (np.int64(2), tl.tensor(3))):
        assert make(*size).shape == (2, 3)
    assert make(2).shape == (2,)
    assert make().shape == make(()).shape == ()
    assert make(0, 3).shape == (0, 3)
    assert make(2, dtype="float16").dtype == np.float16
    assert make(2, requires_grad=True).requires_grad
    assert make(2, device=None).device == make(2, device="cpu").device == "cpu"
    for wrong in ((-1,), (2.5,)):
        with pytest.raises((ValueError, TypeError)):
            make(*wrong)


def test_full_has_the_dtype_of_its_value():
    assert tl.full((2,), 3).dtype == np.int64
    assert tl.full((2,), 0.5).dtype == tl.full((2,), np.float64(0.5)).dtype == np.float32
    assert tl.full((2,), True).dtype == np.bool_
    assert tl.full(2, 1, dtype=tl.float16).tolist() == [1, 1]
    assert tl.full((1, 2), tl.tensor(3.0)).tolist() == [[3, 3]]


def test_arange_counts_as_numpys():
    assert tl.arange(3).tolist() == [0, 1, 2]
    assert tl.arange(128, dtype=np.int8).tolist()[-1] == 127
    assert tl.arange(1, 7, 2).tolist() == [1, 3, 5]
    assert tl.arange(3, 0, -1).tolist() == [3, 2, 1]
    assert tl.arange(3, 1).tolist() == []
    assert tl.arange(2.0).dtype == tl.arange(0, 1, 0.5).dtype == np.float32
    assert tl.arange(2, dtype=tl.float64).dtype == np.float64
    assert tl.arange(3).dtype == np.int64
    assert tl.arange(1.0, 5.000001, 2.0, dtype=tl.int64).tolist() == [1, 3]  # to 5, as in PyTorch
    np.testing.assert_array_equal(tl.arange(0, 1, 0.1).numpy(), np.arange(0, 1, 0.1).astype("float32"))


def test_randint_takes_its_bounds_as_pytorch_and_numpy_do():
    for size in ({"size": (2, 3)}, {"size": [2, 3]}, {"size": (2, 3), "dtype": tl.float32}):
        x = tl.randint(5, 7, **size)
        assert x.shape == (2, 3)
        assert set(x.numpy().ravel().tolist()) <= {5, 6}
    assert tl.randint(0, 1, (4,)).tolist() == tl.randint(1, (4,)).tolist() == [0] * 4
    assert tl.randint(1, size=4).tolist() == [0] * 4
    assert tl.randint(1).shape == ()
    assert tl.randint(256, (9,), dtype=tl.uint8).dtype == np.uint8


# --- like another -------------------------------------------------------------------------------------------


def test_from_numpy_shares_memory():
    array = np.array([1.0, 2.0])
    x = tl.from_numpy(array)
    array[0] = 5
    x[1] = 7
    assert x.tolist() == array.tolist() == [5, 7]
    assert x.dtype == tl.float64
