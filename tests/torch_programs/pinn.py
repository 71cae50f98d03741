# A physics-informed neural network: u'' + 2 d u' + w0^2 u = 0 with u(0) = 1, u'(0) = 0, the damped oscillator
import torch
import torch.nn as nn
from fixed import fill

torch.set_default_dtype(torch.float64)


class FCN(nn.Module):
    def __init__(self, n_input, n_output, n_hidden, n_layers):
        super().__init__()
        activation = nn.Tanh
        self.fcs = nn.Sequential(*[nn.Linear(n_input, n_hidden), activation()])
        self.fch = nn.Sequential(
            *[nn.Sequential(*[nn.Linear(n_hidden, n_hidden), activation()]) for _ in range(n_layers - 1)]
        )
        self.fce = nn.Linear(n_hidden, n_output)

    def forward(self, x):
        x = self.fcs(x)
        x = self.fch(x)
        return self.fce(x)


def exact_solution(d, w0, t):
    w = (w0**2 - d**2) ** 0.5
    phi = torch.arctan(torch.tensor(-d / w))
    amplitude = 1 / (2 * torch.cos(phi))
    return torch.exp(-d * t) * 2 * amplitude * torch.cos(phi + w * t)


d, w0 = 0.5, 2.0
mu, k = 2 * d, w0**2
pinn = fill(FCN(1, 1, 8, 2), scale=0.6)
print(sum(p.numel() for p in pinn.parameters()), next(pinn.parameters()).dtype)
t_boundary = torch.tensor(0.0).view(-1, 1).requires_grad_(True)
t_physics = torch.linspace(0, 1, 15).view(-1, 1).requires_grad_(True)
t_test = torch.linspace(0, 1, 5).view(-1, 1)
u_exact = exact_solution(d, w0, t_test)
print(u_exact)
optimiser = torch.optim.Adam(pinn.parameters(), lr=1e-2)
for i in range(61):
    optimiser.zero_grad()

    # boundary loss
    u = pinn(t_boundary)
    loss1 = (torch.squeeze(u) - 1) ** 2
    dudt = torch.autograd.grad(u, t_boundary, torch.ones_like(u), create_graph=True)[0]
    loss2 = (torch.squeeze(dudt) - 0) ** 2

    # physics loss
    u = pinn(t_physics)
    dudt = torch.autograd.grad(u, t_physics, torch.ones_like(u), create_graph=True)[0]
    d2udt2 = torch.autograd.grad(dudt, t_physics, torch.ones_like(dudt), create_graph=True)[0]
    loss3 = torch.mean((d2udt2 + mu * dudt + k * u) ** 2)

    loss = loss1 + 1e-1 * loss2 + 1e-2 * loss3
    loss.backward()
    optimiser.step()

    if i % 20 == 0:
        u = pinn(t_test).detach()
        print(f"{i:3d} loss {loss.item():.6f} error {torch.dist(u, u_exact).item():.6f}")
print(d2udt2.shape, d2udt2[:3].detach())
print(torch.autograd.functional.jacobian(lambda t: pinn(t).squeeze(), t_test)[0].squeeze())
