"""Attributes of a tensor, tensors made like it, functions as methods: as in PyTorch."""

import pytest

import tinygrad_lecture as tl


def test_equal_is_one_bool_and_eq_is_elementwise():
    x, y = tl.tensor([1.0, 2.0]), tl.tensor([1.0, 3.0])
    assert tl.equal(x, x.clone()) is True
    assert x.equal(y) is tl.equal(x, tl.ones(3)) is tl.equal(x, x[:1]) is False
    for name, expected in {"eq": [1, 0], "ne": [0, 1], "lt": [0, 1], "le": [1, 1], "gt": [0, 0], "ge": [1, 0]}.items():
        assert getattr(tl, name)(x, y).tolist() == getattr(x, name)(y).tolist() == expected
    assert tl.not_equal is tl.ne
    assert tl.greater_equal is tl.ge


def test_attributes():
    x = tl.zeros(2, 3)
    assert (x.nelement(), tl.numel(x), x.dim(), x.ndimension(), x.element_size(), x.nbytes) == (6, 6, 2, 2, 4, 24)
    assert (x.stride(), x.T.stride(), x.stride(dim=0)) == ((3, 1), (1, 3), 3)
    assert x.is_contiguous()
    assert not x.T.is_contiguous()
    assert x.is_floating_point()
    assert not tl.is_floating_point(x.long())
    assert tl.is_tensor(x)
    assert not tl.is_tensor([1])


def test_types():
    x = tl.zeros(2)
    assert (x.type(), x.long().type(), (x > 0).type()) == ("torch.FloatTensor", "torch.LongTensor", "torch.BoolTensor")
    assert x.type(tl.float64).dtype == x.type("torch.DoubleTensor").dtype == tl.double
    assert (x.byte().dtype, x.short().dtype, x.char().dtype) == (tl.uint8, tl.int16, tl.int8)
    names = {tl.float: "float", tl.float64: "double", tl.long: "long", tl.bool: "bool", tl.int: "int", tl.half: "half"}
    assert [names[x.to(dtype).dtype] for dtype in names] == list(names.values())
    assert x.dtype is tl.float32 is tl.float
    assert tl.finfo(x.dtype).min < -3e38


def test_shapes():
    x = tl.arange(6).view(2, 3)
    assert x.t().equal(x.T)
    assert x[0].t().equal(x[0])
    assert x.flatten().view_as(x).equal(x)
    assert x.select(dim=1, index=-1).tolist() == [2, 5]
    assert x.narrow(1, 1, 2).tolist() == [[1, 2], [4, 5]]
    with pytest.raises(RuntimeError, match="more than two axes"):
        tl.zeros(1, 1, 1).t()


def test_new_tensors_have_the_dtype_of_the_old():
    x = tl.zeros(2, dtype=tl.float64)
    new = [
        x.new_zeros(2, 3),
        x.new_ones((2, 3)),
        x.new_full((2, 3), 7),
        x.new_empty(2, 3),
        x.new_tensor([[1, 2, 3]] * 2),
    ]
    assert {(t.dtype, t.shape) for t in new} == {(tl.float64, (2, 3))}
    assert [t[0].tolist() for t in new[:3]] == [[0] * 3, [1] * 3, [7] * 3]
    assert x.new_zeros(2, dtype=tl.long, device="cpu").dtype == tl.int64
    assert x.new_ones(2, requires_grad=True).requires_grad


def test_combinations():
    x = tl.ones(2)
    assert x.lerp(tl.zeros(2), 0.25).tolist() == [0.75, 0.75]
    assert x.addcmul(x, x, value=3).tolist() == [4, 4]
    assert x.addcdiv(x, x * 2).tolist() == [1.5, 1.5]
    assert x.clamp_min(2).tolist() == [2, 2]
    assert x.clamp_max(0).tolist() == [0, 0]
