import torch
import torch.nn as nn
from fixed import fill, wave


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(16, 8), nn.ReLU(True), nn.Linear(8, 3))
        self.decoder = nn.Sequential(nn.Linear(3, 8), nn.ReLU(inplace=True), nn.Linear(8, 16), nn.Sigmoid())

    def forward(self, x):
        return self.decoder(self.encoder(x))


x = torch.sigmoid(wave(20, 16))
model = fill(Autoencoder())
opt = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-5)
criterion = nn.MSELoss()
for epoch in range(20):
    out = model(x)
    loss = criterion(out, x)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(f"{loss.item():.5f}", tuple(model.encoder(x).shape))
