import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from fixed import fill, wave


class MultiHead(nn.Module):
    def __init__(self, d_model, heads):
        super().__init__()
        self.heads, self.d_k = heads, d_model // heads
        self.linears = nn.ModuleList([nn.Linear(d_model, d_model) for _ in range(4)])

    def forward(self, query, key, value, mask=None):
        n = query.size(0)
        q, k, v = [
            lin(x).view(n, -1, self.heads, self.d_k).transpose(1, 2)
            for lin, x in zip(self.linears, (query, key, value))
        ]
        scores = torch.matmul(q, k.transpose(-2, -1)) / math.sqrt(self.d_k)
        if mask is not None:
            scores = scores.masked_fill(mask == 0, -1e9)
        weights = F.softmax(scores, dim=-1)
        x = torch.matmul(weights, v).transpose(1, 2).contiguous().view(n, -1, self.heads * self.d_k)
        return self.linears[-1](x), weights


pe = torch.zeros(6, 8)
position = torch.arange(0, 6).unsqueeze(1)
div_term = torch.exp(torch.arange(0, 8, 2) * -(math.log(10000.0) / 8))
pe[:, 0::2] = torch.sin(position * div_term)
pe[:, 1::2] = torch.cos(position * div_term)
mask = (1 - torch.triu(torch.ones(1, 6, 6), diagonal=1)).type(torch.uint8).unsqueeze(1)
x = wave(2, 6, 8) + pe
out, weights = fill(MultiHead(8, 2))(x, x, x, mask)
print(f"{out.sum().item():.3f}", weights[0, 0].sum(-1).tolist()[:2], f"{weights[1, 1, 3, 2].item():.4f}")
