"""Optimisers, which update parameters from gradients, and schedules of their learning rates.

sgd.py adam.py            the two to read first: SGD; Adam and AdamW
variants.py lbfgs.py      the others; steps that use the curvature
optimizer.py              the base: parameter groups, what a step goes through, the saved state
settings.py               its parts: settings, limits, groups and states, checked
lr_scheduler.py           learning rates that change; schedule.py: their base
swa_utils.py              means of weights
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
