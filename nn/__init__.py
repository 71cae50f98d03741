"""nn: layers, losses, optimisers, data and the training loop, composed of the engine's ops alone.

    import nn
    import tinygrad_lecture as tl

    model = nn.MLP([784, 16, 16, 10], nn.Sigmoid, nn.Sigmoid)
    optimizer = nn.optim.SGD(model.parameters(), lr=1.0)
    nn.fit(model, batches, nn.MSELoss(), optimizer, epochs=10)

The names are PyTorch's where it has them (nn.Linear, nn.functional, nn.init, nn.optim), and so are the keys of
`state_dict`.
"""

from . import functional, init, optim, weights
from .activation import GELU, LeakyReLU, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Tanh
from .container import ModuleList, Sequential
from .data import DataLoader, TensorDataset
from .linear import Identity, Linear
from .loss import CrossEntropyLoss, MSELoss
from .mlp import MLP
from .module import Module, Parameter
from .training import History, evaluate, fit

__all__ = [
    "GELU",
    "MLP",
    "CrossEntropyLoss",
    "DataLoader",
    "History",
    "Identity",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "Module",
    "ModuleList",
    "Parameter",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "TensorDataset",
    "evaluate",
    "fit",
    "functional",
    "init",
    "optim",
    "weights",
]
