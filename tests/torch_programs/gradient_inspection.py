"""Gradients looked at and changed on their way: Grad-CAM, backward hooks, hooks of each parameter."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from fixed import fill, wave


class Net(nn.Module):
    """Two convolutions over images of 6 x 6, with an in-place ReLU."""

    def __init__(self, classes=4):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(3, 4, 3, padding=1),
            nn.Tanh(),
        )
        self.classifier = nn.Linear(4, classes)

    def forward(self, x):
        maps = self.features(x)
        return self.classifier(maps.mean(dim=(2, 3)))


def rounded(t, n=4):
    return [round(v, n) + 0.0 for v in t.flatten().tolist()]


model = fill(Net())
x = wave(2, 1, 6, 6)
maps = {}  # Grad-CAM
layer = model.features[3]
handles = [
    layer.register_forward_hook(lambda module, inputs, output: maps.update(activations=output.detach())),
    layer.register_full_backward_hook(lambda module, gi, grad_output: maps.update(gradients=grad_output[0].detach())),
]
logits = model(x)
classes = logits.argmax(dim=1)
logits.gather(1, classes.view(-1, 1)).sum().backward()
cam = F.relu((maps["gradients"].mean(dim=(2, 3), keepdim=True) * maps["activations"]).sum(dim=1))
print(classes.tolist(), rounded(cam / (cam.amax(dim=(1, 2), keepdim=True) + 1e-8)))
for handle in handles:
    handle.remove()

# the order in which gradients come to modules; those of parameters come in any order
order, came = [], []
for name, parameter in model.named_parameters():
    parameter.register_hook(lambda grad, name=name: came.append((name, tuple(grad.shape))))
for name, module in model.named_modules():
    if name and name not in ("features", "features.0", "features.1"):  # an in-place layer takes no hooks in PyTorch
        module.register_full_backward_pre_hook(lambda m, grad_output, name=name: order.append(f"> {name}"))
        module.register_full_backward_hook(lambda m, gi, go, name=name: order.append(f"< {name} {tuple(go[0].shape)}"))
x.requires_grad_()
model.zero_grad()
F.cross_entropy(model(x), torch.tensor([1, 3])).backward()
print("\n".join(order))
print(sorted(came))

# clipping, scaling and zeroing gradients on the way
w = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
handle = w.register_hook(lambda grad: torch.clamp(grad, -1, 1))
(w**2).sum().backward()
print(w.grad.tolist())
handle.remove()
w.grad = None
h = w * 2
h.retain_grad()
h.register_hook(lambda grad: grad * torch.tensor([0.0, 1.0, 10.0]))
h.register_hook(lambda grad: print("after the first hook", grad.tolist()))
(h**2).sum().backward()
print(w.grad.tolist(), h.grad.tolist(), h.retains_grad, w.is_leaf)


# an optimiser step inside backward
model = fill(Net())
optimizers = {p: torch.optim.SGD([p], lr=0.1, momentum=0.9) for p in model.parameters()}


def optimizer_hook(parameter):
    optimizers[parameter].step()
    optimizers[parameter].zero_grad()


for p in model.parameters():
    p.register_post_accumulate_grad_hook(optimizer_hook)
for step in range(5):
    loss = F.cross_entropy(model(x.detach()), torch.tensor([1, 3]))
    loss.backward()
    print(f"{loss.item():.5f}", [p.grad for p in model.parameters()].count(None))

# inputs and settings before forward, outputs replaced
layer = fill(nn.Linear(3, 2))
layer.register_forward_pre_hook(lambda module, args: (args[0] + 1.0,))
layer.register_forward_hook(lambda module, args, output: output * 2, prepend=True)
layer.register_forward_hook(lambda module, args, kwargs, output: print(len(args), kwargs), with_kwargs=True)
print(rounded(layer(wave(1, 3))))
layer = fill(nn.Linear(3, 2))
layer.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 100,))
inputs = wave(1, 3).requires_grad_()
layer(inputs).sum().backward()
print(rounded(inputs.grad), rounded(layer.weight.grad))

print(type(model.get_submodule("features.2")).__name__, tuple(model.get_parameter("classifier.bias").shape))
