import torch
import torch.nn as nn
import torch.nn.functional as F
from fixed import fill

text = "the king rules the land the queen rules the land the dog eats the food".split()
vocab = sorted(set(text))
index = {w: i for i, w in enumerate(vocab)}
pairs = [(index[text[i]], index[text[j]]) for i in range(len(text)) for j in (i - 1, i + 1) if 0 <= j < len(text)]
centers, contexts = torch.tensor(pairs).t()


class SkipGram(nn.Module):
    def __init__(self, n, d=6):
        super().__init__()
        self.inp, self.out = nn.Embedding(n, d), nn.Embedding(n, d)

    def forward(self, c, o, negatives):
        v = self.inp(c)
        positive = F.logsigmoid((v * self.out(o)).sum(1))
        negative = F.logsigmoid(-torch.bmm(self.out(negatives), v.unsqueeze(2)).squeeze(2)).sum(1)
        return -(positive + negative).mean()


model = fill(SkipGram(len(vocab)))
opt = torch.optim.Adagrad(model.parameters(), lr=0.2)
negatives = torch.tensor([[(i * 3 + j) % len(vocab) for j in range(4)] for i in range(len(pairs))])
for epoch in range(10):
    opt.zero_grad()
    loss = model(centers, contexts, negatives)
    loss.backward()
    opt.step()
print(f"{loss.item():.4f}")
king, queen = (model.inp.weight[index[w]] for w in ("king", "queen"))
print(f"{F.cosine_similarity(king, queen, dim=0).item():.4f}")
