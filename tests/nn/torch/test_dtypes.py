"""torch.dtype and torch.Size: they equal NumPy's dtypes and tuples, and print as in PyTorch."""

import pickle

import numpy as np
import pytest

import nn.torch as torch
import tinygrad_lecture as tl
from tinygrad_lecture.errors import warn_once


def test_a_dtype_is_numpys_under_another_name():
    assert repr(torch.float32) == str(torch.float) == "torch.float32"
    x = torch.zeros(2, dtype=torch.float64)
    assert x.dtype == torch.float64 == np.float64 != torch.float32
    assert {torch.int64: 1}[torch.arange(3).dtype] == 1
    assert isinstance(x.dtype, torch.dtype) and isinstance(torch.bool, torch.dtype)
    assert (torch.int8.is_floating_point, torch.half.is_floating_point, torch.uint8.is_signed) == (False, True, False)
    assert torch.float16.itemsize == 2
    assert pickle.loads(pickle.dumps(torch.int32)) == torch.int32


def test_bfloat16_says_what_is_used_in_its_place():
    warn_once.cache_clear()
    assert repr(torch.bfloat16) == "torch.bfloat16" and torch.bfloat16 != torch.float32
    assert isinstance(torch.bfloat16, torch.dtype) and torch.bfloat16.is_floating_point
    assert repr(pickle.loads(pickle.dumps(torch.bfloat16))) == "torch.bfloat16"
    with pytest.warns(UserWarning, match=r"torch\.bfloat16 is not here, .* float32 takes its place"):
        assert torch.ones(2, dtype=torch.bfloat16).dtype == torch.float32
    assert torch.ones(2).to(torch.bfloat16).dtype == torch.float32  # without another warning
    warn_once.cache_clear()


def test_limits_are_pythons_numbers():
    assert torch.finfo(torch.float32).max == pytest.approx(3.4028235e38)
    assert type(torch.finfo(torch.float64).eps) is float
    assert torch.iinfo(torch.uint8).max == 255
    assert torch.finfo(torch.float16).bits == 16


def test_a_size_is_a_tuple():
    size = torch.Size([2, 3, 4])
    assert repr(size) == f"{size}" == "torch.Size([2, 3, 4])"
    assert size == (2, 3, 4)
    assert repr(size[1:]) == "torch.Size([3, 4])"
    assert repr(size + (5,)) == "torch.Size([2, 3, 4, 5])"
    assert (size[0], size.numel()) == (2, 24)
    assert torch.zeros(size).shape == size


def test_kinds_of_results():
    assert torch.result_type(tl.arange(2), 1.5) == torch.float32
    assert torch.promote_types(torch.int8, torch.int64) == torch.int64
    assert not torch.can_cast(torch.float64, torch.int32)
    assert repr(torch.get_default_dtype()) == "torch.float32"
    try:
        torch.set_default_tensor_type(torch.DoubleTensor)
        assert torch.tensor([1.0]).dtype == torch.double
    finally:
        torch.set_default_dtype(torch.float32)
