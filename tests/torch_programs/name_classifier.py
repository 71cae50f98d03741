import string

import torch
import torch.nn as nn
from fixed import fill
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

names = {
    "Italian": ["Rossi", "Bianchi", "Esposito", "Romano", "Colombo", "Ricci"],
    "German": ["Schmidt", "Schneider", "Fischer", "Weber", "Schulz", "Koch"],
    "Japanese": ["Sato", "Suzuki", "Takahashi", "Tanaka", "Watanabe", "Ito"],
}
categories = sorted(names)
letters = string.ascii_letters


class NamesDataset(Dataset):
    def __init__(self):
        self.data = [(name, categories.index(category)) for category in categories for name in names[category]]

    def __len__(self):
        return len(self.data)

    def __getitem__(self, idx):
        name, label = self.data[idx]
        return torch.tensor([letters.index(c) + 1 for c in name]), label


def collate_fn(batch):
    sequences, labels = zip(*batch)
    lengths = torch.tensor([len(s) for s in sequences])
    return pad_sequence(sequences, batch_first=True, padding_value=0), lengths, torch.tensor(labels)


class NameClassifier(nn.Module):
    def __init__(self, vocab_size, embedding_dim, hidden_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=0)
        self.lstm = nn.LSTM(embedding_dim, hidden_size, num_layers=2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * hidden_size, num_classes)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(self.embedding(x), lengths.cpu(), batch_first=True, enforce_sorted=False)
        packed_output, (hidden, cell) = self.lstm(packed)
        output, output_lengths = pad_packed_sequence(packed_output, batch_first=True)
        assert output.shape[:2] == x.shape and torch.equal(output_lengths, lengths)
        hidden = torch.cat((hidden[-2], hidden[-1]), dim=1)
        return nn.functional.log_softmax(self.fc(hidden), dim=1), output


loader = DataLoader(NamesDataset(), batch_size=6, shuffle=False, collate_fn=collate_fn)
model = fill(NameClassifier(len(letters) + 1, 8, 10, len(categories)))
criterion = nn.NLLLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(12):
    model.train()
    running_loss = 0.0
    for inputs, lengths, labels in loader:
        optimizer.zero_grad()
        outputs, _ = model(inputs, lengths)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item() * inputs.size(0)
    if epoch % 3 == 2:
        print(f"Epoch {epoch + 1}: loss {running_loss / len(loader.dataset):.3f}")
model.eval()
with torch.no_grad():
    inputs, lengths, labels = next(iter(loader))
    scores, output = model(inputs, lengths)
    print([categories[i] for i in scores.argmax(dim=1).tolist()], tuple(output.shape))
    print(output[0, lengths[0] :].abs().sum().item())
