import copy
import math
import os
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F
from fixed import fill, wave


class LoRALinear(nn.Module):
    def __init__(self, base: nn.Linear, r: int = 2, alpha: float = 4.0):
        super().__init__()
        self.base = base
        for p in self.base.parameters():
            p.requires_grad = False
        self.scaling = alpha / r
        self.lora_A = nn.Parameter(base.weight.new_zeros((r, base.in_features)))
        self.lora_B = nn.Parameter(base.weight.new_zeros((base.out_features, r)))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        with torch.no_grad():
            self.lora_A.copy_(wave(r, base.in_features, scale=0.3))
        nn.init.zeros_(self.lora_B)
        self.merged = False

    def forward(self, x):
        out = self.base(x)
        if not self.merged:
            out = out + (x @ self.lora_A.transpose(0, 1) @ self.lora_B.transpose(0, 1)) * self.scaling
        return out

    @torch.no_grad()
    def merge(self):
        self.base.weight.data += (self.lora_B @ self.lora_A) * self.scaling
        self.merged = True


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 12), nn.Tanh(), nn.Linear(12, 12), nn.Tanh())
        self.head = nn.Linear(12, 3)

    def forward(self, x):
        return self.head(self.body(x))


def adapt(model):
    model.requires_grad_(False)
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear):
            parent_name, _, child = name.rpartition(".")
            parent = model.get_submodule(parent_name) if parent_name else model
            setattr(parent, child, LoRALinear(module))
    return model


def train(model, x, y, n):
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(n):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return f"{loss.item():.4f}"


x = wave(30, 4)
y = x[:, :3].argmax(1)
base = fill(Net())
print(train(base, x, y, 30))
model = adapt(copy.deepcopy(base))
trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
total = sum(p.numel() for p in model.parameters())
print(f"trainable params: {trainable:,d} || all params: {total:,d} || trainable%: {100 * trainable / total:.2f}")
before = {n: p.clone() for n, p in model.named_parameters() if not p.requires_grad}
print(train(model, x, (y + 1) % 3, 40))
print(all(torch.equal(before[n], p) for n, p in model.named_parameters() if not p.requires_grad))
print([n for n, p in model.named_parameters() if p.grad is not None])
path = os.path.join(tempfile.mkdtemp(), "lora.pt")
torch.save({k: v for k, v in model.state_dict().items() if "lora_" in k}, path)
fresh = adapt(copy.deepcopy(base))
missing, unexpected = fresh.load_state_dict(torch.load(path), strict=False)
print(len(missing), unexpected, torch.allclose(fresh(x), model(x), atol=1e-6))
wanted = fresh(x)
for m in fresh.modules():
    if isinstance(m, LoRALinear):
        m.merge()
print(torch.allclose(wanted, fresh(x), atol=1e-5))
for name, p in fresh.named_parameters():
    p.requires_grad = "head" in name or "bias" in name
print([n for n, p in fresh.named_parameters() if p.requires_grad])
print(fresh)
