import torch
import torch.nn as nn
import torch.nn.functional as F
from fixed import fill, wave


class Mixtral(nn.Module):
    def __init__(self, d, n, k):
        super().__init__()
        self.gate = nn.Linear(d, n, bias=False)
        self.experts = nn.ModuleList([nn.Linear(d, d) for _ in range(n)])
        self.n, self.k = n, k

    def forward(self, hidden_states):
        batch, length, dim = hidden_states.shape
        hidden_states = hidden_states.view(-1, dim)
        router_logits = self.gate(hidden_states)
        weights = F.softmax(router_logits, dim=1, dtype=torch.float)
        weights, selected = torch.topk(weights, self.k, dim=-1)
        weights /= weights.sum(dim=-1, keepdim=True)
        final = torch.zeros((batch * length, dim), dtype=hidden_states.dtype, device=hidden_states.device)
        expert_mask = F.one_hot(selected, num_classes=self.n).permute(2, 1, 0)
        for e in range(self.n):
            idx, top_x = torch.where(expert_mask[e])
            state = hidden_states[None, top_x].reshape(-1, dim)
            final.index_add_(0, top_x, self.experts[e](state) * weights[top_x, idx, None])
        return final.reshape(batch, length, dim), router_logits


x = wave(2, 5, 6)
y = torch.sin(3 * x)
for model in (fill(Mixtral(6, 4, 2)), fill(Mixtral(6, 4, 1))):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for step in range(30):
        out, gates = model(x)
        importance = gates.softmax(-1).reshape(-1, 4).sum(dim=0)
        balance = (importance.std() / importance.mean()) ** 2
        loss = F.mse_loss(out, y) + 0.01 * balance
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 9:
            print(f"{loss.item():.4f} {balance.item():.4f}")
    print([f"{v:.2f}" for v in importance.tolist()], torch.bincount(gates.argmax(-1).view(-1), minlength=4).tolist())
