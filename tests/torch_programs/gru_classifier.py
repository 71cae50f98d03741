import torch
from fixed import fill, wave
from torch import nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(input_size=3, hidden_size=8, num_layers=2, batch_first=True)
        self.out = nn.Linear(8, 2)

    def forward(self, x):
        _, h = self.gru(x)
        return self.out(h[-1])


x = wave(16, 5, 3)
y = (x.sum(dim=(1, 2)) > 0).long()
model = fill(Classifier())
opt = torch.optim.Adam(model.parameters(), lr=0.05)
for step in range(10):
    loss = nn.functional.cross_entropy(model(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(f"{loss.item():.4f}")
print((model(x).argmax(1) == y).float().mean().item())
