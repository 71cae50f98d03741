"""A network learns to read handwritten digits: the lecture's first network, whole.

    python examples/02_digits.py

A picture of 28 x 28 pixels is 784 numbers, from 0 for paper to 1 for ink. They go through two hidden layers of 16
neurons to ten outputs, one per digit; the largest is the answer.

    neuron              sigmoid(w · x + b), between 0 and 1                     nn.Linear, nn.Sigmoid
    network             784-16-16-10: 13,002 weights and biases                 build
    cost of a picture   (output - wanted output)², summed over the ten outputs  squared_error
    mini-batch          the mean cost of 32 pictures stands for that of all     nn.DataLoader
    gradient descent    each weight goes a little against its slope             nn.optim.SGD
    backpropagation     what finds the 13,002 slopes                            cost.backward(), in nn.fit

The options change what the lecture discusses: the layers, the activation, the cost, the way downhill.

    python examples/02_digits.py --hidden 128 --activation relu --loss cross-entropy --optimizer adam
    python examples/02_digits.py --batch-size 1 --lr 0.1        # a step per picture: stochastic gradient descent
    python examples/02_digits.py --batch-size all --lr 3 --epochs 200    # a step per epoch: batch gradient descent
    python examples/02_digits.py --load out/digits/weights.safetensors

Same options, same seed: same result. Ctrl-C ends the training early and keeps what was learnt; press it again to abort.
"""

import argparse
import re
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import helpers.first  # noqa: F401  before NumPy is imported

# isort: split

import nn
import tinygrad_lecture as tl
from helpers.digits import report
from helpers.digits.mnist import Digits, load_digits
from helpers.lecture import (
    DataError,
    command_line,
    given,
    make_folder,
    positive,
    refuse_idle,
    tell_leftover,
    while_it_is_read,
    whole,
)

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}
EXTRAS = 'pip install ".[examples]"'

# --- the network and its cost -------------------------------------------------------------------------------


def build(hidden: Sequence[int], activation: str, loss: str) -> nn.MLP:
    """The network with random initial weights: 784 inputs, the hidden layers, ten outputs.

    Squared error compares outputs with 0 and 1, so they go through a sigmoid. Cross-entropy has its softmax built in.
    """
    model = nn.MLP([784, *hidden, 10], ACTIVATIONS[activation], nn.Sigmoid if loss == "mse" else None)
    if activation in ("sigmoid", "tanh"):  # Xavier's weights keep the sums of such layers where the slopes are large
        for layer in model:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)
    return model


def squared_error(outputs: tl.Tensor, labels: tl.Tensor) -> tl.Tensor:
    """The lecture's cost: squared distances from the wanted outputs, summed over the ten, mean over the batch.

    outputs: (batch, 10), each 0 to 1.  labels: (batch,), the digits.
    """
    wanted = ONE_HOT[labels]  # (batch, 10): 1 at the digit, else 0
    return nn.functional.mse_loss(outputs, wanted, reduction="sum") / len(labels)


ONE_HOT = tl.eye(10)
COSTS: dict[str, Callable[[tl.Tensor, tl.Tensor], tl.Tensor]] = {
    "mse": squared_error,
    "cross-entropy": nn.CrossEntropyLoss(),
}


def confidences(model: nn.Module, images: tl.Tensor, loss: str) -> tl.Tensor:
    """How sure the network is of each digit, (n, 10): its outputs, after the softmax that cross-entropy has."""
    with tl.no_grad():
        outputs = model(images)
        return outputs if loss == "mse" else tl.softmax(outputs, axis=-1)


def make_optimizer(name: str, model: nn.Module, lr: float) -> nn.optim.Optimizer:
    """The way downhill: straight, with momentum, or with Adam's step for each weight."""
    if name == "adam":
        return nn.optim.Adam(model.parameters(), lr)
    return nn.optim.SGD(model.parameters(), lr, momentum=0.9 if name == "momentum" else 0.0)


def usual_rate(optimizer: str, activation: str, loss: str) -> float:
    """A learning rate that works. The slopes of sigmoids are small, so a network of them takes large steps."""
    if optimizer == "adam":
        return 0.001
    rate = 1.0 if (activation, loss) == ("sigmoid", "mse") else 0.1
    return rate / 10 if optimizer == "momentum" else rate


# --- the program --------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Run with command-line arguments. Where something is wrong with them, SystemExit says what."""
    options = parse(arguments)
    try:
        with while_it_is_read():
            run(options)
    except (DataError, FloatingPointError, OSError) as error:
        stop(error)
    except KeyboardInterrupt:
        stop("aborted; nothing was saved")


def run(options: argparse.Namespace) -> None:
    """Read the digits, make the network, train it, test it, draw and save what came of it."""
    digits = load_digits(options.data)
    images, labels = tl.tensor(digits.train_images), tl.tensor(digits.train_labels)  # (n, 784), (n,)
    test_images, test_labels = tl.tensor(digits.test_images), tl.tensor(digits.test_labels)  # (m, 784), (m,)
    print(f"The digits: {digits.source}; {len(images):,} to learn from, {len(test_images):,} to be tested on.")
    missing = [package for package in ("rich", "matplotlib", "safetensors") if find_spec(package) is None]
    if missing:
        print(f"Without {', '.join(missing)}: less to see, or to keep; {EXTRAS} brings it.")
    make_folder(options.out)

    state = read_weights(options) if options.load else None
    complete(options)
    tl.manual_seed(options.seed)
    model = build(options.hidden, options.activation, options.loss)
    if state is not None:
        try:
            model.load_state_dict(state)
        except ValueError as error:
            stop(f"{options.load} does not fit: {error}")
    print_parameters(model)

    history = nn.History()
    if options.epochs:
        size = len(images) if options.batch_size == "all" else options.batch_size
        print(f"\nTraining: {options.optimizer}, rate {options.lr:g}, batches of {size:,}, seed {options.seed}.")
        history = nn.fit(
            model,
            nn.DataLoader(nn.TensorDataset(images, labels), size, shuffle=True),
            COSTS[options.loss],
            make_optimizer(options.optimizer, model, options.lr),
            options.epochs,
            test=nn.DataLoader(nn.TensorDataset(test_images, test_labels), 1_000),
            accuracy=True,
        )
    files = []
    if options.epochs and "safetensors" not in missing:
        files.append(save_weights(options, model))  # before all that is only to be looked at
    if history.interrupted:
        print("Ended by Ctrl-C; what was learnt so far is kept." if files else "Ended by Ctrl-C.")
    try:
        files += show(options, model, history, digits, draw="matplotlib" not in missing)
    except KeyboardInterrupt:
        stop(f"aborted; {'the weights are in ' + str(files[0]) if files else 'nothing was saved'}")
    for path in files:
        print(path)
    tell_leftover(options.out / "curves.png", files)


def show(options: argparse.Namespace, model: nn.MLP, history: nn.History, digits: Digits, draw: bool) -> list[Path]:
    """Test the network, print how good it is, draw pictures, and return where they are."""
    sure = confidences(model, tl.tensor(digits.test_images), options.loss).numpy()  # (m, 10)
    report.print_accuracy(digits.test_labels, sure)
    if remark := report.chance(digits.test_labels, sure):
        print(remark, "The training came to nothing: try another --lr, or more --epochs." if options.epochs else "")
    return report.draw(options.out, history, model[0].weight.detach().numpy(), digits, sure) if draw else []


def print_parameters(model: nn.MLP) -> None:
    """Print what there is to learn, layer by layer."""
    layers = [layer for layer in model if isinstance(layer, nn.Linear)]
    sizes = [layers[0].in_features, *(layer.out_features for layer in layers)]
    print(f"\nThe network, {'-'.join(map(str, sizes))}:")
    for number, layer in enumerate(layers, start=1):
        n_in, n_out = layer.in_features, layer.out_features
        count = sum(p.numel() for p in layer.parameters())
        print(f"  layer {number}: {n_in:4} x {n_out:3} weights + {n_out:3} biases {count:9,}")
    print(f"  together {sum(p.numel() for p in model.parameters()):37,}")


def save_weights(options: argparse.Namespace, model: nn.MLP) -> Path:
    """Write the weights, and what network they are for, as "784-16-16-10 sigmoid mse", to the output folder."""
    path: Path = options.out / "weights.safetensors"
    sizes = "-".join(map(str, [784, *options.hidden, 10]))
    nn.weights.save_file(model.state_dict(), path, {"network": f"{sizes} {options.activation} {options.loss}"})
    return path


def read_weights(options: argparse.Namespace) -> dict[str, tl.Tensor]:
    """The weights in the file to load. What it says about its network counts where the options say nothing."""
    try:
        state, words = nn.weights.load_file(options.load), nn.weights.load_metadata(options.load)
    except (ImportError, OSError, ValueError) as error:
        stop(error)
    network = re.fullmatch(r"784-((?:\d{1,4}-)*)10 (\S+) (\S+)", words.get("network", ""))
    if network and network[2] in ACTIVATIONS and network[3] in COSTS:
        kind = {"hidden": [int(n) for n in network[1].split("-")[:-1]], "activation": network[2], "loss": network[3]}
        fill_in(options, kind)
    return state


def complete(options: argparse.Namespace) -> None:
    """Fill in what neither the command line nor a weights file says: the lecture's network and its training."""
    defaults = {"hidden": [16, 16], "activation": "sigmoid", "loss": "mse", "epochs": 0 if options.load else 30}
    fill_in(options, defaults)
    fill_in(options, {"lr": usual_rate(options.optimizer, options.activation, options.loss)})


def fill_in(options: argparse.Namespace, values: dict[str, Any]) -> None:
    """Set the options that are not set."""
    for name, value in values.items():
        if getattr(options, name) is None:
            setattr(options, name, value)


def stop(problem: object) -> NoReturn:
    raise SystemExit(f"02_digits.py: {problem}")


# --- the command line ---------------------------------------------------------------------------------------


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options; those that a weights file may decide are None if not given."""
    parser = command_line("02_digits.py", __doc__, out="out/digits")
    parser.add_argument("--data", type=Path, metavar="DIR", help="a folder with the four files of the full MNIST")
    add = parser.add_argument_group("the network").add_argument
    add("--hidden", type=whole(1), nargs="*", metavar="N", help="neurons in each hidden layer (16 16); none: no layer")
    add("--activation", choices=ACTIVATIONS, help="of the hidden layers (sigmoid)")
    add("--load", type=Path, metavar="FILE", help="weights to start with; without --epochs they are only tested")

    add = parser.add_argument_group("the training").add_argument
    add("--loss", choices=COSTS, help="squared error or cross-entropy (mse)")
    add("--optimizer", choices=("sgd", "momentum", "adam"), default="sgd", help="the way downhill (sgd)")
    add("--lr", type=positive, metavar="X", help="learning rate (1 for the lecture's network, else 0.1; adam: 0.001)")
    add("--batch-size", type=batch, default=32, metavar="N", help="pictures per step; 1, ... or all (32)")
    add("--epochs", type=whole(0), metavar="N", help="how often each picture is seen (30)")
    options = parser.parse_args(arguments)
    if options.load and not options.epochs:
        idle = ("optimizer", "lr", "batch_size", "seed")
        refuse_idle(parser, given(parser, arguments), idle, "with --load and without --epochs, as nothing is trained")
    return options


def batch(text: str) -> int | str:
    """A type for argparse: a batch size, or "all"."""
    return text if text == "all" else whole(1)(text)


if __name__ == "__main__":
    main()
