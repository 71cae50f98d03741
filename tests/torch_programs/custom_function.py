import torch


class LegendrePolynomial3(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return 0.5 * (5 * input**3 - 3 * input)

    @staticmethod
    def backward(ctx, grad_output):
        (input,) = ctx.saved_tensors
        return grad_output * 1.5 * (5 * input**2 - 1)


class ScaledSplit(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y, scale):
        out = torch.exp(x) * scale
        ctx.save_for_backward(out, y)
        ctx.scale = scale
        return out, y * y

    @staticmethod
    def backward(ctx, g, h):
        out, y = ctx.saved_tensors
        return g * out, 2 * y * h, None


class StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return (x > 0).float()

    @staticmethod
    def backward(ctx, g):
        return g


P3 = LegendrePolynomial3.apply
x = torch.tensor([0.3, -0.7, 1.1], dtype=torch.float64, requires_grad=True)
y = torch.tensor([2.0, 0.5, 1.5], dtype=torch.float64, requires_grad=True)
print(bool(torch.autograd.gradcheck(P3, (x,))), bool(torch.autograd.gradgradcheck(P3, (x,))))
print(bool(torch.autograd.gradcheck(lambda x, y: ScaledSplit.apply(x, y, 3.0), (x, y))))
a, b = ScaledSplit.apply(x, y, 2.0)
(a.sum() + (b * b).sum()).backward()
print([round(v, 4) for v in x.grad.tolist()], [round(v, 4) for v in y.grad.tolist()])
z = torch.tensor([-1.0, 2.0], requires_grad=True)
(StraightThrough.apply(z) * torch.tensor([3.0, 4.0])).sum().backward()
print(z.grad.tolist())
(g,) = torch.autograd.grad(P3(x).sum(), x, create_graph=True)
print([round(v, 4) for v in torch.autograd.grad(g.sum(), x)[0].tolist()])
