import collections
import itertools
import random

import numpy as np
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    get_worker_info,
    random_split,
)
from torch.utils.data.sampler import SequentialSampler


class Faces(Dataset):
    def __init__(self, n, transform=None):
        self.n, self.transform = n, transform

    def __len__(self):
        return self.n

    def __getitem__(self, idx):
        if torch.is_tensor(idx):
            idx = idx.tolist()
        image = np.full((2, 3, 1), idx, dtype=np.float32)
        sample = {"image": image, "marks": np.array([idx, idx + 1.0]), "id": f"im{idx}"}
        return self.transform(sample) if self.transform else sample


class ToTensor:
    def __call__(self, sample):
        return {**sample, "image": torch.from_numpy(sample["image"].transpose((2, 0, 1)))}


for i, batch in enumerate(DataLoader(Faces(5, ToTensor()), batch_size=3, num_workers=0, pin_memory=False)):
    print(i, batch["image"].size(), batch["marks"], batch["id"])
    moved = {k: v.to("cpu", non_blocking=True) if torch.is_tensor(v) else v for k, v in batch.items()}
    print({k: v.dtype for k, v in moved.items() if torch.is_tensor(v)})


def collate_offsets(batch):
    labels, texts, offsets = [], [], [0]
    for label, text in batch:
        labels.append(label)
        texts.append(torch.tensor(text, dtype=torch.int64))
        offsets.append(len(text))
    return torch.tensor(labels), torch.cat(texts), torch.tensor(offsets[:-1]).cumsum(dim=0)


texts = [list(range(n)) for n in (3, 9, 4, 8, 2, 7)]
for labels, flat, offsets in DataLoader(list(zip([0, 1, 0, 1, 0, 1], texts)), batch_size=4, collate_fn=collate_offsets):
    print(labels, len(flat), offsets)


class BucketBatchSampler(Sampler):
    def __init__(self, lengths, batch_size):
        self.order = sorted(range(len(lengths)), key=lambda i: lengths[i])
        self.batch_size = batch_size

    def __iter__(self):
        batches = [self.order[i : i + self.batch_size] for i in range(0, len(self.order), self.batch_size)]
        random.shuffle(batches)
        return iter(batches)

    def __len__(self):
        return -(-len(self.order) // self.batch_size)


buckets = DataLoader(texts, batch_sampler=BucketBatchSampler([len(t) for t in texts], 2), collate_fn=list)
print(len(buckets), sorted(sorted(len(t) for t in batch) for batch in buckets))


class Range(IterableDataset):
    def __init__(self, start, end):
        self.start, self.end = start, end

    def __iter__(self):
        info = get_worker_info()
        return iter(range(self.start, self.end) if info is None else [])


print(list(DataLoader(Range(3, 8), batch_size=2)), list(DataLoader(Range(3, 6), batch_size=None)))
full = TensorDataset(torch.arange(20.0).view(-1, 1), torch.arange(20))
a, b, c = random_split(full, [0.7, 0.2, 0.1], generator=torch.Generator().manual_seed(42))
print(len(a), len(b), len(c), type(a.indices), sorted(a.indices + b.indices + c.indices) == list(range(20)))
idx = np.arange(20)
np.random.shuffle(idx)
for fold in np.array_split(idx, 4):
    rest = np.setdiff1d(idx, fold)
    train = DataLoader(full, batch_size=8, sampler=SubsetRandomSampler(rest))
    val = DataLoader(full, batch_size=8, sampler=SubsetRandomSampler(fold))
    seen = [y for loader in (train, val) for _, ys in loader for y in ys.tolist()]
    print(sorted(seen) == list(range(20)), len(train.sampler), len(val))
evens = Subset(full, [i for i, (_, y) in enumerate(full) if y % 2 == 0])
print(len(evens), [y.item() for _, y in evens][:3], full[:2], full[[1, 2]][1])


def cycle(loader):
    while True:
        yield from loader


batches = cycle(DataLoader(full, batch_size=8, shuffle=True, drop_last=True))
print([len(next(batches)[1]) for _ in range(5)])
sampler = RandomSampler(full, replacement=True, num_samples=int(1e10))
endless = iter(DataLoader(full, sampler=sampler, batch_size=6))
print(len(sampler), [len(next(endless)[0]) for _ in range(3)])
for (x, _), (z, _) in zip(DataLoader(full, 5), itertools.cycle(DataLoader(full, 10))):
    print(x.shape[0], z.shape[0], end=" ")
labels = [0] * 90 + [1] * 10
counts = collections.Counter(labels)
balanced = WeightedRandomSampler([1.0 / counts[y] for y in labels], num_samples=1000, replacement=True)
print(400 < sum(labels[i] for i in balanced) < 600)
Point = collections.namedtuple("Point", ["x", "y"])
print(default_collate([Point(0, 0.5), Point(1, 1.5)]), default_collate([(1, [2, 3], "a"), (4, [5, 6], "b")]))
g = torch.Generator()
orders = []
for _ in range(2):
    g.manual_seed(0)
    orders.append([y.tolist() for _, y in DataLoader(full, batch_size=7, shuffle=True, generator=g)])
print(orders[0] == orders[1], sorted(sum(orders[0], [])) == list(range(20)))
print(list(BatchSampler(SequentialSampler(range(10)), batch_size=3, drop_last=False)))
x, y = next(iter(DataLoader(full, batch_size=len(full))))
print(
    x.mean(0), x.std(0), len(DataLoader(full, 6)), len(DataLoader(full, 6, drop_last=True)), isinstance(full, Dataset)
)
