import torch
from fixed import fill, wave
from torch import nn


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.body = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(0.0), nn.Linear(2 * width, width))
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x):
        self.calls += 1
        return x + self.body(self.norm(x))


model = nn.Sequential(nn.Linear(4, 6), Residual(6), Residual(6), nn.Linear(6, 3))
fill(model)
groups = [
    {"params": [p for n, p in model.named_parameters() if "norm" in n or "bias" in n], "weight_decay": 0.0},
    {"params": [p for n, p in model.named_parameters() if "norm" not in n and "bias" not in n]},
]
opt = torch.optim.AdamW(groups, lr=0.01, weight_decay=0.1)
x, y = wave(10, 4), torch.tensor([i % 3 for i in range(10)])
with torch.enable_grad():
    for _ in range(10):
        opt.zero_grad()
        loss = nn.CrossEntropyLoss()(model(x), y)
        loss.backward()
        opt.step()
print(f"{loss.item():.4f}", model[1].calls.item(), len(opt.param_groups), sum(1 for _ in model.modules()))
