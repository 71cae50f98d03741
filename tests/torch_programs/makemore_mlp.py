import torch
import torch.nn.functional as F
from fixed import wave

words = ["emma", "olivia", "ava", "isabella", "sophia", "mia", "amelia", "harper", "evelyn"]
chars = sorted(set("".join(words)))
stoi = {s: i + 1 for i, s in enumerate(chars)}
stoi["."] = 0
block_size, X, Y = 3, [], []
for w in words:
    context = [0] * block_size
    for ch in w + ".":
        X.append(context)
        Y.append(stoi[ch])
        context = context[1:] + [stoi[ch]]
X, Y = torch.tensor(X), torch.tensor(Y)
C = wave(len(stoi), 2)
W1, b1 = wave(6, 20, scale=0.3), wave(20, scale=0.01)
W2, b2 = wave(20, len(stoi), scale=0.1), torch.zeros(len(stoi))
bngain, bnbias = torch.ones((1, 20)), torch.zeros((1, 20))
parameters = [C, W1, b1, W2, b2, bngain, bnbias]
print(sum(p.nelement() for p in parameters))
for p in parameters:
    p.requires_grad = True
for i in range(30):
    emb = C[X]
    hpre = emb.view(emb.shape[0], -1) @ W1 + b1
    hpre = bngain * (hpre - hpre.mean(0, keepdim=True)) / hpre.std(0, keepdim=True) + bnbias
    logits = torch.tanh(hpre) @ W2 + b2
    loss = F.cross_entropy(logits, Y)
    for p in parameters:
        p.grad = None
    loss.backward()
    lr = 0.1 if i < 20 else 0.01
    for p in parameters:
        p.data += -lr * p.grad
    if i % 10 == 0:
        print(f"{i:7d}/{30:7d}: {loss.item():.4f}")
print(f"{loss.item():.4f}")
