"""What is done to the parameters and gradients of a model.

parameters.py   the size of gradients, limited; all parameters as one vector; weight_norm
rnn.py          sequences of different lengths, padded to a batch
"""

from . import parameters, rnn
from .parameters import *  # noqa: F403

__all__ = ["rnn"]
__all__ += parameters.__all__
