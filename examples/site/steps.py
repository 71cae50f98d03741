"""Computations to step through, each as a page."""

from helpers.mnist import load_digits
from helpers.training import digit_network

from pathlib import Path
from typing import Any

import nn
import tinygrad_lecture as tl
from tinygrad_lecture.files import write_text
from tinygrad_lecture.inspect.page import script_of
from transformer import GPT, GPTConfig, TokenCrossEntropy

HERE = Path(__file__).parent


def step_pages(out: Path, settings: Any) -> None:
    """Pages on which one steps through backpropagation."""
    w, b = tl.tensor([3.0, -2.0], requires_grad=True), tl.tensor(0.0, requires_grad=True)
    x = tl.tensor([0.8, 0.3])  # sunshine and wind
    with tl.Graph():
        z = w @ x + b
        a = tl.sigmoid(z)
        path = tl.page(a, out / "neuron.html", title="A neuron", home="index.html")
    figure = (HERE / "neuron.html").read_text("utf-8").replace("$script", script_of(str(HERE / "neuron")))
    write_text(path, path.read_text("utf-8").replace("<main>", f"{figure}<main>", 1))

    tl.manual_seed(1)
    network = nn.MLP([2, 2, 1], nn.Sigmoid, nn.Sigmoid)
    x, y = tl.tensor([0.8, 0.2]), tl.tensor([1.0])
    with tl.Graph():
        a = network(x)
        C = ((a - y) ** 2).sum()
        tl.page(C, out / "network.html", title="A network: 2 inputs, 2 hidden neurons, 1 output", home="index.html")

    data = load_digits()
    reader = digit_network()
    with tl.Graph():
        cost = ((reader(tl.tensor(data.test_images[:1])) - tl.eye(10)[data.test_labels[:1]]) ** 2).sum()
        tl.page(cost, out / "digits.html", title="The network for digits, untrained", home="index.html")

    model = GPT(GPTConfig(vocab_size=8, context=8, layers=1, heads=2, width=16, bias=False))
    with tl.Graph():
        tokens = tl.tensor([[0, 1, 2, 3, 4]])  # Was the bank flooded ?
        cost = TokenCrossEntropy()(model(tokens[:, :-1]), tokens[:, 1:])
        tl.page(cost, out / "gpt.html", title="A tiny GPT", home="index.html")
