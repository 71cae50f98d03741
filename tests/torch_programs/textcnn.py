import torch
import torch.nn as nn
import torch.nn.functional as F
from fixed import fill, wave

texts = ["good great fun", "bad boring slow plot", "great plot and fun", "slow bad", "boring", "fun good fun great"]
labels = torch.tensor([1, 0, 1, 0, 0, 1])
vocab = {"<pad>": 0}
for text in texts:
    for word in text.split():
        vocab.setdefault(word, len(vocab))


def encode(text, length=6):
    ids = [vocab[w] for w in text.split()]
    return ids + [vocab["<pad>"]] * (length - len(ids))


class TextCNN(nn.Module):
    """Kim's network: filters of several widths over word vectors, the largest of each over time."""

    def __init__(self, vocab_size, embed_dim=5, n_filters=4, filter_sizes=(2, 3), dropout=0.0):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed_dim, padding_idx=0)
        self.convs = nn.ModuleList([nn.Conv1d(embed_dim, n_filters, kernel_size=fs) for fs in filter_sizes])
        self.fc = nn.Linear(len(filter_sizes) * n_filters, 2)
        self.dropout = nn.Dropout(dropout)

    def forward(self, text):
        embedded = self.embedding(text).permute(0, 2, 1)
        conved = [F.relu(conv(embedded)) for conv in self.convs]
        pooled = [F.max_pool1d(conv, conv.shape[2]).squeeze(2) for conv in conved]
        return self.fc(self.dropout(torch.cat(pooled, dim=1)))


class Chomp1d(nn.Module):
    def __init__(self, chomp_size):
        super().__init__()
        self.chomp_size = chomp_size

    def forward(self, x):
        return x[:, :, : -self.chomp_size].contiguous()


class TemporalBlock(nn.Module):
    """A block of a temporal convolutional network: dilated filters that see the past alone."""

    def __init__(self, n_inputs, n_outputs, kernel_size, dilation):
        super().__init__()
        padding = (kernel_size - 1) * dilation
        self.net = nn.Sequential(
            nn.Conv1d(n_inputs, n_outputs, kernel_size, padding=padding, dilation=dilation),
            Chomp1d(padding),
            nn.ReLU(),
            nn.Conv1d(n_outputs, n_outputs, kernel_size, padding=padding, dilation=dilation),
            Chomp1d(padding),
        )
        self.downsample = nn.Conv1d(n_inputs, n_outputs, 1) if n_inputs != n_outputs else None

    def forward(self, x):
        res = x if self.downsample is None else self.downsample(x)
        return F.relu(self.net(x) + res)


x = torch.tensor([encode(t) for t in texts])
model = TextCNN(len(vocab))
fill(model)
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
for epoch in range(12):
    optimizer.zero_grad()
    logits = model(x)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    optimizer.step()
print(f"text: {loss.item():.4f}", (model(x).argmax(1) == labels).float().mean().item())

series = wave(1, 1, 40, step=0.35)
tcn = nn.Sequential(TemporalBlock(1, 4, 3, 1), TemporalBlock(4, 4, 3, 2), nn.Conv1d(4, 1, 1))
fill(tcn)
optimizer = torch.optim.RMSprop(tcn.parameters(), lr=0.01)
for step in range(15):
    optimizer.zero_grad()
    loss = F.mse_loss(tcn(series[:, :, :-1]), series[:, :, 1:])
    loss.backward()
    optimizer.step()
print(f"series: {loss.item():.4f}")
changed = series.clone()
changed[:, :, 30:] = 0
with torch.no_grad():
    print(torch.allclose(tcn(series)[:, :, :30], tcn(changed)[:, :, :30], atol=1e-5))
