"""Calls as PyTorch's programs write them: values, shapes, dtypes and gradients are PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

reference = pytest.importorskip("torch")

import nn.torch as ours  # noqa: E402

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(3, 4)).astype("float32")
ARRAYS = {
    "x": X,  # a matrix, and others that fit
    "y": RANDOM.uniform(0.2, 0.9, (3, 4)).astype("float32"),
    "w": RANDOM.normal(size=(4, 5)).astype("float32"),
    "out": RANDOM.normal(size=(3, 5)).astype("float32"),
    "v": RANDOM.normal(size=4).astype("float32"),
    "u": RANDOM.normal(size=3).astype("float32"),
    "b": RANDOM.normal(size=(2, 3, 4)).astype("float32"),
    "c": RANDOM.normal(size=(2, 4, 5)).astype("float32"),
    "s": np.float32(1.5),
    "d": X.astype("float64"),
    "i": np.array([0, 2, 1, 0]),  # integers
    "k": np.array([[3, -1, 0, 2], [5, 5, -2, 1], [0, 1, 2, 3]]),
    "m": X > 0,  # a mask
    "n": np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan], [2.0, np.inf, -np.inf]], dtype="float32"),
    "a": np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]], dtype="float64"),  # definite
    "h": np.array([0.5, 1.5, 2.5, -0.5], dtype="float32"),
}

CALLS = """
torch.addmm(out, x, w); torch.addmm(out, x, w, beta=0.5, alpha=2); torch.addmv(u, x, v); torch.addr(x, u, v, alpha=3)
torch.baddbmm(b @ c, b, c, beta=0); torch.addbmm(out, b, c); torch.mm(x, w); torch.mv(x, v); torch.bmm(b, c)
torch.dot(v, v); torch.ger(u, v); torch.outer(u, v); torch.inner(x, y); torch.inner(v, s); torch.vdot(v, v)
torch.chain_matmul(x, w, w.T); torch.linalg.multi_dot([x, w, w.T]); torch.linalg.vecdot(x, y); x.mm(w); x.mv(v)
torch.einsum('ij,jk', x, w); torch.einsum('bij,bjk->bik', b, c); torch.einsum('i,j->ij', [u, v])
torch.einsum('ii', a)
torch.einsum(x, [0, 1], w, [1, 2], [0, 2]); torch.einsum(a, [0, 0]); torch.einsum(b, [..., 1], [...])
; torch.tensordot(x, w, dims=1); torch.tensordot(b, b, dims=([1, 2], [1, 2])); torch.kron(x, y)
torch.cross(a, a.T, dim=1); torch.addcmul(x, x, y, value=2); torch.addcdiv(x, x, y); torch.lerp(x, y, 0.3)
torch.lerp(x, y, y); torch.rsub(x, 2); x.addcmul(x, y); x.addcdiv(x, y, value=0.1); x.lerp(y, 0.5)
torch.clamp(x, y, y + 1); torch.clamp(x, min=y); torch.clamp_min(x, 0.1); torch.clamp_max(x, 0.1); x.clamp_min(0.1)
torch.clip(x, -1, 1); torch.sgn(k); torch.fix(x * 2); torch.deg2rad(x); torch.rad2deg(x); torch.float_power(y, 2)
torch.ldexp(x, i[:4]); torch.logaddexp2(x, y); torch.dist(x, y); torch.dist(x, y, 1)
torch.isposinf(n); torch.isneginf(n); torch.isreal(x); torch.gcd(k, k.flip(0)); torch.lcm(k, k.flip(0))
torch.absolute(x); torch.negative(x); torch.positive(x); torch.multiply(x, y); torch.divide(x, y)
torch.true_divide(x, y); torch.subtract(x, y); torch.arctan2(x, y); torch.arcsin(y); torch.arccos(y); torch.arctan(x)
torch.arcsinh(x); torch.arccosh(y + 1); torch.arctanh(y); torch.erfc(x); torch.erfinv(y); torch.lgamma(y)
torch.digamma(y); torch.logit(y); torch.logit(y, eps=0.3); torch.xlogy(x, y)
torch.fmod(x, 0.3); torch.fmod(x, y); torch.remainder(x, 0.3); torch.remainder(k, 3)
torch.fmod(k, 3)
torch.signbit(x); torch.nan_to_num(n); torch.nan_to_num(n, nan=1.0); torch.nan_to_num(n, 0.0, 5.0, -5.0)
torch.expm1(x); torch.exp2(x); torch.log2(y); torch.log10(y); torch.rsqrt(y); torch.frac(x * 3); torch.trunc(x * 3)
torch.hypot(x, y); torch.reciprocal(y); torch.square(x); torch.logaddexp(x, y); torch.special.expit(x)
torch.special.entr(y); torch.special.gammaln(y); torch.special.ndtr(x)
torch.special.xlogy(x, y); torch.special.logit(y); torch.special.log_softmax(x, 1); torch.special.psi(y)

torch.bincount(i); torch.bincount(i, minlength=6); torch.bincount(i, v.detach()); torch.count_nonzero(k)
torch.count_nonzero(k, dim=0); torch.nansum(n); torch.nansum(n[:1], 1); torch.nanmean(n[0])
torch.nanmean(n[:1], dim=1, keepdim=True); torch.quantile(d, 0.3)
torch.quantile(d, 0.3, dim=1, keepdim=True); torch.quantile(d, torch.tensor([0.1, 0.9], dtype=torch.float64), dim=0)
torch.quantile(d, 0.4, dim=1, interpolation='lower')
torch.quantile(d, 0.4, interpolation='nearest'); torch.msort(x)
torch.sort(x, dim=0, descending=True); torch.sort(x, stable=True, dim=1); torch.argsort(x, dim=-1, descending=True)
torch.argsort(x, stable=True); torch.topk(x, 2); torch.topk(x, 2, largest=False); torch.aminmax(x)
torch.aminmax(x, dim=1); torch.std_mean(x); torch.std_mean(x, dim=1); torch.var_mean(x, 0)
torch.var_mean(x, dim=1, correction=0); torch.cov(x); torch.cov(x, correction=0)
torch.cov(v);
torch.diff(x); torch.diff(x, n=2, dim=1); torch.diff(v, prepend=v[:1])
torch.cdist(b, b + 1)
torch.cdist(x, y, p=1); torch.pdist(x); torch.median(x); torch.median(x, 1); torch.unique(k)
torch.unique(k, return_counts=True); torch.unique_consecutive(i); torch.isin(k, i); torch.isin(k, 2)
torch.isin(k, i, invert=True); torch.searchsorted(v.sort().values, x.detach()); torch.bucketize(x, v.sort().values)
torch.searchsorted(x.sort(1).values, y, right=True); torch.bucketize(k, torch.tensor([0, 2]), right=True)
torch.searchsorted(v.sort().values, 0.3); torch.cumsum(k, 0); torch.cumprod(x, 1)
torch.prod(x, 1); torch.logsumexp(x, (0, 1)); torch.amax(x, (0, 1)); torch.argmax(x)
torch.argmin(x, dim=1, keepdim=True); torch.all(m); torch.any(m, dim=0); torch.std(x, dim=0, unbiased=False)
torch.var(x, correction=0); torch.norm(x, p=1, dim=1)

torch.tril_indices(3, 4); torch.triu_indices(3, 4, offset=1); torch.tile(v, (2,)); torch.tile(x, (2, 1)); x.tile(2, 2)
torch.diagonal(x); torch.diagonal(b, 1, 1, 2)
torch.diag_embed(x); torch.diag_embed(x, 1); torch.diag_embed(x, dim1=0, dim2=2); torch.diag(v); torch.diag(x, 1)
torch.diagflat(x); torch.cartesian_prod(u, v); torch.combinations(v)
torch.combinations(u, 2, True); torch.atleast_1d(s); torch.atleast_2d(v); torch.atleast_3d(x); torch.atleast_2d(s, v)
torch.unflatten(x, 1, (2, 2)); x.unflatten(1, (2, -1)); torch.narrow(x, 1, 1, 2); torch.select(x, 0, 1)
torch.unbind(x, 1); torch.hsplit(x, 2); torch.vsplit(x, 3); torch.dsplit(b, 2); torch.tensor_split(v, 3)
torch.tensor_split(x, (1, 2), dim=1); x.tensor_split(2); torch.broadcast_tensors(x, v)
torch.broadcast_shapes((3, 1), (4,)); torch.dstack([x, y]); torch.row_stack([v, v]); torch.hstack([x, y])
torch.vstack([v, v]); torch.column_stack([u, u]); torch.swapdims(b, 0, 1); torch.swapaxes(b, 0, 2); torch.fliplr(x)
torch.flipud(x); torch.flip(x, [0]); torch.roll(x, 1, 0); torch.movedim(b, 0, 2); torch.t(x); x.mT; x.T
torch.vander(v.detach()); torch.vander(i, 3, increasing=True); torch.linalg.vander(v.detach())
torch.meshgrid(u, v, indexing='ij'); torch.squeeze(b[:1]); torch.unsqueeze(x, -1); torch.ravel(x)
torch.concat([x, y], 1); torch.concatenate([x, y]); torch.chunk(x, 2, 1); torch.split(x, [1, 2])
x.split_with_sizes([1, 2]); torch.repeat_interleave(v, 2); torch.unravel_index(torch.tensor([5, 2]), (2, 3))
x.expand_as(b); v.view_as(v); x.adjoint()

torch.index_add(x, 0, i[:2], y[:2]); torch.index_add(x, 1, i, y, alpha=2); torch.index_copy(x, 1, i[:3], y[:, :3])
torch.index_fill(x, 1, i[1:3], 2.0); torch.index_select(x, 1, i); torch.masked_select(x, m)
torch.masked_fill(x, m, 0.5); torch.masked_scatter(x, m, y); torch.take_along_dim(x, x.argsort(1), 1)
torch.take(x, k.clamp(0)); torch.put(x, i[:3], v[:3]); torch.gather(x, 1, k.clamp(0, 3))
torch.scatter(x, 1, k.clamp(0, 3)[:, :1], 1.0); torch.scatter_add(x, 1, i.expand(3, 4), y)
torch.index_put(x, (i[:2], i[:2]), v[:2]); torch.index_put(x, (i, i), v, accumulate=True)
torch.where(m); torch.where(m, x, y); torch.where(m, x, 0.0); torch.nonzero(m); torch.nonzero(m, as_tuple=True)
torch.argwhere(k); torch.tril(x, -1); torch.triu(x); torch.trace(x); x[m]; x[:, i]; x[torch.tensor(1)]
x[..., None].shape

torch.zeros(2, 3); torch.zeros((2, 3), dtype=torch.int64); torch.zeros(size=(2, 3))
torch.ones_like(x, dtype=torch.float64); torch.full((2,), 3); torch.full((2,), 3.0); torch.full_like(x, 2)
torch.arange(5); torch.arange(1, 2, 0.25); torch.arange(5.0); torch.arange(5, 0, -2); torch.arange(end=4)
torch.arange(0, 4, dtype=torch.float32); torch.linspace(0, 1, 5); torch.linspace(0, 1, steps=3, dtype=torch.float64)
torch.logspace(0, 2, 3); torch.eye(3); torch.eye(2, 3); torch.range(1, 3); torch.tensor([[1, 2], [3, 4]])
torch.tensor(1.5); torch.tensor([True]); torch.tensor([1, 2.5]); torch.scalar_tensor(2); torch.as_tensor([1.0, 2.0])
torch.asarray([1, 2]); torch.from_numpy(X); torch.empty_like(x).shape; torch.empty(2, 3).shape; x.new_zeros(2, 3)
d.new_ones(2); i.new_tensor([1, 2]); x.new_full((2,), 3.0); x.new_empty((2, 3)).shape

torch.linalg.norm(x); torch.linalg.norm(x, dim=1); torch.linalg.norm(a, 1); torch.linalg.vector_norm(x, 3, dim=0)
torch.linalg.matrix_norm(a); torch.linalg.matrix_norm(a, float('inf')); torch.linalg.inv(a); torch.inverse(a)
torch.det(a); torch.linalg.det(a); torch.linalg.slogdet(a); torch.logdet(a); torch.linalg.solve(a, a[0])
torch.linalg.cholesky(a); torch.cholesky_solve(a[:, :1], torch.linalg.cholesky(a))
torch.linalg.solve_triangular(a, a[:, :1], upper=True)
torch.linalg.matrix_power(a, 3); torch.linalg.matrix_power(a, -1); torch.linalg.pinv(d)
torch.linalg.lstsq(a, a[:, :1]).solution; torch.linalg.qr(a); torch.linalg.matrix_rank(a); torch.linalg.cross(a, a.T)
torch.linalg.diagonal(a); torch.linalg.matmul(a, a); torch.matrix_power(a, 2); torch.pinverse(d)

torch.equal(x, x); torch.allclose(x, x + 1e-9); torch.isclose(x, x); torch.is_tensor(x); torch.numel(x); x.numel()
x.ndim; torch.is_floating_point(i); torch.is_complex(x); torch.is_nonzero(s); x.is_signed(); x.is_contiguous()
x.T.is_contiguous(); x.stride(); x.T.stride(); x.element_size(); x.dim(); x.size(); x.size(0); x.nelement(); x.type()
i.type(); x.is_same_size(y); torch.result_type(i, 1.5); torch.result_type(x, 1)
torch.promote_types(torch.int64, torch.float32); torch.can_cast(torch.float32, torch.int64)
torch.can_cast(torch.int64, torch.float32); x.get_device(); x.storage_offset(); x[1:].storage_offset(); x.is_cuda
x.is_cpu; x.is_leaf; x.requires_grad; x.data.cpu().numpy(); x.tolist(); s.item(); torch.typename(x)
torch.is_grad_enabled(); torch.get_default_dtype(); torch.finfo(torch.float32).max; torch.iinfo(torch.int8).max
x.byte(); x.long(); x.double(); x.half(); x.int(); x.bool(); x.to(torch.float64); x.to('cpu', torch.float64); x.to(d)
x.type(torch.int32); x.type_as(d); k.float(); x.to(device='cpu', dtype=torch.float16, non_blocking=True)
x.float() is x; x.contiguous() is x; x.detach().requires_grad; x.clone().is_leaf; torch.Size([2, 3]).numel(); len(x)

h.round(); torch.round(h * 3); x > 0; x.eq(y); torch.eq(k, 1); torch.ne(k, 1); k & 1; k | 2; k ^ 1; ~k; k << 1; k >> 1
m & ~m; m.logical_not(); torch.logical_and(k, m); -k; k // 2; k % 3; k ** 2; x.detach() // 0.5; 2 ** x; 1 / y; k / 2
x.pow(2); abs(x); x.add(y, alpha=2); x.sub(1); torch.add(input=x, other=y); torch.sum(input=x, dim=0)
torch.div(x, y, rounding_mode='floor'); torch.floor_divide(k, 2); torch.bitwise_and(k, 3); torch.sum(x, dim=[0, 1])
x.mean((0, 1), keepdim=True); x.softmax(dim=-1); x.masked_fill(m, float('-inf')).softmax(1); x.max(); x.min(1)
x.sum(1, keepdims=True); x.std(1, keepdim=True); x.sum(); i.sum(); m.sum(); i.float().mean(); m.float().mean()

torch.gather(s, 0, i[0]); torch.gather(s, 0, i[:1]); torch.gather(v, 0, i[1]); torch.index_select(s, 0, i[:1])
torch.index_select(s, 0, i[0]); torch.index_select(v, 0, i[1]); torch.scatter(s, 0, i[0], 7.0)
torch.scatter(v, 0, i[1], s); torch.scatter_add(s, 0, i[0], s * 2); torch.scatter_reduce(s, 0, i[0], s * 2, 'prod')
torch.topk(s, 1); torch.transpose(s, 0, -1); torch.swapaxes(s, 0, 0); torch.movedim(s, 0, 0)
torch.index_add(s, 0, i[0], s); torch.index_copy(s, 0, i[:1], v[:1]); torch.index_fill(s, 0, i[:1], 1.0)
torch.nn.functional.one_hot(i, -1); torch.nn.functional.one_hot(i, num_classes=-1)
x.to(torch.float64, memory_format=torch.preserve_format); d.float(memory_format=torch.contiguous_format)
x.clone(memory_format=torch.preserve_format); torch.clone(x, memory_format=torch.contiguous_format)
torch.nn.functional.max_pool2d(b, 2, return_indices=True); torch.nn.functional.max_pool2d(k[None], 2, padding=1)
torch.nn.functional.interpolate(b[None], scale_factor=2, mode='bilinear')
torch.nn.functional.upsample(b[None], (2, 5), None, 'bilinear', True)
torch.einsum('ij,jk->ik', x[:, :1], w); torch.einsum('ij,ik,j->k', x, y[:1], v[:1])
torch.nn.functional.scaled_dot_product_attention(b[:, :, :0], b[:, :, :0], b)
torch.gcd(i[1], i[0] + 6); torch.lcm(i[1], i[1] + 1); torch.var(x, correction=None); torch.std(x, 1, correction=None)
torch.sign(m); m.index_add(0, i[:2], m[:2]); m.index_put((i[:2],), m[:2], accumulate=True)
torch.linalg.matrix_rank(a[:0, :0]); torch.linalg.matrix_rank(a[:2, :0])
torch.scatter_reduce(m, 1, i.expand(3, 4), m, 'amin'); torch.scatter_reduce(m, 1, i.expand(3, 4), m, 'amax')
torch.scatter(x.T, 1, i[:3].expand(4, 3), 1.0).view(-1); torch.index_copy(x.T, 0, i[:1], x.T[:1]).view(-1)
torch.masked_scatter(x.T, m.T, x).view(-1); torch.nn.functional.gelu(x[:1].expand(3, 4)).view(-1)
torch.nn.functional.layer_norm(x.T, (3,)).view(-1); torch.nn.functional.group_norm(x.T, 1).view(-1)
torch.nn.functional.rms_norm(x.T, (3,)).view(-1); torch.empty_like(x, memory_format=torch.preserve_format).shape
x.double(memory_format=torch.preserve_format); x.contiguous(memory_format=torch.contiguous_format)
x.cpu(memory_format=torch.preserve_format); torch.zeros_like(x, memory_format=torch.preserve_format)
x.type(torch.float64, memory_format=torch.preserve_format); x.is_contiguous(memory_format=torch.contiguous_format)
torch.func.functional_call(torch.nn.ReLU(), {}, (x,)); torch.bernoulli(s * 0).add(1)

b[0, :, [1, 2]]; b[0, ..., [1, 2]]; b[-1, :, [1]]; b[None][:, 0, :, [1, 2]]; b[[0, 1], 0, [1, 2]]; b[:, [0, 1], 0]
b[0, None, :, [1]]; b[torch.tensor(0), :, [1, 2]]; b[0, :, [True, False, True, False]]; b[[0, 1], :, [1, 2]]
x[m.byte()]
k.abs().byte().sum(); k.abs().byte().cumsum(0); k.abs().byte().prod(); m.prod(1); k.int().prod(); k.int().sum()
v * torch.tensor(2.0, dtype=torch.float64); k.int() * torch.tensor(5); k.abs().byte() + torch.tensor(300); x - d.mean()
x.detach().half() * torch.tensor(2.0); torch.searchsorted(i.int().sort()[0], torch.tensor(1))
torch.where(m, x, torch.tensor(0.0, dtype=torch.float64)); k + torch.tensor(1.0, dtype=torch.float64); k.round()
k.masked_fill(m, 1.5); k.int() // torch.tensor(2); torch.maximum(k.int(), torch.tensor(2)); type(x) == torch.Tensor
""".replace("\n", ";").split(";")

CHANGES = """
abs_() add_(y, alpha=2) sub_(1) mul_(y) div_(y) pow_(2) neg_() exp_() clamp_(0,1) clamp_min_(0) sin_() cos_() tan_()
tanh_() sigmoid_() relu_() floor_() ceil_() round_() trunc_() frac_() square_() atan_() sinh_() cosh_() addcmul_(x,y)
addcdiv_(x,y,value=2) lerp_(y,0.5) index_fill_(1,i,2.0) index_add_(1,i,y) index_copy_(1,i[:3],y[:,:3])
index_put_((i[:2],i[:2]),v[:2]) masked_fill_(m,0.0) masked_scatter_(m,y) scatter_(1,i.expand(3,4)[:,:2],1.0)
scatter_add_(1,i.expand(3,4),y) put_(i[:3],v[:3]) tril_() triu_(1) cumsum_(0) cumprod_(1) erf_() erfc_() logit_()
zero_() fill_(3) fill_diagonal_(1.0) copy_(y) remainder_(0.3) fmod_(0.3) atan2_(y) hypot_(y) xlogy_(y)
true_divide_(2) absolute_() negative_() multiply_(2) subtract_(1) arctan_() addmm_(x[:,:3],x) addr_(u,v) gt_(0) eq_(y)
t_() unsqueeze_(0) squeeze_() transpose_(0,1) swapaxes_(0,1) deg2rad_() apply_(abs) masked_fill_(m,s)
nan_to_num_() scatter_reduce_(1,i.expand(3,4),y,'sum') reciprocal_() rsqrt_() log1p_()
digamma_()
"""
# a call may hold commas with spaces, so calls are separated where a parenthesis is closed
CHANGES = [c.strip() for c in CHANGES.replace("\n", " ").replace(") ", ")\n").split("\n") if c.strip()]


def names(library: Any) -> dict[str, Any]:
    made = {name: library.tensor(array) for name, array in ARRAYS.items()}
    for tensor in made.values():
        if tensor.is_floating_point():
            tensor.requires_grad_()
    return {"torch": library, "X": X, **made}


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


def run(call: str) -> None:
    """Evaluate a call in both libraries; compare what it returns and the gradients of everything in it."""
    both = []
    for library in (reference, ours):
        given = names(library)
        result = eval(call, given)
        parts = result if isinstance(result, (tuple, list)) else (result,)
        total = [p.sum() * (n + 1) for n, p in enumerate(parts) if isinstance(p, library.Tensor) and p.requires_grad]
        gradients = {}
        if total and all(bool(t.isfinite()) for t in total):
            sum(total).backward()
            gradients = {name: x.grad for name, x in given.items() if isinstance(x, library.Tensor)}
        both.append((plain(result, library), {name: g for name, g in gradients.items() if g is not None}, library))
    (theirs, wanted, _), (found, gradients, _) = both
    compare(theirs, found, call)
    for name, gradient in wanted.items():
        if name in gradients or gradient.count_nonzero():
            compare(gradient.numpy(), gradients[name].numpy(), f"the gradient of {name} in {call}")


@pytest.mark.parametrize("call", [call.strip() for call in CALLS if call.strip()])
def test_a_call_gives_what_it_gives_in_pytorch(call: str) -> None:
    run(call)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_in_place_gives_what_it_gives_in_pytorch(change: str) -> None:
    """Of a constant, and of a result, whose gradient goes back."""
    constant = "apply_" in change or "gt_" in change or "eq_" in change or "fill_diagonal" in change
    run(f"(x.detach().clone()).{change}")
    if not constant:
        run(f"(x * 1).{change}")


@pytest.mark.parametrize(
    "call", ["k // 0", "k % 0", "torch.div(k, 0, rounding_mode='trunc')", "k.masked_fill(m, 1e400)"]
)
def test_a_call_that_pytorch_refuses_is_refused_here(call: str) -> None:
    for library in (reference, ours):
        with pytest.raises(RuntimeError):
            eval(call, names(library))


@pytest.mark.parametrize("call", ["torch.unique(x)", "torch.unique_consecutive(x)"])
def test_what_has_no_derivative_says_so_in_backward(call: str) -> None:
    for library in (reference, ours):
        made = eval(call, {"torch": library, "x": library.tensor([0.1, 0.5], requires_grad=True)})
        assert made.requires_grad
        with pytest.raises(RuntimeError, match=r"derivative|no backward rule"):
            made.sum().backward()


def test_what_a_program_gives_to_the_class_all_tensors_have() -> None:
    for library in (reference, ours):
        x = library.tensor([1.0])
        library.Tensor.twice = lambda self: self * 2
        assert x.twice().tolist() == [2]
        del type(x).twice
        assert {library.Tensor: "found"}[type(x)] == "found"


def test_an_array_and_its_tensor_share_memory() -> None:
    for library in (reference, ours):
        array = np.arange(3.0)
        tensor = library.as_tensor(array)
        tensor += 2
        assert array.tolist() == [2, 3, 4]
