import random

import torch
import torch.nn as nn
import torch.optim as optim
from fixed import fill

random.seed(3)
policy = fill(nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)), 0.2)
optimizer = optim.Adam(policy.parameters(), lr=0.05)
for episode in range(15):
    log_probs, rewards, position = [], [], 1
    for _ in range(6):
        state = torch.zeros(3)
        state[position] = 1.0
        probs = torch.softmax(policy(state), dim=-1)
        action = 0 if random.random() < probs[0].item() else 1
        log_probs.append(torch.log(probs[action]))
        position = min(2, max(0, position + (1 if action else -1)))
        rewards.append(1.0 if position == 2 else 0.0)
    returns, R = [], 0.0
    for r in rewards[::-1]:
        R = r + 0.9 * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + 1e-6)
    loss = -(torch.stack(log_probs) * returns).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(episode, sum(rewards), f"{loss.item():.3f}")
