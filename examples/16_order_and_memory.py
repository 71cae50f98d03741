"""Order and memory: what a plain network, an RNN and a convolution lack for language, and attention has.

    python examples/16_order_and_memory.py

Three measurements, without data:

    order      an MLP on a bag of words gives "the dog bit the man" and "the man bit the dog" the same answer
    memory     how much the last output still depends on a word n places back: the norm of d output / d word
    time       an RNN goes word by word; attention takes all words in one matrix product

Then each of them learns to tell which word came first, many words ago.

    RNN        h_t = tanh(x_t W + h_(t-1) U + b)
    attention  softmax(Q K^T / sqrt(d)) V
"""

from helpers.program import Common, Measured, start
from helpers.training import train
from show import order_and_memory as show

from functools import partial
from timeit import repeat

import numpy as np

import nn
import tinygrad_lecture as tl
from transformer import Encoder, EncoderConfig, SingleHeadAttention

WIDTH = 32


class RNN(nn.Module):
    """One word at a time: the state after the last word has to hold all that matters of the text."""

    def __init__(self, width: int) -> None:
        self.W = nn.Linear(width, width)
        self.U = nn.Linear(width, width, bias=False)

    def forward(self, x: tl.Tensor) -> tl.Tensor:
        """(batch, words, width) -> (batch, width): the last state."""
        h = tl.zeros(x.shape[0], x.shape[2])
        for t in range(x.shape[1]):
            h = tl.tanh(self.W(x[:, t]) + self.U(h))  # (batch, width)
        return h


class Gated(nn.Module):
    """nn.GRU: the RNN with gates that say how much of the state to keep; nn.LSTM: also a state to which steps add.

    forget: added to the bias of the LSTM's forget gate. At each word the state is multiplied by sigma of this gate.
    """

    def __init__(self, kind: type[nn.GRU | nn.LSTM], width: int, forget: float = 0.0) -> None:
        self.gated = kind(width, width, batch_first=True)
        with tl.no_grad():
            self.gated.bias_ih_l0[width : 2 * width] += forget  # of the four gates this is the second

    def forward(self, x: tl.Tensor) -> tl.Tensor:
        """(batch, words, width) -> (batch, width): the last state."""
        return self.gated(x)[0][:, -1]


class Attention(nn.Module):
    """One head: the last word asks, and all words answer, near or far."""

    def __init__(self, width: int) -> None:
        self.head = SingleHeadAttention(width, width)

    def forward(self, x: tl.Tensor) -> tl.Tensor:
        """(batch, words, width) -> (batch, width): the output at the last word."""
        return self.head(x)[0][:, -1]


KINDS = {"RNN": RNN, "GRU": partial(Gated, nn.GRU), "LSTM": partial(Gated, nn.LSTM),
         "open LSTM": partial(Gated, nn.LSTM, forget=show.OPEN),
         "convolution": show.Convolution, "attention": Attention}  # kind(WIDTH)  # fmt: skip


def measure(settings: "Settings") -> Measured:
    """Order, size, memory, time; then a task that needs memory."""
    m = Measured(words=sorted({*show.SENTENCES[0].split(" ")}))

    # Word order: a bag of words is the same for both sentences, so the network cannot tell them apart
    mlp = nn.MLP([len(m.words), 16, 1])
    m.bags = [[text.split(" ").count(word) for word in m.words] for text in show.SENTENCES]
    m.outputs = mlp(tl.tensor(m.bags, dtype=tl.float32))[:, 0].detach().numpy()
    m.differ = {"bag": abs(m.outputs[0] - m.outputs[1])}
    ids = np.array([[m.words.index(word) for word in text.split(" ")] for text in show.SENTENCES])  # (2, 5)
    for positions in ("none", "learned"):
        config = EncoderConfig(vocab_size=4, context=5, layers=1, heads=4, width=WIDTH, positions=positions)
        vectors = Encoder(config)(ids).mean(axis=1).detach().numpy()  # (2, WIDTH): the mean over the words
        m.differ[positions] = np.abs(vectors[0] - vectors[1]).max()

    # Fixed input size: 5 words of 32 numbers are 160 inputs, and 6 words do not fit
    try:
        nn.MLP([5 * WIDTH, 16, 1])(tl.randn(1, 6 * WIDTH))
        m.refused, m.error = False, ""
    except ValueError as error:
        m.refused, m.error = True, str(error)

    # Memory: how much the output at the last word depends on the word n places back
    first, last = min(settings.distances), max(settings.distances)
    m.fading = {kind: slopes(make(WIDTH), last + 1) for kind, make in KINDS.items()}
    m.fade = {kind: norms[first] / norms[last] for kind, norms in m.fading.items() if norms[last] > 0}
    m.reach = np.flatnonzero(m.fading["convolution"]).max()  # words back

    # Time: one word after the other, or all at once
    m.times = {kind: milliseconds(KINDS[kind](WIDTH), 512) for kind in ("RNN", "GRU", "LSTM", "attention")}
    m.longer = {kind: ms / m.times["attention"] for kind, ms in m.times.items()}

    # A task: which of eight words came first?
    print("They learn which of eight words came first:", end="", flush=True)
    m.right = {}
    for kind, make in KINDS.items():
        print(f" {kind}", end="...", flush=True)
        m.right[kind] = [learn(make(WIDTH), length, settings) for length in settings.lengths]
    print()
    m.short, m.long = ({kind: right[end] for kind, right in m.right.items()} for end in (0, -1))
    return m


def slopes(model: nn.Module, words: int) -> np.ndarray:
    """The norm of d output / d word for each word, from the last back to the first; the mean of 20 texts: (words,)."""
    x = tl.randn(20, words, WIDTH, requires_grad=True)
    out = model(x)  # (20, WIDTH)
    (out * tl.randn(20, WIDTH)).sum().backward()  # a random direction of the output
    return np.linalg.norm(x.grad.numpy().astype(np.float64), axis=-1).mean(axis=0)[::-1]  # (words,)


def milliseconds(model: nn.Module, words: int) -> float:
    """The time to read a text and to go back through it, as in training: the least of five."""
    x = tl.randn(1, words, WIDTH)
    return 1000 * min(repeat(lambda: model(x).sum().backward(), number=1, repeat=5))


def learn(core: nn.Module, length: int, settings: "Settings") -> float:
    """Train a model to name the first word of random texts; the share of 500 new texts where it is right."""
    draw = np.random.default_rng(settings.seed)
    model = show.Reader(core, 8, length, WIDTH)

    def loss_of_answers() -> tl.Tensor:
        text = draw.integers(0, 8, (32, length))
        return nn.functional.cross_entropy(model(text), text[:, 0])

    train(loss_of_answers, nn.optim.Adam(model.parameters(), lr=5e-3), settings.steps, clip=1.0)
    text = draw.integers(0, 8, (500, length))
    with tl.no_grad():
        return float((model(text).numpy().argmax(axis=-1) == text[:, 0]).mean())


class Settings(Common, out="order_and_memory"):
    """What can be set on the command line."""

    distances: tuple[int, ...] = (1, 2, 5, 10, 20, 50, 100)  # how many words back
    steps: int = 200  # of the optimiser, for each model and length
    lengths: tuple[int, ...] = (4, 8, 16, 32)  # of the texts whose first word is to be remembered


if __name__ == "__main__":
    start(measure, Settings, show.report)
