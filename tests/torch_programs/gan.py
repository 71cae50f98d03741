import torch
import torch.nn as nn
from fixed import fill, wave

G = fill(nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 2)))
D = fill(nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2, inplace=True), nn.Linear(8, 1), nn.Sigmoid()))
criterion = nn.BCELoss()
optG = torch.optim.Adam(G.parameters(), lr=0.01, betas=(0.5, 0.999))
optD = torch.optim.Adam(D.parameters(), lr=0.01, betas=(0.5, 0.999))
real = wave(16, 2) * 0.5 + torch.tensor([1.0, -1.0])
ones, zeros = torch.full((16, 1), 1.0), torch.full((16, 1), 0.0)
for step in range(10):
    noise = wave(16, 2, step=0.9 + step)
    D.zero_grad()
    lossD = criterion(D(real), ones) + criterion(D(G(noise).detach()), zeros)
    lossD.backward()
    optD.step()
    G.zero_grad()
    lossG = criterion(D(G(noise)), ones)
    lossG.backward()
    optG.step()
    print("[%d] D %.4f G %.4f" % (step, lossD.item(), lossG.item()))
