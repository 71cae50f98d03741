import torch.nn as nn
from fixed import fill, wave

activations = {}


def save(name):
    def hook(module, inputs, output):
        activations[name] = output.detach()

    return hook


model = fill(nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1)))
handles = [layer.register_forward_hook(save(str(i))) for i, layer in enumerate(model)]
out = model(wave(2, 4))
for name, value in activations.items():
    print(name, tuple(value.shape), f"{value.sum().item():.4f}")
for handle in handles:
    handle.remove()
activations.clear()
model(wave(2, 4))
print(len(activations), out.requires_grad, out.grad_fn is not None)
