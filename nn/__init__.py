"""nn: layers, losses, optimisers, data loading and the training loop, built from the engine's ops.

    import nn
    import tinygrad_lecture as tl

    model = nn.MLP([784, 16, 16, 10], nn.Sigmoid, nn.Sigmoid)
    optimizer = nn.optim.SGD(model.parameters(), lr=1.0)
    nn.fit(model, batches, nn.MSELoss(), optimizer, epochs=10)

Names, and the keys of `state_dict`, are PyTorch's where it has them. Where things are:

    linear.py  mlp.py                a layer of neurons, a network of layers
    activation.py  loss.py           from functions, whose formulas are in functional/; Dropout
    layers/                          all others: convolution, recurrence, attention, normalization, ...
    module/  container.py            Module and Parameter; Sequential, ModuleList, ...
    init.py                          initial weights
    optim/  data/  training/         optimisers, mini-batches, the loop
    parallel/                        training on several cores or machines
    utils/  module_calls.py          gradient clipping, padding; functional_call
    weights.py                       weights in files
    layer_summary.py                 a table of a model
    errors.py                        checks of arguments
    torch/                           runs PyTorch's scripts
"""

# ruff: noqa: F403
from types import ModuleType as _ModuleType

from tinygrad_lecture.errors import tell_missing as _tell_missing

from . import (
    data as data,
    functional as functional,
    init as init,
    optim as optim,
    parallel as parallel,
    utils as utils,
    weights as weights,
)
from .activation import *
from .container import *
from .data import DataLoader as DataLoader, TensorDataset as TensorDataset
from .layer_summary import *
from .layers.embedding import *
from .layers.images import *
from .layers.normalization import *
from .layers.recurrent import *
from .layers.transformer import *
from .linear import *
from .loss import *
from .mlp import *
from .module import Buffer as Buffer, Module as Module, Parameter as Parameter
from .module_calls import *
from .training.evaluation import Scores as Scores, evaluate as evaluate
from .training.history import History as History, HistoryRow as HistoryRow
from .training.saved_state import load_checkpoint as load_checkpoint, save_checkpoint as save_checkpoint
from .training.trainer import Trainer as Trainer, fit as fit
from .utils import clip_grad_norm_ as clip_grad_norm_

_modules = {"data": data, "functional": functional, "init": init, "optim": optim, "parallel": parallel, "utils": utils}
_modules |= {"weights": weights, "optim.lr_scheduler": optim.lr_scheduler, "utils.rnn": utils.rnn}
globals()["__all__"] = sorted(  # written as a name, type checkers would take it for an empty list
    name
    for name, held in globals().items()
    if name[0] != "_" and (name in _modules or not isinstance(held, _ModuleType))
)
_tell_missing({"nn": globals(), **{f"nn.{name}": vars(module) for name, module in _modules.items()}})
