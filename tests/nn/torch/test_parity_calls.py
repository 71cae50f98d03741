"""Calls as PyTorch's programs write them, beside its own samples: values, shapes, dtypes, gradients, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

reference = pytest.importorskip("torch")

import nn.torch as ours  # noqa: E402

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(3, 4)).astype("float32")
DEFINITE = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])
ARRAYS = {
    "x": X,  # a matrix, and others that fit
    "y": RANDOM.uniform(0.2, 0.9, (3, 4)).astype("float32"),
    "w": RANDOM.normal(size=(4, 5)).astype("float32"),
    "v": RANDOM.normal(size=4).astype("float32"),
    "u": RANDOM.normal(size=3).astype("float32"),
    "b": RANDOM.normal(size=(2, 3, 4)).astype("float32"),
    "s": np.float32(1.5),
    "d": X.astype("float64"),
    "i": np.array([0, 2, 1, 0]),  # integers
    "k": np.array([[3, -1, 0, 2], [5, 5, -2, 1], [0, 1, 2, 3]]),
    "m": X > 0,  # a mask
    "a": DEFINITE,
    "h": np.array([0.5, 1.5, 2.5, -0.5], dtype="float32"),
    "A": DEFINITE.astype("float32"),  # square, and others that fit
    "B": np.arange(18, dtype="float32").reshape(2, 3, 3) / 7,
    "V": np.array([0.3, 0.8, 0.1], dtype="float32"),
    "I": np.array([2, 0, 1]),
    "Y": np.array([[0.2, 0.3, 0.4], [0.5, 0.6, 0.7], [0.8, 0.9, 0.1]], dtype="float32"),
}

CALLS = """
torch.einsum('i,j->ij', [u, v]); torch.split(x, [1, 2]); torch.where(m); torch.nonzero(m, as_tuple=True)
torch.std(x, dim=0, unbiased=False); x.mT; x[m]; x[:, i]; x[torch.tensor(1)]; torch.zeros(size=(2, 3))
torch.full((2,), 3); torch.arange(end=4); torch.tensor([1, 2.5]); torch.asarray([1, 2]); torch.from_numpy(X)
d.new_ones(2)
i.new_tensor([1, 2]); x.new_full((2,), 3.0); x.new_empty((2, 3)).shape
torch.is_tensor(x); torch.numel(x); torch.is_floating_point(i); torch.is_complex(x); torch.is_nonzero(s); x.is_signed()
x.T.is_contiguous(); x.size(0); x.type(); i.type(); x.get_device(); x.is_cpu
torch.get_default_dtype(); torch.finfo(torch.float32).max; torch.iinfo(torch.int8).max
x.to('cpu', torch.float64); x.to(d); x.type(torch.int32); x.type_as(d); torch.Size([2, 3]).numel(); len(x)
x.to(device='cpu', dtype=torch.float16, non_blocking=True); x.float() is x; x.contiguous() is x
h.round(); k & 1; k ^ 1; ~k; m & ~m; k // 2; k % 3; k ** 2; x.detach() // 0.5; 2 ** x; k / 2
torch.add(input=x, other=y); torch.sum(x, dim=[0, 1]); x.masked_fill(m, float('-inf')).softmax(1)
x.sum(1, keepdims=True); i.sum(); m.sum()
torch.gather(s, 0, i[0]); torch.scatter(v, 0, i[1], s); torch.scatter_add(s, 0, i[0], s * 2); torch.topk(s, 1)
torch.transpose(s, 0, -1); torch.index_add(s, 0, i[0], s); F.one_hot(i, -1)
F.max_pool2d(k[None], 2, padding=1); F.interpolate(b[None], scale_factor=2, mode='bilinear')
F.scaled_dot_product_attention(b[:, :, :0], b[:, :, :0], b); torch.var(x, correction=None); m.index_add(0, i[:2], m[:2])
torch.scatter(x.T, 1, i[:3].expand(4, 3), 1.0).view(-1); F.layer_norm(x.T, (3,)).view(-1)
F.group_norm(x.T, 1).view(-1); torch.func.functional_call(torch.nn.ReLU(), {}, (x,)); torch.bernoulli(s * 0).add(1)
b[0, :, [1, 2]]; b[None][:, 0, :, [1, 2]]; b[:, [0, 1], 0]; b[0, None, :, [1]]; b[torch.tensor(0), :, [1, 2]]
x[m.byte()]
k.abs().byte().sum(); k.abs().byte().cumsum(0); m.prod(1); k.int().prod(); x - d.mean()
v * torch.tensor(2.0, dtype=torch.float64); x.detach().half() * torch.tensor(2.0)
torch.where(m, x, torch.tensor(0.0, dtype=torch.float64)); k.masked_fill(m, 1.5); type(x) == torch.Tensor
F.softmax(x); F.log_softmax(b); nn.Softmax()(b); repr(nn.Softmax()); nn.HuberLoss('sum')(x, y)
"""

# of constants: with PyTorch's names of arguments, with its old arguments, in place, or drawn at random
OF_CONSTANTS = """
V.pow_(2); A.mm(mat2=A); A.mv(vec=V); torch.matmul(input=A, other=A)
A.transpose(dim0=0, dim1=1); torch.permute(B, dims=(2, 0, 1)); torch.take(A, index=I)
torch.split(A, 2, dim=1); (A * 1.26).round_(decimals=1)
A.var(1, True, True); A.std(1, False, True)
torch.randint(high=1, size=(2,)); A.addcmul(tensor1=A, tensor2=Y)
A.addcdiv_(tensor1=A, tensor2=Y, value=2)
torch.multinomial(input=torch.tensor([0.0, 1.0]), num_samples=1); torch.tensor(torch.equal(input=A, other=A))
(5,) + torch.Size([2]); 2 * torch.Size([2]); torch.FloatTensor(torch.Size([2, 3])).shape; A.new([1, 2]); A.new(2).shape
torch.result_type(A, I); torch.promote_types(torch.int8, torch.uint8); torch.promote_types(torch.float16, torch.int64)
F.mse_loss(A, Y, size_average=False); F.binary_cross_entropy(Y, Y, size_average=False); F.l1_loss(A, Y, reduce=False)
nn.MSELoss(size_average=False)(A, Y); nn.CrossEntropyLoss(reduce=False)(A, I); nn.BCELoss(size_average=True)(Y, Y)
F.mse_loss(A[:, :1], V); nn.MSELoss()(A[:, :1], V); nn.L1Loss()(A, V); F.smooth_l1_loss(A, V); F.huber_loss(V, A)
torch.cat((torch.tensor([]), A)); torch.cat([torch.tensor([]), I[None]]); A.type(torch.LongTensor)
F.cross_entropy(A, I, V, None, -100, None, 'sum'); nn.MSELoss(None, None, 'sum')(A, Y); F.nll_loss(A, I, None, True)
torch.tensor([V[:1], 5]); torch.tensor([[V[:1]], [s]]); V.resize_(3, 1); A.resize_as_(torch.zeros(9))
torch.utils.checkpoint.checkpoint_sequential([torch.sin, torch.exp, torch.tanh], 2, A, use_reentrant=False)
x.gt_(0); x.absolute_(); x.masked_fill_(m, s); x.index_add_(1, i, y); x.scatter_(1, i.expand(3, 4)[:, :2], 1.0)
"""


def names(library: Any, grad: bool = True) -> dict[str, Any]:
    """What the calls may use, made anew for each. grad: whether the floats require grad."""
    made = {name: library.tensor(array) for name, array in ARRAYS.items()}
    for tensor in made.values():
        tensor.requires_grad_(grad and tensor.is_floating_point())
    return {"torch": library, "nn": library.nn, "F": library.nn.functional, "X": X, **made}


def plain(value: Any, library: Any) -> Any:
    """A result as NumPy arrays, numbers, texts and tuples of them."""
    if isinstance(value, library.Tensor):
        return value.detach().numpy()
    if isinstance(value, library.Size) or (isinstance(value, tuple) and all(isinstance(n, int) for n in value)):
        return tuple(value)
    if isinstance(value, (tuple, list)):
        return tuple(plain(v, library) for v in value)
    if isinstance(value, library.dtype):
        return str(value).removeprefix("torch.")
    return value


def compare(theirs: Any, found: Any, where: str = "") -> None:
    assert type(theirs) is type(found), f"{where}: {type(found)}, expected {type(theirs)}"
    if isinstance(theirs, tuple):
        assert len(theirs) == len(found)
        for n, (a, b) in enumerate(zip(theirs, found, strict=True)):
            compare(a, b, f"{where}[{n}]")
    elif isinstance(theirs, np.ndarray):
        assert (found.dtype, found.shape) == (theirs.dtype, theirs.shape), where
        tolerance = {"float32": 2e-5, "float64": 1e-10, "float16": 1e-3}.get(theirs.dtype.name, 0)
        np.testing.assert_allclose(found, theirs, tolerance, tolerance, err_msg=where)
    else:
        assert found == theirs, where


def result_and_gradients(library: Any, call: str, grad: bool) -> tuple[Any, dict[str, Any]]:
    """What a call returns, and the gradients of everything in it."""
    given = names(library, grad)
    result = eval(call, given)
    parts = result if isinstance(result, (tuple, list)) else (result,)
    total = [p.sum() * (n + 1) for n, p in enumerate(parts) if isinstance(p, library.Tensor) and p.requires_grad]
    if total and all(bool(t.isfinite()) for t in total):
        sum(total).backward()
    gradients = {name: x.grad for name, x in given.items() if isinstance(x, library.Tensor) and x.grad is not None}
    return plain(result, library), gradients


def calls(lines: str) -> list[str]:
    return [call.strip() for call in lines.replace("\n", ";").split(";") if call.strip()]


@pytest.mark.parametrize(
    ("call", "grad"), [*((call, True) for call in calls(CALLS)), *((call, False) for call in calls(OF_CONSTANTS))]
)
def test_a_call_gives_what_it_gives_in_pytorch(call: str, grad: bool) -> None:
    (theirs, wanted), (found, gradients) = (result_and_gradients(torch, call, grad) for torch in (reference, ours))
    compare(theirs, found, call)
    for name, gradient in wanted.items():
        if name in gradients or gradient.count_nonzero():
            compare(gradient.numpy(), gradients[name].numpy(), f"the gradient of {name} in {call}")


def test_a_loss_that_broadcasts_warns() -> None:
    with pytest.warns(UserWarning, match=r"write target.reshape\(3, 1\)"):
        eval("F.mse_loss(A[:, :1], V)", names(ours))


@pytest.mark.parametrize("call", ["nn.MSELoss('sum')", "F.l1_loss(A, A, 'sum')"])
def test_a_reduction_where_pytorch_has_old_arguments_is_refused(call: str) -> None:
    with pytest.raises(TypeError, match=r"size_average and reduce come first; write reduction='sum', by name"):
        eval(call, names(ours))


# --- where PyTorch raises an error, `except` with its class catches ours ---------------------------------------

REFUSED = """
k // 0
k.masked_fill(m, 1e400)
nn.Linear(3, 4)(torch.ones(2, 5))
nn.Embedding(3, 4)(torch.tensor([3]))
F.mse_loss(torch.ones(2), torch.ones(3))
F.nll_loss(torch.ones(2, 3), torch.ones(2))
F.one_hot(torch.tensor([3]), 2)
F.softmax(torch.tensor([1, 2]), 0)
torch.ones(2, 3).gather(1, torch.tensor([[5]]))
torch.linalg.cholesky(-torch.eye(2))
torch.tensor(None)
F.interpolate(torch.ones(1, 1, 4), scale_factor=2, mode="bilinear")
torch.zeros(3, 3).index_add(0, torch.tensor([0, 1]), torch.ones(1, 3))
F.relu((torch.ones(3), torch.ones(3)))
""".strip().splitlines()


def raised(torch: Any, call: str) -> Exception:
    with pytest.raises((RuntimeError, ValueError, TypeError, IndexError)) as caught:
        eval(call, names(torch))
    return caught.value


@pytest.mark.parametrize("call", REFUSED)
def test_the_class_that_pytorch_raises_catches_ours(call: str) -> None:
    wanted, error = raised(reference, call), raised(ours, call)
    if isinstance(wanted, reference.linalg.LinAlgError):
        assert isinstance(error, ours.linalg.LinAlgError)
    kinds = (IndexError, NotImplementedError, RuntimeError, ValueError, TypeError)
    kind = next(k for k in kinds if isinstance(wanted, k))
    assert isinstance(error, RuntimeError if kind is NotImplementedError else kind), repr(error)
