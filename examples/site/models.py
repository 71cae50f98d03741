"""What the pages show: the networks of 02_digits.py and 08_gpt.py, trained; and computations to step through."""

from __future__ import annotations

from helpers.gpt import load_corpus
from helpers.mnist import Digits, load_digits
from helpers.training import digit_network, train

from pathlib import Path
from typing import Any

import nn
import tinygrad_lecture as tl
from transformer import GPT, GPTConfig, TokenCrossEntropy, Tokenizer, decay_groups


def digits(data: Digits, epochs: int) -> nn.MLP:
    """The lecture's network after so many epochs of mini-batches of 32."""
    tl.manual_seed(0)
    model, wanted = digit_network(), tl.eye(10)
    optimizer = nn.optim.SGD(model.parameters(), 1.0)
    pairs = nn.TensorDataset(tl.tensor(data.train_images), tl.tensor(data.train_labels))
    for _ in range(epochs):
        for x, y in nn.DataLoader(pairs, 32, shuffle=True):  # (32, 784), (32,)
            optimizer.zero_grad()
            ((model(x) - wanted[y]) ** 2).sum(axis=1).mean().backward()
            optimizer.step()
    return model


def gpt(steps: int) -> tuple[GPT, Tokenizer]:
    """The small GPT that learns the made text, character by character."""
    tl.manual_seed(0)
    corpus = load_corpus("made", "char", 1000, 64)
    model = GPT(GPTConfig(vocab_size=corpus.tokenizer.vocab_size, context=64, layers=4, heads=4, width=128, bias=False))
    optimizer = nn.optim.AdamW(decay_groups(model, 0.1), 3e-3, betas=(0.9, 0.99))
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, min(100, steps // 10), steps, 3e-4)
    cross_entropy, data = TokenCrossEntropy(), nn.DataLoader(corpus.learn, 12, shuffle=True, drop_last=True)
    batches = (batch for _ in range(steps) for batch in data)

    def loss() -> tl.Tensor:
        tokens, targets = next(batches)  # (12, 64) each
        return cross_entropy(model(tokens), targets)

    train(loss, optimizer, steps, schedule, clip=1.0)
    return model, corpus.tokenizer


STEPS = {
    "neuron.html": "Backpropagation step by step: a neuron",
    "network.html": "Backpropagation step by step: a network 2-2-1",
    "digits.html": "Backpropagation step by step: the network for digits, untrained",
    "gpt.html": "Backpropagation step by step: a tiny GPT",
}


def step_pages(out: Path, settings: Any) -> None:
    """Pages on which one steps through backpropagation."""
    x, w, b = (
        tl.tensor([0.9, 0.4, 0.6]),
        tl.tensor([3.0, -3.0, 1.0], requires_grad=True),
        tl.tensor(-1.0, requires_grad=True),
    )
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
