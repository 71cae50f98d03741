import torch
import torch.nn as nn
from fixed import fill

texts = [("good great fine", 1), ("bad awful poor", 0), ("great good", 1), ("poor bad", 0), ("fine great", 1)]
vocab = {w: i for i, w in enumerate(sorted({w for t, _ in texts for w in t.split()}))}


class Bag(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.embedding = nn.Embedding(size, 4)
        self.fc = nn.Linear(4, 2)

    def forward(self, words):
        return self.fc(self.embedding(words).mean(dim=0))


model = fill(Bag(len(vocab)))
opt = torch.optim.Adagrad(model.parameters(), lr=0.2)
loss_function = nn.NLLLoss()
for epoch in range(10):
    total = 0
    for text, label in texts:
        model.zero_grad()
        log_probs = nn.functional.log_softmax(model(torch.tensor([vocab[w] for w in text.split()])), dim=0)
        loss = loss_function(log_probs.view(1, -1), torch.tensor([label]))
        loss.backward()
        opt.step()
        total += loss.item()
    if epoch % 3 == 0:
        print(epoch, f"{total:.4f}")
