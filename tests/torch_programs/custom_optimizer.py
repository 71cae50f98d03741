import torch
from fixed import fill, wave
from torch import nn
from torch.optim import Optimizer


class Momentum(Optimizer):
    def __init__(self, params, lr=0.1, beta=0.9):
        super().__init__(params, dict(lr=lr, beta=beta))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if len(state) == 0:
                    state["step"] = 0
                    state["velocity"] = torch.zeros_like(p)
                state["step"] += 1
                state["velocity"].mul_(group["beta"]).add_(p.grad, alpha=1 - group["beta"])
                p.add_(state["velocity"], alpha=-group["lr"])


model = fill(nn.Linear(3, 1))
x = wave(10, 3)
y = x.sum(1, keepdim=True)
opt = Momentum([{"params": [model.weight]}, {"params": [model.bias], "lr": 0.01}])
for _ in range(30):
    opt.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    opt.step()
print(f"{loss.item():.5f}", [round(v, 3) for v in model.weight.view(-1).tolist()], opt.state[model.weight]["step"])
