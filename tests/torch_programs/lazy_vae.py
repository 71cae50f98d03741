import torch
import torch.nn as nn
from fixed import fill, wave
from torch.autograd import Variable
from torch.nn.utils import weight_norm


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.LazyConv2d(2, 3, padding=1), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten())
        self.heads = nn.ModuleList([nn.LazyLinear(3)])
        self.heads += [nn.LazyLinear(3)]
        self.decode = nn.Sequential(weight_norm(nn.Linear(3, 16)), nn.Sigmoid())

    def forward(self, x):
        h = self.encode(x)
        mu, logvar = (head(h) for head in self.heads)
        std = logvar.mul(0.5).exp_()
        noise = Variable(torch.FloatTensor(std.size()).normal_())
        assert noise.size() == std.new(std.size()).size() and noise.std() > 0
        return self.decode(mu + std * wave(*noise.size())), mu, logvar


model, x = VAE(), wave(4, 1, 4, 4).sigmoid()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
print(model, model.heads[0].weight)
model(x)
model.encode[1].reset_running_stats()
print(fill(model), [name for name, _ in model.named_parameters()])
old = [torch.zeros_like(p) for p in model.parameters()]
for _ in range(3):
    y, mu, logvar = model(x)
    loss = nn.functional.binary_cross_entropy(y, x.flatten(1)) - 0.1 * (1 + logvar - mu**2 - logvar.exp()).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    for average, p in zip(old, model.parameters()):
        average.data.lerp_(p * 2, 0.2)
    print(f"{loss.item():.4f} {sum(p.sum() for p in old):.4f}")
