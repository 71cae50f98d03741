import torch
import torch.nn as nn
from fixed import fill

text = "hello world, hello lecture. "
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
itos = {i: c for c, i in stoi.items()}
data = torch.tensor([stoi[c] for c in text * 3], dtype=torch.long)


class CharRNN(nn.Module):
    def __init__(self, vocab, hidden=16):
        super().__init__()
        self.embed = nn.Embedding(vocab, hidden)
        self.rnn = nn.RNN(hidden, hidden, batch_first=True)
        self.head = nn.Linear(hidden, vocab)

    def forward(self, x, h=None):
        out, h = self.rnn(self.embed(x), h)
        return self.head(out), h


model = fill(CharRNN(len(chars)), 0.3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
criterion = nn.CrossEntropyLoss()
x, y = data[:-1].unsqueeze(0), data[1:].unsqueeze(0)
for epoch in range(30):
    logits, _ = model(x)
    loss = criterion(logits.view(-1, len(chars)), y.view(-1))
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if epoch % 10 == 9:
        print(epoch, f"{loss.item():.3f}")
token, h, out = torch.tensor([[stoi["h"]]]), None, "h"
with torch.no_grad():
    for _ in range(10):
        logits, h = model(token, h)
        token = logits[:, -1].argmax(dim=-1, keepdim=True)
        out += itos[token.item()]
print(out)
