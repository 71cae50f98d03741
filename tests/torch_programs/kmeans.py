import torch
from fixed import wave


@torch.no_grad()
def kmeans(points, centers, steps=10):
    for _ in range(steps):
        distances = (points[:, None, :] - centers[None, :, :]).pow(2).sum(-1).sqrt()
        nearest = distances.argmin(dim=1)
        centers = torch.stack([points[nearest == k].mean(dim=0) for k in range(len(centers))])
    return centers, nearest


groups = torch.tensor([[0.0, 0.0], [5.0, 5.0], [-5.0, 5.0]])
points = (groups.unsqueeze(1) + wave(3, 10, 2)).reshape(-1, 2)
centers, nearest = kmeans(points, points[[0, 10, 20]])
print([[round(v, 3) for v in c] for c in centers.tolist()], torch.bincount(nearest).tolist())
