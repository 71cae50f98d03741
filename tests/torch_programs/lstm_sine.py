import math

import torch
import torch.nn as nn
from fixed import fill

series = torch.tensor([math.sin(i / 4) for i in range(60)])
x = torch.stack([series[i : i + 10] for i in range(49)]).unsqueeze(-1)
y = series[10:59].unsqueeze(-1)


class Forecast(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 12, batch_first=True)
        self.fc = nn.Linear(12, 1)

    def forward(self, x):
        out, (h, c) = self.lstm(x)
        return self.fc(out[:, -1, :])


model = fill(Forecast())
loss_fn = nn.MSELoss()
opt = torch.optim.Adam(model.parameters(), lr=0.02)
for epoch in range(15):
    opt.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    opt.step()
    if epoch % 5 == 4:
        print(f"Epoch {epoch + 1}, Loss: {loss.item():.4f}")
