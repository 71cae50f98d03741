import torch

x1 = torch.Tensor([2.0]).double()
x1.requires_grad = True
x2 = torch.Tensor([0.0]).double()
x2.requires_grad = True
w1 = torch.Tensor([-3.0]).double()
w1.requires_grad = True
w2 = torch.Tensor([1.0]).double()
w2.requires_grad = True
b = torch.Tensor([6.8813735870195432]).double()
b.requires_grad = True
n = x1 * w1 + x2 * w2 + b
o = torch.tanh(n)
print(f"{o.data.item():.6f}")
o.backward()
for name, leaf in (("x2", x2), ("w2", w2), ("x1", x1), ("w1", w1)):
    print(name, f"{leaf.grad.item():.6f}")
a = torch.tensor(-4.0, requires_grad=True)
c = a * 2 + 2 + a
d = (c * a).relu() + torch.maximum(c, a) ** 2
d.backward()
print(a.grad.item(), d.item())
