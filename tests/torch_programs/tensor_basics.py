import numpy as np
import torch
from fixed import wave

# initialising a tensor
data = [[1, 2], [3, 4]]
x_data = torch.tensor(data)
np_array = np.array(data)
x_np = torch.from_numpy(np_array)
print(x_data, x_np, torch.tensor(3.5), torch.tensor([True, False]))
print(f"Ones Tensor: \n {torch.ones_like(x_data)} \n")
print(f"Zeros Tensor: \n {torch.zeros(2, 3)} \n")
print(
    torch.full((2, 2), 7),
    torch.full((2,), 1.5),
    torch.eye(3),
    torch.arange(0, 10, 3),
    torch.linspace(0, 1, 5),
    sep="\n",
)
print(torch.empty(2, 3).shape, torch.zeros(0), torch.ones(2, 0, 3), torch.tensor([]).dtype)

# attributes
tensor = wave(3, 4)
print(tensor)
print(f"Shape of tensor: {tensor.shape}")
print(f"Datatype of tensor: {tensor.dtype}")
print(f"Device tensor is stored on: {tensor.device}")
print(tensor.ndim, tensor.numel(), tensor.size(), tensor.size(1), tensor.stride(), tensor.is_contiguous(), len(tensor))
print(type(tensor), tensor.type(), tensor.element_size(), tensor.shape == (3, 4), isinstance(tensor, torch.Tensor))

# indexing and slicing
print(f"First row: {tensor[0]}")
print(f"First column: {tensor[:, 0]}")
print(f"Last column: {tensor[..., -1]}")
tensor[:, 1] = 0
print(tensor)
print(
    tensor[tensor > 0],
    tensor[[0, 2]],
    tensor[torch.tensor([1, 0]), torch.tensor([2, 3])],
    tensor[1, 2].item(),
    sep="\n",
)
print(tensor[None].shape, tensor[:, None, :].shape, tensor[::2, 1:3])

# joining and cutting
t1 = torch.cat([tensor, tensor, tensor], dim=1)
print(t1, t1.shape)
print(torch.stack([torch.arange(3), torch.arange(3, 6)]), torch.hstack([torch.ones(2), torch.zeros(1)]))
print(torch.arange(10).chunk(3), torch.arange(6).reshape(2, 3).split(1), torch.arange(4).unbind(), sep="\n")

# arithmetic
a = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
print(a @ a.T, torch.matmul(a, a), a * a, a.mul(a), a + 10, a / 3, a // 2, a % 2, a**2, -a, sep="\n")
agg = a.sum()
print(
    agg, agg.item(), type(agg.item()), a.mean(), a.mean(dim=0), a.std(), a.var(dim=1), a.prod(), a.cumsum(1), sep="\n"
)
print(a.max(), a.max(dim=1), a.min(dim=0), a.argmax(), a.argmax(dim=1), a.topk(1), a.sort(descending=True), sep="\n")
print(
    a > 2,
    (a > 2).sum(),
    (a > 2).any(),
    torch.where(a > 2, a, torch.zeros_like(a)),
    a.eq(4),
    torch.equal(a, a),
    sep="\n",
)
print(a.exp(), a.log(), a.sqrt(), torch.sigmoid(a), torch.softmax(a, dim=1), a.clamp(1.5, 3.5), a.round(), sep="\n")
print(torch.arange(3) / 2, torch.arange(3) // 2, torch.tensor([7, -7]) % 3, torch.tensor(5) + 0.5, torch.arange(3) > 1)

# in place
a.add_(5)
print(a, a.t_(), a.zero_(), a.fill_(2), a.copy_(torch.arange(4).view(2, 2)), sep="\n")

# shapes
b = torch.arange(24)
print(
    b.view(2, 3, 4),
    b.reshape(4, -1).T,
    b.view(2, 12).unsqueeze(0).shape,
    b.view(2, 3, 4).permute(2, 0, 1).shape,
    sep="\n",
)
print(
    b.view(2, 3, 4).flatten(1), b[:3].repeat(2, 2), b[:3].expand(2, 3), b.view(1, 24, 1).squeeze().shape, b[:4].flip(0)
)
print(
    b.view(2, 3, 4).sum((0, 2)), b.view(4, 6).float().mean(1, keepdim=True), torch.movedim(b.view(2, 3, 4), 0, -1).shape
)
print(
    (torch.ones(3, 1) * torch.arange(3)).shape,
    torch.broadcast_shapes((3, 1), (1, 4)),
    torch.meshgrid(b[:2], b[:3], indexing="ij"),
)

# dtypes
print(
    a.dtype,
    a.int(),
    a.long().dtype,
    a.bool(),
    a.double(),
    a.half(),
    a.to(torch.float64).dtype,
    torch.tensor([1, 2.0]).dtype,
)
print(torch.float32, torch.int64, torch.get_default_dtype(), torch.tensor(1).dtype, (torch.tensor(1) + 1.5).dtype)
print(torch.finfo(torch.float32).eps, torch.iinfo(torch.int32).max, torch.can_cast(torch.float32, torch.int32))

# NumPy
t = torch.ones(5)
n = t.numpy()
print(f"t: {t}", f"n: {n}", sep="\n")
t.add_(1)
print(f"t: {t}", f"n: {n}", sep="\n")
n = np.ones(5)
t = torch.from_numpy(n)
np.add(n, 1, out=n)
print(f"t: {t}", f"n: {n}", sep="\n")

# how numbers are printed
print(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.5, 2.0]), torch.tensor([1e-5, 1.0]), torch.tensor([1e10, 1.0]))
print(torch.tensor([float("nan"), float("inf"), -1.0]), torch.tensor([0.1234567, 100.0]), torch.tensor([[1000000.5]]))
print(torch.arange(2000), torch.zeros(100, 100), torch.arange(27.0).view(3, 3, 3) / 7, sep="\n")
print(torch.arange(40), torch.arange(40) / 7, sep="\n")
torch.set_printoptions(precision=2, sci_mode=False)
print(torch.tensor([1e-5, 1.0]), torch.arange(5) / 3)
torch.set_printoptions(profile="default")

# autograd
x = torch.ones(2, 2, requires_grad=True)
print(x, x.grad, x.is_leaf, x.grad_fn)
y = x + 2
z = y * y * 3
out = z.mean()
print(y, z, out, (x @ x), x.sum(dim=0), x.view(4), x[0], x.exp(), x.relu(), x.T, y.detach(), sep="\n")
out.backward()
print(x.grad)
with torch.no_grad():
    print((x * 2).requires_grad, x * 2)
v = torch.tensor([0.1, 1.0, 0.0001], dtype=torch.float)
w = torch.randn(3, requires_grad=True)
(w * 2).backward(v)
print(w.grad)
p = torch.nn.Parameter(torch.tensor([1.0, 2.5]))
print(p, [p], torch.nn.Linear(2, 3), sep="\n")
print(
    torch.nn.functional.linear(x, torch.ones(1, 2), torch.zeros(1)),
    ((x - 1) ** 2).mean(),
    torch.nn.functional.mse_loss(x, x * 2),
)
