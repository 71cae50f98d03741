import torch
from fixed import fill, wave
from torch import nn

x, y = wave(40, 3), wave(40, 1, step=0.31)
train, valid = slice(0, 30), slice(30, 40)
model = fill(nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 1)))
opt = torch.optim.Adam(model.parameters(), lr=0.05)
best, patience, best_state = float("inf"), 0, None
for epoch in range(100):
    model.train()
    opt.zero_grad()
    nn.MSELoss()(model(x[train]), y[train]).backward()
    opt.step()
    model.eval()
    with torch.no_grad():
        loss = nn.MSELoss()(model(x[valid]), y[valid]).item()
    if loss < best:
        best, patience, best_state = loss, 0, {k: v.clone() for k, v in model.state_dict().items()}
    else:
        patience += 1
        if patience >= 5:
            break
model.load_state_dict(best_state)
print(epoch, f"{best:.4f}")
