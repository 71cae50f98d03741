"""Devices are texts with PyTorch's type and index."""

import pytest

import strict_device  # noqa: F401 - makes device="strict" known
import tinygrad_lecture as tl


def test_a_device_equals_its_name_and_has_type_and_index():
    x = tl.ones(2)
    assert x.device == "cpu" == tl.device("cpu")
    assert (x.device.type, x.device.index, str(x.device), repr(x.device)) == ("cpu", None, "cpu", "device(type='cpu')")
    for gpu in (tl.device("cuda:1"), tl.device("cuda", 1), tl.device(1)):
        assert (gpu, gpu.type, gpu.index, hash(gpu)) == ("cuda:1", "cuda", 1, hash("cuda:1"))
        assert repr(gpu) == "device(type='cuda', index=1)"
    assert tl.zeros(2, device=tl.device("strict")).device.type == "strict"
    assert x.to(x.device) is x is x.to(tl.device("cpu"))


def test_only_the_cpu_is_the_default_device_of_a_block():
    with tl.device("cpu") as device:
        assert tl.ones(2).device == device
    with (
        pytest.raises(NotImplementedError, match=r"with device\('cuda:1'\).* give each device='cuda:1'"),
        tl.device("cuda:1"),
    ):
        pass


@pytest.mark.parametrize("name", ["", "cuda:", "cuda:one", "cuda 1", ":0"])
def test_a_name_of_another_form_is_refused(name):
    with pytest.raises(RuntimeError, match="names no device"):
        tl.device(name)
