import torch
import torch.nn as nn
from fixed import fill, wave
from torch.distributions import Normal
from torch.distributions.kl import kl_divergence


class ActorCritic(nn.Module):
    def __init__(self, states, actions):
        super().__init__()
        self.actor = nn.Sequential(nn.Linear(states, 16), nn.Tanh(), nn.Linear(16, actions), nn.Tanh())
        self.critic = nn.Sequential(nn.Linear(states, 16), nn.Tanh(), nn.Linear(16, 1))
        self.log_std = nn.Parameter(torch.zeros(1, actions))

    def forward(self, x):
        mu = self.actor(x)
        return Normal(mu, self.log_std.exp().expand_as(mu)), self.critic(x)


model = fill(ActorCritic(3, 2), 0.5)
states = wave(32, 3)
dist, value = model(states)
actions = (dist.mean + dist.stddev * wave(32, 2, step=1.3)).detach()
old_log_probs = dist.log_prob(actions).sum(-1).detach()
old = Normal(dist.loc.detach(), dist.scale.detach())
returns = torch.sin(actions.sum(-1, keepdim=True)) + states[:, :1]
advantages = returns - value.detach()
advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(8):
    dist, value = model(states)
    ratio = (dist.log_prob(actions).sum(-1) - old_log_probs).exp()
    clipped = torch.clamp(ratio, 0.8, 1.2)
    actor_loss = -torch.min(ratio * advantages.squeeze(1), clipped * advantages.squeeze(1)).mean()
    critic_loss = (returns - value).pow(2).mean()
    loss = 0.5 * critic_loss + actor_loss - 0.001 * dist.entropy().mean()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    optimizer.step()
    print(epoch, f"{loss.item():.4f} {kl_divergence(old, dist).sum(-1).mean().item():.5f} {ratio.max().item():.4f}")
torch.manual_seed(0)
draws = dist.rsample((2000,))
print(draws.shape, draws.requires_grad, dist.sample().requires_grad, f"{draws.detach().std(0).mean().item():.1f}")
print(Normal(0.0, 1.0), dist, dist.variance[0], dist.cdf(actions)[0])
print(Normal(0.0, torch.tensor([1.0, 2.0])).log_prob(torch.tensor(0.5)), Normal(0, 1).entropy())
