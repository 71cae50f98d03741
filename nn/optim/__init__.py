"""Optimisers, which update parameters from gradients, and schedules of their learning rates.

optimizer.py   the base: parameter groups, state, the step; settings.py calls.py saving.py are its parts
sgd.py asgd.py rprop.py                   steps along the gradient
adagrad.py adadelta.py rmsprop.py         steps scaled per element
adam.py adamax.py nadam.py radam.py       and with a running mean of the gradient
lbfgs/         steps that use the curvature
lr_scheduler/  learning rates that change; swa_utils/: means of weights
"""

from . import lr_scheduler, swa_utils
from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .asgd import ASGD
from .lbfgs import LBFGS
from .nadam import NAdam
from .optimizer import Optimizer
from .radam import RAdam
from .rmsprop import RMSprop
from .rprop import Rprop
from .sgd import SGD

__all__ = [
    "ASGD", "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "Optimizer", "RAdam", "RMSprop",
    "Rprop", "lr_scheduler", "swa_utils",
]  # fmt: skip
