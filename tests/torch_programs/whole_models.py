import os
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F
from fixed import fill, wave


class Block(nn.Module):
    def __init__(self, width, activation=F.relu):
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.norm = nn.BatchNorm1d(width)
        self.activation = activation
        self._norm_layer = nn.BatchNorm1d
        self.device = torch.device("cpu")

    def forward(self, x):
        return x + self.activation(self.norm(self.linear(x)))


class Net(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embed = nn.Linear(4, config["width"])
        self.blocks = nn.ModuleList([Block(config["width"]) for _ in range(config["depth"])])
        self.again = self.blocks[0]
        self.head = nn.Linear(config["width"], 4, bias=False)
        self.head.weight = nn.Parameter(self.embed.weight.t().clone() if config["tied"] is None else self.head.weight)
        self.register_buffer("scale", torch.tensor([2.0]), persistent=False)

    def forward(self, x):
        x = self.embed(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.again(x)) * self.scale


model = fill(Net({"width": 6, "depth": 2, "tied": None, "names": ("a", "b")}))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
x = wave(8, 4)
path = os.path.join(tempfile.mkdtemp(), "model.pth")
for epoch in range(4):
    loss = (model(x) - x).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(epoch, f"{loss.item():.4f}")
model.eval()
torch.save(model, path)
loaded = torch.load(path, weights_only=False)
print(type(loaded) is Net, loaded.training, loaded.config, loaded.again is loaded.blocks[0], loaded.scale)
print(loaded.again._norm_layer is nn.BatchNorm1d, loaded.again.device.type, repr(loaded.again.device))
print(torch.equal(loaded(x), model(x)), len(list(loaded.parameters())), sorted(loaded.state_dict())[:3])
print(loaded)
torch.save({"net": nn.Sequential(nn.GRU(2, 3), nn.Flatten()), "epoch": 3}, path)
print(torch.load(path, weights_only=False))
