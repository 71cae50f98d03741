import torch
from fixed import fill
from torch import nn
from torch.utils.data import DataLoader

news = [
    (1, "stocks fall as oil prices rise"),
    (2, "team wins the final match of the season"),
    (1, "bank raises prices for oil"),
    (2, "the coach of the team leaves after the match"),
    (1, "oil company reports a record year"),
    (2, "a record crowd watched the season start"),
]
vocab = {word: i for i, word in enumerate(sorted({word for _, text in news for word in text.split()}))}
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def collate_batch(batch):
    label_list, text_list, offsets = [], [], [0]
    for _label, _text in batch:
        label_list.append(int(_label) - 1)
        processed_text = torch.tensor([vocab[word] for word in _text.split()], dtype=torch.int64)
        text_list.append(processed_text)
        offsets.append(processed_text.size(0))
    label_list = torch.tensor(label_list, dtype=torch.int64)
    offsets = torch.tensor(offsets[:-1]).cumsum(dim=0)
    text_list = torch.cat(text_list)
    return label_list.to(device), text_list.to(device), offsets.to(device)


class TextClassificationModel(nn.Module):
    def __init__(self, vocab_size, embed_dim, num_class):
        super(TextClassificationModel, self).__init__()
        self.embedding = nn.EmbeddingBag(vocab_size, embed_dim, sparse=False)
        self.fc = nn.Linear(embed_dim, num_class)
        self.init_weights()

    def init_weights(self):
        initrange = 0.5
        self.embedding.weight.data.uniform_(-initrange, initrange)
        self.fc.weight.data.uniform_(-initrange, initrange)
        self.fc.bias.data.zero_()

    def forward(self, text, offsets):
        embedded = self.embedding(text, offsets)
        return self.fc(embedded)


dataloader = DataLoader(news, batch_size=2, shuffle=False, collate_fn=collate_batch)
model = fill(TextClassificationModel(len(vocab), 8, 2)).to(device)
criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=2.0)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1.0, gamma=0.9)
for epoch in range(1, 9):
    model.train()
    total_acc, total_count = 0, 0
    for label, text, offsets in dataloader:
        optimizer.zero_grad()
        predicted_label = model(text, offsets)
        loss = criterion(predicted_label, label)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        total_acc += (predicted_label.argmax(1) == label).sum().item()
        total_count += label.size(0)
    scheduler.step()
    print(f"| epoch {epoch:3d} | loss {loss.item():.4f} | accuracy {total_acc / total_count:8.3f}")


def predict(text):
    with torch.no_grad():
        text = torch.tensor([vocab[word] for word in text.split()])
        output = model(text, torch.tensor([0]))
        return output.argmax(1).item() + 1


print(predict("oil prices fall"), predict("the match of the season"))
