import argparse
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from fixed import fill
from torch.distributions import Categorical

parser = argparse.ArgumentParser()
parser.add_argument("--gamma", type=float, default=0.9)
parser.add_argument("--entropy", type=float, default=0.01)
args = parser.parse_args([])
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine = nn.Linear(4, 16)
        self.dropout = nn.Dropout(p=0.0)
        self.action_head = nn.Linear(16, 3)
        self.value_head = nn.Linear(16, 1)
        self.saved, self.rewards, self.entropies = [], [], []

    def forward(self, x):
        x = F.relu(self.dropout(self.affine(x)))
        return F.softmax(self.action_head(x), dim=-1), self.value_head(x)


class Corridor:
    """Walk to the right end; the action 1 stays."""

    def reset(self):
        self.place, self.steps = 1, 0
        return self.state()

    def state(self):
        return [float(self.place == i) for i in range(4)]

    def step(self, action):
        self.place = min(3, max(0, self.place + action - 1))
        self.steps += 1
        return self.state(), float(self.place == 3), self.steps == 8


def choose(distribution):
    """A draw from Python's stream, which is the same everywhere."""
    number, total = random.random(), 0.0
    for action, p in enumerate(distribution.probs.tolist()):
        total += p
        if number < total:
            return torch.tensor(action)
    return torch.tensor(action)


random.seed(1)
with device:
    model = fill(Policy(), 0.3)
optimizer = optim.Adam(model.parameters(), lr=3e-2)
env = Corridor()
running = 0.0
for episode in range(12):
    state, done = env.reset(), False
    while not done:
        probs, value = model(torch.tensor(state).unsqueeze(0))
        m = Categorical(probs.squeeze(0))
        assert 0 <= m.sample().item() < 3
        action = choose(m)
        model.saved.append((m.log_prob(action), value))
        model.entropies.append(m.entropy())
        state, reward, done = env.step(action.item())
        model.rewards.append(reward)
    R, returns = 0, []
    for r in model.rewards[::-1]:
        R = r + args.gamma * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + torch.finfo(torch.float32).eps)
    policy_losses, value_losses = [], []
    for (log_prob, value), R in zip(model.saved, returns):
        policy_losses.append(-log_prob * (R - value.item()))
        value_losses.append(F.smooth_l1_loss(value.squeeze(), R))
    loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum()
    loss = loss - args.entropy * torch.stack(model.entropies).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    running = 0.05 * sum(model.rewards) + 0.95 * running
    print(f"Episode {episode}\tLast reward: {sum(model.rewards):.2f}\tAverage reward: {running:.3f}\tloss {loss:.3f}")
    del model.saved[:], model.rewards[:], model.entropies[:]
print(m, m.batch_shape, m.sample((2, 3)).shape, m.sample().dtype)
