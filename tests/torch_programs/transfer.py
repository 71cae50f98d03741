import copy

import torch
import torch.nn as nn
from fixed import fill, wave

source = fill(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)))
target = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3))
weights = {k: v for k, v in source.state_dict().items() if k.startswith("0.")}
result = target.load_state_dict(weights, strict=False)
print(result.missing_keys, result.unexpected_keys)
for p in target[0].parameters():
    p.requires_grad = False
target[2] = fill(nn.Linear(4, 3))
before = copy.deepcopy(target.state_dict())
opt = torch.optim.Adam(filter(lambda p: p.requires_grad, target.parameters()), lr=0.1)
nn.functional.cross_entropy(target(wave(6, 4)), torch.tensor([0, 1, 2, 0, 1, 2])).backward()
opt.step()
print({k: torch.allclose(v, before[k]) for k, v in target.state_dict().items()})
