import torch
from fixed import fill, wave
from torch import nn
from torch.nn import functional as F


class ConvAutoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(4, 8, 3, stride=2, padding=1, padding_mode="replicate"),
            nn.ELU(inplace=True),
        )
        self.decoder = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="nearest"),
            nn.Conv2d(8, 4, 3, padding="same"),
            nn.ReLU6(inplace=True),
            nn.ConvTranspose2d(4, 1, 3, stride=2, padding=1, output_padding=1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


class SubPixel(nn.Module):
    """Super-resolution: depthwise and pointwise filters, then channels become pixels."""

    def __init__(self):
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.depthwise = nn.Conv2d(1, 4, 3, groups=1)
        self.separable = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.pointwise = nn.Conv2d(4, 4, 1)
        self.norm = nn.Sequential(nn.InstanceNorm2d(4, affine=True), nn.GroupNorm(2, 4))
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x):
        x = F.leaky_relu(self.depthwise(self.pad(x)), 0.1, inplace=True)
        return self.shuffle(self.pointwise(self.norm(self.separable(x))))


x = torch.sigmoid(wave(6, 1, 8, 8, step=0.2, scale=2.0))
model = fill(ConvAutoencoder())
print(model)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(10):
    loss = F.mse_loss(model(x), x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"{loss.item():.5f}", tuple(model.encoder(x).shape))

small = F.avg_pool2d(x, 2)
model = fill(SubPixel())
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(10):
    loss = F.l1_loss(model(small), x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"{loss.item():.5f}")

patches = F.unfold(x, kernel_size=4, stride=4)
print(tuple(patches.shape), f"{patches[0, :, 1].sum().item():.4f}")

critic = fill(nn.Sequential(nn.Conv2d(1, 3, 3), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(108, 1)))
middle = (0.3 * x + 0.7 * wave(6, 1, 8, 8)).requires_grad_(True)
scores = critic(middle)
gradients = torch.autograd.grad(
    outputs=scores, inputs=middle, grad_outputs=torch.ones_like(scores), create_graph=True, retain_graph=True
)[0]
penalty = ((gradients.view(6, -1).norm(2, dim=1) - 1) ** 2).mean()
penalty.backward()
print(f"{penalty.item():.4f} {critic[0].weight.grad.abs().sum().item():.4f}")
