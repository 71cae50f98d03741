import torch
import torch.nn.functional as F
from fixed import wave


class Linear:
    def __init__(self, fan_in, fan_out, bias=True):
        self.weight = wave(fan_in, fan_out) / fan_in**0.5
        self.bias = torch.zeros(fan_out) if bias else None

    def __call__(self, x):
        self.out = x @ self.weight
        if self.bias is not None:
            self.out += self.bias
        return self.out

    def parameters(self):
        return [self.weight] + ([] if self.bias is None else [self.bias])


class BatchNorm1d:
    def __init__(self, dim, eps=1e-5, momentum=0.1):
        self.eps, self.momentum, self.training = eps, momentum, True
        self.gamma, self.beta = torch.ones(dim), torch.zeros(dim)
        self.running_mean, self.running_var = torch.zeros(dim), torch.ones(dim)

    def __call__(self, x):
        if self.training:
            dim = 0 if x.ndim == 2 else (0, 1)
            xmean, xvar = x.mean(dim, keepdim=True), x.var(dim, keepdim=True)
        else:
            xmean, xvar = self.running_mean, self.running_var
        self.out = self.gamma * (x - xmean) / torch.sqrt(xvar + self.eps) + self.beta
        if self.training:
            with torch.no_grad():
                self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * xmean
                self.running_var = (1 - self.momentum) * self.running_var + self.momentum * xvar
        return self.out

    def parameters(self):
        return [self.gamma, self.beta]


class Tanh:
    def __call__(self, x):
        self.out = torch.tanh(x)
        return self.out

    def parameters(self):
        return []


class FlattenConsecutive(Tanh):
    def __init__(self, n):
        self.n = n

    def __call__(self, x):
        B, T, C = x.shape
        x = x.view(B, T // self.n, C * self.n)
        self.out = x.squeeze(1) if x.shape[1] == 1 else x
        return self.out


X = torch.tensor([[(i * j + j) % 9 for j in range(8)] for i in range(32)])
Y = torch.tensor([(i * 5) % 9 for i in range(32)])
C = wave(9, 4)
layers = []
for fan_in in (8, 16, 16):
    layers += [FlattenConsecutive(2), Linear(fan_in, 8, bias=False), BatchNorm1d(8), Tanh()]
layers += [Linear(8, 9)]
with torch.no_grad():
    layers[-1].weight *= 0.1
parameters = [C] + [p for layer in layers for p in layer.parameters()]
for p in parameters:
    p.requires_grad = True
for i in range(20):
    x = C[X]
    for layer in layers:
        x = layer(x)
    loss = F.cross_entropy(x, Y)
    for p in parameters:
        p.grad = None
    loss.backward()
    for p in parameters:
        p.data += -0.1 * p.grad
for layer in layers:
    layer.training = False
x = C[X]
for layer in layers:
    x = layer(x)
print(f"{loss.item():.4f} {F.cross_entropy(x, Y).item():.3f}")
