"""Optimisers, which update parameters from gradients, and schedules of their learning rates.

sgd.py adam.py        the two to read first: SGD; Adam and AdamW
adaptive.py           others that divide by past gradients: Adagrad, RMSprop, Adadelta
optimizer.py          the base: settings in groups of parameters, what a step goes through, the saved state
lr_scheduler.py       learning rates that change
"""

from . import lr_scheduler
from .adam import Adam, AdamW
from .adaptive import Adadelta, Adagrad, RMSprop
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "lr_scheduler"]
