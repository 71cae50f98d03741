"""A network learns to read handwritten digits: the lecture's first network, whole.

    python examples/02_digits.py
    python examples/02_digits.py --loss cross-entropy --activation relu --optimizer adam --hidden 128
    python examples/02_digits.py --batch-size all --epochs 200       # batch gradient descent: one step per epoch

A picture of 28 x 28 pixels is 784 numbers, from 0 for paper to 1 for ink. They go through two hidden layers of 16
neurons to ten outputs, one for each digit. The largest output is the answer. For one picture of the digit k the cost is

    C = sum_j (a_j - y_j)²      a_j: the ten outputs;  y_j: the wanted ten, 1 for j = k and 0 for all others

The training pictures are shuffled and divided into mini-batches. After each, every weight takes a small step against
the gradient of the batch's mean cost. An epoch is one pass through all pictures. Ctrl-C ends the training early.
"""

from helpers import digits as show
from helpers.digits import Epoch, hidden_layers
from helpers.mnist import coarser, load_digits
from helpers.program import Common, start, until_ctrl_c
from helpers.training import xavier

from pathlib import Path
from typing import Literal

import nn
import tinygrad_lecture as tl

ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU, "leaky-relu": nn.LeakyReLU}
WANTED = tl.eye(10)  # row k: the ten outputs wanted for the digit k


def main(settings: "Settings") -> None:
    """Build the network, train it, and look at what it does and at what it has learnt."""
    digits = load_digits(settings.data)
    images, labels = tl.tensor(digits.train_images), tl.tensor(digits.train_labels)  # (n, 784), (n,)
    test_images, test_labels = tl.tensor(digits.test_images), digits.test_labels  # (m, 784), (m,)
    tl.manual_seed(settings.seed)
    model = build(settings)
    before = model[0].weight.detach().numpy().copy()  # (16, 784), random
    show.data(digits)
    show.parameters(model)

    # "For a single training example": what the untrained network makes of one picture of a 3, and what that costs
    three = int((test_labels == 3).argmax())
    show.cost_of_one("The untrained network sees a 3", answers(model, test_images[three]).numpy(), 3, settings.loss)
    show.untrained(answers(model, test_images).numpy(), test_labels)

    # The learning loop: predict, measure the error, trace it back, adjust the weights, next batch
    optimizer = make_optimizer(settings, model)
    size = len(images) if settings.batch_size == "all" else settings.batch_size
    batches = nn.DataLoader(nn.TensorDataset(images, labels), size, shuffle=True)
    history: list[Epoch] = []
    show.training(settings.optimizer, optimizer.param_groups[0]["lr"], size, settings.seed)
    for epoch in until_ctrl_c(range(1, settings.epochs + 1)):
        costs = []
        for x, y in batches:  # (32, 784), (32,)
            optimizer.zero_grad()
            C = cost(model(x), y, settings.loss)  # forward pass: the mean cost of the batch
            C.backward()  # backward pass: the gradient of C for each weight and bias
            optimizer.step()  # every weight goes a step against its gradient
            costs.append(C.item())
        right = show.share_right(answers(model, test_images).numpy(), test_labels)
        history.append(show.epoch(epoch, settings.epochs, Epoch(costs, right), settings.loss))
    show.plateau(history)

    sure = answers(model, test_images).numpy()  # (m, 10): how sure it is of each digit
    if settings.more:
        show.cost_of_one("The trained network sees the same 3", sure[three], 3, settings.loss)
    show.costs_by_answer(sure, test_labels, settings.loss)
    show.confidences(sure, settings.loss)
    show.accuracy(sure, test_labels)

    # What the neurons like to see. First layer: their weights are pictures. Last hidden layer: whom do they fire for?
    weights = model[0].weight.detach().numpy()  # (16, 784)
    show.first_layer({"before training": before, "random patches": show.patches(before), "after training": weights},
                     digits.train_images)  # fmt: skip
    if len(settings.hidden) > 1:
        fires = hidden_layers(model, digits.test_images)[-1]  # (m, 16)
        show.last_hidden_layer(fires, test_labels)

    # "784 inputs might seem like a lot, but images require this level of detail": the same training on coarser pictures
    read = {28: show.share_right(sure, test_labels)}
    for side in until_ctrl_c((14, 7)):
        learner = build(settings, side * side)
        optimizer = make_optimizer(settings, learner)
        batches = nn.DataLoader(nn.TensorDataset(coarser(images, side), labels), size, shuffle=True)
        for _ in range(len(history)):
            for x, y in batches:
                optimizer.zero_grad()
                cost(learner(x), y, settings.loss).backward()
                optimizer.step()
        read[side] = show.share_right(answers(learner, coarser(test_images, side)).numpy(), test_labels)
    show.pixels_needed(read, len(history))

    nn.weights.save_file(model.state_dict(), settings.out / "weights.safetensors")
    print(f"\nThe weights: {settings.out / 'weights.safetensors'}\nPictures:")
    show.draw_threes(digits, settings.out / "threes.png")
    show.draw_curves(history, show.COSTS[settings.loss], settings.out / "curves.png")
    show.draw_confusion(show.count_answers(sure, test_labels), settings.out / "confusion.png")
    show.draw_mistakes(digits.test_images, test_labels, sure, settings.out / "mistakes.png")
    show.draw_first_layer(weights, digits.train_images.std(axis=0) > 0.05, settings.out / "first_layer.png")
    if len(settings.hidden) > 1:
        show.draw_last_hidden_layer(fires, digits, settings.out / "last_hidden_layer.png")


def build(settings: "Settings", inputs: int = 784) -> nn.MLP:
    """The network with random weights: the inputs, the hidden layers, ten outputs.

    Squared error compares outputs with 0 and 1, so a sigmoid comes last. Cross-entropy has its softmax built in.
    """
    last = nn.Sigmoid if settings.loss == "mse" else None
    model = nn.MLP([inputs, *settings.hidden, 10], ACTIVATIONS[settings.activation], last)
    return xavier(model) if settings.activation in ("sigmoid", "tanh") else model


def cost(outputs: tl.Tensor, labels: tl.Tensor, loss: str) -> tl.Tensor:
    """The mean cost of a batch. outputs: (batch, 10); labels: (batch,), the digits."""
    if loss == "cross-entropy":
        return nn.functional.cross_entropy(outputs, labels)
    wanted = WANTED[labels]  # (batch, 10)
    return ((outputs - wanted) ** 2).sum(axis=1).mean()


def answers(model: nn.MLP, images: tl.Tensor) -> tl.Tensor:
    """How sure the network is of each digit: (..., 784) -> (..., 10)."""
    with tl.no_grad():
        outputs = model(images)
        return outputs if isinstance(model[-1], nn.Sigmoid) else tl.softmax(outputs, axis=-1)


def make_optimizer(settings: "Settings", model: nn.MLP) -> nn.optim.Optimizer:
    """The way downhill, with a learning rate that works: a sigmoid's slopes are small, so its steps are large."""
    if settings.optimizer == "adam":
        return nn.optim.Adam(model.parameters(), 0.001 if settings.lr is None else settings.lr)
    momentum = 0.9 if settings.optimizer == "momentum" else 0.0
    usual = (1.0 if (settings.activation, settings.loss) == ("sigmoid", "mse") else 0.1) * (1 - momentum)
    return nn.optim.SGD(model.parameters(), usual if settings.lr is None else settings.lr, momentum=momentum)


class Settings(Common, out="digits"):
    """What can be set on the command line."""

    hidden: tuple[int, ...] = (16, 16)  # neurons in each hidden layer
    activation: Literal["sigmoid", "tanh", "relu", "leaky-relu"] = "sigmoid"  # of the hidden layers
    loss: Literal["mse", "cross-entropy"] = "mse"  # the cost: squared error, as in the lecture, or cross-entropy
    optimizer: Literal["sgd", "momentum", "adam"] = "sgd"  # the way downhill; Adam scales each step
    lr: float | None = None  # learning rate (1 for the lecture's network, else 0.1; for Adam 0.001)
    batch_size: int | Literal["all"] = 32  # pictures per step
    epochs: int = 30  # how often each picture is seen
    data: Path | None = None  # a folder with the full MNIST's four files; without it, 10,000 bundled pictures


if __name__ == "__main__":
    start(main, Settings)
