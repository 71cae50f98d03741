# Gaussian process regression by hand, its hyperparameters learnt from the marginal likelihood; and ridge regression
import math

import torch
from fixed import wave

torch.set_default_dtype(torch.float64)
torch.set_printoptions(precision=5)


class RBF:
    def __init__(self, lengthscale, variance):
        self.log_lengthscale = torch.tensor(math.log(lengthscale), requires_grad=True)
        self.log_variance = torch.tensor(math.log(variance), requires_grad=True)

    def __call__(self, a, b):
        distance = torch.cdist(a / self.log_lengthscale.exp(), b / self.log_lengthscale.exp())
        return self.log_variance.exp() * torch.exp(-0.5 * distance.square())


class GP:
    def __init__(self, x, y, kernel, noise):
        self.x, self.y, self.kernel = x, y, kernel
        self.log_noise = torch.tensor(math.log(noise), requires_grad=True)

    def factor(self):
        K = self.kernel(self.x, self.x) + self.log_noise.exp() * torch.eye(len(self.x))
        return torch.linalg.cholesky(K)

    def negative_log_likelihood(self):
        L = self.factor()
        alpha = torch.cholesky_solve(self.y.unsqueeze(-1), L)
        fit = 0.5 * self.y @ alpha.squeeze(-1)
        complexity = L.diagonal().log().sum()
        return fit + complexity + 0.5 * len(self.x) * math.log(2 * math.pi)

    @torch.no_grad()
    def predict(self, x_new):
        L = self.factor()
        k = self.kernel(self.x, x_new)
        mean = k.T @ torch.cholesky_solve(self.y.unsqueeze(-1), L)
        v = torch.linalg.solve_triangular(L, k, upper=False)
        covariance = self.kernel(x_new, x_new) - v.T @ v
        return mean.squeeze(-1), covariance


x = torch.linspace(0, 5, 12).unsqueeze(-1)
y = torch.sin(x).squeeze(-1) + 0.1 * wave(12, step=2.3).double()
gp = GP(x, y, RBF(1.5, 0.5), 0.1)
parameters = [gp.kernel.log_lengthscale, gp.kernel.log_variance, gp.log_noise]
optimizer = torch.optim.Adam(parameters, lr=0.05)
for step in range(40):
    optimizer.zero_grad()
    loss = gp.negative_log_likelihood()
    loss.backward()
    optimizer.step()
    if step % 10 == 0:
        print(f"{step:2d} {loss.item():.6f}")
print("lengthscale, variance, noise", torch.stack(parameters).exp().detach())
mean, covariance = gp.predict(torch.tensor([[0.5], [2.2], [6.0]]))
print(mean)
print(covariance.diagonal().sqrt())
samples = mean + torch.linalg.cholesky(covariance + 1e-6 * torch.eye(3)) @ wave(3, step=1.1).double()
print(samples)

# ridge regression, in closed form
A = torch.stack([torch.ones(12), x.squeeze(-1), x.squeeze(-1) ** 2, x.squeeze(-1) ** 3], dim=1)
penalty = 0.1 * torch.eye(4)
w = torch.linalg.solve(A.T @ A + penalty, A.T @ y)
print("ridge", w)
sign, logabsdet = torch.linalg.slogdet(A.T @ A + penalty)
print(sign, logabsdet)
print(torch.linalg.inv(A.T @ A + penalty)[0])
