"""Computations to step through, each as a page."""

from __future__ import annotations

from helpers.mnist import load_digits
from helpers.training import digit_network

from pathlib import Path
from typing import Any

import nn
import tinygrad_lecture as tl
from transformer import GPT, GPTConfig, TokenCrossEntropy

STEPS = {
    "neuron.html": "Backpropagation step by step: a neuron",
    "network.html": "Backpropagation step by step: a network 2-2-1",
    "digits.html": "Backpropagation step by step: the network for digits, untrained",
    "gpt.html": "Backpropagation step by step: a tiny GPT",
}


def step_pages(out: Path, settings: Any) -> None:
    """Pages on which one steps through backpropagation."""
    w, b = tl.tensor([3.0, -3.0, 1.0], requires_grad=True), tl.tensor(-1.0, requires_grad=True)
    x = tl.tensor([0.9, 0.4, 0.6])
    tl.page(tl.sigmoid((w * x).sum() + b), out / "neuron.html")

    tl.manual_seed(1)
    network = nn.MLP([2, 2, 1], nn.Sigmoid, nn.Sigmoid)
    tl.page(((network(tl.tensor([0.8, 0.2])) - 1.0) ** 2).sum(), out / "network.html")

    data = load_digits()
    reader = digit_network()
    with tl.Graph():
        cost = ((reader(tl.tensor(data.test_images[:1])) - tl.eye(10)[data.test_labels[:1]]) ** 2).sum()
        tl.page(cost, out / "digits.html")

    model = GPT(GPTConfig(vocab_size=8, context=8, layers=1, heads=2, width=16, bias=False))
    with tl.Graph():
        tokens = tl.tensor([[0, 1, 2, 3, 4]])  # Was the bank flooded ?
        tl.page(TokenCrossEntropy()(model(tokens[:, :-1]), tokens[:, 1:]), out / "gpt.html")
