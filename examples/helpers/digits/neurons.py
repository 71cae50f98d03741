"""What the neurons of the last hidden layer do: for which pictures they fire, and what excites each of them most."""

from __future__ import annotations

import nn
import tinygrad_lecture as tl


def hidden_activations(model: nn.MLP, images: tl.Tensor) -> tl.Tensor:
    """What the last hidden layer makes of pictures: (n, 784) -> (n, neurons)."""
    with tl.no_grad():
        for layer in list(model)[: -1 if isinstance(model[-1], nn.Linear) else -2]:
            images = layer(images)
    return images


def favourites(model: nn.MLP, neurons: int, steps: int = 100) -> tl.Tensor:
    """The pictures, (neurons, 784), that excite each neuron of the last hidden layer most, by gradient ascent.

    The weights stay; the pixels learn. Backpropagation gives the gradient of a neuron's sum for every pixel.
    """
    layers = list(model)[: -2 if isinstance(model[-1], nn.Linear) else -3]  # up to the sum, without its activation
    pixels = tl.full((neurons, 784), 0.5, requires_grad=True)
    for _ in range(steps):
        z = pixels
        for layer in layers:
            z = layer(z)  # in the end (neurons, neurons)
        (gradient,) = tl.grad((z * tl.eye(neurons)).sum(), [pixels])  # picture i for neuron i
        step = 0.05 * gradient / gradient.abs().amax(axis=1, keepdims=True)
        pixels = (pixels.detach() + step).clip(0, 1).requires_grad_()
    return pixels.detach()
