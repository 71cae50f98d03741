import torch
from torch.autograd import grad

x = torch.tensor([1.0, 2.0, 0.5], requires_grad=True)
v = torch.tensor([0.5, -1.0, 2.0])


def f(x):
    return (x**3).sum() + x[0] * x[1] * x[2]


(g,) = grad(f(x), x, create_graph=True)
(hvp,) = grad(g, x, grad_outputs=v)
print([round(a, 4) for a in hvp.tolist()])
H = torch.autograd.functional.hessian(f, x.detach())
print([[round(a, 4) for a in row] for row in H.tolist()])
J = torch.autograd.functional.jacobian(lambda x: torch.stack([x.sum(), x.prod()]), x.detach())
print([[round(a, 4) for a in row] for row in J.tolist()])
print([round(a, 4) for a in torch.func.grad(f)(x.detach()).tolist()])
penalty = (grad(f(x), x, create_graph=True)[0].norm() - 1) ** 2
penalty.backward()
print([round(a, 3) for a in x.grad.tolist()])
