import torch
import torch.nn as nn
from fixed import fill


class Seq2Seq(nn.Module):
    def __init__(self, vocab=6, hidden=10):
        super().__init__()
        self.embed = nn.Embedding(vocab, hidden)
        self.encoder, self.decoder = nn.GRUCell(hidden, hidden), nn.GRUCell(hidden, hidden)
        self.out = nn.Linear(hidden, vocab)

    def forward(self, src, tgt):
        h = torch.zeros(src.size(0), 10)
        for t in range(src.size(1)):
            h = self.encoder(self.embed(src[:, t]), h)
        logits, token = [], torch.zeros(src.size(0), dtype=torch.long)
        for t in range(tgt.size(1)):
            h = self.decoder(self.embed(token), h)
            logits.append(self.out(h))
            token = tgt[:, t]
        return torch.stack(logits, dim=1)


src = torch.tensor([[1 + (i * j + i) % 5 for j in range(4)] for i in range(12)])
tgt = torch.flip(src, [1])
model = fill(Seq2Seq())
opt = torch.optim.RMSprop(model.parameters(), lr=0.01)
for step in range(10):
    loss = nn.functional.cross_entropy(model(src, tgt).permute(0, 2, 1), tgt)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(f"{loss.item():.3f}")
