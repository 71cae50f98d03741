"""Array libraries, devices and their names; the engine's functions and the op table on a device.

Ops use nothing that CuPy lacks, never wait for the GPU, and compute what NumPy does. The strict stand-in for CuPy runs
everywhere, a real GPU with `pytest -m gpu`.
"""

from __future__ import annotations

import importlib
import warnings
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from op_table import TABLE, Row

import run_op
import tinygrad_lecture as tl
from numeric import assert_close
from strategies import Sample
from strict_cupy import StrictArray, no_synchronisation, strict
from tinygrad_lecture import backend

func = tl.func


def on_device(*values, requires_grad=False):
    return tl.tensor(list(values), dtype=tl.float64, device="strict", requires_grad=requires_grad)


# --- devices ------------------------------------------------------------------------------------------------


def test_without_cupy_cuda_says_what_to_install(monkeypatch):
    def no_cupy(name):
        raise ImportError(name)

    monkeypatch.setattr(backend, "_by_name", {"cpu": backend.NUMPY})
    monkeypatch.setattr(importlib, "import_module", no_cupy)
    for call in (lambda: tl.ones(1).cuda(), lambda: tl.zeros(1, device="cuda:0"), lambda: tl.ones(1).to("cuda")):
        with pytest.raises(RuntimeError, match=r"CuPy, which is not installed: pip install .*\[gpu\].*without a GPU"):
            call()
    assert not tl.cuda_is_available()


class FakeCuPy:
    """The part of CuPy that the backend uses to register it; its arrays are the stand-in's."""

    ndarray = StrictArray

    def __init__(self, gpus):
        self.gpus = gpus
        self.used = []
        self.cuda = self
        self.runtime = self

    class CUDARuntimeError(Exception):
        pass

    def getDeviceCount(self):
        if self.gpus is None:
            raise self.CUDARuntimeError
        return self.gpus

    def Device(self, index):
        self.used.append(index)
        return tl.no_grad()  # any context manager

    asarray = staticmethod(strict.asarray)
    asnumpy = staticmethod(strict.asnumpy)


@pytest.fixture
def _no_cupy_yet(monkeypatch):
    monkeypatch.setattr(backend, "_by_name", {"cpu": backend.NUMPY})
    monkeypatch.setattr(backend, "_by_type", {np.ndarray: backend.NUMPY})
    monkeypatch.setattr(backend, "namespaces", {np.ndarray: np})


@pytest.mark.usefixtures("_no_cupy_yet")
@pytest.mark.parametrize("gpus", [0, None])
def test_cupy_without_a_gpu_says_so(monkeypatch, gpus):
    monkeypatch.setattr(importlib, "import_module", lambda name: FakeCuPy(gpus))
    assert not tl.cuda_is_available()
    with pytest.raises(RuntimeError, match="needs an NVIDIA GPU, and CuPy finds none"):
        tl.ones(1).cuda()


@pytest.mark.usefixtures("_no_cupy_yet")
def test_a_gpu_is_named_by_its_index(monkeypatch):
    cupy = FakeCuPy(2)
    monkeypatch.setattr(importlib, "import_module", lambda name: cupy)
    assert tl.cuda_is_available()
    backend.move(np.ones(1), "cuda")
    backend.move(np.ones(1), "cuda:1")
    assert cupy.used == [0, 1]
    with pytest.raises(ValueError, match=r'device "cuda:2" does not exist: this machine has 2 GPU\(s\)'):
        backend.move(np.ones(1), "cuda:2")


# --- the engine's public functions on a device --------------------------------------------------------------


@pytest.mark.parametrize("make", [tl.zeros, tl.ones, tl.empty, tl.rand, tl.randn])
def test_tensors_are_made_on_the_device(make):
    x = make(2, 3, device="strict", dtype=tl.float16, requires_grad=True)
    assert (x.device, x.shape, x.dtype, x.requires_grad) == ("strict", (2, 3), np.float16, True)
    assert type(x.array) is StrictArray


def test_a_tensor_moves_with_its_gradient():
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    there = x.to("strict")
    assert (there.device, there.requires_grad, there.is_cuda) == ("strict", True, False)
    (there * there).cpu().sum().backward()
    assert (x.grad.device, x.grad.tolist()) == ("cpu", [2, 4])
    assert there.to("strict") is there
    assert x.to(on_device(1.0)).device == "strict"
    assert x.to("strict", tl.float16).dtype == np.float16


def test_devices_do_not_mix():
    x = on_device(1.0, 2.0, requires_grad=True)
    for other in (tl.ones(2), np.ones(2)):
        with pytest.raises(TypeError, match=r"add: .* different devices, cpu and strict; move.*\.to\(device\)"):
            x + other
    with pytest.raises(ValueError, match="upstream gradient is on cpu, but the tensor on strict; move it there"):
        (x * 2).backward(tl.ones(2))
    (x * 2).backward([1.0, 10.0])  # numbers have no device
    assert x.grad.tolist() == [2, 20]


def test_grad_transforms_and_checkpoint_run_on_the_device():
    x, t = on_device(1.0, 2.0), on_device(1.0, -1.0)
    cubes = lambda x: (x**3).sum()  # noqa: E731
    assert func.grad(cubes)(x).tolist() == [3, 12]
    assert func.hessian(cubes)(x).tolist() == [[6, 0], [0, 12]]
    assert func.jvp(lambda x: x * x, (x,), (t,))[1].tolist() == [2, -4]
    assert func.hvp(cubes, (x,), (t,))[1].tolist() == [6, -12]
    w = on_device(1.0, 2.0, requires_grad=True)
    y = tl.checkpoint(lambda w: w * tl.rand(2, device="strict"), w)
    y.sum().backward()
    np.testing.assert_allclose(w.grad.detach().numpy(), y.detach().numpy() / w.detach().numpy())
    assert tl.grad((w * w).sum(), w)[0].device == "strict"


# --- devices are texts --------------------------------------------------------------------------------------


def test_a_device_equals_its_name_and_has_type_and_index():
    x = tl.ones(2)
    assert x.device == "cpu" == tl.device("cpu")
    assert (x.device.type, x.device.index, str(x.device), repr(x.device)) == ("cpu", None, "cpu", "device(type='cpu')")
    for gpu in (tl.device("cuda:1"), tl.device("cuda", 1), tl.device(1)):
        assert (gpu, gpu.type, gpu.index, hash(gpu)) == ("cuda:1", "cuda", 1, hash("cuda:1"))
        assert repr(gpu) == "device(type='cuda', index=1)"
    assert tl.zeros(2, device=tl.device("strict")).device.type == "strict"
    assert x.to(x.device) is x is x.to(tl.device("cpu"))


# --- the op table -------------------------------------------------------------------------------------------

TOLERANCE = {"strict": 1e-11, "float64": 1e-10, "float32": 2e-5}
ALL = list(TABLE.values())
DIFFERENTIABLE = [r for r in ALL if r.differentiable]
GPU = [pytest.param("cuda", dtype, marks=pytest.mark.gpu) for dtype in ("float64", "float32")]
examples = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first launches compile


def each(rows: list[Row]) -> pytest.MarkDecorator:
    """One test per row, named after its op."""
    return pytest.mark.parametrize("row", rows, ids=[r.name for r in rows])


@cache
def why_no_gpu() -> str | None:
    """What is missing for a GPU, or None. Called when a test runs, not at import: importing CuPy is slow."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # CuPy warns about the machine's CUDA installation
            backend.resolve("cuda")
    except RuntimeError as error:
        return str(error)
    return None


def draw(row: Row, data: st.DataObject, device: str = "strict") -> tuple[Sample, AbstractContextManager[Any]]:
    """A sample whose result CuPy defines, and the context to run it in: on the strict device, waiting for it raises."""
    if device == "cuda" and why_no_gpu():
        pytest.skip(why_no_gpu() or "")
    sample = data.draw(row.samples)
    assume(not row.undefined(sample))
    return sample, nullcontext() if device == "cuda" or row.waits(sample) else no_synchronisation()


def compare(
    row: Row, sample: Sample, device: str, tolerance: float, run: Any = run_op.first_order, **options: Any
) -> None:
    """What a run gives on a device, value and gradient or two derivatives, equals NumPy's, dtypes included."""
    there, here = run(row, sample, device, **options), run(row, sample)
    for part, got, expected in zip(("first", "second"), there, here, strict=True):
        for a, b in zip(got, expected, strict=True):
            assert a.dtype == b.dtype
            assert_close(a, b, f"the {part} result of {row.name} on the device", tolerance)


@each(ALL)
@settings(max_examples=3)
@given(data=st.data())
def test_arrays(row: Row, data: st.DataObject) -> None:
    """Device arrays in, device arrays out."""
    sample, during = draw(row, data)
    inputs = [strict.asarray(x) if isinstance(x, np.ndarray) else x for x in sample.inputs]
    with during:
        results = row.run(inputs, sample.settings)
    for result, wanted in zip(results, row.expected(sample), strict=True):
        if "device" not in sample.settings:
            assert isinstance(result, StrictArray), f"{row.name} made {type(result)} of device arrays"
        assert_close(run_op.host(result), wanted, f"{row.name} on the device", TOLERANCE["strict"])


@each(ALL)
@pytest.mark.parametrize(("device", "dtype"), [("strict", "strict"), *GPU])
@settings(examples, max_examples=3)
@given(data=st.data())
def test_forward_and_backward(row: Row, device: str, dtype: str, data: st.DataObject) -> None:
    """Values and gradients equal NumPy's."""
    sample, during = draw(row, data, device)
    sample = sample if dtype == "strict" else run_op.cast(sample, dtype)
    compare(row, sample, device, TOLERANCE[dtype], during=during)


@each(DIFFERENTIABLE)
@pytest.mark.parametrize(("device", "dtype"), [("strict", "strict"), GPU[0]])
@settings(examples, max_examples=2)
@given(data=st.data())
def test_gradient_of_gradient(row: Row, device: str, dtype: str, data: st.DataObject) -> None:
    """Second derivatives equal NumPy's."""
    sample, during = draw(row, data, device)
    compare(row, sample, device, TOLERANCE[dtype], run_op.second_order, during=during)
