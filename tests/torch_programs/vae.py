import torch
import torch.nn.functional as F
from fixed import fill, wave
from torch import nn


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(12, 10)
        self.fc21, self.fc22 = nn.Linear(10, 2), nn.Linear(10, 2)
        self.fc3, self.fc4 = nn.Linear(2, 10), nn.Linear(10, 12)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + wave(*std.shape, step=1.7) * std

    def forward(self, x):
        h = F.relu(self.fc1(x))
        mu, logvar = self.fc21(h), self.fc22(h)
        z = self.reparameterize(mu, logvar)
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar


def loss_function(recon, x, mu, logvar):
    bce = F.binary_cross_entropy(recon, x, reduction="sum")
    return bce - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


x = (wave(16, 12) > 0).float()
model = fill(VAE())
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
for _ in range(10):
    opt.zero_grad()
    loss = loss_function(*((r := model(x))[0], x, r[1], r[2]))
    loss.backward()
    opt.step()
    print(f"{loss.item() / len(x):.4f}")
