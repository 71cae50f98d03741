"""Learning rates: its own warm-up, then ReduceLROnPlateau, changes by hand, and a checkpoint in between."""

import io
import math

import torch
from fixed import fill, wave
from torch import nn, optim
from torch.optim.lr_scheduler import _LRScheduler


class WarmUp(_LRScheduler):
    """A linear warm-up over the first batches."""

    def __init__(self, optimizer, total_iters, last_epoch=-1):
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        return [base_lr * min(1.0, (self.last_epoch + 1) / (self.total_iters + 1)) for base_lr in self.base_lrs]


def adjust_learning_rate(optimizer, factor):
    for param_group in optimizer.param_groups:
        param_group["lr"] = param_group["lr"] * factor


def rates(optimizer):
    return [float(f"{group['lr']:.6g}") for group in optimizer.param_groups]


def build():
    model = fill(nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1)))
    optimizer = optim.Adam(
        [{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 0.005, "name": "head"}],
        lr=0.02,
        betas=(0.9, 0.98),
    )
    warmup = WarmUp(optimizer, 4)
    plateau = optim.lr_scheduler.ReduceLROnPlateau(optimizer, "min", factor=0.5, patience=1, threshold=0.02, cooldown=1)
    return model, optimizer, warmup, plateau


x = wave(20, 3)
y = (x**2).sum(1, keepdim=True)
criterion = nn.MSELoss()


def train_epoch(epoch, model, optimizer, warmup, plateau):
    total = 0.0
    for i in range(0, len(x), 5):
        optimizer.zero_grad()
        loss = criterion(model(x[i : i + 5]), y[i : i + 5])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        if epoch < 1:
            warmup.step()
        total += loss.item()
    plateau.step(total)
    print(f"epoch {epoch} loss {total:.4f} lr {rates(optimizer)} bad {plateau.num_bad_epochs} best {plateau.best:.4f}")


model, optimizer, warmup, plateau = build()
print(rates(optimizer), [float(f"{lr:.6g}") for lr in warmup.get_last_lr()])
for epoch in range(6):
    train_epoch(epoch, model, optimizer, warmup, plateau)
adjust_learning_rate(optimizer, 3)

file = io.BytesIO()
checkpoint = {
    "epoch": 6,
    "model": model.state_dict(),
    "optimizer": optimizer.state_dict(),
    "warmup": warmup.state_dict(),
    "plateau": plateau.state_dict(),
}
torch.save(checkpoint, file)
for epoch in range(6, 10):
    train_epoch(epoch, model, optimizer, warmup, plateau)

file.seek(0)
checkpoint = torch.load(file, weights_only=False)
model, optimizer, warmup, plateau = build()
model.load_state_dict(checkpoint["model"])
optimizer.load_state_dict(checkpoint["optimizer"])
warmup.load_state_dict(checkpoint["warmup"])
plateau.load_state_dict(checkpoint["plateau"])
print("resumed", rates(optimizer), optimizer.param_groups[1]["name"], warmup.last_epoch, plateau.patience)
for epoch in range(checkpoint["epoch"], 10):
    train_epoch(epoch, model, optimizer, warmup, plateau)

# two schedules on one optimiser, and one after another
model = nn.Linear(2, 1)
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
cosine = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10, eta_min=0.001)
step = optim.lr_scheduler.MultiStepLR(optimizer, [3, 6], gamma=0.3)
seen = []
for epoch in range(12):
    optimizer.step()
    if epoch == 8:
        optimizer.param_groups[0]["lr"] = 0.05
    cosine.step()
    step.step()
    seen.append(round(optimizer.param_groups[0]["lr"], 6))
print(seen)
print(cosine.get_last_lr() == [optimizer.param_groups[0]["lr"]], [round(rate, 12) for rate in step.get_last_lr()])

optimizer = optim.SGD(model.parameters(), lr=0.1)
schedule = optim.lr_scheduler.SequentialLR(
    optimizer,
    [
        optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=4),
        optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=3, T_mult=2),
        optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.8),
    ],
    milestones=[4, 10],
)
seen = []
for _ in range(14):
    seen.append(round(schedule.get_last_lr()[0], 6))
    optimizer.step()
    schedule.step()
print(seen)

optimizer = optim.AdamW(model.parameters(), lr=1e-3)
cycle = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, epochs=2, steps_per_epoch=5)
for _ in range(10):
    optimizer.step()
    print(f"{optimizer.param_groups[0]['lr']:.3e} {optimizer.param_groups[0]['betas'][0]:.4f}", end="; ")
    cycle.step()
print(f"{cycle.get_last_lr()[0]:.3e}")

optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
cyclic = optim.lr_scheduler.CyclicLR(optimizer, base_lr=0.01, max_lr=0.1, step_size_up=3, mode="triangular2")
seen = []
for _ in range(9):
    seen.append((round(cyclic.get_last_lr()[0], 4), round(optimizer.param_groups[0]["momentum"], 4)))
    optimizer.step()
    cyclic.step()
print(seen)
poly = optim.lr_scheduler.PolynomialLR(optim.SGD(model.parameters(), lr=0.4), total_iters=4, power=2.0)
for _ in range(5):
    poly.optimizer.step()
    poly.step()
    print(f"{poly.get_last_lr()[0]:.4f}", end=" ")
print(math.isclose(poly.get_last_lr()[0], 0.0))
average = optim.swa_utils.AveragedModel(model, multi_avg_fn=optim.swa_utils.get_ema_multi_avg_fn(0.9))
fill(model)
for k in range(3):
    average.update_parameters(model)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(0.5)
print([round(v, 5) for v in average.module.weight.flatten().tolist()], int(average.n_averaged))
print(optimizer)
