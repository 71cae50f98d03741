import torch
import torch.nn as nn
from fixed import fill, wave
from torch import distributions
from torch.distributions import Bernoulli, Categorical, Normal, kl_divergence


class VAE(nn.Module):
    def __init__(self, pixels=12, latent=2):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(pixels, 16), nn.ReLU(), nn.Linear(16, 2 * latent))
        self.decoder = nn.Sequential(nn.Linear(latent, 16), nn.ReLU(), nn.Linear(16, pixels))

    def forward(self, x, noise):
        loc, log_scale = self.encoder(x).chunk(2, dim=-1)
        q = Normal(loc, torch.exp(0.5 * log_scale))
        return q, Bernoulli(logits=self.decoder(q.loc + noise * q.scale))


model = fill(VAE(), 0.3)
images = (wave(24, 12, step=0.9) > 0).float()
prior = Normal(torch.zeros(2), torch.ones(2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(6):
    q, p = model(images, wave(24, 2, step=1.1 + epoch))
    log_likelihood = p.log_prob(images).sum(-1)
    kl = kl_divergence(q, prior).sum(-1)
    loss = (kl - log_likelihood).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"{epoch} ELBO {-loss.item():.4f}  KL {kl.mean().item():.4f}  entropy {p.entropy().mean().item():.4f}")
print(p.sample().shape, p.mean[0, :3], p.variance[0, :3], Bernoulli(0.3))
print(Bernoulli(torch.tensor([0.0, 1.0])).sample((2,)))

table = torch.tensor([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]], requires_grad=True)
c, uniform = Categorical(table), Categorical(logits=torch.zeros(2, 3))
print(c, uniform, c.log_prob(torch.tensor([[1, 1], [2, 0]])).detach(), c.entropy(), c.perplexity())
print(kl_divergence(c, uniform), kl_divergence(uniform, c), Categorical(torch.tensor([0.0, 3.0])).sample((4,)))
print(kl_divergence(Bernoulli(torch.tensor([0.1, 0.0, 1.0])), Bernoulli(torch.tensor([0.3, 0.5, 0.5]))))
(kl_divergence(c, uniform) + c.entropy()).sum().backward()
print(table.grad)
try:
    c.log_prob(torch.tensor([3, 0]))
except ValueError:
    print("ValueError")
print(isinstance(p, distributions.Distribution), c.batch_shape, c.event_shape, prior.has_rsample)
