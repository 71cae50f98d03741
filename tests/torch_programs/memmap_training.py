import os
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from fixed import fill
from torch.nn import functional as F

out_dir, device, block_size, batch_size, eval_iters = tempfile.mkdtemp(), "cpu", 8, 4, 3
text = "the quick brown fox jumps over the lazy dog. " * 30
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
ids = np.array([stoi[c] for c in text], dtype=np.uint16)
ids[:1200].tofile(os.path.join(out_dir, "train.bin"))
ids[1200:].tofile(os.path.join(out_dir, "val.bin"))
ctx = nullcontext() if device == "cpu" else torch.amp.autocast(device_type=device, dtype=torch.float16)
drawn = 0


@dataclass
class Config:
    vocab_size: int = len(chars)
    n_embd: int = 16
    bias: bool = True


class Model(nn.Module):
    def __init__(self, config):
        super().__init__()
        fc, proj = nn.Linear(config.n_embd, 32, bias=config.bias), nn.Linear(32, config.n_embd)
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.mlp = nn.Sequential(fc, nn.GELU(), proj)
        self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.head.weight = self.wte.weight

    def forward(self, idx, targets=None):
        x = self.wte(idx)
        logits = self.head(x + self.mlp(x))
        loss = None if targets is None else F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))
        return logits, loss

    @torch.no_grad()
    def generate(self, idx, n, temperature=1.0, top_k=None):
        for _ in range(n):
            logits = self(idx[:, -block_size:])[0][:, -1, :] / temperature
            if top_k is not None:
                v, _ = torch.topk(logits, min(top_k, logits.size(-1)))
                logits[logits < v[:, [-1]]] = -float("Inf")
            probs = F.softmax(logits, dim=-1)
            idx = torch.cat((idx, probs.argmax(dim=-1, keepdim=True)), dim=1)
        return idx


def get_batch(split):
    global drawn
    drawn += 1
    data = np.memmap(os.path.join(out_dir, f"{split}.bin"), dtype=np.uint16, mode="r")
    ix = [(drawn * 37 + 53 * k) % (len(data) - block_size - 1) for k in range(batch_size)]
    x = torch.stack([torch.from_numpy((data[i : i + block_size]).astype(np.int64)) for i in ix])
    y = torch.stack([torch.from_numpy((data[i + 1 : i + 1 + block_size]).astype(np.int64)) for i in ix])
    return x.to(device), y.to(device)


def build(args):
    model = fill(Model(Config(**args)), 0.2)
    decay = [p for p in model.parameters() if p.dim() >= 2]
    rest = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    return model, torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.95))


@torch.no_grad()
def estimate_loss(model):
    out = {}
    model.eval()
    for split in ["train", "val"]:
        losses = torch.zeros(eval_iters)
        for k in range(eval_iters):
            with ctx:
                losses[k] = model(*get_batch(split))[1].item()
        out[split] = losses.mean()
    model.train()
    return out


def train(model, optimizer, start, stop):
    for it in range(start, stop):
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * min(1.0, (it + 1) / 4)
        with ctx:
            loss = model(*get_batch("train"))[1]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        print(f"iter {it}: loss {loss.item():.4f}")


model_args = dict(n_embd=16, bias=True)
model, optimizer = build(model_args)
train(model, optimizer, 0, 8)
losses = estimate_loss(model)
print(f"train loss {losses['train']:.4f}, val loss {losses['val']:.4f}")
path = os.path.join(out_dir, "ckpt.pt")
torch.save(
    {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "model_args": model_args,
        "iter_num": 8,
        "best_val_loss": losses["val"],
        "config": {"dataset": "fox", "always_save": True, "grad_clip": 1.0, "eval_only": None},
        "drawn": drawn,
    },
    path,
)
train(model, optimizer, 8, 12)
checkpoint = torch.load(path, map_location=device)
model, optimizer = build(checkpoint["model_args"])
model.load_state_dict(checkpoint["model"])
optimizer.load_state_dict(checkpoint["optimizer"])
drawn = checkpoint["drawn"]
print(f"resumed: {checkpoint['best_val_loss']:.4f}", checkpoint["config"], model.head.weight is model.wte.weight)
train(model, optimizer, checkpoint["iter_num"], 12)
model.eval()
start = torch.tensor([stoi[c] for c in "the "], dtype=torch.long, device=device)[None, ...]
print("".join(chars[i] for i in model.generate(start, 12, temperature=0.8, top_k=3)[0].tolist()))
