import os
import tempfile
from pathlib import Path

import torch
import torch.nn as nn
from fixed import fill, wave

path = Path(tempfile.mkdtemp()) / "checkpoint.pth"
model = fill(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1)))
opt = torch.optim.Adam(model.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.StepLR(opt, 2)
x, y = wave(8, 3), wave(8, 1)


def steps(n):
    for _ in range(n):
        opt.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        opt.step()
        scheduler.step()
    return loss.item()


first = steps(3)
torch.save(
    {
        "epoch": 3,
        "model_state_dict": model.state_dict(),
        "optimizer_state_dict": opt.state_dict(),
        "scheduler": scheduler.state_dict(),
        "loss": first,
        "history": [1.0, 0.5, (1, "two", None)],
        7: {"nested": [torch.arange(3), {"t": torch.tensor(2.5)}]},
    },
    path,
)
after = steps(3)
checkpoint = torch.load(path, map_location=torch.device("cpu"))
model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
model.load_state_dict(checkpoint["model_state_dict"])
opt = torch.optim.Adam(model.parameters(), lr=0.01)
opt.load_state_dict(checkpoint["optimizer_state_dict"])
scheduler = torch.optim.lr_scheduler.StepLR(opt, 2)
scheduler.load_state_dict(checkpoint["scheduler"])
print(checkpoint["epoch"], checkpoint["history"], checkpoint[7]["nested"][0].tolist(), f"{first:.5f}")
print(abs(steps(3) - after) < 1e-7, f"{after:.5f}")
torch.save(model.state_dict(), str(path))
print(sorted(torch.load(str(path), weights_only=True)), os.listdir(path.parent))
