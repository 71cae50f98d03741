import torch
import torch.nn as nn
import torch.nn.functional as F
from fixed import fill, wave
from torch.func import functional_call, grad, vmap


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 8)
        self.fc2 = nn.Linear(8, 3)

    def forward(self, x):
        return self.fc2(torch.tanh(self.fc1(x)))


model = fill(Classifier().double())
data, targets = wave(6, 4).double(), torch.tensor([0, 2, 1, 1, 0, 2])
params = {k: v.detach() for k, v in model.named_parameters()}
buffers = {k: v.detach() for k, v in model.named_buffers()}


def compute_loss(params, buffers, sample, target):
    batch = sample.unsqueeze(0)
    targets = target.unsqueeze(0)
    predictions = functional_call(model, (params, buffers), (batch,))
    return F.cross_entropy(predictions, targets)


ft_compute_grad = grad(compute_loss)
ft_compute_sample_grad = vmap(ft_compute_grad, in_dims=(None, None, 0, 0))
ft_per_sample_grads = ft_compute_sample_grad(params, buffers, data, targets)
for name, g in ft_per_sample_grads.items():
    print(name, g.shape)
print(ft_per_sample_grads["fc2.bias"])

# the naive way gives the same
naive = []
for sample, target in zip(data, targets):
    loss = F.cross_entropy(model(sample.unsqueeze(0)), target.unsqueeze(0))
    naive.append(torch.autograd.grad(loss, list(model.parameters())))
naive = [torch.stack(shards) for shards in zip(*naive)]
for per_sample_grad, ft_per_sample_grad in zip(naive, ft_per_sample_grads.values()):
    assert torch.allclose(per_sample_grad, ft_per_sample_grad, atol=1e-10)
norms = torch.stack([g.flatten(1).norm(dim=1) for g in ft_per_sample_grads.values()]).norm(dim=0)
print("norms", norms)
