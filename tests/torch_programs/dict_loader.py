import torch
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    WeightedRandomSampler,
    random_split,
)


class Rows(Dataset):
    def __init__(self, start, n):
        self.start, self.n = start, n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        v = self.start + i
        return {"x": torch.tensor([v, v * 2.0]), "label": v % 3, "name": f"row{v}", "pair": (v, float(v))}


class Stream(IterableDataset):
    def __iter__(self):
        yield from range(7)


data = ConcatDataset([Rows(0, 4), Rows(100, 3)])
for batch in DataLoader(data, batch_size=3):
    print(batch["x"].tolist(), batch["label"].tolist(), batch["name"], [p.tolist() for p in batch["pair"]])
print(len(DataLoader(data, batch_size=3, drop_last=True)), data[-1]["name"])
print([b.tolist() for b in DataLoader(Stream(), batch_size=3)])
batches = BatchSampler(SequentialSampler(data), batch_size=2, drop_last=False)
print([b["label"].tolist() for b in DataLoader(data, batch_sampler=batches)])
print(DataLoader(data, batch_size=7, collate_fn=lambda rows: [r["name"] for r in rows]).__iter__().__next__())
print(sorted(i for i in RandomSampler(range(5))), len(list(WeightedRandomSampler([0.1, 0.9], 4))))
a, b = random_split(Rows(0, 10), [7, 3])
print(len(a), len(b), sorted(int(i) for part in (a, b) for i in part.indices))
print(Subset(Rows(0, 5), [4, 0])[0]["name"], sum(len(b["name"]) for b in DataLoader(Rows(0, 9), 4, shuffle=True)))
