import torch
import torch.nn as nn
from fixed import fill, wave

X = wave(60, 2) * 2
y = ((X[:, 0] - X[:, 1]) > 0.3).float().unsqueeze(1)
model = fill(nn.Linear(2, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5, weight_decay=1e-3)
for epoch in range(40):
    optimizer.zero_grad()
    loss = criterion(model(X), y)
    loss.backward()
    optimizer.step()
with torch.inference_mode():
    predicted = torch.sigmoid(model(X)).round()
    accuracy = predicted.eq(y).sum() / float(y.shape[0])
print(f"loss {loss.item():.4f} accuracy {accuracy:.4f}")
