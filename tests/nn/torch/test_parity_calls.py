"""Calls with PyTorch's names of arguments, with `out=` and with its old arguments: the values are PyTorch's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

reference = pytest.importorskip("torch")

import nn.torch as ours  # noqa: E402

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

ROOT = Path(__file__).parents[3]


def names(torch: Any) -> dict[str, Any]:
    """What the calls below may use, made anew for each."""
    matrix = torch.tensor([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])
    return {
        "torch": torch,
        "nn": torch.nn,
        "F": torch.nn.functional,
        "A": matrix,
        "B": torch.arange(18.0).reshape(2, 3, 3) / 7,
        "v": torch.tensor([0.3, 0.8, 0.1]),
        "i": torch.tensor([2, 0, 1]),
        "y": torch.tensor([[0.2, 0.3, 0.4], [0.5, 0.6, 0.7], [0.8, 0.9, 0.1]]),
    }


def found(torch: Any, call: str) -> list[np.ndarray]:
    """The values of a call as arrays."""
    result = eval(call, names(torch))
    return [x.numpy() for x in (result if isinstance(result, (tuple, list)) else [result])]


BY_NAME = """
torch.pow(A, exponent=2); A.pow(exponent=2); v.pow_(exponent=2)
torch.bmm(input=B, mat2=B); B.bmm(mat2=B); A.mm(mat2=A); A.mv(vec=v); torch.matmul(input=A, other=A)
torch.dot(input=v, tensor=v); v.dot(tensor=v); torch.outer(input=v, vec2=v); v.outer(vec2=v)
torch.transpose(A, dim0=0, dim1=1); A.transpose(dim0=0, dim1=1); A.transpose(0, dim1=1); A.transpose_(dim0=0, dim1=1)
torch.permute(B, dims=(2, 0, 1)); torch.split(tensor=A, split_size_or_sections=2, dim=1); torch.split(A, [1, 2])
torch.cdist(x1=A, x2=y); torch.cdist(A, y, compute_mode="donot_use_mm_for_euclid_dist")
torch.isin(elements=A, test_elements=v); torch.searchsorted(sorted_sequence=v.sort().values, input=A)
torch.take(A, index=i); A.take(index=i)
torch.round(A * 1.234, decimals=1); A.round(decimals=-1); (A * 1.26).round_(decimals=1)
A.var(1, True, True); A.std(1, False, True); torch.var(A, 1, True, True); torch.std_mean(A, 1, True, True)
torch.zeros(3).scatter_(0, i[:2], 2.0, reduce="add"); A.scatter(1, i[None], v[None], reduce="multiply")
torch.linalg.cholesky(A, upper=True); torch.cholesky_solve(input=A, input2=A)
torch.gather(A, 1, i[None], sparse_grad=False)
A.addcmul(tensor1=A, tensor2=y); A.addcdiv_(tensor1=A, tensor2=y, value=2); A.fill_diagonal_(fill_value=3)
torch.hsplit(A, sections=3); torch.vsplit(A, indices=(1,)); torch.tensor_split(A, sections=2, dim=1)
torch.multinomial(input=torch.tensor([0.0, 1.0]), num_samples=1); torch.bernoulli(input=torch.ones(2))
torch.randint(high=1, size=(2,)); torch.randint_like(input=A, high=1)
torch.tensor(torch.equal(input=A, other=A)); torch.tensor(torch.numel(input=A))
"""

WITH_OUT = """
torch.matmul(A, A, out=y); torch.mm(A, A, out=y); torch.add(A, v, out=y); torch.add(A, A, out=A); torch.sub(A, 1, out=A)
torch.mul(A, A, out=torch.empty(0)); torch.div(A, 2, out=y); torch.exp(A, out=A); torch.sum(A, 1, out=v)
torch.cat((A, A), out=torch.empty(6, 3)); torch.stack([v, v, v], out=y); torch.max(A, 1, out=(v, i))
torch.sort(v, out=(v, i)); torch.bmm(B, B, out=torch.empty(2, 3, 3)); torch.arange(3, out=i); torch.ones(3, 3, out=A)
torch.gt(A, 1, out=torch.empty(3, 3, dtype=torch.bool)); torch.clamp(A, 0, 1, out=A); torch.linalg.inv(A, out=y)
torch.index_select(A, 0, i, out=y); torch.where(A > 1, A, y, out=y)
torch.addmm(A, A, A, out=y); torch.mean(A, 0, out=v)
torch.argmax(A, 1, out=i); torch.add(A, 1, out=torch.zeros(3, 3, dtype=torch.float64))
"""

OLD = """
F.mse_loss(A, y, size_average=False); F.binary_cross_entropy(y, y, size_average=False); F.l1_loss(A, y, reduce=False)
nn.MSELoss(size_average=False)(A, y); nn.CrossEntropyLoss(reduce=False)(A, i); nn.BCELoss(size_average=True)(y, y)
F.mse_loss(A[:, :1], v); nn.MSELoss()(A[:, :1], v); nn.L1Loss()(A, v); F.smooth_l1_loss(A, v); F.huber_loss(v, A)
"""


def calls(lines: str) -> Any:
    """The test's parameter, one of these calls."""
    return pytest.mark.parametrize("call", [c.strip() for c in lines.replace("\n", ";").split(";") if c.strip()])


@calls(BY_NAME + OLD)
def test_the_values_are_pytorchs(call):
    for mine, wanted in zip(found(ours, call), found(reference, call), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-5, atol=1e-6)


@calls(WITH_OUT)
def test_the_result_is_written_into_out(call):
    for mine, wanted in zip(found(ours, call), found(reference, call), strict=True):
        assert mine.dtype == wanted.dtype
        np.testing.assert_allclose(mine, wanted, rtol=1e-5, atol=1e-6)
    given = names(ours)
    out = given["y"]
    assert ours.matmul(given["A"], given["A"], out=out) is out


@pytest.mark.parametrize("torch", [ours, reference], ids=["ours", "reference"])
@pytest.mark.parametrize(
    "call",
    [
        "torch.exp(v.requires_grad_(), out=torch.empty(3))",
        "torch.exp(v, out=torch.empty(3, requires_grad=True))",
        "torch.exp(v, out=torch.empty(3, dtype=torch.int64))",
    ],
)
def test_out_is_refused_where_a_gradient_or_the_numbers_would_be_lost(torch, call):
    with pytest.raises(RuntimeError):
        eval(call, names(torch))


def test_a_loss_that_broadcasts_warns():
    with pytest.warns(UserWarning, match=r"write target.reshape\(3, 1\)"):
        eval("F.mse_loss(A[:, :1], v)", names(ours))


@calls("""
torch.cat((torch.tensor([]), A)); torch.cat((A, torch.tensor([])), 1); torch.cat([torch.tensor([]), i[None]])
torch.cat([torch.tensor([]), torch.tensor([])]); A.type(torch.LongTensor); i.type(torch.FloatTensor)
""")
def test_values_and_dtypes_are_pytorchs(call):
    for mine, wanted in zip(found(ours, call), found(reference, call), strict=True):
        assert (mine.dtype, mine.shape) == (wanted.dtype, wanted.shape)
        np.testing.assert_array_equal(mine, wanted)


SIZES = """
import torch
x = torch.ones(2, 3)
print(x.permute(dims=(1, 0)).shape, x.view(size=(3, 2)).shape, x.reshape(shape=(6,)).shape)
print(x.expand(size=(4, 2, 3)).shape, x.broadcast_to(size=(1, 2, 3)).shape)
print(x.repeat(repeats=(2, 1)).shape, x.tile(dims=(2,)).shape, x.new_zeros(size=(2,)))
"""

NUMPYS = """
import torch, numpy as np
v = torch.tensor([3.0, 1.0, 2.0])
print(np.sqrt(v), np.exp(v), np.abs(-v), np.maximum(v, 2), np.add(v, v), np.log(v.long()), np.add.reduce(v))
print(np.float64(2) * v, np.modf(v), np.sqrt(v, out=np.zeros(3, dtype="f4")))
try:
    np.sqrt(v.requires_grad_())
except RuntimeError:
    print("no gradient through NumPy")
"""


@pytest.mark.parametrize("text", [SIZES, NUMPYS], ids=["sizes by name", "functions of NumPy"])
def test_a_script_prints_what_pytorch_prints(text, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(text)
    said = [
        subprocess.run([sys.executable, *command, str(script)], cwd=ROOT, capture_output=True, text=True)
        for command in (["-m", "nn.torch"], [])
    ]
    assert said[0].stdout == said[1].stdout, said[0].stderr
