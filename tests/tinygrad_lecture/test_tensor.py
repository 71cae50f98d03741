"""Tensor: what it says of itself, how it leaves for Python and NumPy, operators, and the forms that methods take."""

import copy
import inspect
import operator

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_lecture as tl


def leaf(*values):
    return tl.tensor(list(values), requires_grad=True)


# --- what it is ---------------------------------------------------------------------------------------------


def test_it_says_what_it_is():
    x = tl.zeros(2, 3)
    assert (x.shape, x.ndim, x.dim(), x.numel()) == ((2, 3), 2, 2, 6)
    assert (x.dtype, x.device, x.is_cuda) == ("float32", "cpu", False)
    assert (x.size(), x.size(0), x.size(-1), x.size(axis=1), x.size(dim=1)) == ((2, 3), 2, 3, 3, 3)
    assert repr(x.size) == "<x.size of a tensor of shape (2, 3): write x.size() or x.shape>"
    assert tl.zeros(()).shape == ()
    assert tl.zeros(()).numel() == 1


def test_every_public_method_is_documented():
    def is_own(member):  # not one that nn.torch has added, should another test have imported it
        return not str(getattr(getattr(member, "fget", member), "__module__", None)).startswith("nn.")

    members = inspect.getmembers_static(tl.Tensor)
    public = {name: member for name, member in members if name[0] != "_" and name != "grad" and is_own(member)}
    assert len(public) > 100
    assert [name for name, member in public.items() if not (getattr(member, "__doc__", None) or "").strip()] == []


# --- the graph ----------------------------------------------------------------------------------------------


def test_requires_grad_is_switched_on_and_off_for_leaves():
    x = tl.ones(2)
    assert x.requires_grad_() is x
    assert x.requires_grad
    x.requires_grad = False
    assert not x.requires_grad
    x.requires_grad_(False)
    (x.requires_grad_() * 2).requires_grad_().sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_detach_and_data_share_memory_and_clone_does_not():
    x = leaf(1.0, 2.0)
    assert not x.detach().requires_grad
    assert not x.data.requires_grad
    assert np.shares_memory(x.array, x.detach().array)
    assert np.shares_memory(x.array, x.data.array)
    assert not np.shares_memory(x.array, x.clone().array)
    x.clone().sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_data_takes_new_values_of_another_shape_and_dtype():
    x = leaf(1.0)
    x.data = tl.tensor([1.0, 2.0], dtype=tl.float64)
    (x * x).sum().backward()
    assert (x.is_leaf, x.requires_grad, x.grad.tolist(), x.grad.dtype) == (True, True, [2, 4], np.float64)
    x.data = [3.0]
    assert x.tolist() == [3] and x.grad is None  # of the old shape
    c = tl.ones(1)
    c.data = np.array([4, 5])
    assert c.tolist() == [4, 5]


# --- out to Python and NumPy --------------------------------------------------------------------------------


def test_an_integer_tensor_is_an_index_and_a_float_is_none():
    n = tl.tensor(2)
    assert ["a", "b", "c"][n] == "c"
    assert list(range(n)) == [0, 1]
    assert operator.index(tl.tensor([1])) == 1


def test_numpy_is_a_view_that_cannot_be_written_to():
    x = tl.tensor([1.0, 2.0])
    view = x.numpy()
    assert np.shares_memory(view, x.array)
    for array in (view, x.array):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5
    x.inplace()[0] = 5
    assert x.tolist() == [5, 2]
    assert np.shares_memory(x.requires_grad_().numpy(force=True), x.array)


# --- copies -------------------------------------------------------------------------------------------------


def test_a_deep_copy_is_a_leaf_of_its_own():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    twin = copy.deepcopy(x)
    assert (twin.requires_grad, twin.is_leaf, twin.tolist(), twin.grad.tolist()) == (True, True, [1, 2], [2, 4])
    assert not np.shares_memory(twin.array, x.array)
    assert not np.shares_memory(twin.grad.array, x.grad.array)
    (twin * 3).sum().backward()
    assert x.grad.tolist() == [2, 4]
    assert twin.grad.tolist() == [5, 7]


def test_a_deep_copy_is_of_the_same_class_with_the_same_attributes():
    class Named(tl.Tensor):
        pass

    x = Named([1.0], requires_grad=True)
    x.names = ["weight"]
    twin = copy.deepcopy(x)
    assert type(twin) is Named
    assert twin.names == ["weight"]
    assert twin.names is not x.names
    assert twin.requires_grad


# --- dtypes and devices -------------------------------------------------------------------------------------


DOUBLE = tl.zeros(1, dtype=tl.float64)
TO_DOUBLE = [(tl.float64,), ("float64",), ("<f8",), (float,), (np.dtype("float64"),), ("cpu", tl.float64), (DOUBLE,)]


@pytest.mark.parametrize(
    "convert",
    [
        *(lambda x, target=target: x.to(*target) for target in TO_DOUBLE),
        lambda x: x.to(dtype="float64"),
        lambda x: x.to(tl.float64, device="cpu"),
        *(lambda x: x.double(), lambda x: x.astype("float64")),
    ],
)
def test_every_way_to_another_dtype(convert):
    x = leaf(1.0, 2.0)
    y = convert(x)
    assert (y.dtype, x.dtype) == (np.float64, np.float32)
    (y * y).sum().backward()
    assert (x.grad.dtype, x.grad.tolist()) == (np.float32, [2, 4])


def test_to_gives_the_tensor_itself_where_nothing_changes_and_astype_a_copy():
    x = tl.ones(2)
    assert x.to("cpu") is x.to(tl.float32) is x.to(tl.ones(1)) is x.to() is x.cpu() is x.float() is x
    assert x.astype("float32") is not x
    assert not np.shares_memory(x.astype("float32").array, x.array)
    assert x.astype("float32", copy=False) is x


# --- operators ----------------------------------------------------------------------------------------------

BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod, operator.floordiv]
BINARY += [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
OTHERS = [2, 2.0, True, np.float64(2), np.float32(2), np.int64(2), [2.0], [[2]], np.full(1, 2.0, "f"), tl.tensor(2.0)]


@given(
    operate=st.sampled_from(BINARY),
    data=hnp.arrays(
        np.float32, hnp.array_shapes(min_dims=1, max_dims=2, max_side=3), elements=st.integers(1, 4).map(float)
    ),
    other=st.sampled_from(OTHERS),
)
def test_operators_with_every_kind_of_operand_on_either_side(operate, data, other):
    x = tl.tensor(data)
    number = np.float32(other.numpy() if isinstance(other, tl.Tensor) else other)
    for got, expected in ((operate(x, other), operate(data, number)), (operate(other, x), operate(number, data))):
        assert type(got) is tl.Tensor
        assert got.dtype == expected.dtype, "an operand made the result wider than float32"
        np.testing.assert_array_equal(got.numpy().reshape(data.shape), expected.reshape(data.shape))


def test_an_array_on_the_left_gives_a_tensor_and_keeps_the_graph():
    x = leaf(1.0, 2.0)
    a = np.array([3.0, 4.0], dtype=np.float32)
    for y in (a + x, a - x, a * x, a / x, a**x, a % x, a @ x, np.stack([a, a]) @ x, np.float64(2) * x, np.int64(2) - x):
        assert type(y) is tl.Tensor
        assert (y.requires_grad, y.dtype) == (True, np.float32)
    assert (a > x).tolist() == [True, True]
    (a * x).sum().backward()
    assert x.grad.tolist() == [3, 4]


def test_integers_and_floats_meet_as_in_pytorch():
    i = tl.tensor([1, 2])
    assert (i + tl.ones(2)).dtype == np.float32
    assert (i * 0.5).dtype == np.float32
    assert (i / 2).dtype == np.float32
    assert (i + tl.ones(2, dtype=tl.float16)).dtype == np.float16
    assert (i // 2).dtype == (i % 2).dtype == (i**2).dtype == np.int64
    assert (i + 2**40).tolist() == [2**40 + 1, 2**40 + 2]
    assert (tl.ones(1) * 2**70).item() == 2.0**70


def test_nothing_equals_none_or_a_name():
    x = tl.ones(2)
    assert (x == None) is False  # noqa: E711
    assert (None == x) is False  # noqa: E711
    assert (x != None) is True  # noqa: E711
    assert (x == "name") is False
    assert x in [None, x]


# --- the forms that methods take ----------------------------------------------------------------------------


def test_shapes_are_given_number_by_number_or_as_one():
    x = tl.arange(6)
    for shape in ((2, 3), ((2, 3),), ([2, -1],), (-1, 3), (np.int64(2), tl.tensor(3))):
        assert x.reshape(*shape).tolist() == x.view(*shape).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert x.reshape(-1).shape == (6,)
    assert tl.ones(1).reshape(()).shape == tl.ones(1).view().shape == ()


def test_view_is_refused_where_it_would_copy():
    x = tl.arange(6).reshape(2, 3)
    for y in (x.T, x.T + 1, tl.where(x.T > 2, x.T, 0), x[:, :2]):
        with pytest.raises(ValueError, match=r"view: .*is not in row-major order.*write reshape.*contiguous\(\)"):
            y.view(-1)
    assert x.T.reshape(6).tolist() == x.T.contiguous().view(6).tolist() == [0, 3, 1, 4, 2, 5]
    for y in (x.T.view(3, 1, 2), x.T.view(3, 2), x[:, :2].view(2, 2, 1), x[:, 1:2].view(2), x[:0].T.view(0, 3)):
        y += 1
    assert x.tolist() == [[3, 5, 4], [6, 8, 7]]


# --- subclasses ---------------------------------------------------------------------------------------------


def test_a_subclass_is_made_as_a_tensor_is_and_its_results_are_tensors():
    class Weight(tl.Tensor):
        __slots__ = ()

    w = Weight([[1, 2]], dtype="float64", requires_grad=True)
    assert (type(w), w.dtype, w.requires_grad) == (Weight, np.float64, True)
    assert type(w * 2) is tl.Tensor
    (w * w).sum().backward()
    assert w.grad.tolist() == [[2, 4]]
