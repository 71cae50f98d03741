"""Optimisers, which update parameters from gradients, and schedules of their learning rates.

sgd.py adam.py   the two to read first: SGD; Adam and AdamW
variants.py      the others: steps scaled per element, relatives of Adam
lbfgs.py         steps that use the curvature
optimizer.py     the base: parameter groups, the step; settings.py, state.py: its parts
declared.py      settings that a class declares, and their limits
lr_scheduler/    learning rates that change; swa_utils.py: means of weights
"""

from . import lr_scheduler, swa_utils
from .adam import Adam, AdamW
from .lbfgs import LBFGS
from .optimizer import Optimizer
from .sgd import SGD
from .variants import ASGD, Adadelta, Adagrad, Adamax, NAdam, RAdam, RMSprop, Rprop

__all__ = [
    "ASGD", "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "Optimizer", "RAdam", "RMSprop",
    "Rprop", "lr_scheduler", "swa_utils",
]  # fmt: skip
