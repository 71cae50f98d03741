import torch
import torch.nn as nn
from fixed import fill, wave

model = fill(nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 1)))
opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
x, y = wave(32, 5), wave(32, 1, step=0.3)
steps = 4
for epoch in range(3):
    opt.zero_grad()
    for i, (xb, yb) in enumerate(zip(x.chunk(8), y.split(4))):
        loss = nn.functional.smooth_l1_loss(model(xb), yb) / steps
        loss.backward()
        if (i + 1) % steps == 0:
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=0.2)
            opt.step()
            opt.zero_grad()
            print(f"{epoch} {loss.item():.4f} {norm:.4f}")
