import torch
import torch.nn as nn
import torch.nn.functional as F
from fixed import fill

PAD = 0
texts = [[1 + (3 * i + 2 * j * j) % 9 for j in range(3 + i % 5)] for i in range(24)]
labels = torch.tensor([int(sum(text) / len(text) > 5) for text in texts])
batch = torch.full((len(texts), max(map(len, texts))), PAD)
for row, text in enumerate(texts):
    batch[row, : len(text)] = torch.tensor(text)


class TransformerClassifier(nn.Module):
    def __init__(self, vocab_size=10, d_model=16, nhead=4, num_layers=2, num_classes=2, max_len=16):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model, padding_idx=PAD)
        self.position = nn.Parameter(torch.zeros(1, max_len, d_model))
        encoder_layer = nn.TransformerEncoderLayer(
            d_model=d_model, nhead=nhead, dim_feedforward=32, dropout=0.0, activation="gelu", batch_first=True
        )
        self.encoder = nn.TransformerEncoder(encoder_layer, num_layers=num_layers, norm=nn.LayerNorm(d_model))
        self.classifier = nn.Linear(d_model, num_classes)

    def forward(self, x):
        padding_mask = x == PAD
        h = self.embedding(x) + self.position[:, : x.size(1)]
        h = self.encoder(h, src_key_padding_mask=padding_mask)
        h = h.masked_fill(padding_mask.unsqueeze(-1), 0.0)
        h = h.sum(dim=1) / (~padding_mask).sum(dim=1, keepdim=True)
        return self.classifier(h)


model = fill(TransformerClassifier(), 0.3)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.005, weight_decay=0.01)
for epoch in range(1, 16):
    model.train()
    logits = model(batch)
    loss = F.cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    model.eval()
    with torch.no_grad():
        logits = model(batch)
        accuracy = (logits.argmax(dim=-1) == labels).float().mean().item()
    if epoch % 5 == 0:
        print(f"epoch {epoch:2d}  loss {loss.item():.3f}  accuracy {accuracy:.3f}")
with torch.no_grad():
    x = model.embedding(batch[:2, :6])
    padding = batch[:2, :6] == PAD
    encoded = model.encoder(x, src_key_padding_mask=padding).masked_fill(padding.unsqueeze(-1), 0.0)
    print([f"{v:.3f}" for v in encoded.mean(dim=(1, 2)).tolist()])
attention = model.encoder.layers[0].self_attn
out, weights = attention(x, x, x, key_padding_mask=padding)
print(tuple(out.shape), [f"{w:.2f}" for w in weights[0, 0].tolist()])
