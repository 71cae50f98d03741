import copy
import io
import os
import random
import tempfile
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from fixed import fill, wave

folder = tempfile.mkdtemp()
PATH = os.path.join(folder, "model.pth")


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.fc1 = nn.Linear(4, 8)
        self.fc2 = nn.Linear(8, 2)
        self.register_buffer("steps", torch.tensor(0))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)

    def forward(self, x):
        self.steps += 1
        return self.fc2(F.relu(self.fc1(x)))


x, y = wave(6, 4), wave(6, 2)
model = fill(Net())
torch.save(model.state_dict(), PATH)
other = Net()
print(other.load_state_dict(torch.load(PATH, weights_only=True)))
print(torch.equal(other(x), model(x)), other.steps.item(), sorted(model.state_dict()))

# parts of another model, prefixes, several models
part = {k: v for k, v in model.state_dict().items() if "fc1" in k}
print(Net().load_state_dict(part, strict=False))
for state in (part, {**model.state_dict(), "fc1.weight": torch.zeros(3, 3)}):
    try:
        Net().load_state_dict(state)
    except RuntimeError:
        print("RuntimeError")
wrapped = OrderedDict(("module." + k, v) for k, v in model.state_dict().items())
torch.save({"A": wrapped, "B": nn.Linear(2, 2).state_dict(), "args": Namespace(lr=0.1, layers=[8, 2])}, PATH)
checkpoint = torch.load(PATH, map_location=lambda storage, loc: storage, weights_only=False)
clean = OrderedDict((k[7:] if k.startswith("module.") else k, v) for k, v in checkpoint["A"].items())
other.load_state_dict(clean)
print(checkpoint["args"], type(checkpoint["A"]), list(clean)[:2])

# files and buffers
buffer = io.BytesIO()
torch.save([torch.arange(3), {"x": (1, None, 2.5)}, np.float64(1.5), {"a", "b"}], buffer)
buffer.seek(0)
numbers, nested, number, names = torch.load(buffer, weights_only=False)
print(numbers, nested, float(number), sorted(names))
with open(PATH, "wb") as f:
    torch.save({1: torch.eye(2), "inf": float("inf"), "shape": x.shape, "dtype": torch.float32}, f)
with open(PATH, "rb") as f:
    loaded = torch.load(f)
print(loaded[1], loaded["inf"], tuple(loaded["shape"]), loaded["dtype"] == torch.float32)
torch.save(torch.tensor([True, False]), Path(folder) / "mask.pt")
print(torch.load(Path(folder) / "mask.pt"), sorted(os.listdir(folder)))

# the best weights, tied weights, copies
best, twin = copy.deepcopy(model.state_dict()), copy.deepcopy(model)
F.mse_loss(model(x), y).backward()
print(copy.deepcopy(model).fc1.weight.grad, twin.fc1.weight.grad)
with torch.no_grad():
    for p in model.parameters():
        p.add_(1.0)
print(torch.equal(best["fc1.weight"], twin.fc1.weight), torch.equal(best["fc1.weight"], model.fc1.weight))
model.load_state_dict(best)
print(torch.equal(best["fc1.weight"], model.fc1.weight))
tied = nn.ModuleDict({"embed": nn.Embedding(50, 30), "head": nn.Linear(30, 50, bias=False)})
tied["head"].weight = tied["embed"].weight
torch.save(tied.state_dict(), PATH)
state = torch.load(PATH)
print(os.path.getsize(PATH) < 2 * 50 * 30 * 4, state["head.weight"].data_ptr() == state["embed.weight"].data_ptr())

# everything that a run depends on
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)


def steps(model, optimizer, scheduler, n):
    for _ in range(n):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        scheduler.step()
    return loss


loss = steps(model, optimizer, scheduler, 3)
torch.save(
    {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "loss": loss,
        "rng": (torch.get_rng_state(), np.random.get_state(), random.getstate()),
    },
    PATH,
)
drawn = (torch.rand(2).tolist(), np.random.rand(), random.random())
wanted = steps(model, optimizer, scheduler, 3).item()
checkpoint = torch.load(PATH, map_location={"cuda:0": "cpu"}, weights_only=False)
model = Net()
optimizer = torch.optim.AdamW(model.parameters())
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
model.load_state_dict(checkpoint["model"])
optimizer.load_state_dict(checkpoint["optimizer"])
scheduler.load_state_dict(checkpoint["scheduler"])
torch.set_rng_state(checkpoint["rng"][0])
np.random.set_state(checkpoint["rng"][1])
random.setstate(checkpoint["rng"][2])
print(drawn == (torch.rand(2).tolist(), np.random.rand(), random.random()), f"{checkpoint['loss'].item():.4f}")
print(abs(steps(model, optimizer, scheduler, 3).item() - wanted) < 1e-7, f"{wanted:.4f}", model.steps.item())
os.remove(PATH)
print(os.listdir(folder))
